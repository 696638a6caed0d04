/* SPDX-License-Identifier: MIT
 * flow/part.c - an instance of a module: the wires it hangs on, and the rule that it is never re-entered
 *
 * What is meant for a part that is inside a call waits in its queue and is delivered at the end of the turn.
 * Handlers' events always wait, so that they come in batches; operations and packets go at once when nothing
 * waits, and stay in their order.
 */
#include "flow/shard.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/tap.h"
#include "observe/log.h"

const char *const shard_counter_names[COUNT_END] = {
#define X(name) #name,
	SHARD_COUNTERS(X)
#undef X
};

enum {
	QUEUE_MOST = 1 << 20,
	BATCH = 256,
	OP_PACKET = 0xffff /* in a queue: a packet, in its place among the operations */
};

/* ---- who gets new flows ---- */

struct part *shard_handler(const struct shard *s, uint32_t place)
{
	if (!s->order)
		return place < s->part_count[PART_HANDLER] ? s->parts[PART_HANDLER][place] : NULL;
	return place < s->order->handler_count ? s->parts[PART_HANDLER][s->order->handlers[place]] : NULL;
}

uint32_t shard_after(const struct part *h)
{
	return h->shard->order ? h->next : h->index + 1u;
}

struct part *shard_outbound(const struct shard *s, uint32_t number)
{
	uint32_t index;

	if (s->order)
		index = number < SHARD_OUTBOUNDS ? s->order->outbounds[number] : NO_OUTBOUND;
	else
		index = number ? number - 1 : 0;
	return index < s->part_count[PART_OUTBOUND] ? s->parts[PART_OUTBOUND][index] : NULL;
}

static int ends(const struct part *stack, uint8_t proto)
{
	uint32_t need = proto == ADIT_PROTO_TCP   ? ADIT_STACK_TCP
	                : proto == ADIT_PROTO_UDP ? ADIT_STACK_UDP
	                                          : ADIT_STACK_ECHO;

	return stack->started && !stack->draining && stack->table.stack->flags & need;
}

struct part *shard_stack(const struct shard *s, const char *name, uint8_t proto)
{
	uint32_t i, n = s->order ? s->order->stack_count : s->part_count[PART_STACK];

	for (i = 0; i < n; i++) {
		struct part *p = s->parts[PART_STACK][s->order ? s->order->stacks[i] : i];

		if (p && !strcmp(p->name, name))
			return ends(p, proto) ? p : NULL;
	}
	return NULL;
}

/* ---- queues ---- */

static void *vector_add(struct vector *q, size_t size)
{
	if (q->count == q->room) {
		uint32_t room = q->room ? q->room * 2 : 32;
		void *v;

		if (room > QUEUE_MOST)
			return NULL;
		v = realloc(q->v, room * size);
		if (!v)
			return NULL;
		q->v = v;
		q->room = room;
	}
	return (uint8_t *)q->v + q->count++ * size;
}

static void flush_later(void *arg)
{
	struct part *p = arg;

	p->scheduled = 0;
	part_flush(p);
}

static void schedule(struct part *p)
{
	if (!p->scheduled && loop_defer(p->shard->loop, flush_later, p) == ADIT_OK)
		p->scheduled = 1;
}

static void discard_op(const adit_op *op)
{
	if (op->flags & ADIT_OPF_BUF)
		bufpool_put(&op->u.buf, 1);
}

/* The packets that op begins with, in one call; returns how many there were. */
static uint32_t call_packets(struct part *p, const adit_op *op, uint32_t n)
{
	adit_buf *pkt[BATCH];
	uint32_t i;

	for (i = 0; i < n && op[i].type == OP_PACKET; i++)
		pkt[i] = op[i].u.buf;
	p->inside++;
	if (p->kind == PART_PLATFORM)
		p->table.platform->output(p->inst, pkt, i);
	else
		p->table.stack->input(p->inst, pkt, i);
	p->inside--;
	return i;
}

static uint32_t call_ops(struct part *p, const adit_op *op, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && op[i].type != OP_PACKET; i++)
		;
	p->inside++;
	if (p->kind == PART_STACK)
		p->table.stack->submit(p->inst, op, i);
	else
		p->table.outbound->submit(p->inst, op, i);
	p->inside--;
	return i;
}

static void call_submit(struct part *p, const adit_op *op, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && !p->started; i++)
		discard_op(&op[i]); /* it has been stopped: it hears nothing more */
	while (i < n)
		i += op[i].type == OP_PACKET ? call_packets(p, op + i, n - i) : call_ops(p, op + i, n - i);
}

/* How many of these events go into one call. A handler may forward a flow while it is told of it: nothing of a flow that
 * still can be stands behind something else of the same flow. */
