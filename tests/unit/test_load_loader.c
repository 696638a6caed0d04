/* SPDX-License-Identifier: MIT
 * test_load_loader.c - finding, refusing and loading modules; every wrong form is one clear line and no code of it runs
 */
#include "../abi/yard.h"

#include <adit/kinds.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void good_module_loads(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct load_trace trace;
	struct candidate *c;
	struct module *m, *again;

	yard_put(y, "good", "good");
	load_trace_init(&trace);
	assert_int_equal(loader_find(l, "good", NULL, &trace, &y->report, &c), 0);
	assert_false(yard_ran(y));
	assert_string_equal(candidate_name(c), "good");
	assert_string_equal(candidate_right(c, 0), "net.dial");
	assert_null(candidate_right(c, 1));
	assert_non_null(strstr(candidate_schema(c, ADIT_HANDLER_1, NULL), "\"port\""));
	assert_null(candidate_schema(c, ADIT_STACK_1, NULL));
	assert_int_equal(trace.items[0].verdict, LOAD_TAKEN);
	assert_int_equal(loader_open(l, c, &y->report, &m), 0);
	assert_true(yard_ran(y));
	assert_int_equal(y->report.errors, 0);
	assert_string_equal(module_name(m), "good");
	assert_int_equal(module_generation(m), 1);
	assert_ptr_equal(module_component(m, ADIT_HANDLER_1, NULL), module_component(m, NULL, "main"));
	assert_non_null(((const adit_handler_1 *)module_component(m, ADIT_HANDLER_1, "main")->table)->events);
	assert_null(module_component(m, ADIT_HANDLER_1, "other"));
	assert_int_equal(loader_open(l, c, &y->report, &again), 0);
	assert_ptr_equal(again, m);
	candidate_free(c);
	load_trace_fini(&trace);
	loader_free(l);
}

/* Forms that must be refused while they are still only bytes. */
static const struct {
	const char *form, *line;
} before[] = {
	{"execstack", "executable stack"},
	{"runpath", "RUNPATH, which pulls in unchecked files (/nowhere)"},
	{"rpath", "RPATH, which pulls in unchecked files (/nowhere)"},
	{"textrel", "relocations in its code; compile all of it with -fPIC"},
	{"wx", "both writable and executable"},
	{"ietls", "initial-exec"},
	{"export", ""}, /* a note under sanitizers: see extra_export_is_refused */
	{"noroot", "does not export adit_module_1"},
	{"abi2", "it is for ABI 2.0; this host has 1.0"},
	{"target", "it is for sparc64-unknown-linux-gnu; this host is "},
	{"library", "its descriptor calls the file another.so"},
	{"jsonname", "is called \"somebody\", not \"jsonname\""},
	{"badjson", "the descriptor is not JSON: duplicate object key"},
	{"audit", "auditor"},
	{"global", "in front of everybody's"},
	{"noopen", "not to be opened at run time"},
	{"needpath", "by its path"},
	{"program", "it is a program, not a library; link it with -shared"},
	{"twodescriptors", "holds two descriptors that differ"},
	{"nodescriptor", "no descriptor in it"},
};

static void wrong_files_are_refused_unrun(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct candidate *c = NULL;
	struct load_trace trace;
	size_t i;

	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		if (!*before[i].line)
			continue;
		yard_put(y, before[i].form, before[i].form);
		load_trace_init(&trace);
		assert_int_equal(loader_find(l, before[i].form, NULL, &trace, &y->report, &c), ADIT_ECONFIG);
		assert_true(yard_says(y, before[i].line));
		assert_int_equal(y->report.errors, 1);
		assert_int_equal(trace.items[0].verdict, LOAD_REFUSED);
		assert_false(yard_ran(y));
		assert_null(c);
		load_trace_fini(&trace);
		yard_forget(y);
	}
	loader_free(l);
}

