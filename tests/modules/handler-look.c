/* SPDX-License-Identifier: MIT
 * tests/modules/handler-look.c - for tests/system: looks at how every flow begins, then forwards it
 *
 * A stream is looked at until LOOK bytes or its FIN are there, or for a moment: servers may speak first. A datagram flow
 * until its first datagram.
 */
#include <adit/callbacks.h>

enum { LOOK = 8, HELD = 16, SLOTS = 4096, TICK = 50 * 1000 * 1000 };

struct looked {
	adit_flow flow; /* 0: none */
	unsigned count, bytes, ticks;
	int32_t outbound;
	adit_buf *held[HELD];
};

struct look {
	const adit_loop_1 *loops;
	adit_timer *timer;
	struct looked flows[SLOTS];
};

static struct looked *find(adit_handler *h, adit_flow flow)
{
	struct look *l = h->own;
	struct looked *f = &l->flows[ADIT_FLOW_SLOT(flow) % SLOTS];

	return f->flow == flow ? f : 0;
}

static void give_up(adit_handler *h, struct looked *f)
{
	adit_flow flow = f->flow;

	while (f->count)
		adit_unread(h, flow, f->held[--f->count]);
	f->flow = 0;
	adit_name(h, flow, "looked.example");
	adit_forward(h, flow, f->outbound, 0, 0);
}

static void on_tick(void *arg)
{
	adit_handler *h = arg;
	struct look *l = h->own;
	unsigned i;

	for (i = 0; i < SLOTS; i++)
		if (l->flows[i].flow && ++l->flows[i].ticks > 2)
			give_up(h, &l->flows[i]);
}

static adit_result look_start(adit_handler *h)
{
	struct look *l = h->own;
	adit_result r;

	l->loops = adit_interface(h, ADIT_LOOP_1);
	if (!l->loops)
		return ADIT_ENOSYS;
	r = l->loops->timer(h->env->loop, on_tick, h, &l->timer);
	if (r == 0)
		l->loops->timer_set(l->timer, TICK, TICK);
	return r;
}

static void look_stop(adit_handler *h)
{
	struct look *l = h->own;
	unsigned i;

	for (i = 0; i < SLOTS; i++)
		if (l->flows[i].flow && l->flows[i].count)
			h->env->path->put(h->env->path->end, l->flows[i].held, l->flows[i].count);
	if (l->timer)
		l->loops->timer_free(l->timer);
}

static void look_open(adit_handler *h, adit_flow flow, const adit_flow_info *info)
{
	struct look *l = h->own;
	struct looked *f = &l->flows[ADIT_FLOW_SLOT(flow) % SLOTS];

	if (f->flow) {
		adit_reject(h, flow, ADIT_EADMIN); /* more flows than the tests make */
		return;
	}
	memset(f, 0, sizeof(*f));
	f->flow = flow;
	f->outbound = info->dst.port % 10 == 2 ? 2 : 1; /* of the manifest, from 1 */
	adit_accept(h, flow, 1);
}

static void look_data(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf)
{
	struct looked *f = find(h, flow);
	adit_buf *b;

	if (!f || f->count == HELD) {
		h->env->path->put(h->env->path->end, &buf, 1);
		adit_abort(h, flow);
		return;
	}
	for (b = buf; b; b = b->next)
		f->bytes += b->len;
	f->held[f->count++] = buf;
	if (f->bytes >= LOOK || f->count == HELD)
		give_up(h, f);
}

static void look_dgram(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf)
{
	struct looked *f = find(h, flow);

	if (!f) {
		h->env->path->put(h->env->path->end, &buf, 1);
		adit_abort(h, flow);
		return;
	}
	f->held[f->count++] = buf;
	give_up(h, f);
}

static void look_fin(adit_handler *h, adit_flow flow, uint64_t user)
{
	struct looked *f = find(h, flow);

	if (f)
		give_up(h, f);
}

static void look_closed(adit_handler *h, adit_flow flow, uint64_t user, adit_result code)
{
	struct looked *f = find(h, flow);

	if (f && f->count)
		h->env->path->put(h->env->path->end, f->held, f->count);
	if (f)
		f->flow = 0;
}

static const adit_callbacks look_calls = {
	.own = sizeof(struct look),
	.start = look_start,
	.stop = look_stop,
	.open = look_open,
	.data = look_data,
	.dgram = look_dgram,
	.fin = look_fin,
	.closed = look_closed,
};
ADIT_HANDLER_MODULE("look", look_calls)
