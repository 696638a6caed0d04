/* SPDX-License-Identifier: MIT
 * observe/metrics.c - the list of what modules count
 *
 * Families by name, series of a family by labels (both in search.h's trees), cells of a series in a list. A cell lies in
 * lines of cache of its own, so that shards that count do not slow each other.
 */
#include "observe/metrics.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CACHE_LINE = 64,
	VALUES = ADIT_METRIC_BOUNDS + 2,
	LABELS = ADIT_METRIC_LABELS * 2 + 4, /* with those of the place */
	KEY = 2048
};

/* The first member of what is in a tree is its key. */
struct family {
	const char *name;
	char *help;
	uint32_t kind;
	uint32_t bound_count;
	uint64_t per;
	uint64_t bounds[ADIT_METRIC_BOUNDS];
	void *series;
	uint32_t count;
};

struct series {
	const char *key; /* labels and values with 0x1f between them */
	struct family *family;
	struct cell *cells;
	const char *labels[LABELS + 1];
	char *text;      /* what they point to */
	uint64_t gone[]; /* counted by cells that are no more */
};

struct cell {
	struct series *series;
	struct cell *next; /* of the series */
	struct cell *all_next, **all_at;
	const void *owner;
	_Alignas(CACHE_LINE) uint64_t values[];
};

struct metrics {
	pthread_mutex_t lock;
	void *families;
	struct cell *all;
	uint32_t count;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint32_t numbers_of(const struct family *f)
{
	return f->kind == ADIT_METRIC_HISTOGRAM ? f->bound_count + 2 : 1;
}

static struct cell *cell_of(uint64_t *values)
{
	return (struct cell *)(void *)((char *)values - offsetof(struct cell, values));
}

adit_result metrics_new(struct metrics **out)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return ADIT_ENOMEM;
	pthread_mutex_init(&m->lock, NULL);
	*out = m;
	return ADIT_OK;
}

/* ---- what may be registered ---- */

static int is_name(const char *name, size_t most)
{
	size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;

	return len && len < most && !name[len] && name[0] >= 'a';
}

static int labels_fit(const char *const *labels)
{
	static const char *const taken[] = {"le", "shard", "part", "quantile"};
	size_t i, k;

	for (i = 0; labels && labels[i]; i += 2) {
		if (i == (size_t)ADIT_METRIC_LABELS * 2 || !is_name(labels[i], ADIT_METRIC_NAME) || !labels[i + 1] ||
		    strlen(labels[i + 1]) > ADIT_METRIC_LABEL || strchr(labels[i + 1], '\x1f'))
			return 0;
		for (k = 0; k < sizeof(taken) / sizeof(taken[0]); k++)
			if (!strcmp(labels[i], taken[k]))
				return 0;
	}
	return 1;
}

static int fits(const adit_metric *m)
{
	uint32_t i;

	if (m->kind < ADIT_METRIC_COUNTER || m->kind > ADIT_METRIC_HISTOGRAM || !is_name(m->name, ADIT_METRIC_NAME) ||
	    !m->help || strlen(m->help) > ADIT_METRIC_HELP || !labels_fit(m->labels))
		return 0;
	if ((m->kind == ADIT_METRIC_HISTOGRAM) != (m->bound_count > 0) || m->bound_count > ADIT_METRIC_BOUNDS)
		return 0;
	for (i = 1; i < m->bound_count; i++)
		if (m->bounds[i] <= m->bounds[i - 1])
			return 0;
	return 1;
}

/* "adit_", the module, the name. */
static int whole_name(char out[ADIT_METRIC_NAME], const char *module, const char *name)
{
	int n = snprintf(out, ADIT_METRIC_NAME, "adit_%s%s%s", module ? module : "", module ? "_" : "", name);

	if (n >= ADIT_METRIC_NAME)
		return 0;
	for (; *out; out++)
		if (*out == '-' || *out == '.')
			*out = '_';
	return 1;
}

/* ---- families and series ---- */

static void family_free(void *arg)
{
	struct family *f = arg;

	free((char *)(uintptr_t)f->name);
	free(f->help);
	free(f);
}

