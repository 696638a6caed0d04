/* SPDX-License-Identifier: MIT
 * stack-system/packets.c - what comes in: packets and operations, each to the file that knows
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "rewrite.h"
#include "stack.h"

/* More than any batch of the host; longer ones are worked off in parts. */
enum { BATCH = 256 };

struct batch {
	adit_buf *out[BATCH];  /* for the device */
	adit_buf *gone[BATCH]; /* for the pool */
	adit_event events[BATCH];
	uint32_t outs, gones, count;
};

static void flush(struct stack *st, struct batch *b)
{
	if (b->outs)
		st->path->output(st->path->end, b->out, b->outs);
	if (b->count)
		st->path->emit(st->path->end, b->events, b->count);
	if (b->gones)
		st->path->put(st->path->end, b->gone, b->gones);
	b->outs = b->gones = b->count = 0;
}

enum { ECHO_REQUEST = 8, ECHO_REQUEST_6 = 128 };

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

/* The bytes are to be changed: shared ones are copied. Null: no buffer was to be had. */
static adit_buf *writable(struct stack *st, adit_buf *b)
{
	adit_buf *copy;

	if (!(b->flags & ADIT_BUF_RDONLY))
		return b;
	if (b->next || st->path->get(st->path->end, &copy, 1, b->len) != 1)
		return NULL;
	memcpy(copy->data, b->data, b->len);
	copy->len = b->len;
	copy->flags = b->flags & ~(uint32_t)ADIT_BUF_RDONLY;
	copy->csum_start = b->csum_start;
	copy->csum_off = b->csum_off;
	copy->gso_size = b->gso_size;
	copy->hdr_len = b->hdr_len;
	copy->flow = b->flow;
	st->path->put(st->path->end, &b, 1);
	return copy;
}

static void tcp_up(struct stack *st, struct slot *s, adit_buf *b, struct batch *batch)
{
	adit_buf *w;

	if (st->form == FORM_TRANSPARENT) {
		st->listeners[s->info->src.family == 6].expected += s->state == SLOT_PENDING;
		batch->out[batch->outs++] = b;
		return;
	}
	w = is_own_protocol(s, b) ? writable(st, b) : NULL;
	if (!w || !s->alias.family) {
		st->counts.lost++;
		batch->gone[batch->gones++] = w ? w : b;
		return;
	}
	rewrite_endpoints(w, w->csum_start, &s->alias, &st->listeners[s->alias.family == 6].addr);
	if (st->form == FORM_PRIVATE)
		inner_write(st, w);
	else
		batch->out[batch->outs++] = w;
}

/* An answer of a listener that came up by the queue of another shard: its bytes, for a buffer belongs to its pool's
 * thread. Seldom: the device sends up by the queue by which the same connection was written. */
struct crossing {
	struct stack *to;
	uint32_t len, flags;
	uint16_t gso_size;
	uint8_t bytes[];
};

static void ADIT_CALL crossed(void *arg)
{
	struct crossing *c = arg;
	struct stack *st = c->to;
	adit_buf *b;

	if (!st->stopped && st->path->get(st->path->end, &b, 1, c->len) == 1) {
		memcpy(b->data, c->bytes, c->len);
		b->len = c->len;
		b->flags = c->flags;
		b->gso_size = c->gso_size;
		stack_input(st, &b, 1);
	} else {
		st->counts.lost++;
	}
	free(c);
}

static void cross(struct stack *st, struct stack *to, const adit_buf *b)
{
	struct crossing *c = b->next ? NULL : malloc(sizeof(*c) + b->len);

	if (c) {
		c->to = to;
		c->len = b->len;
		c->flags = b->flags & ~(uint32_t)ADIT_BUF_RDONLY;
		c->gso_size = b->gso_size;
		memcpy(c->bytes, b->data, b->len);
		if (st->loops->post(to->loop, crossed, c) == ADIT_OK)
			return;
		free(c);
	}
	st->counts.lost++;
}

