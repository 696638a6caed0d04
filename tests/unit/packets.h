/* SPDX-License-Identifier: MIT
 * tests/unit/packets.h - makes packets for the tests of framework/packet, without using any of its code
 *
 * Slow and obvious on purpose: it is what the fast code is compared with.
 */
#ifndef TEST_PACKETS_H
#define TEST_PACKETS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* RFC 1071 word by word; the result as a number, complemented. */
static inline uint16_t slow_checksum(const uint8_t *p, size_t size, uint32_t start)
{
	uint64_t sum = start;
	size_t i;

	for (i = 0; i < size; i++)
		sum += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline void put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value & 0xffff);
}

/* The sum of a pseudo header, to be given to slow_checksum as start. */
static inline uint32_t slow_pseudo(const uint8_t *addresses, size_t size, unsigned proto, uint32_t l4)
{
	return (uint16_t)~slow_checksum(addresses, size, 0) + proto + (l4 >> 16) + (l4 & 0xffff);
}

/* Where the checksum of a protocol is, from its header. */
static inline size_t check_at(unsigned proto)
{
	return proto == 6 ? 16 : proto == 17 ? 6 : 2;
}

/* Fills in every checksum of the packet; its L4 header is at l4. */
static inline void sign_packet(uint8_t *p, size_t size, size_t l4, unsigned proto)
{
	uint8_t *check = p + l4 + check_at(proto);
	uint32_t start = 0;
	uint16_t sum;

	if (p[0] >> 4 == 4) {
		put16(p + 10, 0);
		put16(p + 10, slow_checksum(p, (size_t)(p[0] & 15) * 4, 0));
	}
	if (proto != 1)
		start = p[0] >> 4 == 4 ? slow_pseudo(p + 12, 8, proto, (uint32_t)(size - l4))
		                       : slow_pseudo(p + 8, 32, proto, (uint32_t)(size - l4));
	put16(check, 0);
	sum = slow_checksum(p + l4, size - l4, start);
	put16(check, sum == 0 && proto == 17 ? 0xffff : sum);
}

/* The least header of a protocol. */
static inline size_t l4_size(unsigned proto)
{
	return proto == 6 ? 20 : 8;
}

static const uint8_t test_src6[16] = {0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
static const uint8_t test_dst6[16] = {0x26, 6, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x11};

/* A packet of the given family and protocol with `payload` bytes, checksums right: 10.0.0.2:40000 -> 1.1.1.1:443,
 * fd00:1::2 -> 2606:4700::1111; TCP is an ACK with PSH, ICMP an echo request of identifier 40000. Gives its size. */
static inline size_t make_packet(uint8_t *p, int family, unsigned proto, size_t payload)
{
	size_t l4 = family == 4 ? 20 : 40, size = l4 + l4_size(proto) + payload, i;
	uint8_t *h = p + l4;

	memset(p, 0, l4 + l4_size(proto));
	if (family == 4) {
		p[0] = 0x45;
		put16(p + 2, (unsigned)size);
		p[8] = 64;
		p[9] = (uint8_t)proto;
		memcpy(p + 12, "\x0a\x00\x00\x02\x01\x01\x01\x01", 8);
	} else {
		p[0] = 0x60;
		put16(p + 4, (unsigned)(size - 40));
		p[6] = (uint8_t)proto;
		p[7] = 64;
		memcpy(p + 8, test_src6, 16);
		memcpy(p + 24, test_dst6, 16);
	}
	if (proto == 6 || proto == 17) {
		put16(h, 40000);
		put16(h + 2, 443);
	} else {
		h[0] = proto == 1 ? 8 : 128;
		put16(h + 4, 40000);
		put16(h + 6, 7);
	}
	if (proto == 6) {
		put32(h + 4, 0x01020304);
		put32(h + 8, 0x0a0b0c0d);
		h[12] = 0x50;
		h[13] = 0x18;
		put16(h + 14, 8192);
	} else if (proto == 17) {
		put16(h + 4, (unsigned)(8 + payload));
	}
	for (i = 0; i < payload; i++)
		p[size - payload + i] = (uint8_t)(i * 7 + 3);
	sign_packet(p, size, l4, proto);
	return size;
}

/* Small and repeatable random numbers (xorshift). */
static inline uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* A copy in a block of exactly size bytes, so that sanitizers and valgrind see a read beyond. */
static inline uint8_t *exact_copy(const uint8_t *p, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, p, size);
	return copy;
}

#endif
