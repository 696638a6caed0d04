/* SPDX-License-Identifier: MIT
 * host/change_switch.c - the last steps of a change: settings in place, the new line-up, or everything undone
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/change_parts.h"
#include "host/generation.h"
#include "host/parts.h"
#include "observe/log.h"

/* ---- changed in place ---- */

static adit_result reload_part(struct part *p, const adit_cfg *cfg)
{
	adit_result r;

	p->inside++;
	r = p->life->reload(p->inst, cfg);
	p->inside--;
	if (r == ADIT_OK)
		p->env->cfg = cfg;
	return r;
}

static void update_on(struct shard *s, void *arg)
{
	struct change *c = arg;
	struct instance *i = c->updating->now;
	adit_result r = reload_part(i->parts[s->index], c->updating->entry->cfg);

	if (r != ADIT_OK)
		change_note(c, s, i, r);
}

/* Those shards that had taken the new settings get the old ones. */
static void take_back_on(struct shard *s, void *arg)
{
	struct change *c = arg;
	struct instance *i = c->updating->now;
	struct part *p = i->parts[s->index];
	adit_result r;

	if (p->env->cfg == i->entry->cfg)
		return;
	r = reload_part(p, i->entry->cfg);
	if (r != ADIT_OK)
		change_note(c, s, i, r);
}

/* A module that refuses gets a new generation beside it; the platform has none. */
static void renew(struct change *c, struct item *item, const char *why)
{
	bool platform = item->entry->kind == CONF_PLATFORM;

	item->change = platform ? HOST_RESTART : HOST_RENEW;
	if (!platform)
		item->now = NULL;
	if (plan_say(item->step, item->change, "it does not change in place: %s", why))
		report_add(&c->report, REPORT_WARNING, NULL, NULL, "out of memory for the report");
}

static void on_taken_back(void *arg, adit_result result)
{
	struct change *c = arg;
	const struct change_result *bad = change_failed(c);
	struct item *item = c->updating;

	if (bad)
		report_add(&c->report, REPORT_ERROR, NULL, "restart", "%s (module %s) refuses its former settings: %s",
		           item->old->name, item->old->module_name, bad->why);
	if (result != ADIT_OK || bad)
		change_undo(c, result != ADIT_OK ? result : bad->result);
	else
		change_update(c);
}

static void on_updated(void *arg, adit_result result)
{
	struct change *c = arg;
	const struct change_result *bad = change_failed(c);
	struct item *item = c->updating;

	if (result != ADIT_OK) {
		change_undo(c, result);
		return;
	}
	if (!bad) {
		item->updated = true;
		if (item->step)
			item->step->generation = item->now->generation;
		change_update(c);
		return;
	}
	/* item->now is looked at by take_back_on, so the new generation is marked once that is over. */
	renew(c, item, bad->result == ADIT_ENOSYS ? "its module cannot" : bad->why);
	item->now = item->old;
	change_over_shards(c, take_back_on, on_taken_back);
}

static void update_service(struct change *c, struct item *item)
{
	struct part *p = item->now->parts[0];
	adit_result r = reload_part(p, item->entry->cfg);

	if (r != ADIT_OK) {
		renew(c, item, r == ADIT_ENOSYS ? "its module cannot" : instance_why(r));
		return;
	}
	item->updated = true;
	if (item->step)
		item->step->generation = item->now->generation;
}

static void switch_over(struct change *c);

void change_update(struct change *c)
{
	bool more = false;
	unsigned k, n;

	if (change_is_given_up(c))
		return;

	for (k = 0; k < CONF_KINDS; k++) {
		for (n = 0; n < c->items.count[k]; n++) {
			struct item *item = &c->items.v[k][n];

			if (item->keep)
				continue;
			if (item->change == HOST_RENEW && item->now == item->old)
				item->now = NULL;
			more |= !item->now;
			if (item->change != HOST_UPDATE || item->updated)
				continue;
			if (k == CONF_SERVICE) {
				update_service(c, item);
				more |= !item->now;
				continue;
			}
			c->updating = item;
			change_over_shards(c, update_on, on_updated);
			return;
		}
	}
	if (more)
		change_make(c);
	else
		switch_over(c);
}

