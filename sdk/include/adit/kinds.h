/* SPDX-License-Identifier: MIT
 * adit/kinds.h - the five kinds of component: platform, stack, handler, outbound, service
 *
 * A kind is a life plus one or two hot functions, each of which takes a batch.
 */
#ifndef ADIT_KINDS_H
#define ADIT_KINDS_H

#include "life.h"

ADIT_BEGIN_DECLS

#define ADIT_PLATFORM_1 "adit.platform/1"
/* The device. One instance per shard; instance k serves queue k of the one device. */
typedef struct adit_platform_1 {
	uint32_t size;
	uint32_t flags;
	const adit_life *life;
	/* [loop] Sends n packets, at most 256, to the applications. The buffers are given, also
	 * those that the device has no room for: they are put back and counted. */
	void(ADIT_CALL *output)(void *inst, adit_buf *const *pkt, uint32_t n);
	/* [any] Makes a socket bypass the device, before it is bound or connected. family is 4 or
	 * 6. The socket stays the caller's. 0, ADIT_EPERM, or ADIT_EIO; then the socket must not be
	 * used. Null: nothing is needed. */
	adit_result(ADIT_CALL *protect)(void *inst, intptr_t sock, int32_t family);
} adit_platform_1;

#define ADIT_TROUBLE_1 "adit.trouble/1"
/* Offered by the host: an instance reports that it can never work again. */
typedef struct adit_trouble_1 {
	uint32_t size;
	uint32_t zero;
	/* [any] The thing underneath is gone for good; `what` says which, for people ("device adit0"). Lent. What follows
	 * (end, or make anew) is the manifest's choice. More than one report of the same thing is fine. */
	void(ADIT_CALL *gone)(const adit_host *h, const char *what);
} adit_trouble_1;

/* [loop] The answer to probe: 0, or what is wrong; why, lent, says it in words, and is null for 0. ADIT_ENET: it cannot be
 * tried now, which at the start is no failure. ADIT_EAGAIN: it does not work, but an instance that is made anew will do it
 * in another way. */
typedef void(ADIT_CALL *adit_probed)(void *arg, adit_result result, const char *why);

#define ADIT_STACK_1 "adit.stack/1"
/* Turns the packets of admitted flows into streams and datagrams, and back. A flow's first packet
 * follows its ADIT_OP_ACCEPT; every packet carries its flow. Packets that are not of a flow never
 * come, except those of the stack's own addresses (ADIT_STACK_CLAIMS), whose buf->flow is 0. */
typedef struct adit_stack_1 {
	uint32_t size;
	uint32_t flags; /* ADIT_STACK_... */
	const adit_life *life;
	/* [loop] n packets, at most 256, going up. The buffers are given. */
	void(ADIT_CALL *input)(void *inst, adit_buf *const *pkt, uint32_t n);
	/* [loop] ACCEPT, SEND, CONSUME, FIN, CLOSE, ABORT, SOCKET, RELEASE. The array is lent, its buffers
	 * are given: those of an unknown type (ADIT_OPF_BUF) and of an unknown flow are put
	 * back. */
	void(ADIT_CALL *submit)(void *inst, const adit_op *op, uint32_t n);
	/* [loop] With ADIT_STACK_CLAIMS: 1 when a packet that came from the device is the stack's
	 * own affair (an answer of its listener), else 0. src and dst, lent, are the packet's
	 * endpoints. Asked when no flow takes the packet. */
	int32_t(ADIT_CALL *claims)(void *inst, const adit_addr *src, const adit_addr *dst);
	/* [loop] Proves, with connections of the stack's own, that it can end flows where it is now; asked of a started
	 * stack before it gets the first flow. flags are ADIT_PROBE_... 0: done follows exactly once, within 5 s, unless
	 * stop comes first. ADIT_ENOSYS, and null: the host tries with flows that it makes, except at the start. */
	adit_result(ADIT_CALL *probe)(void *inst, uint32_t flags, adit_probed done, void *arg);
} adit_stack_1;
enum {
	ADIT_STACK_TCP = 1, /* protocols it can end */
	ADIT_STACK_UDP = 2,
	ADIT_STACK_ECHO = 4,
	ADIT_STACK_SOCKETS = 8, /* answers ADIT_OPF_SOCKET with ADIT_EV_SOCKET */
	ADIT_STACK_CLAIMS = 16  /* has claims() */
};
enum {
	ADIT_PROBE_START = 1 /* the host starts, or makes anew what did not work at its start */
};

