/* SPDX-License-Identifier: MIT
 * test_load_search.c - where modules are looked for, in which order, and what --why says; listing; inspection
 */
#include "../abi/yard.h"

#include <adit/kinds.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct yard));
	yard_init(*state);
	return 0;
}

static int teardown(void **state)
{
	unsetenv("ADIT_MODULE_PATH");
	yard_fini(*state);
	free(*state);
	return 0;
}

static char *why(struct loader *l, struct yard *y, const char *name, int want)
{
	struct load_trace trace;
	struct candidate *c = NULL;
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	load_trace_init(&trace);
	assert_int_equal(loader_find(l, name, NULL, &trace, &y->report, &c), want);
	load_trace_print(&trace, f);
	fclose(f);
	load_trace_fini(&trace);
	candidate_free(c);
	return text;
}

/* Whether b comes after a in text. */
static bool in_order(const char *text, const char *a, const char *b)
{
	const char *at = strstr(text, a);

	if (at && strstr(at + 1, b))
		return true;
	fprintf(stderr, "  not \"%s\" and then \"%s\" in:\n%s", a, b, text);
	return false;
}

static void order_is_kept(void **state)
{
	struct yard *y = *state;
	char one[PATH_MAX], two[PATH_MAX], line[4 * PATH_MAX], *text;
	const char *dirs[1], *manifest[2];
	struct load_options o = {.dirs = dirs, .dir_count = 1, .manifest_dirs = manifest, .manifest_dir_count = 2};
	struct loader *l;

	mkdir(yard_path(y, "a"), 0755);
	mkdir(yard_path(y, "b"), 0755);
	mkdir(yard_path(y, "c"), 0755);
	snprintf(one, sizeof(one), "%s/a", y->dir);
	snprintf(two, sizeof(two), "%s/c", y->dir);
	dirs[0] = one;
	manifest[0] = two;
	manifest[1] = "relative";
	snprintf(line, sizeof(line), "%s/b::.:%s/nowhere", y->dir, y->dir);
	setenv("ADIT_MODULE_PATH", line, 1);
	yard_put(y, "good", "b/good");
	yard_put(y, "good", "c/good");
	l = yard_loader(y, &o, NULL);
	assert_true(yard_says(y, "ADIT_MODULE_PATH: \"\" is ignored: it is not absolute"));
	assert_true(yard_says(y, "ADIT_MODULE_PATH: \".\" is ignored: it is not absolute"));
	assert_true(yard_says(y, "modules.path of the manifest: \"relative\" is ignored"));
	text = why(l, y, "good", 0);
	assert_true(in_order(text, "/a/good.so: No such file or directory (from --module-dir)", "taken "));
	assert_true(in_order(text, "/b/good.so: good 1.0.0 (from ADIT_MODULE_PATH)", "/nowhere/good.so"));
	assert_true(in_order(text, "/nowhere/good.so: No such file", "shadowed "));
	assert_true(in_order(text, "/c/good.so: ", "/b/good.so comes before it (from modules.path of the manifest)"));
	assert_true(in_order(text, "(from modules.path of the manifest)", "(from built in)"));
	assert_true(yard_says(y, "/c/good.so: note: it is shadowed by "));
	free(text);
	loader_free(l);
}

/* The first is the one, fit or not: a later one must not slip in where the operator put a broken one. */
static void broken_first_is_not_passed_over(void **state)
{
	struct yard *y = *state;
	char one[PATH_MAX], two[PATH_MAX], *text;
	const char *dirs[2] = {one, two};
	struct load_options o = {.dirs = dirs, .dir_count = 2};
	struct loader *l;

	mkdir(yard_path(y, "a"), 0755);
	mkdir(yard_path(y, "b"), 0755);
	snprintf(one, sizeof(one), "%s/a", y->dir);
	snprintf(two, sizeof(two), "%s/b", y->dir);
	yard_put(y, "good", "a/good");
	yard_put(y, "good", "b/good");
	chmod(yard_path(y, "a/good.so"), 0666);
	l = yard_loader(y, &o, NULL);
	text = why(l, y, "good", ADIT_ECONFIG);
	assert_true(in_order(text, "refused  ", "the file is writable by everybody"));
	assert_true(in_order(text, "refused  ", "shadowed "));
	free(text);
	loader_free(l);
}

