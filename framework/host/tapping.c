/* SPDX-License-Identifier: MIT
 * host/tapping.c - taps on all shards
 *
 * A tap is hung up and taken off on its shard's loop, so its memory is only given up when the shard has said that it is
 * off. If the host stops meanwhile, it goes with the host.
 */
#include "host/tapping.h"

#include <stdlib.h>
#include <string.h>

#include "host/parts.h"
#include "os/os.h"

enum { LOOK_EVERY_MS = 20 };

struct tapped {
	struct tapping *tapping;
	struct tap tap;
	adit_result found; /* written on the shard's loop, read when the call is done */
	bool hung;
};

struct tapping {
	struct host *host;
	struct tapping *next; /* of the host */
	struct tapping_options options;
	adit_timer timer;
	unsigned count, calls; /* calls to shards that have not come back */
	adit_result result;
	bool ending, stopped; /* stopped: the host was, before all taps were off */
	struct tapped *front; /* whose record tapping_front gave last */
	struct tapped shards[];
};

/* ---- on the shards ---- */

static bool has_stack(const struct shard *s, const char *name)
{
	uint32_t i;

	for (i = 0; i < s->part_count[PART_STACK]; i++)
		if (s->parts[PART_STACK][i] && !strcmp(s->parts[PART_STACK][i]->name, name))
			return true;
	return false;
}

static void hang(struct shard *s, void *arg)
{
	struct tapped *d = arg;
	struct tap *t = &d->tap;

	if (t->kind == TAP_STACK && !has_stack(s, t->stack)) {
		d->found = ADIT_ENOENT;
		return;
	}
	if (t->kind == TAP_FLOW && t->flow) {
		const struct flow *f = flowtable_get(s->flows, t->flow);

		if (!f || f->state == FLOW_CLOSED) {
			d->found = ADIT_ENOENT;
			return;
		}
		t->info = f->info;
	}
	tap_add(s, t);
}

static void unhang(struct shard *s, void *arg)
{
	struct tapped *d = arg;

	tap_remove(s, &d->tap);
}

/* ---- on the control loop ---- */

static void dispose(struct tapping *t)
{
	struct tapping **at = &t->host->tappings;
	unsigned i;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	loop_timer_fini(&t->timer);
	for (i = 0; i < t->count; i++) {
		ring_free(t->shards[i].tap.ring);
		free(t->shards[i].tap.told);
	}
	free(t);
}

static void call_over(struct tapping *t)
{
	if (!--t->calls && t->ending && !t->stopped)
		dispose(t);
}

static void off(void *arg, adit_result result)
{
	struct tapped *d = arg;

	if (result != ADIT_OK)
		d->tapping->stopped = true; /* or late: either way it may still hang there */
	else
		d->hung = false;
	call_over(d->tapping);
}

static void take_off(struct tapped *d)
{
	struct tapping *t = d->tapping;

	if (!d->hung)
		return;
	t->calls++;
	if (host_call(t->host, (unsigned)(d - t->shards), unhang, d, off) != ADIT_OK) {
		t->stopped = true;
		t->calls--;
	}
}

static void on(void *arg, adit_result result);

static void hang_up(struct tapped *d)
{
	struct tapping *t = d->tapping;

	t->calls++;
	if (host_call(t->host, (unsigned)(d - t->shards), hang, d, on) != ADIT_OK) {
		t->calls--;
		t->result = ADIT_ENOMEM;
	}
}

static void on(void *arg, adit_result result)
{
	struct tapped *d = arg;
	struct tapping *t = d->tapping;
	unsigned i;

	d->hung = result != ADIT_OK || d->found == ADIT_OK;
	if (d->found != ADIT_OK && t->result == ADIT_OK)
		t->result = d->found;
	if (t->ending) {
		take_off(d);
	} else {
		/* The shard of a flow has told its endpoints: now the others, at whose queues its datagrams may come. */
		if (t->options.kind == TAP_FLOW && d->tap.flow && t->result == ADIT_OK)
			for (i = 0; i < t->count; i++)
				if (&t->shards[i] != d) {
					t->shards[i].tap.info = d->tap.info;
					hang_up(&t->shards[i]);
				}
		t->options.news(t->options.arg);
	}
	call_over(t);
}

static void look(void *arg)
{
	struct tapping *t = arg;

	t->options.news(t->options.arg);
}

