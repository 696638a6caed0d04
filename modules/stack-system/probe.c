/* SPDX-License-Identifier: MIT
 * stack-system/probe.c - the self-test: one connection through the real path, once, after start
 *
 * private: a SYN from an alias nobody else has goes into the inner device; the listener's SYN+ACK
 * must come back. transparent: a socket in the device's place connects to an address of TEST-NET-1;
 * its packets pass the device, the host (claims) and the rules, and the listener must give it out.
 * Where no route leads through the device at that time nothing is tested, and the log says so: that is so when the
 * first packet does not come by the device.
 * portable: as private, but by the device, whose answer the host hands back (claims). It is not read before
 * the platform has started, so the SYN is sent again now and then.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rewrite.h"
#include "stack.h"

#define STEP_NS 5000000ull
enum {
	STEPS = 400, /* until there must be an answer */
	UNSEEN = 100, /* until the first packet must have come by the device */
	AGAIN = 40,
	UNASKED = 20, /* until instance 0 begins by itself: the test's packets may come by the queue of any other one */
	SYN_SIZE = 40,
	PORT = 9,
	ISN = 1
};

struct probe {
	adit_timer *timer;
	intptr_t socket; /* the application's side, form "transparent" */
	adit_addr src;   /* the alias, form "private" */
	int steps;       /* that are left */
	int waiting; /* steps until the test begins by itself; form "transparent" */
	int running;
	int asked;        /* the settings want it */
	uint32_t outcome; /* 1 + enum outcome; 0: none yet. Form "transparent" has it in the group */
	/* who waits for the outcome (adit_stack_1.probe); null: nobody */
	adit_probed done;
	void *done_arg;
	int patience; /* steps */
};

static const adit_addr nowhere = {.family = 4, .ip = {192, 0, 2, 1}, .port = PORT};

enum outcome { PASSED, FAILED, NOT_MADE };

static void over(struct stack *st, enum outcome outcome, const char *why)
{
	struct probe *p = st->probe;

	p->running = 0;
	__atomic_store_n(&st->group->probe_port, 0, __ATOMIC_RELAXED);
	p->outcome = 1 + (uint32_t)outcome;
	if (st->form == FORM_TRANSPARENT)
		__atomic_store_n(&st->group->probe_outcome, p->outcome, __ATOMIC_RELEASE);
	if (outcome == FAILED)
		__atomic_fetch_or(&st->group->record->failed, 1u << st->form, __ATOMIC_RELAXED);
	if (!p->done) /* else the next step tells it */
		st->loops->timer_set(p->timer, 0, 0);
	if (p->socket >= 0)
		socket_reset((int)p->socket);
	p->socket = -1;
	say(st,
	    outcome == FAILED ? ADIT_LOG_WARN
	    : st->shard       ? ADIT_LOG_DEBUG
	                      : ADIT_LOG_INFO,
	    "self-test of form \"%s\": %s%s", form_name(st->form),
	    outcome == PASSED   ? "passed"
	    : outcome == FAILED ? "failed: "
	                        : "not made: ",
	    outcome == PASSED ? "" : why);
}

static void send_syn(struct stack *st);
static void start_transparent(struct stack *st);

static uint32_t outcome_of(const struct stack *st)
{
	return st->form == FORM_TRANSPARENT ? __atomic_load_n(&st->group->probe_outcome, __ATOMIC_ACQUIRE) : st->probe->outcome;
}

/* In form "transparent" instance 0 makes the test for all; the others wait for what comes of it. */
static void tell(struct stack *st)
{
	uint32_t outcome = outcome_of(st);
	struct probe *p = st->probe;
	adit_probed done = p->done;
	char why[96];

	if (!outcome && --p->patience > 0)
		return;
	st->loops->timer_set(p->timer, 0, 0);
	p->done = NULL;
	snprintf(why, sizeof(why), "the self-test of form \"%s\" failed", form_name(st->form));
	if (outcome == 1 + PASSED)
		done(p->done_arg, ADIT_OK, NULL);
	else if (outcome == 1 + NOT_MADE)
		done(p->done_arg, ADIT_ENET, "the self-test could not be made: no route leads through the device");
	else
		done(p->done_arg, st->wanted == FORM_AUTO ? ADIT_EAGAIN : ADIT_EIO, why);
}

