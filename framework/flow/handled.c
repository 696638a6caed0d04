/* SPDX-License-Identifier: MIT
 * flow/handled.c - flows that a handler owns: the stack's events go to it, its operations to the stack
 *
 * As long as it has sent nothing, a handler may give a flow up: it gives back what it has read (UNREAD), newest first,
 * and says FORWARD. What it has not been told yet is taken back from its queue, so that nothing is lost or out of order.
 */
#include "flow/shard.h"

#include <unistd.h>

#include "flow/held.h"
#include "observe/log.h"
#include "os/os.h"

static uint64_t chain_size(const adit_buf *b)
{
	uint64_t size = 0;

	for (; b; b = b->next)
		size += b->len;
	return size;
}

/* What a buffer counts for in had.given. */
static uint64_t weight(const struct flow *f, const adit_buf *b)
{
	return f->info.proto == ADIT_PROTO_TCP ? chain_size(b) : 1;
}

static uint32_t add_up(uint32_t a, uint64_t b)
{
	return a == FLOW_NO_END || b >= FLOW_NO_END - a ? FLOW_NO_END : a + (uint32_t)b;
}

static uint32_t take_off(uint32_t a, uint64_t b)
{
	return a == FLOW_NO_END ? a : b < a ? a - (uint32_t)b : 0;
}

/* ---- up ---- */

static void tell(struct shard *s, struct flow *f, const adit_event *ev)
{
	adit_event copy = *ev;

	copy.user = f->user;
	f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
	if (part_event(s->parts[PART_HANDLER][f->handler], &copy) != ADIT_OK) {
		if (f->info.proto == ADIT_PROTO_TCP)
			flow_end(s, f, ADIT_ENOMEM); /* a stream with a hole is none */
	} else {
		f->queued++;
	}
}

/* Takes in what goes to the handler. 0: it would be more than limits.flow_memory. A stream's stack holds back what is not
 * consumed (adit_env.flow_memory); one that does not is stopped here. One datagram always passes. */
static int may_wait(struct shard *s, struct flow *f, uint64_t size)
{
	int stream = f->info.proto == ADIT_PROTO_TCP;
	uint32_t waiting = stream ? f->had.given : f->queued ? f->had.bytes : 0;

	if (s->flow_memory && waiting + size > s->flow_memory && (waiting || stream))
		return 0;
	if (!stream)
		f->had.bytes = add_up(waiting, size);
	f->had.given = add_up(f->had.given, stream ? size : 1);
	return 1;
}

static void too_much(struct shard *s, struct flow *f, const adit_event *ev)
{
	adit_buf *b = ev->u.buf;

	bufpool_put(&b, 1);
	if (ev->type == ADIT_EV_DGRAM) {
		shard_count(s, COUNT_datagrams_dropped, 1);
		return;
	}
	shard_count(s, COUNT_misuse, 1);
	log_warn(flow_stack(s, f)->module, "module misuse: more than limits.flow_memory (%llu bytes) of one flow wait to be "
	                                   "consumed", (unsigned long long)s->flow_memory);
	flow_end(s, f, ADIT_ELIMIT);
}

static void on_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	switch (ev->type) {
	case ADIT_EV_SOCKET: /* was not asked for */
		close((int)ev->u.num);
		shard_count(s, COUNT_misuse, 1);
		return;
	case ADIT_EV_DATA:
	case ADIT_EV_DGRAM:
		if (!(ev->flags & ADIT_EVF_BUF) || !ev->u.buf) {
			shard_count(s, COUNT_misuse, 1);
			return;
		}
		if (!may_wait(s, f, chain_size(ev->u.buf))) {
			too_much(s, f, ev);
			return;
		}
		f->bytes_up += chain_size(ev->u.buf);
		break;
	case ADIT_EV_CREDIT:
		if (f->info.proto != ADIT_PROTO_TCP)
			break;
		f->had.credit = add_up(f->had.credit, ev->u.num);
		if (!(f->flags & FLOW_ESTABLISHED))
			flowtable_established(s->flows, f);
		break;
	case ADIT_EV_CLOSED:
		flow_close(s, f, ev->code);
		return;
	default:
		break;
	}
	tell(s, f, ev);
}

static void take_back(struct flow *f, adit_buf *chain, void (*put)(void **held, adit_buf *chain))
{
	f->had.given = take_off(f->had.given, weight(f, chain));
	put(&f->parked, chain);
}

void handled_keep(struct flow *f, const adit_event *ev)
{
	if (ev->type == ADIT_EV_FIN)
		f->flags |= FLOW_NEAR_FIN;
	else if (ev->type == ADIT_EV_DATA || ev->type == ADIT_EV_DGRAM)
		take_back(f, ev->u.buf, held_behind);
	else if (ev->flags & ADIT_EVF_BUF)
		bufpool_put(&ev->u.buf, 1);
}

