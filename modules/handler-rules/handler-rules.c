/* SPDX-License-Identifier: MIT
 * handler-rules/handler-rules.c - decides flows by rules: settings, life, and what the module exports
 *
 * create() reads the rules, open() the sets that they name. reload() reads the new rules at once, so that what is wrong
 * with them is told and nothing changes; the sets are then read on the pool, and the new table takes the old one's place
 * when it is whole. Flows that are decided stay as they are.
 */
#include "own.h"

#include <stdlib.h>
#include <sys/random.h>

/* A new table whose sets are being read. Belongs to the pool until it is done. */
struct table_job {
	struct own *o; /* null: nobody wants it any more */
	struct table *table;
	adit_result result;
	char why[TABLE_WHY];
};

/* ---- what is counted ---- */

static uint64_t *cell(const struct own *o, const char *name, const char *help, const char *const *labels)
{
	adit_metric m = {.size = sizeof(m), .kind = ADIT_METRIC_COUNTER, .name = name, .help = help, .labels = labels};
	uint64_t *cell;

	return o->counters && o->counters->add(o->h->env, &m, &cell) == 0 ? cell : NULL;
}

static void counts_fini(const struct own *o, struct counts *c)
{
	uint32_t i;

	for (i = 0; i < c->n && o->counters; i++)
		o->counters->remove(o->h->env, c->hits[i]);
	free(c->hits);
	*c = (struct counts){NULL, 0};
}

/* A cell for each rule and the default; those that cannot be had are not counted. */
static void counts_init(const struct own *o, const struct table *t, struct counts *c)
{
	uint32_t n = table_count(t) + 1, i;
	char number[16];

	c->hits = calloc(n, sizeof(*c->hits));
	c->n = c->hits ? n : 0;
	for (i = 0; i < c->n; i++) {
		const char *labels[] = {"rule", number, "text", table_text(t, i), NULL};

		snprintf(number, sizeof(number), i + 1 < n ? "%u" : "default", i + 1);
		c->hits[i] = cell(o, "rule_hits", "Flows that a rule has decided", labels);
	}
}

static void cells_init(struct own *o)
{
	o->looked = cell(o, "looked_at", "Flows that were looked at for a host name", NULL);
	o->named = cell(o, "names_seen", "Flows in whose first bytes a host name was", NULL);
	o->timed_out =
	    cell(o, "look_timeouts", "Flows that said too little for too long to have their name seen", NULL);
	o->stack_late = cell(o, "stack_too_late", "Flows whose rule names a stack, which had been accepted to look at them", NULL);
	o->crowded = cell(o, "crowded", "Flows decided with what was known because too many waited", NULL);
}

/* ---- the table ---- */

static void warn_bad_lines(const struct own *o, const struct table *t)
{
	const char *words;

	if (table_bad_lines(t, &words) && words)
		adit_log(o->h, ADIT_LOG_WARN, words);
}

/* Puts a whole table in the place of the old one; takes the reference. */
static void switch_table(struct own *o, struct table *t)
{
	struct counts counts;

	counts_init(o, t, &counts);
	counts_fini(o, &o->counts);
	o->counts = counts;
	table_unref(o->table);
	o->table = t;
	if (!o->h->env->shard)
		warn_bad_lines(o, t);
}

static void job_work(void *arg)
{
	struct table_job *j = arg;

	j->result = table_load(j->table, j->why);
}

static void job_done(void *arg)
{
	struct table_job *j = arg;
	struct own *o = j->o;
	char line[TABLE_WHY + 64];

	if (!o) {
		table_unref(j->table);
	} else if (j->result < 0) {
		o->job = NULL;
		snprintf(line, sizeof(line), "the former rules stay, for the new ones' sets cannot be read: %s",
		         j->why);
		adit_log(o->h, ADIT_LOG_ERROR, line);
		table_unref(j->table);
	} else {
		o->job = NULL;
		switch_table(o, j->table);
		if (!o->h->env->shard)
			adit_log(o->h, ADIT_LOG_INFO, "the new rules are in effect");
	}
	free(j);
}

static void job_forget(struct own *o)
{
	if (o->job)
		o->job->o = NULL;
	o->job = NULL;
}

/* ---- life ---- */

static void read_settings(struct own *o)
{
	const adit_config_1 *config = adit_interface(o->h, ADIT_CONFIG_1);
	uint64_t ns;

	o->connect_first = adit_config_truth(o->h, "connect_first", 1) != 0;
	o->look = adit_config_truth(o->h, "look", 1) != 0;
	o->look_ns = 300000000;
	if (ADIT_HAS(config, adit_config_1, duration) && config->duration(o->h->cfg, "look_timeout", &ns) == 0)
		o->look_ns = ns;
}

static void wire(struct own *o)
{
	uint32_t i;

	o->loop = adit_interface(o->h, ADIT_LOOP_1);
	o->owners = adit_interface(o->h, ADIT_OWNER_1);
	if (!ADIT_HAS(o->owners, adit_owner_1, find))
		o->owners = NULL;
	o->counters = adit_interface(o->h, ADIT_COUNTERS_1);
	if (!ADIT_HAS(o->counters, adit_counters_1, add) || !ADIT_HAS(o->counters, adit_counters_1, remove))
		o->counters = NULL;
	o->last = &o->first;
	for (i = 0; i < WAITING_MOST; i++)
		o->free[o->free_count++] = (uint16_t)(WAITING_MOST - 1 - i);
}

