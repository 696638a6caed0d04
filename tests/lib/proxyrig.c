/* SPDX-License-Identifier: MIT
 * tests/lib/proxyrig.c - an outbound that goes through a proxy, driven by its ABI, and the test as the proxy
 */
#include "tests/lib/proxyrig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MUST(what) ((what) ? (void)0 : must(__LINE__, #what))

static struct rig *current; /* adit.server/1 has no place for it */

static void must(int line, const char *what)
{
	fprintf(stderr, "proxyrig.c:%d: not so: %s\n", line, what);
	abort();
}

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ---- adit.server/1 ---- */

static void connected(void *arg)
{
	struct rig_connection *c = arg;
	int pair[2];

	if (c->cancelled)
		return;
	c->cancelled = 1; /* the attempt is over */
	if (c->result < 0) {
		c->done(c->arg, c->result, -1);
		return;
	}
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	c->fd = pair[1];
	c->done(c->arg, 0, pair[0]);
}

static adit_result ADIT_CALL fake_connect(adit_loop *l, const char *where, uint64_t deadline_ns, adit_dialed done, void *arg,
                                          adit_reaching **out)
{
	const adit_loop_1 *loop = fakehost_host(current->host)->get(fakehost_host(current->host), ADIT_LOOP_1);
	struct rig_connection *c = &current->connections[current->connected];

	if (current->at_once < 0)
		return current->at_once;
	MUST(current->connected < RIG_CONNECTIONS);
	snprintf(c->where, sizeof(c->where), "%s", where);
	c->fd = -1;
	c->result = current->results[current->connected++];
	c->done = done;
	c->arg = arg;
	MUST(loop->defer(l, connected, c) == 0);
	*out = (adit_reaching *)c;
	return 0;
}

static void ADIT_CALL fake_cancel(adit_reaching *r)
{
	struct rig_connection *c = (struct rig_connection *)r;

	MUST(!c->cancelled);
	c->cancelled = 1;
}

static adit_result ADIT_CALL fake_datagrams(adit_loop *l, intptr_t sock, const adit_addr *dst, intptr_t *out)
{
	int pair[2];

	if (current->relay_result < 0 && !current->relays++)
		return current->relay_result;
	MUST(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	current->relay = pair[1];
	current->relay_dst = *dst;
	*out = pair[0];
	return 0;
}

static const adit_server_1 server = {sizeof(server), 0, fake_connect, fake_cancel, fake_datagrams};

/* ---- adit.counters/1 ---- */

static adit_result ADIT_CALL fake_add(const adit_env *env, const adit_metric *m, uint64_t **cell)
{
	uint32_t i = current->cause_count++;

	MUST(i < RIG_CAUSES && m->labels[1] && !m->labels[2]);
	snprintf(current->causes[i].cause, sizeof(current->causes[i].cause), "%s", m->labels[1]);
	*cell = &current->causes[i].cell;
	return 0;
}

static void ADIT_CALL fake_remove(const adit_env *env, uint64_t *cell)
{
}

static const adit_counters_1 counters = {sizeof(counters), 0, fake_add, fake_remove};

uint64_t rig_counted(struct rig *r, const char *cause)
{
	uint32_t i;

	for (i = 0; i < r->cause_count; i++)
		if (!strcmp(r->causes[i].cause, cause))
			return r->causes[i].cell;
	MUST(!"a cause that is counted");
	return 0;
}

/* ---- wires ---- */

static void on_emit(void *arg, const adit_event *ev, uint32_t n)
{
	struct rig *r = arg;
	const adit_path *path = fakehost_path(r->host);

	for (; n; n--, ev++) {
		struct rig_event *e = &r->events[r->count++];
		const adit_buf *b;

		MUST(r->count < RIG_EVENTS);
		*e = (struct rig_event){.type = ev->type, .flow = ev->flow, .code = ev->code};
		if (!(ev->flags & ADIT_EVF_BUF)) {
			e->num = ev->u.num;
			continue;
		}
		for (b = ev->u.buf; b; b = b->next) {
			MUST(e->size + b->len <= RIG_BYTES);
			memcpy(e->bytes + e->size, b->data, b->len);
			e->size += b->len;
		}
		path->put(path->end, &ev->u.buf, 1);
	}
}

static const adit_flow_info *on_info(void *arg, adit_flow flow)
{
	struct rig *r = arg;

	return &r->info[ADIT_FLOW_SLOT(flow)];
}

/* ---- the test's side ---- */

struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct fakehost_ends ends = {.emit = on_emit, .info = on_info};

	MUST(r);
	r->descriptors = open_descriptors();
	ends.arg = r;
	r->relay = -1;
	r->host = fakehost_new(&ends);
	fakehost_offer(r->host, ADIT_SERVER_1, &server);
	fakehost_offer(r->host, ADIT_COUNTERS_1, &counters);
	current = r;
	return r;
}

