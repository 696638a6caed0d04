/* SPDX-License-Identifier: MIT
 * dial/forward.c - forwarded flows
 *
 * A forwarded TCP flow waits for two sockets: the near one from its stack, the far one from its outbound. With
 * connect-first the stack is not even told of the flow before the far one is there, so that what the network
 * says to the connect is what the application hears. When both are there, a relay takes them.
 */
#include "dial/forward.h"

#include <stdlib.h>
#include <unistd.h>

#include "dial/carry.h"
#include "dial/dialer.h"
#include "dial/relay.h"
#include "dial/server.h"
#include "observe/log.h"
#include "os/os.h"

/* What hangs on a forwarded TCP flow. */
struct forward {
	struct shard *shard;
	adit_flow flow;
	struct relay *relay; /* once both sockets are there */
	int near, far;       /* -1: not there yet; the relay's afterwards */
	uint32_t asked;      /* us, of the loop's clock: when the outbound was asked */
	uint8_t far_over;    /* the outbound needs no CLOSE: it has given the socket, or has ended */
};

static const struct flow_owner forwarded;

static void reset_socket(int fd)
{
	if (fd >= 0)
		relay_reset_socket(fd);
}

static struct part *outbound_of(struct shard *s, const struct flow *f)
{
	return s->parts[PART_OUTBOUND][f->outbound];
}

/* Lets go of everything; the flow itself is the caller's to close. */
static void forward_free(struct shard *s, struct flow *f)
{
	struct forward *w = f->owned;
	adit_op op = {.type = ADIT_OP_ABORT, .flow = w->flow};

	/* What the two ends say to their operations, maybe before these return, is nobody's concern any more. */
	f->owner = NULL;
	f->owned = NULL;
	if (w->relay)
		relay_abort(w->relay);
	else if (f->state == FLOW_OPEN && w->near < 0)
		part_op(flow_stack(s, f), &op);
	if (!w->far_over)
		part_op(outbound_of(s, f), &op);
	if (!w->relay) {
		reset_socket(w->near);
		reset_socket(w->far);
	}
	free(w);
}

static void end_with(struct shard *s, struct flow *f, adit_result code)
{
	int refuse = f->state == FLOW_DIAL;

	forward_free(s, f);
	if (refuse)
		flow_refuse(s, f, code);
	else
		flow_close(s, f, code);
}

static void on_relay_ended(void *arg, adit_result result)
{
	struct forward *w = arg;
	struct flow *f = flowtable_get(w->shard->flows, w->flow);

	w->relay = NULL;
	if (f)
		flow_close(w->shard, f, result);
	free(w);
}

static void join(struct shard *s, struct flow *f)
{
	struct forward *w = f->owned;
	uint64_t *moved[2] = {&f->bytes_up, &f->bytes_down};

	if (w->near < 0 || w->far < 0)
		return;
	if (relay_start(&w->relay, s->relays, w->near, w->far, moved, &f->last, on_relay_ended, w) != ADIT_OK)
		end_with(s, f, ADIT_ENOMEM);
}

static void near_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	struct forward *w = f->owned;

	switch (ev->type) {
	case ADIT_EV_SOCKET:
		if (w->near >= 0 || w->relay) {
			close((int)ev->u.num);
			shard_count(s, COUNT_misuse, 1);
			return;
		}
		w->near = (int)ev->u.num;
		f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
		flowtable_established(s->flows, f);
		join(s, f);
		break;
	case ADIT_EV_CLOSED:
		if (!w->relay)
			end_with(s, f, ev->code);
		break;
	default:
		/* A stack that keeps the bytes: only sockets are relayed. */
		if (ev->flags & ADIT_EVF_BUF)
			bufpool_put(&ev->u.buf, 1);
		shard_count(s, COUNT_unknown_events, 1);
		break;
	}
}

