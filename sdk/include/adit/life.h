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
 *     stop   [loop]     last [loop] call; nothing may be sent afterwards
 *     destroy [control] free everything; also called after a failed create's *inst was set, or a failed open
 *
 * Every function but create and destroy may be null: nothing to do there.
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
} adit_env;

/* The slot of a flow: a small number that is in use by one flow of the shard at a time, for tables. */
#define ADIT_FLOW_SLOT(f) ((uint32_t)((f) & 0xffffffffu))

typedef struct adit_life {
	uint32_t size;
	uint32_t zero;
	adit_result(ADIT_CALL *create)(void *ctx, const adit_env *env, void **inst);
	adit_result(ADIT_CALL *open)(void *inst);
	adit_result(ADIT_CALL *start)(void *inst);
	adit_result(ADIT_CALL *reload)(void *inst, const adit_cfg *cfg);
	void(ADIT_CALL *drain)(void *inst, uint64_t deadline_ns);
	void(ADIT_CALL *stop)(void *inst);
	void(ADIT_CALL *destroy)(void *inst);
} adit_life;

/* The wires of one instance, all [loop]. `end` is the first argument of every one of them. A wire that the
 * instance's kind does not have is null:
 *              input  output  emit  submit
 *   platform     x
 *   stack                x      x
 *   handler                             x
 *   outbound                    x
 *   service
 */
struct adit_path {
	uint32_t size;
	uint32_t zero;
	void *end;
	/* Packets from the device, as they were read. n at most 256. */
	void(ADIT_CALL *input)(void *end, adit_buf *const *pkt, uint32_t n);
	/* Packets to the device. n at most 256. */
	void(ADIT_CALL *output)(void *end, adit_buf *const *pkt, uint32_t n);
	/* What happened at this end of its flows. */
	void(ADIT_CALL *emit)(void *end, const adit_event *ev, uint32_t n);
	/* What the handler wants done. */
	void(ADIT_CALL *submit)(void *end, const adit_op *op, uint32_t n);
	/* Fills v with up to n empty buffers with at least `room` bytes of tailroom after ADIT_BUF_HEADROOM bytes of
	 * headroom; returns how many. Fewer than n: the shard's limit is reached. */
	uint32_t(ADIT_CALL *get)(void *end, adit_buf **v, uint32_t n, uint32_t room);
	/* Takes buffers back, chains whole. */
	void(ADIT_CALL *put)(void *end, adit_buf *const *v, uint32_t n);
	/* A buffer around the module's own memory; done(arg) [loop] once nobody needs it. Null: no memory. */
	adit_buf *(ADIT_CALL *wrap)(void *end, void *mem, uint32_t len, adit_fn done, void *arg);
	/* Who talks to whom: lent until the flow ends; null for a stale handle. */
	const adit_flow_info *(ADIT_CALL *info)(void *end, adit_flow flow);
};

ADIT_END_DECLS

#endif
