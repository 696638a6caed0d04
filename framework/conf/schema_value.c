/* SPDX-License-Identifier: MIT
 * conf/schema_value.c - the keywords about numbers, texts and lists
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "conf/format.h"
#include "conf/schema_parts.h"

/* -1, 0, 1; whole numbers exactly, others as doubles. */
static int compare(const struct adit_cfg *a, const struct adit_cfg *b)
{
	int64_t x, y;

	if (node_whole(a, &x) && node_whole(b, &y))
		return (x > y) - (x < y);
	return (node_number(a) > node_number(b)) - (node_number(a) < node_number(b));
}

static bool is_number(const struct adit_cfg *n)
{
	return n && (n->type == NODE_INTEGER || n->type == NODE_REAL);
}

static bool check_format(struct schema_run *run, const struct adit_cfg *n,
                         const struct adit_cfg *schema)
{
	const char *name = node_find_text(schema, "format");
	const struct format *format = name && (run->flags & SCHEMA_FORMATS) ? format_find(name)
	                                                                    : NULL;
	char brief[80], cure[160];
	bool fine = true;

	if (!format)
		return true;
	if (n->type == NODE_TEXT)
		fine = strlen(n->text) == n->size && format->fits(n->text);
	else if (is_number(n) && format->fits_number)
		fine = format->fits_number(node_number(n));
	if (fine || !run->report)
		return fine;
	snprintf(cure, sizeof(cure), "must be %s", format->example);
	node_report(run->report, REPORT_ERROR, n, AT_VALUE, cure, "%s is not %s %s",
	            node_brief(n, brief, sizeof(brief)), strchr("aeiou", name[0]) ? "an" : "a",
	            name);
	return false;
}

bool schema_number(struct schema_run *run, const struct adit_cfg *n, const struct adit_cfg *schema)
{
	static const struct {
		const char *key, *text, *cure;
		int least, most; /* what compare(n, limit) may give */
	} rules[] = {
		{"minimum", "below", "at least", 0, 1},
		{"maximum", "above", "at most", -1, 0},
		{"exclusiveMinimum", "not above", "must be more than", 1, 1},
		{"exclusiveMaximum", "not below", "must be less than", -1, -1},
	};
	char brief[80], bound[80], cure[120];
	const struct adit_cfg *limit;
	bool fine;
	size_t i;
	int c;

	if (!is_number(n))
		return true;
	fine = check_format(run, n, schema);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		limit = node_find(schema, rules[i].key);
		if (!is_number(limit))
			continue;
		c = compare(n, limit);
		if (c >= rules[i].least && c <= rules[i].most)
			continue;
		fine = false;
		snprintf(cure, sizeof(cure), "%s %s", rules[i].cure,
		         node_brief(limit, bound, sizeof(bound)));
		node_report(run->report, REPORT_ERROR, n, AT_VALUE, cure, "%s is %s %s",
		            node_brief(n, brief, sizeof(brief)), rules[i].text, bound);
	}
	return fine;
}

bool schema_matches(struct schema_run *run, const struct adit_cfg *n, const char *expression,
                    const char *text)
{
	regex_t regex;
	int err = regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB);

	if (err == REG_ESPACE) {
		run->err = ADIT_ENOMEM;
		return false;
	}
	if (err) {
		node_report(run->report, REPORT_ERROR, n, AT_VALUE, "tell its author",
		            "the schema of %s has a pattern that is none", run->name);
		return false;
	}
	err = regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	if (err == REG_ESPACE)
		run->err = ADIT_ENOMEM;
	return !err;
}

/* A limit of lengths or counts: -1 if the schema has none. */
static int64_t limit_of(const struct adit_cfg *schema, const char *key)
{
	const struct adit_cfg *n = node_find(schema, key);
	int64_t out;

	return n && node_whole(n, &out) && out >= 0 ? out : -1;
}

bool schema_count(struct schema_run *run, const struct adit_cfg *n, const struct adit_cfg *schema, int64_t count,
                  const char *least_key, const char *most_key, const char *what)
{
	int64_t least = limit_of(schema, least_key), most = limit_of(schema, most_key);
	char cure[64];

	if ((least < 0 || count >= least) && (most < 0 || count <= most))
		return true;
	if (!run->report)
		return false;
	if (least >= 0 && count < least)
		snprintf(cure, sizeof(cure), "at least %lld", (long long)least);
	else
		snprintf(cure, sizeof(cure), "at most %lld", (long long)most);
	node_report(run->report, REPORT_ERROR, n, AT_VALUE, cure, "too %s %s: %lld",
	            count < least ? "few" : "many", what, (long long)count);
	return false;
}

bool schema_text(struct schema_run *run, const struct adit_cfg *n, const struct adit_cfg *schema)
{
	const char *expression = node_find_text(schema, "pattern");
	char brief[80], cure[160];
	int64_t characters = 0;
	bool fine;
	size_t i;

	if (n->type != NODE_TEXT)
		return true;
	for (i = 0; i < n->size; i++)
		characters += ((unsigned char)n->text[i] & 0xc0) != 0x80;
	fine = schema_count(run, n, schema, characters, "minLength", "maxLength", "characters");
	fine = check_format(run, n, schema) && fine;
	if (!expression || schema_matches(run, n, expression, n->text))
		return fine;
	if (run->report && !run->err) {
		snprintf(cure, sizeof(cure), "must match %.120s", expression);
		node_report(run->report, REPORT_ERROR, n, AT_VALUE, cure, "%s has another form",
		            node_brief(n, brief, sizeof(brief)));
	}
	return false;
}

static bool check_unique(struct schema_run *run, const struct adit_cfg *n,
                         const struct adit_cfg *schema)
{
	const struct adit_cfg *unique = node_find(schema, "uniqueItems");
	char cure[64];
	uint32_t i, j;

	if (!unique || unique->type != NODE_TRUTH || !unique->truth)
		return true;
	for (i = 1; i < n->count; i++) {
		for (j = 0; j < i; j++) {
			if (++*run->steps >= SCHEMA_MOST_STEPS)
				return false; /* schema_validate() says why */
			if (!node_equal(n->items[i], n->items[j]))
				continue;
			snprintf(cure, sizeof(cure), "remove one of them; the other is item %u",
			         (unsigned)j);
			node_report(run->report, REPORT_ERROR, n->items[i], AT_VALUE, cure,
			            "given twice in this list");
			return false;
		}
	}
	return true;
}

bool schema_list(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema)
{
	const struct adit_cfg *items = node_find(schema, "items");
	bool fine;
	uint32_t i;

	if (n->type != NODE_LIST)
		return true;
	fine = schema_count(run, n, schema, n->count, "minItems", "maxItems", "items");
	for (i = 0; items && i < n->count; i++)
		fine = schema_apply(run, n->items[i], items, false) && fine;
	return check_unique(run, n, schema) && fine;
}
