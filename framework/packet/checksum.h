/* SPDX-License-Identifier: MIT
 * packet/checksum.h - the Internet checksum: whole, in pieces, and by difference
 *
 * A running sum is a 64-bit number in the byte order of memory (RFC 1071 section 2.B), so nothing is swapped on the
 * way; checksum_fold gives the 16-bit result as a number to be written with wire_put16. Start with 0. Every piece
 * but the last has an even size, else use checksum_add_at.
 */
#ifndef PACKET_CHECKSUM_H
#define PACKET_CHECKSUM_H

#include <stdint.h>

/* sum + the 16-bit words of data; an odd last byte is padded with 0. */
uint64_t checksum_add(uint64_t sum, const uint8_t *data, uint32_t size);

/* The same for a piece that begins `at` bytes after the start: right for odd `at` too. */
uint64_t checksum_add_at(uint64_t sum, const uint8_t *data, uint32_t size, uint32_t at);

/* sum + the pseudo header: both addresses (neighbours in memory, address_size bytes each), protocol, L4 size. */
uint64_t checksum_pseudo(uint64_t sum, const uint8_t *addresses, uint32_t address_size, uint8_t proto, uint32_t size);

/* The sum in 16 bits, not complemented: what a field with ADIT_BUF_CSUM_NEEDED holds. */
uint16_t checksum_fold(uint64_t sum);

/* What goes into a header: the complement. For UDP pass it through checksum_udp. */
uint16_t checksum_finish(uint64_t sum);

/* In UDP 0 says "no checksum"; the other zero of one's complement stands in for it (RFC 768, RFC 8200
 * section 8.1). */
static inline uint16_t checksum_udp(uint16_t check)
{
	return check ? check : 0xffff;
}

/* check after size bytes (even, at an even place) changed from old to new (RFC 1624, equation 3). A wrong checksum
 * stays wrong. A UDP checksum of 0 means none and must not be passed. */
uint16_t checksum_update(uint16_t check, const uint8_t *old, const uint8_t *new, uint32_t size);

/* The same for one 16-bit field given as numbers, such as a port. */
uint16_t checksum_update16(uint16_t check, uint16_t old, uint16_t new);

/* The same for a partial checksum, which is not complemented. */
uint16_t checksum_update_partial(uint16_t partial, const uint8_t *old, const uint8_t *new, uint32_t size);

#endif
