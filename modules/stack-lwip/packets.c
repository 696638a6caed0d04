/* SPDX-License-Identifier: MIT
 * stack-lwip/packets.c - what comes in: packets and operations, each to the file that knows
 */
#include "stack.h"

enum { ECHO_REQUEST = 8, ECHO_REQUEST_6 = 128 };

void put_buf(struct stack *st, adit_buf *b)
{
	st->path->put(st->path->end, &b, 1);
}

static void flush_packets(struct stack *st)
{
	uint32_t n = st->outs;

	st->outs = 0;
	if (n)
		st->path->output(st->path->end, st->out, n);
}

void stack_flush(struct stack *st)
{
	uint32_t n;

	flush_packets(st);
	n = st->event_count;
	st->event_count = 0;
	if (n)
		st->path->emit(st->path->end, st->events, n);
}

void stack_emit(struct stack *st, const adit_event *ev)
{
	if (st->event_count == BATCH)
		stack_flush(st);
	st->events[st->event_count++] = *ev;
}

void stack_output(struct stack *st, adit_buf *b)
{
	if (st->outs == BATCH)
		flush_packets(st);
	b->flow = st->current ? st->current->flow : b->flow;
	st->out[st->outs++] = b;
}

struct slot *slot_find(struct stack *st, adit_flow flow)
{
	uint32_t i = ADIT_FLOW_SLOT(flow);
	struct slot *s = i < st->slot_count ? &st->slots[i] : NULL;

	return s && s->state != SLOT_FREE && s->flow == flow ? s : NULL;
}

/* False for an ICMP error about the flow, which comes by the flow's handle as well. */
static int is_own_protocol(const struct slot *s, const adit_buf *b)
{
	const uint8_t *p = b->data;
	uint8_t proto;

	if (p[0] >> 4 == 4)
		proto = p[9];
	else if (b->csum_start == 40)
		proto = p[6];
	else
		return s->proto != ADIT_PROTO_ICMPV6; /* extension headers: the host looked behind them */
	if (proto != s->proto)
		return 0;
	return (proto != ADIT_PROTO_ICMP || p[b->csum_start] == ECHO_REQUEST) &&
	       (proto != ADIT_PROTO_ICMPV6 || p[b->csum_start] == ECHO_REQUEST_6);
}

static void packet_up(struct stack *st, adit_buf *b)
{
	struct slot *s = slot_find(st, b->flow);

	if (!s || !is_own_protocol(s, b) || (s->proto == ADIT_PROTO_TCP ? !s->conn : s->state != SLOT_OPEN)) {
		st->counts.lost++;
		put_buf(st, b);
	} else if (s->proto == ADIT_PROTO_TCP) {
		conn_packet(s->conn, s, b);
	} else {
		datagram_up(st, s, b);
	}
}

void ADIT_CALL stack_input(void *inst, adit_buf *const *pkt, uint32_t n)
{
	struct stack *st = inst;
	uint32_t i;

	port_stack = st;
	timer_sync(st);
	for (i = 0; i < n; i++)
		packet_up(st, pkt[i]);
	stack_flush(st);
}

static void emit(struct stack *st, uint16_t type, adit_flow flow, int32_t code, uint64_t num)
{
	adit_event ev = {.type = type, .code = code, .flow = flow};

	ev.u.num = num;
	stack_emit(st, &ev);
}

static void accept_op(struct stack *st, adit_flow flow)
{
	uint32_t i = ADIT_FLOW_SLOT(flow);
	const adit_flow_info *info = st->path->info(st->path->end, flow);
	struct slot *s = i < st->slot_count ? &st->slots[i] : NULL;

	if (!s || !info || s->state != SLOT_FREE) {
		st->counts.refused++;
		emit(st, ADIT_EV_CLOSED, flow, ADIT_EINVAL, 0);
		return;
	}
	*s = (struct slot){.flow = flow, .info = info, .state = SLOT_OPEN, .proto = info->proto};
	if (s->proto != ADIT_PROTO_TCP) {
		/* A device is always ready: datagrams are lost, not queued. */
		emit(st, ADIT_EV_CREDIT, flow, 0, (uint64_t)1 << 62);
		return;
	}
	s->conn = conn_new(st, flow);
	if (s->conn)
		return;
	st->counts.refused++;
	s->state = SLOT_CLOSED;
	emit(st, ADIT_EV_CLOSED, flow, ADIT_ENOMEM, 0);
}

static void release_op(struct slot *s)
{
	conn_free(s->conn);
	*s = (struct slot){.state = SLOT_FREE};
}

static void datagram_op(struct stack *st, struct slot *s, const adit_op *op)
{
	switch (op->type) {
	case ADIT_OP_SEND:
		if (s->state == SLOT_OPEN)
			datagram_down(st, s, op->u.buf);
		else
			put_buf(st, op->u.buf);
		break;
	case ADIT_OP_CLOSE:
	case ADIT_OP_ABORT:
		if (s->state != SLOT_OPEN)
			break;
		s->state = SLOT_CLOSED;
		emit(st, ADIT_EV_CLOSED, s->flow, op->type == ADIT_OP_ABORT ? ADIT_ECANCEL : 0, 0);
		break;
	default:
		if (op->flags & ADIT_OPF_BUF)
			put_buf(st, op->u.buf);
		break;
	}
}

static void operate(struct stack *st, const adit_op *op)
{
	struct slot *s = slot_find(st, op->flow);

	if (op->type == ADIT_OP_ACCEPT) {
		accept_op(st, op->flow);
	} else if (!s || (s->proto == ADIT_PROTO_TCP && !s->conn && op->type != ADIT_OP_RELEASE)) {
		if (op->flags & ADIT_OPF_BUF || op->type == ADIT_OP_SEND)
			put_buf(st, op->u.buf);
	} else if (op->type == ADIT_OP_RELEASE) {
		release_op(s);
	} else if (s->proto != ADIT_PROTO_TCP) {
		datagram_op(st, s, op);
	} else {
		conn_op(s->conn, op);
	}
}

void ADIT_CALL stack_submit(void *inst, const adit_op *op, uint32_t n)
{
	struct stack *st = inst;
	uint32_t i;

	port_stack = st;
	timer_sync(st);
	for (i = 0; i < n; i++)
		operate(st, &op[i]);
	conns_flush(st);
	stack_flush(st);
}
