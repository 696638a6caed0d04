/* SPDX-License-Identifier: MIT
 * host/tapping.h - somebody on the control loop looks at what passes the shards: taps on all of them, read in order of time
 *
 * Everything here is [control]. Rings are bounded: what the reader is too slow for is lost, and counted.
 */
#ifndef HOST_TAPPING_H
#define HOST_TAPPING_H

#include <stdbool.h>

#include "flow/tap.h"
#include "host/host.h"

struct tapping;

enum { TAPPINGS_MOST = 8 /* at a time */, TAPPING_SNAP_MOST = 262144 };

struct tapping_options {
	enum tap_kind kind;
	const char *stack; /* TAP_STACK: its name; lent */
	adit_flow flow;    /* TAP_FLOW, on this shard */
	uint32_t shard;
	bool words;       /* TAP_FLOW: events and operations too */
	uint32_t snap;    /* bytes of a packet that are kept */
	size_t ring;      /* bytes for each shard, a power of two */
	/* There may be something to read, or the result has changed. */
	void (*news)(void *arg);
	void *arg;
};

/* ADIT_ELIMIT: TAPPINGS_MOST are there; ADIT_ENOMEM; ADIT_EINVAL: no such shard, or the host does not run. */
int tapping_new(struct tapping **out, struct host *h, const struct tapping_options *options);
/* 0: all is well, or not known yet. ADIT_ENOENT: there is no such flow, or no such stack. */
int tapping_result(const struct tapping *t);
/* The oldest record of all; it stays until tapping_pop. Null: none. What follows a packet's record may be written to. */
struct tap_record *tapping_front(struct tapping *t);
void tapping_pop(struct tapping *t);
/* Records that found no room. */
uint64_t tapping_lost(const struct tapping *t);
/* Takes the taps off; news is not called any more. The memory goes when the shards have let go. Takes null. */
void tapping_free(struct tapping *t);

/* For host_free, when no shard runs any more. */
void tappings_fini(struct host *h);

#endif