static void on_wake(void *arg)
{
	struct tapped *d = arg;

	__atomic_store_n(&d->tap.woken, 0, __ATOMIC_RELEASE);
	if (!d->tapping->ending)
		look(d->tapping);
}

static void wake(void *arg)
{
	struct tapped *d = arg;

	/* It comes before the answer to the call that takes the tap off: both are posted by the shard's thread. */
	if (loop_post(host_loop(d->tapping->host), on_wake, d) != ADIT_OK)
		__atomic_store_n(&d->tap.woken, 0, __ATOMIC_RELEASE);
}

static int prepare(struct tapping *t, unsigned i)
{
	const struct tapping_options *o = &t->options;
	const struct flow_limits *limits = flowtable_limits(t->host->shards[i]->shard.flows);
	struct tapped *d = &t->shards[i];

	d->tapping = t;
	d->tap.kind = o->kind;
	d->tap.snap = o->snap;
	d->tap.wake = wake;
	d->tap.arg = d;
	if (o->stack)
		snprintf(d->tap.stack, sizeof(d->tap.stack), "%s", o->stack);
	if (o->kind == TAP_FLOW && o->shard == i) {
		d->tap.flow = o->flow;
		d->tap.words = o->words;
	}
	d->tap.told = calloc(1, (limits->flows + 256) / 8 + 1);
	return d->tap.told ? ring_new(&d->tap.ring, o->ring) : ADIT_ENOMEM;
}

static unsigned tappings(const struct host *h)
{
	const struct tapping *t;
	unsigned n = 0;

	for (t = h->tappings; t; t = t->next)
		n++;
	return n;
}

int tapping_new(struct tapping **out, struct host *h, const struct tapping_options *options)
{
	struct tapping *t;
	unsigned i;
	int err = ADIT_OK;

	if (options->kind == TAP_FLOW && options->shard >= h->shard_count)
		return ADIT_EINVAL;
	if (tappings(h) == TAPPINGS_MOST)
		return ADIT_ELIMIT;
	t = calloc(1, sizeof(*t) + h->shard_count * sizeof(t->shards[0]));
	if (!t)
		return ADIT_ENOMEM;
	t->host = h;
	t->options = *options;
	t->count = h->shard_count;
	t->next = h->tappings;
	h->tappings = t;
	loop_timer_init(&t->timer, host_loop(h), look, t);
	for (i = 0; i < t->count && !err; i++)
		err = prepare(t, i);
	t->options.stack = NULL; /* lent */
	if (err) {
		dispose(t);
		return err;
	}
	for (i = 0; i < t->count; i++)
		if (options->kind != TAP_FLOW || options->shard == i)
			hang_up(&t->shards[i]);
	if (t->result != ADIT_OK) {
		tapping_free(t);
		return ADIT_EINVAL;
	}
	loop_timer_set(&t->timer, LOOK_EVERY_MS * OS_SECOND / 1000, LOOK_EVERY_MS * OS_SECOND / 1000);
	*out = t;
	return ADIT_OK;
}

int tapping_result(const struct tapping *t)
{
	return t->result;
}

struct tap_record *tapping_front(struct tapping *t)
{
	struct tap_record *oldest = NULL, *r;
	unsigned i;
	size_t size;

	for (i = 0; i < t->count; i++) {
		r = ring_front(t->shards[i].tap.ring, &size);
		if (r && (!oldest || r->ns < oldest->ns)) {
			oldest = r;
			t->front = &t->shards[i];
		}
	}
	return oldest;
}

void tapping_pop(struct tapping *t)
{
	ring_pop(t->front->tap.ring);
}

uint64_t tapping_lost(const struct tapping *t)
{
	uint64_t lost = 0;
	unsigned i;

	for (i = 0; i < t->count; i++)
		lost += ring_lost(t->shards[i].tap.ring);
	return lost;
}

void tapping_free(struct tapping *t)
{
	unsigned i;

	if (!t)
		return;
	t->ending = true;
	loop_timer_fini(&t->timer);
	t->calls++; /* ours: not disposed of before all have been asked */
	for (i = 0; i < t->count; i++)
		take_off(&t->shards[i]);
	call_over(t);
}

void tappings_fini(struct host *h)
{
	while (h->tappings)
		dispose(h->tappings);
}