static void environment_is_ignored_aloud(void **state)
{
	struct yard *y = *state;
	struct load_options o = {.secure = true}, builtin = {.builtin_only = true};
	struct loader *l;
	char *text;

	setenv("ADIT_MODULE_PATH", y->dir, 1);
	yard_put(y, "good", "good");
	assert_int_equal(loader_new(&l, &o, NULL, &y->report), 0);
	assert_true(yard_says(y, "warning: ADIT_MODULE_PATH is ignored: this program runs with more rights than its caller"));
	free(why(l, y, "good", ADIT_ENOENT));
	loader_free(l);
	yard_forget(y);
	assert_int_equal(loader_new(&l, &builtin, NULL, &y->report), 0);
	text = why(l, y, "good", ADIT_ENOENT);
	assert_null(strstr(text, y->dir));
	free(text);
	loader_free(l);
	o.secure = false;
	assert_int_equal(loader_new(&l, &o, NULL, &y->report), 0);
	free(why(l, y, "good", 0));
	loader_free(l);
}

/* What this program does when it is started again as another one, with a word. */
static int second_life(const char *word)
{
	struct yard y = {0};
	struct loader *l;
	struct candidate *c = NULL;
	int err;

	report_init(&y.report);
	err = loader_new(&l, &(struct load_options){0}, NULL, &y.report);
	if (err)
		return 10;
	if (strcmp(word, "secure") == 0 && !getauxval(AT_SECURE))
		return y.report.count ? 14 : 77;
	if (strcmp(word, "secure") == 0)
		return yard_says(&y, "ADIT_MODULE_PATH is ignored: this program runs with more rights than its caller") ? 0 : 11;
	err = loader_find(l, "good", NULL, NULL, &y.report, &c);
	if (err)
		return yard_says(&y, "no error at all") ? 0 : 12;
	return strstr(candidate_path(c), "/lib/adit/modules/abi-1/good.so") ? 0 : 13;
}

