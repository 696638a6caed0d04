/* SPDX-License-Identifier: MIT
 * handler-rules/own.h - one instance: its table, what it counts, and the flows that wait for something
 *
 *     handler-rules.c   settings, life, what the module exports
 *     share.c           one table for all shards
 *     decide.c          a flow and the rules: the verdict, or what has to be found out first
 *     wait.c            flows of which something is being found out, with their bytes
 */
#ifndef RULES_OWN_H
#define RULES_OWN_H

#include <adit/callbacks.h>
#include <adit/observe.h>

#include "limit.h"
#include "look.h"
#include "quic.h"
#include "table.h"

enum {
	WAITING_MOST = 4096, /* flows of one shard; beyond it flows are decided with what is known */
	WAITING_DATAGRAMS = 4, /* of one flow that are kept */
	WAITING_PIECES = 64  /* events of one flow that are looked at: bounds the work that a dribble makes */
};

struct own;

/* A flow of which something is being found out. */
struct waiting {
	adit_flow flow;        /* 0: it has ended, and only the answer is awaited */
	uint32_t index;        /* in own.waiting */
	uint32_t at;           /* the rule to go on with */
	struct table *table;   /* that `at` counts in */
	adit_owner *owner;     /* null: not known, or none */
	struct asking *asking; /* the question to the platform that is under way, or null */
	uint32_t known;        /* KNOWN_... */
	uint8_t accepted;
	uint8_t buf_count;
	uint16_t pieces;
	uint32_t size; /* bytes in bufs */
	adit_buf *bufs[WAITING_DATAGRAMS]; /* datagrams; a stream is one chain in the first */
	adit_buf *last;                    /* of the stream's chain */
	uint64_t deadline;
	struct waiting *next, **link; /* in the order of deadlines; link null: not in it */
	struct host_name name;        /* size 0: none */
};

/* What is counted per rule, the default last; and in all. */
struct counts {
	uint64_t **hits;
	uint32_t n;
};

struct own {
	adit_handler *h;
	struct share *share;
	const adit_loop_1 *loop;
	const adit_owner_1 *owners; /* null: the platform cannot tell */
	const adit_counters_1 *counters;
	struct table *table;
	struct table_job *job; /* a new table that is being read, or null */
	struct counts counts;
	uint64_t *looked, *named, *timed_out, *crowded, *stack_late; /* cells */
	struct limit *limit;
	uint8_t connect_first, look;
	uint64_t look_ns;
	adit_timer *timer;
	struct waiting *first, **last; /* by deadline */
	struct waiting *waiting[WAITING_MOST];
	uint32_t free_count;
	uint16_t free[WAITING_MOST]; /* places in waiting */
	uint8_t scratch[LOOK_MOST];
	struct quic quic; /* scratch too */
};

/* ---- share.c ---- */

struct share *share_new(void);
/* [control] No instance is left. */
void share_free(struct share *s);
/* [control] or [loop]: the table for the settings h->cfg, made or shared; a reference is the caller's. Its sets are not
 * read yet. Negative after adit_fail(). */
adit_result share_get(struct own *o, struct table **out);

/* ---- decide.c ---- */

/* [loop] A new flow. */
void decide_open(adit_handler *h, adit_flow flow, const adit_flow_info *info);
/* [loop] Something more is known of a flow: goes on until the verdict, which ends w, or until something else has to be
 * found out. */
void decide_on(struct own *o, struct waiting *w);

/* ---- wait.c ---- */

/* [loop] Null: there are too many. */
struct waiting *wait_new(struct own *o, adit_flow flow);
/* [loop] Gives everything back that hangs on it. */
void wait_free(struct own *o, struct waiting *w);
/* [loop] The flow of an event after ACCEPT; null: none that waits. */
struct waiting *wait_find(struct own *o, adit_flow flow, uint64_t user);
/* [loop] Accepts the flow to see how it begins; what comes of it is decide_on(). */
void wait_look(struct own *o, struct waiting *w);
/* [loop] Asks the platform whose the flow is; what comes of it is decide_on(). 0: it cannot be asked. */
int wait_ask(struct own *o, struct waiting *w);
/* [loop] Gives what came back to the host, to be forwarded. */
void wait_unread(struct own *o, struct waiting *w);
void wait_timer(void *arg);
/* [loop] Ends them all, without verdicts. */
void wait_stop(struct own *o);

/* Callbacks of the flows that are looked at. */
void wait_data(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf);
void wait_dgram(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf);
void wait_fin(adit_handler *h, adit_flow flow, uint64_t user);
void wait_closed(adit_handler *h, adit_flow flow, uint64_t user, adit_result code);

#endif
