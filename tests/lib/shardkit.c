/* SPDX-License-Identifier: MIT
 * tests/lib/shardkit.c - a real shard whose parts are fakes
 */
#include "tests/lib/shardkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dial/carry.h"
#include "dial/forward.h"
#include "os/os.h"

static struct kit *kit_of(struct part *p)
{
	return (struct kit *)(void *)((uint8_t *)p->shard - offsetof(struct kit, s));
}

/* The parts are their own instances, so every fake knows who it is. */
static struct kit *enter(void *inst)
{
	struct part *p = inst;
	struct kit *k = kit_of(p);

	assert_int_equal(++k->depth[p - k->parts], 1); /* never re-entered */
	assert_true(p->started); /* never called after its stop */
	return k;
}

static void leave(struct kit *k, void *inst)
{
	k->depth[(struct part *)inst - k->parts]--;
}

static struct kit_seen *see(struct kit *k, struct part *p, int what)
{
	struct kit_seen *e = &k->seen[k->count];

	assert_true(k->count < KIT_SEEN);
	memset(e, 0, sizeof(*e));
	e->kind = p->kind;
	e->index = p->index;
	e->what = what;
	return e;
}

static void see_bytes(struct kit_seen *e, const adit_buf *b)
{
	for (; b; b = b->next) {
		size_t n = e->size < KIT_BYTES ? KIT_BYTES - e->size : 0;

		memcpy(e->bytes + (KIT_BYTES - n), b->data, n < b->len ? n : b->len);
		e->size += b->len;
		e->parts++;
	}
}

static void tell(struct kit *k, struct part *p)
{
	const struct kit_seen *e = &k->seen[k->count++];

	if (k->script)
		k->script(k, p, e);
}

static void take_packets(void *inst, adit_buf *const *pkt, uint32_t n)
{
	struct kit *k = enter(inst);
	uint32_t i;

	assert_in_range(n, 1, 256);
	for (i = 0; i < n; i++) {
		struct kit_seen *e = see(k, inst, KIT_PACKET);

		e->flags = (uint16_t)pkt[i]->flags;
		e->flow = pkt[i]->flow;
		e->gso = pkt[i]->gso_size;
		see_bytes(e, pkt[i]);
		bufpool_put(&pkt[i], 1);
		tell(k, inst);
	}
	leave(k, inst);
}

static void take_ops(void *inst, const adit_op *op, uint32_t n)
{
	struct kit *k = enter(inst);
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct kit_seen *e = see(k, inst, KIT_OP);

		e->type = op[i].type;
		e->flags = op[i].flags;
		e->code = op[i].code;
		e->flow = op[i].flow;
		if (op[i].flags & ADIT_OPF_BUF) {
			adit_buf *b = op[i].u.buf;

			see_bytes(e, b);
			e->gso = b->flags & ADIT_BUF_GSO_UDP ? b->gso_size : 0;
			bufpool_put(&b, 1);
		} else {
			e->num = op[i].u.num;
		}
		tell(k, inst);
	}
	leave(k, inst);
}

static void take_events(void *inst, const adit_event *ev, uint32_t n)
{
	struct kit *k = enter(inst);
	struct part *p = inst;
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct kit_seen *e = see(k, p, KIT_EVENT);

		e->type = ev[i].type;
		e->flags = ev[i].flags;
		e->code = ev[i].code;
		e->flow = ev[i].flow;
		e->user = ev[i].user;
		if (ev[i].flags & ADIT_EVF_BUF) {
			adit_buf *b = ev[i].u.buf;

			see_bytes(e, b);
			bufpool_put(&b, 1);
		} else if (ev[i].type == ADIT_EV_OPEN) {
			e->dst = ev[i].u.info->dst;
		} else {
			e->num = ev[i].u.num;
		}
		tell(k, p);
		if (ev[i].type == ADIT_EV_OPEN && k->answer[p->index].type) {
			adit_op op = k->answer[p->index];

			op.flow = ev[i].flow;
			p->path.submit(p->path.end, &op, 1);
		}
	}
	leave(k, inst);
}

static void take_reach(void *inst, const adit_reach *req, uint32_t n)
{
	struct kit *k = enter(inst);
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct kit_seen *e = see(k, inst, KIT_REACH);

		e->flow = req[i].flow;
		e->dst = req[i].dst;
		e->num = req[i].deadline_ns;
		if (req[i].name)
			strncpy(e->name, req[i].name, sizeof(e->name) - 1);
		tell(k, inst);
	}
	leave(k, inst);
}

