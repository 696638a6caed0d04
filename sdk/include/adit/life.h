/* SPDX-License-Identifier: MIT
 * adit/life.h - what every instance gets, the wires it hangs on, and the order of its life
 *
 * One instance of a component lives on one shard. create .. destroy:
 *
 *     create [control]  read the configuration, allocate; no I/O yet
 *     open   [control]  open devices, sockets, files; the process still has its privileges
 *                       ---- privileges drop here ----
 *     start  [loop]     first call on the instance's own loop; traffic may follow at once
 *     reload [loop]     new configuration, all or nothing
 *     drain  [loop]     no new flows follow; finish what there is
 *                       (an instance may be taken back: then new flows follow as before)
 *     stop   [loop]     last [loop] call; nothing may be sent afterwards
 *     destroy [control] free everything; also after a failed open, or create with *inst set
 *
 * Every function but create and destroy may be null: nothing to do there. A null reload, and one
 * that returns ADIT_ENOSYS, means that the instance cannot change in place.
 */
#ifndef ADIT_LIFE_H
#define ADIT_LIFE_H

#include "abi.h"
#include "buf.h"
#include "flow.h"

ADIT_BEGIN_DECLS

/* Kept. */
typedef struct adit_env {
	uint32_t size;
	uint32_t shard;   /* 0 .. shards - 1 */
	uint32_t shards;  /* how many instances of this component there are, one per loop */
	uint32_t flows;   /* slots of the shard's flow table: a handle's slot is below this (ADIT_FLOW_SLOT) */
	const char *name; /* the instance's name in the manifest */
	const adit_host *host;
	adit_loop *loop;
	const adit_cfg *cfg; /* checked against the module's schema */
	const adit_path *path;
	uint64_t flow_memory; /* bytes of one flow and direction that may wait in buffers (limits.flow_memory); 0: not said.
	                       * A stack or outbound that keeps bytes reads no further and gives no more credit. */
} adit_env;

/* The slot of a flow: a small number that is in use by one flow of the shard at a time, for
 * tables. */
#define ADIT_FLOW_SLOT(f) ((uint32_t)((f) & 0xffffffffu))

typedef struct adit_life {
	uint32_t size;
	uint32_t flags; /* ADIT_LIFE_... */
	/* [control] ctx is what adit_module.init gave. env is kept. 0 with *inst, which is the
	 * module's own; or negative, after host->fail() has said why: with *inst set destroy
	 * follows, else nothing was left behind. */
	adit_result(ADIT_CALL *create)(void *ctx, const adit_env *env, void **inst);
	/* [control] 0 or negative; then destroy follows. */
	adit_result(ADIT_CALL *open)(void *inst);
	/* [loop] 0 or negative; then stop and destroy follow. */
	adit_result(ADIT_CALL *start)(void *inst);
	/* [loop] cfg is kept until a later reload has succeeded; the former one, and what was read
	 * from it, may go once this returns 0 (env->cfg is the new one then). Negative: nothing has
	 * changed, and cfg goes instead; a new instance is made beside this one. Where another shard
	 * refuses, reload follows with the former settings. */
	adit_result(ADIT_CALL *reload)(void *inst, const adit_cfg *cfg);
	/* [loop] No new flows follow, unless the instance is taken back. Flows that are left at
	 * deadline_ns (as loop->now counts; UINT64_MAX: never) are ended by the host. */
	void(ADIT_CALL *drain)(void *inst, uint64_t deadline_ns);
	/* [loop] Gives up timers, watchers and buffers. No CLOSED need have come for every flow. */
	void(ADIT_CALL *stop)(void *inst);
	/* [control] Frees inst; copes with one that create or open left half built. */
	void(ADIT_CALL *destroy)(void *inst);
} adit_life;
enum {
	ADIT_LIFE_FILES = 1 /* settings name files: reload is asked for whenever the manifest is loaded again, also if the
	                     * settings are the same, for the files may not be */
};

/* The wires of one instance. `end` is the first argument of every one of them. Arrays are lent,
 * buffers in them are given. Nothing is returned where nothing can be done: what cannot be carried
 * out is put back and counted. A wire that the instance's kind does not have is null:
 *              input  output  emit  submit  get put wrap info
 *   platform     x                              x
 *   stack                x      x               x
 *   handler                             x       x
 *   outbound                    x               x
 *   service
 */
struct adit_path {
	uint32_t size;
	uint32_t zero;
	void *end;
	/* [loop] Packets from the device, as they were read. n at most 256. */
	void(ADIT_CALL *input)(void *end, adit_buf *const *pkt, uint32_t n);
	/* [loop] Packets to the device. n at most 256. */
	void(ADIT_CALL *output)(void *end, adit_buf *const *pkt, uint32_t n);
	/* [loop] What happened at this end of its flows, oldest first. */
	void(ADIT_CALL *emit)(void *end, const adit_event *ev, uint32_t n);
	/* [loop] What the handler wants done, in order. */
	void(ADIT_CALL *submit)(void *end, const adit_op *op, uint32_t n);
	/* [loop] Fills v with up to n empty buffers (len 0, no flags) with at least `room` bytes of
	 * tailroom after ADIT_BUF_HEADROOM bytes of headroom; returns how many. They are the
	 * caller's. Fewer than n: the shard's limit is reached; the rest of v is untouched. */
	uint32_t(ADIT_CALL *get)(void *end, adit_buf **v, uint32_t n, uint32_t room);
	/* [loop] Takes buffers back, chains whole. */
	void(ADIT_CALL *put)(void *end, adit_buf *const *v, uint32_t n);
	/* [loop] A buffer around len bytes of the module's own memory, which must stay as it is
	 * until done(arg), [loop], says that nobody needs it any more. Null: no memory, and done
	 * never follows. */
	adit_buf *(ADIT_CALL *wrap)(void *end, void *mem, uint32_t len, adit_fn done, void *arg);
	/* [loop] Who talks to whom: lent until the flow's CLOSED has been handled; null for a stale
	 * handle. */
	const adit_flow_info *(ADIT_CALL *info)(void *end, adit_flow flow);
};

ADIT_END_DECLS

#endif
