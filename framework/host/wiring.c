/* SPDX-License-Identifier: MIT
 * host/wiring.c - the instances that a manifest names, made and joined on one shard
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/metrics.h"
#include "host/parts.h"
#include "observe/log.h"
#include "observe/metrics.h"

static const enum part_kind kind_of[CONF_KINDS] = {
	[CONF_PLATFORM] = PART_PLATFORM, [CONF_STACK] = PART_STACK,     [CONF_HANDLER] = PART_HANDLER,
	[CONF_OUTBOUND] = PART_OUTBOUND, [CONF_SERVICE] = PART_SERVICE,
};

static const char *const iface_of[PART_KINDS] = {
	[PART_PLATFORM] = ADIT_PLATFORM_1, [PART_STACK] = ADIT_STACK_1,     [PART_HANDLER] = ADIT_HANDLER_1,
	[PART_OUTBOUND] = ADIT_OUTBOUND_1, [PART_SERVICE] = ADIT_SERVICE_1,
};

static const char *const protocols[3] = {"tcp", "udp", "icmp"};

/* ---- which stack ---- */

/* "mixed" is lwIP for TCP and the system stack for the rest. */
static const char *resolve(const char *name, unsigned protocol)
{
	if (!strcmp(name, "mixed"))
		return protocol == 0 ? "lwip" : "system";
	return *name ? name : "system";
}

static void not_installed(struct report *r, const char *name)
{
	char cure[160];

	snprintf(cure, sizeof(cure),
	         "install the package adit-module-stack-%.40s, or choose another; `adit modules` lists them", name);
	report_add(r, REPORT_ERROR, &(struct report_place){.pointer = "/stack"}, cure,
	           "stack \"%s\" is not installed: there is no module stack-%s and no entry of that name in stacks",
	           name, name);
}

int host_stacks(const struct conf *c, struct report *r, const char *names[3])
{
	unsigned i;
	int err = ADIT_OK;

	for (i = 0; i < 3; i++) {
		names[i] = resolve(conf_stack_for(c, protocols[i]), i);
		if (conf_entry_find(c, CONF_STACK, names[i]))
			continue;
		err = ADIT_ECONFIG;
		if ((i < 1 || strcmp(names[i], names[0])) && (i < 2 || strcmp(names[i], names[1])))
			not_installed(r, names[i]);
	}
	return err;
}

static bool wanted(const struct host *h, const struct conf_entry *e)
{
	unsigned i;

	if (e->kind == CONF_STACK) {
		for (i = 0; i < 3; i++)
			if (!strcmp(h->stack_names[i], e->name))
				return true;
		return false;
	}
	return true;
}

/* ---- instances ---- */

static int set_match(struct part *p, const struct conf_match *m)
{
	struct match_ports *ports;
	struct match_prefix *prefixes;
	size_t i;

	p->match.protos = (uint8_t)((m->protos & CONF_TCP ? MATCH_TCP : 0) | (m->protos & CONF_UDP ? MATCH_UDP : 0) |
	                            (m->protos & CONF_ICMP ? MATCH_ECHO : 0));
	ports = calloc(m->port_count + 1, sizeof(*ports));
	prefixes = calloc(m->prefix_count + 1, sizeof(*prefixes));
	p->match.ports = ports;
	p->match.prefixes = prefixes;
	if (!ports || !prefixes)
		return ADIT_ENOMEM;
	for (i = 0; i < m->port_count; i++)
		ports[i] = (struct match_ports){m->ports[i].from, m->ports[i].to};
	for (i = 0; i < m->prefix_count; i++) {
		memcpy(prefixes[i].ip, m->prefixes[i].ip, 16);
		prefixes[i].family = m->prefixes[i].family;
		prefixes[i].bits = m->prefixes[i].bits;
	}
	p->match.port_count = (uint32_t)m->port_count;
	p->match.prefix_count = (uint32_t)m->prefix_count;
	return ADIT_OK;
}

static void part_free(struct part *p)
{
	if (!p)
		return;
	if (p->inst && p->life && p->life->destroy)
		p->life->destroy(p->inst);
	free((void *)(uintptr_t)p->match.ports);
	free((void *)(uintptr_t)p->match.prefixes);
	free(p->queue.v);
	free(p);
}

/* The life that a kind's table carries; every kind has it in the same place. */
static const adit_life *life_of(const void *table)
{
	return ((const adit_service_1 *)table)->life;
}

