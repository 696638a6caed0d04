/* SPDX-License-Identifier: MIT
 * dial/server.c - servers that the manifest names: host names looked up, addresses tried in order
 *
 * Names are looked up by getaddrinfo on the pool. What it said is remembered per shard, the good news for a minute and
 * the bad for five seconds; when no address of a name answers, the next attempt looks it up again. The time that is
 * left is shared out among the addresses that are left, so that a silent one does not use up the others'.
 */
#include "dial/server.h"

#include <adit/sock.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "dial/dialer.h"
#include "loop/pool.h"
#include "os/os.h"

enum { NAME_MOST = 253, GOOD_SECONDS = 60, BAD_SECONDS = 5 };
#define CLOCK (OS_SECOND / 10) /* between looks at the deadlines of those who wait for a name */

struct name {
	struct servers *servers;
	struct name *next;
	char text[NAME_MOST + 1];
	adit_addr addr[SERVER_ADDRESSES]; /* the pool's while busy, and so are n and result */
	uint32_t n;
	adit_result result;
	uint64_t until; /* what is known holds so long */
	int busy;
};

struct adit_reaching {
	struct servers *servers;
	adit_reaching *next, **link;
	struct name *name; /* null: an address */
	adit_dialing *dialing; /* null: waits for the name */
	adit_addr addr[SERVER_ADDRESSES];
	uint32_t n, at;
	uint16_t port;
	uint64_t deadline;
	adit_dialed done;
	void *arg;
};

struct servers {
	struct shard *shard;
	struct name *names; /* the one used last first */
	adit_reaching *all;
	uint32_t name_count, count;
	adit_timer clock;
};

/* ---- text ---- */

static int port_of(const char *text, uint16_t *out)
{
	unsigned long n = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 5; i++)
		n = n * 10 + (unsigned long)(text[i] - '0');
	if (text[i] || !n || n > 65535)
		return -1;
	*out = (uint16_t)n;
	return 0;
}

/* "host:port" or "[v6]:port" into its parts. */
static adit_result split(const char *where, char host[NAME_MOST + 1], uint16_t *port)
{
	const char *colon = strrchr(where, ':');
	size_t size = colon ? (size_t)(colon - where) : 0;

	if (!size || port_of(colon + 1, port) != 0)
		return ADIT_EINVAL;
	if (where[0] == '[') {
		if (size < 3 || where[size - 1] != ']')
			return ADIT_EINVAL;
		where++;
		size -= 2;
	} else if (memchr(where, ':', size)) {
		return ADIT_EINVAL;
	}
	if (size > NAME_MOST)
		return ADIT_EINVAL;
	memcpy(host, where, size);
	host[size] = '\0';
	return ADIT_OK;
}

static int literal(const char *host, adit_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, out->ip) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, host, out->ip) == 1)
		out->family = 6;
	return out->family != 0;
}

/* ---- attempts ---- */

static void on_dialed(void *arg, adit_result result, intptr_t sock);

/* Starts with the next address that the system does not refuse at once. */
static adit_result dial_next(adit_reaching *r)
{
	struct shard *s = r->servers->shard;
	adit_result result = ADIT_ENOENT;

	while (r->at < r->n) {
		uint64_t now = loop_now(s->loop), share = 0;
		adit_addr to = r->addr[r->at++];

		if (r->deadline) {
			if (r->deadline <= now)
				return ADIT_ETIME;
			share = now + (r->deadline - now) / (r->n - r->at + 1);
		}
		to.port = r->port;
		result = dialer_connect_any(s->loop, &to, share, on_dialed, r, &r->dialing);
		if (result == ADIT_OK)
			break;
	}
	return result;
}

static void forget(adit_reaching *r)
{
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	if (!--r->servers->count)
		loop_timer_set(&r->servers->clock, 0, 0);
	free(r);
}

static void finish(adit_reaching *r, adit_result result, intptr_t sock)
{
	adit_dialed done = r->done;
	void *arg = r->arg;

	if (result != ADIT_OK && r->name && r->n && !r->name->busy)
		r->name->until = 0; /* no address answers: perhaps there are others by now */
	forget(r);
	done(arg, result, sock);
}