static void ADIT_CALL on_step(void *arg)
{
	struct stack *st = arg;

	if (st->probe->waiting > 0 && --st->probe->waiting == 0)
		start_transparent(st);
	if (!st->probe->running) {
		if (st->probe->done)
			tell(st);
		return;
	}
	if (st->form == FORM_PORTABLE && st->probe->steps % AGAIN == 0)
		send_syn(st);
	if (__atomic_load_n(&st->group->probe_passed, __ATOMIC_RELAXED))
		over(st, PASSED, NULL);
	else if (--st->probe->steps == STEPS - UNSEEN && st->form == FORM_TRANSPARENT &&
	         !__atomic_load_n(&st->group->probe_seen, __ATOMIC_RELAXED))
		over(st, NOT_MADE, "no route leads through the device");
	else if (st->probe->steps <= 0)
		over(st, FAILED,
		     "no answer within 2 s; look for firewall rules in the device's namespace, or "
		     "choose another form");
}

void probe_open(struct stack *st)
{
	adit_addr any = {.family = 4};
	struct probe *p = st->host->alloc(st->host, sizeof(*p), 0);

	if (!p)
		return;
	p->socket = -1;
	if (st->form == FORM_TRANSPARENT &&
	    st->places->socket(st->place, ADIT_PROTO_TCP, &any, 0, &p->socket) != ADIT_OK)
		p->socket = -1;
	st->probe = p;
}

