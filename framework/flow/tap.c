/* SPDX-License-Identifier: MIT
 * flow/tap.c - copies what somebody looks at into the ring of who looks
 */
#include "flow/tap.h"

#include <stdio.h>
#include <string.h>

#include "os/os.h"
#include "packet/parse.h"
#include "packet/wire.h"

void tap_add(struct shard *s, struct tap *t)
{
	t->next = s->taps;
	s->taps = t;
}

void tap_remove(struct shard *s, struct tap *t)
{
	struct tap **at = &s->taps;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
}

static void commit(struct tap *t)
{
	ring_commit(t->ring);
	if (t->wake && ring_crowded(t->ring) && !__atomic_exchange_n(&t->woken, 1, __ATOMIC_ACQ_REL))
		t->wake(t->arg);
}

/* ---- what a record says about a flow ---- */

static void name(char out[TAP_NAME], struct shard *s, enum part_kind kind, uint8_t index)
{
	const struct part *p = index < s->part_count[kind] ? s->parts[kind][index] : NULL;

	snprintf(out, TAP_NAME, "%s", p ? p->name : "");
}

static void describe(struct tap_record *r, struct shard *s, const struct flow *f)
{
	r->flow = flow_handle(f);
	r->named = 1;
	r->proto = f->info.proto;
	r->state = f->state;
	r->src = f->info.src;
	r->dst = f->info.dst;
	r->bytes_up = f->bytes_up;
	r->bytes_down = f->bytes_down;
	r->opened = f->opened;
	name(r->handler, s, PART_HANDLER, f->handler);
	name(r->outbound, s, PART_OUTBOUND, f->outbound);
	name(r->stack, s, PART_STACK, f->stack);
}

/* Whether the flow's name goes with this record: once, when there is something to say. */
static int tell(struct tap *t, const struct flow *f)
{
	uint8_t bit = (uint8_t)(1u << f->slot % 8), *byte;

	if (!t->told || f->state != FLOW_OPEN)
		return 0;
	byte = &t->told[f->slot / 8];
	if (*byte & bit)
		return 0;
	*byte |= bit;
	return 1;
}

/* ---- packets ---- */

/* Who a packet is of. */
struct whose {
	uint8_t known, proto, tcp_flags;
	uint64_t numbers; /* of TCP: seq << 32 | ack */
	adit_addr src, dst; /* as a flow has them */
	struct flow *flow;  /* may be null */
};

static uint64_t get32(const uint8_t *p)
{
	return (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3];
}

static void find(struct whose *w, struct shard *s, enum tap_what way, const adit_buf *b)
{
	struct packet_view v;
	enum packet_verdict verdict = b->flags & ADIT_BUF_GSO ? packet_parse_super(b->data, b->len, &v)
	                                                      : packet_parse(b->data, b->len, &v);

	memset(w, 0, sizeof(*w));
	if (verdict != PACKET_OK)
		return;
	w->known = 1;
	w->proto = v.proto;
	if (way == TAP_UP)
		packet_endpoints(b->data, &v, &w->src, &w->dst);
	else
		packet_endpoints(b->data, &v, &w->dst, &w->src);
	if (v.proto == ADIT_PROTO_ICMP || v.proto == ADIT_PROTO_ICMPV6) {
		w->src.port = v.src_port; /* the identifier */
		w->dst.port = 0;
	}
	if (v.proto == ADIT_PROTO_TCP) {
		w->tcp_flags = v.tcp_flags;
		w->numbers = get32(b->data + v.l4 + WIRE_TCP_SEQ) << 32 | get32(b->data + v.l4 + WIRE_TCP_ACK);
	}
	w->flow = flowtable_find(s->flows, w->proto, &w->src, &w->dst);
}

static int same_endpoint(const adit_addr *a, const adit_addr *b)
{
	return a->family == b->family && a->port == b->port && !memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16);
}

static int is_stack(const struct tap *t, const struct shard *s, uint8_t index)
{
	const struct part *p = index < s->part_count[PART_STACK] ? s->parts[PART_STACK][index] : NULL;

	return p && !strcmp(p->name, t->stack);
}

static int wanted(const struct tap *t, const struct shard *s, const struct whose *w)
{
	uint8_t stack;

	switch (t->kind) {
	case TAP_DEVICE:
		return 1;
	case TAP_FLOW:
		return w->known && w->proto == t->info.proto && same_endpoint(&w->src, &t->info.src) &&
		       same_endpoint(&w->dst, &t->info.dst);
	default:
		break;
	}
	if (!w->known)
		return 0;
	/* Or the first packet of a flow that is not there yet. */
	stack = w->flow ? w->flow->stack : s->stack_of[flow_protocol(w->proto)];
	return is_stack(t, s, stack);
}

