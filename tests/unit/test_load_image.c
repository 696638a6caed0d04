/* SPDX-License-Identifier: MIT
 * test_load_image.c - which code is mapped: generations, swaps between judging and loading, private and sealed images
 */
#include "../abi/yard.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void generations_live_side_by_side(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct module *one, *two, *same;
	const int *a, *b;

	yard_put(y, "gen1", "gen");
	assert_int_equal(yard_take(l, y, "gen", &one), 0);
	yard_put(y, "gen2", "gen");
	assert_int_equal(yard_take(l, y, "gen", &two), 0);
	assert_int_equal(yard_take(l, y, "gen", &same), 0);
	assert_ptr_equal(two, same);
	assert_ptr_not_equal(one, two);
	assert_int_equal(module_generation(one), 1);
	assert_int_equal(module_generation(two), 2);
	assert_string_equal(module_root(one)->version, "1.0.1");
	assert_string_equal(module_root(two)->version, "1.0.2");
	a = module_root(one)->get(NULL, "x");
	b = module_root(two)->get(NULL, "x");
	assert_ptr_not_equal(a, b);
	module_root(one)->get(NULL, "x");
	assert_int_equal(*a, 2);
	assert_int_equal(*b, 1);
	loader_free(l);
}

/* The number of a descriptor that was closed must not lead back to an older image. */
static void refused_files_leave_no_trap(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct module *m = NULL;

	yard_put(y, "rootname", "rootname"); /* mapped, then refused */
	assert_int_equal(yard_take(l, y, "rootname", &m), ADIT_ECONFIG);
	yard_put(y, "undefined", "undefined"); /* not mapped */
	assert_int_equal(yard_take(l, y, "undefined", &m), ADIT_ECONFIG);
	yard_forget(y);
	yard_put(y, "good", "good");
	assert_int_equal(yard_take(l, y, "good", &m), 0);
	assert_string_equal(module_root(m)->name, "good");
	loader_free(l);
}

static void what_was_judged_is_what_is_loaded(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct candidate *c;
	struct module *m;

	yard_put(y, "gen1", "gen");
	assert_int_equal(loader_find(l, "gen", NULL, NULL, &y->report, &c), 0);
	yard_put(y, "gen2", "gen"); /* the path means another file now */
	assert_int_equal(loader_open(l, c, &y->report, &m), 0);
	assert_string_equal(module_root(m)->version, "1.0.1");
	candidate_free(c);
	loader_free(l);
}

static void writing_in_place_is_noticed(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct candidate *c;
	struct module *m = NULL;
	int fd;

	yard_put(y, "good", "good");
	assert_int_equal(loader_find(l, "good", NULL, NULL, &y->report, &c), 0);
	fd = open(yard_path(y, "good.so"), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(loader_open(l, c, &y->report, &m), ADIT_ECONFIG);
	assert_true(yard_says(y, "it was written to after it had been judged; replace a module by renaming"));
	assert_false(yard_ran(y));
	candidate_free(c);
	yard_forget(y);

	/* The same after it has been loaded: the old image would answer for the new file. */
	yard_put(y, "good", "good");
	assert_int_equal(yard_take(l, y, "good", &m), 0);
	fd = open(yard_path(y, "good.so"), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(yard_take(l, y, "good", &m), ADIT_ECONFIG);
	assert_true(yard_says(y, "written over in place after it had been loaded"));
	loader_free(l);
}

static void shards_have_private_images(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, NULL, NULL);
	struct module *m, *shard[3], *again;
	const int *counter[3];
	int i;

	yard_put(y, "private", "private");
	assert_int_equal(yard_take(l, y, "private", &m), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(module_image(m, (unsigned)i, &y->report, &shard[i]), 0);
		counter[i] = module_root(shard[i])->get(NULL, "x");
	}
	assert_ptr_equal(shard[0], m);
	assert_ptr_not_equal(counter[0], counter[1]);
	assert_ptr_not_equal(counter[1], counter[2]);
	for (i = 0; i < 3; i++)
		assert_int_equal(*counter[i], 1);
	assert_int_equal(module_image(m, 1, &y->report, &again), 0);
	assert_ptr_equal(again, shard[1]);
	assert_int_equal(module_image(m, LOAD_SHARDS_MOST, &y->report, &again), ADIT_ELIMIT);

	yard_put(y, "good", "good");
	assert_int_equal(yard_take(l, y, "good", &m), 0);
	assert_int_equal(module_image(m, 2, &y->report, &again), 0);
	assert_ptr_equal(again, m);
	loader_free(l);
}

/* A sealed copy carries a telling name and is out of reach of what is written to the file later. */
static void sealed_copy_survives_its_file(void **state)
{
	struct yard *y = *state;
	struct loader *l = yard_loader(y, &(struct load_options){.sealed = true}, NULL);
	char line[400];
	bool named = false;
	struct module *m;
	FILE *maps;

	yard_put(y, "older-root", "older-root");
	assert_int_equal(yard_take(l, y, "older-root", &m), 0);
	assert_int_equal(truncate(yard_path(y, "older-root.so"), 0), 0);
	assert_string_equal(module_root(m)->name, "older-root");
	maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps))
		named |= strstr(line, "adit:older-root-1.0.0.1.0") != NULL;
	fclose(maps);
	assert_true(named);
	loader_free(l);
}

static int write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	int bad = !f || fputs(text, f) < 0;

	if (f)
		bad |= fclose(f) != 0;
	return bad;
}

/* Runs in a process-id namespace of its own, to which that sysctl belongs. 77: cannot be set here. */
static int without_executable_memory(struct yard *y)
{
	struct loader *l = yard_loader(y, NULL, NULL);
	struct module *m, *image;

	if (write_text("/proc/sys/vm/memfd_noexec", "2"))
		return 77;
	yard_put(y, "private", "private");
	if (yard_take(l, y, "private", &m))
		return 2;
	if (module_image(m, 1, &y->report, &image) != ADIT_EPERM)
		return 3;
	return yard_says(y, "a copy in memory that may be executed cannot be made: Permission denied; "
	                    "set the sysctl vm.memfd_noexec to 0 or 1") ? 0 : 4;
}

static void noexec_memory_is_honoured(void **state)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		pid_t inner = -1;

		if (unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0)
			inner = fork();
		if (inner == 0)
			_exit(without_executable_memory(*state));
		if (inner < 0 || waitpid(inner, &status, 0) != inner)
			_exit(77);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 5);
	}
	assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("vm.memfd_noexec cannot be set in a namespace here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, yard_setup, yard_teardown)
	const struct CMUnitTest tests[] = {
		T(generations_live_side_by_side),
		T(refused_files_leave_no_trap),
		T(what_was_judged_is_what_is_loaded),
		T(writing_in_place_is_noticed),
		T(shards_have_private_images),
		T(sealed_copy_survives_its_file),
		T(noexec_memory_is_honoured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
