/* SPDX-License-Identifier: MIT
 * dial/forward.c - forwarded flows: the outbound is asked to reach the destination, and what it answers is begun
 *
 * A TCP flow is a join (dial/join.h) until both of its ends have turned out to be kernel sockets, and a relay's from there
 * on. With connect-first the stack is not even told of the flow before the far end is there, so that what the network says
 * to the connect is what the application hears. A flow that its handler had accepted is taken over: what the handler gave
 * back goes first.
 */
#include "dial/forward.h"

#include <stdlib.h>
#include <unistd.h>

#include "dial/carry.h"
#include "dial/datagram.h"
#include "dial/dialer.h"
#include "dial/join.h"
#include "dial/relay.h"
#include "dial/server.h"
#include "flow/held.h"
#include "observe/log.h"
#include "os/os.h"

/* ---- both ends are sockets ---- */

/* What hangs on a flow that a relay has. */
struct relayed {
	struct shard *shard;
	struct flow *flow;
	struct relay *relay;
};

static void on_relay_ended(void *arg, adit_result result)
{
	struct relayed *w = arg;
	struct shard *s = w->shard;
	struct flow *f = w->flow;

	free(w);
	f->owner = NULL;
	f->owned = NULL;
	flow_close(s, f, result);
}

/* The ends have given their sockets: what they say now is of no concern, but a second socket. */
static void on_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	if (ev->type == ADIT_EV_CLOSED)
		return;
	shard_count(s, COUNT_misuse, 1);
	if (ev->flags & ADIT_EVF_BUF)
		bufpool_put(&ev->u.buf, 1);
	else if (ev->type == ADIT_EV_SOCKET)
		close((int)ev->u.num);
	flow_end(s, f, ADIT_EINVAL);
}

static void on_end(struct shard *s, struct flow *f, adit_result code)
{
	struct relayed *w = f->owned;

	f->owner = NULL;
	f->owned = NULL;
	relay_abort(w->relay);
	free(w);
}

static const struct flow_owner relayed = {"relay", on_event, on_event, on_end, NULL};

void forward_relay(struct shard *s, struct flow *f, int near, int far, adit_buf *first)
{
	uint64_t *moved[2] = {&f->bytes_up, &f->bytes_down};
	struct relayed *w = malloc(sizeof(*w));
	adit_result result = ADIT_ENOMEM;

	f->flags &= (uint16_t)~FLOW_WAITING;
	flowtable_established(s->flows, f);
	if (w) {
		*w = (struct relayed){s, f, NULL};
		result = relay_start(&w->relay, s->relays, near, far, moved, &f->last, on_relay_ended, w);
	}
	if (result != ADIT_OK) {
		relay_reset_socket(near);
		relay_reset_socket(far);
		if (first)
			bufpool_put(&first, 1);
	} else if (first && relay_first(w->relay, first) != ADIT_OK) {
		result = ADIT_ENOMEM;
		relay_abort(w->relay);
	}
	if (result != ADIT_OK) {
		free(w);
		flow_close(s, f, result);
		return;
	}
	f->owner = &relayed;
	f->owned = w;
}

/* ---- reaching ---- */

static void reach(struct shard *s, struct part *out, struct flow *f, const adit_addr *dst)
{
	adit_reach req = {
		.size = sizeof(req),
		.proto = f->info.proto,
		.flow = flow_handle(f),
		.dst = *dst,
		.name = flow_name(f),
		.deadline_ns = s->timeouts.connect ? loop_now(s->loop) + s->timeouts.connect * OS_SECOND : 0,
	};

	out->flows++;
	out->inside++;
	out->table.outbound->reach(out->inst, &req, 1);
	out->inside--;
}

static void join_reach(struct shard *s, struct part *out, struct flow *f, const adit_addr *dst)
{
	struct join *j = f->owned;

	j->asked.us = (uint32_t)(loop_now(s->loop) / 1000);
	reach(s, out, f, dst);
}

static int takes(const struct part *out, uint8_t proto)
{
	uint32_t need = proto == ADIT_PROTO_TCP   ? ADIT_OUTBOUND_TCP
	                : proto == ADIT_PROTO_UDP ? ADIT_OUTBOUND_UDP
	                                          : ADIT_OUTBOUND_ECHO;

	return (out->table.outbound->flags & need) != 0;
}

/* The outbound of this number, if it can take the flow. */
static struct part *outbound_for(struct shard *s, const struct flow *f, uint8_t number)
{
	struct part *out = shard_outbound(s, number);

	return out && out->started && takes(out, f->info.proto) ? out : NULL;
}

