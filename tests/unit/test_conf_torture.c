/* SPDX-License-Identifier: MIT
 * unit/test_conf_torture.c - loading a rich manifest while the n-th allocation fails, for every n
 *
 * The linker sends malloc, calloc, realloc, strdup and strndup of the host's code here, jansson's
 * allocations come through json_set_alloc_funcs(). Whatever fails, the answer is a whole conf or a
 * clean refusal.
 */
#include <jansson.h>

#include "conf_case.h"

static long countdown = -1; /* allocations until one fails; negative: never */
static bool from_then_on;   /* all the later ones fail too */

static bool fails(void)
{
	if (countdown < 0)
		return false;
	if (countdown)
		return --countdown == 0;
	return from_then_on;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *mem, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *mem, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *mem, size_t size)
{
	return fails() ? NULL : __real_realloc(mem, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return fails() ? NULL : __real_strndup(text, size);
}

static int schema_of(void *arg, const char *module, const char *kind, const char **json_text)
{
	(void)arg;
	(void)module;
	(void)kind;
	*json_text = "{\"properties\":{\"a\":{\"type\":\"integer\",\"default\":5},\"b\":{\"anyOf\":"
	             "[{\"type\":\"string\","
		     "\"pattern\":\"^x\"},{\"type\":\"integer\"}]},\"c\":{\"type\":\"object\","
	             "\"default\":{},\"properties\":{"
		     "\"d\":{\"default\":[1,2]}}}}}";
	return 0;
}

static const char fine[] =
	"{\"adit\":1, /* c */ "
        "\"include\":\"inc.json\",\"outbounds\":[{\"name\":\"p\",\"module\":\"outbound-p\",\"b\":"
        "\"xy\"}],"
	"\"limits\":{\"flows\":\"${env:ADIT_T_FLOWS}\"},\"x-s\":\"${file:word}\",}";
static const char wrong[] = "{\"adit\":1,\"outbounds\":[{\"name\":\"p\",\"module\":\"outbound-p\","
                            "\"b\":\"y\",\"zz\":1}],\"limits\":{\"flws\":1},"
			    "\"x-s\":\"${file:none}\",\"include\":[\"none.json\"]}";

/* One load with the n-th allocation failing; true when n is beyond the last one. */
static bool attempt(const char *text, long n, bool expected)
{
	static const struct conf_setting setting = {"log.level", "warn"};
	struct conf_source source = {
		.path = "m.json",
		.settings = &setting,
		.setting_count = 1,
		.schema_of = schema_of,
		.text = "{\"adit\":1,\"platform\":{\"module\":\"platform-linux\"}}",
	};
	struct conf *c = NULL;
	const char *json;
	struct report r;
	bool beyond;
	int err;

	write_file("m.json", text);
	report_init(&r);
	countdown = n;
	err = conf_load(&c, &source, &r);
	beyond = countdown > 0;
	if (!err)
		conf_config_1.json(conf_root(c), "", &json, NULL);
	countdown = -1;
	if (beyond)
		assert_int_equal(err, expected ? 0 : ADIT_ECONFIG);
	else if (!expected)
		assert_int_not_equal(
			err, 0); /* a fault of the manifest is never lost for want of memory */
	if (err && err != ADIT_ENOMEM)
		assert_true(r.errors > 0);
	if (!err) {
		int64_t flows = 0;

		assert_int_equal(r.errors, 0);
		assert_int_equal(conf_config_1.integer(conf_root(c), "limits/flows", &flows), 0);
		assert_int_equal(flows, 300);
		assert_non_null(conf_entry_find(c, CONF_OUTBOUND, "q"));
		assert_int_equal(conf_config_1.integer(conf_entry_find(c, CONF_OUTBOUND, "p")->cfg,
		                                       "c/d/1", &flows),
		                 0);
		assert_int_equal(flows, 2);
	}
	conf_unref(c);
	report_fini(&r);
	return beyond;
}

static void torture(const char *text, bool expected)
{
	long n;

	setenv("ADIT_T_FLOWS", "300", 1);
	write_file("word", "secret\n");
	write_file("inc.json", "{\"outbounds\":[{\"name\":\"q\",\"module\":\"outbound-q\"}]}");
	for (n = 1; !attempt(text, n, expected); n++)
		assert_true(n < 20000);
	print_message("%ld allocations\n", n - 1);
	assert_true(n > 100);
}

static void test_each_fails_once(void **state)
{
	(void)state;
	from_then_on = false;
	torture(fine, true);
	torture(wrong, false);
}

static void test_all_fail_from_the_nth(void **state)
{
	(void)state;
	from_then_on = true;
	torture(fine, true);
	torture(wrong, false);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)
	static const struct CMUnitTest tests[] = {CASE(test_each_fails_once),
	                                          CASE(test_all_fail_from_the_nth)};

	json_set_alloc_funcs(__wrap_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