/* ---- the switch ---- */

static void switch_on(struct shard *s, void *arg)
{
	struct change *c = arg;
	unsigned n;

	for (n = 0; n < c->leaving_count; n++) {
		struct instance *i = c->leaving[n];
		struct part *p = i->parts[s->index < i->part_count ? s->index : 0];

		if (i->kind == PART_SERVICE)
			continue;
		p->draining = 1;
		p->next = c->next[n];
		p->inside++;
		if (p->life && p->life->drain)
			p->life->drain(p->inst, c->drain.wait ? UINT64_MAX : loop_now(s->loop) + c->drain.ns);
		p->inside--;
	}
	for (n = 0; n < c->items.count[CONF_STACK]; n++)
		c->items.v[CONF_STACK][n].now->parts[s->index]->draining = 0;
	for (n = 0; n < c->items.count[CONF_OUTBOUND]; n++)
		c->items.v[CONF_OUTBOUND][n].now->parts[s->index]->draining = 0;
	for (n = 0; n < c->items.count[CONF_HANDLER]; n++) {
		const struct item *item = &c->items.v[CONF_HANDLER][n];
		struct part *p = item->now->parts[s->index];

		p->draining = 0;
		p->next = (uint8_t)(n + 1);
		if (item->rematch && item->now == item->old)
			p->match = item->match;
	}
	s->order = c->order;
	for (n = 0; n < STACK_PROTOCOLS; n++)
		s->stack_of[n] = c->line.stack_of[n]->slot;
	s->timeouts = c->timeouts;
	flowtable_retune(s->flows, c->half_open, c->datagram);
}

/* Where flows go on that a handler passes which is asked no more: to those that came after it and still are. */
static uint8_t after(const struct change *c, const struct instance *gone)
{
	const struct lineup *l = &c->host->line;
	unsigned n, k;

	for (n = 0; n < l->count[CONF_HANDLER] && l->v[CONF_HANDLER][n] != gone; n++)
		;
	for (; n < l->count[CONF_HANDLER]; n++)
		for (k = 0; k < c->line.count[CONF_HANDLER]; k++)
			if (!strcmp(c->line.v[CONF_HANDLER][k]->name, l->v[CONF_HANDLER][n]->name))
				/* Its own successor counts as asked. */
				return (uint8_t)(l->v[CONF_HANDLER][n] == gone ? k + 1 : k);
	return (uint8_t)c->line.count[CONF_HANDLER];
}

static bool is_in(const struct lineup *l, const struct instance *i)
{
	unsigned n;

	for (n = 0; n < l->count[i->entry_kind]; n++)
		if (l->v[i->entry_kind][n] == i)
			return true;
	return false;
}

static int line_up(struct change *c)
{
	struct instance *i;
	unsigned k, n;
	int err;

	for (k = 0; k < CONF_KINDS; k++) {
		c->line.count[k] = c->items.count[k];
		for (n = 0; n < c->items.count[k]; n++)
			c->line.v[k][n] = c->items.v[k][n].now;
	}
	err = lineup_join_stacks(&c->line, &c->report);
	if (err)
		return err;
	c->order = lineup_order(c->host, &c->line);
	if (!c->order)
		return ADIT_ENOMEM;
	for (i = c->host->instances; i; i = i->next) {
		if (!i->serving || is_in(&c->line, i))
			continue;
		c->next[c->leaving_count] = i->kind == PART_HANDLER ? after(c, i) : 0;
		c->leaving[c->leaving_count++] = i;
	}
	return ADIT_OK;
}

void change_finish(struct change *c, int err)
{
	struct instance *i;

	for (i = c->host->instances; i; i = i->next)
		i->reserved = false;
	c->host->change = NULL;
	c->over(c, err);
	change_free(c);
}

/* What the items stand for now has read the new manifest, or not; the matches that nobody looks at any more are freed with
 * the items. */
