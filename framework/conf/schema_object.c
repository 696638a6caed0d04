/* SPDX-License-Identifier: MIT
 * conf/schema_object.c - the keywords about objects: what must be there, what may, and what is
 * filled in
 */
#include <string.h>

#include "conf/schema_parts.h"
#include "conf/suggest.h"

/* Puts the defaults of properties in that are not there. */
static void fill(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *properties)
{
	const struct adit_cfg *standard;
	struct node_origin origin = {.from = FROM_DEFAULT};
	struct adit_cfg *copy;
	uint32_t i;

	if (!run->report || !(run->flags & SCHEMA_FILL))
		return;
	for (i = 0; i < properties->count; i++) {
		standard = node_find(properties->items[i], "default");
		if (!standard || node_find(n, properties->items[i]->key))
			continue;
		copy = node_copy(run->arena, standard, &origin);
		if (!copy || node_append(run->arena, n, properties->items[i]->key, copy)) {
			run->err = ADIT_ENOMEM;
			return;
		}
	}
}

static bool check_required(struct schema_run *run, const struct adit_cfg *n,
                           const struct adit_cfg *schema)
{
	const struct adit_cfg *required = node_find(schema, "required"),
			      *properties = node_find(schema, "properties");
	const struct adit_cfg *what;
	char words[300], cure[400];
	bool fine = true;
	uint32_t i;

	if (!required || required->type != NODE_LIST)
		return true;
	for (i = 0; i < required->count; i++) {
		if (required->items[i]->type != NODE_TEXT || node_find(n, required->items[i]->text))
			continue;
		fine = false;
		if (!run->report)
			break;
		what = node_find(properties, required->items[i]->text);
		if (what)
			snprintf(cure, sizeof(cure), "add \"%.60s\": %s", required->items[i]->text,
			         schema_words(run->root, what, words, sizeof(words)));
		else
			snprintf(cure, sizeof(cure), "add \"%.60s\"", required->items[i]->text);
		node_report(run->report, REPORT_ERROR, n, AT_VALUE, cure, "\"%s\" is missing",
		            required->items[i]->text);
	}
	return fine;
}

/* Keys that are free everywhere in a manifest. */
static bool is_free(const struct schema_run *run, const char *key)
{
	return (run->flags & SCHEMA_CLOSED) && (!strncmp(key, "x-", 2) || !strcmp(key, "$schema"));
}

static bool is_closed(const struct schema_run *run, const struct adit_cfg *schema, bool open)
{
	static const char *const combining[] = {"$ref", "allOf", "anyOf", "oneOf", "if", "not"};
	size_t i;

	if (open || !(run->flags & SCHEMA_CLOSED) || !node_find(schema, "properties"))
		return false;
	for (i = 0; i < sizeof(combining) / sizeof(combining[0]); i++)
		if (node_find(schema, combining[i]))
			return false;
	return true;
}

static bool fail_unknown(struct schema_run *run, const struct adit_cfg *n,
                         const struct adit_cfg *properties)
{
	struct suggest near = {.word = n->key};
	char cure[400];
	size_t size;
	uint32_t i;

	if (!run->report)
		return false;
	if (properties && properties->type != NODE_OBJECT)
		properties = NULL;
	for (i = 0; properties && i < properties->count; i++)
		suggest_offer(&near, properties->items[i]->key);
	if (near.best) {
		snprintf(cure, sizeof(cure), "did you mean \"%s\"?", near.best);
	} else if (!properties || !properties->count) {
		snprintf(cure, sizeof(cure), "remove it; nothing can be set here");
	} else {
		size = (size_t)snprintf(cure, sizeof(cure), "known here:");
		for (i = 0; i < properties->count && size + 40 < sizeof(cure); i++)
			size += (size_t)snprintf(cure + size, sizeof(cure) - size, "%s %.30s",
			                         i ? "," : "", properties->items[i]->key);
		if (i < properties->count)
			snprintf(cure + size, sizeof(cure) - size, ", ...");
	}
	node_report(run->report, REPORT_ERROR, n, AT_KEY, cure, "unknown key \"%s\"", n->key);
	return false;
}

static bool check_member(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema,
                         bool open)
{
	const struct adit_cfg *properties = node_find(schema, "properties");
	const struct adit_cfg *patterns = node_find(schema, "patternProperties");
	const struct adit_cfg *others = node_find(schema, "additionalProperties");
	const struct adit_cfg *own = node_find(properties, n->key);
	bool fine = true, known = own != NULL;
	uint32_t i;

	if (own)
		fine = schema_apply(run, n, own, false);
	for (i = 0; patterns && patterns->type == NODE_OBJECT && i < patterns->count; i++) {
		if (!schema_matches(run, n, patterns->items[i]->key, n->key))
			continue;
		known = true;
		fine = schema_apply(run, n, patterns->items[i], false) && fine;
	}
	if (known || is_free(run, n->key))
		return fine;
	if (others && !(others->type == NODE_TRUTH && !others->truth))
		return schema_apply(run, n, others, false);
	if (others || is_closed(run, schema, open))
		return fail_unknown(run, n, properties);
	return true;
}

bool schema_object(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema,
                   bool open)
{
	const struct adit_cfg *properties = node_find(schema, "properties");
	bool fine;
	uint32_t i;

	if (n->type != NODE_OBJECT)
		return true;
	fine = check_required(run, n, schema);
	fine = schema_count(run, n, schema, n->count, "minProperties", "maxProperties", "members") && fine;
	if (properties && properties->type == NODE_OBJECT)
		fill(run, n, properties);
	for (i = 0; i < n->count && !run->err; i++)
		fine = check_member(run, n->items[i], schema, open) && fine;
	return fine;
}