static uint32_t call_size(struct part *p, const adit_event *ev, uint32_t n)
{
	uint32_t i;

	p->call++;
	for (i = 0; i < n; i++) {
		struct flow *f = ev[i].type == ADIT_EV_OPEN || ev[i].type == ADIT_EV_CLOSED
		                         ? NULL
		                         : flowtable_look(p->shard->flows, ev[i].flow);

		if (!f || !handled_is(f))
			continue;
		if (i && f->told == p->call && !(f->flags & FLOW_SPOKEN))
			break;
		f->told = p->call;
		f->queued--;
		if (ev[i].type == ADIT_EV_FIN)
			f->flags |= FLOW_NEAR_FIN;
	}
	return i;
}

static void call_events(struct part *p, const adit_event *ev, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && !p->started; i++)
		if (ev[i].flags & ADIT_EVF_BUF)
			bufpool_put(&ev[i].u.buf, 1);
	if (!p->started)
		return;
	p->inside++;
	p->table.handler->events(p->inst, ev, n);
	p->inside--;
}

/* Puts it in the queue. */
static adit_result enqueue(struct part *p, const adit_op *op)
{
	adit_op *place = vector_add(&p->queue, sizeof(*place));

	if (!place) {
		shard_count(p->shard, COUNT_datagrams_dropped, 1);
		discard_op(op);
		return ADIT_ENOMEM;
	}
	*place = *op;
	schedule(p);
	return ADIT_OK;
}

adit_result part_op_later(struct part *p, const adit_op *op)
{
	if (p->shard->taps)
		tap_op(p, op, 1);
	return enqueue(p, op);
}

void part_op(struct part *p, const adit_op *op)
{
	if (p->shard->taps)
		tap_op(p, op, 1);
	if (!p->inside && !p->queue.count)
		call_submit(p, op, 1);
	else
		enqueue(p, op);
}

adit_result part_event(struct part *p, const adit_event *ev)
{
	adit_event *place = vector_add(&p->queue, sizeof(*place));

	if (p->shard->taps)
		tap_event(p, ev, 1);
	if (!place) {
		shard_count(p->shard, COUNT_datagrams_dropped, 1);
		if (ev->flags & ADIT_EVF_BUF)
			bufpool_put(&ev->u.buf, 1);
		return ADIT_ENOMEM;
	}
	*place = *ev;
	schedule(p);
	return ADIT_OK;
}

static void reclaim_from(struct vector *q, uint32_t from, struct flow *f)
{
	adit_event *ev = q->v;
	uint32_t i, kept = from;

	for (i = from; i < q->count; i++) {
		if (ev[i].flow == flow_handle(f) && ev[i].type != ADIT_EV_CLOSED)
			handled_keep(f, &ev[i]);
		else
			ev[kept++] = ev[i];
	}
	q->count = kept;
}

void part_reclaim(struct part *p, struct flow *f)
{
	if (!f->queued)
		return;
	reclaim_from(&p->batch, p->batch_at, f);
	reclaim_from(&p->queue, 0, f);
	f->queued = 0;
}

/* Tells a handler what is in its batch, which shrinks meanwhile if flows are taken back. */
static void tell_batch(struct part *p)
{
	while (p->batch_at < p->batch.count) {
		const adit_event *ev = (const adit_event *)p->batch.v + p->batch_at;
		uint32_t left = p->batch.count - p->batch_at, n = call_size(p, ev, left < BATCH ? left : BATCH);

		p->batch_at += n;
		call_events(p, ev, n);
	}
}

void part_flush(struct part *p)
{
	struct vector batch;
	uint32_t at, n;

	if (p->inside || !p->queue.count)
		return;
	/* What the call adds goes into a new queue, behind this batch. */
	batch = p->queue;
	memset(&p->queue, 0, sizeof(p->queue));
	if (p->kind == PART_HANDLER) {
		p->batch = batch;
		p->batch_at = 0;
		tell_batch(p);
		memset(&p->batch, 0, sizeof(p->batch));
	} else {
		for (at = 0; at < batch.count; at += n) {
			n = batch.count - at < BATCH ? batch.count - at : BATCH;
			call_submit(p, (const adit_op *)batch.v + at, n);
		}
	}
	if (p->queue.v) {
		free(batch.v);
		schedule(p);
	} else {
		batch.count = 0;
		p->queue = batch;
	}
}

/* Packets never overtake an operation that waits: a flow's first one must come after its ACCEPT. */
void part_packets(struct part *p, adit_buf *const *pkt, uint32_t n)
{
	uint32_t i;

	if (!p->started) {
		bufpool_put(pkt, n);
		return;
	}
	part_flush(p);
	if (p->inside || p->queue.count) {
		for (i = 0; i < n; i++) {
			adit_op op = {.type = OP_PACKET, .flags = ADIT_OPF_BUF, .u.buf = pkt[i]};

			part_op(p, &op);
		}
		return;
	}
	p->inside++;
	if (p->kind == PART_PLATFORM)
		p->table.platform->output(p->inst, pkt, n);
	else
		p->table.stack->input(p->inst, pkt, n);
	p->inside--;
}

/* ---- the wires: what a module calls ---- */

static int wrong_thread(struct part *p)
{
	if (loop_here(p->shard->loop))
		return 0;
	log_error(p->module, "module misuse: a [loop] function was called from another thread and refused");
	return 1;
}

