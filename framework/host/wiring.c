/* SPDX-License-Identifier: MIT
 * host/wiring.c - the line-up: which instances a manifest wants, and how new flows come to them
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/parts.h"

/* ---- outbounds by number ---- */

static int number_of(struct host *h, const char *name)
{
	int n;

	for (n = 1; n < SHARD_OUTBOUNDS && h->outbounds[n].name; n++)
		if (!strcmp(h->outbounds[n].name, name))
			return n;
	return n;
}

int outbound_names(struct host *h, struct conf *conf, struct report *r)
{
	const struct conf_entry *e;
	size_t count, i;
	int n, err = ADIT_OK;

	e = conf_entries(conf, CONF_OUTBOUND, &count);
	pthread_mutex_lock(&h->lock);
	for (n = 1; n < SHARD_OUTBOUNDS; n++)
		h->outbounds[n].there = false;
	for (i = 0; i < count && !err; i++) {
		n = number_of(h, e[i].name);
		if (n == SHARD_OUTBOUNDS) {
			report_add(r, REPORT_ERROR, NULL, "restart: a name keeps its number for as long as the process lives",
			           "more than %d names of outbounds since the start", SHARD_OUTBOUNDS - 1);
			err = ADIT_ELIMIT;
			break;
		}
		if (!h->outbounds[n].name)
			h->outbounds[n].name = strdup(e[i].name);
		h->outbounds[n].there = true;
		err = h->outbounds[n].name ? ADIT_OK : ADIT_ENOMEM;
	}
	pthread_mutex_unlock(&h->lock);
	return err;
}

adit_result outbound_number(struct host *h, const char *name)
{
	int n;

	pthread_mutex_lock(&h->lock);
	n = number_of(h, name);
	if (n == SHARD_OUTBOUNDS || !h->outbounds[n].there)
		n = ADIT_ENOENT;
	pthread_mutex_unlock(&h->lock);
	return n;
}

/* ---- stacks by name ---- */

void stack_names(struct host *h, const struct conf *conf, char names[STACK_PROTOCOLS][NAME_ROOM])
{
	const struct conf_entry *e;
	size_t count, i;

	e = conf_entries(conf, CONF_STACK, &count);
	pthread_mutex_lock(&h->lock);
	for (i = 0, h->stack_count = 0; i < count && h->stack_count < SHARD_PARTS; i++)
		if (choice_wants(names, &e[i]))
			snprintf(h->stacks[h->stack_count++], NAME_ROOM, "%s", e[i].name);
	pthread_mutex_unlock(&h->lock);
}

