/* SPDX-License-Identifier: MIT
 * conf/schema_check.c - faults of a schema itself, and what a schema wants in words
 */
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/format.h"
#include "conf/schema.h"
#include "conf/suggest.h"

enum holds {
	ANY,
	SCHEMA,
	SCHEMA_MAP,
	SCHEMA_LIST,
	TYPE,
	TEXT,
	TRUTH,
	NUMBER,
	COUNT,
	LIST,
	TEXTS,
	REGEX,
	REF,
	FORMAT
};

static const struct {
	const char *key;
	enum holds holds;
} keywords[] = {
	{"type", TYPE},
	{"enum", LIST},
	{"const", ANY},
	{"required", TEXTS},
	{"properties", SCHEMA_MAP},
	{"additionalProperties", SCHEMA},
	{"patternProperties", SCHEMA_MAP},
	{"minProperties", COUNT},
	{"maxProperties", COUNT},
	{"items", SCHEMA},
	{"minItems", COUNT},
	{"maxItems", COUNT},
	{"uniqueItems", TRUTH},
	{"minimum", NUMBER},
	{"maximum", NUMBER},
	{"exclusiveMinimum", NUMBER},
	{"exclusiveMaximum", NUMBER},
	{"minLength", COUNT},
	{"maxLength", COUNT},
	{"pattern", REGEX},
	{"format", FORMAT},
	{"allOf", SCHEMA_LIST},
	{"anyOf", SCHEMA_LIST},
	{"oneOf", SCHEMA_LIST},
	{"not", SCHEMA},
	{"if", SCHEMA},
	{"then", SCHEMA},
	{"else", SCHEMA},
	{"$ref", REF},
	{"$defs", SCHEMA_MAP},
	{"default", ANY},
	{"deprecated", TRUTH},
	{"$schema", TEXT},
	{"$id", TEXT},
	{"$comment", TEXT},
	{"title", TEXT},
	{"description", TEXT},
	{"examples", LIST},
	{"readOnly", TRUTH},
	{"writeOnly", TRUTH},
};

struct check {
	const struct adit_cfg *root;
	const char *name;
	struct report *report;
	bool fine;
};

__attribute__((format(printf, 3, 4))) static void fault(struct check *c, const struct adit_cfg *n,
                                                        const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	c->fine = false;
	node_report(c->report, REPORT_ERROR, n, AT_KEY, NULL, "schema of %s: %s", c->name, text);
}

static bool is_type_name(const struct adit_cfg *n)
{
	static const char *const names[] = {"null",   "boolean", "integer", "number",
	                                    "string", "array",   "object"};
	size_t i;

	for (i = 0; n->type == NODE_TEXT && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(n->text, names[i]))
			return true;
	return false;
}

static bool is_regex(const char *text)
{
	regex_t regex;

	if (regcomp(&regex, text, REG_EXTENDED | REG_NOSUB))
		return false;
	regfree(&regex);
	return true;
}

static bool each(const struct adit_cfg *n, bool (*fits)(const struct adit_cfg *))
{
	uint32_t i;

	if (n->type != NODE_LIST)
		return false;
	for (i = 0; i < n->count; i++)
		if (!fits(n->items[i]))
			return false;
	return true;
}

static bool is_text(const struct adit_cfg *n)
{
	return n->type == NODE_TEXT;
}

/* Whether a keyword's value, which is not a schema, is of the right kind. */
static bool holds_right(const struct check *c, const struct adit_cfg *n, enum holds holds)
{
	int64_t count;

	switch (holds) {
	case TYPE:
		return is_type_name(n) || (n->count && each(n, is_type_name));
	case TEXT:
		return is_text(n);
	case TRUTH:
		return n->type == NODE_TRUTH;
	case NUMBER:
		return n->type == NODE_INTEGER || n->type == NODE_REAL;
	case COUNT:
		return node_whole(n, &count) && count >= 0;
	case LIST:
		return n->type == NODE_LIST;
	case TEXTS:
		return each(n, is_text);
	case REGEX:
		return is_text(n) && is_regex(n->text);
	case REF:
		return is_text(n) && schema_resolve(c->root, n->text);
	case FORMAT:
		return is_text(n) && format_find(n->text);
	default:
		return true;
	}
}

static void check(struct check *c, const struct adit_cfg *schema);

