/* SPDX-License-Identifier: MIT
 * adit/flow.h - flows as modules see them: a vector of events in, a vector of operations out
 *
 * A flow is one conversation in both directions: a TCP connection, a UDP 5-tuple, or one ICMP echo
 * identifier. "up" is from the application to the network, "down" the reverse.
 *
 * The same two vectors join every pair of parts:
 *
 *     stack  --events-->  host  --events-->  handler          outbound --events--> host
 *     stack  <--ops-----  host  <--ops-----  handler          outbound <--ops----- host
 *
 * A stack and an outbound are mirror images: each is one end of a conversation. The host joins the
 * two ends of a forwarded flow; a handler that ACCEPTs a flow stands in the outbound's place
 * itself.
 *
 * Life of a flow as a handler sees it. OPEN leads to exactly one verdict, at any later time:
 *   ACCEPT   the handler owns the bytes; u.num comes back as `user` in every later event
 *   FORWARD  the host relays to an outbound; the handler sees only CLOSED at the end
 *   PASS     the next handler is asked; the flow is never heard of again
 *   REJECT   refused in the protocol's own way; code: ADIT_EREFUSED, _EHOST, _ENET or _EADMIN
 *   DROP     silence
 * A flow that ends before its verdict (the application gave up, nobody answered in time) is CLOSED.
 * After ACCEPT: CREDIT says how many more bytes SEND may carry; DATA (TCP) and DGRAM (UDP, echo)
 * give a buffer, a chain being one stretch or one datagram; CONSUME gives the window of DATA back,
 * in bytes; FIN is the end of one direction and FIN the operation ends the other; CLOSED is always
 * the last event, exactly once, its code 0 or the reason. CLOSE ends in good order after what was
 * sent, ABORT at once with a reset. A SEND beyond the credit aborts the flow. An operation on a
 * stale flow is dropped, its buffer put back, and counted.
 * A handler that wants to see how a flow begins before it decides ACCEPTs it, looks, gives back with UNREAD what it has
 * not CONSUMEd (newest first), and then FORWARDs it, once, if it has sent nothing: the outbound gets everything, and
 * the handler sees only CLOSED from there on. CONNECT_FIRST comes too late then and is ignored: the application is
 * connected already. What it neither gives back nor CONSUMEs is never sent on. NAME may come at any time before FORWARD; outbounds get it as
 * adit_reach.name, and people see it.
 * Credit and CONSUME are of streams alone: a datagram is sent at any time after ACCEPT, and one that
 * cannot go on is dropped and counted, as networks do.
 * Batches mix flows freely; order is kept per flow only.
 * A datagram of an echo flow is what follows the identifier in the ICMP message: two bytes of sequence number in
 * network order, then the data; the same both ways.
 */
#ifndef ADIT_FLOW_H
#define ADIT_FLOW_H

#include "abi.h"
#include "buf.h"

ADIT_BEGIN_DECLS

/* An endpoint. family 4: the address is ip[0..3]; family 6: ip[0..15] and scope (an interface index
 * or 0); family 0: no address. port is in host byte order; for an ICMP echo flow it is the
 * identifier. */
typedef struct adit_addr {
	uint8_t ip[16];
	uint32_t scope;
	uint16_t port;
	uint8_t family;
	uint8_t zero;
} adit_addr;

enum { ADIT_PROTO_ICMP = 1, ADIT_PROTO_TCP = 6, ADIT_PROTO_UDP = 17, ADIT_PROTO_ICMPV6 = 58 };

/* Who talks to whom, as the application wrote it. Grows at the end; the host makes it and sets
 * size. */
typedef struct adit_flow_info {
	uint32_t size;
	uint8_t proto; /* ADIT_PROTO_... */
	uint8_t zero[3];
	adit_addr src, dst;
} adit_flow_info;

