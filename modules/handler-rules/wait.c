/* SPDX-License-Identifier: MIT
 * handler-rules/wait.c - flows of which something is being found out, with their bytes
 *
 * Looking: the flow is accepted, and what the application sends first is kept, unconsumed, until a reader has found a
 * name in it or knows that there is none, or until it takes too long (a server that speaks first, say). Asking: the
 * platform is asked on the pool. A question outlives its flow; the last one of the two frees what they share.
 */
#include <stdlib.h>

#include "own.h"

/* A question to the platform. Belongs to the pool until its answer is there. */
struct asking {
	struct own *o;     /* null: nobody is interested any more */
	struct waiting *w;
	const adit_owner_1 *owners;
	adit_flow_info info;
	adit_owner owner;
	adit_result result;
};

/* ---- places ---- */

struct waiting *wait_new(struct own *o, adit_flow flow)
{
	struct waiting *w;

	if (!o->free_count)
		return NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->flow = flow;
	w->index = o->free[--o->free_count];
	w->table = table_ref(o->table);
	o->waiting[w->index] = w;
	return w;
}

static void leave_queue(struct own *o, struct waiting *w)
{
	if (!w->link)
		return;
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	else
		o->last = w->link;
	w->link = NULL;
}

void wait_free(struct own *o, struct waiting *w)
{
	uint32_t i;

	leave_queue(o, w);
	for (i = 0; i < w->buf_count; i++)
		adit_put(o->h, w->bufs[i]);
	if (w->asking)
		w->asking->o = NULL;
	o->waiting[w->index] = NULL;
	o->free[o->free_count++] = (uint16_t)w->index;
	table_unref(w->table);
	free(w->owner);
	free(w);
}

struct waiting *wait_find(struct own *o, adit_flow flow, uint64_t user)
{
	struct waiting *w = user < WAITING_MOST ? o->waiting[user] : NULL;

	return w && w->flow == flow ? w : NULL;
}

void wait_stop(struct own *o)
{
	uint32_t i;

	for (i = 0; i < WAITING_MOST; i++)
		if (o->waiting[i])
			wait_free(o, o->waiting[i]);
}

/* ---- looking ---- */

void wait_look(struct own *o, struct waiting *w)
{
	adit_count(o->looked, 1);
	if (!w->accepted)
		adit_accept(o->h, w->flow, w->index);
	w->accepted = 1;
	w->deadline = o->loop->now(o->h->env->loop) + o->look_ns;
	w->next = NULL;
	w->link = o->last;
	*o->last = w;
	o->last = &w->next;
	if (o->first == w)
		o->loop->timer_set(o->timer, o->look_ns ? o->look_ns : 1, 0);
}

static void looked(struct own *o, struct waiting *w)
{
	leave_queue(o, w);
	w->known |= KNOWN_NAME;
	adit_count(o->named, w->name.size != 0);
	decide_on(o, w);
}

void wait_timer(void *arg)
{
	struct own *o = arg;
	uint64_t now = o->loop->now(o->h->env->loop);

	while (o->first && o->first->deadline <= now) {
		adit_count(o->timed_out, 1);
		looked(o, o->first);
	}
	if (o->first)
		o->loop->timer_set(o->timer, o->first->deadline - now, 0);
}

/* Lays a chain into the scratch; returns how many bytes of it fit. */
static size_t lay_out(struct own *o, const adit_buf *buf)
{
	size_t size = 0, n;

	for (; buf && size < sizeof(o->scratch); buf = buf->next) {
		n = buf->len < sizeof(o->scratch) - size ? buf->len : sizeof(o->scratch) - size;
		memcpy(o->scratch + size, buf->data, n);
		size += n;
	}
	return size;
}

