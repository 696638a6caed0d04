/* SPDX-License-Identifier: MIT
 * tests/lib/shardkit.h - a real shard whose parts are fakes: one platform, two stacks, three handlers, two outbounds
 *
 * Everything that reaches a fake is written down, and what it is to do there is the test's script. The fakes know
 * how deep they are inside: a second call into one that has not returned fails the test. Packets are made and read
 * with tests/unit/packets.h, which shares no code with the framework.
 */
#ifndef TESTS_SHARDKIT_H
#define TESTS_SHARDKIT_H

#include <adit/adit.h>

#include "flow/shard.h"

enum { KIT_STACKS = 2, KIT_HANDLERS = 3, KIT_OUTBOUNDS = 2, KIT_SEEN = 4096, KIT_BYTES = 1600 };

/* Something that reached a fake. */
struct kit_seen {
	enum part_kind kind;
	uint8_t index;
	enum { KIT_PACKET, KIT_OP, KIT_EVENT, KIT_REACH } what;
	uint16_t type, flags; /* of an operation or event; buffer flags of a packet */
	adit_result code;
	adit_flow flow;
	uint64_t user, num;
	adit_addr dst; /* KIT_REACH */
	uint32_t size; /* of the packet or buffer, the whole chain */
	uint32_t parts;
	uint16_t gso;
	char name[64]; /* KIT_REACH; "" for none */
	uint8_t bytes[KIT_BYTES]; /* its beginning */
};

struct kit {
	struct shard s;
	struct part parts[8];
	adit_env envs[8];
	int depth[8];
	struct kit_seen seen[KIT_SEEN];
	uint32_t count;
	/* What handler i answers at OPEN: an ADIT_OP_... or 0 for nothing yet. */
	adit_op answer[KIT_HANDLERS];
	/* Called inside the fake, after it was written down; may use the wires. Null: nothing. */
	void (*script)(struct kit *k, struct part *p, const struct kit_seen *seen);
	void *arg; /* the test's */
	uint32_t ended; /* flows, as told by on_end */
	adit_result end_code;
};

/* limits may be null: 1000 flows, 100 half-open, 500 datagram, 50 closed. All handlers but the first are off. */
struct kit *kit_new(const struct flow_limits *limits);
/* Ends all flows and stops all parts; fails the test if a buffer was not put back. */
void kit_free(struct kit *k);

/* Calls fn(k) on the loop, and then turns the loop until nothing is deferred or posted any more. */
void kit_do(struct kit *k, void (*fn)(struct kit *k));
/* Turns the loop for so many ms, or until done(k). Returns whether done. */
int kit_wait(struct kit *k, unsigned ms, int (*done)(struct kit *k));

/* Packets from the device, all in one batch. Bytes are copied. */
void kit_packet(struct kit *k, const uint8_t *bytes, size_t size, uint32_t flags);
void kit_packets(struct kit *k, const uint8_t *const *bytes, const size_t *sizes, unsigned n);
/* What a handler submits, what a stack or an outbound emits. */
void kit_submit(struct kit *k, unsigned handler, const adit_op *op, uint32_t n);
void kit_emit(struct kit *k, enum part_kind kind, unsigned index, const adit_event *ev, uint32_t n);
/* A buffer with these bytes, from the pool. */
adit_buf *kit_buf(struct kit *k, const void *bytes, uint32_t size);

struct part *kit_part(struct kit *k, enum part_kind kind, unsigned index);
/* The n-th (from 0) thing of this kind, index, sort and type (0: any) seen since kit_clear; null. */
const struct kit_seen *kit_find(struct kit *k, enum part_kind kind, unsigned index, int what, unsigned type, unsigned n);
unsigned kit_number(struct kit *k, enum part_kind kind, unsigned index, int what, unsigned type);
void kit_clear(struct kit *k);

uint64_t kit_counter(struct kit *k, enum shard_counter which);
struct flow_counts kit_counts(struct kit *k);
/* Makes all flows so many seconds older, and sweeps once over the whole table. */
void kit_age(struct kit *k, uint32_t seconds);

#endif
