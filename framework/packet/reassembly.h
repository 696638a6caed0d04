/* SPDX-License-Identifier: MIT
 * packet/reassembly.h - fragments of IPv4 and IPv6 back into packets, within hard limits
 *
 * Any overlap, an exact repetition too, drops the datagram and what still comes of it (RFC 5722; for IPv4 as
 * well). A source that begins too many loses its own oldest; when everything is full, newcomers are dropped and
 * nobody else is harmed. The clock is the caller's. One reassembly belongs to one shard.
 */
#ifndef PACKET_REASSEMBLY_H
#define PACKET_REASSEMBLY_H

#include <stdint.h>

#include "packet/parse.h"

struct reassembly_limits {
	uint32_t datagrams;  /* under way at a time; at most 4,096 */
	uint32_t per_source; /* of these, of one IPv4 address or one IPv6 /64 */
	uint32_t bytes;      /* held, bookkeeping included */
	uint64_t timeout_ns; /* from a datagram's first fragment to come */
};
/* 256 datagrams, 32 per source, 4 MB, 15 s. */
extern const struct reassembly_limits reassembly_default;

struct reassembly_counts {
	uint32_t datagrams; /* under way, dropped ones that are still remembered included */
	uint32_t bytes;
	uint64_t completed, timed_out, evicted;
};

struct reassembly;

/* Null: no memory, or a limit that is 0 or too large. limits may be null: the defaults. */
struct reassembly *reassembly_new(const struct reassembly_limits *limits);
void reassembly_free(struct reassembly *r);

/* Takes a packet for which packet_parse said PACKET_FRAGMENT; the bytes are copied.
 *   PACKET_OK        that was the last one missing: *packet (of *size bytes) is the whole, lent until the next call
 *                    on r. It has not been parsed as a whole, nor its L4 checksum looked at.
 *   PACKET_FRAGMENT  more are needed
 *   else             dropped, for that reason */
enum packet_verdict reassembly_add(struct reassembly *r, const struct packet_view *view, const uint8_t *data,
                                   uint64_t now_ns, uint8_t **packet, uint32_t *size);

/* Forgets datagrams that are too old; gives how many. To be called about once a second. */
uint32_t reassembly_expire(struct reassembly *r, uint64_t now_ns);

const struct reassembly_counts *reassembly_count(const struct reassembly *r);

#endif
