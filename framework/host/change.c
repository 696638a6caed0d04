/* SPDX-License-Identifier: MIT
 * host/change.c - the first steps of a change: what is new is made, opened, started and tried
 */
#include "host/change.h"
#include "host/change_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/generation.h"
#include "host/parts.h"
#include "host/probe.h"
#include "loop/pool.h"
#include "observe/log.h"
#include "os/os.h"

/* What stands on what: made and started in this order. */
static const enum conf_kind making[] = {CONF_OUTBOUND, CONF_STACK, CONF_HANDLER, CONF_SERVICE};
enum { MAKING = sizeof(making) / sizeof(making[0]) };

/* ---- rounds over the shards ---- */

static void on_round(void *arg, adit_result result)
{
	struct change *c = arg;

	loop_timer_set(&c->patience, 0, 0);
	c->then(c, result);
}

static void in_round(struct shard *s, void *arg)
{
	struct change *c = arg;

	c->fn(s, c);
	atomic_store(&c->results[s->index].back, true);
}

static void given_up_over(struct change *c, int err)
{
	log_warn("host", "the shard that did not come back has; the change that was given up is undone (%s)", err_text(err));
}

/* What a shard is inside of cannot be interrupted, so the change stays in the way of others; but who asked for it hears now.
 * A switch that has begun on other shards holds there: it is only said. */
static void on_patience(void *arg)
{
	struct change *c = arg;
	unsigned n;

	for (n = 0; n < c->host->shard_count && atomic_load(&c->results[n].back); n++)
		;
	if (n == c->host->shard_count)
		return;
	log_error("host", "shard %u has not come back from a call into a module for %u s", n,
	          (unsigned)(c->host->patience / OS_SECOND));
	if (c->order || c->given_up)
		return;
	c->given_up = true;
	report_add(&c->report, REPORT_ERROR, NULL, "restart, if it never does",
	           "given up: shard %u has not come back from a call into a module; nothing is changed, and no change can be made "
	           "until it comes back",
	           n);
	c->over(c, ADIT_ETIME);
	c->over = given_up_over;
	c->beginning = NULL;
	c->probed = NULL;
	c->shifted = NULL;
}

bool change_is_given_up(struct change *c)
{
	if (c->given_up)
		change_undo(c, ADIT_ETIME);
	return c->given_up;
}

/* Goes over all shards; `then` is called when all have answered. */
void change_over_shards(struct change *c, host_call_fn *fn, host_called_fn *then)
{
	unsigned n;
	int err;

	c->fn = fn;
	c->then = then;
	loop_timer_set(&c->patience, c->host->patience, 0);
	for (n = 0; n < c->host->shard_count; n++) {
		atomic_store(&c->results[n].back, false);
		c->results[n].result = ADIT_OK;
		c->results[n].instance = NULL;
		c->results[n].why[0] = 0;
	}
	err = call_every(c->host, in_round, c, on_round, true);
	if (err)
		on_round(c, err);
}

void change_note(struct change *c, struct shard *s, struct instance *i, adit_result r)
{
	struct change_result *at = &c->results[s->index];

	at->result = r;
	at->instance = i;
	snprintf(at->why, sizeof(at->why), "%s", instance_why(r));
}

/* The first shard that failed; null: none. */
const struct change_result *change_failed(const struct change *c)
{
	unsigned n;

	for (n = 0; n < c->host->shard_count; n++)
		if (c->results[n].result != ADIT_OK)
			return &c->results[n];
	return NULL;
}

/* ---- made and opened ---- */

static int make_kind(struct change *c, enum conf_kind kind)
{
	unsigned n;
	int err = ADIT_OK;

	for (n = 0; n < c->items.count[kind] && !err; n++) {
		struct item *item = &c->items.v[kind][n];

		if (item->now)
			continue;
		err = instance_new(c->host, c->conf, item->entry, &c->report, &item->now);
		if (!err)
			item->now->fresh = true;
		if (!err && item->step)
			item->step->generation = c->host->generation;
	}
	return err;
}

/* The generation that a service follows, as long as it may hold what the next one needs; null: none. */
static struct instance *before_service(const struct change *c, const struct instance *i)
{
	unsigned n;

