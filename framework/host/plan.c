/* SPDX-License-Identifier: MIT
 * host/plan.c - entries compared by kind and name, settings of the host by their pointers
 */
#include "host/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/parts.h"

enum { STEPS_MOST = 4096 };

/* Settings of the host that can change while it runs; a name that ends in '/' stands for all below it. The others wait for
 * a restart. What is listed with null concerns nothing that runs. */
static const struct {
	const char *pointer;
	const char *why;
} live[] = {
	{"/limits/connect", "holds from now on"},   {"/limits/idle_tcp", "holds from now on"},
	{"/limits/idle_udp", "holds from now on"},  {"/limits/idle_echo", "holds from now on"},
	{"/limits/half_open", "holds from now on"}, {"/limits/udp", "holds from now on"},
	{"/udp/timeout", "holds from now on"},      {"/stack", "holds for new flows"},
	{"/log/", "holds from now on"},
	{"/stacks/", NULL}, {"/outbounds/", NULL}, {"/handlers/", NULL}, {"/services/", NULL}, {"/platform", NULL},
	{"/outbounds", NULL}, {"/handlers", NULL}, {"/stacks", NULL}, {"/services", NULL},
	{"/adit", NULL}, {"/$schema", NULL}, {"/include", NULL},
};

/* ---- steps ---- */

int plan_say(struct host_step *step, enum host_change change, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	if (!step)
		return ADIT_OK;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return ADIT_ENOMEM;
	free((void *)(uintptr_t)step->why);
	step->why = text;
	step->change = change;
	return ADIT_OK;
}

/* The steps do not move: room for all that there can be is made at first. */
static struct host_step *add_step(struct host_plan *plan, enum host_change change, enum conf_kind kind, const char *name,
                                  const char *module)
{
	struct host_step *s;

	if (plan->count == STEPS_MOST)
		return NULL;
	s = &plan->steps[plan->count];
	*s = (struct host_step){change, kind, strdup(name), strdup(module), strdup(""), 0};
	plan->count++;
	return s->name && s->module && s->why ? s : NULL;
}

void plan_fini(struct host_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->count; i++) {
		free((void *)(uintptr_t)plan->steps[i].name);
		free((void *)(uintptr_t)plan->steps[i].module);
		free((void *)(uintptr_t)plan->steps[i].why);
	}
	free(plan->steps);
	*plan = (struct host_plan){NULL, 0, 0};
}

void items_fini(struct items *items)
{
	unsigned k, n;

	for (k = 0; k < CONF_KINDS; k++) {
		for (n = 0; n < items->count[k]; n++)
			match_free(&items->v[k][n].match);
		free(items->v[k]);
	}
	memset(items, 0, sizeof(*items));
}

/* ---- entries ---- */

