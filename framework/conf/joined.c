/* SPDX-License-Identifier: MIT
 * conf/joined.c - the host's schema and those of the installed modules as one, for editors
 *
 * Each component becomes a definition "KIND.MODULE" that also knows the host's keys; each kind
 * chooses among them by "module". What SCHEMA_CLOSED means is written out, so that other validators
 * judge as adit does.
 */
#include <string.h>

#include "conf/conf.h"
#include "conf/entries.h"
#include "conf/manifest.h"
#include "conf/parse.h"
#include "conf/schema.h"

struct joined {
	struct arena *arena;
	struct adit_cfg *root, *defs;
	struct report *report;
	int err;
};

/* Puts item into object, in place of what has the key. Remembers failures; item may be null after
 * one. */
static struct adit_cfg *set(struct joined *j, struct adit_cfg *object, const char *key,
                            struct adit_cfg *item)
{
	struct adit_cfg *there = object ? node_find(object, key) : NULL;
	int err = 0;

	if (!object || !item)
		err = ADIT_ENOMEM;
	else if (there)
		node_replace(there, item);
	else
		err = node_append(j->arena, object, key, item);
	if (err)
		j->err = err;
	return err ? NULL : item;
}

static struct adit_cfg *set_new(struct joined *j, struct adit_cfg *object, const char *key,
                                enum node_type type)
{
	return set(j, object, key, node_new(j->arena, type, NULL));
}

static struct adit_cfg *set_text(struct joined *j, struct adit_cfg *object, const char *key,
                                 const char *text)
{
	return text ? set(j, object, key, node_text(j->arena, text, strlen(text), NULL)) : NULL;
}

static struct adit_cfg *push(struct joined *j, struct adit_cfg *list, struct adit_cfg *item)
{
	if (!list || !item || node_append(j->arena, list, NULL, item)) {
		j->err = ADIT_ENOMEM;
		return NULL;
	}
	return item;
}

/* "#/x" inside the module's schema is "#/$defs/KIND.MODULE/x" in the joined one. */
static void move_refs(struct joined *j, struct adit_cfg *n, const char *key)
{
	struct adit_cfg *ref = node_find(n, "$ref");
	uint32_t i;

	if (ref && ref->type == NODE_TEXT)
		set_text(j, n, "$ref", arena_format(j->arena, "#/$defs/%s%s", key, ref->text + 1));
	for (i = 0; i < n->count; i++)
		if (!n->key || strcmp(n->key, "enum"))
			move_refs(j, n->items[i], key);
}

static bool combines(const struct adit_cfg *n)
{
	static const char *const keys[] = {"$ref", "allOf", "anyOf", "oneOf", "if", "not"};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (node_find(n, keys[i]))
			return true;
	return false;
}

static void close_schema(struct joined *j, struct adit_cfg *n, bool open);

static void close_each(struct joined *j, struct adit_cfg *schema, const char *key, bool open)
{
	struct adit_cfg *n = node_find(schema, key);
	uint32_t i;

	for (i = 0; n && i < n->count; i++)
		close_schema(j, n->items[i], open);
}

/* Writes out what SCHEMA_CLOSED implies. Definitions that combine are left open: who uses them is
 * not known here. */
static void close_schema(struct joined *j, struct adit_cfg *n, bool open)
{
	static const char *const lists[] = {"allOf", "anyOf", "oneOf"}, *const branches[] = {
										"if", "then",
										"else", "not"};
	struct adit_cfg *others = node_find(n, "additionalProperties"), *patterns;
	size_t i;

	if (n->type != NODE_OBJECT)
		return;
	close_each(j, n, "properties", false);
	close_each(j, n, "patternProperties", false);
	close_each(j, n, "$defs", true);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		close_each(j, n, lists[i], true);
	for (i = 0; i < sizeof(branches) / sizeof(branches[0]); i++)
		if (node_find(n, branches[i]))
			close_schema(j, node_find(n, branches[i]), true);
	if (node_find(n, "items"))
		close_schema(j, node_find(n, "items"), false);
	if (others)
		close_schema(j, others, false);
	else if (!open && node_find(n, "properties") && !combines(n))
		others = set_new(j, n, "additionalProperties", NODE_TRUTH);
	if (!others || others->type != NODE_TRUTH || others->truth)
		return;
	patterns = node_find(n, "patternProperties");
	if (!patterns)
		patterns = set_new(j, n, "patternProperties", NODE_OBJECT);
	if (patterns)
		set_new(j, patterns, "^(x-|\\$schema$)", NODE_OBJECT);
}