static void settle_items(struct change *c)
{
	unsigned k, n;

	for (k = 0; k < CONF_KINDS; k++) {
		for (n = 0; n < c->items.count[k]; n++) {
			struct item *item = &c->items.v[k][n];
			struct instance *i = item->now;

			if (i->draining)
				generation_take_back(i);
			i->serving = true;
			i->fresh = false;
			if (item->updated) {
				struct conf *before = i->conf;

				i->conf = conf_ref(c->conf);
				i->entry = item->entry;
				conf_unref(before);
			}
			if (item->rematch && i == item->old) {
				struct match before = i->match;

				i->match = item->match;
				item->match = before;
			}
		}
	}
}

static void on_switched(void *arg, adit_result result)
{
	struct change *c = arg;
	struct host *h = c->host;
	unsigned n;

	if (result != ADIT_OK) { /* the host is being stopped */
		change_finish(c, result);
		return;
	}
	c->switched = true;
	settle_items(c);
	h->line = c->line;
	free(h->order);
	h->order = c->order;
	c->order = NULL;
	conf_unref(h->options.conf);
	h->options.conf = conf_ref(c->conf);
	if (c->shifted)
		c->shifted(c);
	for (n = 0; n < c->leaving_count; n++)
		generation_drain(c->leaving[n], c->drain.ns, c->drain.wait);
	change_finish(c, ADIT_OK);
}

static void switch_over(struct change *c)
{
	int err = line_up(c);

	if (err)
		change_undo(c, err);
	else
		change_over_shards(c, switch_on, on_switched);
}

/* ---- undone ---- */

static void undo_on(struct shard *s, void *arg)
{
	struct change *c = arg;
	const struct instance *i;
	unsigned k, n;

	s->order = c->host->order;
	for (i = c->host->instances; i; i = i->next)
		if (i->fresh && i->placed && i->kind != PART_SERVICE)
			i->parts[s->index]->draining = 1;
	for (k = 0; k < CONF_KINDS; k++) {
		for (n = 0; n < c->items.count[k] && k != CONF_SERVICE; n++) {
			struct item *item = &c->items.v[k][n];
			adit_result r = item->updated ? reload_part(item->now->parts[s->index], item->now->entry->cfg) : ADIT_OK;

			if (r != ADIT_OK)
				change_note(c, s, item->now, r);
		}
	}
}

static void on_undone(void *arg, adit_result result)
{
	struct change *c = arg;
	const struct change_result *bad = change_failed(c);
	struct instance *i, *next;

	if (bad)
		report_add(&c->report, REPORT_ERROR, NULL, "restart", "%s (module %s) refuses its former settings: %s",
		           bad->instance->name, bad->instance->module_name, bad->why);
	for (i = c->host->instances; i && result == ADIT_OK; i = next) {
		next = i->next;
		if (!i->fresh)
			continue;
		i->fresh = false;
		if (i->kind == PART_SERVICE && i->parts[0] && i->parts[0]->started)
			instance_stop(i->parts[0]);
		if (i->placed && i->kind != PART_SERVICE)
			generation_drain(i, 0, false);
		else
			instance_free(i);
	}
	for (i = c->host->instances; i && result == ADIT_OK; i = i->next)
		if (i->suspended && instance_resume(i, &c->report) == ADIT_OK)
			log_info("host", "service \"%s\" is back as it was", i->name);
	outbound_names(c->host, c->host->options.conf, &c->report);
	stack_names(c->host, c->host->options.conf, c->host->line.stack_names);
	change_finish(c, c->err);
}

void change_undo(struct change *c, int err)
{
	unsigned n;

	c->err = err;
	if (!c->report.errors)
		report_add(&c->report, REPORT_ERROR, NULL, NULL, "nothing was changed: %s", err_text(err));
	for (n = 0; n < c->items.count[CONF_SERVICE]; n++) {
		struct item *item = &c->items.v[CONF_SERVICE][n];

		if (item->updated && reload_part(item->now->parts[0], item->now->entry->cfg) != ADIT_OK)
			report_add(&c->report, REPORT_ERROR, NULL, "restart", "%s (module %s) refuses its former settings: %s",
			           item->now->name, item->now->module_name, instance_why(ADIT_EIO));
	}
	change_over_shards(c, undo_on, on_undone);
}
