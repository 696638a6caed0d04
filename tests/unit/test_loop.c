/* SPDX-License-Identifier: MIT
 * tests/unit/test_loop.c - the order of deferred, posted and timed work, watchers, other threads, the end
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/loop.h"
#include "loop/pool.h"
#include "os/os.h"

enum { MS = 1000000 };

static adit_loop *loop;
static char trace[256];

static void note(const char *what)
{
	assert_true(strlen(trace) + strlen(what) < sizeof(trace));
	strcat(trace, what);
}

static void say(void *arg)
{
	note(arg);
}

static void stop(void *arg)
{
	loop_stop(loop);
}

static void late(void *arg)
{
	fprintf(stderr, "the loop did not end in time\n");
	abort();
}

static int set_up(void **state)
{
	static adit_timer guard;

	trace[0] = 0;
	if (loop_new(&loop))
		return -1;
	loop_timer_init(&guard, loop, late, NULL);
	loop_timer_set(&guard, 20 * OS_SECOND, 0);
	return 0;
}

static int tear_down(void **state)
{
	loop_free(loop);
	return 0;
}

/* ---- order ---- */

static void defer_say_d(void *arg)
{
	note("p");
	assert_int_equal(loop_defer(loop, say, "d"), 0);
	assert_int_equal(loop_post(loop, say, "q"), 0);
	assert_int_equal(loop_post(loop, stop, NULL), 0);
	note("r");
}

static void deferred_work_runs_at_the_end_of_the_turn(void **state)
{
	assert_int_equal(loop_post(loop, defer_say_d, NULL), 0);
	loop_run(loop);
	assert_string_equal(trace, "prdq");
}

static void again(void *arg)
{
	int *left = arg;

	if ((*left)--)
		assert_int_equal(loop_defer(loop, again, left), 0);
	else
		loop_stop(loop);
}

static void deferring_for_ever_does_not_starve_the_rest(void **state)
{
	int left = 100;

	assert_int_equal(loop_defer(loop, again, &left), 0);
	loop_run(loop);
	assert_int_equal(left, -1);
}

static void many_deferred(void **state)
{
	static char one[] = "x";
	int i;

	for (i = 0; i < 100; i++)
		assert_int_equal(loop_defer(loop, say, one), 0);
	assert_int_equal(loop_post(loop, stop, NULL), 0);
	loop_run(loop);
	assert_int_equal(strlen(trace), 100);
}

/* ---- timers ---- */

static adit_timer timers[3];

static void timers_fire_in_the_order_of_their_times(void **state)
{
	loop_timer_init(&timers[0], loop, say, "c");
	loop_timer_init(&timers[1], loop, say, "a");
	loop_timer_init(&timers[2], loop, stop, NULL);
	loop_timer_set(&timers[0], 20 * MS, 0);
	loop_timer_set(&timers[1], 5 * MS, 0);
	loop_timer_set(&timers[2], 30 * MS, 0);
	loop_run(loop);
	assert_string_equal(trace, "ac");
}

static void tick(void *arg)
{
	note("t");
	if (strlen(trace) == 3) {
		loop_timer_set(&timers[0], 0, 0);
		loop_timer_set(&timers[2], 30 * MS, 0);
	}
}

static void a_repeating_timer_stops_from_within(void **state)
{
	loop_timer_init(&timers[0], loop, tick, NULL);
	loop_timer_init(&timers[2], loop, stop, NULL);
	loop_timer_set(&timers[0], 1 * MS, 2 * MS);
	loop_run(loop);
	assert_string_equal(trace, "ttt");
}

static uint64_t fired_at;

static void fired(void *arg)
{
	fired_at = loop_now(loop);
	loop_stop(loop);
}

static void a_timer_counts_from_when_it_is_set(void **state)
{
	uint64_t set;

	usleep(60000); /* the loop is older than the timer */
	loop_timer_init(&timers[0], loop, fired, NULL);
	set = os_now();
	loop_timer_set(&timers[0], 50 * MS, 0);
	loop_run(loop);
	assert_true(fired_at - set >= 49 * MS);
}

static adit_timer *own;

static void free_itself(void *arg)
{
	note("f");
	loop_table.timer_free(own);
	loop_stop(loop);
}

