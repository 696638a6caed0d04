/* SPDX-License-Identifier: MIT
 * outbound-http/attempt.c - a connection to a proxy and the request CONNECT on it
 *
 * The proxies are tried in the order of the settings until one has answered; what it answered stands. Without TLS what
 * has come is looked at first (MSG_PEEK) and taken up to the end of the head, since the bytes behind belong to the
 * application. In TLS they go into the tunnel.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"

enum { FIRST_ROOM = 1024 /* bytes; most heads are shorter */ };
_Static_assert(MESSAGE_ANSWER % FIRST_ROOM == 0, "the room for a head is doubled up to its limit");

struct attempt {
	struct http *o;
	struct attempt *next, **link;
	adit_flow flow;
	adit_reaching *reaching; /* the connection is being made */
	adit_io *io;             /* it is there, and so is sock */
	struct tls *tls;
	intptr_t sock;
	uint64_t deadline, share; /* of all, and of this proxy */
	uint32_t server;
	uint8_t shaken; /* the handshake of TLS is over, or there is none */
	adit_result last_result; /* of the last proxy */
	uint32_t out_size, out_at, have, room;
	adit_addr dst;
	char name[MESSAGE_NAME + 1]; /* "": none */
	char out[MESSAGE_REQUEST];
	char *in; /* room bytes; null at first */
};

static const struct {
	const char *name, *text;
	adit_result result;
} causes[CAUSE_COUNT] = {
	[CAUSE_CONNECT] = {"unreachable", "cannot be reached", ADIT_EHOST},
	[CAUSE_NAME] = {"name", "has a name that no address is known for", ADIT_EHOST},
	[CAUSE_TIME] = {"time", "did not answer in time", ADIT_ETIME},
	[CAUSE_END] = {"closed", "closed the connection before it had answered", ADIT_EIO},
	[CAUSE_BROKEN] = {"answer", "gave an answer that is not of HTTP, or too long", ADIT_EIO},
	[CAUSE_LOGIN] = {"login", "refuses: check username and password, and what the proxy allows", ADIT_EADMIN},
	[CAUSE_TLS] = {"tls", "is not trusted or speaks no TLS", ADIT_EADMIN},
	[CAUSE_MEMORY] = {"limit", "could not be asked for want of memory or descriptors", ADIT_ENOMEM},
};

void causes_start(struct http *o)
{
	const adit_host *host = o->env->host;
	const adit_counters_1 *counters = host->get(host, ADIT_COUNTERS_1);
	const char *labels[] = {"cause", NULL, NULL};
	const adit_metric m = {
		.size = sizeof(m),
		.kind = ADIT_METRIC_COUNTER,
		.name = "proxy_failures",
		.help = "Attempts that a proxy was of no use to, by cause.",
		.labels = labels,
	};
	unsigned i;

	for (i = 0; ADIT_HAS(counters, adit_counters_1, add) && i < CAUSE_COUNT; i++) {
		labels[1] = causes[i].name;
		counters->add(o->env, &m, &o->causes[i]); /* without a cell nothing is counted */
	}
}

static void try_server(struct attempt *a);

adit_flow attempt_flow(const struct attempt *a)
{
	return a->flow;
}

static struct server *server_of(const struct attempt *a)
{
	return &a->o->servers[a->server];
}

/* ---- ends ---- */

static void hang_up(struct attempt *a)
{
	if (a->reaching)
		a->o->server->cancel(a->reaching);
	a->o->loop->io_free(a->io);
	tls_free(a->tls);
	if (a->sock >= 0)
		close((int)a->sock);
	a->reaching = NULL;
	a->io = NULL;
	a->tls = NULL;
	a->sock = -1;
	explicit_bzero(a->out, sizeof(a->out));
}

void attempt_drop(struct attempt *a)
{
	struct http *o = a->o;

	hang_up(a);
	o->env->host->release(o->env->host, a->in);
	*http_end(o, a->flow) = NULL;
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
	o->attempt_count--;
	o->env->host->release(o->env->host, a);
}

static void finish(struct attempt *a, adit_result result, int sock)
{
	struct http *o = a->o;
	adit_flow flow = a->flow;

	attempt_drop(a);
	if (result < 0)
		http_emit(o, ADIT_EV_CLOSED, flow, result, 0);
	else
		http_emit(o, ADIT_EV_SOCKET, flow, 0, (uint64_t)sock);
}

