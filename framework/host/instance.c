/* SPDX-License-Identifier: MIT
 * host/instance.c - instances made, opened, started on a loop, stopped there, and freed
 */
#include "host/instance.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/metrics.h"
#include "host/parts.h"
#include "host/probe.h"
#include "observe/metrics.h"

const enum part_kind instance_part_kind[CONF_KINDS] = {
	[CONF_PLATFORM] = PART_PLATFORM, [CONF_STACK] = PART_STACK,     [CONF_HANDLER] = PART_HANDLER,
	[CONF_OUTBOUND] = PART_OUTBOUND, [CONF_SERVICE] = PART_SERVICE,
};

static const char *const iface_of[PART_KINDS] = {
	[PART_PLATFORM] = ADIT_PLATFORM_1, [PART_STACK] = ADIT_STACK_1,     [PART_HANDLER] = ADIT_HANDLER_1,
	[PART_OUTBOUND] = ADIT_OUTBOUND_1, [PART_SERVICE] = ADIT_SERVICE_1,
};

const char *instance_why(adit_result r)
{
	const char *why = api_take_failure();

	return *why ? why : err_text(r);
}

/* ---- matches ---- */

void match_free(struct match *m)
{
	free((void *)(uintptr_t)m->ports);
	free((void *)(uintptr_t)m->prefixes);
	memset(m, 0, sizeof(*m));
}

int match_new(struct match *out, const struct conf_match *m)
{
	struct match_ports *ports = calloc(m->port_count + 1, sizeof(*ports));
	struct match_prefix *prefixes = calloc(m->prefix_count + 1, sizeof(*prefixes));
	size_t i;

	*out = (struct match){
		.protos = (uint8_t)((m->protos & CONF_TCP ? MATCH_TCP : 0) | (m->protos & CONF_UDP ? MATCH_UDP : 0) |
	                            (m->protos & CONF_ICMP ? MATCH_ECHO : 0)),
		.port_count = (uint32_t)m->port_count,
		.prefix_count = (uint32_t)m->prefix_count,
		.ports = ports,
		.prefixes = prefixes,
	};
	if (!ports || !prefixes) {
		match_free(out);
		return ADIT_ENOMEM;
	}
	for (i = 0; i < m->port_count; i++)
		ports[i] = (struct match_ports){m->ports[i].from, m->ports[i].to};
	for (i = 0; i < m->prefix_count; i++) {
		memcpy(prefixes[i].ip, m->prefixes[i].ip, 16);
		prefixes[i].family = m->prefixes[i].family;
		prefixes[i].bits = m->prefixes[i].bits;
	}
	return ADIT_OK;
}

/* ---- parts ---- */

static void part_free(struct host *h, struct part *p)
{
	if (!p)
		return;
	if (p->inst && p->life && p->life->destroy)
		p->life->destroy(p->inst);
	if (p->env)
		metrics_remove_all(h->metrics, p->env);
	free(p->env);
	free(p->queue.v);
	free(p);
}

/* The life that a kind's table carries; every kind has it in the same place. */
static const adit_life *life_of(const void *table)
{
	return ((const adit_service_1 *)table)->life;
}

static int create(struct instance *i, struct host_module *m, struct part *p, struct report *r)
{
	struct host *h = i->host;
	adit_env *env = calloc(1, sizeof(*env));
	adit_result result;

	if (!env)
		return ADIT_ENOMEM;
	*env = (adit_env){
		.size = sizeof(*env),
		.shard = p->shard->index,
		.shards = i->part_count,
		.flows = flowtable_limits(p->shard->flows)->flows + 256,
		.name = i->name,
		.host = &m->api,
		.loop = p->kind == PART_SERVICE ? h->loop : p->shard->loop,
		.cfg = i->entry->cfg,
		.path = &p->path,
		.flow_memory = p->shard->flow_memory,
	};
	p->env = env;
	host_metrics_part(h, p);
	result = p->life && p->life->create ? p->life->create(m->ctx, env, &p->inst) : ADIT_OK;
	if (result != ADIT_OK)
		report_add(r, REPORT_ERROR, NULL, NULL, "%s \"%s\" (module %s) could not be made: %s",
		           conf_kind_name(i->entry_kind), i->name, i->module_name, instance_why(result));
	return result;
}

