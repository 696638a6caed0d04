/* SPDX-License-Identifier: MIT
 * tests/lib/kitmod.h - what the test modules kitbase and kithandler let a test see
 *
 * kitbase is platform, stack, outbound and service; kithandler is a handler. No device, no socket: a test puts packets into
 * a shard itself, and what would go to the device is noted here.
 */
#ifndef TESTS_KITMOD_H
#define TESTS_KITMOD_H

#include <stdatomic.h>
#include <stdint.h>

#define KITMOD_1 "test.kitmod/1"
/* Of one image. Everything may be read at any time. */
struct kitmod {
	const char *version;
	atomic_uint created, opened, started, reloaded, drained, stopped, destroyed, inits;
	atomic_uint reached[128];   /* outbounds, by their tag: how often they were asked */
	atomic_uint replies[65536]; /* platform: datagrams down, by the application's port */
	atomic_uint tag[65536];     /* the first byte of the last one */
	atomic_uint hold;           /* while it is set, a reload or a job that waits does so */
	atomic_uint waiting, jobs;  /* that wait; jobs that are over */
	atomic_uint claimed;        /* services: whose there can be only one, by their tag */
	atomic_uint outputs;        /* platform: packets down */
};

#endif