static void on_dialed(void *arg, adit_result result, intptr_t sock)
{
	adit_reaching *r = arg;

	r->dialing = NULL;
	if (result != ADIT_OK && r->at < r->n && dial_next(r) == ADIT_OK)
		return;
	finish(r, result, sock);
}

/* ---- names ---- */

/* [pool] */
static void look_up(void *arg)
{
	struct name *name = arg;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL, *a;
	int err = getaddrinfo(name->text, NULL, &hints, &list);

	name->n = 0;
	for (a = err ? NULL : list; a && name->n < SERVER_ADDRESSES; a = a->ai_next) {
		adit_from_sockaddr(a->ai_addr, &name->addr[name->n]);
		if (name->addr[name->n].family)
			name->n++;
	}
	if (list)
		freeaddrinfo(list);
	name->result = name->n ? ADIT_OK : err == EAI_MEMORY ? ADIT_ENOMEM : ADIT_ENOENT;
}

static void take_addresses(adit_reaching *r, const struct name *name)
{
	memcpy(r->addr, name->addr, name->n * sizeof(r->addr[0]));
	r->n = name->n;
}

static void looked_up(void *arg)
{
	struct name *name = arg;
	struct servers *v = name->servers;
	adit_reaching *r, *next;
	int again;

	name->busy = 0;
	name->until = loop_now(v->shard->loop) + (name->result == ADIT_OK ? GOOD_SECONDS : BAD_SECONDS) * OS_SECOND;
	/* done() may end or begin others: start over after each that is told. */
	do {
		again = 0;
		for (r = v->all; r && !again; r = next) {
			adit_result result = name->result;

			next = r->next;
			if (r->name != name || r->n)
				continue;
			take_addresses(r, name);
			if (result == ADIT_OK)
				result = dial_next(r);
			if (result != ADIT_OK) {
				finish(r, result, -1);
				again = 1;
			}
		}
	} while (again);
}

static struct name *name_find(struct servers *v, const char *text)
{
	struct name **link, *name;

	for (link = &v->names; (name = *link); link = &name->next) {
		if (strcmp(name->text, text) != 0)
			continue;
		*link = name->next;
		name->next = v->names;
		return v->names = name;
	}
	return NULL;
}

static int name_in_use(const struct servers *v, const struct name *name)
{
	const adit_reaching *r;

	if (name->busy)
		return 1;
	for (r = v->all; r; r = r->next)
		if (r->name == name)
			return 1;
	return 0;
}

/* Drops the name that was used longest ago. */
static adit_result name_evict(struct servers *v)
{
	struct name **link, **last = NULL, *name;

	for (link = &v->names; *link; link = &(*link)->next)
		if (!name_in_use(v, *link))
			last = link;
	if (!last)
		return ADIT_ELIMIT;
	name = *last;
	*last = name->next;
	v->name_count--;
	free(name);
	return ADIT_OK;
}

static adit_result name_get(struct servers *v, const char *text, struct name **out)
{
	struct name *name = name_find(v, text);

	if (!name) {
		if (v->name_count >= SERVER_NAMES && name_evict(v) != ADIT_OK)
			return ADIT_ELIMIT;
		name = calloc(1, sizeof(*name));
		if (!name)
			return ADIT_ENOMEM;
		name->servers = v;
		memcpy(name->text, text, strlen(text) + 1);
		name->next = v->names;
		v->names = name;
		v->name_count++;
	}
	*out = name;
	return ADIT_OK;
}

/* Gives r the addresses of its name if they are known, else makes it wait for them. */
static adit_result ask_name(adit_reaching *r, const char *host)
{
	struct servers *v = r->servers;
	adit_result result = name_get(v, host, &r->name);

	if (result != ADIT_OK)
		return result;
	if (r->name->busy)
		return ADIT_OK;
	if (r->name->until > loop_now(v->shard->loop)) {
		take_addresses(r, r->name);
		return r->name->result;
	}
	result = pool_run(v->shard->loop, look_up, looked_up, r->name);
	r->name->busy = result == ADIT_OK;
	return result;
}