static void forward_datagrams(struct shard *s, struct part *out, struct flow *f, const adit_addr *dst)
{
	adit_flow handle = flow_handle(f);

	datagram_begin(s, f);
	reach(s, out, f, dst);
	f = flowtable_look(s->flows, handle);
	if (f && datagram_waits(f))
		datagram_go_on(s, f);
}

static void forward(struct shard *s, struct flow *f, uint8_t number, uint8_t op_flags, const adit_addr *dst)
{
	struct part *out = outbound_for(s, f, number);
	struct join *j;

	if (!out) {
		flow_refuse(s, f, ADIT_EADMIN);
		return;
	}
	f->outbound = out->index;
	if (f->info.proto != ADIT_PROTO_TCP) {
		forward_datagrams(s, out, f, dst);
		return;
	}
	j = join_new(s, f);
	if (!j) {
		flow_refuse(s, f, ADIT_ENOMEM);
		return;
	}
	if (op_flags & ADIT_OPF_CONNECT_FIRST)
		flowtable_move(s->flows, f, FLOW_DIAL);
	else
		flow_admit(s, f, ADIT_OPF_SOCKET);
	if (f->owner == &join_owner)
		join_reach(s, out, f, dst);
}

/* What the handler left is the near end's first. */
static void take_stream(struct shard *s, struct flow *f, uint32_t swallowed, uint32_t credit)
{
	adit_op consume = {.type = ADIT_OP_CONSUME, .flow = flow_handle(f), .u.num = swallowed};
	adit_op ask = {.type = ADIT_OP_SOCKET, .flow = flow_handle(f)};
	struct part *stack = flow_stack(s, f);
	adit_buf *first = held_all(&f->parked);
	struct join *j = f->owned;

	if (first)
		backlog_add(&j->lane[JOIN_NEAR], first);
	j->side[JOIN_NEAR].fin = (f->flags & FLOW_NEAR_FIN) != 0;
	if (stack->table.stack->flags & ADIT_STACK_SOCKETS) {
		j->side[JOIN_NEAR].asked = 1;
		part_op(stack, &ask);
		return;
	}
	if (f->flags & FLOW_ESTABLISHED)
		join_near_is_party(j, credit);
	if (swallowed)
		part_op(stack, &consume);
}

static void take_over(struct shard *s, struct flow *f, uint8_t number, const adit_addr *dst)
{
	struct part *out = outbound_for(s, f, number);
	uint32_t given = f->had.given, credit = f->had.credit;

	if (!out) {
		flow_end(s, f, ADIT_EADMIN);
		return;
	}
	f->outbound = out->index;
	if (f->info.proto != ADIT_PROTO_TCP) {
		forward_datagrams(s, out, f, dst);
		return;
	}
	if (!join_new(s, f)) {
		flow_end(s, f, ADIT_ENOMEM);
		return;
	}
	f->flags |= FLOW_WAITING;
	take_stream(s, f, given, credit);
	if (f->owner == &join_owner)
		join_reach(s, out, f, dst);
}

static adit_result carry(const adit_path *path, adit_flow flow, const adit_addr *dst)
{
	struct part *out = path->end;
	struct shard *s = out->shard;
	struct flow *f;
	adit_result r;

	if (!loop_here(s->loop))
		return ADIT_ETHREAD;
	f = flowtable_get(s->flows, flow);
	if (!f)
		return ADIT_ESTALE;
	if (!datagram_waits(f) || f->outbound != out->index)
		return ADIT_EINVAL;
	f->owner = NULL;
	r = carry_flow(s, f, dst);
	if (r == ADIT_OK) {
		f->flags &= (uint16_t)~FLOW_WAITING;
		datagram_replay(s, f);
	} else {
		datagram_begin(s, f);
	}
	return r;
}

const struct shard_exits forward_exits = {forward, take_over};

const adit_dial_1 forward_dial_table = {
	.size = sizeof(adit_dial_1),
	.connect = dialer_connect,
	.cancel = dialer_cancel,
	.carry = carry,
};

adit_result forward_shard_init(struct shard *s)
{
	struct dialer *d;
	adit_result r;

	s->exits = &forward_exits;
	r = relay_shard_new(&s->relays, s->loop);
	if (r == ADIT_OK)
		r = join_shard_new(s);
	if (r == ADIT_OK)
		r = dialer_new(&d, s);
	if (r == ADIT_OK) {
		s->dialer = d;
		r = servers_new(&s->servers, s);
	}
	if (r == ADIT_OK) {
		r = carrier_new(s);
	}
	if (r != ADIT_OK)
		forward_shard_fini(s);
	return r;
}

void forward_shard_fini(struct shard *s)
{
	carrier_free(s);
	servers_free(s->servers);
	s->servers = NULL;
	dialer_free(s->dialer);
	s->dialer = NULL;
	join_shard_free(s);
	relay_shard_free(s->relays);
	s->relays = NULL;
}