adit_result stack_there(struct host *h, const char *name)
{
	adit_result r = ADIT_ENOENT;
	unsigned i;

	pthread_mutex_lock(&h->lock);
	for (i = 0; i < h->stack_count && r != ADIT_OK; i++)
		if (!strcmp(h->stacks[i], name))
			r = ADIT_OK;
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* ---- line-ups ---- */

struct instance *lineup_find(const struct lineup *l, enum conf_kind kind, const char *name)
{
	unsigned n;

	for (n = 0; n < l->count[kind]; n++)
		if (!strcmp(l->v[kind][n]->name, name))
			return l->v[kind][n];
	return NULL;
}

static uint32_t protocol_flag(unsigned i)
{
	static const uint32_t flags[STACK_PROTOCOLS] = {ADIT_STACK_TCP, ADIT_STACK_UDP, ADIT_STACK_ECHO};

	return flags[i];
}

int lineup_join_stacks(struct lineup *l, struct report *r)
{
	unsigned i;

	for (i = 0; i < STACK_PROTOCOLS; i++) {
		struct instance *s = lineup_find(l, CONF_STACK, l->stack_names[i]);

		if (!s || !(s->parts[0]->table.stack->flags & protocol_flag(i))) {
			report_add(r, REPORT_ERROR, &(struct report_place){.pointer = "/stack"}, "choose another for it",
			           "stack \"%s\" (module %s) does not end %s", l->stack_names[i], s ? s->module_name : "-",
			           instance_protocols[i]);
			return ADIT_ECONFIG;
		}
		l->stack_of[i] = s;
	}
	return ADIT_OK;
}

struct shard_order *lineup_order(struct host *h, const struct lineup *l)
{
	struct shard_order *o = calloc(1, sizeof(*o));
	unsigned n;
	int number;

	if (!o)
		return NULL;
	memset(o->outbounds, NO_OUTBOUND, sizeof(o->outbounds));
	for (n = 0; n < l->count[CONF_HANDLER]; n++)
		o->handlers[o->handler_count++] = l->v[CONF_HANDLER][n]->slot;
	for (n = 0; n < l->count[CONF_STACK]; n++)
		o->stacks[o->stack_count++] = l->v[CONF_STACK][n]->slot;
	for (n = 0; n < l->count[CONF_OUTBOUND]; n++) {
		number = number_of(h, l->v[CONF_OUTBOUND][n]->name);
		if (number < SHARD_OUTBOUNDS)
			o->outbounds[number] = l->v[CONF_OUTBOUND][n]->slot;
		if (!n)
			o->outbounds[0] = l->v[CONF_OUTBOUND][n]->slot;
	}
	return o;
}

/* ---- at the start ---- */

/* Makes the start's line-up the shards' own; nothing runs yet. */
static void line_up(struct host *h)
{
	unsigned k, n;
	struct instance *i;

	for (i = h->instances; i; i = i->next) {
		i->serving = i->placed = true;
		for (k = 0; k < i->part_count; k++)
			instance_place(i, &h->shards[k]->shard);
	}
	for (n = 0; n < h->line.count[CONF_HANDLER]; n++)
		for (k = 0; k < h->shard_count; k++)
			h->line.v[CONF_HANDLER][n]->parts[k]->next = (uint8_t)(n + 1);
	for (k = 0; k < h->shard_count; k++) {
		h->shards[k]->shard.order = h->order;
		for (n = 0; n < STACK_PROTOCOLS; n++)
			h->shards[k]->shard.stack_of[n] = h->line.stack_of[n]->slot;
	}
}

static int choose(struct host *h)
{
	int err = choice_make(h, h->options.conf, NULL, CONF_TCP | CONF_UDP | CONF_ICMP, h->options.report, &h->choice);

	if (err)
		return err;
	memcpy(h->line.stack_names, h->choice.names, sizeof(h->choice.names));
	stack_names(h, h->options.conf, h->choice.names);
	return ADIT_OK;
}

int wiring_make(struct host *h)
{
	static const enum conf_kind order[] = {CONF_PLATFORM, CONF_OUTBOUND, CONF_STACK, CONF_HANDLER, CONF_SERVICE};
	struct report *r = h->options.report;
	struct instance *made;
	size_t i, k, count;
	int err = outbound_names(h, h->options.conf, r);

	for (i = 0; i < sizeof(order) / sizeof(order[0]) && !err; i++) {
		const struct conf_entry *e = conf_entries(h->options.conf, order[i], &count);

		if (order[i] == CONF_STACK) /* the platform, which is there by now, has a say in it */
			err = choose(h);
		for (k = 0; k < count && !err; k++) {
			if (!choice_wants(h->line.stack_names, &e[k]))
				continue;
			err = instance_new(h, h->options.conf, &e[k], r, &made);
			if (!err)
				h->line.v[order[i]][h->line.count[order[i]]++] = made;
		}
	}
	if (!err)
		err = lineup_join_stacks(&h->line, r);
	if (!err) {
		h->order = lineup_order(h, &h->line);
		err = h->order ? ADIT_OK : ADIT_ENOMEM;
	}
	if (!err)
		line_up(h);
	return err;
}

/* The newest first; what was made later stands on what was made before. */
static void destroy_kind(struct host *h, enum conf_kind kind)
{
	struct instance *i, *last;

	do {
		last = NULL;
		for (i = h->instances; i; i = i->next)
			if (i->entry_kind == kind)
				last = i;
		instance_free(last);
	} while (last);
}

void wiring_destroy(struct host *h)
{
	static const enum conf_kind order[] = {CONF_SERVICE, CONF_HANDLER, CONF_STACK, CONF_OUTBOUND, CONF_PLATFORM};
	size_t i;

	for (i = 0; i < h->shard_count; i++) {
		if (!h->shards[i])
			continue;
		memset(h->shards[i]->shard.parts, 0, sizeof(h->shards[i]->shard.parts));
		memset(h->shards[i]->shard.part_count, 0, sizeof(h->shards[i]->shard.part_count));
		h->shards[i]->shard.order = NULL;
	}
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		destroy_kind(h, order[i]);
	for (i = 1; i < SHARD_OUTBOUNDS; i++)
		free(h->outbounds[i].name);
	free(h->order);
}