static const adit_platform_1 platform = {.size = sizeof(platform), .output = take_packets};
static const adit_stack_1 stack = {.size = sizeof(stack),
                                   .flags = ADIT_STACK_TCP | ADIT_STACK_UDP | ADIT_STACK_ECHO | ADIT_STACK_SOCKETS,
                                   .input = take_packets,
                                   .submit = take_ops};
static const adit_handler_1 handler = {.size = sizeof(handler), .events = take_events};
static const adit_outbound_1 outbound = {.size = sizeof(outbound),
                                         .flags = ADIT_OUTBOUND_TCP | ADIT_OUTBOUND_UDP | ADIT_OUTBOUND_ECHO,
                                         .reach = take_reach,
                                         .submit = take_ops};

static void on_end(void *arg, struct shard *s, const struct flow *f, adit_result code)
{
	struct kit *k = arg;

	k->ended++;
	k->end_code = code;
}

static void add_part(struct kit *k, unsigned at, enum part_kind kind)
{
	static const void *const tables[PART_KINDS] = {&platform, &stack, &handler, &outbound};
	struct part *p = &k->parts[at];
	struct shard *s = &k->s;

	p->shard = s;
	p->kind = kind;
	p->index = (uint8_t)s->part_count[kind];
	p->name = p->module = "fake";
	p->inst = p;
	p->table.service = tables[kind];
	p->started = kind != PART_HANDLER || p->index == 0;
	part_wire(p);
	s->parts[kind][s->part_count[kind]++] = p;
}

struct kit *kit_new(const struct flow_limits *limits)
{
	static const struct flow_limits usual = {1000, 100, 500, 50};
	static const enum part_kind kinds[8] = {PART_PLATFORM, PART_STACK,   PART_STACK,    PART_HANDLER,
	                                        PART_HANDLER,  PART_HANDLER, PART_OUTBOUND, PART_OUTBOUND};
	struct kit *k = calloc(1, sizeof(*k));
	struct shard *s;
	unsigned i;

	assert_non_null(k);
	s = &k->s;
	s->count = 1;
	assert_int_equal(loop_new(&s->loop), 0);
	loop_set_owner(s->loop, s);
	assert_int_equal(flowtable_new(&s->flows, limits ? limits : &usual), 0);
	assert_int_equal(bufpool_new(&s->bufs, 64 << 20), 0);
	s->reassembly = reassembly_new(NULL);
	assert_non_null(s->reassembly);
	s->timeouts = (struct shard_timeouts){30, 30, 7440, 300, 30, 10};
	refuse_limit_init(&s->refuse_limit, 1000, 200);
	s->on_end = on_end;
	s->on_end_arg = k;
	assert_int_equal(forward_shard_init(s), 0);
	for (i = 0; i < 8; i++)
		add_part(k, i, kinds[i]);
	return k;
}

/* ---- on the loop ---- */

struct doing {
	struct kit *k;
	void (*fn)(struct kit *k);
};

static void do_it(void *arg)
{
	struct doing *d = arg;

	if (d->fn)
		d->fn(d->k);
	loop_stop(d->k->s.loop);
}

void kit_do(struct kit *k, void (*fn)(struct kit *k))
{
	struct doing d = {k, fn};

	assert_int_equal(loop_defer(k->s.loop, do_it, &d), 0);
	loop_run(k->s.loop);
}

static void halt(void *arg)
{
	loop_stop(((struct kit *)arg)->s.loop);
}

int kit_wait(struct kit *k, unsigned ms, int (*done)(struct kit *k))
{
	uint64_t until = os_now() + ms * 1000000ull;
	adit_timer t;

	loop_timer_init(&t, k->s.loop, halt, k);
	while (!(done && done(k)) && os_now() < until) {
		loop_timer_set(&t, 2000000, 0);
		loop_run(k->s.loop);
	}
	loop_timer_fini(&t);
	return done && done(k);
}

static struct {
	adit_buf *v[256];
	unsigned n;
	struct part *part;
	const adit_op *op;
	const adit_event *ev;
	uint32_t seconds;
} now;

static void do_input(struct kit *k)
{
	struct part *p = kit_part(k, PART_PLATFORM, 0);

	/* As a platform does from its watcher: the call into the host makes it "inside". */
	k->depth[0]++;
	p->path.input(p->path.end, now.v, now.n);
	k->depth[0]--;
}