static void a_timer_may_be_freed_in_its_own_call(void **state)
{
	assert_int_equal(loop_table.timer(loop, free_itself, NULL, &own), 0);
	loop_table.timer_set(own, 1 * MS, 1 * MS);
	loop_run(loop);
	assert_string_equal(trace, "f");
}

/* ---- watchers ---- */

static int pair[2];
static adit_io io;

static void on_pair(void *arg)
{
	char c;

	if (loop_io_ready(&io) & ADIT_IO_WRITE) {
		note("w");
		loop_io_want(&io, ADIT_IO_READ);
		assert_int_equal(write(pair[1], "xy", 2), 2);
	} else if (read(pair[0], &c, 1) == 1) {
		note("r");
		if (c == 'y') {
			loop_io_want(&io, 0);
			assert_int_equal(write(pair[1], "z", 1), 1); /* must not be heard of */
			loop_timer_set(&timers[0], 20 * MS, 0);
		}
	}
}

static void only_what_is_wanted_is_told(void **state)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	loop_timer_init(&timers[0], loop, stop, NULL);
	loop_io_init(&io, loop, pair[0], on_pair, NULL);
	loop_io_want(&io, ADIT_IO_WRITE);
	loop_run(loop);
	assert_string_equal(trace, "wrr");
	loop_io_fini(&io);
	loop_io_fini(&io); /* twice is safe */
	close(pair[0]);
	close(pair[1]);
}

static adit_io second;
static int reused[2];

static void on_second(void *arg)
{
	note("2");
	loop_io_fini(&second);
	loop_stop(loop);
}

static void on_first(void *arg)
{
	int number = pair[0];

	note("1");
	loop_io_fini(&io);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, reused), 0);
	assert_true(reused[0] == number || reused[1] == number);
	loop_io_init(&second, loop, number, on_second, NULL);
	loop_io_want(&second, ADIT_IO_READ);
	assert_int_equal(write(reused[0] == number ? reused[1] : reused[0], "x", 1), 1);
}

static void a_descriptor_number_may_come_again_at_once(void **state)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	loop_io_init(&io, loop, pair[0], on_first, NULL);
	loop_io_want(&io, ADIT_IO_READ);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_run(loop);
	assert_string_equal(trace, "12");
	close(reused[0]);
	close(reused[1]);
}

static adit_io *own_io;

static void free_own_io(void *arg)
{
	note("i");
	loop_table.io_free(own_io);
	loop_stop(loop);
}

static void a_watcher_may_be_freed_in_its_own_call(void **state)
{
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(loop_table.io(loop, pair[0], free_own_io, NULL, &own_io), 0);
	loop_table.io_want(own_io, ADIT_IO_READ);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_run(loop);
	assert_string_equal(trace, "i");
	close(pair[0]);
	close(pair[1]);
}

static void a_closed_descriptor_is_refused(void **state)
{
	adit_io *none = NULL;
	int fd = dup(2);

	close(fd);
	assert_int_equal(loop_table.io(loop, fd, say, NULL, &none), ADIT_EINVAL);
	assert_int_equal(loop_table.io(loop, -1, say, NULL, &none), ADIT_EINVAL);
	assert_null(none);
}

/* ---- other threads ---- */

enum { THREADS = 4, POSTS = 5000 };

struct post {
	unsigned thread, number;
};
static struct post posts[THREADS][POSTS];
static unsigned next_of[THREADS], posted;

static void arrive(void *arg)
{
	struct post *p = arg;

	assert_int_equal(p->number, next_of[p->thread]);
	next_of[p->thread]++;
	if (++posted == THREADS * POSTS)
		loop_stop(loop);
}

static void *poster(void *arg)
{
	unsigned t = (unsigned)(uintptr_t)arg, i;

	for (i = 0; i < POSTS; i++) {
		posts[t][i] = (struct post){t, i};
		if (loop_post(loop, arrive, &posts[t][i]) != ADIT_OK)
			abort();
	}
	return NULL;
}

static void posts_keep_the_order_of_their_thread(void **state)
{
	pthread_t threads[THREADS];
	uintptr_t t;

	posted = 0;
	memset(next_of, 0, sizeof(next_of));
	for (t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, poster, (void *)t), 0);
	loop_run(loop);
	for (t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	assert_int_equal(posted, THREADS * POSTS);
}

