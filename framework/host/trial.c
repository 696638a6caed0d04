/* SPDX-License-Identifier: MIT
 * host/trial.c - flows made in memory: the host is the application and the handler, the stack under trial is between them
 *
 * The application's side is a TCP endpoint that fits one purpose: one connection, no options, everything sent again from
 * the first byte that is not acknowledged when nothing moves. What the stack sends to it is taken before the device. The
 * handler's side echoes, within the credit. It sends from an address that is the device's and no application's to one that
 * is kept for documentation (RFC 5737), so that nothing of it can be meant for anybody else.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/shard.h"
#include "host/probe.h"
#include "os/os.h"
#include "packet/build.h"
#include "packet/parse.h"
#include "packet/verify.h"
#include "packet/wire.h"

enum {
	SIZE = 65536,   /* bytes that are echoed */
	SEGMENT = 1400, /* bytes */
	WINDOW = 65535,
	ISN = 0x41646974,
	DATAGRAM = 64,
	HELD = 256, /* buffers */
	TICKS = 50, /* without any progress */
	FLAT = 65536 + 128,
	PORTS = 64 /* that are looked through for one that no flow has */
};
#define TICK (OS_SECOND / 10)

enum client { CLOSED, SYN_SENT, ESTABLISHED };

struct trial {
	struct part *stack;
	struct shard *shard;
	trial_over_fn *over;
	void *arg;
	adit_timer timer;
	adit_flow flow; /* 0: none now */
	adit_flow_info up; /* as build_tcp wants it: from the application's view of "remote" */
	adit_addr src, dst;
	unsigned idle;  /* ticks without progress */
	bool moved;
	/* the application */
	enum client client;
	uint32_t una, next, peer_window, expected; /* sequence numbers; the first two count from ISN */
	uint32_t received;
	bool fin_received, datagram_back;
	/* the handler */
	uint64_t credit;
	adit_buf *held[HELD]; /* that wait for credit, a ring */
	unsigned held_from, held_count;
	bool fin_wanted, fin_sent;
	bool flow_over;
	int flow_code;
	uint8_t flat[FLAT];
};

static uint8_t pattern(uint32_t at)
{
	return (uint8_t)(at * 31 + (at >> 8));
}

static void release_held(struct trial *t)
{
	for (; t->held_count; t->held_count--, t->held_from = (t->held_from + 1) % (HELD))
		bufpool_put(&t->held[t->held_from], 1);
}

static void drop_flow(struct trial *t)
{
	adit_flow flow = t->flow;
	struct flow *f = flow ? flowtable_get(t->shard->flows, flow) : NULL;

	t->flow = 0;
	if (f && f->state != FLOW_CLOSED)
		flow_end(t->shard, f, ADIT_ECANCEL);
	f = flow ? flowtable_get(t->shard->flows, flow) : NULL;
	if (f && f->state == FLOW_CLOSED)
		flow_forget(t->shard, f);
}

static void finish(struct trial *t, int err, const char *why)
{
	trial_over_fn *over = t->over;
	void *arg = t->arg;

	t->stack->tap = NULL;
	loop_timer_fini(&t->timer);
	drop_flow(t);
	release_held(t);
	free(t);
	over(arg, err, why);
}

/* ---- the application ---- */

static void send_up(struct trial *t, adit_buf *b)
{
	b->flow = t->flow;
	part_packets(t->stack, &b, 1);
}

/* A segment with `size` bytes of the pattern from `offset` on; null: no buffer. */
static adit_buf *segment(struct trial *t, uint8_t flags, uint32_t seq, uint32_t offset, uint32_t size)
{
	struct build_segment s = {seq, t->expected, WINDOW, flags};
	adit_buf *b;
	uint32_t i;

	if (bufpool_get(t->shard->bufs, &b, 1, size ? size : 1) != 1)
		return NULL;
	for (i = 0; i < size; i++)
		b->data[i] = pattern(offset + i);
	b->len = size;
	if (build_tcp(b, &t->up, &s) != ADIT_OK) {
		bufpool_put(&b, 1);
		return NULL;
	}
	return b;
}

static void say(struct trial *t, uint8_t flags, uint32_t seq, uint32_t offset, uint32_t size)
{
	adit_buf *b = segment(t, flags, seq, offset, size);

	if (b)
		send_up(t, b);
}

