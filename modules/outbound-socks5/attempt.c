/* SPDX-License-Identifier: MIT
 * outbound-socks5/attempt.c - a connection to a proxy and the handshake on it
 *
 * The proxies are tried in the order of the settings until one has answered the request itself; what it answered
 * stands. Nothing is read beyond the answer: each read asks for no more than the bytes that are certainly still to
 * come.
 *
 * Pipelined, greeting, login and request leave in one write. A proxy that takes what comes with the greeting for part
 * of the greeting loses the request and is silent. With `auto` one attempt at a time probes a proxy that is not known
 * yet: if it chooses a method and then says nothing for a while, or ends the connection, the attempt begins anew, one
 * message at a time, and how that goes decides what is remembered of the proxy.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socks5.h"

struct attempt {
	struct socks *o;
	struct attempt *next, **link;
	adit_reaching *reaching; /* the connection is being made */
	adit_io *io;             /* it is there, and so is sock */
	intptr_t sock;
	uint64_t deadline, share; /* of all, and of this proxy */
	uint64_t stall;           /* a probe gives up; 0: not yet */
	uint64_t asked;           /* when the request was sent */
	uint32_t server;
	uint8_t command;
	uint8_t pipelined, probing, second; /* second: what a probe could not do */
	enum message_stage stage;
	adit_result last_result; /* of the last proxy */
	uint16_t out_size, out_at, have;
	uint8_t out[MESSAGE_GREETING + MESSAGE_LOGIN + MESSAGE_REQUEST];
	uint8_t in[MESSAGE_ANSWER];
	adit_addr dst;
	char name[NAME_MOST + 1]; /* "": none */
	attempt_done done;
	void *arg;
};

static const struct {
	const char *name, *text;
	adit_result result;
} causes[CAUSE_COUNT] = {
	[CAUSE_CONNECT] = {"unreachable", "cannot be reached", ADIT_EHOST},
	[CAUSE_NAME] = {"name", "has a name that no address is known for", ADIT_EHOST},
	[CAUSE_TIME] = {"time", "did not answer in time", ADIT_ETIME},
	[CAUSE_END] = {"closed", "closed the connection during the handshake", ADIT_EIO},
	[CAUSE_RESET] = {"reset", "reset the connection during the handshake", ADIT_EIO},
	[CAUSE_VERSION] = {"version", "does not speak SOCKS5", ADIT_EIO},
	[CAUSE_METHODS] = {"methods", "wants another way to log in: check username and password", ADIT_EADMIN},
	[CAUSE_METHOD] = {"method", "chose a way to log in that was not offered", ADIT_EIO},
	[CAUSE_LOGIN_VERSION] = {"login_answer", "gave an answer to the login that cannot be read", ADIT_EIO},
	[CAUSE_LOGIN] = {"login", "does not accept username and password", ADIT_EADMIN},
	[CAUSE_ADDRESS] = {"answer", "gave an answer that cannot be read", ADIT_EIO},
	[CAUSE_MEMORY] = {"limit", "could not be asked for want of memory or descriptors", ADIT_ENOMEM},
};

_Static_assert((int)CAUSE_ADDRESS - (int)CAUSE_VERSION == (int)FAULT_ADDRESS - (int)FAULT_VERSION,
               "faults are not in the order of their causes");

void causes_start(struct socks *o)
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

/* ---- ends ---- */

static struct server *server_of(const struct attempt *a)
{
	return &a->o->servers[a->server];
}

static void hang_up(struct attempt *a)
{
	if (a->reaching)
		a->o->server->cancel(a->reaching);
	a->o->loop->io_free(a->io);
	if (a->sock >= 0)
		close((int)a->sock);
	a->reaching = NULL;
	a->io = NULL;
	a->sock = -1;
	a->stall = 0;
	explicit_bzero(a->out, sizeof(a->out));
}

/* What this attempt was to find out, or relied on, is not known. */
static void unlearn(struct attempt *a)
{
	if (a->probing || a->second || a->pipelined)
		server_of(a)->pipeline = PIPELINE_UNKNOWN;
	a->probing = a->second = a->pipelined = 0;
}

static void attempt_free(struct attempt *a)
{
	struct socks *o = a->o;

	if (a->probing || a->second)
		unlearn(a);
	hang_up(a);
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
	o->attempt_count--;
	o->env->host->release(o->env->host, a);
}

void attempt_cancel(struct attempt *a)
{
	attempt_free(a);
}

static void finish(struct attempt *a, adit_result result, intptr_t sock, const adit_addr *bound)
{
	attempt_done done = a->done;
	void *arg = a->arg;

	attempt_free(a);
	done(arg, result, sock, bound);
}

