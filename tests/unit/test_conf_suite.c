/* SPDX-License-Identifier: MIT
 * unit/test_conf_suite.c - the validator against the JSON Schema Test Suite (Debian:
 * json-schema-test-suite)
 *
 * Debian 12 has the suite up to draft 7. The keywords of our subset mean the same there and in
 * 2020-12 but for two things: $defs were called definitions (references find them by path all the
 * same), and $ref made its neighbours void. Every group of the files below must pass, except those
 * that are listed with the reason.
 *
 * Files that are not run, because their keyword is not of the subset: additionalItems, contains,
 * dependencies, definitions and refRemote (need the meta schema over the network),
 * multipleOf, propertyNames; optional/ (bignum, ECMAScript expressions, formats that
 * we do not have).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "conf/parse.h"
#include "conf/schema.h"

#define SUITE "/usr/share/json-schema-test-suite/tests/draft7/"

static const char *const files[] = {
	"additionalProperties",
	"allOf",
	"anyOf",
	"boolean_schema",
	"const",
	"default",
	"enum",
	"exclusiveMaximum",
	"exclusiveMinimum",
	"if-then-else",
	"items",
	"maxItems",
	"maxLength",
	"maximum",
	"minProperties",
	"maxProperties",
	"minItems",
	"minLength",
	"minimum",
	"not",
	"oneOf",
	"pattern",
	"patternProperties",
	"properties",
	"ref",
	"required",
	"type",
	"uniqueItems",
};

static const struct {
	const char *file, *group, *why;
} left_out[] = {
	{"if-then-else", "if and else without then", "uses multipleOf"},
	{"if-then-else", "validate against correct branch, then vs else", "uses multipleOf"},
	{"items", "an array of schemas for items", "items is one schema since 2020-12"},
	{"items", "items with boolean schemas", "items is one schema since 2020-12"},
	{"ref", "relative pointer ref to array", "items is one schema since 2020-12"},
	{"ref", "ref overrides any sibling keywords",
         "$ref and its neighbours count together since 2019-09"},
	{"ref", "remote ref, containing refs itself", "the meta schema is not local"},
	{"ref", "Recursive references between schemas", "references by $id are not of the subset"},
};

struct tally {
	unsigned passed, failed, left_out;
};

static const char *reason(const char *file, const char *group)
{
	size_t i;

	for (i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (!strcmp(left_out[i].file, file) && !strcmp(left_out[i].group, group))
			return left_out[i].why;
	return NULL;
}

static struct adit_cfg *nodes_of(struct arena *a, json_t *json)
{
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	struct parse_input in = {.file = "case", .depth = PARSE_SCHEMA_DEPTH, .from = FROM_FILE};
	struct adit_cfg *n;
	struct report r;

	assert_non_null(text);
	in.text = text;
	in.size = strlen(text);
	report_init(&r);
	n = parse_text(a, &in, &r);
	report_fini(&r);
	free(text);
	return n;
}

/* 1 valid, 0 not, -1 cannot be read (the reader refuses null characters). */
static int judge(json_t *schema, json_t *data)
{
	struct arena arena = {0};
	struct adit_cfg *s = nodes_of(&arena, schema), *n = nodes_of(&arena, data);
	struct schema_run run = {.arena = &arena, .root = s, .name = "the case"};
	struct report r;
	int out = -1;

	report_init(&r);
	run.report = &r;
	if (s && n) {
		out = schema_validate(&run, n, s);
		assert_int_equal(
			out,
			r.errors ==
				0); /* a refusal without a word is a fault, and so is the reverse */
	}
	report_fini(&r);
	arena_fini(&arena);
	return out;
}

static void run_group(const char *file, json_t *group, struct tally *t)
{
	const char *name = json_string_value(json_object_get(group, "description"));
	json_t *one, *tests = json_object_get(group, "tests");
	int expected, got;
	size_t i;

	if (reason(file, name)) {
		t->left_out += (unsigned)json_array_size(tests);
		return;
	}
	json_array_foreach(tests, i, one)
	{
		expected = json_is_true(json_object_get(one, "valid"));
		got = judge(json_object_get(group, "schema"), json_object_get(one, "data"));
		if (got == expected) {
			t->passed++;
			continue;
		}
		t->failed++;
		print_error("%s: %s: %s: expected %d, got %d\n", file, name,
		            json_string_value(json_object_get(one, "description")), expected, got);
	}
}

static void test_suite(void **state)
{
	struct tally t = {0};
	json_t *groups, *group;
	char path[256];
	json_error_t error;
	size_t i, k;

	(void)state;
	if (access(SUITE, R_OK)) {
		print_message("json-schema-test-suite is not installed (tools/setup check)\n");
		skip();
	}
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), SUITE "%s.json", files[i]);
		groups = json_load_file(path, JSON_ALLOW_NUL, &error);
		if (!groups)
			print_error("%s: %s\n", path, error.text);
		assert_non_null(groups);
		json_array_foreach(groups, k, group) run_group(files[i], group, &t);
		json_decref(groups);
	}
	print_message("%u cases pass, %u fail, %u are left out\n", t.passed, t.failed, t.left_out);
	assert_int_equal(t.failed, 0);
	assert_true(t.passed >=
	            300); /* 2.0.0 has 305 in these groups: the suite was really there */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