static void check_keyword(struct check *c, const struct adit_cfg *n, enum holds holds)
{
	uint32_t i;

	if (holds == SCHEMA) {
		check(c, n);
	} else if (holds == SCHEMA_MAP || holds == SCHEMA_LIST) {
		if (n->type != (holds == SCHEMA_MAP ? NODE_OBJECT : NODE_LIST)) {
			fault(c, n, "\"%s\" must be %s of schemas", n->key,
			      holds == SCHEMA_MAP ? "an object" : "a list");
			return;
		}
		for (i = 0; i < n->count; i++) {
			check(c, n->items[i]);
			if (!strcmp(n->key, "patternProperties") && !is_regex(n->items[i]->key))
				fault(c, n->items[i],
				      "\"%.60s\" is not a POSIX extended regular expression",
				      n->items[i]->key);
		}
	} else if (!holds_right(c, n, holds)) {
		fault(c, n, "the value of \"%s\" cannot be used", n->key);
	}
}

static void check(struct check *c, const struct adit_cfg *schema)
{
	const size_t most = sizeof(keywords) / sizeof(keywords[0]);
	const struct adit_cfg *n;
	uint32_t i;
	size_t k;

	if (schema->type == NODE_TRUTH)
		return;
	if (schema->type != NODE_OBJECT) {
		fault(c, schema, "a schema is an object, true or false");
		return;
	}
	for (i = 0; i < schema->count; i++) {
		n = schema->items[i];
		for (k = 0; k < most && strcmp(keywords[k].key, n->key); k++)
			;
		if (k < most)
			check_keyword(c, n, keywords[k].holds);
		else if (strncmp(n->key, "x-", 2))
			fault(c, n, "the keyword \"%.60s\" is not of the subset that adit knows",
			      n->key);
	}
}

bool schema_check(const struct adit_cfg *root, const char *name, struct report *r)
{
	struct check c = {root, name, r, true};

	check(&c, root);
	return c.fine;
}

/* "an integer or a text" */
static void type_words(const struct adit_cfg *type, FILE *f)
{
	static const char *const words[][2] = {
		{"null", "null"},        {"boolean", "true or false"}, {"integer", "an integer"},
		{"number", "a number"},  {"string", "a text"},         {"array", "a list"},
		{"object", "an object"},
	};
	uint32_t i = 0;
	size_t k;

	do {
		const struct adit_cfg *one = type->type == NODE_LIST && type->count ? type->items[i]
		                                                                    : type;

		for (k = 0; one->type == NODE_TEXT && k < sizeof(words) / sizeof(words[0]); k++)
			if (!strcmp(one->text, words[k][0]))
				fprintf(f, "%s%s", i ? " or " : "", words[k][1]);
	} while (type->type == NODE_LIST && ++i < type->count);
}

static void list_words(const struct adit_cfg *some, FILE *f)
{
	char brief[80];
	uint32_t i;

	fputs(some->count > 1 ? "one of " : "", f);
	for (i = 0; i < some->count; i++)
		fprintf(f, "%s%s", i ? ", " : "", node_brief(some->items[i], brief, sizeof(brief)));
}

static void write_words(const struct adit_cfg *root, const struct adit_cfg *schema, FILE *f,
                        unsigned hops)
{
	const char *ref = node_find_text(schema, "$ref"), *title = node_find_text(schema, "title");
	const char *format = node_find_text(schema, "format");
	const struct adit_cfg *n, *any;
	char brief[80];
	uint32_t i;

	if (title) {
		fputs(title, f);
	} else if ((n = node_find(schema, "const"))) {
		fputs(node_brief(n, brief, sizeof(brief)), f);
	} else if ((n = node_find(schema, "enum")) && n->type == NODE_LIST) {
		list_words(n, f);
	} else if (format && format_find(format)) {
		fprintf(f, "%s %s, such as %s", strchr("aeiou", format[0]) ? "an" : "a", format,
		        format_find(format)->example);
	} else if ((n = node_find(schema, "type"))) {
		type_words(n, f);
	} else if (ref && hops && (n = schema_resolve(root, ref))) {
		write_words(root, n, f, hops - 1);
	} else if (hops &&
	           ((any = node_find(schema, "anyOf")) || (any = node_find(schema, "oneOf")))) {
		for (i = 0; i < any->count; i++) {
			fputs(i ? ", or " : "", f);
			write_words(root, any->items[i], f, hops - 1);
		}
	} else {
		fputs("another value", f);
	}
}

const char *schema_words(const struct adit_cfg *root, const struct adit_cfg *schema, char *buf,
                         size_t size)
{
	FILE *f = fmemopen(buf, size, "w");

	buf[0] = '\0';
	if (!f)
		return "another value";
	write_words(root, schema, f, 3);
	fflush(f);
	fclose(f);
	buf[size - 1] = '\0'; /* fmemopen() leaves it out when the text fills buf */
	return buf;
}
