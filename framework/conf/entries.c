/* SPDX-License-Identifier: MIT
 * conf/entries.c - the modules of a manifest: their settings against their schemas, and their
 * references
 */
#include "conf/entries.h"

#include <string.h>

#include "base/err.h"
#include "conf/match.h"
#include "conf/merge.h"
#include "conf/parse.h"
#include "conf/schema.h"
#include "conf/suggest.h"

static const struct {
	const char *name, *key;
} kinds[] = {
	[CONF_PLATFORM] = {"platform", "platform"}, [CONF_STACK] = {"stack", "stacks"},
	[CONF_HANDLER] = {"handler", "handlers"},   [CONF_OUTBOUND] = {"outbound", "outbounds"},
	[CONF_SERVICE] = {"service", "services"},
};

struct making {
	struct arena *arena;
	struct adit_cfg *root;
	const struct conf_source *source;
	struct report *report;
	int err;
};

const char *conf_kind_name(enum conf_kind kind)
{
	return kinds[kind].name;
}

const char *entries_key(enum conf_kind kind)
{
	return kinds[kind].key;
}

bool entries_is_host_key(enum conf_kind kind, const char *key)
{
	if (!strcmp(key, "module") || !strcmp(key, "library"))
		return true;
	if (kind != CONF_PLATFORM && (!strcmp(key, "name") || !strcmp(key, "override")))
		return true;
	if (kind == CONF_STACK && !strcmp(key, "standby"))
		return true;
	return kind == CONF_HANDLER && (!strcmp(key, "match") || !strcmp(key, "outbound"));
}

static void fail(struct making *m, int err)
{
	if (err && m->err != ADIT_ENOMEM)
		m->err = err;
}

/* The module's schema as nodes; null with a finding (or none, if the source does not want this
 * checked). */
static struct adit_cfg *get_schema(struct making *m, enum conf_kind kind,
                                   const struct adit_cfg *module, const char *name)
{
	struct parse_input in = {.file = name, .depth = PARSE_SCHEMA_DEPTH, .from = FROM_FILE};
	struct adit_cfg *schema;
	const char *text = NULL;
	int err;

	if (!m->source->schema_of)
		return NULL;
	err = m->source->schema_of(m->source->arg, module->text, kinds[kind].name, &text);
	if (err == ADIT_ENOENT)
		node_report(m->report, REPORT_ERROR, module, AT_VALUE,
		            "install it, correct the name, or name its directory in /modules/path",
		            "there is no module \"%s\"", module->text);
	else if (err == ADIT_EINVAL)
		node_report(m->report, REPORT_ERROR, module, AT_VALUE, "use a module that has one",
		            "module \"%s\" has no %s", module->text, kinds[kind].name);
	else if (err)
		node_report(m->report, REPORT_ERROR, module, AT_VALUE, NULL, "module \"%s\": %s",
		            module->text, err_text(err));
	if (err) {
		fail(m, err == ADIT_ENOMEM ? err : ADIT_ECONFIG);
		return NULL;
	}
	in.text = text ? text : "{ \"type\": \"object\", \"properties\": {} }";
	in.size = strlen(in.text);
	schema = parse_text(m->arena, &in, m->report);
	if (schema && schema_check(schema, name, m->report))
		return schema;
	fail(m, ADIT_ECONFIG);
	return NULL;
}

/* The module sees its own keys only while it is validated; the host's stand before them again
 * afterwards. */
static void check_settings(struct making *m, enum conf_kind kind, struct adit_cfg *n)
{
	const struct adit_cfg *module = node_find(n, "module");
	struct schema_run run = {
		.arena = m->arena,
		.report = m->report,
		.flags = SCHEMA_FILL | SCHEMA_CLOSED | SCHEMA_FORMATS,
	};
	struct adit_cfg own = *n, **all;
	uint32_t i, hidden = 0;
	char *name;

	if (!module || module->type != NODE_TEXT)
		return;
	name = arena_format(m->arena, "module %s", module->text);
	all = arena_alloc(m->arena, (n->count + 1) * sizeof(struct adit_cfg *));
	if (!name || !all) {
		fail(m, ADIT_ENOMEM);
		return;
	}
	run.name = name;
	run.root = get_schema(m, kind, module, name);
	if (!run.root)
		return;
	for (i = 0; i < own.count; i++)
		if (entries_is_host_key(kind, own.items[i]->key))
			all[hidden++] = own.items[i];
	n->items = NULL;
	n->count = n->room = 0;
	for (i = 0; i < own.count; i++)
		if (!entries_is_host_key(kind, own.items[i]->key))
			fail(m, node_append(m->arena, n, NULL, own.items[i]));
	if (!schema_validate(&run, n, run.root))
		fail(m, run.err ? run.err : ADIT_ECONFIG);
	own = *n;
	n->items = NULL;
	n->count = n->room = 0;
	for (i = 0; i < hidden; i++)
		fail(m, node_append(m->arena, n, NULL, all[i]));
	/* A schema may describe a key of the host's, to fill it in: what is there already stays. */
	for (i = 0; i < own.count; i++)
		if (!node_find(n, own.items[i]->key))
			fail(m, node_append(m->arena, n, NULL, own.items[i]));
}

