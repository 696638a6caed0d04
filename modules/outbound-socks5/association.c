/* SPDX-License-Identifier: MIT
 * outbound-socks5/association.c - UDP: associations with a proxy, and the flows on them
 *
 * An association is a TCP connection to the proxy, which lives as long as the association does, and a UDP socket that
 * is connected to the relay that the proxy has named. If the connection ends, so do the flows. The last flow takes the
 * association along.
 */
#include "association.h"

#include <adit/sock.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int same_ip(const adit_addr *a, const adit_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == 6 ? 16 : 4) == 0;
}

static int same_endpoint(const adit_addr *a, const adit_addr *b)
{
	return a->port == b->port && same_ip(a, b);
}

/* For tables whose size bounds what collisions can cost. */
static uint32_t hash_endpoint(const adit_addr *a, uint32_t seed)
{
	uint32_t h = seed ^ 2166136261u, i, n = a->family == 6 ? 16 : 4;

	for (i = 0; i < n; i++)
		h = (h ^ a->ip[i]) * 16777619u;
	h = (h ^ (a->port & 0xff)) * 16777619u;
	h = (h ^ (a->port >> 8)) * 16777619u;
	return h ^ h >> 15;
}

/* ---- flows ---- */

static struct udp_flow **flow_bucket(struct association *a, const adit_addr *peer)
{
	return &a->all->flows[hash_endpoint(peer, hash_endpoint(&a->src, 0)) % FLOW_BUCKETS];
}

static void bucket_add(struct udp_flow *f)
{
	struct udp_flow **bucket = flow_bucket(f->association, &f->peer);

	f->bucket_next = *bucket;
	*bucket = f;
}

static void bucket_remove(struct udp_flow *f)
{
	struct udp_flow **link;

	for (link = flow_bucket(f->association, &f->peer); *link; link = &(*link)->bucket_next) {
		if (*link == f) {
			*link = f->bucket_next;
			return;
		}
	}
}

struct udp_flow *association_flow(struct association *a, const adit_addr *peer)
{
	struct udp_flow *f;

	if (a->alone)
		return a->flows && a->flows->port == peer->port ? a->flows : NULL;
	if (!peer->family)
		return NULL; /* a name, which no flow here goes to */
	for (f = *flow_bucket(a, peer); f; f = f->bucket_next)
		if (f->association == a && same_endpoint(&f->peer, peer))
			return f;
	return NULL;
}

static void udp_flow_forget(struct udp_flow *f)
{
	struct socks *o = f->association->all->o;

	datagrams_flush(f->association->all); /* nothing that waits may point here */
	if (f->peer.family)
		bucket_remove(f);
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	*socks_end(o, f->end.flow) = NULL;
	o->env->host->release(o->env->host, f);
}

static void emit_credit(struct socks *o, adit_flow flow)
{
	adit_event ev = {.type = ADIT_EV_CREDIT, .flow = flow, .u.num = 1};

	socks_emit(o, &ev);
}

/* ---- associations ---- */

static struct association **association_bucket(struct associations *v, const adit_addr *src)
{
	return &v->buckets[hash_endpoint(src, 0) & (v->bucket_count - 1)];
}

static void stash_put(struct associations *v)
{
	if (v->stash_count)
		v->o->env->path->put(v->o->env->path->end, v->stash, v->stash_count);
	v->stash_count = 0;
}

static void association_free(struct association *a)
{
	struct associations *v = a->all;
	struct socks *o = v->o;
	struct association **link;

	if (a->attempt)
		attempt_cancel(a->attempt);
	o->loop->io_free(a->control_io);
	o->loop->io_free(a->sock_io);
	if (a->control >= 0)
		close((int)a->control);
	if (a->sock >= 0)
		close((int)a->sock);
	for (link = association_bucket(v, &a->src); *link != a; link = &(*link)->next)
		;
	*link = a->next;
	if (!--v->count)
		stash_put(v);
	o->env->host->release(o->env->host, a);
}

void udp_flow_end(struct udp_flow *f, adit_result code)
{
	struct association *a = f->association;
	struct socks *o = a->all->o;
	adit_flow flow = f->end.flow;

	udp_flow_forget(f);
	if (!a->flows)
		association_free(a);
	socks_closed(o, flow, code);
}

