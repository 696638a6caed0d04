/* SPDX-License-Identifier: MIT
 * flow/flow.h - one flow: who talks to whom, in which state, who owns it, what it has moved
 *
 * Flows live in the slots of a flowtable (flow/flowtable.h); a handle is slot and generation. The owner is
 * whoever has the other end: at first the verdict (flow/verdict.c), then a handler or a relay (dial/).
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include <adit/flow.h>
#include <adit/life.h>

struct shard;
struct flow;

enum flow_state {
	FLOW_FREE,   /* the slot is not in use */
	FLOW_ASKED,  /* the handlers are being asked; the first packet is parked */
	FLOW_DIAL,   /* forwarded with connect-first: the outbound is connecting; the first packet is parked */
	FLOW_OPEN,   /* admitted: the stack gets its packets */
	FLOW_CLOSED, /* both ends are done with it; late packets still pass to the stack until it is forgotten */
	FLOW_STATES
};

enum {
	FLOW_FIN_UP = 1,       /* the application has sent FIN */
	FLOW_RST_UP = 2,       /* ... RST */
	FLOW_ACCEPTED = 4,     /* the stack has been told ACCEPT and is owed RELEASE */
	FLOW_ESTABLISHED = 8,  /* the stack has ended the handshake; no longer half-open */
	FLOW_HANDLED = 16,     /* a handler ACCEPTed it and is owed CLOSED */
	FLOW_TOLD = 32,        /* the handler that forwarded it wants to hear the end: owed CLOSED */
	FLOW_INBOUND = 64,     /* made by a datagram from the network (endpoint-independent filtering) */
	FLOW_REFUSED = 128     /* a verdict of REJECT or DROP that stays for a while, so that it is not asked again */
};

enum { FLOW_NOBODY = 0xff };

/* What whoever owns a flow is told. All on the flow's loop; the flow may end inside. */
struct flow_owner {
	const char *name;
	/* An event of the stack: DATA, DGRAM, FIN, CREDIT, CLOSED, SOCKET. A buffer in it is given. */
	void (*event)(struct shard *s, struct flow *f, const adit_event *ev);
	/* An event of the outbound that the flow was forwarded to. May be null. */
	void (*far_event)(struct shard *s, struct flow *f, const adit_event *ev);
	/* The flow ends for a reason of the host's (idle, shutdown, limit): let go of everything. */
	void (*end)(struct shard *s, struct flow *f, adit_result code);
};

struct flow {
	adit_flow_info info;
	uint32_t slot, generation;
	uint32_t hash;
	uint32_t last; /* seconds of the loop's clock when a packet or byte last moved */
	uint8_t state; /* enum flow_state */
	uint8_t flags;
	uint8_t stack;   /* index into the shard's stacks */
	uint8_t handler; /* the handler asked last, or that owns it; FLOW_NOBODY */
	uint8_t outbound; /* that it was forwarded to; FLOW_NOBODY */
	uint32_t older, newer; /* slots: neighbours in the list of its state (flowtable.c) */
	uint32_t idle;         /* seconds without a byte that end it; 0: the default */
	uint64_t user;         /* the handler's number */
	uint64_t waiting;      /* bytes that its handler was given: of a stream until they are consumed, of datagrams in
	                        * the batch that it gets next */
	uint64_t batch;        /* that batch's number (datagrams) */
	const struct flow_owner *owner;
	void *owned;   /* the owner's */
	void *parked;  /* the first packet, while ASKED or DIAL */
	uint64_t opened; /* ns */
	uint64_t bytes_up, bytes_down;
};

static inline adit_flow flow_handle(const struct flow *f)
{
	return (uint64_t)f->generation * 4294967296u + f->slot;
}

/* The state's name. Static. */
const char *flow_state_name(enum flow_state state);

/* True if a flow in `from` may move to `to`. */
int flow_may_move(enum flow_state from, enum flow_state to);

#endif
