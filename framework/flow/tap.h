/* SPDX-License-Identifier: MIT
 * flow/tap.h - what somebody looks at while it passes: packets of the device, of a stack, of a flow, and what is said about
 * one flow
 *
 * A tap belongs to a reader on another thread (host/tapping.c) and hangs on a shard; what it matches is copied into its
 * ring, and lost and counted when the ring is full. Without taps a batch costs one look at a null pointer.
 */
#ifndef FLOW_TAP_H
#define FLOW_TAP_H

#include "flow/shard.h"
#include "observe/ring.h"

enum tap_kind {
	TAP_DEVICE, /* all packets of the device */
	TAP_STACK,  /* those of one stack's flows */
	TAP_FLOW    /* those of one flow */
};

enum { TAP_NAME = 36 };

struct tap {
	struct tap *next; /* of the shard */
	struct ring *ring;
	enum tap_kind kind;
	uint8_t words;       /* TAP_FLOW, on the flow's own shard: events and operations too */
	char stack[TAP_NAME]; /* TAP_STACK: its name, whatever generation */
	uint32_t snap;       /* bytes of a packet that are kept at most */
	adit_flow flow;      /* TAP_FLOW; 0: the flow is another shard's, and only its endpoints count */
	adit_flow_info info; /* TAP_FLOW */
	uint8_t *told;       /* a bit for each slot whose flow's name has been told; null: names are not wanted */
	/* Called [loop] when the ring is half full, once until the reader clears `woken`. */
	void (*wake)(void *arg);
	void *arg;
	uint32_t woken; /* atomic */
};

enum tap_what {
	TAP_UP = 1, /* a packet from the device */
	TAP_DOWN,   /* ... to it */
	TAP_END,    /* a flow has ended: code; bytes */
	TAP_EVENT,  /* a part said an event, or heard it */
	TAP_OP      /* a part submitted an operation, or got it */
};

struct tap_record {
	uint64_t ns;    /* os_now() */
	adit_flow flow; /* 0: none, or not found */
	uint32_t what;  /* enum tap_what */
	uint32_t shard;
	/* packets: what is kept of them follows */
	uint32_t buf_flags, len, kept;
	/* the flow, where there is one; names only where `named` */
	uint8_t named, proto, state, to; /* to: the part heard it; else it said so */
	adit_addr src, dst;
	char handler[TAP_NAME], outbound[TAP_NAME], stack[TAP_NAME];
	uint64_t bytes_up, bytes_down, opened;
	/* events and operations */
	uint8_t part_kind, zero;
	uint16_t type, flags;
	int32_t code;
	uint64_t number; /* u.num, or the bytes in u.buf. Of a TCP packet: type are its flags, this seq << 32 | ack */
	char part[TAP_NAME]; /* handler: the name, of ADIT_OP_NAME */
};

/* [loop] Hangs a tap on a shard, and takes it off. */
void tap_add(struct shard *s, struct tap *t);
void tap_remove(struct shard *s, struct tap *t);

/* [loop] For who has seen that s->taps is not null. */
void tap_packets(struct shard *s, enum tap_what way, adit_buf *const *pkt, uint32_t n);
void tap_end(struct shard *s, const struct flow *f, adit_result code);
void tap_event(struct part *p, const adit_event *ev, int to);
void tap_op(struct part *p, const adit_op *op, int to);

#endif
