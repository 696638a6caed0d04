/* SPDX-License-Identifier: MIT
 * dial/join.h - a forwarded TCP flow: its two ends, from the verdict until the flow is over or a relay has taken it
 *
 * An end is a kernel socket, or a party: a stack or an outbound that keeps the bytes and speaks the vocabulary of
 * adit/flow.h. Two sockets are the relay's affair (dial/relay.h), which knows nothing of buffers. Everything else is joined
 * here, and what differs is only how a lane's bytes leave its source and reach its sink (dial/lane.c): a socket is not made
 * to speak the vocabulary as well, for then each byte would wait in two queues, and each flow would pay for both.
 */
#ifndef DIAL_JOIN_H
#define DIAL_JOIN_H

#include "dial/backlog.h"
#include "flow/shard.h"

enum { JOIN_NEAR, JOIN_FAR };

enum join_end {
	JOIN_AWAITED, /* it has not said yet what it is */
	JOIN_SOCKET,
	JOIN_PARTY,
	JOIN_OVER /* nothing more is said to it */
};

/* An end, and how far the direction is whose source it is. */
struct side {
	uint16_t end : 2,      /* enum join_end */
		fin : 1,       /* it has ended its direction */
		shut : 1,      /* ... and the other end has been told */
		log : 5,       /* 1 << log is what there has been of credit for its direction, rounded down */
		asked : 1,     /* it was asked for its socket after the fact: CREDIT does not make it a party */
		closing : 1,   /* a party: it has been told CLOSE */
		readable : 1,  /* a socket: it may hold more */
		full : 1,      /* a socket: it takes no more */
		peer_done : 1, /* a socket: its FIN is there, perhaps behind data */
		failed : 1,    /* a socket: its error is to be looked at */
		urgent : 1;    /* a socket: it has sent urgent data, and a short read says nothing */
};

/* There is one for each flow for as long as it lives: 104 bytes, with malloc's own 112. */
struct join {
	struct shard *shard;
	struct flow *flow; /* null: it has ended, and is freed by the turn's end */
	struct join *next; /* of those that have something to do; the last one's is itself; null: not among them */
	union {
		struct loop_edge edge; /* of the socket, once both ends are known */
		struct {
			void *edge_is_not_set[2];
			uint32_t us; /* of the loop's clock, modulo 2^32: when the outbound was asked */
		} asked;
	};
	struct backlog lane[2]; /* what side[i] has given and the other one has not taken; lane[JOIN_NEAR] goes up */
	struct side side[2];
	int fd; /* of the end that is a socket; -1: none is */
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct join) == 104, "a join has grown");

extern const struct flow_owner join_owner;

/* What all joins of a shard share. */
adit_result join_shard_new(struct shard *s);
/* Takes a shard that has none. */
void join_shard_free(struct shard *s);

/* Makes the join the flow's owner; both ends are awaited. Null: no memory. */
struct join *join_new(struct shard *s, struct flow *f);
/* Both ends are known. */
static inline int join_is_ready(const struct join *j)
{
	return j->side[0].end != JOIN_AWAITED && j->side[1].end != JOIN_AWAITED;
}

/* The near end is known, from the time before the flow was forwarded. */
void join_near_is_party(struct join *j, uint64_t credit);
/* It has something to do, at the end of the turn. */
void join_mark(struct join *j);
/* Everything is let go of, and the flow refused or closed. */
void join_finish(struct join *j, adit_result code);
/* The module at one end of a flow. */
struct part *join_part(struct join *j, unsigned end);

/* Moves what can be moved from one end to the other. ADIT_OK, also when it has to wait; ADIT_EAGAIN when its turn was over
 * before all had been moved; ADIT_ELIMIT when no buffer was to be had, and it is to be tried again soon; or why the flow has
 * to end (dial/lane.c). */
adit_result lane_run(struct join *j, unsigned from);
/* The sink of the direction may be sent so much more. */
void lane_credit(struct join *j, unsigned from, uint64_t more);

#endif