static void portable_answer(struct stack *st, adit_buf *b, struct batch *batch)
{
	struct rewrite_view v;
	struct stack *owner = rewrite_parse(b->data, b->len, &v) == ADIT_OK ? portable_owner(st, &v.src) : NULL;

	if (owner == st && answer_restore(st, b) == ADIT_OK) {
		batch->out[batch->outs++] = b;
		return;
	}
	if (owner && owner != st)
		cross(st, owner, b);
	else if (!owner || !probe_answered(st, b))
		st->counts.lost++;
	batch->gone[batch->gones++] = b;
}

static void packet_up(struct stack *st, adit_buf *b, struct batch *batch)
{
	struct slot *s = slot_find(st, b->flow);

	if (s && s->proto == ADIT_PROTO_TCP) {
		tcp_up(st, s, b, batch);
	} else if (s && is_own_protocol(s, b) && s->state == SLOT_OPEN) {
		datagram_up(st, s, b, &batch->events[batch->count++]);
	} else if (!b->flow && st->form == FORM_PORTABLE) {
		portable_answer(st, b, batch);
	} else if (!b->flow && st->form == FORM_TRANSPARENT) {
		/* Only the self-test's packets are claimed in this form. */
		batch->out[batch->outs++] = b;
	} else {
		st->counts.lost++;
		batch->gone[batch->gones++] = b;
	}
}

void ADIT_CALL stack_input(void *inst, adit_buf *const *pkt, uint32_t n)
{
	struct stack *st = inst;
	struct batch batch;
	uint32_t i;

	batch.outs = batch.gones = batch.count = 0;
	for (i = 0; i < n; i++) {
		packet_up(st, pkt[i], &batch);
		if (i % BATCH == BATCH - 1)
			flush(st, &batch);
	}
	flush(st, &batch);
	listen_expect(st);
}

adit_result answer_restore(struct stack *st, adit_buf *b)
{
	struct rewrite_view v;
	struct slot *s;

	if (rewrite_parse(b->data, b->len, &v) != ADIT_OK)
		return ADIT_ENOENT;
	s = slot_of_alias(st, &v.dst);
	if (!s || v.src.port != st->listeners[v.dst.family == 6].addr.port)
		return ADIT_ENOENT;
	b->csum_start = v.l4;
	b->csum_off = 16;
	b->hdr_len = v.payload;
	b->flow = s->flow;
	rewrite_endpoints(b, v.l4, &s->info->dst, &s->info->src);
	return ADIT_OK;
}

struct stack *portable_owner(const struct stack *st, const adit_addr *src)
{
	int which = src->family == 6;
	uint32_t i;

	for (i = 0; i < st->shards && i < MEMBERS_MOST; i++) {
		struct stack *m = __atomic_load_n(&st->group->members[i], __ATOMIC_RELAXED);
		const adit_addr *own = m ? &m->bound[which] : NULL;

		if (own && own->family == src->family && own->port == src->port &&
		    memcmp(own->ip, src->ip, which ? 16 : 4) == 0)
			return m;
	}
	return NULL;
}

int32_t ADIT_CALL stack_claims(void *inst, const adit_addr *src, const adit_addr *dst)
{
	const struct stack *st = inst;
	uint32_t slot, generation;

	if (probe_claims(st, src, dst))
		return 1;
	/* All instances have the same spaces, so any of them can tell an alias. */
	return st->form == FORM_PORTABLE && portable_owner(st, src) &&
	       (probe_is_alias(st, dst) || alias_find(&st->aliases[src->family == 6], dst, &slot, &generation) == ADIT_OK);
}

static void accept_flow(struct stack *st, const adit_op *op, struct batch *batch)
{
	adit_result result = slot_open(st, op->flow, op->flags & ADIT_OPF_SOCKET);
	struct slot *s = slot_find(st, op->flow);
	adit_event *ev = &batch->events[batch->count];

	if (result == ADIT_OK && s->proto == ADIT_PROTO_TCP)
		return;
	batch->count++;
	*ev = (adit_event){.type = ADIT_EV_CREDIT, .flow = op->flow};
	if (result == ADIT_OK) {
		/* A device is always ready: datagrams are lost, not queued. */
		ev->u.num = (uint64_t)1 << 62;
		return;
	}
	st->counts.refused++;
	ev->type = ADIT_EV_CLOSED;
	ev->code = result;
}