static void extra_export_is_refused(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct candidate *c = NULL;
	int err;

	yard_put(y, "export", "export");
	err = loader_find(l, "export", NULL, NULL, &y->report, &c);
#ifdef ADIT_SANITIZED
	assert_int_equal(err, 0);
#else
	assert_int_equal(err, ADIT_ECONFIG);
#endif
	assert_true(yard_says(y, "exports 1 symbols besides adit_module_1, such as adit_helper"));
	assert_false(yard_ran(y));
	candidate_free(c);
	loader_free(l);
}

/* Forms whose code has to be asked. */
static const struct {
	const char *form, *line;
} after[] = {
	{"undefined", "undefined symbol: adit_nobody_has_this"},
	{"rootmajor", "its code is for ABI 2.0, its descriptor for 1.0"},
	{"rootname", "the name in adit_module_1 is not \"rootname\""},
	{"rootdescriptor", "points at another descriptor"},
	{"rootsmall", "adit_module_1 has 8 bytes; "},
	{"roothuge", "adit_module_1 claims a size of 2147483647 bytes"},
	{"missing", "component main of its descriptor is missing"},
	{"extra", "a component that its descriptor does not list"},
	{"twice", "two components main"},
	{"iface", "component main is not of adit.handler/1"},
	{"nullhot", "component main: events of its adit.handler/1 table is null"},
	{"nulllife", "component main: life of its adit.handler/1 table is null"},
	{"nullcreate", "component main: life.create is null"},
	{"nulltable", "the table of component main is null"},
	{"wildtable", "the table of component main is not inside the module"},
	{"smalltable", "the table of component main has 12 bytes; "},
	{"hugetable", "the table of component main claims a size of 8192 bytes"},
	{"claims", "ADIT_STACK_CLAIMS is set but claims is null"},
};

static void wrong_tables_are_refused(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct module *m = NULL;
	size_t i;

	for (i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		yard_put(y, after[i].form, after[i].form);
		assert_int_equal(yard_take(l, y, after[i].form, &m), ADIT_ECONFIG);
		assert_true(yard_says(y, after[i].line));
		assert_int_equal(y->report.errors, 1);
		assert_null(m);
		yard_forget(y);
	}
	loader_free(l);
}

static void older_and_newer_sdks_load(void **state)
{
	static const char *const forms[] = {"newer", "older-root", "older-stack", "older-platform", "old-hash",
	                                    "two-sources"};
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct module *m;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		yard_put(y, forms[i], forms[i]);
		if (yard_take(l, y, forms[i], &m))
			assert_true(yard_says(y, "no error at all"));
		assert_string_equal(module_name(m), forms[i]);
		if (strcmp(forms[i], "newer") == 0) {
			assert_true(yard_says(y, "it is for ABI 1.7, newer than this host's 1.0"));
			assert_true(module_root(m)->size > sizeof(adit_module));
			assert_true(ADIT_HAS(module_root(m), adit_module, get));
		}
		if (strcmp(forms[i], "older-root") == 0)
			assert_false(ADIT_HAS(module_root(m), adit_module, get));
		if (strcmp(forms[i], "older-stack") == 0)
			assert_false(ADIT_HAS((const adit_stack_1 *)module_component(m, ADIT_STACK_1, NULL)->table,
			                      adit_stack_1, claims));
	}
	assert_int_equal(y->report.errors, 0);
	loader_free(l);
}

static bool offers(void *arg, const char *iface)
{
	const char *only = arg;

	return only && strcmp(iface, only) == 0;
}

static void needs_are_asked_for(void **state)
{
	struct yard *y = *state;
	char has[] = "test.nosuch/1";
	struct loader *without = yard_loader(y, NULL, &(struct load_callbacks){NULL, offers});
	struct loader *with = yard_loader(y, NULL, &(struct load_callbacks){has, offers});
	struct module *m;

	yard_put(y, "needs", "needs");
	assert_int_equal(yard_take(without, y, "needs", &m), ADIT_ECONFIG);
	assert_true(yard_says(y, "module needs needs test.nosuch/1, which neither this host nor its platform module offers"));
	assert_int_equal(y->report.errors, 1);
	assert_false(yard_ran(y));
	yard_forget(y);
	assert_int_equal(yard_take(with, y, "needs", &m), 0);
	assert_true(yard_says(y, "could use test.nicer/1"));
	loader_free(with);
	loader_free(without);
}