static void wire_input(void *end, adit_buf *const *pkt, uint32_t n)
{
	struct part *p = end;

	if (wrong_thread(p))
		return;
	p->inside++;
	shard_input(p->shard, pkt, n);
	p->inside--;
}

/* Somebody looks at what this stack sends before the device gets it. */
static void tapped_output(struct part *p, adit_buf *const *pkt, uint32_t n)
{
	adit_buf *left[BATCH];
	uint32_t part, count;

	for (; n; n -= part, pkt += part) {
		part = n < BATCH ? n : BATCH;
		memcpy(left, pkt, part * sizeof(*pkt));
		count = p->tap ? p->tap(p->tap_arg, left, part) : part;
		if (count)
			shard_output(p->shard, left, count);
	}
}

static void wire_output(void *end, adit_buf *const *pkt, uint32_t n)
{
	struct part *p = end;

	if (wrong_thread(p))
		return;
	p->inside++;
	if (p->tap)
		tapped_output(p, pkt, n);
	else
		shard_output(p->shard, pkt, n);
	p->inside--;
}

/* A buffer or a descriptor that nobody wants must not leak. */
static void discard(const adit_event *ev)
{
	if (ev->flags & ADIT_EVF_BUF)
		bufpool_put(&ev->u.buf, 1);
	else if (ev->type == ADIT_EV_SOCKET)
		close((int)ev->u.num);
}

static void wire_emit(void *end, const adit_event *ev, uint32_t n)
{
	struct part *p = end;
	struct shard *s = p->shard;
	uint32_t i;

	if (wrong_thread(p))
		return;
	p->inside++;
	for (i = 0; i < n; i++) {
		struct flow *f = flowtable_get(s->flows, ev[i].flow);
		void (*to)(struct shard *, struct flow *, const adit_event *) = NULL;

		if (s->taps)
			tap_event(p, &ev[i], 0);
		if (f && f->owner && p->kind == PART_STACK && f->stack == p->index)
			to = f->owner->event;
		else if (f && f->owner && p->kind == PART_OUTBOUND && f->outbound == p->index)
			to = f->owner->far_event;
		if (to)
			to(s, f, &ev[i]);
		else
			discard(&ev[i]);
	}
	p->inside--;
}

static void wire_submit(void *end, const adit_op *op, uint32_t n)
{
	struct part *p = end;
	uint32_t i;

	if (wrong_thread(p))
		return;
	for (i = 0; p->shard->taps && i < n; i++)
		tap_op(p, &op[i], 0);
	p->inside++;
	verdict_ops(p, op, n);
	p->inside--;
}

static uint32_t wire_get(void *end, adit_buf **v, uint32_t n, uint32_t room)
{
	struct part *p = end;

	return wrong_thread(p) ? 0 : bufpool_get(p->shard->bufs, v, n, room);
}

static void wire_put(void *end, adit_buf *const *v, uint32_t n)
{
	struct part *p = end;

	if (!wrong_thread(p))
		bufpool_put(v, n);
}

/* Whose memory a buffer is: the owner may be inside a call when somebody puts it back. */
struct wrapped {
	struct part *part;
	adit_fn done;
	void *arg;
};

static void unwrap(void *arg)
{
	struct wrapped w = *(struct wrapped *)arg;

	free(arg);
	w.part->wrapped--;
	if (w.part->inside && loop_defer(w.part->shard->loop, w.done, w.arg) == ADIT_OK)
		return;
	w.part->inside++;
	w.done(w.arg);
	w.part->inside--;
}

static adit_buf *wire_wrap(void *end, void *mem, uint32_t len, adit_fn done, void *arg)
{
	struct part *p = end;
	struct wrapped *w;
	adit_buf *b;

	if (wrong_thread(p))
		return NULL;
	w = malloc(sizeof(*w));
	if (!w)
		return NULL;
	*w = (struct wrapped){p, done, arg};
	b = bufpool_wrap(p->shard->bufs, mem, len, unwrap, w);
	if (b)
		p->wrapped++;
	else
		free(w);
	return b;
}

static const adit_flow_info *wire_info(void *end, adit_flow flow)
{
	struct part *p = end;
	struct flow *f = wrong_thread(p) ? NULL : flowtable_get(p->shard->flows, flow);

	return f ? &f->info : NULL;
}

void part_wire(struct part *p)
{
	adit_path *path = &p->path;

	memset(path, 0, sizeof(*path));
	path->size = sizeof(*path);
	path->end = p;
	if (p->kind == PART_SERVICE)
		return; /* lives on no shard: neither flows nor buffers are its */
	path->get = wire_get;
	path->put = wire_put;
	path->wrap = wire_wrap;
	path->info = wire_info;
	if (p->kind == PART_PLATFORM)
		path->input = wire_input;
	if (p->kind == PART_STACK)
		path->output = wire_output;
	if (p->kind == PART_STACK || p->kind == PART_OUTBOUND)
		path->emit = wire_emit;
	if (p->kind == PART_HANDLER)
		path->submit = wire_submit;
}
