/* SPDX-License-Identifier: MIT
 * stack-system/rewrite.h - other endpoints for a TCP packet, in place, without a look at its
 * payload
 *
 * Checksums are corrected by the difference (RFC 1624). A partial checksum (ADIT_BUF_CSUM_NEEDED)
 * covers the pseudo header alone, so only the addresses count there: a super-packet costs the same
 * as an ACK.
 */
#ifndef STACK_SYSTEM_REWRITE_H
#define STACK_SYSTEM_REWRITE_H

#include <adit/adit.h>

/* What there is to know of a TCP packet. */
struct rewrite_view {
	adit_addr src, dst;
	uint16_t l4, payload; /* offsets from the packet's start */
	uint8_t tcp_flags;
};
enum { REWRITE_FIN = 1, REWRITE_SYN = 2, REWRITE_RST = 4, REWRITE_ACK = 16 };

/* Reads a packet that a kernel made: IPv4 or IPv6 without fragment or extension headers, carrying
 * TCP. ADIT_EINVAL: anything else, or shorter than its headers say. *out is untouched then. */
adit_result rewrite_parse(const uint8_t *data, uint32_t size, struct rewrite_view *out);

/* Puts src and dst (of the packet's own family) in. l4 is the offset of the TCP header; the packet
 * has been checked to hold both headers. b's first segment must be writable. */
void rewrite_endpoints(adit_buf *b, uint32_t l4, const adit_addr *src, const adit_addr *dst);

/* The ones' complement sum of size bytes added to sum, folded to 16 bits, in network order as a
 * number. */
uint32_t rewrite_sum(const uint8_t *data, uint32_t size, uint32_t sum);

#endif
