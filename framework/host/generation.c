/* SPDX-License-Identifier: MIT
 * host/generation.c - draining and retiring
 *
 * Nothing counts references on the data path. While something drains, each shard's flow table is walked a few times a
 * second, a bounded number of slots per turn of its loop, and the flows of each draining instance are counted. No flow
 * begins to refer to one that drains, so a count of zero stays zero. Then the instance is stopped on its loops, its place
 * is empty, and once nothing of it is under way (a queue's delivery, a buffer around its memory) it is destroyed.
 */
#include "host/generation.h"

#include <stdlib.h>
#include <string.h>

#include "host/parts.h"
#include "host/swap.h"
#include "loop/pool.h"
#include "observe/log.h"
#include "os/os.h"

enum { SLOTS_PER_TURN = 4096, KINDS_OF_FLOWS = 3 /* stack, handler, outbound */ };
#define TICK (OS_SECOND / 4)

/* What a shard's walk looks for and finds; bits and places are those of parts. */
struct walk {
	struct generations *generations;
	struct shard *shard;
	uint32_t from;
	uint64_t looking[KINDS_OF_FLOWS], ending[KINDS_OF_FLOWS];
	uint32_t found[KINDS_OF_FLOWS][SHARD_PARTS], ended[KINDS_OF_FLOWS][SHARD_PARTS];
};

struct generations {
	struct host *host;
	adit_timer timer;
	unsigned walking; /* shards whose walk is not over */
	unsigned checking; /* rounds of on_quiet that are out */
	bool lost;        /* a shard did not answer: this round says nothing */
	struct walk walks[HOST_SHARDS_MOST];
};

static const enum part_kind kinds_of_flows[KINDS_OF_FLOWS] = {PART_STACK, PART_HANDLER, PART_OUTBOUND};

static unsigned kind_index(const struct instance *i)
{
	return i->kind == PART_STACK ? 0 : i->kind == PART_HANDLER ? 1 : 2;
}

static bool has_flows(const struct instance *i)
{
	return i->kind == PART_STACK || i->kind == PART_HANDLER || i->kind == PART_OUTBOUND;
}

/* ---- on the shards ---- */

static void count(struct walk *w, struct flow *f)
{
	const uint8_t place[KINDS_OF_FLOWS] = {f->stack, f->handler, f->outbound};
	const struct part *part;
	bool end = false;
	unsigned k;

	for (k = 0; k < KINDS_OF_FLOWS; k++) {
		if (place[k] >= SHARD_PARTS || !(w->looking[k] >> place[k] & 1))
			continue;
		w->found[k][place[k]]++;
		/* It may have been taken back since the walk began. */
		part = w->shard->parts[kinds_of_flows[k]][place[k]];
		if (!(w->ending[k] >> place[k] & 1) || !part || !part->draining)
			continue;
		end = true;
		if (f->state != FLOW_CLOSED)
			w->ended[k][place[k]]++;
	}
	if (end)
		flow_end(w->shard, f, ADIT_ECANCEL);
}

static void look_at(void *arg, struct flow *f)
{
	/* A refusal that is remembered for some seconds needs none of those who made it. */
	if (f->state == FLOW_CLOSED && f->flags & FLOW_REFUSED && !(f->flags & FLOW_ACCEPTED))
		f->handler = f->outbound = FLOW_NOBODY;
	else
		count(arg, f);
}

static void walk_on(struct shard *s, void *arg)
{
	struct walk *w = arg;

	w->from = flowtable_walk(s->flows, w->from, SLOTS_PER_TURN, look_at, w);
}

/* Its place is empty from here on. */
static void stop_on(struct shard *s, void *arg)
{
	struct instance *i = arg;
	struct part *p = i->parts[s->index];

	part_flush(p);
	if (p->started)
		instance_stop(p);
	if (s->parts[i->kind][i->slot] == p)
		s->parts[i->kind][i->slot] = NULL;
}

static void count_busy(struct shard *s, void *arg)
{
	struct instance *i = arg;
	struct part *p = i->parts[s->index];

	if (i->kind == PART_SERVICE)
		return;
	part_flush(p);
	if (p->inside || p->scheduled || p->wrapped || p->queue.count)
		atomic_fetch_add(&i->busy, 1);
}

/* ---- on the control thread ---- */

static void settle(struct generations *g)
{
	struct instance *i;
	bool any = false;

	for (i = g->host->instances; i; i = i->next)
		any |= i->draining;
	loop_timer_set(&g->timer, any ? TICK : 0, 0);
}

static void gone(struct instance *i)
{
	char line[256];

	snprintf(line, sizeof(line), "%s \"%s\", generation %u, has gone%s", conf_kind_name(i->entry_kind), i->name,
	         i->generation, i->ended ? "" : ": no flow was cut");
	if (i->ended)
		log_warn("host", "%s: its time was up, and %u flows that were left have been ended", line, i->ended);
	else
		log_info("host", "%s", line);
	swaps_retired(i);
	instance_free(i);
}

static void on_quiet(void *arg, adit_result result)
{
	struct instance *i = arg;
	struct generations *g = i->host->generations;

	i->counted = false;
	g->checking--;
	if (result == ADIT_OK && !atomic_load(&i->busy))
		gone(i);
}