static adit_result rules_create(adit_handler *h)
{
	struct own *o = h->own;

	o->h = h;
	wire(o);
	if (!o->loop)
		return adit_fail(h, ADIT_ENOSYS, "the host offers no " ADIT_LOOP_1);
	o->limit = adit_alloc(h, sizeof(*o->limit));
	if (!o->limit)
		return ADIT_ENOMEM;
	if (getrandom(&o->limit->key, sizeof(o->limit->key), 0) != sizeof(o->limit->key))
		return adit_fail(h, ADIT_EIO, "the system gives no random numbers (getrandom)");
	read_settings(o);
	return share_get(o, &o->table);
}

/* [control] */
static adit_result ADIT_CALL rules_open(void *inst)
{
	struct own *o = ((adit_handler *)inst)->own;
	char why[TABLE_WHY], line[120];
	adit_result result = table_load(o->table, why);

	if (result < 0)
		return adit_fail(o->h, result, why);
	cells_init(o);
	counts_init(o, o->table, &o->counts);
	if (o->h->env->shard)
		return 0;
	warn_bad_lines(o, o->table);
	snprintf(line, sizeof(line), "%u rules, sets of %llu bytes", table_count(o->table),
	         (unsigned long long)table_size(o->table));
	adit_log(o->h, ADIT_LOG_INFO, line);
	return 0;
}

static adit_result rules_start(adit_handler *h)
{
	struct own *o = h->own;

	return o->loop->timer(h->env->loop, wait_timer, o, &o->timer);
}

static adit_result rules_reload(adit_handler *h)
{
	struct own *o = h->own;
	struct table_job *j = calloc(1, sizeof(*j));
	adit_result result;

	if (!j)
		return ADIT_ENOMEM;
	result = share_get(o, &j->table);
	if (result == 0) {
		j->o = o;
		result = o->loop->pool(h->env->loop, job_work, job_done, j);
		if (result < 0)
			table_unref(j->table);
	}
	if (result < 0) {
		free(j);
		return result;
	}
	job_forget(o);
	o->job = j;
	read_settings(o);
	return 0;
}

static void rules_stop(adit_handler *h)
{
	struct own *o = h->own;

	job_forget(o);
	wait_stop(o);
	o->loop->timer_free(o->timer);
	o->timer = NULL;
}

static void rules_destroy(adit_handler *h)
{
	struct own *o = h->own;

	if (!o)
		return;
	if (o->counters) {
		o->counters->remove(h->env, o->looked);
		o->counters->remove(h->env, o->named);
		o->counters->remove(h->env, o->timed_out);
		o->counters->remove(h->env, o->crowded);
		o->counters->remove(h->env, o->stack_late);
	}
	counts_fini(o, &o->counts);
	table_unref(o->table);
	adit_release(h, o->limit);
}

/* ---- what the module exports ---- */

static const adit_callbacks rules_calls = {
	.own = sizeof(struct own),
	.start = rules_start,
	.reload = rules_reload,
	.stop = rules_stop,
	.destroy = rules_destroy,
	.open = decide_open,
	.data = wait_data,
	.dgram = wait_dgram,
	.fin = wait_fin,
	.closed = wait_closed,
};

/* What instances of all shards share is the module's context. */
static adit_result ADIT_CALL instance_create(void *ctx, const adit_env *env, void **inst)
{
	adit_result result = adit_handler_new(&rules_calls, env, inst);
	adit_handler *h = *inst;

	if (result < 0)
		return result;
	((struct own *)h->own)->share = ctx;
	return rules_create(h);
}

static adit_result ADIT_CALL module_init(const adit_host *host, void **ctx)
{
	*ctx = share_new();
	return *ctx ? 0 : ADIT_ENOMEM;
}

static void ADIT_CALL module_fini(void *ctx)
{
	share_free(ctx);
}

static const adit_life life = {
	.size = sizeof(life),
	.flags = ADIT_LIFE_FILES,
	.create = instance_create,
	.open = rules_open,
	.start = adit_handler_start,
	.reload = adit_handler_reload,
	.stop = adit_handler_stop,
	.destroy = adit_handler_destroy,
};
static const adit_handler_1 table = {sizeof(table), 0, &life, adit_handler_events};
static const adit_component component = {sizeof(component), 0, "rules", ADIT_HANDLER_1, &table};
static const adit_component *const components[] = {&component, NULL};

const adit_module adit_module_1 = {
	.size = sizeof(adit_module_1),
	.abi_major = ADIT_ABI_MAJOR,
	.abi_minor = ADIT_ABI_MINOR,
	.name = ADIT_MODULE_NAME,
	.version = ADIT_MODULE_VERSION,
	.descriptor = adit_descriptor,
	.components = components,
	.init = module_init,
	.fini = module_fini,
};