/* Copies this program to `to` and runs it there. */
static int live_again(const char *to, mode_t mode, const char *word)
{
	size_t size;
	char *bytes = yard_read("/proc/self/exe", &size);
	int status = -1;
	pid_t child;

	yard_write(to, bytes, size);
	free(bytes);
	if (mode & S_ISUID && chown(to, 12345, (gid_t)-1) != 0)
		return 77;
	chmod(to, mode);
	child = fork();
	if (child == 0) {
		execl(to, to, word, (char *)NULL);
		_exit(99);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static void own_tree_is_searched(void **state)
{
	static const char *const dirs[] = {"p", "p/bin", "p/lib", "p/lib/adit", "p/lib/adit/modules",
	                                   "p/lib/adit/modules/abi-1"};
	struct yard *y = *state;
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		mkdir(yard_path(y, dirs[i]), 0755);
	yard_put(y, "good", "p/lib/adit/modules/abi-1/good");
	assert_int_equal(live_again(yard_path(y, "p/adit"), 0755, "find"), 0);
	assert_int_equal(live_again(yard_path(y, "p/bin/adit"), 0755, "find"), 0);
	assert_int_equal(live_again(yard_path(y, "adit"), 0755, "find"), 12); /* not from there */
}

/* The kernel's own mark, not our option: a program with another owner's rights. */
static void raised_rights_are_noticed(void **state)
{
	struct yard *y = *state;
	int got;

	chmod(y->dir, 0755);
	setenv("ADIT_MODULE_PATH", y->dir, 1);
	assert_int_equal(live_again(yard_path(y, "plain"), 0755, "secure"), 77);
	got = geteuid() == 0 ? live_again(yard_path(y, "raised"), 04755, "secure") : 77;
	if (got == 77) { /* also where the file system ignores the bit */
		print_message("needs root and set-user-id programs in the temporary directory\n");
		skip();
	}
	assert_int_equal(got, 0);
}

static int note(void *arg, const struct load_entry *e)
{
	FILE *f = arg;
	const char *id = "", *iface = "", *schema = NULL;

	if (e->candidate)
		assert_true(candidate_component(e->candidate, 0, &id, &iface, &schema));
	fprintf(f, "%s %s %s%s%s %s\n", e->name, e->version, iface, e->shadowed ? " shadowed" : "",
	        e->reason ? " unfit:" : "", e->reason ? e->reason : "");
	return 0;
}

static int stop_at_once(void *arg, const struct load_entry *e)
{
	++*(int *)arg;
	return 7;
}

static void all_modules_are_listed(void **state)
{
	struct yard *y = *state;
	char one[PATH_MAX], *text;
	const char *dirs[2] = {y->dir, one};
	struct load_options o = {.dirs = dirs, .dir_count = 2};
	struct loader *l;
	size_t size;
	int calls = 0;
	FILE *f;

	mkdir(yard_path(y, "a"), 0755);
	snprintf(one, sizeof(one), "%s/a", y->dir);
	yard_put(y, "good", "good");
	yard_put(y, "good", "a/good");
	yard_put(y, "execstack", "execstack");
	yard_put(y, "older-stack", "older-stack");
	yard_put(y, "export", "orphan");
	unlink(yard_path(y, "orphan.so"));
	yard_write(yard_path(y, ".so"), "", 0);
	yard_write(yard_path(y, "README"), "x", 1);
	l = yard_loader(y, &o, NULL);
	f = open_memstream(&text, &size);
	assert_int_equal(loader_list(l, note, f), 0);
	fclose(f);
	assert_true(in_order(text, "execstack   unfit: it wants an executable stack",
	                     "\ngood 1.0.0 adit.handler/1 \n"));
	assert_true(in_order(text, "\ngood", "\nolder-stack 1.0.0 adit.stack/1 \n"));
	assert_true(in_order(text, "\nolder-stack",
	                     "\norphan   unfit: the library is missing beside its descriptor\n"));
	assert_true(in_order(text, "\norphan", "\ngood 1.0.0 adit.handler/1 shadowed \n"));
	assert_null(strstr(text, "README"));
	assert_int_equal(loader_list(l, stop_at_once, &calls), 7);
	assert_int_equal(calls, 1);
	assert_false(yard_ran(y));
	free(text);
	loader_free(l);
}

static char *inspect(struct loader *l, const char *path, bool json, int want)
{
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	assert_int_equal(module_inspect(l, path, f, json), want);
	fclose(f);
	return text;
}

static void inspection_shows_all(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	char *text;

	yard_put(y, "good", "good");
	text = inspect(l, yard_path(y, "good.so"), false, 0);
	assert_non_null(strstr(text, "\nname                 good\n"));
	assert_non_null(strstr(text, "port (integer, default 53, required): where to listen\n"));
	assert_non_null(strstr(text, "mode (one of [\"fast\",\"safe\"])\n"));
	assert_non_null(strstr(text, "log/file (string, default \"a\\\"b\")\n"));
	assert_non_null(strstr(text, "net.dial"));
	assert_non_null(strstr(text, "libc.so"));
	assert_non_null(strstr(text, "loadable             yes\n"));
	free(text);
	text = inspect(l, yard_path(y, "good.so"), true, 0);
	assert_non_null(strstr(text, "{\"path\":\"port\",\"type\":\"integer\",\"default\":53,\"required\":true"));
	assert_non_null(strstr(text, "\"loadable\":true"));
	free(text);
	assert_false(yard_ran(y));
	free(inspect(l, yard_path(y, "none.so"), false, ADIT_ENOENT));
	free(inspect(l, "/nowhere/none.so", false, ADIT_ENOENT));
	loader_free(l);
}

/* Broken in any way, a module is shown as far as can be, and the reason is given. */
static void inspection_works_on_broken_files(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	size_t size;
	char *text, *bytes;

	yard_put(y, "wx", "wx");
	chmod(yard_path(y, "wx.so"), 0777);
	text = inspect(l, yard_path(y, "wx.so"), false, ADIT_ECONFIG);
	assert_true(in_order(text, "name                 wx\n", "writable code"));
	assert_true(in_order(text, "loadable             no\n", "the file is writable by everybody"));
	assert_true(in_order(text, "writable by everybody",
	                     "a segment both writable and executable; link it without -N"));
	free(text);

	yard_put(y, "good", "good");
	bytes = yard_read(yard_path(y, "good.so"), &size);
	yard_write(yard_path(y, "good.so"), bytes, size / 2);
	text = inspect(l, yard_path(y, "good.so"), true, ADIT_ECONFIG);
	assert_non_null(strstr(text, "\"name\":\"good\"")); /* from the file beside it */
	assert_non_null(strstr(text, "\"loadable\":false"));
	free(text);
	yard_write(yard_path(y, "good.so"), "", 0);
	unlink(yard_path(y, "good.json"));
	text = inspect(l, yard_path(y, "good.so"), false, ADIT_ECONFIG);
	assert_non_null(strstr(text, "it is not an ELF file; install the file again"));
	free(text);
	free(bytes);
	loader_free(l);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(order_is_kept), T(broken_first_is_not_passed_over), T(environment_is_ignored_aloud),
		T(own_tree_is_searched), T(raised_rights_are_noticed),
		T(all_modules_are_listed), T(inspection_shows_all), T(inspection_works_on_broken_files),
	};

	if (argc == 2)
		_exit(second_life(argv[1])); /* at once: a leak checker cannot look into a program with raised rights */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
