/* SPDX-License-Identifier: MIT
 * conf/schema.c - a subset of JSON Schema 2020-12: the entry, types, equality, references
 */
#include "conf/schema.h"

#include <stdlib.h>
#include <string.h>

#include "conf/schema_parts.h"
#include "conf/suggest.h"

bool schema_is_type(const struct adit_cfg *n, const char *type)
{
	int64_t whole;

	switch (n->type) {
	case NODE_NULL:
		return !strcmp(type, "null");
	case NODE_TRUTH:
		return !strcmp(type, "boolean");
	case NODE_INTEGER:
	case NODE_REAL:
		/* 1.0 is an integer; beyond 2^63 every double is one too. */
		return !strcmp(type, "number") ||
		       (!strcmp(type, "integer") &&
		        (node_whole(n, &whole) || node_number(n) >= 0x1p63 ||
		         node_number(n) < -0x1p63));
	case NODE_TEXT:
		return !strcmp(type, "string");
	case NODE_LIST:
		return !strcmp(type, "array");
	default:
		return !strcmp(type, "object");
	}
}

bool schema_allows_type(const struct adit_cfg *n, const struct adit_cfg *schema)
{
	const struct adit_cfg *type = node_find(schema, "type");
	uint32_t i;

	if (!type || (type->type != NODE_TEXT && type->type != NODE_LIST))
		return true;
	if (type->type == NODE_TEXT)
		return schema_is_type(n, type->text);
	for (i = 0; i < type->count; i++)
		if (type->items[i]->type == NODE_TEXT && schema_is_type(n, type->items[i]->text))
			return true;
	return false;
}

static bool fail_type(struct schema_run *run, const struct adit_cfg *n,
                      const struct adit_cfg *schema)
{
	static const char *const kinds[] = {
		[NODE_NULL] = "null",        [NODE_TRUTH] = "a truth value",
		[NODE_INTEGER] = "a number", [NODE_REAL] = "a number",
		[NODE_TEXT] = "a text",      [NODE_LIST] = "a list",
		[NODE_OBJECT] = "an object",
	};
	char brief[80], words[300], cure[320];

	if (!run->report)
		return false;
	snprintf(cure, sizeof(cure), "must be %s",
	         schema_words(run->root, schema, words, sizeof(words)));
	if (n->secret || n->type == NODE_NULL || n->type == NODE_LIST || n->type == NODE_OBJECT)
		node_report(run->report, REPORT_ERROR, n, AT_VALUE, cure,
		            "%s is not what belongs here", kinds[n->type]);
	else
		node_report(run->report, REPORT_ERROR, n, AT_VALUE, cure, "%s is %s",
		            node_brief(n, brief, sizeof(brief)), kinds[n->type]);
	return false;
}

static bool check_enum(struct schema_run *run, const struct adit_cfg *n,
                       const struct adit_cfg *schema)
{
	const struct adit_cfg *one = node_find(schema, "const"), *some = node_find(schema, "enum");
	struct suggest near = {.word = n->type == NODE_TEXT ? n->text : ""};
	char brief[80], words[300], cure[400];
	bool fine = !some || some->type != NODE_LIST;
	uint32_t i;

	for (i = 0; !fine && i < some->count; i++) {
		fine = node_equal(n, some->items[i]);
		if (some->items[i]->type == NODE_TEXT && !n->secret)
			suggest_offer(&near, some->items[i]->text);
	}
	if (fine && (!one || node_equal(n, one)))
		return true;
	if (!run->report)
		return false;
	schema_words(run->root, schema, words, sizeof(words));
	if (near.best)
		snprintf(cure, sizeof(cure), "did you mean \"%s\"? Must be %s", near.best, words);
	else
		snprintf(cure, sizeof(cure), "must be %s", words);
	node_report(run->report, REPORT_ERROR, n, AT_VALUE, cure, "%s is not known here",
	            node_brief(n, brief, sizeof(brief)));
	return false;
}

const struct adit_cfg *schema_resolve(const struct adit_cfg *root, const char *ref)
{
	char path[512];
	size_t size = 0;
	char hex[3] = "";

	if (ref[0] != '#' || (ref[1] && ref[1] != '/'))
		return NULL;
	if (!ref[1])
		return root;
	for (ref += 2; *ref; size++) {
		if (size + 1 >= sizeof(path))
			return NULL;
		if (*ref == '%' && ref[1] && ref[2]) {
			memcpy(hex, ref + 1, 2);
			path[size] = (char)strtoul(hex, NULL, 16);
			ref += 3;
		} else {
			path[size] = *ref++;
		}
	}
	path[size] = '\0';
	return node_at(root, path);
}