static int create(struct host *h, struct host_module *m, struct part *p, const struct conf_entry *e)
{
	adit_env *env = calloc(1, sizeof(*env));
	adit_result r;

	if (!env)
		return ADIT_ENOMEM;
	*env = (adit_env){
		.size = sizeof(*env),
		.shard = p->shard->index,
		.shards = p->kind == PART_SERVICE ? 1 : p->shard->count,
		.flows = flowtable_limits(p->shard->flows)->flows + 256,
		.name = e->name,
		.host = &m->api,
		.loop = p->kind == PART_SERVICE ? h->loop : p->shard->loop,
		.cfg = e->cfg,
		.path = &p->path,
		.flow_memory = p->shard->flow_memory,
	};
	p->env = env;
	host_metrics_part(h, p);
	r = p->life && p->life->create ? p->life->create(m->ctx, env, &p->inst) : ADIT_OK;
	if (r != ADIT_OK) {
		const char *why = api_take_failure();

		report_add(h->options.report, REPORT_ERROR, NULL, NULL, "%s \"%s\" (module %s) could not be made: %s",
		           conf_kind_name(e->kind), e->name, e->module, *why ? why : err_text(r));
	}
	return r;
}

static int make(struct host *h, struct host_shard *hs, const struct conf_entry *e)
{
	struct shard *s = &hs->shard;
	enum part_kind kind = kind_of[e->kind];
	struct host_module *m;
	const adit_component *component;
	struct part *p;
	int err;

	if (s->part_count[kind] == SHARD_PARTS) {
		report_add(h->options.report, REPORT_ERROR, NULL, "use fewer", "more than %d entries of kind %s", SHARD_PARTS,
		           conf_kind_name(e->kind));
		return ADIT_ECONFIG;
	}
	m = modules_get(h, e, s->index);
	if (!m)
		return ADIT_ECONFIG;
	component = module_component(m->module, iface_of[kind], NULL);
	if (!component) {
		report_add(h->options.report, REPORT_ERROR, NULL, "name a module of that kind; `adit modules` lists them",
		           "module %s has no single component of kind %s", e->module, conf_kind_name(e->kind));
		return ADIT_ECONFIG;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return ADIT_ENOMEM;
	p->shard = s;
	p->kind = kind;
	p->index = (uint8_t)s->part_count[kind];
	p->name = e->name;
	p->module = e->module;
	p->table.service = component->table;
	p->life = life_of(component->table);
	part_wire(p);
	s->parts[kind][s->part_count[kind]++] = p;
	if (kind == PART_PLATFORM && s->index == 0)
		h->platform = m;
	err = kind == PART_HANDLER ? set_match(p, &e->match) : ADIT_OK;
	return err ? err : create(h, m, p, e);
}

static uint32_t protocol_flag(unsigned i)
{
	static const uint32_t flags[3] = {ADIT_STACK_TCP, ADIT_STACK_UDP, ADIT_STACK_ECHO};

	return flags[i];
}

static int join_stacks(struct host *h, struct shard *s)
{
	uint32_t k;
	unsigned i;

	for (i = 0; i < 3; i++) {
		for (k = 0; k < s->part_count[PART_STACK]; k++) {
			struct part *p = s->parts[PART_STACK][k];

			if (strcmp(p->name, h->stack_names[i]))
				continue;
			if (!(p->table.stack->flags & protocol_flag(i))) {
				report_add(h->options.report, REPORT_ERROR, &(struct report_place){.pointer = "/stack"}, NULL,
				           "stack \"%s\" (module %s) does not end %s", p->name, p->module, protocols[i]);
				return ADIT_ECONFIG;
			}
			s->stack_of[i] = (uint8_t)k;
		}
	}
	return ADIT_OK;
}

int wiring_make(struct host *h, struct host_shard *hs)
{
	static const enum conf_kind order[] = {CONF_PLATFORM, CONF_OUTBOUND, CONF_STACK, CONF_HANDLER, CONF_SERVICE};
	size_t i, k, count;
	int err;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct conf_entry *e = conf_entries(h->options.conf, order[i], &count);

		if (order[i] == CONF_SERVICE && hs->shard.index > 0)
			continue; /* a service lives once */
		for (k = 0; k < count; k++) {
			if (!wanted(h, &e[k]))
				continue;
			err = make(h, hs, &e[k]);
			if (err)
				return err;
		}
	}
	return join_stacks(h, &hs->shard);
}

void wiring_destroy(struct host_shard *hs)
{
	static const enum part_kind order[] = {PART_SERVICE, PART_HANDLER, PART_STACK, PART_OUTBOUND, PART_PLATFORM};
	struct shard *s = &hs->shard;
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		while (s->part_count[order[i]]) {
			struct part *p = s->parts[order[i]][--s->part_count[order[i]]];
			adit_env *env = p->env;

			s->parts[order[i]][s->part_count[order[i]]] = NULL;
			part_free(p);
			metrics_remove_all(hs->host->metrics, env);
			free(env);
		}
	}
}