static void start_transparent(struct stack *st)
{
	struct probe *p = st->probe;
	struct sockaddr_storage ss = {0};
	socklen_t size = sizeof(ss);
	adit_addr src;

	p->running = 1;
	/* Bound already, so the port is known before the first packet is out. */
	if (p->socket < 0 || getsockname((int)p->socket, (struct sockaddr *)&ss, &size) != 0) {
		over(st, NOT_MADE, "no socket was to be had");
		return;
	}
	adit_from_sockaddr((struct sockaddr *)&ss, &src);
	__atomic_store_n(&st->group->probe_passed, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&st->group->probe_seen, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&st->group->probe_port, src.port, __ATOMIC_RELAXED);
	size = adit_to_sockaddr(&nowhere, &ss);
	if (connect((int)p->socket, (struct sockaddr *)&ss, size) != 0 && errno != EINPROGRESS)
		over(st, NOT_MADE, "no route leads through the device yet");
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* A SYN without options from src to the IPv4 listener, complete with both checksums. */
static void write_syn(uint8_t *p, const adit_addr *src, const adit_addr *dst)
{
	memset(p, 0, SYN_SIZE);
	p[0] = 0x45;
	put16(p + 2, SYN_SIZE);
	p[8] = 64;
	p[9] = ADIT_PROTO_TCP;
	memcpy(p + 12, src->ip, 4);
	memcpy(p + 16, dst->ip, 4);
	put16(p + 10, ~rewrite_sum(p, 20, 0) & 0xffff);
	put16(p + 20, src->port);
	put16(p + 22, dst->port);
	p[27] = ISN;
	p[32] = 5 << 4;
	p[33] = REWRITE_SYN;
	put16(p + 34, 65535);
	put16(p + 36, ~rewrite_sum(p + 12, SYN_SIZE - 12, ADIT_PROTO_TCP + 20) & 0xffff);
}

/* From an address that is an alias's, and a port that is none's: port 9 is below every alias's. */
static adit_result make_source(const struct stack *st, adit_addr *out)
{
	adit_result result = alias_make(&st->aliases[0], 0, 0, out);

	out->port = PORT;
	return result;
}

int probe_is_alias(const struct stack *st, const adit_addr *a)
{
	adit_addr own;

	return a->family == 4 && a->port == PORT && st->bound[0].family && make_source(st, &own) == ADIT_OK &&
	       memcmp(own.ip, a->ip, 4) == 0;
}

static void send_syn(struct stack *st)
{
	adit_buf *b;

	if (st->path->get(st->path->end, &b, 1, SYN_SIZE) != 1)
		return; /* the test ends without an answer, and says so */
	write_syn(b->data, &st->probe->src, &st->listeners[0].addr);
	b->len = SYN_SIZE;
	b->flags = 0;
	if (st->form == FORM_PRIVATE)
		inner_write(st, b);
	else
		st->path->output(st->path->end, &b, 1);
}

static void start_with_alias(struct stack *st)
{
	struct probe *p = st->probe;

	p->running = 1;
	if (!st->listeners[0].addr.family || make_source(st, &p->src) != ADIT_OK) {
		over(st, NOT_MADE, "there is no IPv4 listener");
		return;
	}
	if (st->form == FORM_PRIVATE)
		send_syn(st);
}

void probe_start(struct stack *st)
{
	int32_t asked = 1;

	st->config->truth(st->cfg, "selftest", &asked);
	if (!st->probe || st->loops->timer(st->loop, on_step, st, &st->probe->timer) != ADIT_OK || !asked)
		return;
	st->probe->asked = 1;
	st->loops->timer_set(st->probe->timer, STEP_NS, STEP_NS);
	st->probe->steps = STEPS;
	if (st->form == FORM_TRANSPARENT)
		st->probe->waiting = st->shard == 0 ? UNASKED : 0;
	else
		start_with_alias(st);
	if (!st->probe->running && !st->probe->waiting)
		st->loops->timer_set(st->probe->timer, 0, 0);
}

adit_result ADIT_CALL probe_ask(void *inst, uint32_t flags, adit_probed done, void *arg)
{
	struct stack *st = inst;
	struct probe *p = st->probe;

	/* The packets of the other forms pass the host: it can try them itself, with whole flows. */
	if (!p || !p->timer || (flags & ADIT_PROBE_START ? !p->asked : st->form != FORM_TRANSPARENT))
		return ADIT_ENOSYS;
	p->done = done;
	p->done_arg = arg;
	p->patience = 2 * STEPS;
	st->loops->timer_set(p->timer, STEP_NS, STEP_NS);
	/* Now all instances are there. Where the settings leave the self-test out, it is made all the same. */
	if (!st->shard && !p->running && !outcome_of(st)) {
		p->waiting = 0;
		p->steps = STEPS;
		start_transparent(st);
	}
	return ADIT_OK;
}

static int is_test(const struct stack *st)
{
	return st->probe && st->probe->running;
}

/* Of every instance, whichever made the test. */
static int is_probe(const struct stack *st, const adit_addr *src)
{
	uint32_t port = __atomic_load_n(&st->group->probe_port, __ATOMIC_RELAXED);

	return port && st->form == FORM_TRANSPARENT && src->family == 4 && src->port == port;
}

int probe_claims(const struct stack *st, const adit_addr *src, const adit_addr *dst)
{
	if (!is_probe(st, src) || dst->port != PORT || memcmp(dst->ip, nowhere.ip, 4) != 0)
		return 0;
	__atomic_store_n(&st->group->probe_seen, 1, __ATOMIC_RELAXED);
	return 1;
}

int probe_accepted(struct stack *st, int fd, const adit_addr *src, const adit_addr *dst)
{
	if (!probe_claims(st, src, dst))
		return 0;
	__atomic_store_n(&st->group->probe_passed, 1, __ATOMIC_RELAXED);
	socket_reset(fd);
	return 1;
}

int probe_answered(struct stack *st, const adit_buf *b)
{
	const struct probe *p = st->probe;
	struct rewrite_view v;

	if (!is_test(st) || st->form == FORM_TRANSPARENT ||
	    rewrite_parse(b->data, b->len, &v) != ADIT_OK || v.dst.port != PORT ||
	    v.dst.family != 4 || memcmp(v.dst.ip, p->src.ip, 4) != 0)
		return 0;
	if (v.tcp_flags == (REWRITE_SYN | REWRITE_ACK))
		over(st, PASSED, NULL);
	else
		over(st, FAILED, "the listener refused the connection");
	return 1;
}

void probe_close(struct stack *st)
{
	struct probe *p = st->probe;

	if (!p)
		return;
	if (p->timer)
		st->loops->timer_free(p->timer);
	if (p->socket >= 0)
		close((int)p->socket);
	st->host->release(st->host, p);
	st->probe = NULL;
}