static struct adit_cfg *parse_component(struct joined *j, const struct conf_component *c,
                                        const char *key)
{
	struct parse_input in = {
		.file = key,
		.text = c->json_text ? c->json_text
	                             : "{ \"type\": \"object\", \"properties\": {} }",
		.depth = PARSE_SCHEMA_DEPTH,
		.from = FROM_FILE,
	};
	struct adit_cfg *n;

	in.size = strlen(in.text);
	n = parse_text(j->arena, &in, j->report);
	if (!n || !schema_check(n, key, j->report))
		return NULL;
	return n->type == NODE_OBJECT ? n : node_new(j->arena, NODE_OBJECT, NULL);
}

/* The definition of one component: its own schema and the host's keys. */
static void add_definition(struct joined *j, const struct conf_component *c,
                           const struct adit_cfg *base, struct adit_cfg *schema, const char *key)
{
	const struct adit_cfg *host = node_find(base, "properties");
	struct adit_cfg *properties = node_find(schema, "properties"), *module;
	uint32_t i;

	move_refs(j, schema, key);
	if (!properties)
		properties = set_new(j, schema, "properties", NODE_OBJECT);
	close_schema(j, schema, false);
	for (i = 0; properties && i < host->count; i++)
		set(j, properties, host->items[i]->key, node_copy(j->arena, host->items[i], NULL));
	module = properties ? set_new(j, properties, "module", NODE_OBJECT) : NULL;
	if (module)
		set_text(j, module, "const", c->module);
	if (c->summary && !node_find(schema, "description"))
		set_text(j, schema, "description", c->summary);
	set(j, j->defs, key, schema);
}

/* In the kind's definition: the module's name among those allowed, and "if it is this one, then its
 * definition". */
static void add_choice(struct joined *j, const struct conf_component *c, struct adit_cfg *base,
                       const char *key)
{
	struct adit_cfg *module = node_find(node_find(base, "properties"), "module");
	struct adit_cfg *names = node_find(module, "enum"), *choices = node_find(base, "allOf");
	struct adit_cfg *choice, *condition;

	if (!names) {
		module = set_new(j, node_find(base, "properties"), "module", NODE_OBJECT);
		names = module ? set_new(j, module, "enum", NODE_LIST) : NULL;
	}
	push(j, names, node_text(j->arena, c->module, strlen(c->module), NULL));
	if (!choices)
		choices = set_new(j, base, "allOf", NODE_LIST);
	choice = push(j, choices, node_new(j->arena, NODE_OBJECT, NULL));
	if (!choice)
		return;
	condition = set_new(j, choice, "if", NODE_OBJECT);
	condition = condition ? set_new(j, condition, "properties", NODE_OBJECT) : NULL;
	condition = condition ? set_new(j, condition, "module", NODE_OBJECT) : NULL;
	if (condition)
		set_text(j, condition, "const", c->module);
	condition = set_new(j, choice, "then", NODE_OBJECT);
	if (condition)
		set_text(j, condition, "$ref", arena_format(j->arena, "#/$defs/%s", key));
}

static void add_component(struct joined *j, const struct conf_component *c)
{
	struct report_place place = {.file = c->module};
	struct adit_cfg *base = node_find(j->defs, c->kind), *schema;
	char *key = arena_format(j->arena, "%s.%s", c->kind, c->module);
	int kind;

	if (!key) {
		j->err = ADIT_ENOMEM;
		return;
	}
	for (kind = 0; kind < CONF_KINDS && strcmp(conf_kind_name((enum conf_kind)kind), c->kind);
	     kind++)
		;
	if (kind == CONF_KINDS || !base || !format_name(c->module)) {
		report_add(j->report, REPORT_ERROR, &place, NULL,
		           "a component of kind \"%s\" cannot be used", c->kind);
		return;
	}
	schema = parse_component(j, c, key);
	if (!schema)
		return;
	add_definition(j, c, base, schema, key);
	add_choice(j, c, base, key);
}

int conf_schema_joined(FILE *f, conf_component_fn *component, void *arg, struct report *r)
{
	struct arena arena = {0};
	struct joined j = {.arena = &arena, .report = r};
	struct conf_component c;
	size_t errors = r->errors, i;

	j.root = manifest_schema(&arena, r);
	if (!j.root) {
		arena_fini(&arena);
		return ADIT_ENOMEM;
	}
	j.defs = node_find(j.root, "$defs");
	close_schema(&j, j.root, false);
	for (i = 0; !j.err; i++) {
		memset(&c, 0, sizeof(c));
		if (component(arg, i, &c))
			break;
		add_component(&j, &c);
	}
	if (!j.err)
		node_write(j.root, f, 0);
	arena_fini(&arena);
	if (j.err)
		return j.err;
	if (fflush(f) || ferror(f))
		return ADIT_EIO;
	return r->errors > errors ? ADIT_ECONFIG : 0;
}
