/* SPDX-License-Identifier: MIT
 * tests/unit/test_pool.c - threads that may block: side by side, bounded, and gone when told
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "loop/loop.h"
#include "loop/pool.h"
#include "os/os.h"

static adit_loop *loop;
static atomic_uint worked;
static unsigned finished, wanted;

static int set_up(void **state)
{
	worked = 0;
	finished = 0;
	return loop_new(&loop);
}

static int tear_down(void **state)
{
	pool_stop();
	loop_free(loop);
	return 0;
}

static void work(void *arg)
{
	assert_false(loop_here(loop));
	atomic_fetch_add(&worked, 1);
}

static void done(void *arg)
{
	assert_true(loop_here(loop));
	if (++finished == wanted)
		loop_stop(loop);
}

static void every_job_is_worked_once_and_told_on_the_loop(void **state)
{
	unsigned i;

	wanted = 500;
	for (i = 0; i < wanted; i++)
		assert_int_equal(pool_run(loop, work, done, NULL), 0);
	loop_run(loop);
	assert_int_equal(worked, wanted);
	assert_int_equal(finished, wanted);
}

/* ---- side by side ---- */

static pthread_barrier_t all_there;

static void meet(void *arg)
{
	pthread_barrier_wait(&all_there);
}

/* Jobs that wait for each other: they only end if each has a thread. */
static void blocking_jobs_get_a_thread_each(void **state)
{
	int round, i;

	pthread_barrier_init(&all_there, NULL, POOL_THREADS);
	wanted = 20 * POOL_THREADS;
	for (round = 0; round < 20; round++)
		for (i = 0; i < POOL_THREADS; i++)
			assert_int_equal(pool_run(loop, meet, done, NULL), 0);
	loop_run(loop);
	assert_int_equal(finished, wanted);
	pthread_barrier_destroy(&all_there);
}

static sem_t first_done;

static void tell(void *arg)
{
	sem_post(&first_done);
}

static void meet_and_tell(void *arg)
{
	pthread_barrier_wait(&all_there);
	sem_post(&first_done);
}

static void nothing(void *arg)
{
}

/* One idle thread is there; two jobs that need each other come at once. */
static void an_idle_thread_does_not_count_twice(void **state)
{
	int round;

	for (round = 0; round < 50; round++) {
		struct timespec nap = {0, 2000000};
		adit_loop *l;

		sem_init(&first_done, 0, 0);
		pthread_barrier_init(&all_there, NULL, 2);
		assert_int_equal(loop_new(&l), 0);
		assert_int_equal(pool_run(l, tell, nothing, NULL), 0);
		sem_wait(&first_done);
		nanosleep(&nap, NULL); /* its thread is idle by now */
		assert_int_equal(pool_run(l, meet_and_tell, nothing, NULL), 0);
		assert_int_equal(pool_run(l, meet_and_tell, nothing, NULL), 0);
		sem_wait(&first_done);
		sem_wait(&first_done);
		pool_stop();
		loop_free(l);
		pthread_barrier_destroy(&all_there);
		sem_destroy(&first_done);
	}
}

/* ---- limits and the end ---- */

static sem_t gate;

static void wait_at_gate(void *arg)
{
	sem_wait(&gate);
	atomic_fetch_add(&worked, 1);
}

static void the_queue_is_bounded(void **state)
{
	unsigned i;

	sem_init(&gate, 0, 0);
	for (i = 0; i < POOL_QUEUE; i++)
		assert_int_equal(pool_run(loop, wait_at_gate, done, NULL), 0);
	assert_int_equal(pool_run(loop, wait_at_gate, done, NULL), ADIT_ELIMIT);
	for (i = 0; i < POOL_QUEUE; i++)
		sem_post(&gate);
	wanted = POOL_QUEUE;
	loop_run(loop);
	assert_int_equal(worked, POOL_QUEUE);
	sem_destroy(&gate);
}

static void *open_gate_later(void *arg)
{
	struct timespec nap = {0, 50000000};
	int i;

	nanosleep(&nap, NULL);
	for (i = 0; i < POOL_THREADS; i++)
		sem_post(&gate);
	return NULL;
}

static void stopping_waits_for_what_is_under_way_and_drops_the_rest(void **state)
{
	pthread_t thread;
	struct timespec nap = {0, 20000000};
	int i;

	sem_init(&gate, 0, 0);
	for (i = 0; i < 50; i++)
		assert_int_equal(pool_run(loop, wait_at_gate, done, NULL), 0);
	nanosleep(&nap, NULL);
	assert_int_equal(pthread_create(&thread, NULL, open_gate_later, NULL), 0);
	pool_stop();
	pthread_join(thread, NULL);
	assert_in_range(worked, 1, POOL_THREADS);
	sem_destroy(&gate);
	/* It starts again when there is work. */
	wanted = worked + 1; /* those that were under way are still to be told */
	assert_int_equal(pool_run(loop, work, done, NULL), 0);
	loop_run(loop);
	assert_int_equal(finished, wanted);
}

int main(void)
{
#define POOL_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		POOL_TEST(every_job_is_worked_once_and_told_on_the_loop),
		POOL_TEST(blocking_jobs_get_a_thread_each),
		cmocka_unit_test(an_idle_thread_does_not_count_twice),
		POOL_TEST(the_queue_is_bounded),
		POOL_TEST(stopping_waits_for_what_is_under_way_and_drops_the_rest),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
