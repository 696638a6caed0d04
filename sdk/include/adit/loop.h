/* SPDX-License-Identifier: MIT
 * adit/loop.h - readiness, timers, work at the end of a turn, work from and on other threads
 */
#ifndef ADIT_LOOP_H
#define ADIT_LOOP_H

#include "abi.h"

ADIT_BEGIN_DECLS

enum { ADIT_IO_READ = 1, ADIT_IO_WRITE = 2 };

#define ADIT_LOOP_1 "adit.loop/1"
/* [loop] except where said. Times in ns, monotonic. */
typedef struct adit_loop_1 {
	uint32_t size;
	uint32_t zero;
	/* The time at the start of this turn. */
	uint64_t(ADIT_CALL *now)(adit_loop *l);
	/* A stopped timer. ADIT_ENOMEM. Also [control] between create and start. */
	adit_result(ADIT_CALL *timer)(adit_loop *l, adit_fn fn, void *arg, adit_timer **out);
	/* First after `after`, then every `every`; every 0: once; both 0: stop. */
	void(ADIT_CALL *timer_set)(adit_timer *t, uint64_t after, uint64_t every);
	void(ADIT_CALL *timer_free)(adit_timer *t);
	/* Watches a descriptor; nothing is wanted yet. fn is called while what is wanted holds (level). */
	adit_result(ADIT_CALL *io)(adit_loop *l, intptr_t fd, adit_fn fn, void *arg, adit_io **out);
	void(ADIT_CALL *io_want)(adit_io *io, uint32_t mask);
	/* What holds, inside fn: ADIT_IO_... */
	uint32_t(ADIT_CALL *io_ready)(const adit_io *io);
	/* Before the descriptor is closed. */
	void(ADIT_CALL *io_free)(adit_io *io);
	/* Calls fn once, at the end of this turn, before the loop sleeps. */
	adit_result(ADIT_CALL *defer)(adit_loop *l, adit_fn fn, void *arg);
	/* [any] Calls fn once, on the loop. */
	adit_result(ADIT_CALL *post)(adit_loop *l, adit_fn fn, void *arg);
	/* Calls work on a [pool] thread, then done on this loop. ADIT_ELIMIT: too much is queued. */
	adit_result(ADIT_CALL *pool)(adit_loop *l, adit_fn work, adit_fn done, void *arg);
	/* [any] True on the loop's own thread. */
	int32_t(ADIT_CALL *on_loop)(const adit_loop *l);
} adit_loop_1;

ADIT_END_DECLS

#endif