void wait_data(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf)
{
	struct own *o = h->own;
	struct waiting *w = wait_find(o, flow, user);

	if (!w) {
		adit_put(h, buf);
		return;
	}
	w->size += (uint32_t)adit_buf_size(buf);
	if (w->buf_count)
		w->last->next = buf;
	else
		w->bufs[w->buf_count++] = buf;
	for (w->last = buf; w->last->next;)
		w->last = w->last->next;
	if (w->asking)
		return;
	if (look_stream(o->scratch, lay_out(o, w->bufs[0]), &w->name) != LOOK_MORE || ++w->pieces == WAITING_PIECES)
		looked(o, w);
}

/* What the kept datagrams say together. */
static enum look look_together(struct own *o, struct waiting *w, uint16_t port)
{
	enum look look = LOOK_MORE;
	size_t size = 0, step, at;
	uint32_t i;

	quic_init(&o->quic);
	for (i = 0; i < w->buf_count && look == LOOK_MORE; i++) {
		size = lay_out(o, w->bufs[i]);
		step = w->bufs[i]->flags & ADIT_BUF_GSO_UDP && w->bufs[i]->gso_size ? w->bufs[i]->gso_size : size;
		for (at = 0; at < size && look == LOOK_MORE; at += step)
			look = look_datagram(&o->quic, o->scratch + at, step < size - at ? step : size - at, port,
			                     &w->name);
	}
	return size ? look : LOOK_NONE; /* an empty datagram says that nothing readable comes */
}

void wait_dgram(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf)
{
	struct own *o = h->own;
	struct waiting *w = wait_find(o, flow, user);
	const adit_flow_info *info = h->env->path->info(h->env->path->end, flow);

	if (!w || !info || w->buf_count == WAITING_DATAGRAMS) {
		adit_put(h, buf);
		return;
	}
	w->bufs[w->buf_count++] = buf;
	w->size += (uint32_t)adit_buf_size(buf);
	if (w->asking)
		return;
	if (look_together(o, w, info->dst.port) != LOOK_MORE || w->buf_count == WAITING_DATAGRAMS)
		looked(o, w);
}

/* Nothing more comes: what is there has to do. The end itself is the host's to hand on. */
void wait_fin(adit_handler *h, adit_flow flow, uint64_t user)
{
	struct waiting *w = wait_find(h->own, flow, user);

	if (w && !w->asking)
		looked(h->own, w);
}

void wait_closed(adit_handler *h, adit_flow flow, uint64_t user, adit_result code)
{
	struct waiting *w = wait_find(h->own, flow, user);

	if (w)
		wait_free(h->own, w);
}

void wait_unread(struct own *o, struct waiting *w)
{
	adit_op *op;

	while (w->buf_count) { /* the newest first */
		op = adit_op_next(o->h, ADIT_OP_UNREAD, w->flow);
		op->flags = ADIT_OPF_BUF;
		op->u.buf = w->bufs[--w->buf_count];
	}
}

/* ---- asking ---- */

static void ask_work(void *arg)
{
	struct asking *a = arg;

	a->owner.size = sizeof(a->owner);
	a->result = a->owners->find(&a->info, &a->owner);
}

static void ask_done(void *arg)
{
	struct asking *a = arg;
	struct own *o = a->o;
	struct waiting *w = a->w;

	if (o) {
		w->asking = NULL;
		w->known |= KNOWN_OWNER;
		w->owner = a->result == 0 ? malloc(sizeof(*w->owner)) : NULL;
		if (w->owner)
			*w->owner = a->owner;
	}
	free(a);
	if (o)
		decide_on(o, w);
}

int wait_ask(struct own *o, struct waiting *w)
{
	const adit_flow_info *info = o->h->env->path->info(o->h->env->path->end, w->flow);
	struct asking *a = info && o->owners ? calloc(1, sizeof(*a)) : NULL;

	if (!a)
		return 0;
	a->o = o;
	a->w = w;
	a->owners = o->owners;
	a->info = *info;
	if (o->loop->pool(o->h->env->loop, ask_work, ask_done, a) < 0) {
		adit_count(o->crowded, 1);
		free(a);
		return 0;
	}
	w->asking = a;
	return 1;
}
