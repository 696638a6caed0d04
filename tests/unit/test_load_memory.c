/* SPDX-License-Identifier: MIT
 * test_load_memory.c - each allocation fails in turn: an error or a success follows, never a crash
 */
#include "../abi/yard.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);

static long left = -1; /* allocations until one fails; below 0: none does */
static bool failed;

static bool fails_now(void)
{
	if (left < 0)
		return false;
	if (left-- > 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

static int count_entry(void *arg, const struct load_entry *e)
{
	++*(unsigned *)arg;
	return 0;
}

/* Everything a host does with a module; how far it came. */
static int whole_way(struct yard *y, FILE *out)
{
	const char *dirs[] = {y->dir};
	struct load_options o = {.dirs = dirs, .dir_count = 1};
	struct loader *l = NULL;
	struct candidate *c = NULL;
	struct load_trace trace;
	struct module *m, *image;
	unsigned entries = 0;
	int err, step = 0;

	load_trace_init(&trace);
	err = loader_new(&l, &o, NULL, &y->report);
	if (!err)
		step++, err = loader_find(l, "private", NULL, &trace, &y->report, &c);
	if (!err)
		step++, err = loader_open(l, c, &y->report, &m);
	if (!err)
		step++, err = module_image(m, 1, &y->report, &image);
	if (!err)
		step++, err = loader_list(l, count_entry, &entries);
	if (!err)
		step++, err = module_inspect(l, candidate_path(c), out, true);
	if (!err)
		step++;
	load_trace_fini(&trace);
	candidate_free(c);
	loader_free(l);
	return step;
}

static void each_allocation_may_fail(void **state)
{
	FILE *out = fopen("/dev/null", "w");
	int reached[7] = {0};
	struct yard y;
	long n;

	yard_init(&y);
	yard_put(&y, "private", "private");
	json_set_alloc_funcs(__wrap_malloc, free);
	for (n = 0;; n++) {
		yard_forget(&y);
		failed = false;
		left = n;
		reached[whole_way(&y, out)]++;
		left = -1;
		if (!failed)
			break;
		assert_true(n < 5000);
	}
	print_message("%ld allocations; stopped after step: %d %d %d %d %d %d, none %d\n", n, reached[0], reached[1],
	              reached[2], reached[3], reached[4], reached[5], reached[6]);
	assert_true(n > 100 && reached[0] && reached[1] && reached[2] && reached[3] && reached[6]);
	fclose(out);
	yard_fini(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