static void far_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	struct forward *w = f->owned;

	switch (ev->type) {
	case ADIT_EV_SOCKET:
		if (w->far >= 0 || w->relay) {
			close((int)ev->u.num);
			shard_count(s, COUNT_misuse, 1);
			return;
		}
		w->far = (int)ev->u.num;
		part_reached(outbound_of(s, f), w->asked);
		w->far_over = 1;
		if (f->state == FLOW_DIAL)
			flow_admit(s, f, ADIT_OPF_SOCKET);
		else
			join(s, f);
		break;
	case ADIT_EV_CLOSED:
		if (w->relay)
			break;
		w->far_over = 1;
		end_with(s, f, ev->code < 0 ? ev->code : ADIT_ERESET);
		break;
	default:
		if (ev->flags & ADIT_EVF_BUF)
			bufpool_put(&ev->u.buf, 1);
		shard_count(s, COUNT_unknown_events, 1);
		break;
	}
}

static void on_end(struct shard *s, struct flow *f, adit_result code)
{
	forward_free(s, f);
}

static const struct flow_owner forwarded = {"relay", near_event, far_event, on_end};

static void reach(struct shard *s, struct part *out, struct flow *f, const adit_addr *dst)
{
	adit_reach req = {
		.size = sizeof(req),
		.proto = f->info.proto,
		.flow = flow_handle(f),
		.dst = *dst,
		.deadline_ns = s->timeouts.connect ? loop_now(s->loop) + s->timeouts.connect * OS_SECOND : 0,
	};

	out->flows++;
	out->inside++;
	out->table.outbound->reach(out->inst, &req, 1);
	out->inside--;
}

static int takes(const struct part *out, uint8_t proto)
{
	uint32_t need = proto == ADIT_PROTO_TCP   ? ADIT_OUTBOUND_TCP
	                : proto == ADIT_PROTO_UDP ? ADIT_OUTBOUND_UDP
	                                          : ADIT_OUTBOUND_ECHO;

	return (out->table.outbound->flags & need) != 0;
}

static void forward(struct shard *s, struct flow *f, uint8_t number, uint8_t op_flags, const adit_addr *dst)
{
	struct part *out = s->part_count[PART_OUTBOUND] ? s->parts[PART_OUTBOUND][number ? number - 1 : 0] : NULL;
	adit_flow handle = flow_handle(f);
	struct forward *w;

	if (!out || !out->started || !takes(out, f->info.proto)) {
		flow_refuse(s, f, ADIT_EADMIN);
		return;
	}
	f->outbound = out->index;
	if (f->info.proto != ADIT_PROTO_TCP) {
		reach(s, out, f, dst);
		f = flowtable_get(s->flows, handle);
		/* The outbound must have called carry(), or have ended the flow. */
		if (f && f->state == FLOW_ASKED)
			flow_refuse(s, f, ADIT_EADMIN);
		return;
	}
	w = calloc(1, sizeof(*w));
	if (!w) {
		flow_refuse(s, f, ADIT_ENOMEM);
		return;
	}
	w->shard = s;
	w->flow = handle;
	w->near = w->far = -1;
	f->owner = &forwarded;
	f->owned = w;
	if (op_flags & ADIT_OPF_CONNECT_FIRST)
		flowtable_move(s->flows, f, FLOW_DIAL);
	else
		flow_admit(s, f, ADIT_OPF_SOCKET);
	f = flowtable_get(s->flows, handle);
	if (f && f->owned == w) {
		w->asked = (uint32_t)(loop_now(s->loop) / 1000);
		reach(s, out, f, dst);
	}
}

static adit_result carry(const adit_path *path, adit_flow flow, const adit_addr *dst)
{
	struct part *out = path->end;
	struct flow *f;

	if (!loop_here(out->shard->loop))
		return ADIT_ETHREAD;
	f = flowtable_get(out->shard->flows, flow);
	if (!f)
		return ADIT_ESTALE;
	if (f->info.proto == ADIT_PROTO_TCP || f->state != FLOW_ASKED || f->owner)
		return ADIT_EINVAL;
	return carry_flow(out->shard, f, dst);
}

const struct shard_exits forward_exits = {forward};

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
	relay_shard_free(s->relays);
	s->relays = NULL;
}
