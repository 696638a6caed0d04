/* SPDX-License-Identifier: MIT
 * adit/loop.h - readiness, timers, work at the end of a turn, work from and on other threads
 */
#ifndef ADIT_LOOP_H
#define ADIT_LOOP_H

#include "abi.h"

ADIT_BEGIN_DECLS

enum { ADIT_IO_READ = 1, ADIT_IO_WRITE = 2 };

#define ADIT_LOOP_1 "adit.loop/1"
/* Times are nanoseconds, monotonic. Handles belong to the loop; each lives until its _free call.
 * Functions given to the loop are called [loop], never from inside the call that gave them. */
typedef struct adit_loop_1 {
	uint32_t size;
	uint32_t zero;
	/* [loop] The time at the start of this turn. */
	uint64_t(ADIT_CALL *now)(adit_loop *l);
	/* [loop] Makes a timer that is stopped; also [control] between create and start.
	 * ADIT_ENOMEM. */
	adit_result(ADIT_CALL *timer)(adit_loop *l, adit_fn fn, void *arg, adit_timer **out);
	/* [loop] Calls fn first after `after`, then every `every`; every 0: once; both 0: stop.
	 * Replaces what was set. */
	void(ADIT_CALL *timer_set)(adit_timer *t, uint64_t after, uint64_t every);
	/* [loop] Stops it first; takes null; also from within its own fn. */
	void(ADIT_CALL *timer_free)(adit_timer *t);
	/* [loop] Watches a descriptor, which stays the caller's; nothing is wanted yet. fn is
	 * called while what is wanted holds (level). ADIT_ENOMEM; ADIT_EINVAL: no descriptor that
	 * can be watched. */
	adit_result(ADIT_CALL *io)(adit_loop *l, intptr_t fd, adit_fn fn, void *arg, adit_io **out);
	/* [loop] What is wanted from now on: ADIT_IO_... or 0. */
	void(ADIT_CALL *io_want)(adit_io *io, uint32_t mask);
	/* [loop] What holds, inside fn: ADIT_IO_... */
	uint32_t(ADIT_CALL *io_ready)(const adit_io *io);
	/* [loop] Must come before the descriptor is closed; takes null; also from within its own
	 * fn. */
	void(ADIT_CALL *io_free)(adit_io *io);
	/* [loop] Calls fn once, at the end of this turn, before the loop sleeps. ADIT_ENOMEM. */
	adit_result(ADIT_CALL *defer)(adit_loop *l, adit_fn fn, void *arg);
	/* [any] Calls fn once, on the loop, in the order of the calls of one thread. ADIT_ENOMEM;
	 * ADIT_EGONE: the loop has ended, and fn never follows. */
	adit_result(ADIT_CALL *post)(adit_loop *l, adit_fn fn, void *arg);
	/* [loop] Calls work(arg) on a [pool] thread, then done(arg) on this loop. arg is left to
	 * work until done. ADIT_ELIMIT: too much is queued, and neither follows; ADIT_ENOMEM. */
	adit_result(ADIT_CALL *pool)(adit_loop *l, adit_fn work, adit_fn done, void *arg);
	/* [any] 1 on the loop's own thread, else 0. */
	int32_t(ADIT_CALL *on_loop)(const adit_loop *l);
} adit_loop_1;

ADIT_END_DECLS

#endif
