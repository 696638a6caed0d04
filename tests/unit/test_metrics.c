/* SPDX-License-Identifier: MIT
 * tests/unit/test_metrics.c - cells are registered within limits, summed by name and labels, and never fall
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "observe/metrics.h"

static const char *const of_shard[] = {"shard", "0", "part", "web", NULL};
static const struct metrics_place place = {"handler-rules", of_shard};
static struct metrics *m;
static int me, other;
static char seen[8192];

static int set_up(void **state)
{
	return metrics_new(&m);
}

static int tear_down(void **state)
{
	metrics_free(m);
	return 0;
}

static adit_metric hits(const char *const *labels)
{
	return (adit_metric){.size = sizeof(adit_metric), .kind = ADIT_METRIC_COUNTER, .name = "rule_hits",
	                     .help = "Flows that a rule decided.", .labels = labels};
}

static void write_down(void *arg, const adit_series *s)
{
	size_t used = strlen(seen), i, n = s->kind == ADIT_METRIC_HISTOGRAM ? s->bound_count + 2 : 1;

	used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%s", s->name);
	for (i = 0; s->labels[i]; i += 2)
		used += (size_t)snprintf(seen + used, sizeof(seen) - used, " %s=%s", s->labels[i], s->labels[i + 1]);
	for (i = 0; i < n; i++)
		used += (size_t)snprintf(seen + used, sizeof(seen) - used, " %llu", (unsigned long long)s->values[i]);
	snprintf(seen + used, sizeof(seen) - used, "\n");
}

static const char *all(void)
{
	seen[0] = 0;
	metrics_each(m, write_down, NULL);
	return seen;
}

static void a_counter_is_shown_with_its_place(void **state)
{
	const char *const labels[] = {"rule", "3", NULL};
	adit_metric metric = hits(labels);
	uint64_t *cell;

	assert_int_equal(metrics_add(m, &me, &place, &metric, &cell), ADIT_OK);
	adit_count(cell, 41);
	adit_count(cell, 1);
	assert_string_equal(all(), "adit_handler_rules_rule_hits shard=0 part=web rule=3 42\n");
	metrics_remove(m, &me, cell);
	assert_string_equal(all(), "");
	assert_int_equal(metrics_count(m), 0);
}

static void one_that_takes_over_goes_on_counting(void **state)
{
	adit_metric metric = hits(NULL);
	uint64_t *old, *new;

	assert_int_equal(metrics_add(m, &me, &place, &metric, &old), ADIT_OK);
	adit_count(old, 10);
	assert_int_equal(metrics_add(m, &other, &place, &metric, &new), ADIT_OK);
	adit_count(new, 5);
	assert_string_equal(all(), "adit_handler_rules_rule_hits shard=0 part=web 15\n");
	metrics_remove_all(m, &me);
	assert_string_equal(all(), "adit_handler_rules_rule_hits shard=0 part=web 15\n");
	metrics_remove(m, &me, new); /* not its owner */
	assert_int_equal(metrics_count(m), 1);
	metrics_remove_all(m, &other);
	assert_string_equal(all(), "");
}

static void a_gauge_goes_with_its_cell(void **state)
{
	adit_metric metric = {.size = sizeof(metric), .kind = ADIT_METRIC_GAUGE, .name = "open", .help = "Open ones."};
	uint64_t *a, *b;

	assert_int_equal(metrics_add(m, &me, &place, &metric, &a), ADIT_OK);
	assert_int_equal(metrics_add(m, &other, &place, &metric, &b), ADIT_OK);
	adit_gauge(a, 7);
	adit_gauge(b, 2);
	assert_string_equal(all(), "adit_handler_rules_open shard=0 part=web 9\n");
	metrics_remove(m, &me, a);
	assert_string_equal(all(), "adit_handler_rules_open shard=0 part=web 2\n");
}