	for (n = 0; n < c->items.count[CONF_SERVICE]; n++) {
		struct instance *old = c->items.v[CONF_SERVICE][n].old;

		if (c->items.v[CONF_SERVICE][n].now == i)
			return old && old != i && old->serving && old->parts[0] ? old : NULL;
	}
	return NULL;
}

/* Two generations of a service cannot listen on one port: where the new one cannot be opened beside the old one, the old one
 * makes room; it comes back if the change is undone. */
static int open_service(struct change *c, struct instance *i)
{
	struct instance *old = before_service(c, i);
	struct report beside;
	int err;

	if (!old || !pool_passed(pool_mark())) /* whose the jobs are is not known, and what makes room is destroyed at once */
		return instance_open(i, &c->report);
	report_init(&beside);
	err = instance_open(i, &beside);
	report_fini(&beside);
	if (!err)
		return ADIT_OK;
	log_info("host", "service \"%s\" cannot be opened beside its former generation, which makes room for it", i->name);
	instance_suspend(old);
	instance_suspend(i);
	err = instance_remake(i, &c->report);
	i->suspended = false;
	return err ? err : instance_open(i, &c->report);
}

static int open_kind(struct change *c, enum conf_kind kind)
{
	struct instance *i;
	int err = ADIT_OK;

	for (i = c->host->instances; i && !err; i = i->next) {
		if (!i->fresh || i->opened || i->entry_kind != kind)
			continue;
		err = i->kind == PART_SERVICE ? open_service(c, i) : instance_open(i, &c->report);
	}
	return err;
}

/* ---- started ---- */

static bool is_to_start(const struct instance *i)
{
	return i->fresh && !i->placed;
}

static void start_on(struct shard *s, void *arg)
{
	struct change *c = arg;
	struct instance *i;
	unsigned k;

	if (c->between)
		s->order = c->between;
	for (k = 0; k < MAKING; k++) {
		for (i = c->host->instances; i; i = i->next) {
			struct part *p = i->parts[s->index < i->part_count ? s->index : 0];
			adit_result r;

			if (!is_to_start(i) || i->entry_kind != making[k] || i->kind == PART_SERVICE)
				continue;
			instance_place(i, s);
			r = instance_start(p);
			if (r != ADIT_OK) {
				change_note(c, s, i, r);
				instance_stop(p);
				return;
			}
		}
	}
}

static int start_services(struct change *c)
{
	struct instance *i;

	for (i = c->host->instances; i; i = i->next) {
		adit_result r;

		if (!is_to_start(i) || i->kind != PART_SERVICE)
			continue;
		i->placed = true;
		r = instance_start(i->parts[0]);
		if (r != ADIT_OK) {
			report_add(&c->report, REPORT_ERROR, NULL, NULL, "%s (module %s) could not be started: %s", i->name,
			           i->module_name, instance_why(r));
			instance_stop(i->parts[0]);
			return r;
		}
	}
	return ADIT_OK;
}

static void probe_next(struct change *c);

static void on_started(void *arg, adit_result result)
{
	struct change *c = arg;
	const struct change_result *bad = change_failed(c);
	struct instance *i;
	int err = result;

	if (result != ADIT_OK) {
		change_undo(c, result);
		return;
	}
	if (bad) {
		err = bad->result;
		report_add(&c->report, REPORT_ERROR, NULL, NULL, "%s (module %s) could not be started: %s", bad->instance->name,
		           bad->instance->module_name, bad->why);
	}
	for (i = c->host->instances; i; i = i->next)
		if (is_to_start(i) && i->kind != PART_SERVICE)
			i->placed = true;
	if (!err)
		err = start_services(c);
	if (err)
		change_undo(c, err);
	else
		probe_next(c);
}

/* New outbounds can be reached by their numbers before anybody is told of them. */
static int number_new_outbounds(struct change *c)
{
	struct lineup with = c->host->line;
	unsigned n;

	for (n = 0; n < c->items.count[CONF_OUTBOUND]; n++) {
		struct instance *i = c->items.v[CONF_OUTBOUND][n].now;

		if (i && i->fresh && !lineup_find(&with, CONF_OUTBOUND, i->name) && with.count[CONF_OUTBOUND] < SHARD_PARTS)
			with.v[CONF_OUTBOUND][with.count[CONF_OUTBOUND]++] = i;
	}
	if (c->between)
		return ADIT_OK;
	c->between = lineup_order(c->host, &with);
	return c->between ? ADIT_OK : ADIT_ENOMEM;
}