static void let_go(struct shard *s, struct flow *f, adit_result code)
{
	adit_op op = {.type = ADIT_OP_ABORT, .code = code, .flow = flow_handle(f)};

	f->owner = NULL;
	if (f->flags & FLOW_ACCEPTED)
		part_op(flow_stack(s, f), &op);
}

static uint32_t waiting(const struct flow *f)
{
	return f->had.given;
}

static const struct flow_owner handled = {"handler", on_event, NULL, let_go, waiting};

void handled_begin(struct shard *s, struct flow *f, uint64_t user)
{
	f->owner = &handled;
	f->had.given = f->had.credit = 0;
	f->user = user;
	f->flags |= FLOW_HANDLED;
	flow_admit(s, f, 0);
}

int handled_is(const struct flow *f)
{
	return f->owner == &handled;
}

/* ---- down ---- */

/* Whether it may be passed on to the stack; if not, everything has been done. */
static int may_send(struct part *h, struct flow *f, const adit_op *op)
{
	uint64_t size;

	if (!(op->flags & ADIT_OPF_BUF) || !op->u.buf) {
		shard_misuse(h, op, "SEND without a buffer");
		return 0;
	}
	size = chain_size(op->u.buf);
	if (f->info.proto == ADIT_PROTO_TCP && size > f->had.credit) {
		shard_misuse(h, op, "SEND beyond the credit");
		flow_end(h->shard, f, ADIT_EINVAL);
		return 0;
	}
	if (f->info.proto == ADIT_PROTO_TCP)
		f->had.credit = take_off(f->had.credit, size);
	f->bytes_down += size;
	f->last = (uint32_t)(loop_now(h->shard->loop) / OS_SECOND);
	return 1;
}

static void unread(struct part *h, struct flow *f, const adit_op *op)
{
	if (!(op->flags & ADIT_OPF_BUF) || !op->u.buf) {
		shard_misuse(h, op, "UNREAD without a buffer");
		return;
	}
	if (weight(f, op->u.buf) > f->had.given || f->flags & FLOW_SPOKEN) {
		shard_misuse(h, op, "UNREAD of more than was read, or after something was sent");
		flow_end(h->shard, f, ADIT_EINVAL);
		return;
	}
	take_back(f, op->u.buf, held_before);
}

int handled_may_forward(struct part *h, const adit_op *op)
{
	const struct shard *s = h->shard;

	/* With an order the number may be of an outbound that has just gone: the flow is refused, but that is no misuse. */
	if (op->code >= 0 && op->code < SHARD_OUTBOUNDS && (!op->code || s->order || shard_outbound(s, (uint32_t)op->code)) &&
	    (!(op->flags & ADIT_OPF_ADDR) || op->u.addr))
		return 1;
	shard_misuse(h, op, "FORWARD to an outbound or an address that does not exist");
	return 0;
}

static void forward(struct part *h, struct flow *f, const adit_op *op)
{
	struct shard *s = h->shard;

	if (f->flags & FLOW_SPOKEN) {
		shard_misuse(h, op, "FORWARD after something was sent");
		flow_end(s, f, ADIT_EINVAL);
	} else if (!handled_may_forward(h, op)) {
		flow_end(s, f, ADIT_EADMIN);
	} else {
		shard_count(s, COUNT_verdict_forward, 1);
		part_reclaim(h, f);
		s->exits->take_over(s, f, (uint8_t)op->code, op->flags & ADIT_OPF_ADDR ? op->u.addr : &f->info.dst);
	}
}

void handled_op(struct part *h, struct flow *f, const adit_op *op)
{
	struct shard *s = h->shard;

	switch (op->type) {
	case ADIT_OP_FORWARD:
		forward(h, f, op);
		return;
	case ADIT_OP_UNREAD:
		unread(h, f, op);
		return;
	case ADIT_OP_IDLE:
		f->idle = (uint32_t)(op->u.num / OS_SECOND);
		return;
	case ADIT_OP_SEND:
		if (!may_send(h, f, op))
			return;
		break;
	case ADIT_OP_CONSUME:
		f->had.given = take_off(f->had.given, op->u.num);
		break;
	case ADIT_OP_FIN:
		break;
	case ADIT_OP_CLOSE:
	case ADIT_OP_ABORT:
		if (f->info.proto != ADIT_PROTO_TCP) {
			/* Nothing has to be brought to an end on the wire. */
			flow_close(s, f, op->type == ADIT_OP_ABORT ? ADIT_ECANCEL : ADIT_OK);
			return;
		}
		break;
	default:
		shard_misuse(h, op, "not an operation on a flow it owns");
		return;
	}
	if (op->type != ADIT_OP_CONSUME)
		f->flags |= FLOW_SPOKEN;
	part_op(flow_stack(s, f), op);
}