static struct family *family_new(const char *name, const adit_metric *m)
{
	struct family *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->name = strdup(name);
	f->help = strdup(m->help);
	f->kind = m->kind;
	f->bound_count = m->bound_count;
	f->per = m->per ? m->per : 1;
	if (m->bound_count)
		memcpy(f->bounds, m->bounds, m->bound_count * sizeof(f->bounds[0]));
	if (f->name && f->help)
		return f;
	family_free(f);
	return NULL;
}

static int same_shape(const struct family *f, const adit_metric *m)
{
	return f->kind == m->kind && f->per == (m->per ? m->per : 1) && f->bound_count == m->bound_count &&
	       (!m->bound_count || !memcmp(f->bounds, m->bounds, m->bound_count * sizeof(f->bounds[0])));
}

static adit_result family_get(struct metrics *ms, const char *name, const adit_metric *m, struct family **out)
{
	struct family **there = tfind(&name, &ms->families, compare), *f;

	if (there) {
		*out = *there;
		return same_shape(*there, m) ? ADIT_OK : ADIT_EEXIST;
	}
	f = family_new(name, m);
	if (!f)
		return ADIT_ENOMEM;
	if (!tsearch(f, &ms->families, compare)) {
		family_free(f);
		return ADIT_ENOMEM;
	}
	*out = f;
	return ADIT_OK;
}

/* A family without series is no more. */
static void family_drop(struct metrics *ms, struct family *f)
{
	if (f->count)
		return;
	tdelete(f, &ms->families, compare);
	family_free(f);
}

static void series_free(struct series *s)
{
	free((char *)(uintptr_t)s->key);
	free(s->text);
	free(s);
}

static size_t join(char *key, size_t room, size_t used, const char *const *labels)
{
	size_t i;

	for (i = 0; labels && labels[i] && used < room; i++)
		used += (size_t)snprintf(key + used, room - used, "%s\x1f", labels[i]);
	return used;
}

static struct series *series_new(struct family *f, const char *key)
{
	struct series *s = calloc(1, sizeof(*s) + numbers_of(f) * sizeof(uint64_t));
	char *at, *end;
	unsigned n = 0;

	if (!s)
		return NULL;
	s->family = f;
	s->key = strdup(key);
	s->text = strdup(key);
	if (!s->key || !s->text) {
		series_free(s);
		return NULL;
	}
	for (at = s->text; (end = strchr(at, 0x1f)) != NULL && n < LABELS; at = end + 1) {
		*end = 0;
		s->labels[n++] = at;
	}
	return s;
}

static struct series *series_get(struct family *f, const char *key)
{
	struct series **there = tfind(&key, &f->series, compare), *s;

	if (there)
		return *there;
	s = series_new(f, key);
	if (!s)
		return NULL;
	if (!tsearch(s, &f->series, compare)) {
		series_free(s);
		return NULL;
	}
	f->count++;
	return s;
}

static void series_drop(struct series *s)
{
	if (s->cells)
		return;
	tdelete(s, &s->family->series, compare);
	s->family->count--;
	series_free(s);
}

/* ---- cells ---- */

static uint32_t owned_by(const struct metrics *ms, const void *owner)
{
	const struct cell *c;
	uint32_t n = 0;

	for (c = ms->all; c && n <= ADIT_METRICS_PART; c = c->all_next)
		n += c->owner == owner;
	return n;
}

static struct cell *cell_new(struct metrics *ms, struct series *s, const void *owner)
{
	size_t size = sizeof(struct cell) + numbers_of(s->family) * sizeof(uint64_t);
	struct cell *c;

	size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	c = aligned_alloc(CACHE_LINE, size);
	if (!c)
		return NULL;
	memset(c, 0, size);
	c->series = s;
	c->owner = owner;
	c->next = s->cells;
	s->cells = c;
	c->all_next = ms->all;
	c->all_at = &ms->all;
	if (ms->all)
		ms->all->all_at = &c->all_next;
	ms->all = c;
	ms->count++;
	return c;
}

static adit_result add(struct metrics *ms, const void *owner, const char *name, const char *key, const adit_metric *m,
                       uint64_t **cell)
{
	struct family *f;
	struct series *s;
	struct cell *c;
	adit_result r;

	/* The whole list is only gone through where there is much in it. */
	if (ms->count >= ADIT_METRICS_HOST || (ms->count >= ADIT_METRICS_PART && owned_by(ms, owner) >= ADIT_METRICS_PART))
		return ADIT_ELIMIT;
	r = family_get(ms, name, m, &f);
	if (r != ADIT_OK)
		return r;
	s = series_get(f, key);
	c = s ? cell_new(ms, s, owner) : NULL;
	if (c) {
		*cell = c->values;
		return ADIT_OK;
	}
	if (s)
		series_drop(s);
	family_drop(ms, f);
	return ADIT_ENOMEM;
}

