/* SPDX-License-Identifier: MIT
 * packet/checksum.c - the Internet checksum: whole, in pieces, and by difference
 *
 * Eight bytes a step: one's complement sums may be taken over wider words and folded at the end, when the carries
 * are fed back. Two words per turn go into two sums, so that the carries of one need not wait for the other.
 */
#include "packet/checksum.h"

#include <string.h>

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* One's complement addition of 64 bits: the carry comes back in. It cannot carry twice. */
static inline uint64_t add64(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

static inline uint16_t swap16(uint16_t x)
{
	return (uint16_t)(x << 8 | x >> 8);
}

/* A number as the two bytes it would be on the wire, in the byte order of memory; the reverse as well. */
static inline uint16_t wire_order(uint16_t x)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return swap16(x);
#else
	return x;
#endif
}

/* sum + the last 0 to 7 bytes. */
static inline uint64_t add_tail(uint64_t sum, const uint8_t *data, uint32_t size)
{
	uint32_t four;
	uint16_t two;

	if (size & 4) {
		memcpy(&four, data, sizeof(four));
		sum = add64(sum, four);
		data += sizeof(four);
	}
	if (size & 2) {
		memcpy(&two, data, sizeof(two));
		sum = add64(sum, two);
		data += sizeof(two);
	}
	return size & 1 ? add64(sum, wire_order((uint16_t)(*data << 8))) : sum;
}

uint64_t checksum_add(uint64_t sum, const uint8_t *data, uint32_t size)
{
	uint64_t other = 0;

	while (size >= 32) {
		sum = add64(sum, load64(data));
		other = add64(other, load64(data + 8));
		sum = add64(sum, load64(data + 16));
		other = add64(other, load64(data + 24));
		data += 32;
		size -= 32;
	}
	while (size >= 8) {
		sum = add64(sum, load64(data));
		data += 8;
		size -= 8;
	}
	return add_tail(add64(sum, other), data, size);
}

uint64_t checksum_add_at(uint64_t sum, const uint8_t *data, uint32_t size, uint32_t at)
{
	uint16_t piece;

	if (at % 2 == 0)
		return checksum_add(sum, data, size);
	/* Every byte of the piece is in the other half of its word: swapping the sum does the same. */
	piece = checksum_fold(checksum_add(0, data, size));
	return add64(sum, wire_order(swap16(piece)));
}

uint64_t checksum_pseudo(uint64_t sum, const uint8_t *addresses, uint32_t address_size, uint8_t proto, uint32_t size)
{
	sum = checksum_add(sum, addresses, 2 * address_size);
	sum = add64(sum, wire_order((uint16_t)(size >> 16)));
	sum = add64(sum, wire_order((uint16_t)size));
	return add64(sum, wire_order(proto));
}

uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffu) + (sum >> 16 & 0xffffu) + (sum >> 32);
	sum = (sum & 0xffffu) + (sum >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	return wire_order((uint16_t)sum);
}

uint16_t checksum_finish(uint64_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

/* sum - old + new: subtracting is adding the complement. */
static uint64_t exchange(uint64_t sum, const uint8_t *old, const uint8_t *new, uint32_t size)
{
	sum = add64(sum, (uint16_t)~wire_order(checksum_fold(checksum_add(0, old, size))));
	return checksum_add(sum, new, size);
}

uint16_t checksum_update(uint16_t check, const uint8_t *old, const uint8_t *new, uint32_t size)
{
	return checksum_finish(exchange((uint16_t)~wire_order(check), old, new, size));
}

uint16_t checksum_update16(uint16_t check, uint16_t old, uint16_t new)
{
	uint64_t sum = (uint16_t)~wire_order(check);

	return checksum_finish(sum + (uint16_t)~wire_order(old) + wire_order(new));
}

uint16_t checksum_update_partial(uint16_t partial, const uint8_t *old, const uint8_t *new, uint32_t size)
{
	return checksum_fold(exchange(wire_order(partial), old, new, size));
}