static void *runner(void *arg)
{
	loop_run(loop);
	return NULL;
}

static void started(void *arg)
{
	*(volatile int *)arg = 1;
	close(pair[1]);
}

static void other_threads_are_refused_while_the_loop_runs(void **state)
{
	adit_timer *t = NULL, *before = NULL;
	adit_io *w = NULL;
	pthread_t thread;
	int is_started = 0;
	char c;

	assert_int_equal(pipe(pair), 0);
	assert_int_equal(loop_table.timer(loop, say, NULL, &before), 0);
	assert_int_equal(loop_table.defer(loop, say, ""), ADIT_ETHREAD);
	assert_int_equal(loop_post(loop, started, &is_started), 0);
	assert_int_equal(pthread_create(&thread, NULL, runner, NULL), 0);
	assert_int_equal(read(pair[0], &c, 1), 0); /* it runs */
	assert_int_equal(loop_table.timer(loop, say, NULL, &t), ADIT_ETHREAD);
	assert_int_equal(loop_table.io(loop, pair[0], say, NULL, &w), ADIT_ETHREAD);
	assert_int_equal(loop_table.defer(loop, say, ""), ADIT_ETHREAD);
	assert_int_equal(loop_table.pool(loop, say, say, ""), ADIT_ETHREAD);
	loop_table.timer_set(before, 1, 0); /* does nothing */
	assert_int_equal(loop_table.on_loop(loop), 0);
	loop_stop(loop);
	pthread_join(thread, NULL);
	assert_true(!t && !w);
	loop_table.timer_free(before); /* its thread is gone: who makes an end may clear up */
	assert_string_equal(trace, "");
	close(pair[0]);
}

/* ---- the end ---- */

static void last_words(void *arg)
{
	assert_int_equal(loop_post(loop, say, "p"), 0);
	assert_int_equal(loop_defer(loop, say, "d"), 0);
}

static void stop_and_speak(void *arg)
{
	loop_stop(loop);
	assert_int_equal(loop_post(loop, last_words, NULL), 0);
}

static void what_was_taken_before_the_end_still_runs(void **state)
{
	assert_int_equal(loop_post(loop, stop_and_speak, NULL), 0);
	loop_run(loop);
	assert_int_equal(strlen(trace), 2);
}

static void post_again(void *arg)
{
	if (loop_post(loop, post_again, NULL) == ADIT_OK)
		note(strlen(trace) < 200 ? "." : "");
}

static void nothing_is_taken_after_the_end(void **state)
{
	assert_int_equal(loop_post(loop, stop, NULL), 0);
	assert_int_equal(loop_post(loop, post_again, NULL), 0);
	loop_run(loop); /* ends although somebody posts for ever */
	assert_int_equal(loop_post(loop, say, ""), ADIT_EGONE);
}

static void a_stop_before_the_run_counts(void **state)
{
	loop_stop(loop);
	loop_run(loop);
}

int main(void)
{
#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		LOOP_TEST(deferred_work_runs_at_the_end_of_the_turn),
		LOOP_TEST(deferring_for_ever_does_not_starve_the_rest),
		LOOP_TEST(many_deferred),
		LOOP_TEST(timers_fire_in_the_order_of_their_times),
		LOOP_TEST(a_repeating_timer_stops_from_within),
		LOOP_TEST(a_timer_counts_from_when_it_is_set),
		LOOP_TEST(a_timer_may_be_freed_in_its_own_call),
		LOOP_TEST(only_what_is_wanted_is_told),
		LOOP_TEST(a_descriptor_number_may_come_again_at_once),
		LOOP_TEST(a_watcher_may_be_freed_in_its_own_call),
		LOOP_TEST(a_closed_descriptor_is_refused),
		LOOP_TEST(posts_keep_the_order_of_their_thread),
		LOOP_TEST(other_threads_are_refused_while_the_loop_runs),
		LOOP_TEST(what_was_taken_before_the_end_still_runs),
		LOOP_TEST(nothing_is_taken_after_the_end),
		LOOP_TEST(a_stop_before_the_run_counts),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