static int make_part(struct instance *i, unsigned shard, struct report *r)
{
	struct host *h = i->host;
	struct host_module *m = modules_get(h, i->module, shard, r);
	const adit_component *component;
	struct part *p;

	if (!m)
		return ADIT_ECONFIG;
	component = module_component(m->module, iface_of[i->kind], NULL);
	if (!component) {
		report_add(r, REPORT_ERROR, NULL, "name a module of that kind; `adit modules` lists them",
		           "module %s has no single component of kind %s", i->module_name, conf_kind_name(i->entry_kind));
		return ADIT_ECONFIG;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return ADIT_ENOMEM;
	i->parts[shard] = p;
	p->shard = &h->shards[shard]->shard;
	p->kind = i->kind;
	p->index = i->slot;
	p->generation = i->generation;
	p->name = i->name;
	p->module = i->module_name;
	p->match = i->match;
	p->table.service = component->table;
	p->life = life_of(component->table);
	part_wire(p);
	if (i->kind == PART_PLATFORM && shard == 0)
		h->platform = m;
	return create(i, m, p, r);
}

/* ---- instances ---- */

/* The lowest place that no instance has. */
static int take_slot(struct host *h, struct instance *i, struct report *r)
{
	struct instance *other;
	uint64_t taken = 0;
	unsigned n;

	for (other = h->instances; other; other = other->next) {
		if (other->kind != i->kind)
			continue;
		taken |= (uint64_t)1 << other->slot;
	}
	for (n = 0; n < SHARD_PARTS && taken >> n & 1; n++)
		;
	if (n == SHARD_PARTS) {
		report_add(r, REPORT_ERROR, NULL, "use fewer, or wait until what drains has gone",
		           "more than %d entries of kind %s", SHARD_PARTS, conf_kind_name(i->entry_kind));
		return ADIT_ECONFIG;
	}
	i->slot = (uint8_t)n;
	return ADIT_OK;
}

int instance_new(struct host *h, struct conf *conf, const struct conf_entry *e, struct report *r, struct instance **out)
{
	struct instance *i = calloc(1, sizeof(*i)), **last;
	unsigned shard;
	int err;

	if (!i)
		return ADIT_ENOMEM;
	i->host = h;
	i->entry_kind = e->kind;
	i->kind = instance_part_kind[e->kind];
	i->conf = conf_ref(conf);
	i->entry = e;
	i->generation = h->generation;
	i->name = strdup(e->name);
	i->module_name = strdup(e->module);
	i->part_count = e->kind == CONF_SERVICE ? 1 : h->shard_count;
	err = i->name && i->module_name ? take_slot(h, i, r) : ADIT_ENOMEM;
	if (!err)
		err = modules_open(h, e, r, &i->module);
	if (!err && e->kind == CONF_HANDLER)
		err = match_new(&i->match, &e->match);
	for (shard = 0; shard < i->part_count && !err; shard++)
		err = make_part(i, shard, r);
	if (err) {
		instance_free(i);
		return err;
	}
	for (last = &h->instances; *last; last = &(*last)->next)
		;
	*last = i;
	*out = i;
	return ADIT_OK;
}

void instance_place(struct instance *i, struct shard *s)
{
	if (i->kind == PART_SERVICE)
		return;
	s->parts[i->kind][i->slot] = i->parts[s->index];
	if (s->part_count[i->kind] <= i->slot)
		s->part_count[i->kind] = i->slot + 1u;
}

int instance_open(struct instance *i, struct report *r)
{
	unsigned n;

	for (n = 0; n < i->part_count; n++) {
		struct part *p = i->parts[n];
		adit_result result = p->life && p->life->open ? p->life->open(p->inst) : ADIT_OK;

		if (result != ADIT_OK) {
			report_add(r, REPORT_ERROR, NULL, NULL, "%s (module %s) could not be opened: %s", i->name,
			           i->module_name, instance_why(result));
			return result;
		}
	}
	i->opened = true;
	return ADIT_OK;
}

void instance_stop(struct part *p)
{
	if (p->tap)
		trial_end(p);
	p->inside++;
	if (p->life && p->life->stop)
		p->life->stop(p->inst);
	p->inside--;
	p->started = 0;
}

adit_result instance_start(struct part *p)
{
	adit_result r;

	p->inside++;
	p->started = 1;
	r = p->life && p->life->start ? p->life->start(p->inst) : ADIT_OK;
	p->inside--;
	return r;
}

void instance_suspend(struct instance *i)
{
	if (i->parts[0]->started)
		instance_stop(i->parts[0]);
	part_free(i->host, i->parts[0]);
	i->parts[0] = NULL;
	i->opened = false;
	i->suspended = true;
}

int instance_remake(struct instance *i, struct report *r)
{
	return make_part(i, 0, r);
}

int instance_resume(struct instance *i, struct report *r)
{
	int err = make_part(i, 0, r);

	if (!err)
		err = instance_open(i, r);
	if (!err)
		err = instance_start(i->parts[0]);
	if (err) {
		report_add(r, REPORT_ERROR, NULL, "restart", "service \"%s\" (module %s) could not be brought back", i->name,
		           i->module_name);
		if (i->parts[0] && i->parts[0]->started)
			instance_stop(i->parts[0]);
		part_free(i->host, i->parts[0]);
		i->parts[0] = NULL;
		return err;
	}
	i->suspended = false;
	return ADIT_OK;
}

void instance_free(struct instance *i)
{
	struct instance **link;
	struct host *h;
	unsigned n;

	if (!i)
		return;
	h = i->host;
	for (link = &h->instances; *link && *link != i; link = &(*link)->next)
		;
	if (*link)
		*link = i->next;
	for (n = i->part_count; n > 0; n--)
		part_free(h, i->parts[n - 1]);
	match_free(&i->match);
	conf_unref(i->conf);
	free(i->name);
	free(i->module_name);
	free(i);
}

struct instance *instance_draining(struct host *h, enum conf_kind kind, const char *name)
{
	struct instance *i, *found = NULL;

	for (i = h->instances; i; i = i->next)
		if (i->draining && !i->stopping && i->entry_kind == kind && !strcmp(i->name, name))
			found = i;
	return found;
}

/* ---- the list, for people ---- */

bool host_instance(struct host *h, unsigned index, struct host_instance *out)
{
	const struct instance *i = NULL;
	unsigned k, n = 0;
	int kind;

	for (kind = 0; kind < CONF_KINDS; kind++) {
		for (i = h->instances; i; i = i->next) {
			if ((int)i->entry_kind != kind || n++ != index)
				continue;
			*out = (struct host_instance){
				.kind = i->entry_kind,
				.name = i->name,
				.module = i->module_name,
				.version = module_version(i->module),
				.generation = i->generation,
				.draining = i->draining,
				.flows = i->flows,
				.drain_end = i->draining && !i->wait ? i->drain_end : 0,
			};
			for (k = 0; k < STACK_PROTOCOLS; k++)
				if (h->line.stack_of[k] == i)
					out->protos |= k == 0 ? CONF_TCP : k == 1 ? CONF_UDP : CONF_ICMP;
			return true;
		}
	}
	return false;
}
