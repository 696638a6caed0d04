/* SPDX-License-Identifier: MIT
 * test_load_descriptor.c - the descriptor reader: values, limits, one line per fault
 */
#include "../abi/yard.h"
#include "conf/json.h"
#include "load/descriptor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "{\"schema\":1,\"name\":\"a\",\"version\":\"1\",\"target\":\"t\",\"library\":\"a.so\",\"abi\":\"1.0\""
#define COMPONENTS ",\"components\":[{\"id\":\"x\",\"interface\":\"i/1\"}]"

static void whole_descriptor_is_read(void **state)
{
	static const char text[] = HEAD COMPONENTS ",\"requires\":[\"adit.loop/1\"],\"rights\":[\"tun\",\"net.dial\"],"
	                                           "\"x-mine\":{},\"unknown\":1}\n";
	struct descriptor *d;
	struct report r;

	report_init(&r);
	assert_int_equal(descriptor_read(&d, text, sizeof(text) - 1, "f", &r), 0);
	assert_string_equal(d->name, "a");
	assert_string_equal(d->summary, "");
	assert_int_equal(d->abi_major, 1);
	assert_int_equal(d->component_count, 1);
	assert_null(d->components[0].schema);
	assert_int_equal(d->rights.count, 2);
	assert_ptr_equal(descriptor_component(d, "i/1", NULL), &d->components[0]);
	assert_null(descriptor_component(d, "i/2", NULL));
	descriptor_free(d);
	assert_int_equal(r.count, 0);
	report_fini(&r);
}

static const struct {
	const char *text, *line;
} faults[] = {
	{"", "f:1:0: the descriptor is not JSON"},
	{"[]", "f: the descriptor is not a JSON object"},
	{"{}", "f: /schema: this host reads descriptors of schema 1; write \"schema\": 1"},
	{"{\"schema\":2}", "f: /schema: this host reads"},
	{"{\"schema\":1,\"schema\":1}", "duplicate object key"},
	{HEAD "}", "f: /components: components must be a list with at least one item"},
	{HEAD ",\"components\":{}}", "f: /components: components must be a list"},
	{HEAD ",\"components\":[]}", "f: /components: components must be a list"},
	{HEAD ",\"components\":[{}]}", "f: /id: id is missing"},
	{HEAD ",\"components\":[{\"id\":\"x\",\"interface\":\"i\"},{\"id\":\"x\",\"interface\":\"i\"}]}",
	 "f: /components: component 1: the id x is taken; give each its own id"},
	{HEAD ",\"components\":[{\"id\":\"x\",\"interface\":\"i\",\"config\":[]}]}",
	 "component x: config must be a schema"},
	{HEAD COMPONENTS ",\"requires\":\"x\"}", "f: /requires: requires must be a list of strings"},
	{HEAD COMPONENTS ",\"wants\":[1]}", "f: /wants: item 0 of wants must be a string"},
	{HEAD COMPONENTS ",\"loops\":1}", "f: /loops: loops must be a string; write it in quotes"},
	{"{\"schema\":1,\"name\":\"../a\",\"version\":\"1\",\"target\":\"t\",\"library\":\"a.so\",\"abi\":\"1.0\"" COMPONENTS "}",
	 "f: /name: \"../a\" cannot be a module's name"},
	{"{\"schema\":1,\"name\":\"a\",\"version\":\"1\",\"target\":\"t\",\"library\":\"../a.so\",\"abi\":\"1.0\"" COMPONENTS "}",
	 "f: /library: \"../a.so\" cannot be a library beside its descriptor"},
	{"{\"schema\":1,\"name\":\"a\",\"version\":\"1\",\"target\":\"t\",\"library\":\"a.so\",\"abi\":\"1\"" COMPONENTS "}",
	 "f: /abi: \"1\" is no ABI version; write it like \"1.0\""},
	{"{\"schema\":1,\"name\":\"a\",\"version\":\"1\",\"target\":\"t\",\"library\":\"a.so\",\"abi\":\"1.99999\"" COMPONENTS "}",
	 "f: /abi: \"1.99999\" is no ABI version"},
	{"{\"schema\":1,\"name\":\"a\",\"target\":\"t\",\"library\":\"a.so\",\"abi\":\"1.0\"" COMPONENTS "}",
	 "f: /version: version is missing; add it to module.json and build again"},
	{HEAD COMPONENTS "} x", "the descriptor is not JSON"},
	{HEAD COMPONENTS ",\"summary\":\"\\u0000\"}", "the descriptor is not JSON"},
	{HEAD COMPONENTS ",\"summary\":\"\xff\"}", "the descriptor is not JSON"},
};

static void faults_are_said(void **state)
{
	struct descriptor *d = NULL;
	struct yard y = {0};
	size_t i;

	report_init(&y.report);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		yard_forget(&y);
		assert_int_equal(descriptor_read(&d, faults[i].text, strlen(faults[i].text), "f", &y.report),
		                 ADIT_EINVAL);
		assert_true(yard_says(&y, faults[i].line));
		assert_null(d);
	}
	report_fini(&y.report);
}

static void limits_hold(void **state)
{
	static char text[JSON_TREE_SIZE_MOST + 2];
	struct json_fault why;
	struct json_tree *tree = NULL;
	struct descriptor *d = NULL;
	struct report r;
	char *at;
	int i;

	memset(text, ' ', sizeof(text));
	assert_int_equal(json_tree_read(&tree, text, JSON_TREE_SIZE_MOST + 1, &why), ADIT_ELIMIT);
	memset(text, '[', sizeof(text));
	assert_int_equal(json_tree_read(&tree, text, JSON_TREE_SIZE_MOST, &why), ADIT_ELIMIT);
	assert_string_equal(why.text, "objects and arrays are nested more than 32 deep");
	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	assert_int_equal(json_tree_read(&tree, text, 64, &why), 0);
	json_tree_free(tree);
	/* Brackets in a string are no nesting. */
	text[0] = '"';
	memset(text + 1, '[', 100);
	memcpy(text + 101, "\\\"\"", 3);
	assert_int_equal(json_tree_read(&tree, text, 103, &why), ADIT_EINVAL);
	text[103] = '"';
	at = text + sprintf(text, "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"}");
	assert_int_equal(json_tree_read(&tree, text, (size_t)(at - text), &why), 0);
	json_tree_free(tree);

	report_init(&r);
	at = text + sprintf(text, HEAD ",\"components\":[");
	for (i = 0; i <= DESCRIPTOR_COMPONENTS_MOST; i++)
		at += sprintf(at, "%s{\"id\":\"c%d\",\"interface\":\"i\"}", i ? "," : "", i);
	at += sprintf(at, "]}");
	assert_int_equal(descriptor_read(&d, text, (size_t)(at - text), "f", &r), ADIT_EINVAL);
	assert_string_equal(r.items[0].text, "33 components; 32 at most");
	report_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_descriptor_is_read), cmocka_unit_test(faults_are_said),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