void change_make(struct change *c)
{
	unsigned k;
	int err = ADIT_OK;

	if (change_is_given_up(c))
		return;
	for (k = 0; k < MAKING && !err; k++)
		err = make_kind(c, making[k]);
	for (k = 0; k < MAKING && !err; k++)
		err = open_kind(c, making[k]);
	if (!err)
		err = number_new_outbounds(c);
	if (err)
		change_undo(c, err);
	else
		change_over_shards(c, start_on, on_started);
}

/* ---- tried ---- */

static void on_probed(void *arg, int err, const char *text)
{
	struct change *c = arg;
	struct instance *i = c->probing;

	if (c->probed)
		c->probed(c, i, err, text);
	if (err) {
		report_add(&c->report, REPORT_ERROR, NULL, NULL, "stack \"%s\" (module %s) did not pass its trial: %s", i->name,
		           i->module_name, text);
		change_undo(c, err);
		return;
	}
	probe_next(c);
}

static void probe_next(struct change *c)
{
	struct instance *i = c->probing ? c->probing->next : c->host->instances;
	int err;

	if (change_is_given_up(c))
		return;

	for (; i && (!i->fresh || i->kind != PART_STACK); i = i->next)
		;
	if (!i) {
		c->probing = NULL;
		change_update(c);
		return;
	}
	c->probing = i;
	err = probe_begin(i, c->probe_flags, on_probed, c);
	if (err)
		on_probed(c, err, err_text(err));
}

/* ---- from outside ---- */

int change_new(struct host *h, struct conf *conf, char stack_names[STACK_PROTOCOLS][NAME_ROOM], bool stacks_only,
               struct report *r, struct change **out)
{
	struct change *c = calloc(1, sizeof(*c));
	unsigned i;
	int err;

	if (!c)
		return ADIT_ENOMEM;
	c->host = h;
	c->conf = conf_ref(conf);
	report_init(&c->report);
	loop_timer_init(&c->patience, h->loop, on_patience, c);
	c->drain.ns = DRAIN_DEFAULT;
	for (i = 0; i < STACK_PROTOCOLS; i++)
		memcpy(c->line.stack_names[i], stack_names[i], NAME_ROOM);
	shards_live_limits(conf_root(conf), &c->timeouts, &c->half_open, &c->datagram);
	err = plan_make(h, conf, c->line.stack_names, stacks_only, r, &c->items, &c->plan);
	if (err) {
		change_free(c);
		return err;
	}
	*out = c;
	return ADIT_OK;
}

void change_free(struct change *c)
{
	if (!c)
		return;
	loop_timer_fini(&c->patience);
	items_fini(&c->items);
	plan_fini(&c->plan);
	free(c->order);
	free(c->between);
	report_fini(&c->report);
	conf_unref(c->conf);
	free(c);
}

static void on_begin(void *arg)
{
	struct change *c = arg;

	if (c->host->stopped) {
		change_finish(c, ADIT_ECANCEL);
		return;
	}
	if (c->beginning)
		c->beginning(c);
	change_make(c);
}

/* What drains and is to be taken back must not go while the change is being made. */
static void reserve(struct change *c)
{
	unsigned k, n;

	for (k = 0; k < CONF_KINDS; k++)
		for (n = 0; n < c->items.count[k]; n++)
			if (c->items.v[k][n].now && c->items.v[k][n].now->draining)
				c->items.v[k][n].now->reserved = true;
}

int change_begin(struct change *c)
{
	struct host *h = c->host;
	int err;

	if (!h->started || h->stopped)
		return ADIT_EINVAL;
	if (h->change)
		return ADIT_EAGAIN;
	err = generations_new(h);
	if (!err)
		err = outbound_names(h, c->conf, &c->report);
	if (!err)
		err = loop_post(h->loop, on_begin, c);
	if (err) {
		outbound_names(h, h->options.conf, &c->report);
		return err;
	}
	stack_names(h, c->conf, c->line.stack_names);
	reserve(c);
	h->generation++;
	h->change = c;
	return ADIT_OK;
}

void change_end(struct host *h)
{
	if (h->change)
		change_finish(h->change, ADIT_ECANCEL);
}
