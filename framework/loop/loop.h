/* SPDX-License-Identifier: MIT
 * loop/loop.h - the event loop of a shard, behind the SDK's adit.loop/1
 *
 * libev is behind it and nowhere else. The functions are those of adit/loop.h, called directly; watchers and
 * timers can also live inside the caller's own structs, which saves the host an allocation per socket.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <adit/loop.h>

#include "base/histogram.h"

/* Storage for a watcher; loop.c asserts that it is large enough. */
struct adit_io {
	void *store[9];
};

struct adit_timer {
	void *store[12];
};

/* A loop that nobody runs yet. Before loop_run, timers and watchers may be made from the making thread. */
adit_result loop_new(adit_loop **out);
/* The loop must not be running. Takes null. */
void loop_free(adit_loop *l);
/* Runs on the calling thread, which is the loop's own from now on, until loop_stop. What was posted and deferred by
 * then is still called. May be run again. */
void loop_run(adit_loop *l);
/* [any] */
void loop_stop(adit_loop *l);
/* The calling thread is the loop's own from now on, outside loop_run too, and what is posted between two runs waits for the
 * next one; null: no loop's. For a loop that is run by the thread that makes what lives on it. */
void loop_adopt(adit_loop *l);

/* How long turns take, from the end of the sleep to the next one; every sixteenth is looked at. [any] reads it. */
const struct histogram *loop_turns(const adit_loop *l);

/* Something of the loop's maker; null at first. */
void loop_set_owner(adit_loop *l, void *owner);
void *loop_owner(const adit_loop *l);

uint64_t loop_now(adit_loop *l);
int32_t loop_here(const adit_loop *l);
adit_result loop_defer(adit_loop *l, adit_fn fn, void *arg);
adit_result loop_post(adit_loop *l, adit_fn fn, void *arg);

/* fn is called while what is wanted holds; nothing is wanted at first. The storage stays the caller's. */
void loop_io_init(adit_io *io, adit_loop *l, int fd, adit_fn fn, void *arg);
void loop_io_want(adit_io *io, uint32_t mask);
uint32_t loop_io_ready(const adit_io *io);
/* Must come before the descriptor is closed. Safe on zeroed storage. */
void loop_io_fini(adit_io *io);

/* A socket that is watched from beginning to end by edges: fn is called when something has become so, not while it is.
 * Whoever is called reads until there is nothing (a read shorter than asked says so too), or remembers that there is
 * more. One system call a socket, and none when what one waits for changes. */
struct loop_edge {
	void *store[3];
};
enum {
	LOOP_READ = ADIT_IO_READ,
	LOOP_WRITE = ADIT_IO_WRITE,
	LOOP_PEER_DONE = 4, /* its end of stream is there, perhaps behind data */
	LOOP_ERROR = 8,     /* SO_ERROR tells which */
	LOOP_URGENT = 16    /* TCP's urgent mark is in what waits: a read ends there, short, with more behind it */
};
/* What holds already is told in the next turn. ADIT_ELIMIT, ADIT_ENOMEM: the system watches no more. */
adit_result loop_edge_init(struct loop_edge *e, adit_loop *l, int fd, adit_fn fn, void *arg);
/* What has become so, inside fn: LOOP_... */
uint32_t loop_edge_ready(const struct loop_edge *e);
/* The descriptor, of which there must be no duplicate, is closed by the caller right afterwards. Safe on zeroed
 * storage. */
void loop_edge_fini(struct loop_edge *e);
/* The same for a descriptor that stays open. */
void loop_edge_leave(struct loop_edge *e, int fd);

void loop_timer_init(adit_timer *t, adit_loop *l, adit_fn fn, void *arg);
void loop_timer_set(adit_timer *t, uint64_t after, uint64_t every);
void loop_timer_fini(adit_timer *t);

extern const adit_loop_1 loop_table;

#endif
