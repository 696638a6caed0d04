/* SPDX-License-Identifier: MIT
 * loop/pool.h - threads that may block, for all loops together
 */
#ifndef LOOP_POOL_H
#define LOOP_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <adit/loop.h>

enum {
	POOL_THREADS = 4,  /* at most; started when there is work */
	POOL_QUEUE = 1024, /* jobs waiting or under way */
};

/* [any] Calls work(arg) on a thread of the pool, then posts done(arg) to l. ADIT_ELIMIT: POOL_QUEUE is reached. */
adit_result pool_run(adit_loop *l, adit_fn work, adit_fn done, void *arg);

/* [any] A mark of all jobs that have been given so far, and whether they are all over: nothing of them runs any more, and
 * each done has been posted. */
uint64_t pool_mark(void);
bool pool_passed(uint64_t mark);

/* [control] Waits for the jobs under way and ends the threads; jobs still waiting are dropped. Call it before the
 * loops are freed. */
void pool_stop(void);

#endif