static bool follow(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema,
                   bool open)
{
	const char *ref = node_find_text(schema, "$ref");
	const struct adit_cfg *to;

	if (!ref)
		return true;
	to = schema_resolve(run->root, ref);
	if (to)
		return schema_apply(run, n, to, open || node_find(schema, "properties"));
	if (run->report)
		node_report(run->report, REPORT_ERROR, n, AT_VALUE, "tell its author",
		            "the schema of %s refers to \"%s\", which it does not have", run->name,
		            ref);
	return false;
}

/* Secrets first: nothing may be said about a value before it is known to be one. Marked even when
 * only trying. */
static void note_marks(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema)
{
	const struct adit_cfg *secret = node_find(schema, "x-secret"),
			      *deprecated = node_find(schema, "deprecated");
	const char *instead = node_find_text(schema, "x-replaced-by");
	char cure[160];

	if (secret && secret->type == NODE_TRUTH && secret->truth)
		n->secret = true;
	if (!run->report || !deprecated || deprecated->type != NODE_TRUTH || !deprecated->truth)
		return;
	if (n->origin.from == FROM_DEFAULT)
		return;
	snprintf(cure, sizeof(cure), "use \"%.100s\"", instead ? instead : "");
	node_report(run->report, REPORT_WARNING, n, AT_KEY, instead ? cure : NULL,
	            "\"%s\" is deprecated", n->key ? n->key : "this");
}

/* A text that substitution or the command line gave, where a number or truth value is wanted and a
 * text is not. */
static bool tighten(struct schema_run *run, struct adit_cfg **n, const struct adit_cfg *schema,
                    struct adit_cfg *room)
{
	if ((*n)->type != NODE_TEXT || !(*n)->loose || !node_find(schema, "type") ||
	    schema_allows_type(*n, schema))
		return false;
	if (!node_tighten(*n, room) || !schema_allows_type(room, schema))
		return false;
	if (!run->report || !(run->flags & SCHEMA_FILL)) {
		*n = room;
		return true;
	}
	(*n)->type = room->type;
	(*n)->truth = room->truth;
	(*n)->size = 0;
	if (room->type == NODE_REAL)
		(*n)->real = room->real;
	else
		(*n)->integer = room->integer;
	return true;
}

/* Whether a limit is reached: then all the rest is refused, and schema_validate() says why. */
static bool spent(struct schema_run *run)
{
	if (run->depth >= SCHEMA_MOST_DEPTH)
		*run->steps = SCHEMA_MOST_STEPS;
	if (*run->steps < SCHEMA_MOST_STEPS)
		++*run->steps;
	return *run->steps >= SCHEMA_MOST_STEPS;
}

bool schema_apply(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema,
                  bool open)
{
	struct adit_cfg room;
	bool fine;

	if (run->err || spent(run))
		return false;
	if (schema->type == NODE_TRUTH) {
		if (!schema->truth && run->report)
			node_report(run->report, REPORT_ERROR, n, AT_KEY, "remove it",
			            "nothing is allowed here");
		return schema->truth;
	}
	note_marks(run, n, schema);
	tighten(run, &n, schema, &room);
	if (!schema_allows_type(n, schema))
		return fail_type(run, n, schema);
	run->depth++;
	fine = follow(run, n, schema, open);
	fine = check_enum(run, n, schema) && fine;
	fine = schema_number(run, n, schema) && fine;
	fine = schema_text(run, n, schema) && fine;
	fine = schema_list(run, n, schema) && fine;
	fine = schema_object(run, n, schema, open) && fine;
	fine = schema_combine(run, n, schema) && fine;
	run->depth--;
	return fine && !run->err;
}

bool schema_try(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema)
{
	struct schema_run dry = *run;
	bool fine;

	dry.report = NULL;
	fine = schema_apply(&dry, n, schema, true);
	run->err = dry.err;
	return fine;
}

bool schema_validate(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema)
{
	unsigned steps = 0;
	bool fine;

	run->steps = &steps;
	run->depth = 0;
	run->err = 0;
	fine = schema_apply(run, n, schema, false);
	run->steps = NULL;
	if (steps < SCHEMA_MOST_STEPS)
		return fine;
	node_report(run->report, REPORT_ERROR, n, AT_VALUE, "tell its author",
	            "the schema of %s leads in circles, or takes too long here", run->name);
	return false;
}