/* What the window allows; the end once everything has come back. */
static void push(struct trial *t)
{
	uint32_t sent, size, room;

	while (t->flow && t->next - (ISN + 1) < SIZE) {
		sent = t->next - (ISN + 1);
		room = t->next - t->una < t->peer_window ? t->peer_window - (t->next - t->una) : 0;
		size = SIZE - sent < SEGMENT ? SIZE - sent : SEGMENT;
		if (size > room)
			size = room;
		if (!size)
			return;
		t->next += size;
		say(t, WIRE_TCP_ACKED | WIRE_TCP_PSH, t->next - size, sent, size);
	}
	if (t->flow && t->received == SIZE && t->next == ISN + 1 + SIZE) {
		t->next++;
		say(t, WIRE_TCP_ACKED | WIRE_TCP_FIN, t->next - 1, 0, 0);
	}
}

static void again(struct trial *t)
{
	if (t->client == SYN_SENT) {
		say(t, WIRE_TCP_SYN, ISN, 0, 0);
	} else if (t->client == ESTABLISHED && t->una != t->next) {
		t->next = t->una;
		push(t);
	}
}

static void take_payload(struct trial *t, uint32_t seq, const uint8_t *bytes, uint32_t size, bool fin)
{
	uint32_t i;

	if (seq != t->expected)
		return; /* what was lost or seen is asked for by the acknowledgement */
	for (i = 0; i < size; i++, t->received++) {
		if (t->received >= SIZE || bytes[i] != pattern(t->received)) {
			t->flow_over = true;
			t->flow_code = ADIT_EIO;
			return;
		}
	}
	t->expected += size;
	if (fin && !t->fin_received) {
		t->expected++;
		t->fin_received = true;
	}
}

static void on_segment(struct trial *t, const uint8_t *p, const struct packet_view *v)
{
	uint32_t seq = wire_u32(p, v->total, v->l4 + WIRE_TCP_SEQ), ack = wire_u32(p, v->total, v->l4 + WIRE_TCP_ACK);
	uint32_t before = t->expected;

	t->moved = true;
	if (v->tcp_flags & WIRE_TCP_RST) {
		t->flow_over = true;
		t->flow_code = ADIT_ERESET;
		return;
	}
	if (!(v->tcp_flags & WIRE_TCP_ACKED))
		return;
	t->peer_window = wire_u16(p, v->total, v->l4 + WIRE_TCP_WINDOW);
	if (t->client == SYN_SENT) {
		if (!(v->tcp_flags & WIRE_TCP_SYN) || ack != ISN + 1)
			return;
		t->expected = seq + 1;
		t->una = t->next = ISN + 1;
		t->client = ESTABLISHED;
		say(t, WIRE_TCP_ACKED, t->next, 0, 0);
		push(t);
		return;
	}
	if (ack - t->una <= t->next - t->una)
		t->una = ack;
	take_payload(t, seq, p + v->payload, v->total - v->payload, v->tcp_flags & WIRE_TCP_FIN);
	if (t->flow_code)
		return;
	if (t->expected != before || v->total > v->payload || v->tcp_flags & (WIRE_TCP_FIN | WIRE_TCP_SYN))
		say(t, WIRE_TCP_ACKED, t->next, 0, 0);
	push(t);
}

static void on_datagram(struct trial *t, const uint8_t *p, const struct packet_view *v)
{
	uint32_t i;

	t->moved = true;
	if (v->total - v->payload != DATAGRAM)
		return;
	for (i = 0; i < DATAGRAM; i++)
		if (p[v->payload + i] != pattern(i))
			return;
	t->datagram_back = true;
}

/* Chains are looked at in one piece. 1: the packet was for the trial. */
static int is_ours(struct trial *t, const adit_buf *b)
{
	struct packet_view v;
	adit_addr src, dst;
	uint32_t size = 0;
	const adit_buf *s;
	enum packet_verdict verdict;

	for (s = b; s; s = s->next) {
		if (s->len > FLAT - size)
			return 0;
		memcpy(t->flat + size, s->data, s->len);
		size += s->len;
	}
	verdict = b->flags & ADIT_BUF_GSO ? packet_parse_super(t->flat, size, &v) : packet_parse(t->flat, size, &v);
	if (verdict != PACKET_OK || (v.proto != ADIT_PROTO_TCP && v.proto != ADIT_PROTO_UDP))
		return 0;
	packet_endpoints(t->flat, &v, &src, &dst);
	if (src.port != t->dst.port || dst.port != t->src.port || src.family != 4 || memcmp(src.ip, t->dst.ip, 4) ||
	    memcmp(dst.ip, t->src.ip, 4))
		return 0;
	if (!(b->flags & (ADIT_BUF_CSUM_NEEDED | ADIT_BUF_CSUM_OK)) && !packet_checksum_ok(t->flat, &v))
		return 1; /* an application would not take it either */
	if (v.proto == ADIT_PROTO_TCP && t->up.proto == ADIT_PROTO_TCP)
		on_segment(t, t->flat, &v);
	else if (v.proto == ADIT_PROTO_UDP && t->up.proto == ADIT_PROTO_UDP)
		on_datagram(t, t->flat, &v);
	return 1;
}