static void on_clock(void *arg)
{
	struct servers *v = arg;
	uint64_t now = loop_now(v->shard->loop);
	adit_reaching *r;

	for (r = v->all; r;) {
		if (r->dialing || !r->deadline || r->deadline > now) {
			r = r->next;
			continue;
		}
		finish(r, ADIT_ETIME, -1);
		r = v->all; /* done() may have changed the list */
	}
}

/* ---- adit.server/1 ---- */

static adit_result server_connect(adit_loop *l, const char *where, uint64_t deadline_ns, adit_dialed done, void *arg,
                                  adit_reaching **out)
{
	struct shard *s = loop_owner(l);
	struct servers *v;
	adit_reaching *r;
	char host[NAME_MOST + 1];
	uint16_t port;
	adit_result result;

	if (!loop_here(l))
		return ADIT_ETHREAD;
	if (split(where, host, &port) != ADIT_OK)
		return ADIT_EINVAL;
	v = s->servers;
	if (v->count >= SERVER_ATTEMPTS)
		return ADIT_ELIMIT;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ADIT_ENOMEM;
	*r = (adit_reaching){.servers = v, .port = port, .deadline = deadline_ns, .done = done, .arg = arg};
	if (!deadline_ns && s->timeouts.connect)
		r->deadline = loop_now(l) + s->timeouts.connect * OS_SECOND;
	r->n = (uint32_t)literal(host, &r->addr[0]);
	result = r->n ? ADIT_OK : ask_name(r, host);
	if (result == ADIT_OK && r->n)
		result = dial_next(r);
	if (result != ADIT_OK) {
		if (r->name && !r->name->busy && r->n)
			r->name->until = 0;
		free(r);
		return result;
	}
	r->next = v->all;
	r->link = &v->all;
	if (v->all)
		v->all->link = &r->next;
	v->all = r;
	if (!v->count++)
		loop_timer_set(&v->clock, CLOCK, CLOCK);
	*out = r;
	return ADIT_OK;
}

static void server_cancel(adit_reaching *r)
{
	if (r->dialing)
		dialer_cancel(r->dialing);
	forget(r);
}

static adit_result server_datagrams(adit_loop *l, intptr_t sock, const adit_addr *dst, intptr_t *out)
{
	struct shard *s = loop_owner(l);
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);
	adit_addr server;
	adit_result result = ADIT_OK;
	int fd;

	if (!loop_here(l))
		return ADIT_ETHREAD;
	if ((dst->family != 4 && dst->family != 6) || !dst->port || getpeername((int)sock, (struct sockaddr *)&sa, &size))
		return ADIT_EINVAL;
	adit_from_sockaddr((struct sockaddr *)&sa, &server);
	if (!endpoint_same_ip(&server, dst) && policy_dial(&s->policy, ADIT_PROTO_UDP, dst) != PACKET_OK)
		return ADIT_EADMIN;
	fd = dialer_socket(s, dst->family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, &result);
	if (fd < 0)
		return result;
	size = adit_to_sockaddr(dst, &sa);
	if (connect(fd, (struct sockaddr *)&sa, size) != 0) {
		result = err_from_errno(errno);
		close(fd);
		return result;
	}
	*out = fd;
	return ADIT_OK;
}

const adit_server_1 server_table = {
	.size = sizeof(adit_server_1),
	.connect = server_connect,
	.cancel = server_cancel,
	.datagrams = server_datagrams,
};

adit_result servers_new(struct servers **out, struct shard *s)
{
	struct servers *v = calloc(1, sizeof(*v));

	if (!v)
		return ADIT_ENOMEM;
	v->shard = s;
	loop_timer_init(&v->clock, s->loop, on_clock, v);
	*out = v;
	return ADIT_OK;
}

void servers_free(struct servers *v)
{
	struct name *name;

	if (!v)
		return;
	while (v->all)
		server_cancel(v->all);
	while ((name = v->names)) {
		v->names = name->next;
		free(name);
	}
	loop_timer_fini(&v->clock);
	free(v);
}
