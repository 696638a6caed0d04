/* SPDX-License-Identifier: MIT
 * handler-rules/share.c - one table for all shards
 *
 * The first shard that comes with some settings makes the table, the others find it. Each takes it once: who comes a
 * second time has been told to read its settings again, and makes a new one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "own.h"

struct shared {
	struct shared *next;
	struct table *table;
	char *name;     /* of the instance */
	char *settings; /* as JSON */
	uint64_t taken; /* by these shards */
};

struct share {
	pthread_mutex_t lock;
	struct shared *first;
};

enum { SHARDS_MOST = 64 /* more of them make tables of their own */ };

struct share *share_new(void)
{
	struct share *s = calloc(1, sizeof(*s));

	if (s && pthread_mutex_init(&s->lock, NULL)) {
		free(s);
		return NULL;
	}
	return s;
}

static void shared_free(struct shared *e)
{
	if (!e)
		return;
	table_unref(e->table);
	free(e->name);
	free(e->settings);
	free(e);
}

void share_free(struct share *s)
{
	struct shared *e;

	if (!s)
		return;
	while ((e = s->first)) {
		s->first = e->next;
		shared_free(e);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- settings ---- */

static adit_result read_lines(struct own *o, const adit_config_1 *config, struct table *t, char *why)
{
	const adit_cfg *item;
	const char *text;
	char place[40];
	adit_result result = 0;
	uint32_t i;

	for (i = 0; result == 0 && (item = config->item(o->h->cfg, "files", i)); i++)
		if (config->text(item, "", &text, NULL) == 0)
			result = table_file(t, text, why);
	for (i = 0; result == 0 && (item = config->item(o->h->cfg, "rules", i)); i++) {
		snprintf(place, sizeof(place), "\"rules\", number %u", i + 1);
		if (config->text(item, "", &text, NULL) == 0)
			result = table_line(t, text, place, NULL, why);
	}
	return result;
}

static adit_result read_sets(struct own *o, const adit_config_1 *config, struct table *t, char *why)
{
	const adit_cfg *set, *item;
	const char *text;
	adit_result result = 0;
	uint32_t i, k;

	for (i = 0; result == 0 && (set = config->item(o->h->cfg, "sets", i)); i++)
		for (k = 0; result == 0 && (item = config->item(set, "", k)); k++)
			if (config->text(item, "", &text, NULL) == 0)
				result = table_set(t, config->key(set), text, why);
	return result;
}

static int32_t find_named(void *arg, enum table_kind kind, const char *name)
{
	const struct own *o = arg;
	const adit_outbounds_1 *outbounds = adit_interface(o->h, ADIT_OUTBOUNDS_1);
	const adit_stacks_1 *stacks = adit_interface(o->h, ADIT_STACKS_1);

	if (kind == TABLE_STACK)
		return ADIT_HAS(stacks, adit_stacks_1, find) ? stacks->find(o->h->env->host, name) : ADIT_ENOSYS;
	return outbounds ? outbounds->find(o->h->env->host, name) : ADIT_ENOSYS;
}

static adit_result read_default(struct own *o, struct table *t, char *why)
{
	const char *text = adit_config_text(o->h, "default", "");
	char line[RULE_LINE_MOST];

	if (!*text)
		return 0;
	if (snprintf(line, sizeof(line), "default %s", text) >= (int)sizeof(line))
		line[sizeof(line) - 1] = '\0';
	return table_line(t, line, "\"default\"", NULL, why);
}

static adit_result make(struct own *o, struct table **out)
{
	const adit_config_1 *config = adit_interface(o->h, ADIT_CONFIG_1);
	char why[TABLE_WHY] = "no memory";
	struct table *t = table_new();
	adit_result result = t && config ? 0 : ADIT_ENOMEM;

	if (result == 0)
		result = read_sets(o, config, t, why);
	if (result == 0)
		result = read_lines(o, config, t, why);
	if (result == 0)
		result = read_default(o, t, why);
	if (result == 0)
		result = table_finish(t, find_named, o, why);
	if (result == 0 && table_needs(t) & KNOWN_OWNER && !o->owners)
		result = adit_fail(o->h, ADIT_ECONFIG,
		                   "a rule asks for user, group, process or cgroup, which this platform module cannot tell (it offers "
		                   "no " ADIT_OWNER_1 "): leave such rules out");
	else if (result < 0)
		adit_fail(o->h, result, why);
	if (result < 0) {
		table_unref(t);
		return result;
	}
	*out = t;
	return 0;
}

/* ---- sharing ---- */

static const char *settings_of(const struct own *o)
{
	const adit_config_1 *config = adit_interface(o->h, ADIT_CONFIG_1);
	const char *text;

	return ADIT_HAS(config, adit_config_1, json) && config->json(o->h->cfg, "", &text, NULL) == 0 ? text : NULL;
}

/* Takes entries of this instance away that are of other settings, or that all shards have. */
static void purge(struct share *s, const struct own *o)
{
	uint32_t shards = o->h->env->shards;
	uint64_t all = shards < SHARDS_MOST ? ((uint64_t)1 << shards) - 1 : UINT64_MAX;
	struct shared **p = &s->first, *e;

	while ((e = *p)) {
		if (!strcmp(e->name, o->h->env->name) && e->taken == all) {
			*p = e->next;
			shared_free(e);
		} else {
			p = &e->next;
		}
	}
}

static void keep(struct share *s, const struct own *o, struct table *t, const char *settings)
{
	struct shared *e = calloc(1, sizeof(*e));

	if (!e)
		return; /* the others make their own */
	e->name = strdup(o->h->env->name);
	e->settings = strdup(settings);
	e->table = table_ref(t);
	e->taken = (uint64_t)1 << o->h->env->shard;
	if (!e->name || !e->settings) {
		shared_free(e);
		return;
	}
	e->next = s->first;
	s->first = e;
}

static struct shared *find(const struct share *s, const struct own *o, const char *settings)
{
	struct shared *e;

	for (e = s->first; e; e = e->next)
		if (!strcmp(e->name, o->h->env->name) && !strcmp(e->settings, settings) &&
		    !(e->taken >> o->h->env->shard & 1))
			return e;
	return NULL;
}

adit_result share_get(struct own *o, struct table **out)
{
	const char *settings = o->h->env->shards > 1 && o->h->env->shard < SHARDS_MOST ? settings_of(o) : NULL;
	struct share *s = o->share;
	struct shared *e;
	adit_result result = 0;

	if (!settings)
		return make(o, out);
	pthread_mutex_lock(&s->lock);
	e = find(s, o, settings);
	if (e) {
		e->taken |= (uint64_t)1 << o->h->env->shard;
		*out = table_ref(e->table);
	} else {
		result = make(o, out);
		if (result == 0)
			keep(s, o, *out, settings);
	}
	purge(s, o);
	pthread_mutex_unlock(&s->lock);
	return result;
}
