/* SPDX-License-Identifier: MIT
 * flow/ending.c - how flows begin to be served and how they end: admission, refusal, close, ageing
 *
 * A TCP flow that is over stays CLOSED for a while, so that late segments still find the stack that knows the
 * connection: until timeouts.closed, or until there are too many such flows. Datagram flows are forgotten at
 * once. A refused datagram flow stays too, so that its next packets are refused without asking again.
 */
#include "flow/shard.h"

#include <string.h>

#include "flow/tap.h"
#include "observe/log.h"
#include "os/os.h"
#include "packet/parse.h"

static const uint64_t MILLISECOND = OS_SECOND / 1000;

enum {
	SWEEP_TICKS = 16, /* a full round takes at most so many seconds */
	SWEEP_LEAST = 1024,
	/* When more than this part of the half-open flows that may be are there, a handshake has only so many seconds:
	 * the application is on this machine, and whoever makes SYNs faster than they are answered must not keep new
	 * flows out for the time that a slow network is given. */
	CROWDED_PART = 4,
	CROWDED_SECONDS = 5,
	CROWDED_TICKS = 2,
	/* When no more may be there, the oldest gives way to a new one if it has been offered to the application for so
	 * long without a word of it, or nothing has been heard of its destination: milliseconds. */
	OFFERED_MS = 250,
	DIALLING_MS = 3000
};

struct part *flow_stack(struct shard *s, const struct flow *f)
{
	return s->parts[PART_STACK][f->stack];
}

void flow_unpark(struct flow *f)
{
	adit_buf *b = f->parked;

	f->parked = NULL;
	if (b)
		bufpool_put(&b, 1);
}

void flow_admit(struct shard *s, struct flow *f, uint16_t accept_flags)
{
	struct part *stack = flow_stack(s, f);
	adit_op op = {.type = ADIT_OP_ACCEPT, .flags = accept_flags, .flow = flow_handle(f)};
	adit_buf *first = f->parked;

	f->parked = NULL;
	f->flags |= FLOW_ACCEPTED;
	flowtable_move(s->flows, f, FLOW_OPEN);
	f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
	f->offered = (uint32_t)(loop_now(s->loop) / MILLISECOND);
	stack->flows++;
	if (s->on_change)
		s->on_change(s->on_change_arg, s, f, 0, ADIT_OK);
	part_op(stack, &op);
	if (!first)
		return;
	first->flow = op.flow;
	part_packets(stack, &first, 1);
}

/* The answer in the protocol's own way, if the rate allows one. */
static void answer(struct shard *s, struct flow *f, adit_result code)
{
	static const enum shard_counter which[] = {COUNT_refused_tcp, COUNT_refused_udp, COUNT_refused_echo};
	unsigned kind = flow_protocol(f->info.proto);

	if (f->parked)
		shard_refuse_packet(s, f->parked, code, which[kind]);
}

void flow_refuse(struct shard *s, struct flow *f, adit_result code)
{
	if (code != ADIT_OK)
		answer(s, f, code);
	flow_unpark(f);
	f->flags |= FLOW_REFUSED;
	f->user = (uint64_t)(int64_t)code;
	flow_close(s, f, code);
}

void flow_forget(struct shard *s, struct flow *f)
{
	adit_op op = {.type = ADIT_OP_RELEASE, .flow = flow_handle(f)};

	flow_unpark(f);
	if (f->flags & FLOW_ACCEPTED)
		part_op(flow_stack(s, f), &op);
	if (f->info.proto == ADIT_PROTO_UDP)
		home_leave(s, &f->info.src);
	flowtable_remove(s->flows, f);
}

void flow_close(struct shard *s, struct flow *f, adit_result code)
{
	const struct flow_limits *limits = flowtable_limits(s->flows);
	struct flow_counts counts;

	if (f->state == FLOW_CLOSED)
		return;
	flow_unpark(f);
	if (f->flags & (FLOW_HANDLED | FLOW_TOLD)) {
		adit_event ev = {.type = ADIT_EV_CLOSED, .code = code, .flow = flow_handle(f)};

		if (f->flags & FLOW_HANDLED)
			ev.user = f->user;
		f->flags &= (uint16_t) ~(FLOW_HANDLED | FLOW_TOLD);
		part_event(s->parts[PART_HANDLER][f->handler], &ev);
	}
	shard_count(s, COUNT_flows_closed, 1);
	shard_count_flow(s, COUNT_closed_tcp, f);
	if (s->taps)
		tap_end(s, f, code);
	if (s->on_end)
		s->on_end(s->on_end_arg, s, f, code);
	if (s->on_change)
		s->on_change(s->on_change_arg, s, f, 1, code);
	f->owner = NULL;
	f->owned = NULL;
	if (f->info.proto != ADIT_PROTO_TCP && !(f->flags & FLOW_REFUSED)) {
		flow_forget(s, f);
		return;
	}
	f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
	flowtable_move(s->flows, f, FLOW_CLOSED);
	/* Nothing hangs on a TCP flow that was refused before a stack knew it: a new SYN may ask again at once. */
	if (f->info.proto == ADIT_PROTO_TCP && !(f->flags & FLOW_ACCEPTED)) {
		flow_forget(s, f);
		return;
	}
	flowtable_count(s->flows, &counts);
	if (counts.closed > limits->closed)
		flow_forget(s, flowtable_oldest(s->flows, FLOWS_CLOSED));
}