static void datagram_op(struct stack *st, struct slot *s, const adit_op *op, struct batch *batch)
{
	switch (op->type) {
	case ADIT_OP_SEND:
		if (s->state == SLOT_OPEN && datagram_down(st, s, op->u.buf) == ADIT_OK) {
			batch->out[batch->outs++] = op->u.buf;
		} else {
			st->counts.unbuildable++;
			batch->gone[batch->gones++] = op->u.buf;
		}
		break;
	case ADIT_OP_CLOSE:
	case ADIT_OP_ABORT:
		if (s->state != SLOT_OPEN)
			break;
		s->state = SLOT_CLOSED;
		batch->events[batch->count++] = (adit_event){
		        .type = ADIT_EV_CLOSED,
		        .flow = s->flow,
		        .code = op->type == ADIT_OP_ABORT ? ADIT_ECANCEL : 0};
		break;
	default:
		if (op->flags & ADIT_OPF_BUF)
			batch->gone[batch->gones++] = op->u.buf;
		break;
	}
}

/* A TCP flow that has no stream: not accepted yet, given away, or over. */
static void socketless_op(struct stack *st, struct slot *s, const adit_op *op, struct batch *batch)
{
	if (op->flags & ADIT_OPF_BUF)
		batch->gone[batch->gones++] = op->u.buf;
	if (op->type == ADIT_OP_SOCKET)
		s->wants_socket = 1; /* of a connection that is still being made */
	if ((op->type != ADIT_OP_CLOSE && op->type != ADIT_OP_ABORT) || s->state == SLOT_CLOSED)
		return;
	if (s->state == SLOT_PENDING)
		slot_accept(st, st->form == FORM_TRANSPARENT ? &s->info->src : &s->alias,
		            &s->info->dst);
	s->state = SLOT_CLOSED;
	batch->events[batch->count++] = (adit_event){
	        .type = ADIT_EV_CLOSED,
	        .flow = s->flow,
	        .code = op->type == ADIT_OP_ABORT ? ADIT_ECANCEL : 0};
}

static void stream_op(struct stack *st, struct slot *s, const adit_op *op)
{
	switch (op->type) {
	case ADIT_OP_SEND:
		stream_send(s->stream, op->u.buf);
		break;
	case ADIT_OP_CONSUME:
		stream_consume(s->stream, op->u.num);
		break;
	case ADIT_OP_FIN:
		stream_fin(s->stream);
		break;
	case ADIT_OP_CLOSE:
		stream_close(s->stream);
		break;
	case ADIT_OP_ABORT:
		stream_abort(s->stream, ADIT_ECANCEL);
		break;
	case ADIT_OP_SOCKET:
		stream_give(s->stream);
		break;
	default:
		if (op->flags & ADIT_OPF_BUF)
			st->path->put(st->path->end, &op->u.buf, 1);
		break;
	}
}

static void operate(struct stack *st, const adit_op *op, struct batch *batch)
{
	struct slot *s = slot_find(st, op->flow);

	if (op->type == ADIT_OP_ACCEPT) {
		accept_flow(st, op, batch);
	} else if (!s) {
		if (op->flags & ADIT_OPF_BUF || op->type == ADIT_OP_SEND)
			batch->gone[batch->gones++] = op->u.buf;
	} else if (op->type == ADIT_OP_RELEASE) {
		slot_release(st, s);
	} else if (s->proto != ADIT_PROTO_TCP) {
		datagram_op(st, s, op, batch);
	} else if (s->stream) {
		stream_op(st, s, op);
	} else {
		socketless_op(st, s, op, batch);
	}
}

void ADIT_CALL stack_submit(void *inst, const adit_op *op, uint32_t n)
{
	struct stack *st = inst;
	struct batch batch;
	uint32_t i;

	batch.outs = batch.gones = batch.count = 0;
	for (i = 0; i < n; i++) {
		operate(st, &op[i], &batch);
		if (i % BATCH == BATCH - 1)
			flush(st, &batch);
	}
	flush(st, &batch);
	streams_flush(st);
}