static void a_histogram_has_buckets_and_a_sum(void **state)
{
	static const uint64_t bounds[] = {10, 100};
	adit_metric metric = {.size = sizeof(metric), .kind = ADIT_METRIC_HISTOGRAM, .name = "wait_seconds", .help = "Waited.",
	                      .bounds = bounds, .bound_count = 2, .per = 1000};
	uint64_t *cell;

	assert_int_equal(metrics_add(m, &me, &place, &metric, &cell), ADIT_OK);
	adit_histogram_add(cell, bounds, 2, 10);
	adit_histogram_add(cell, bounds, 2, 11);
	adit_histogram_add(cell, bounds, 2, 100);
	adit_histogram_add(cell, bounds, 2, 5000);
	assert_string_equal(all(), "adit_handler_rules_wait_seconds shard=0 part=web 1 2 1 5121\n");
	metric.bound_count = 1;
	assert_int_equal(metrics_add(m, &me, &place, &metric, &cell), ADIT_EEXIST);
}

static void what_is_out_of_range_is_refused(void **state)
{
	const char *const shard[] = {"shard", "1", NULL}, *const upper[] = {"Rule", "1", NULL};
	const char *const seven[] = {"a", "", "b", "", "c", "", "d", "", "e", "", "f", "", "g", "", NULL};
	static const uint64_t falling[] = {5, 5};
	adit_metric good = hits(NULL), bad;
	uint64_t *cell = NULL;
	char name[ADIT_METRIC_NAME + 1];

#define REFUSED(...) \
	bad = good; \
	__VA_ARGS__; \
	assert_int_equal(metrics_add(m, &me, &place, &bad, &cell), ADIT_EINVAL)
	REFUSED(bad.labels = shard);
	REFUSED(bad.labels = upper);
	REFUSED(bad.labels = seven);
	REFUSED(bad.name = "Hits");
	REFUSED(bad.name = "");
	REFUSED(bad.name = "a-b");
	REFUSED(bad.help = NULL);
	REFUSED(bad.kind = 0);
	REFUSED(bad.kind = 4);
	REFUSED(bad.bound_count = 1; bad.bounds = falling);
	REFUSED(bad.kind = ADIT_METRIC_HISTOGRAM);
	REFUSED(bad.kind = ADIT_METRIC_HISTOGRAM; bad.bound_count = 2; bad.bounds = falling);
	memset(name, 'a', ADIT_METRIC_NAME);
	name[ADIT_METRIC_NAME - 10] = 0;
	REFUSED(bad.name = name);
	assert_null(cell);
	assert_int_equal(metrics_count(m), 0);
}

static void there_is_a_limit_for_one_and_for_all(void **state)
{
	char number[16];
	const char *const labels[] = {"rule", number, NULL};
	adit_metric metric = hits(labels);
	uint64_t *cell;
	unsigned i, owner;
	adit_result r = ADIT_OK;

	for (i = 0; r == ADIT_OK && i < 100000; i++) {
		snprintf(number, sizeof(number), "%u", i);
		r = metrics_add(m, &me, &place, &metric, &cell);
	}
	assert_int_equal(r, ADIT_ELIMIT);
	assert_int_equal(metrics_count(m), ADIT_METRICS_PART);
	for (owner = 0, r = ADIT_OK; r == ADIT_OK && owner < 100; owner++)
		for (i = 0; r == ADIT_OK && i < 1000; i++) {
			snprintf(number, sizeof(number), "%u", i);
			r = metrics_add(m, &seen[owner], &place, &metric, &cell);
		}
	assert_int_equal(r, ADIT_ELIMIT);
	assert_int_equal(metrics_count(m), ADIT_METRICS_HOST);
}

static void a_time_falls_into_the_first_bucket_that_holds_it(void **state)
{
	struct histogram h = {{0}};

	histogram_add(&h, 0);
	histogram_add(&h, histogram_times[0]);
	histogram_add(&h, histogram_times[0] + 1);
	histogram_add(&h, histogram_times[HISTOGRAM_TIMES - 1] + 1);
	assert_int_equal(h.cell[0], 2);
	assert_int_equal(h.cell[1], 1);
	assert_int_equal(h.cell[HISTOGRAM_TIMES], 1);
	assert_int_equal(h.cell[HISTOGRAM_TIMES + 1], histogram_times[0] * 2 + 2 + histogram_times[HISTOGRAM_TIMES - 1]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(a_counter_is_shown_with_its_place),   CASE(one_that_takes_over_goes_on_counting),
		CASE(a_gauge_goes_with_its_cell),          CASE(a_histogram_has_buckets_and_a_sum),
		CASE(what_is_out_of_range_is_refused),     CASE(there_is_a_limit_for_one_and_for_all),
		CASE(a_time_falls_into_the_first_bucket_that_holds_it),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