/* One line for each kind of trouble with a proxy, and then no more of it for a minute. */
static void tell(struct attempt *a, enum cause cause)
{
	static const uint64_t minute = 60 * 1000000000ull;
	struct server *s = server_of(a);
	const adit_host *host = a->o->env->host;
	uint64_t now = a->o->loop->now(a->o->env->loop);
	char line[400];
	int n;

	adit_count(a->o->causes[cause], 1);
	if (*host->log_level > ADIT_LOG_WARN || (s->told[cause] && now - s->told[cause] < minute))
		return;
	s->told[cause] = now;
	n = snprintf(line, sizeof(line), "%s: proxy %s %s", a->o->env->name, s->where, causes[cause].text);
	host->log(host, ADIT_LOG_WARN, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* This proxy is of no use: the next one, or the end. */
static void give_up(struct attempt *a, enum cause cause)
{
	tell(a, cause);
	hang_up(a);
	a->last_result = causes[cause].result;
	unlearn(a);
	a->server++;
	try_server(a);
}

/* ---- what is known of a proxy ---- */

static int wants_pipeline(struct attempt *a)
{
	struct server *s = server_of(a);

	if (a->o->pipeline != PIPELINE_AUTO)
		return a->o->pipeline == PIPELINE_ON;
	if (a->second || s->pipeline == PIPELINE_BREAKS || s->pipeline == PIPELINE_PROBING)
		return 0;
	if (s->pipeline == PIPELINE_UNKNOWN) {
		s->pipeline = PIPELINE_PROBING;
		a->probing = 1;
	}
	return 1;
}

/* The probe came to nothing: once more, one message at a time. */
static void probe_again(struct attempt *a)
{
	hang_up(a);
	a->probing = 0;
	a->second = 1;
	try_server(a);
}

/* The proxy has answered the request. */
static void learn(struct attempt *a)
{
	struct server *s = server_of(a);

	if (a->probing)
		s->pipeline = PIPELINE_WORKS;
	else if (a->second)
		/* Twice as fast as the probe was patient: it was not the destination that took so long. */
		s->pipeline = a->o->loop->now(a->o->env->loop) - a->asked < STALL_NS / 2 || ++s->probes >= PROBES_MOST
		                      ? PIPELINE_BREAKS
		                      : PIPELINE_UNKNOWN;
	a->probing = a->second = 0;
}

/* ---- the handshake ---- */

static void send_out(struct attempt *a)
{
	ssize_t n = 0;

	while (a->out_at < a->out_size) {
		n = send((int)a->sock, a->out + a->out_at, (size_t)(a->out_size - a->out_at), MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* full, or broken: reading tells which */
		a->out_at = (uint16_t)(a->out_at + n);
	}
	if (a->out_at == a->out_size)
		explicit_bzero(a->out, a->out_size);
	a->o->loop->io_want(a->io, ADIT_IO_READ | (n < 0 && errno == EAGAIN ? ADIT_IO_WRITE : 0));
}

static void add_login(struct attempt *a)
{
	a->out_size = (uint16_t)(a->out_size + message_login(a->out + a->out_size, a->o->username, a->o->password));
}

static void add_request(struct attempt *a)
{
	a->out_size = (uint16_t)(a->out_size + message_request(a->out + a->out_size, a->command, &a->dst,
	                                                       a->name[0] ? a->name : NULL));
	a->asked = a->o->loop->now(a->o->env->loop);
}

/* Which methods are offered: a proxy that gets everything at once must not have a choice. */
static int offers_none(const struct attempt *a)
{
	return !a->pipelined || !a->o->login;
}

static void greet(struct attempt *a)
{
	a->out_at = 0;
	a->have = 0;
	a->stage = STAGE_NOTHING;
	a->pipelined = (uint8_t)wants_pipeline(a);
	a->out_size = (uint16_t)message_greeting(a->out, offers_none(a), a->o->login);
	if (a->pipelined) {
		if (a->o->login)
			add_login(a);
		add_request(a);
	}
	send_out(a);
}

/* The proxy has come to a new stage; what follows it is sent. */
static void advance(struct attempt *a, const struct message_answer *got)
{
	if (a->probing)
		a->stall = a->o->loop->now(a->o->env->loop) + STALL_NS;
	if (!a->pipelined) {
		a->out_size = a->out_at = 0;
		if (got->stage == STAGE_METHOD && got->method == METHOD_LOGIN)
			add_login(a);
		else
			add_request(a);
		send_out(a);
	}
	a->stage = got->stage;
}

static void answered(struct attempt *a, const struct message_answer *got)
{
	intptr_t sock = a->sock;

	learn(a);
	if (got->reply) {
		finish(a, socks_reply_result(got->reply), -1, NULL);
		return;
	}
	a->o->loop->io_free(a->io);
	a->io = NULL;
	a->sock = -1;
	finish(a, ADIT_OK, sock, &got->bound);
}

/* The connection ended, or what it said makes no sense. */
static void broken(struct attempt *a, enum cause cause)
{
	if (a->probing)
		probe_again(a);
	else
		give_up(a, cause);
}

/* Returns whether there may be more to read. */
static int take(struct attempt *a)
{
	struct message_answer got;
	size_t asked, want = message_answer(a->in, a->have, offers_none(a), a->o->login, &got);
	ssize_t n;

	asked = want < sizeof(a->in) - a->have ? want : sizeof(a->in) - a->have;
	n = recv((int)a->sock, a->in + a->have, asked, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		broken(a, n ? CAUSE_RESET : CAUSE_END);
		return 0;
	}
	a->have = (uint16_t)(a->have + n);
	want = message_answer(a->in, a->have, offers_none(a), a->o->login, &got);
	if (got.fault != FAULT_NONE)
		broken(a, (enum cause)(CAUSE_VERSION + got.fault - FAULT_VERSION));
	else if (got.stage == STAGE_REPLY)
		answered(a, &got);
	else {
		if (got.stage != a->stage)
			advance(a, &got);
		return want && (size_t)n == asked;
	}
	return 0;
}

static void on_ready(void *arg)
{
	struct attempt *a = arg;

	if (a->o->loop->io_ready(a->io) & ADIT_IO_WRITE)
		send_out(a);
	if (a->o->loop->io_ready(a->io) & ADIT_IO_READ)
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

	a->reaching = NULL;
	if (result < 0) {
		give_up(a, cause_of(result));
		return;
	}
	a->sock = sock;
	if (a->o->loop->io(a->o->env->loop, sock, on_ready, a, &a->io) < 0)
		give_up(a, CAUSE_MEMORY);
	else
		greet(a);
}

/* Starts with the first proxy from a->server on that is not refused at once. */
static adit_result reach_server(struct attempt *a)
{
	struct socks *o = a->o;
	uint64_t now = o->loop->now(o->env->loop);
	adit_result result;

	for (; a->server < o->server_count; a->server++) {
		a->share = now + (a->deadline > now ? (a->deadline - now) / (o->server_count - a->server) : 0);
		result = o->server->connect(o->env->loop, server_of(a)->where, a->share, on_connected, a, &a->reaching);
		if (result >= 0)
			return ADIT_OK;
		a->last_result = causes[cause_of(result)].result;
		tell(a, cause_of(result));
	}
	return a->last_result;
}

static void try_server(struct attempt *a)
{
	adit_result result = reach_server(a);

	if (result < 0)
		finish(a, result, -1, NULL);
}

adit_result attempt_start(struct socks *o, const struct attempt_wish *wish, struct attempt **out)
{
	const adit_host *host = o->env->host;
	uint64_t now = o->loop->now(o->env->loop);
	struct attempt *a;
	adit_result result;

	if (o->attempt_count >= ATTEMPTS_MOST)
		return ADIT_ELIMIT;
	a = host->alloc(host, sizeof(*a), 0);
	if (!a)
		return ADIT_ENOMEM;
	a->o = o;
	a->sock = -1;
	a->command = wish->command;
	a->dst = wish->dst;
	a->done = wish->done;
	a->arg = wish->arg;
	a->deadline = now + o->timeout;
	if (wish->deadline_ns && wish->deadline_ns < a->deadline)
		a->deadline = wish->deadline_ns;
	if (wish->name)
		memcpy(a->name, wish->name, strlen(wish->name) + 1);
	result = reach_server(a);
	if (result < 0) {
		host->release(host, a);
		return result;
	}
	a->next = o->attempts;
	a->link = &o->attempts;
	if (a->next)
		a->next->link = &a->next;
	o->attempts = a;
	if (!o->attempt_count++)
		o->loop->timer_set(o->clock, CLOCK_NS, CLOCK_NS);
	*out = a;
	return ADIT_OK;
}

/* Nonzero: something happened to it, and it may be gone. */
static int expire(struct attempt *a, uint64_t now)
{
	if (a->io && a->stall && a->stall <= now) {
		probe_again(a);
		return 1;
	}
	if (a->share > now)
		return 0;
	give_up(a, CAUSE_TIME);
	return 1;
}

void attempts_expire(struct socks *o)
{
	uint64_t now = o->loop->now(o->env->loop);
	struct attempt *a, *next;
	int again;

	/* What ends may take others along: start over after each. */
	do {
		again = 0;
		for (a = o->attempts; a && !again; a = next) {
			next = a->next;
			again = expire(a, now);
		}
	} while (again);
}