typedef struct adit_event {
	uint16_t type;  /* ADIT_EV_... */
	uint16_t flags; /* ADIT_EVF_... */
	int32_t code;
	adit_flow flow;
	uint64_t user; /* the number that came with ADIT_OP_ACCEPT */
	union {
		adit_buf *buf;              /* given */
		const adit_flow_info *info; /* lent until the flow's CLOSED has been handled */
		uint64_t num;               /* of SOCKET: given */
	} u;
} adit_event;

typedef struct adit_op {
	uint16_t type;  /* ADIT_OP_... */
	uint16_t flags; /* ADIT_OPF_... */
	int32_t code;
	adit_flow flow;
	union {
		adit_buf *buf;         /* given */
		const adit_addr *addr; /* lent */
		const char *name;      /* lent */
		uint64_t num;
	} u;
} adit_op;

enum {
	ADIT_EV_OPEN = 1, /* u.info; a verdict is wanted (handlers only) */
	ADIT_EV_DATA,     /* u.buf: the next bytes of a stream */
	ADIT_EV_DGRAM,    /* u.buf: one datagram, or gso_size-d equal ones (ADIT_BUF_GSO_UDP) */
	ADIT_EV_FIN,      /* no more DATA will come */
	ADIT_EV_CREDIT,   /* u.num: so many more bytes may be sent; the first one says "connected" */
	ADIT_EV_CLOSED,   /* the last one; code: 0 or ADIT_E... */
	ADIT_EV_SOCKET    /* u.num: the connected kernel socket of this end, given to the host, which relays from
	                   * here on; the end hears nothing more of the flow but CLOSE. From stacks and outbounds. */
};
enum { ADIT_EVF_BUF = 1 /* u.buf holds a buffer: put it back even if the type is unknown */ };

enum {
	ADIT_OP_ACCEPT = 1, /* handler: u.num is the user number. To a stack: the flow's first packet follows */
	ADIT_OP_PASS,
	ADIT_OP_REJECT, /* code */
	ADIT_OP_DROP,
	ADIT_OP_SEND,    /* u.buf; put back by the receiver when it needs it no more */
	ADIT_OP_CONSUME, /* u.num bytes of DATA have been dealt with */
	ADIT_OP_FIN,
	ADIT_OP_CLOSE,
	ADIT_OP_ABORT,
	ADIT_OP_IDLE,    /* u.num: end the flow after so many ns without a byte either way; 0: the default */
	ADIT_OP_FORWARD, /* code: the outbound's number (adit.outbounds/1), 0 the default one */
	ADIT_OP_RELEASE, /* to a stack: the flow's handle is no longer in use; forget what hangs on it */
	ADIT_OP_UNREAD,  /* handler: u.buf, what came last as DATA or DGRAM, goes back in front of what follows */
	ADIT_OP_NAME,    /* handler: u.name, the host name that the flow goes to; at most 253 bytes */
	ADIT_OP_SOCKET,  /* to a stack with ADIT_STACK_SOCKETS: answer with ADIT_EV_SOCKET, as if ACCEPT had asked for it; no
	                  * DATA follows, and what had come before is not read again from the socket */
	ADIT_OP_STACK    /* handler, before its verdict: u.name, the stack that is to end this flow (adit.stacks/1); PASS takes
	                  * it back. If there is none of that name, or it does not end the flow's protocol, ACCEPT and
	                  * FORWARD refuse the flow with ADIT_EADMIN */
};
enum {
	ADIT_OPF_BUF = 1,           /* u.buf holds a buffer: put it back even if the type is unknown */
	ADIT_OPF_ADDR = 2,          /* FORWARD: u.addr is where to go instead of the flow's dst */
	ADIT_OPF_CONNECT_FIRST = 4, /* FORWARD: the application's connect waits for the outbound's result */
	ADIT_OPF_SOCKET = 8         /* ACCEPT to a stack: answer with ADIT_EV_SOCKET if there is such a thing */
};

typedef char adit_flow_layout[(sizeof(adit_event) == 32 && sizeof(adit_op) == 24 &&
                               sizeof(adit_addr) == 24) ? 1 : -1];

ADIT_END_DECLS

#endif