void flow_end(struct shard *s, struct flow *f, adit_result code)
{
	const struct flow_owner *owner = f->owner;

	if (f->state == FLOW_CLOSED) {
		flow_forget(s, f);
		return;
	}
	if (f->state == FLOW_ASKED && !owner) {
		f->flags |= FLOW_TOLD; /* whoever still thinks about it can stop */
		flow_refuse(s, f, code);
		return;
	}
	/* Letting go makes stacks and outbounds say CLOSED, which nobody is to hear any more. */
	f->owner = NULL;
	if (owner)
		owner->end(s, f, code);
	if (f->state == FLOW_DIAL)
		flow_refuse(s, f, code);
	else
		flow_close(s, f, code);
}

int flow_make_room(struct shard *s)
{
	uint64_t now = loop_now(s->loop) / MILLISECOND;
	struct flow *f = flowtable_oldest(s->flows, FLOWS_OFFERED);

	if (!f || (uint32_t)now - f->offered < OFFERED_MS) {
		f = flowtable_oldest(s->flows, FLOWS_DIALLING);
		if (!f || now - f->opened / MILLISECOND < DIALLING_MS)
			return 0;
	}
	shard_count(s, COUNT_half_open_evicted, 1);
	flow_end(s, f, ADIT_ETIME);
	return 1;
}

/* ---- ageing ---- */

struct sweep {
	struct shard *shard;
	int crowded;
};

static uint32_t limit_of(const struct shard *s, const struct flow *f, int crowded)
{
	const struct shard_timeouts *t = &s->timeouts;

	switch (f->state) {
	case FLOW_ASKED:
		return t->asked;
	case FLOW_DIAL:
		return t->connect ? t->connect + 5 : 0; /* the dialer's own deadline comes first */
	case FLOW_CLOSED:
		return t->closed;
	default:
		break;
	}
	if (f->info.proto == ADIT_PROTO_TCP && !(f->flags & FLOW_ESTABLISHED))
		return crowded && (!t->connect || t->connect > CROWDED_SECONDS) ? CROWDED_SECONDS : t->connect;
	if (f->flags & FLOW_WAITING)
		return t->connect ? t->connect + 5 : 0;
	if (f->idle)
		return f->idle;
	if (f->info.proto == ADIT_PROTO_TCP)
		return t->tcp_idle;
	return f->info.proto == ADIT_PROTO_UDP ? t->udp_idle : t->echo_idle;
}

static void look_at(void *arg, struct flow *f)
{
	const struct sweep *sweep = arg;
	struct shard *s = sweep->shard;
	uint32_t now = (uint32_t)(loop_now(s->loop) / OS_SECOND), limit = limit_of(s, f, sweep->crowded);

	if (!limit || now - f->last <= limit)
		return;
	if (f->state != FLOW_CLOSED)
		shard_count(s, COUNT_flows_idle, 1);
	flow_end(s, f, ADIT_ETIME);
}

void flow_sweep(struct shard *s)
{
	struct sweep sweep = {s, 0};
	struct flow_counts counts;
	uint32_t n;

	flowtable_count(s->flows, &counts);
	sweep.crowded = counts.half_open > flowtable_limits(s->flows)->half_open / CROWDED_PART;
	n = counts.slots / (sweep.crowded ? CROWDED_TICKS : SWEEP_TICKS) + 1;
	s->sweep_at = flowtable_walk(s->flows, s->sweep_at, n < SWEEP_LEAST ? SWEEP_LEAST : n, look_at, &sweep);
	if (s->reassembly)
		reassembly_expire(s->reassembly, loop_now(s->loop));
}

static void on_sweep(void *arg)
{
	struct shard *s = arg;
	uint64_t now = os_now(), due = s->swept + OS_SECOND;

	histogram_add(&s->lateness, now > due ? now - due : 0);
	s->swept = now;
	flow_sweep(s);
}

void flow_sweep_start(struct shard *s)
{
	loop_timer_init(&s->sweep, s->loop, on_sweep, s);
	loop_timer_set(&s->sweep, OS_SECOND, OS_SECOND);
	s->swept = os_now();
}
