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
	FLOW_ACCEPTED = 1,     /* the stack has been told ACCEPT and is owed RELEASE */
	FLOW_ESTABLISHED = 2,  /* the stack has ended the handshake; no longer half-open */
	FLOW_HANDLED = 4,      /* a handler ACCEPTed it and is owed CLOSED */
	FLOW_TOLD = 8,         /* the handler that forwarded it wants to hear the end: owed CLOSED */
	FLOW_INBOUND = 16,     /* made by a datagram from the network (endpoint-independent filtering) */
	FLOW_REFUSED = 32,     /* a verdict of REJECT or DROP that stays for a while, so that it is not asked again */
	FLOW_SPOKEN = 64,      /* its handler has sent something, or ended its direction: too late to forward it */
	FLOW_NEAR_FIN = 128,   /* its handler has been told FIN */
	FLOW_WAITING = 256,    /* OPEN and forwarded, and the outbound has not answered yet */
	FLOW_NO_STACK = 512    /* ASKED: its handler wants a stack that is not there */
};

enum { FLOW_NOBODY = 0xff, FLOW_NAME_MOST = 253 /* bytes; RFC 1035 section 2.3.4, without the last dot */ };
#define FLOW_NO_END UINT32_MAX

/* What whoever owns a flow is told. All on the flow's loop; the flow may end inside. */
struct flow_owner {
	const char *name;
	/* An event of the stack: DATA, DGRAM, FIN, CREDIT, CLOSED, SOCKET. A buffer in it is given. */
	void (*event)(struct shard *s, struct flow *f, const adit_event *ev);
	/* An event of the outbound that the flow was forwarded to. May be null. */
	void (*far_event)(struct shard *s, struct flow *f, const adit_event *ev);
	/* The flow ends for a reason of the host's (idle, shutdown, limit): let go of everything. */
	void (*end)(struct shard *s, struct flow *f, adit_result code);
	/* Bytes of the application's that wait in buffers. Null: none ever do. */
	uint32_t (*waiting)(const struct flow *f);
};

struct flow {
	adit_flow_info info;
	uint32_t slot, generation;
	uint32_t hash;
	uint32_t last; /* seconds of the loop's clock when a packet or byte last moved */
	uint8_t state; /* enum flow_state */
	uint8_t stack;   /* index into the shard's stacks */
	uint8_t handler; /* the handler asked last, or that owns it; FLOW_NOBODY */
	uint8_t outbound; /* that it was forwarded to; FLOW_NOBODY */
	uint16_t flags;
	uint8_t told;    /* the number of the call in which its handler heard of it last (part.c) */
	uint32_t queued; /* events of it that its handler has not been told yet */
	uint32_t older, newer; /* slots: neighbours in the list of its state (flowtable.c) */
	uint32_t offered;      /* TCP: ms of the loop's clock when it became OPEN */
	uint32_t idle;         /* seconds without a byte that end it; 0: the default */
	uint64_t user;         /* the handler's number */
	const struct flow_owner *owner;
	union {
		void *owned; /* the owner's */
		struct {     /* of a flow that a handler owns; FLOW_NO_END: no end */
			uint32_t given; /* what it was given and has neither consumed nor given back: bytes of a stream,
			                 * datagrams */
			union {
				uint32_t credit; /* of a stream: what it may still send */
				uint32_t bytes;  /* of the datagrams that it is told of next */
			};
		} had;
	};
	void *parked;  /* the first packet, while ASKED or DIAL; then what nobody has taken yet (flow/held.h) */
	char *name;    /* the host name that it goes to, or null */
	uint64_t opened; /* ns */
	uint64_t bytes_up, bytes_down;
};

static inline adit_flow flow_handle(const struct flow *f)
{
	return (uint64_t)f->generation * 4294967296u + f->slot;
}

/* The host name that the flow goes to, or null. Lives as long as the flow, or until the next one is set. */
static inline const char *flow_name(const struct flow *f)
{
	return f->name;
}

/* Copies the name; null takes it away. ADIT_EINVAL: it is empty or too long; ADIT_ENOMEM. */
adit_result flow_set_name(struct flow *f, const char *name);

/* The place of a flow's protocol in what is kept for each of TCP, UDP and echo. */
static inline unsigned flow_protocol(uint8_t proto)
{
	return proto == ADIT_PROTO_TCP ? 0 : proto == ADIT_PROTO_UDP ? 1 : 2;
}

/* "tcp", "udp" or "icmp". Static. */
const char *flow_protocol_name(uint8_t proto);

/* The state's name. Static. */
const char *flow_state_name(enum flow_state state);

/* True if a flow in `from` may move to `to`. */
int flow_may_move(enum flow_state from, enum flow_state to);

#endif