void kit_packets(struct kit *k, const uint8_t *const *bytes, const size_t *sizes, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		now.v[i] = kit_buf(k, bytes[i], (uint32_t)sizes[i]);
		now.v[i]->flags = 0;
	}
	now.n = n;
	kit_do(k, do_input);
}

void kit_packet(struct kit *k, const uint8_t *bytes, size_t size, uint32_t flags)
{
	now.v[0] = kit_buf(k, bytes, (uint32_t)size);
	now.v[0]->flags = flags;
	now.n = 1;
	kit_do(k, do_input);
}

static void do_submit(struct kit *k)
{
	now.part->path.submit(now.part->path.end, now.op, now.n);
}

void kit_submit(struct kit *k, unsigned index, const adit_op *op, uint32_t n)
{
	now.part = kit_part(k, PART_HANDLER, index);
	now.op = op;
	now.n = n;
	kit_do(k, do_submit);
}

static void do_emit(struct kit *k)
{
	k->depth[now.part - k->parts]++;
	now.part->path.emit(now.part->path.end, now.ev, now.n);
	k->depth[now.part - k->parts]--;
}

void kit_emit(struct kit *k, enum part_kind kind, unsigned index, const adit_event *ev, uint32_t n)
{
	now.part = kit_part(k, kind, index);
	now.ev = ev;
	now.n = n;
	kit_do(k, do_emit);
}

adit_buf *kit_buf(struct kit *k, const void *bytes, uint32_t size)
{
	adit_buf *b;

	assert_int_equal(bufpool_get(k->s.bufs, &b, 1, size), 1);
	memcpy(b->data, bytes, size);
	b->len = size;
	return b;
}

static void make_older(void *arg, struct flow *f)
{
	f->last -= now.seconds;
	f->offered -= now.seconds * 1000;
}

static void do_age(struct kit *k)
{
	unsigned i;

	flowtable_walk(k->s.flows, 0, UINT32_MAX, make_older, k);
	for (i = 0; i < 17; i++)
		flow_sweep(&k->s);
}

void kit_age(struct kit *k, uint32_t seconds)
{
	now.seconds = seconds;
	kit_do(k, do_age);
}

/* ---- the end ---- */

static void end_one(void *arg, struct flow *f)
{
	flow_end(arg, f, ADIT_ECANCEL);
}

static void do_end(struct kit *k)
{
	unsigned i;

	k->s.draining = 1;
	flowtable_walk(k->s.flows, 0, UINT32_MAX, end_one, &k->s);
	for (i = 0; i < 8; i++) {
		part_flush(&k->parts[i]);
		k->parts[i].started = 0;
	}
}

void kit_free(struct kit *k)
{
	struct shard *s = &k->s;
	unsigned i;

	k->script = NULL;
	k->count = 0;
	kit_do(k, do_end);
	loop_timer_fini(&s->sweep);
	forward_shard_fini(s);
	assert_int_equal(bufpool_out(s->bufs), 0);
	flowtable_free(s->flows);
	reassembly_free(s->reassembly);
	bufpool_free(s->bufs);
	loop_free(s->loop);
	for (i = 0; i < 8; i++)
		free(k->parts[i].queue.v);
	free(k);
}

/* ---- questions ---- */

struct part *kit_part(struct kit *k, enum part_kind kind, unsigned index)
{
	return k->s.parts[kind][index];
}

const struct kit_seen *kit_find(struct kit *k, enum part_kind kind, unsigned index, int what, unsigned type, unsigned n)
{
	uint32_t i;

	for (i = 0; i < k->count; i++) {
		const struct kit_seen *e = &k->seen[i];

		if (e->kind == kind && e->index == index && (int)e->what == what && (!type || e->type == type) && !n--)
			return e;
	}
	return NULL;
}

unsigned kit_number(struct kit *k, enum part_kind kind, unsigned index, int what, unsigned type)
{
	unsigned n = 0;

	while (kit_find(k, kind, index, what, type, n))
		n++;
	return n;
}

void kit_clear(struct kit *k)
{
	k->count = 0;
}

uint64_t kit_counter(struct kit *k, enum shard_counter which)
{
	return k->s.counters[which];
}

struct flow_counts kit_counts(struct kit *k)
{
	struct flow_counts c;

	flowtable_count(k->s.flows, &c);
	return c;
}