static uint32_t tap(void *arg, adit_buf **pkt, uint32_t n)
{
	struct trial *t = arg;
	uint32_t i, left = 0;

	for (i = 0; i < n; i++) {
		if (is_ours(t, pkt[i]))
			bufpool_put(&pkt[i], 1);
		else
			pkt[left++] = pkt[i];
	}
	return left;
}

/* ---- the handler ---- */

static uint32_t chain_size(const adit_buf *b)
{
	uint32_t size = 0;

	for (; b; b = b->next)
		size += b->len;
	return size;
}

static void op(struct trial *t, uint16_t type, uint64_t num)
{
	adit_op o = {.type = type, .flow = t->flow};

	o.u.num = num;
	if (t->flow)
		part_op(t->stack, &o);
}

static void echo_held(struct trial *t)
{
	while (t->held_count && t->flow) {
		adit_buf *b = t->held[t->held_from];
		uint32_t size = chain_size(b);
		adit_op o = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = t->flow, .u.buf = b};

		if (size > t->credit)
			return;
		t->credit -= size;
		t->held_from = (t->held_from + 1) % (HELD);
		t->held_count--;
		part_op(t->stack, &o);
		op(t, ADIT_OP_CONSUME, size);
	}
	if (t->fin_wanted && !t->fin_sent && !t->held_count) {
		t->fin_sent = true;
		op(t, ADIT_OP_FIN, 0);
	}
}

static void on_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	struct trial *t = f->owned;
	adit_op back = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = flow_handle(f)};

	t->moved = true;
	switch (ev->type) {
	case ADIT_EV_CREDIT:
		if (f->info.proto == ADIT_PROTO_TCP && !(f->flags & FLOW_ESTABLISHED))
			flowtable_established(s->flows, f);
		t->credit += ev->u.num;
		break;
	case ADIT_EV_DATA:
		if (t->held_count == HELD) {
			bufpool_put(&ev->u.buf, 1);
			t->flow_over = true;
			t->flow_code = ADIT_ELIMIT;
			return;
		}
		t->held[(t->held_from + t->held_count++) % (HELD)] = ev->u.buf;
		break;
	case ADIT_EV_DGRAM:
		back.u.buf = ev->u.buf;
		part_op(t->stack, &back);
		return;
	case ADIT_EV_FIN:
		t->fin_wanted = true;
		break;
	case ADIT_EV_SOCKET:
		close((int)ev->u.num);
		return;
	case ADIT_EV_CLOSED:
		t->flow_over = true;
		t->flow_code = ev->code;
		flow_close(s, f, ev->code);
		return;
	default:
		if (ev->flags & ADIT_EVF_BUF)
			bufpool_put(&ev->u.buf, 1);
		return;
	}
	echo_held(t);
}

static void on_end(struct shard *s, struct flow *f, adit_result code)
{
	struct trial *t = f->owned;
	adit_op o = {.type = ADIT_OP_ABORT, .code = code, .flow = flow_handle(f)};

	f->owned = NULL;
	t->flow_over = true;
	if (!t->flow_code)
		t->flow_code = code;
	if (f->flags & FLOW_ACCEPTED)
		part_op(t->stack, &o);
}

static const struct flow_owner echoing = {"trial", on_event, NULL, on_end, NULL};

/* ---- one after the other ---- */

