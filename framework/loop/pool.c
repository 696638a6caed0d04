/* SPDX-License-Identifier: MIT
 * loop/pool.c - threads that may block
 */
#include "loop/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "loop/loop.h"

struct job {
	adit_loop *loop;
	adit_fn work, done;
	void *arg;
	uint64_t number; /* from 1, in the order in which they were given */
	struct job *next;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first, **last;
	pthread_t threads[POOL_THREADS];
	unsigned running, idle, jobs;
	uint64_t given;                  /* number of the last job */
	uint64_t busy_with[POOL_THREADS]; /* numbers of those under way; 0: none */
	unsigned waiting; /* jobs that no thread has taken yet */
	int stop;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .last = &pool.first};

static void *worker(void *arg)
{
	uint64_t *busy_with = arg;

	pthread_mutex_lock(&pool.lock);
	for (;;) {
		struct job *j;

		while (!pool.first && !pool.stop) {
			pool.idle++;
			pthread_cond_wait(&pool.more, &pool.lock);
			pool.idle--;
		}
		if (pool.stop)
			break;
		j = pool.first;
		pool.first = j->next;
		if (!pool.first)
			pool.last = &pool.first;
		pool.waiting--;
		*busy_with = j->number;
		pthread_mutex_unlock(&pool.lock);
		j->work(j->arg);
		loop_post(j->loop, j->done, j->arg);
		free(j);
		pthread_mutex_lock(&pool.lock);
		pool.jobs--;
		*busy_with = 0;
	}
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

/* Signals are the control thread's alone. */
static int start_worker(pthread_t *out, uint64_t *busy_with)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(out, NULL, worker, busy_with);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

adit_result pool_run(adit_loop *l, adit_fn work, adit_fn done, void *arg)
{
	struct job *j = malloc(sizeof(*j));
	adit_result r = ADIT_OK;

	if (!j)
		return ADIT_ENOMEM;
	*j = (struct job){.loop = l, .work = work, .done = done, .arg = arg};
	pthread_mutex_lock(&pool.lock);
	if (pool.jobs == POOL_QUEUE || pool.stop) {
		r = ADIT_ELIMIT;
	} else {
		/* An idle thread that has been signalled is still counted as idle until it has woken up. */
		if (pool.waiting >= pool.idle && pool.running < POOL_THREADS &&
		    start_worker(&pool.threads[pool.running], &pool.busy_with[pool.running]) == 0)
			pool.running++;
		if (!pool.running) {
			r = ADIT_ENOMEM;
		} else {
			pool.jobs++;
			pool.waiting++;
			j->number = ++pool.given;
			*pool.last = j;
			pool.last = &j->next;
			pthread_cond_signal(&pool.more);
		}
	}
	pthread_mutex_unlock(&pool.lock);
	if (r != ADIT_OK)
		free(j);
	return r;
}

uint64_t pool_mark(void)
{
	uint64_t mark;

	pthread_mutex_lock(&pool.lock);
	mark = pool.given;
	pthread_mutex_unlock(&pool.lock);
	return mark;
}

bool pool_passed(uint64_t mark)
{
	bool passed;
	unsigned i;

	pthread_mutex_lock(&pool.lock);
	passed = !pool.first || pool.first->number > mark;
	for (i = 0; i < POOL_THREADS && passed; i++)
		passed = !pool.busy_with[i] || pool.busy_with[i] > mark;
	pthread_mutex_unlock(&pool.lock);
	return passed;
}

void pool_stop(void)
{
	unsigned i;

	pthread_mutex_lock(&pool.lock);
	pool.stop = 1;
	pthread_cond_broadcast(&pool.more);
	pthread_mutex_unlock(&pool.lock);
	for (i = 0; i < pool.running; i++)
		pthread_join(pool.threads[i], NULL);
	while (pool.first) {
		struct job *j = pool.first;

		pool.first = j->next;
		free(j);
	}
	pool.last = &pool.first;
	pool.running = pool.jobs = pool.waiting = 0;
	pool.stop = 0;
}