static void copy(uint8_t *to, const adit_buf *b, uint32_t n)
{
	uint32_t part;

	for (; n && b; b = b->next, n -= part, to += part) {
		part = b->len < n ? b->len : n;
		memcpy(to, b->data, part);
	}
}

static void keep(struct tap *t, struct shard *s, enum tap_what way, const adit_buf *b, const struct whose *w, uint64_t now)
{
	uint32_t len = 0, kept;
	const adit_buf *part;
	struct tap_record *r;

	for (part = b; part; part = part->next)
		len += part->len;
	kept = len < t->snap ? len : t->snap;
	r = ring_reserve(t->ring, sizeof(*r) + kept);
	if (!r)
		return;
	memset(r, 0, sizeof(*r));
	if (w->flow && tell(t, w->flow))
		describe(r, s, w->flow);
	r->flow = w->flow ? flow_handle(w->flow) : 0;
	r->ns = now;
	r->what = way;
	r->shard = s->index;
	r->buf_flags = b->flags;
	r->proto = w->proto;
	r->type = w->tcp_flags;
	r->number = w->numbers;
	r->len = len;
	r->kept = kept;
	copy((uint8_t *)(r + 1), b, kept);
	commit(t);
}

void tap_packets(struct shard *s, enum tap_what way, adit_buf *const *pkt, uint32_t n)
{
	uint64_t now = os_now();
	struct whose w;
	struct tap *t;
	uint32_t i;

	for (i = 0; i < n; i++) {
		find(&w, s, way, pkt[i]);
		for (t = s->taps; t; t = t->next)
			if (wanted(t, s, &w))
				keep(t, s, way, pkt[i], &w, now);
	}
}

/* ---- the rest ---- */

void tap_end(struct shard *s, const struct flow *f, adit_result code)
{
	struct tap *t;

	for (t = s->taps; t; t = t->next) {
		struct tap_record *r;

		if ((t->kind == TAP_FLOW && t->flow != flow_handle(f)) || (t->kind == TAP_STACK && !is_stack(t, s, f->stack)))
			continue;
		if (t->told)
			t->told[f->slot / 8] &= (uint8_t) ~(1u << f->slot % 8);
		r = ring_reserve(t->ring, sizeof(*r));
		if (!r)
			continue;
		memset(r, 0, sizeof(*r));
		describe(r, s, f);
		r->ns = os_now();
		r->what = TAP_END;
		r->shard = s->index;
		r->code = code;
		commit(t);
	}
}

/* The words of the flow that a tap looks at. */
static struct tap_record *word(struct tap *t, const struct part *p, adit_flow flow, enum tap_what what, int to)
{
	struct tap_record *r;

	if (!t->words || t->flow != flow)
		return NULL;
	r = ring_reserve(t->ring, sizeof(*r));
	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->ns = os_now();
	r->flow = flow;
	r->what = what;
	r->shard = p->shard->index;
	r->part_kind = (uint8_t)p->kind;
	r->to = (uint8_t)to;
	snprintf(r->part, TAP_NAME, "%s", p->name);
	return r;
}

static uint64_t bytes_in(const adit_buf *b)
{
	uint64_t n = 0;

	for (; b; b = b->next)
		n += b->len;
	return n;
}

void tap_event(struct part *p, const adit_event *ev, int to)
{
	struct tap *t;

	for (t = p->shard->taps; t; t = t->next) {
		struct tap_record *r = word(t, p, ev->flow, TAP_EVENT, to);

		if (!r)
			continue;
		r->type = ev->type;
		r->flags = ev->flags;
		r->code = ev->code;
		r->number = ev->flags & ADIT_EVF_BUF ? bytes_in(ev->u.buf) : ev->type == ADIT_EV_CREDIT ? ev->u.num : 0;
		commit(t);
	}
}

void tap_op(struct part *p, const adit_op *op, int to)
{
	struct tap *t;

	for (t = p->shard->taps; t; t = t->next) {
		struct tap_record *r = word(t, p, op->flow, TAP_OP, to);

		if (!r)
			continue;
		r->type = op->type;
		r->flags = op->flags;
		r->code = op->code;
		if (op->flags & ADIT_OPF_BUF)
			r->number = bytes_in(op->u.buf);
		else if (op->flags & ADIT_OPF_ADDR && op->u.addr)
			r->dst = *op->u.addr;
		else if (op->type == ADIT_OP_NAME && op->u.name)
			snprintf(r->handler, TAP_NAME, "%s", op->u.name);
		else
			r->number = op->u.num;
		commit(t);
	}
}
