/* SPDX-License-Identifier: MIT
 * host/change.h - a change of what runs, all or nothing: the steps that a reload and a swap have in common
 *
 *     make      what is new is created and opened, on this thread
 *     start     ... and started on the loops, and new outbounds get their numbers
 *     probe     new stacks are tried
 *     update    settings change in place; who refuses is made anew (back to make)
 *     switch    on every loop: new flows go where the new line-up says
 *
 * Each step that goes over the loops goes on when all have answered. Whatever fails before the switch is undone: what was
 * updated gets its old settings, what was made is taken down. The switch itself cannot fail.
 */
#ifndef HOST_CHANGE_H
#define HOST_CHANGE_H

#include "host/instance.h"
#include "host/plan.h"

#define CHANGE_PATIENCE 30000000000ull /* ns that a change waits for a shard that is inside a call */

struct change;
/* The end; err as that of host_reload. The change is freed after it. */
typedef void change_over_fn(struct change *c, int err);

struct change_result { /* of a shard */
	atomic_bool back; /* has answered this round */
	adit_result result;
	struct instance *instance;
	char why[256];
};

struct change {
	struct host *host;
	struct conf *conf; /* a reference */
	struct report report;
	struct host_plan plan;
	struct items items;
	struct lineup line;
	struct host_drain drain;
	struct shard_order *order;   /* of the line-up that will be */
	struct shard_order *between; /* the present one with the new outbounds */
	struct instance *leaving[CONF_KINDS * SHARD_PARTS];
	uint8_t next[CONF_KINDS * SHARD_PARTS]; /* of those that leave, handlers: shard_after() */
	unsigned leaving_count;
	struct shard_timeouts timeouts;
	uint32_t half_open, datagram; /* limits */
	struct change_result results[64]; /* by shard */
	host_call_fn *fn;      /* of the round over the shards that is under way */
	host_called_fn *then;
	adit_timer patience;
	bool given_up; /* a shard did not come back in time: what follows is the way back */
	struct item *updating;
	struct instance *probing;
	uint32_t probe_flags; /* ADIT_PROBE_... */
	bool switched;
	int err;
	change_over_fn *over;
	/* Comes first, in the control loop's next turn; may be null. */
	void (*beginning)(struct change *c);
	/* A new stack was tried; may be null. err 0: it works. */
	void (*probed)(struct change *c, struct instance *i, int err, const char *text);
	/* The line-up holds from here on; may be null. */
	void (*shifted)(struct change *c);
	void *arg;
};

/* [control] Compares. stack_names: the stacks that are wanted. stacks_only: everything else in the line-up stays as it is,
 * whatever the files of its modules are now. On failure *out is untouched, r says why. */
int change_new(struct host *h, struct conf *conf, char stack_names[STACK_PROTOCOLS][NAME_ROOM], bool stacks_only,
               struct report *r, struct change **out);
/* Takes null. Not once it has begun. */
void change_free(struct change *c);
/* Carries it out; over() follows, never from inside this call. ADIT_EAGAIN, ADIT_ENOMEM: not begun, still the caller's. */
int change_begin(struct change *c);
/* After the shards have ended: one under way is over (ADIT_ECANCEL). */
void change_end(struct host *h);

#endif