/* One line for each kind of trouble with a proxy, and then no more of it for a minute. more may be null. */
static void tell(struct attempt *a, enum cause cause, const char *more)
{
	static const uint64_t minute = 60 * 1000000000ull;
	struct server *s = server_of(a);
	const adit_host *host = a->o->env->host;
	uint64_t now = a->o->loop->now(a->o->env->loop);
	char line[600];
	int n;

	adit_count(a->o->causes[cause], 1);
	if (*host->log_level > ADIT_LOG_WARN || (s->told[cause] && now - s->told[cause] < minute))
		return;
	s->told[cause] = now;
	n = snprintf(line, sizeof(line), "%s: proxy %s %s%s%s", a->o->env->name, s->where, causes[cause].text,
	             more ? ": " : "", more ? more : "");
	host->log(host, ADIT_LOG_WARN, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* This proxy is of no use: the next one, or the end. */
static void give_up(struct attempt *a, enum cause cause)
{
	tell(a, cause, cause == CAUSE_TLS && a->tls ? tls_why(a->tls) : NULL);
	hang_up(a);
	a->last_result = causes[cause].result;
	a->server++;
	try_server(a);
}

/* ---- the answer ---- */

static adit_result status_result(int status)
{
	switch (status) {
	case 401:
	case 403:
	case 407:
		return ADIT_EADMIN;
	case 404:
	case 410:
	case 502:
	case 503:
		return ADIT_EHOST;
	case 408:
	case 504:
		return ADIT_ETIME;
	default:
		return ADIT_EIO;
	}
}

/* The proxy has connected; rest bytes of a->in from `from` on are the application's already. */
static void connected(struct attempt *a, size_t from)
{
	int sock = (int)a->sock;
	adit_result result = ADIT_OK;

	a->o->loop->io_free(a->io);
	a->io = NULL;
	if (a->tls)
		result = tunnel_start(a->o, (int)a->sock, a->tls, a->in + from, a->have - from, &sock);
	if (result == ADIT_OK) {
		a->tls = NULL;
		a->sock = -1;
	}
	finish(a, result, sock);
}

static void answered(struct attempt *a, const struct message_answer *got)
{
	char number[16];

	if (got->status < 300) {
		connected(a, got->size);
		return;
	}
	if (status_result(got->status) == ADIT_EADMIN) {
		snprintf(number, sizeof(number), "%d", got->status);
		tell(a, CAUSE_LOGIN, number);
	}
	finish(a, status_result(got->status), -1);
}

/* Room for more of the head, up to MESSAGE_ANSWER. */
static int grow(struct attempt *a)
{
	const adit_host *host = a->o->env->host;
	uint32_t room = a->room ? 2 * a->room : FIRST_ROOM;
	char *in;

	if (a->have < a->room)
		return 0;
	in = room <= MESSAGE_ANSWER ? host->alloc(host, room, 0) : NULL;
	if (!in)
		return -1;
	if (a->have)
		memcpy(in, a->in, a->have);
	host->release(host, a->in);
	a->in = in;
	a->room = room;
	return 0;
}

/* Reads on without TLS; how many bytes of the head were added, 0 for an end, or negative with errno. */
static ssize_t read_plain(struct attempt *a)
{
	struct message_answer got;
	ssize_t n = recv((int)a->sock, a->in + a->have, a->room - a->have, MSG_PEEK);

	if (n <= 0)
		return n;
	message_answer(a->in, a->have + (size_t)n, &got);
	if (got.status)
		n = (ssize_t)(got.size - a->have);
	return recv((int)a->sock, a->in + a->have, (size_t)n, 0);
}

static void want(struct attempt *a, uint32_t mask)
{
	a->o->loop->io_want(a->io, mask);
}

/* Returns whether there may be more to read. */
static int take(struct attempt *a)
{
	struct message_answer got;
	ssize_t n;

	if (grow(a) != 0) {
		give_up(a, CAUSE_MEMORY);
		return 0;
	}
	n = a->tls ? tls_read(a->tls, a->in + a->have, a->room - a->have) : read_plain(a);
	if (a->tls ? n == TLS_MORE_READ || n == TLS_MORE_WRITE : n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		give_up(a, n == TLS_BROKEN && a->tls ? CAUSE_TLS : CAUSE_END);
		return 0;
	}
	a->have += (uint32_t)n;
	message_answer(a->in, a->have, &got);
	if (!got.broken && !got.status)
		return 1;
	if (got.broken)
		give_up(a, CAUSE_BROKEN);
	else
		answered(a, &got);
	return 0;
}

/* ---- the request ---- */

/* Sends what waits; returns whether the connection is still of use. */
static int send_out(struct attempt *a)
{
	ssize_t n = 1;

	while (a->out_at < a->out_size && n > 0) {
		if (a->tls)
			n = tls_write(a->tls, a->out + a->out_at, a->out_size - a->out_at);
		else
			n = send((int)a->sock, a->out + a->out_at, a->out_size - a->out_at, MSG_NOSIGNAL);
		if (n > 0)
			a->out_at += (uint32_t)n;
	}
	if (a->tls && n <= TLS_END) {
		give_up(a, n == TLS_END ? CAUSE_END : CAUSE_TLS);
		return 0;
	}
	if (a->out_at == a->out_size)
		explicit_bzero(a->out, a->out_size);
	want(a, ADIT_IO_READ | (a->out_at < a->out_size && !(a->tls && n == TLS_MORE_READ) ? ADIT_IO_WRITE : 0));
	return 1;
}

static void ask(struct attempt *a)
{
	struct http *o = a->o;

	a->out_at = a->have = 0;
	a->out_size = (uint32_t)message_request(a->out, &a->dst, a->name[0] ? a->name : NULL,
	                                        *o->username ? o->username : NULL, o->password);
	if (!a->out_size)
		give_up(a, CAUSE_LOGIN); /* the schema's limits keep it from being too long */
	else
		send_out(a);
}

static void shake_hands(struct attempt *a)
{
	int n = tls_handshake(a->tls);

	if (n == TLS_MORE_READ || n == TLS_MORE_WRITE) {
		want(a, n == TLS_MORE_READ ? ADIT_IO_READ : ADIT_IO_WRITE);
	} else if (n < 0) {
		give_up(a, CAUSE_TLS);
	} else {
		a->shaken = 1;
		ask(a);
	}
}

static void on_ready(void *arg)
{
	struct attempt *a = arg;

	if (!a->shaken) {
		shake_hands(a);
		return;
	}
	if (a->out_at < a->out_size && !send_out(a))
		return;
	while (take(a))
		;
}

/* ---- the connection ---- */

static enum cause cause_of(adit_result result)
{
	switch (result) {
	case ADIT_ENOENT:
		return CAUSE_NAME;
	case ADIT_ETIME:
		return CAUSE_TIME;
	case ADIT_ENOMEM:
	case ADIT_ELIMIT:
		return CAUSE_MEMORY;
	default:
		return CAUSE_CONNECT;
	}
}

static void on_connected(void *arg, adit_result result, intptr_t sock)
{
	struct attempt *a = arg;
	struct http *o = a->o;

	a->reaching = NULL;
	if (result < 0) {
		give_up(a, cause_of(result));
		return;
	}
	a->sock = sock;
	a->shaken = !o->tls_context;
	if (o->tls_context)
		a->tls = tls_new(o->tls_context, (int)sock, *o->tls_name ? o->tls_name : server_of(a)->host);
	if ((o->tls_context && !a->tls) || o->loop->io(o->env->loop, sock, on_ready, a, &a->io) < 0)
		give_up(a, CAUSE_MEMORY);
	else if (a->tls)
		shake_hands(a);
	else
		ask(a);
}

/* Starts with the first proxy from a->server on that is not refused at once. */
static adit_result reach_server(struct attempt *a)
{
	struct http *o = a->o;
	uint64_t now = o->loop->now(o->env->loop);
	adit_result result;

	for (; a->server < o->server_count; a->server++) {
		a->share = now + (a->deadline > now ? (a->deadline - now) / (o->server_count - a->server) : 0);
		result = o->server->connect(o->env->loop, server_of(a)->where, a->share, on_connected, a, &a->reaching);
		if (result >= 0)
			return ADIT_OK;
		a->last_result = causes[cause_of(result)].result;
		tell(a, cause_of(result), NULL);
	}
	return a->last_result;
}

static void try_server(struct attempt *a)
{
	adit_result result = reach_server(a);

	if (result < 0)
		finish(a, result, -1);
}

adit_result attempt_start(struct http *o, const adit_reach *req, const char *name)
{
	const adit_host *host = o->env->host;
	struct attempt *a;
	adit_result result;

	if (o->attempt_count >= ATTEMPTS_MOST)
		return ADIT_ELIMIT;
	a = host->alloc(host, sizeof(*a), 0);
	if (!a)
		return ADIT_ENOMEM;
	a->o = o;
	a->sock = -1;
	a->flow = req->flow;
	a->dst = req->dst;
	a->deadline = o->loop->now(o->env->loop) + o->timeout;
	if (req->deadline_ns && req->deadline_ns < a->deadline)
		a->deadline = req->deadline_ns;
	if (name)
		memcpy(a->name, name, strlen(name) + 1);
	result = reach_server(a);
	if (result < 0) {
		host->release(host, a);
		return result;
	}
	*http_end(o, a->flow) = a;
	a->next = o->attempts;
	a->link = &o->attempts;
	if (a->next)
		a->next->link = &a->next;
	o->attempts = a;
	if (!o->attempt_count++)
		o->loop->timer_set(o->clock, CLOCK_NS, CLOCK_NS);
	return ADIT_OK;
}

void attempts_expire(struct http *o)
{
	uint64_t now = o->loop->now(o->env->loop);
	struct attempt *a, *next;
	int again;

	/* What ends may take others along: start over after each. */
	do {
		again = 0;
		for (a = o->attempts; a && !again; a = next) {
			next = a->next;
			if (a->share <= now) {
				give_up(a, CAUSE_TIME);
				again = 1;
			}
		}
	} while (again);
}