void rig_set(struct rig *r, const char *path, const char *value)
{
	fakehost_set(r->host, path, value);
}

void rig_start(struct rig *r)
{
	const adit_life *life;
	adit_env *env = (adit_env *)fakehost_env(r->host, 0, 1);

	r->table = adit_module_1.components[0]->table;
	life = r->table->life;
	env->flows = RIG_FLOWS;
	r->env = env;
	MUST(life->create(NULL, env, &r->inst) == 0);
	MUST(!life->open || life->open(r->inst) == 0);
	MUST(!life->start || life->start(r->inst) == 0);
}

void rig_free(struct rig *r)
{
	uint32_t i;

	if (r->inst) {
		if (r->table->life->stop)
			r->table->life->stop(r->inst);
		rig_turn(r, 0);
		r->table->life->destroy(r->inst);
	}
	for (i = 0; i < r->connected; i++)
		rig_hang_up(r, i);
	for (i = 0; i < r->count; i++)
		if (r->events[i].type == ADIT_EV_SOCKET)
			close((int)r->events[i].num);
	if (r->relay >= 0)
		close(r->relay);
	MUST(fakehost_buffers(r->host) == 0);
	fakehost_free(r->host);
	MUST(open_descriptors() == r->descriptors);
	free(r);
}

adit_flow rig_flow(uint32_t slot)
{
	return (adit_flow)7 << 32 | slot;
}

static adit_addr address_of(const char *text, uint16_t port)
{
	adit_addr a = {.port = port};

	if (!text)
		return a;
	a.family = strchr(text, ':') ? 6 : 4;
	MUST(inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.ip) == 1);
	return a;
}

void rig_reach(struct rig *r, uint32_t slot, uint8_t proto, const char *address, const char *name, uint16_t source)
{
	adit_reach req = {.size = sizeof(req), .proto = proto, .flow = rig_flow(slot), .name = name};

	req.dst = address_of(address, 443);
	r->info[slot] = (adit_flow_info){.size = sizeof(adit_flow_info), .proto = proto, .dst = req.dst};
	r->info[slot].src = address_of("10.0.0.1", source);
	r->table->reach(r->inst, &req, 1);
}

void rig_submit(struct rig *r, uint16_t type, uint32_t slot, const void *bytes, uint32_t size)
{
	const adit_path *path = fakehost_path(r->host);
	adit_op op = {.type = type, .flow = rig_flow(slot)};

	if (bytes) {
		op.flags = ADIT_OPF_BUF;
		MUST(path->get(path->end, &op.u.buf, 1, size) == 1);
		memcpy(op.u.buf->data, bytes, size);
		op.u.buf->len = size;
	}
	r->table->submit(r->inst, &op, 1);
}

struct wanted {
	struct rig *r;
	uint32_t events, connections;
};

static int there(void *arg)
{
	const struct wanted *w = arg;

	return w->r->count >= w->events && w->r->connected >= w->connections;
}

int rig_events(struct rig *r, uint32_t events, uint32_t ms)
{
	struct wanted w = {r, events, 0};

	return fakehost_run(r->host, ms, there, &w);
}

int rig_connections(struct rig *r, uint32_t connections, uint32_t ms)
{
	struct wanted w = {r, 0, connections};

	return fakehost_run(r->host, ms, there, &w);
}

void rig_turn(struct rig *r, uint32_t ms)
{
	fakehost_run(r->host, ms, NULL, NULL);
}

size_t rig_read(struct rig *r, uint32_t n, void *out, size_t size, uint32_t ms)
{
	uint64_t end = fakehost_now() + ms * 1000000ull;
	size_t have = 0;
	ssize_t got;

	do {
		rig_turn(r, 5);
		got = r->connections[n].fd < 0 ? -1 : recv(r->connections[n].fd, (char *)out + have, size - have, MSG_DONTWAIT);
		if (got > 0)
			have += (size_t)got;
	} while (have < size && got != 0 && fakehost_now() < end);
	return have;
}

void rig_write(struct rig *r, uint32_t n, const void *bytes, size_t size)
{
	MUST(send(r->connections[n].fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
}

void rig_hang_up(struct rig *r, uint32_t n)
{
	if (r->connections[n].fd >= 0)
		close(r->connections[n].fd);
	r->connections[n].fd = -1;
}