static void check_outbound(struct making *m, const struct adit_cfg *n)
{
	const struct adit_cfg *outbound = node_find(n, "outbound"),
			      *list = node_find(m->root, "outbounds");
	struct suggest near = {0};
	const char *name;
	char cure[80];
	uint32_t i;

	/* An empty name is the default outbound. */
	if (!outbound || outbound->type != NODE_TEXT || !*outbound->text || !list ||
	    merge_find_named(list, outbound->text))
		return;
	near.word = outbound->text;
	for (i = 0; i < list->count; i++) {
		name = node_find_text(list->items[i], "name");
		if (name)
			suggest_offer(&near, name);
	}
	snprintf(cure, sizeof(cure), "did you mean \"%.40s\"?", near.best ? near.best : "");
	node_report(m->report, REPORT_ERROR, outbound, AT_VALUE,
	            near.best ? cure : "add it to /outbounds", "there is no outbound \"%s\"",
	            outbound->text);
	fail(m, ADIT_ECONFIG);
}

static void make_entry(struct making *m, enum conf_kind kind, struct adit_cfg *n,
                       struct conf_entry *out)
{
	const char *name = node_find_text(n, "name");
	const struct adit_cfg *standby;

	if (n->type != NODE_OBJECT)
		return; /* the root's schema has said so */
	check_settings(m, kind, n);
	out->kind = kind;
	out->module = node_find_text(n, "module");
	out->name = name && kind != CONF_PLATFORM ? name : out->module;
	out->library = node_find_text(n, "library");
	out->cfg = n;
	standby = kind == CONF_STACK ? node_find(n, "standby") : NULL;
	out->standby = standby && standby->type == NODE_TRUTH && standby->truth;
	if (kind != CONF_HANDLER)
		return;
	out->outbound = node_find_text(n, "outbound");
	check_outbound(m, n);
	fail(m, match_make(m->arena, &out->match, node_find(n, "match"), m->report));
}

/* Two entries of one name: merging has found those of files, this finds those made by the command
 * line. */
static void check_names(struct making *m, const struct adit_cfg *list, enum conf_kind kind)
{
	const char *name;
	uint32_t i;

	for (i = 0; i < list->count; i++) {
		name = node_find_text(list->items[i], "name");
		if (!name || merge_find_named(list, name) == list->items[i])
			continue;
		node_report(m->report, REPORT_ERROR, list->items[i], AT_VALUE, "rename one",
		            "the %s \"%s\" is there already", kinds[kind].name, name);
		fail(m, ADIT_ECONFIG);
	}
}

int entries_make(struct arena *a, struct entries *e, struct adit_cfg *root,
                 const struct conf_source *source, struct report *r)
{
	struct making m = {.arena = a, .root = root, .source = source, .report = r};
	struct adit_cfg *n;
	uint32_t i;
	int kind;

	for (kind = 0; kind < CONF_KINDS && m.err != ADIT_ENOMEM; kind++) {
		n = node_find(root, kinds[kind].key);
		if (!n || n->type != (kind == CONF_PLATFORM ? NODE_OBJECT : NODE_LIST))
			continue; /* the root's schema has said so */
		e->count[kind] = kind == CONF_PLATFORM ? 1 : n->count;
		e->of[kind] = arena_alloc(a, (e->count[kind] + 1) * sizeof(struct conf_entry));
		if (!e->of[kind])
			return ADIT_ENOMEM;
		if (kind == CONF_PLATFORM) {
			make_entry(&m, CONF_PLATFORM, n, e->of[kind]);
			continue;
		}
		check_names(&m, n, (enum conf_kind)kind);
		for (i = 0; i < n->count; i++)
			make_entry(&m, (enum conf_kind)kind, n->items[i], &e->of[kind][i]);
	}
	return m.err;
}