static int begin_flow(struct trial *t, uint8_t proto)
{
	struct shard *s = t->shard;
	adit_buf *b = NULL;
	struct flow *f;
	unsigned i;

	t->up = (adit_flow_info){.size = sizeof(t->up), .proto = proto};
	/* Each shard tries at the same time, and an endpoint's datagrams have one home: then another port. */
	for (i = 0; flowtable_find(s->flows, proto, &t->src, &t->dst) || (proto == ADIT_PROTO_UDP && !home_take(s, &t->src));
	     i++, t->src.port++)
		if (i == PORTS)
			return ADIT_ELIMIT;
	t->up.src = t->dst; /* the headers are written from `dst` to `src` */
	t->up.dst = t->src;
	if (proto == ADIT_PROTO_TCP)
		b = segment(t, WIRE_TCP_SYN, ISN, 0, 0);
	else if (bufpool_get(s->bufs, &b, 1, DATAGRAM) == 1)
		for (i = 0, b->len = DATAGRAM; i < DATAGRAM; i++)
			b->data[i] = pattern(i);
	if (!b && proto == ADIT_PROTO_UDP)
		home_leave(s, &t->src);
	if (!b)
		return ADIT_ENOMEM;
	f = proto == ADIT_PROTO_UDP && build_udp(b, &t->up, 0) != ADIT_OK ? NULL : flowtable_add(s->flows, proto, &t->src, &t->dst);
	if (!f) {
		if (proto == ADIT_PROTO_UDP)
			home_leave(s, &t->src);
		bufpool_put(&b, 1);
		return ADIT_ELIMIT;
	}
	f->stack = t->stack->index;
	f->opened = loop_now(s->loop);
	f->last = (uint32_t)(f->opened / OS_SECOND);
	f->owner = &echoing;
	f->owned = t;
	f->parked = b;
	t->flow = flow_handle(f);
	t->client = proto == ADIT_PROTO_TCP ? SYN_SENT : CLOSED;
	t->idle = 0;
	t->moved = t->flow_over = false;
	t->flow_code = 0;
	shard_count(s, COUNT_flows_opened, 1);
	shard_count_flow(s, COUNT_opened_tcp, f);
	flow_admit(s, f, 0);
	return ADIT_OK;
}

static const char *stuck_at(const struct trial *t)
{
	if (t->up.proto == ADIT_PROTO_UDP)
		return "a datagram did not come back";
	if (t->client == SYN_SENT)
		return "no answer to a connect";
	if (t->received < SIZE)
		return "what was sent did not all come back";
	return "the connection did not end in good order";
}

static int after_tcp(struct trial *t)
{
	drop_flow(t);
	t->src.port++;
	return begin_flow(t, ADIT_PROTO_UDP);
}

/* Nothing of this is done inside a call of the stack, so the trial can be freed here. */
static void on_tick(void *arg)
{
	struct trial *t = arg;
	int err = ADIT_OK;

	if (t->up.proto == ADIT_PROTO_UDP && t->datagram_back) {
		finish(t, ADIT_OK, NULL);
	} else if (t->up.proto == ADIT_PROTO_TCP && t->received == SIZE && t->fin_received && t->una == ISN + 2 + SIZE &&
	           t->flow_over && !t->flow_code) {
		if (t->stack->table.stack->flags & ADIT_STACK_UDP)
			err = after_tcp(t);
		if (err || !(t->stack->table.stack->flags & ADIT_STACK_UDP))
			finish(t, err, "no room for a flow of UDP");
	} else if (t->flow_over && t->flow_code) {
		finish(t, t->flow_code, t->flow_code == ADIT_EIO ? "what came back is not what was sent" : NULL);
	} else if (t->moved) {
		t->moved = false;
		t->idle = 0;
	} else if (++t->idle >= TICKS) {
		finish(t, ADIT_ETIME, stuck_at(t));
	} else if (t->idle % 3 == 0) {
		again(t);
	}
}

void trial_end(struct part *stack)
{
	if (stack->tap == tap)
		finish(stack->tap_arg, ADIT_ECANCEL, "the stack is being stopped");
}

int trial_begin(struct part *stack, const adit_addr *src, trial_over_fn *over, void *arg)
{
	struct trial *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return ADIT_ENOMEM;
	t->stack = stack;
	t->shard = stack->shard;
	t->over = over;
	t->arg = arg;
	t->src = *src;
	t->dst = (adit_addr){.family = 4, .ip = {192, 0, 2, 1}, .port = 9};
	stack->tap = tap;
	stack->tap_arg = t;
	loop_timer_init(&t->timer, t->shard->loop, on_tick, t);
	err = begin_flow(t, stack->table.stack->flags & ADIT_STACK_TCP ? ADIT_PROTO_TCP : ADIT_PROTO_UDP);
	if (err) {
		stack->tap = NULL;
		loop_timer_fini(&t->timer);
		free(t);
		return err;
	}
	loop_timer_set(&t->timer, TICK / 5, TICK / 5);
	return ADIT_OK;
}
