/* SPDX-License-Identifier: MIT
 * dial/carrier.h - inside of dial/carry.c: mappings, and the batches that go over their sockets (dial/carrier.c)
 */
#ifndef DIAL_CARRIER_H
#define DIAL_CARRIER_H

#include "base/hash.h"
#include "dial/carry.h"

enum {
	MAPPING_BUCKETS = 4096,
	CARRIER_BATCH = 64, /* datagrams or messages sent at a time */
	CARRIER_READ = 16,  /* messages read at a time, at most */
	CARRIER_FULL = 4    /* reads that gave as many as were asked for, until twice as many are */
};

struct mapping_key {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t family, zero[3];
};

struct mapping {
	struct carrier *carrier;
	struct mapping *next; /* in its bucket */
	struct mapping_key key;
	adit_addr src;
	int fd;
	adit_io io;
	uint8_t batch; /* messages that are asked for, less 1: a socket that gives one at a time is asked for one */
	uint8_t full;  /* reads in a row that gave all */
	uint32_t flows;
	struct carried *carried; /* what hangs on its flows */
};

/* What hangs on a UDP flow. */
struct carried {
	struct mapping *mapping;
	struct carried *next, **link; /* among those of its mapping */
	struct flow *flow;
	adit_addr to; /* the flow's dst, or what its handler chose instead */
};

struct outgoing {
	struct mapping *mapping;
	adit_buf *buf;
	adit_addr to;
};

struct carrier {
	struct shard *shard;
	struct carry_rules rules;
	struct hash_key hash;
	struct mapping *buckets[MAPPING_BUCKETS];
	struct outgoing out[CARRIER_BATCH];
	unsigned waiting;
	int scheduled;
	uint32_t inbound; /* flows that strangers made */
	int no_segment; /* the kernel or the way refuses UDP_SEGMENT */
	adit_buf *stash[CARRIER_READ];
	unsigned stashed;
};

/* One flow less; the last one takes the mapping with it. */
void carrier_unref(struct mapping *m);
/* A socket for a mapping, -1 and *err. */
int carrier_udp_socket(struct carrier *c, int family, adit_result *err);
/* Takes the buffer; it leaves at the end of the turn, or now if the batch is full. */
void carrier_send(struct carrier *c, struct mapping *m, adit_buf *buf, const adit_addr *to);
void carrier_flush(struct carrier *c);
/* Watcher of a mapping's socket. */
void carrier_readable(void *mapping);
/* The flow of this mapping whose datagrams go to `to`, or null. */
struct flow *carrier_flow_to(struct mapping *m, const adit_addr *to);
/* The flow that a datagram from `from` belongs to, made if the filtering rule lets it in; null: it is dropped. */
struct flow *carrier_flow_from(struct mapping *m, const adit_addr *from);

#endif