#define ADIT_HANDLER_1 "adit.handler/1"
/* Decides about new flows; may own them. */
typedef struct adit_handler_1 {
	uint32_t size;
	uint32_t flags;
	const adit_life *life;
	/* [loop] What happened to its flows, oldest first. The array is lent, the buffers are
	 * given: those of an unknown type (ADIT_EVF_BUF) are put back. */
	void(ADIT_CALL *events)(void *inst, const adit_event *ev, uint32_t n);
} adit_handler_1;

#define ADIT_OUTBOUND_1 "adit.outbound/1"
/* What an outbound is asked for. Lent, name too. Stands in arrays: never grows. */
typedef struct adit_reach {
	uint32_t size;
	uint8_t proto; /* ADIT_PROTO_... */
	uint8_t zero[3];
	adit_flow flow;
	adit_addr dst;
	const char *name; /* host name to reach instead of dst.ip, if the flow has one; else null */
	uint64_t deadline_ns; /* for the answer, as loop->now counts; 0: none */
} adit_reach;
/* A way out. For each flow it is asked to reach, it emits either SOCKET (the host relays), or
 * CREDIT and then stays in the data path with the stack's own vocabulary, or CLOSED with the
 * reason; CLOSED with 0 as the answer leaves the application without one, as far as it has none yet.
 * The exception: flows that it has the host carry (adit_dial_1.carry).
 * In the data path of a stream, an outbound emits DATA up to a window of its own choice, which
 * CONSUME gives back, is sent SEND within the credit it gave, and says CLOSED when both directions
 * have ended; after CLOSED with 0 what it gave as DATA still arrives.
 * UDP and echo flows are answered likewise, in reach() or later: the first CREDIT, of any number,
 * says that datagrams can go, and until then the host keeps the first few. Then every SEND is one
 * datagram (a chain is one; with ADIT_OUTBOUND_GSO also ADIT_BUF_GSO_UDP with gso_size-d ones, which
 * otherwise come split), every DGRAM that is emitted is one that goes to the application, and there
 * is neither credit nor FIN. Which flows look like one endpoint from the outside (RFC 4787) is the
 * outbound's own affair. CLOSED ends the flow; a negative code becomes an ICMP error. */
typedef struct adit_outbound_1 {
	uint32_t size;
	uint32_t flags; /* ADIT_OUTBOUND_... */
	const adit_life *life;
	/* [loop] n flows to reach. The array is lent. The answers may be emitted before reach
	 * returns, or later. */
	void(ADIT_CALL *reach)(void *inst, const adit_reach *req, uint32_t n);
	/* [loop] SEND, CONSUME, FIN, CLOSE, ABORT. CLOSE and ABORT also cancel an attempt under
	 * way, which CLOSED with ADIT_ECANCEL answers. The array is lent, its buffers are given, as
	 * for a stack. */
	void(ADIT_CALL *submit)(void *inst, const adit_op *op, uint32_t n);
} adit_outbound_1;
enum {
	ADIT_OUTBOUND_TCP = 1,
	ADIT_OUTBOUND_UDP = 2,
	ADIT_OUTBOUND_ECHO = 4,
	ADIT_OUTBOUND_GSO = 8 /* takes super-packets of datagrams in SEND */
};

#define ADIT_SERVICE_1 "adit.service/1"
/* A life and nothing else: control, DNS, metrics. There is one instance, not one per shard, and its loop is the host's
 * control loop, on which no packet waits. */
typedef struct adit_service_1 {
	uint32_t size;
	uint32_t flags;
	const adit_life *life;
} adit_service_1;

ADIT_END_DECLS

#endif