static void exact_library_is_taken(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct candidate *c = NULL;

	mkdir(yard_path(y, "aside"), 0755);
	yard_put(y, "good", "aside/good");
	assert_int_equal(loader_find(l, "good", NULL, NULL, &y->report, &c), ADIT_ENOENT);
	assert_true(yard_says(y, "there is no module good in "));
	assert_int_equal(loader_find(l, "good", yard_path(y, "aside/good.so"), NULL, &y->report, &c), 0);
	candidate_free(c);
	c = NULL;
	assert_int_equal(loader_find(l, "good", "aside/good.so", NULL, &y->report, &c), ADIT_ECONFIG);
	assert_true(yard_says(y, "library \"aside/good.so\" is not absolute"));
	assert_int_equal(loader_find(l, "good", yard_path(y, "none.so"), NULL, &y->report, &c), ADIT_ENOENT);
	assert_int_equal(loader_find(l, "../good", NULL, NULL, &y->report, &c), ADIT_ECONFIG);
	assert_true(yard_says(y, "\"../good\" cannot be a module's name"));
	loader_free(l);
}

static void descriptors_must_agree(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct candidate *c = NULL;

	yard_put(y, "good", "good");
	yard_write(yard_path(y, "good.json"), "{}\n", 3);
	assert_int_equal(loader_find(l, "good", NULL, NULL, &y->report, &c), ADIT_ECONFIG);
	assert_true(yard_says(y, "it is not the descriptor that is in the library beside it; install both files from one build"));
	yard_forget(y);
	unlink(yard_path(y, "good.json"));
	assert_int_equal(loader_find(l, "good", NULL, NULL, &y->report, &c), 0);
	assert_true(yard_says(y, "note: there is no "));
	candidate_free(c);
	c = NULL;
	yard_put(y, "good", "good");
	unlink(yard_path(y, "good.so"));
	assert_int_equal(loader_find(l, "good", NULL, NULL, &y->report, &c), ADIT_ECONFIG);
	assert_true(yard_says(y, "it is missing beside its descriptor"));
	loader_free(l);
}

static int open_each(void *arg, const struct load_entry *e)
{
	struct yard *y = arg;
	struct loader *l = yard_loader(y, &(struct load_options){.allow_unsafe_owner = true}, NULL);
	struct candidate *c = NULL;
	struct module *m;

	if (e->reason)
		fprintf(stderr, "  %s: %s\n", e->path, e->reason);
	assert_null(e->reason);
	yard_forget(y);
	if (loader_find(l, e->name, e->path, NULL, &y->report, &c) || loader_open(l, c, &y->report, &m))
		assert_true(yard_says(y, "no error at all"));
	assert_string_equal(module_name(m), e->name);
	candidate_free(c);
	loader_free(l);
	return 0;
}

/* The modules of the build tree, as they will be installed. */
static void our_own_modules_load(void **state)
{
	const char *dirs[] = {"lib/adit/modules/abi-1"};
	struct load_options o = {.dirs = dirs, .dir_count = 1, .allow_unsafe_owner = true};
	struct loader *l = yard_loader(*state, &o, NULL);

	assert_int_equal(loader_list(l, open_each, *state), 0);
	loader_free(l);
}

static void names_are_bounded(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	char name[300];
	struct candidate *c = NULL;

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(loader_find(l, name, NULL, NULL, &y->report, &c), ADIT_ECONFIG);
	name[64] = '\0';
	assert_int_equal(loader_find(l, name, NULL, NULL, &y->report, &c), ADIT_ENOENT);
	loader_free(l);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, yard_setup, yard_teardown)
	const struct CMUnitTest tests[] = {
		T(good_module_loads), T(wrong_files_are_refused_unrun), T(extra_export_is_refused),
		T(wrong_tables_are_refused), T(older_and_newer_sdks_load), T(needs_are_asked_for),
		T(exact_library_is_taken), T(descriptors_must_agree), T(our_own_modules_load),
		T(names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