static bool is_hosts(const char *key)
{
	static const char *const keys[] = {"match", "override", "standby", "module", "library"};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

static const adit_cfg *member(const adit_cfg *object, const char *key)
{
	const adit_cfg *item;
	uint32_t i;

	for (i = 0; (item = conf_config_1.item(object, "", i)) != NULL; i++)
		if (!strcmp(conf_config_1.key(item), key))
			return item;
	return NULL;
}

/* The key of the first setting of a that b has not, or has otherwise; null: none. */
static const char *missing(const adit_cfg *a, const adit_cfg *b)
{
	const adit_cfg *item, *other;
	uint32_t i;

	for (i = 0; (item = conf_config_1.item(a, "", i)) != NULL; i++) {
		const char *key = conf_config_1.key(item);

		if (is_hosts(key))
			continue;
		other = member(b, key);
		if (!other || !conf_same(item, other))
			return key;
	}
	return NULL;
}

static const char *differing(const adit_cfg *a, const adit_cfg *b)
{
	const char *key = missing(a, b);

	return key ? key : missing(b, a);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static int look_for_match(const struct instance *i, const struct conf_entry *e, struct match *out, bool *same)
{
	int err = match_new(out, &e->match);

	*same = !err && out->protos == i->match.protos && out->port_count == i->match.port_count &&
	        out->prefix_count == i->match.prefix_count &&
	        !memcmp(out->ports, i->match.ports, out->port_count * sizeof(*out->ports)) &&
	        !memcmp(out->prefixes, i->match.prefixes, out->prefix_count * sizeof(*out->prefixes));
	if (*same)
		match_free(out);
	return err;
}

/* What to do with an entry that an instance stands for. Says why in the step, where there is one. */
static int compare(struct host *h, struct item *item, struct host_plan *plan, struct report *r)
{
	const struct conf_entry *e = item->entry;
	struct instance *i = item->old;
	const adit_life *life = i->parts[0] ? i->parts[0]->life : NULL; /* a service that could not be brought back has none */
	struct candidate *c;
	const char *key = differing(i->entry->cfg, e->cfg);
	bool file, again, module = strcmp(i->module_name, e->module) || !same_text(i->entry->library, e->library);
	int err = loader_find(h->options.loader, e->module, e->library, NULL, r, &c);

	if (err)
		return err == ADIT_ENOMEM ? err : ADIT_ECONFIG;
	file = !module && !module_is(i->module, c);
	again = life && life->reload && life->flags & ADIT_LIFE_FILES;
	item->keep = i->parts[0] && !module && !file && !key && !again;
	if (!item->keep) {
		item->change = !module && !file && life && life->reload ? HOST_UPDATE : HOST_RENEW;
		if (e->kind == CONF_PLATFORM && item->change == HOST_RENEW)
			item->change = HOST_RESTART;
		item->step = add_step(plan, item->change, e->kind, e->name, e->module);
		err = !item->step ? ADIT_ENOMEM
		      : module    ? plan_say(item->step, item->change, "another module: %s", e->module)
		      : file      ? plan_say(item->step, item->change, "the module's file is another one: version %s, was %s",
			                     candidate_version(c), module_version(i->module))
		      : !key     ? plan_say(item->step, item->change, "it reads its files again")
				  : plan_say(item->step, item->change, "\"%s\" differs%s", key,
			                     e->kind == CONF_PLATFORM && item->change == HOST_RESTART
			                             ? "; the device cannot change while it is in use"
			                             : "");
	}
	candidate_free(c);
	return err;
}

static int look_at_match(struct item *item, struct host_plan *plan)
{
	struct host_step *step;
	bool same = true;
	int err = ADIT_OK;

	if (item->entry->kind == CONF_HANDLER && item->old)
		err = look_for_match(item->old, item->entry, &item->match, &same);
	item->rematch = !same;
	if (err || same || !item->keep || !item->old->serving)
		return err;
	step = add_step(plan, HOST_LIVE, CONF_HANDLER, item->entry->name, item->entry->module);
	return step ? plan_say(step, HOST_LIVE, "its matches differ") : ADIT_ENOMEM;
}

static int plan_entry(struct host *h, struct item *item, bool stacks_only, struct host_plan *plan,
                      struct report *r)
{
	const struct conf_entry *e = item->entry;
	struct instance *draining;
	int err;

	item->old = item->now = lineup_find(&h->line, e->kind, e->name);
	item->keep = item->old && stacks_only;
	if (item->keep) {
		plan->kept++;
		return ADIT_OK;
	}
	if (item->old) {
		err = compare(h, item, plan, r);
		if (!err)
			err = look_at_match(item, plan);
		plan->kept += item->keep;
		item->now = item->keep || item->change == HOST_UPDATE || item->change == HOST_RESTART ? item->old : NULL;
		return err;
	}
	/* One that drains is taken back if nothing about it has changed. */
	draining = instance_draining(h, e->kind, e->name);
	if (draining && !draining->opened)
		draining = NULL;
	if (draining) {
		struct host_plan unused = {calloc(STEPS_MOST, sizeof(*unused.steps)), 0, 0};

		item->old = draining;
		err = unused.steps ? compare(h, item, &unused, r) : ADIT_ENOMEM;
		item->step = NULL;
		plan_fini(&unused);
		if (err)
			return err;
		item->now = item->old = item->keep ? draining : NULL;
		err = look_at_match(item, plan);
		if (err)
			return err;
	}
	item->change = HOST_ADD;
	item->step = add_step(plan, HOST_ADD, e->kind, e->name, e->module);
	if (!item->step)
		return ADIT_ENOMEM;
	return item->keep ? plan_say(item->step, HOST_ADD, "it was still draining, and is taken back") : ADIT_OK;
}

static bool stays(const struct items *items, const struct instance *i)
{
	unsigned n;

	for (n = 0; n < items->count[i->entry_kind]; n++)
		if (!strcmp(items->v[i->entry_kind][n].entry->name, i->name))
			return true;
	return false;
}

static unsigned place_of(const struct lineup *l, const struct instance *i)
{
	unsigned n;

	for (n = 0; n < l->count[i->entry_kind] && l->v[i->entry_kind][n] != i; n++)
		;
	return n;
}

/* What is in the line-up and in no entry, and whether handlers are asked in another order. */
static int plan_kind_end(struct host *h, enum conf_kind kind, const struct items *items, struct host_plan *plan)
{
	const struct instance *before = NULL;
	struct host_step *step;
	bool moved = false;
	unsigned n;

	for (n = 0; n < h->line.count[kind]; n++) {
		const struct instance *i = h->line.v[kind][n];

		if (stays(items, i))
			continue;
		step = add_step(plan, HOST_REMOVE, kind, i->name, i->module_name);
		if (!step || (kind == CONF_STACK && plan_say(step, HOST_REMOVE, "it gets no flows any more")))
			return ADIT_ENOMEM;
	}
	for (n = 0; n < items->count[kind] && kind == CONF_HANDLER; n++) {
		const struct instance *old = items->v[kind][n].old;

		if (!old || !old->serving)
			continue;
		moved |= before && place_of(&h->line, before) > place_of(&h->line, old);
		before = old;
	}
	if (!moved)
		return ADIT_OK;
	step = add_step(plan, HOST_LIVE, CONF_KINDS, "/handlers", "");
	return step ? plan_say(step, HOST_LIVE, "they are asked in another order") : ADIT_ENOMEM;
}

/* ---- settings of the host ---- */

struct settings {
	struct host_plan *plan;
	bool restarts; /* look for those that wait for a restart, or for the others */
	int err;
};

static void on_setting(void *arg, enum conf_change change, const char *pointer, const adit_cfg *before,
                       const adit_cfg *after)
{
	struct settings *s = arg;
	struct host_step *step;
	size_t i, n;

	for (i = 0; i < sizeof(live) / sizeof(live[0]); i++) {
		n = strlen(live[i].pointer);
		if (!strncmp(pointer, live[i].pointer, n) &&
		    (live[i].pointer[n - 1] == '/' || !pointer[n] || pointer[n] == '/'))
			break;
	}
	if (i < sizeof(live) / sizeof(live[0]) ? !live[i].why || s->restarts : !s->restarts)
		return;
	step = add_step(s->plan, s->restarts ? HOST_RESTART : HOST_LIVE, CONF_KINDS, pointer, "");
	if (!step || plan_say(step, step->change, "%s", s->restarts ? "waits for a restart" : live[i].why))
		s->err = ADIT_ENOMEM;
}

/* What waits for a restart is compared with the manifest of the start, and so is said until there is one. */
static int plan_settings(struct host *h, struct conf *conf, struct host_plan *plan)
{
	struct settings s = {plan, false, ADIT_OK};
	int err = conf_diff(h->options.conf, conf, on_setting, &s);

	s.restarts = true;
	if (!err)
		err = conf_diff(h->first, conf, on_setting, &s);
	return err ? err : s.err;
}

int plan_make(struct host *h, struct conf *conf, char stack_names[STACK_PROTOCOLS][NAME_ROOM], bool stacks_only,
              struct report *r, struct items *items, struct host_plan *plan)
{
	int kind, err, first = ADIT_OK;
	size_t count, n;

	plan->steps = calloc(STEPS_MOST, sizeof(*plan->steps));
	if (!plan->steps)
		return ADIT_ENOMEM;
	for (kind = 0; kind < CONF_KINDS; kind++) {
		const struct conf_entry *e = conf_entries(conf, (enum conf_kind)kind, &count);

		items->v[kind] = calloc(count + 1, sizeof(struct item));
		if (!items->v[kind])
			return ADIT_ENOMEM;
		for (n = 0; n < count; n++) {
			if (!choice_wants(stack_names, &e[n]))
				continue;
			if (items->count[kind] == SHARD_PARTS) {
				report_add(r, REPORT_ERROR, NULL, "use fewer", "more than %d entries of kind %s", SHARD_PARTS,
				           conf_kind_name((enum conf_kind)kind));
				return ADIT_ECONFIG;
			}
			items->v[kind][items->count[kind]].entry = &e[n];
			err = plan_entry(h, &items->v[kind][items->count[kind]++], stacks_only, plan, r);
			if (err == ADIT_ENOMEM)
				return err;
			if (err)
				first = err; /* all that is wrong is said */
		}
		err = plan_kind_end(h, (enum conf_kind)kind, items, plan);
		if (err)
			return err;
	}
	return first || stacks_only ? first : plan_settings(h, conf, plan);
}
