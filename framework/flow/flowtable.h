/* SPDX-License-Identifier: MIT
 * flow/flowtable.h - the flows of one shard: find by 5-tuple or handle, hard limits, ageing
 *
 * Open addressing over a keyed hash; flows live in chunks that are made with use, so an idle table is small
 * and a flow never moves. A full table refuses; it never overwrites. One thread only: the shard's.
 */
#ifndef FLOW_FLOWTABLE_H
#define FLOW_FLOWTABLE_H

#include "flow/flow.h"

struct flowtable;

struct flow_limits {
	uint32_t flows;     /* in all, refused and closed ones included */
	uint32_t half_open; /* ASKED, DIAL, and OPEN ones without FLOW_ESTABLISHED (TCP) */
	uint32_t datagram;  /* UDP and echo */
	uint32_t closed;    /* CLOSED ones that are kept for late packets; beyond it the oldest is forgotten */
};

adit_result flowtable_new(struct flowtable **out, const struct flow_limits *limits);
void flowtable_free(struct flowtable *t);

/* The flow with these endpoints, or null. */
struct flow *flowtable_find(struct flowtable *t, uint8_t proto, const adit_addr *src, const adit_addr *dst);
/* The flow of a handle; null if it is stale, which is not counted. */
struct flow *flowtable_look(const struct flowtable *t, adit_flow handle);
/* The flow of a handle that somebody has used; null if it is stale, which is counted. */
struct flow *flowtable_get(struct flowtable *t, adit_flow handle);

/* A new flow in state ASKED; null: a limit is reached or there is no memory. There must be none with these
 * endpoints. */
struct flow *flowtable_add(struct flowtable *t, uint8_t proto, const adit_addr *src, const adit_addr *dst);
/* The flow's slot is free for another; the handle is stale from here on. */
void flowtable_remove(struct flowtable *t, struct flow *f);

/* The one place that changes a flow's state. A move that flow_may_move forbids is a bug and aborts. */
void flowtable_move(struct flowtable *t, struct flow *f, enum flow_state to);
/* The TCP handshake is over: the flow is not half-open any more. */
void flowtable_established(struct flowtable *t, struct flow *f);

/* The flow that has been in its list for longest, or null. */
enum flow_list { FLOWS_CLOSED, FLOWS_DIALLING, FLOWS_OFFERED, FLOW_LISTS }; /* the latter two: half-open TCP flows */
struct flow *flowtable_oldest(struct flowtable *t, enum flow_list list);
/* True if no half-open flow can be added, and others could. */
int flowtable_crowded(const struct flowtable *t);

/* Calls fn for every flow in slots [from, from + n); returns the slot to go on with, 0 at the end. fn may remove
 * flows. */
uint32_t flowtable_walk(struct flowtable *t, uint32_t from, uint32_t n, void (*fn)(void *arg, struct flow *f), void *arg);

struct flow_counts {
	uint32_t flows, half_open, datagram, closed;
	uint32_t slots;   /* that exist, in use or not */
	uint64_t refused; /* for a limit, since the start */
	uint64_t stale;   /* handles that were, since the start */
};
/* [any] Approximate while the table is at work. */
void flowtable_count(const struct flowtable *t, struct flow_counts *out);
/* Other limits from now on; flows that are there stay. */
void flowtable_retune(struct flowtable *t, uint32_t half_open, uint32_t datagram);
const struct flow_limits *flowtable_limits(const struct flowtable *t);

#endif