static void on_stopped(void *arg, adit_result result)
{
	struct instance *i = arg;

	i->stopped = result == ADIT_OK;
	i->pool_mark = pool_mark();
	i->stopping = i->stopped; /* a shard that did not come to it is asked again */
}

static void retire(struct instance *i)
{
	i->stopping = true;
	if (i->kind == PART_SERVICE) {
		if (i->parts[0] && i->parts[0]->started)
			instance_stop(i->parts[0]);
		on_stopped(i, ADIT_OK);
		return;
	}
	if (call_every(i->host, stop_on, i, on_stopped, true) != ADIT_OK)
		i->stopping = false;
}

/* A stopped one may be freed when nothing of it is under way. Whose the jobs in the pool are is not known, so all that were
 * there when it was stopped have to be over; what they have posted comes before the answers of this round. */
static void check_quiet(struct generations *g, struct instance *i)
{
	if (i->counted || !pool_passed(i->pool_mark))
		return;
	atomic_store(&i->busy, 0);
	i->counted = true;
	g->checking++;
	if (call_every(i->host, count_busy, i, on_quiet, true) != ADIT_OK) {
		i->counted = false;
		g->checking--;
	}
}

/* All shards have been walked. */
static void judge(struct generations *g)
{
	struct instance *i, *next;
	unsigned n;

	for (i = g->host->instances; i; i = next) {
		unsigned k = kind_index(i);

		next = i->next;
		/* One that was taken back and left again in between had flows that this walk did not see. */
		if (!i->draining || i->stopping || i->reserved || !i->looked_for)
			continue;
		i->flows = 0;
		for (n = 0; n < g->host->shard_count; n++) {
			i->flows += g->walks[n].found[k][i->slot];
			i->ended += g->walks[n].ended[k][i->slot];
		}
		swaps_drain(i);
		if (!i->flows)
			retire(i);
	}
}

static void on_walked(void *arg, adit_result result)
{
	struct walk *w = arg;
	struct generations *g = w->generations;

	if (result != ADIT_OK)
		g->lost = true;
	else if (w->from && host_call(g->host, w->shard->index, walk_on, w, on_walked) == ADIT_OK)
		return;
	else if (w->from)
		g->lost = true;
	if (--g->walking)
		return;
	if (!g->lost)
		judge(g);
	settle(g);
}

static void walk_all(struct generations *g)
{
	uint64_t looking[KINDS_OF_FLOWS] = {0}, ending[KINDS_OF_FLOWS] = {0}, now = loop_now(g->host->loop);
	struct instance *i;
	unsigned n;

	for (i = g->host->instances; i; i = i->next) {
		i->looked_for = i->draining && !i->stopping && !i->reserved && has_flows(i);
		if (!i->looked_for)
			continue;
		looking[kind_index(i)] |= (uint64_t)1 << i->slot;
		if (!i->wait && now >= i->drain_end)
			ending[kind_index(i)] |= (uint64_t)1 << i->slot;
	}
	g->lost = false;
	g->walking = 1; /* until all are on their way */
	for (n = 0; n < g->host->shard_count; n++) {
		struct walk *w = &g->walks[n];

		memset(w, 0, sizeof(*w));
		w->generations = g;
		w->shard = &g->host->shards[n]->shard;
		memcpy(w->looking, looking, sizeof(looking));
		memcpy(w->ending, ending, sizeof(ending));
		g->walking++;
		if (host_call(g->host, n, walk_on, w, on_walked) != ADIT_OK) {
			g->walking--;
			g->lost = true;
		}
	}
	if (!--g->walking)
		settle(g);
}

static void on_tick(void *arg)
{
	struct generations *g = arg;
	struct instance *i, *next;
	bool any = false;

	if (g->host->stopped)
		return;
	for (i = g->host->instances; i; i = next) {
		next = i->next;
		if (!i->draining)
			continue;
		if (i->stopped)
			check_quiet(g, i);
		else if (!i->stopping && i->kind == PART_SERVICE)
			retire(i); /* and then once more */
		else if (!i->stopping)
			any = true;
	}
	if (any && !g->walking)
		walk_all(g);
	else if (!g->walking)
		settle(g);
}

int generations_new(struct host *h)
{
	struct generations *g;

	if (h->generations)
		return ADIT_OK;
	g = calloc(1, sizeof(*g));
	if (!g)
		return ADIT_ENOMEM;
	g->host = h;
	loop_timer_init(&g->timer, h->loop, on_tick, g);
	h->generations = g;
	return ADIT_OK;
}

void generation_drain(struct instance *i, uint64_t ns, bool wait)
{
	struct host *h = i->host;

	i->draining = true;
	i->serving = false;
	i->wait = wait;
	i->drain_end = loop_now(h->loop) + ns;
	i->flows = i->ended = 0;
	i->looked_for = false;
	if (!h->generations->walking)
		loop_timer_set(&h->generations->timer, TICK / 8, 0);
}

void generation_take_back(struct instance *i)
{
	i->draining = i->looked_for = false;
	i->serving = true;
	i->flows = 0;
	swaps_taken_back(i);
}

void generations_end(struct host *h)
{
	if (!h->generations)
		return;
	loop_timer_fini(&h->generations->timer);
	free(h->generations);
	h->generations = NULL;
}