void association_end(struct association *a, adit_result code)
{
	struct socks *o = a->all->o;
	struct udp_flow *f = a->flows, *next;
	adit_flow flow;

	for (; f; f = next) {
		next = f->next;
		flow = f->end.flow;
		udp_flow_forget(f);
		socks_closed(o, flow, code);
	}
	association_free(a);
}

/* The proxy has nothing to say on this connection but that it is over. */
static void on_control(void *arg)
{
	struct association *a = arg;
	uint8_t byte;
	ssize_t n = recv((int)a->control, &byte, 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == 0)
		socks_tell(a->all->o, "a proxy has ended a UDP association");
	else
		socks_tell(a->all->o, "a UDP association was lost, or its proxy said something out of turn");
	association_end(a, ADIT_EHOST);
}

static void keep_alive(int fd)
{
	static const int on = 1, idle = 60, interval = 10, count = 3;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

/* The proxy's own address, with the relay's port. */
static int server_address(int fd, uint16_t port, adit_addr *out)
{
	struct sockaddr_storage sa = {0};
	socklen_t size = sizeof(sa);

	if (getpeername(fd, (struct sockaddr *)&sa, &size) != 0)
		return -1;
	adit_from_sockaddr((struct sockaddr *)&sa, out);
	out->port = port;
	return 0;
}

/* The UDP socket to the relay. "Unspecified" and a name mean the proxy itself, and so does what cannot be true: proxies
 * behind address translation name the address that they see. */
static adit_result open_relay(struct association *a, const adit_addr *bound)
{
	static const adit_addr nowhere;
	struct socks *o = a->all->o;
	adit_addr server;
	adit_result result = ADIT_EADMIN;

	if (!bound->port || server_address((int)a->control, bound->port, &server) != 0)
		return ADIT_EIO;
	if (bound->family && memcmp(bound->ip, nowhere.ip, sizeof(nowhere.ip)) != 0)
		result = o->server->datagrams(o->env->loop, a->control, bound, &a->sock);
	if (result < 0)
		result = o->server->datagrams(o->env->loop, a->control, &server, &a->sock);
	return result;
}

static adit_result watch(struct association *a)
{
	struct socks *o = a->all->o;
	adit_result result = o->loop->io(o->env->loop, a->control, on_control, a, &a->control_io);

	if (result >= 0)
		result = o->loop->io(o->env->loop, a->sock, datagrams_readable, a, &a->sock_io);
	if (result < 0)
		return result;
	o->loop->io_want(a->control_io, ADIT_IO_READ);
	o->loop->io_want(a->sock_io, ADIT_IO_READ);
	return ADIT_OK;
}

static void on_associated(void *arg, adit_result result, intptr_t sock, const adit_addr *bound)
{
	static const int room = 1 << 20;
	struct association *a = arg;
	struct associations *v = a->all;
	struct udp_flow *f, *next;

	a->attempt = NULL;
	a->control = sock;
	if (result == ADIT_ENOSYS) {
		socks_tell(v->o, "the proxy has no UDP (it does not know the command); UDP is refused");
		v->no_udp_until = v->o->loop->now(v->o->env->loop) + NO_UDP_SECONDS * 1000000000ull;
		result = ADIT_EADMIN;
	}
	if (result >= 0)
		result = open_relay(a, bound);
	if (result >= 0)
		result = watch(a);
	if (result < 0) {
		association_end(a, result);
		return;
	}
	keep_alive((int)a->control);
	setsockopt((int)a->sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt((int)a->sock, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	for (f = a->flows; f; f = next) {
		next = f->next;
		emit_credit(v->o, f->end.flow);
	}
}

static adit_result association_get(struct associations *v, const adit_addr *src, int alone, struct association **out)
{
	const adit_host *host = v->o->env->host;
	struct attempt_wish wish = {.command = COMMAND_ASSOCIATE, .dst = {.family = 4}, .done = on_associated};
	struct association **bucket = association_bucket(v, src), *a;
	adit_result result;

	for (a = *bucket; a && !alone; a = a->next) {
		if (!a->alone && same_endpoint(&a->src, src)) {
			*out = a;
			return ADIT_OK;
		}
	}
	if (v->no_udp_until > v->o->loop->now(v->o->env->loop))
		return ADIT_EADMIN;
	if (v->count >= v->o->associations_most)
		return ADIT_ELIMIT;
	a = host->alloc(host, sizeof(*a), 0);
	if (!a)
		return ADIT_ENOMEM;
	a->all = v;
	a->src = *src;
	a->alone = alone;
	a->control = a->sock = -1;
	wish.arg = a;
	result = attempt_start(v->o, &wish, &a->attempt);
	if (result < 0) {
		host->release(host, a);
		return result;
	}
	a->next = *bucket;
	*bucket = a;
	v->count++;
	*out = a;
	return ADIT_OK;
}

adit_result association_reach(struct associations *v, const adit_reach *req, const char *name, struct end **place)
{
	const adit_host *host = v->o->env->host;
	const adit_flow_info *info = v->o->env->path->info(v->o->env->path->end, req->flow);
	uint8_t header[MESSAGE_DATAGRAM];
	size_t size = message_datagram_header(header, &req->dst, name);
	struct association *a;
	struct udp_flow *f;
	adit_result result;

	if (!info)
		return ADIT_ESTALE;
	f = host->alloc(host, sizeof(*f) + size, 0);
	if (!f)
		return ADIT_ENOMEM;
	result = association_get(v, &info->src, name != NULL, &a);
	if (result < 0) {
		host->release(host, f);
		return result;
	}
	f->end.flow = req->flow;
	f->end.datagrams = 1;
	f->association = a;
	f->port = req->dst.port;
	f->header_size = (uint16_t)size;
	memcpy(f->header, header, size);
	f->next = a->flows;
	f->link = &a->flows;
	if (f->next)
		f->next->link = &f->next;
	a->flows = f;
	if (!name) {
		f->peer = req->dst;
		bucket_add(f);
	}
	*place = &f->end;
	if (a->sock >= 0)
		emit_credit(v->o, req->flow);
	return ADIT_OK;
}

/* ---- life ---- */

adit_result associations_new(struct associations **out, struct socks *o)
{
	const adit_host *host = o->env->host;
	struct associations *v = host->alloc(host, sizeof(*v), 0);

	if (!v)
		return ADIT_ENOMEM;
	*out = v;
	v->o = o;
	for (v->bucket_count = 64; v->bucket_count < o->associations_most; v->bucket_count *= 2)
		;
	v->buckets = host->alloc(host, v->bucket_count * sizeof(struct association *), 0);
	return v->buckets ? ADIT_OK : ADIT_ENOMEM;
}

void associations_start(struct associations *v)
{
	static const char *const names[DROP_COUNT] = {
		[DROP_WAITING] = "waiting", [DROP_SHAPE] = "shape",   [DROP_SOCKET] = "socket",
		[DROP_BUFFERS] = "buffers", [DROP_HEADER] = "header", [DROP_STRANGER] = "stranger",
	};
	const adit_host *host = v->o->env->host;
	const adit_counters_1 *counters = host->get(host, ADIT_COUNTERS_1);
	const char *labels[] = {"reason", NULL, NULL};
	const adit_metric m = {
		.size = sizeof(m),
		.kind = ADIT_METRIC_COUNTER,
		.name = "datagrams_dropped",
		.help = "Datagrams that did not get through, by reason.",
		.labels = labels,
	};
	unsigned i;

	for (i = 0; ADIT_HAS(counters, adit_counters_1, add) && i < DROP_COUNT; i++) {
		labels[1] = names[i];
		counters->add(v->o->env, &m, &v->dropped[i]); /* without a cell nothing is counted */
	}
}

void associations_stop(struct associations *v)
{
	uint32_t i;

	for (i = 0; i < v->bucket_count; i++)
		while (v->buckets[i])
			association_end(v->buckets[i], ADIT_ECANCEL);
	stash_put(v);
}

void associations_free(struct associations *v)
{
	const adit_host *host;

	if (!v)
		return;
	host = v->o->env->host;
	host->release(host, v->buckets);
	host->release(host, v);
}