adit_result metrics_add(struct metrics *ms, const void *owner, const struct metrics_place *place, const adit_metric *m,
                        uint64_t **cell)
{
	char name[ADIT_METRIC_NAME], key[KEY] = "";
	adit_result r;
	size_t used;

	if (!fits(m) || !whole_name(name, place->module, m->name))
		return ADIT_EINVAL;
	used = join(key, sizeof(key), 0, place->labels);
	used = join(key, sizeof(key), used, m->labels);
	if (used >= sizeof(key))
		return ADIT_EINVAL;
	pthread_mutex_lock(&ms->lock);
	r = add(ms, owner, name, key, m, cell);
	pthread_mutex_unlock(&ms->lock);
	return r;
}

static void cell_free(struct metrics *ms, struct cell *c)
{
	struct series *s = c->series;
	struct family *f = s->family;
	struct cell **at = &s->cells;
	uint32_t i;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	*c->all_at = c->all_next;
	if (c->all_next)
		c->all_next->all_at = c->all_at;
	ms->count--;
	if (f->kind != ADIT_METRIC_GAUGE)
		for (i = 0; i < numbers_of(f); i++)
			s->gone[i] += __atomic_load_n(&c->values[i], __ATOMIC_RELAXED);
	free(c);
	series_drop(s);
	family_drop(ms, f);
}

void metrics_remove(struct metrics *ms, const void *owner, uint64_t *cell)
{
	if (!cell)
		return;
	pthread_mutex_lock(&ms->lock);
	if (cell_of(cell)->owner == owner)
		cell_free(ms, cell_of(cell));
	pthread_mutex_unlock(&ms->lock);
}

void metrics_remove_all(struct metrics *ms, const void *owner)
{
	struct cell *c, *next;

	pthread_mutex_lock(&ms->lock);
	for (c = ms->all; c; c = next) {
		next = c->all_next;
		if (c->owner == owner)
			cell_free(ms, c);
	}
	pthread_mutex_unlock(&ms->lock);
}

void metrics_free(struct metrics *ms)
{
	if (!ms)
		return;
	while (ms->all)
		cell_free(ms, ms->all);
	pthread_mutex_destroy(&ms->lock);
	free(ms);
}

/* ---- readers ---- */

struct walk {
	adit_series_fn fn;
	void *arg;
};

static void show_series(const void *node, VISIT which, void *arg)
{
	const struct series *s = *(const struct series *const *)node;
	const struct family *f = s->family;
	const struct walk *w = arg;
	const struct cell *c;
	uint64_t values[VALUES];
	uint32_t i, n = numbers_of(f);
	adit_series out = {
		.size = sizeof(out),
		.kind = f->kind,
		.name = f->name,
		.help = f->help,
		.labels = s->labels,
		.bounds = f->bounds,
		.bound_count = f->bound_count,
		.per = f->per,
		.values = values,
	};

	if (which != postorder && which != leaf)
		return;
	memcpy(values, s->gone, n * sizeof(values[0]));
	for (c = s->cells; c; c = c->next)
		for (i = 0; i < n; i++)
			values[i] += __atomic_load_n(&c->values[i], __ATOMIC_RELAXED);
	w->fn(w->arg, &out);
}

static void show_family(const void *node, VISIT which, void *arg)
{
	const struct family *f = *(const struct family *const *)node;

	if (which == postorder || which == leaf)
		twalk_r(f->series, show_series, arg);
}

void metrics_each(struct metrics *ms, adit_series_fn fn, void *arg)
{
	struct walk w = {fn, arg};

	pthread_mutex_lock(&ms->lock);
	twalk_r(ms->families, show_family, &w);
	pthread_mutex_unlock(&ms->lock);
}

uint32_t metrics_count(struct metrics *ms)
{
	uint32_t n;

	pthread_mutex_lock(&ms->lock);
	n = ms->count;
	pthread_mutex_unlock(&ms->lock);
	return n;
}
