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
	/* [loop] Sends packets to the applications. The buffers are given. */
	void(ADIT_CALL *output)(void *inst, adit_buf *const *pkt, uint32_t n);
	/* [any] Makes a socket bypass the device, before it is bound or connected. family is 4 or 6. */
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

#define ADIT_STACK_1 "adit.stack/1"
/* Turns the packets of admitted flows into streams and datagrams, and back. A flow's first packet follows its
 * ADIT_OP_ACCEPT; every packet carries its flow. Packets that are not of a flow never come, except those of
 * the stack's own addresses (ADIT_STACK_CLAIMS), whose buf->flow is 0. */
typedef struct adit_stack_1 {
	uint32_t size;
	uint32_t flags; /* ADIT_STACK_... */
	const adit_life *life;
	/* [loop] Packets going up. The buffers are given. */
	void(ADIT_CALL *input)(void *inst, adit_buf *const *pkt, uint32_t n);
	/* [loop] ACCEPT, SEND, CONSUME, FIN, CLOSE, ABORT, RELEASE. */
	void(ADIT_CALL *submit)(void *inst, const adit_op *op, uint32_t n);
	/* [loop] With ADIT_STACK_CLAIMS: true when a packet that came from the device is the stack's own affair
	 * (an answer of its listener). src and dst are the packet's endpoints. Asked before the flow table. */
	int32_t(ADIT_CALL *claims)(void *inst, const adit_addr *src, const adit_addr *dst);
} adit_stack_1;
enum {
	ADIT_STACK_TCP = 1, /* protocols it can end */
	ADIT_STACK_UDP = 2,
	ADIT_STACK_ECHO = 4,
	ADIT_STACK_SOCKETS = 8, /* answers ADIT_OPF_SOCKET with ADIT_EV_SOCKET */
	ADIT_STACK_CLAIMS = 16  /* has claims() */
};

#define ADIT_HANDLER_1 "adit.handler/1"
/* Decides about new flows; may own them. */
typedef struct adit_handler_1 {
	uint32_t size;
	uint32_t flags;
	const adit_life *life;
	void(ADIT_CALL *events)(void *inst, const adit_event *ev, uint32_t n); /* [loop] */
} adit_handler_1;

#define ADIT_OUTBOUND_1 "adit.outbound/1"
/* What an outbound is asked for. Lent. */
typedef struct adit_reach {
	uint32_t size;
	uint8_t proto;
	uint8_t zero[3];
	adit_flow flow;
	adit_addr dst;
	const char *name; /* host name to reach instead of dst.ip, if the flow has one; else null */
	uint64_t deadline_ns;
} adit_reach;
/* A way out. For each flow it is asked to reach, it emits either SOCKET (the host relays), or CREDIT and then
 * stays in the data path with the stack's own vocabulary, or CLOSED with the reason. */
typedef struct adit_outbound_1 {
	uint32_t size;
	uint32_t flags; /* ADIT_OUTBOUND_... */
	const adit_life *life;
	void(ADIT_CALL *reach)(void *inst, const adit_reach *req, uint32_t n); /* [loop] */
	/* [loop] SEND, CONSUME, FIN, CLOSE, ABORT. CLOSE and ABORT also cancel an attempt under way. */
	void(ADIT_CALL *submit)(void *inst, const adit_op *op, uint32_t n);
} adit_outbound_1;
enum { ADIT_OUTBOUND_TCP = 1, ADIT_OUTBOUND_UDP = 2, ADIT_OUTBOUND_ECHO = 4 };

#define ADIT_SERVICE_1 "adit.service/1"
/* A life and nothing else: control, DNS, metrics. */
typedef struct adit_service_1 {
	uint32_t size;
	uint32_t flags;
	const adit_life *life;
} adit_service_1;

ADIT_END_DECLS

#endif
