/* SPDX-License-Identifier: MIT
 * platform-linux/segment.c - super-packets cut in software, and checksums completed
 */
#include "segment.h"

#include <adit/vnet.h>

#include <string.h>

enum { IP4_LENGTH = 2, IP4_ID = 4, IP4_CSUM = 10, IP4_SRC = 12, IP6_LENGTH = 4, IP6_SRC = 8 };
enum { TCP_SEQ = 4, TCP_FLAGS = 13, TCP_CSUM = 16, UDP_LENGTH = 4, UDP_CSUM = 6 };
enum { FIN = 1, PSH = 8, CWR = 128, PROTO_TCP = 6, PROTO_UDP = 17 };

static uint32_t get16(const uint8_t *p)
{
	return p[0] * 256u + p[1];
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v / 256);
	p[1] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) * 65536u + get16(p + 2);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v / 65536);
	put16(p + 2, v % 65536);
}

/* One's complement sum (RFC 1071) on top of sum, not folded. size is at most 64 KiB, so 32 bits
 * hold it. */
static uint32_t add(uint32_t sum, const uint8_t *p, uint32_t size)
{
	uint32_t i;

	for (i = 0; i + 1 < size; i += 2)
		sum += get16(p + i);
	return i < size ? sum + p[i] * 256u : sum;
}

static uint32_t fold(uint32_t sum)
{
	sum = sum % 65536 + sum / 65536;
	return sum % 65536 + sum / 65536;
}

/* What one packet of the series is made from. */
struct series {
	uint32_t l4, payload; /* offsets */
	int v4, udp;
	uint32_t id, seq;
	uint8_t flags;
};

/* Copies `size` bytes at offset `at` of a chain; 0 when it has fewer. */
static int gather(const adit_buf *b, uint32_t at, uint8_t *out, uint32_t size)
{
	for (; b && size; b = b->next) {
		uint32_t n;

		if (at >= b->len) {
			at -= b->len;
			continue;
		}
		n = b->len - at < size ? b->len - at : size;
		memcpy(out, b->data + at, n);
		out += n;
		size -= n;
		at = 0;
	}
	return !size;
}

static uint64_t chain_size(const adit_buf *b)
{
	uint64_t n = 0;

	for (; b; b = b->next)
		n += b->len;
	return n;
}

/* Writes the lengths and checksums of a whole packet in p. */
static void finish(const struct series *s, uint8_t *p, uint32_t len)
{
	uint32_t l4_size = len - s->l4, sum;
	uint8_t *field = p + s->l4 + (s->udp ? UDP_CSUM : TCP_CSUM);

	if (s->v4) {
		put16(p + IP4_LENGTH, len);
		put16(p + IP4_CSUM, 0);
		put16(p + IP4_CSUM, ~fold(add(0, p, s->l4)) & 0xffff);
	} else {
		put16(p + IP6_LENGTH, len - 40);
	}
	if (s->udp)
		put16(p + s->l4 + UDP_LENGTH, l4_size);
	put16(field, 0);
	sum = s->v4 ? add(0, p + IP4_SRC, 8) : add(0, p + IP6_SRC, 32);
	sum = add(sum + (s->udp ? PROTO_UDP : PROTO_TCP) + l4_size, p + s->l4, l4_size);
	sum = ~fold(sum) & 0xffff;
	put16(field, s->udp && !sum ? 0xffff : sum);
}

int32_t segment_cut(const adit_buf *b, uint8_t *scratch, segment_each each, void *arg)
{
	uint64_t total = chain_size(b);
	uint32_t at, count = 0;
	struct series s;

	if (total > UINT32_MAX || !b->gso_size || !(b->flags & ADIT_BUF_GSO))
		return ADIT_EINVAL;
	s.l4 = b->csum_start;
	s.payload = adit_vnet_payload(b, (uint32_t)total);
	if (!s.payload || s.payload + b->gso_size > UINT16_MAX)
		return ADIT_EINVAL;
	s.udp = !!(b->flags & ADIT_BUF_GSO_UDP);
	s.v4 = b->data[0] / 16 == 4;
	s.id = s.v4 ? get16(b->data + IP4_ID) : 0;
	s.seq = s.udp ? 0 : get32(b->data + s.l4 + TCP_SEQ);
	s.flags = s.udp ? 0 : b->data[s.l4 + TCP_FLAGS];
	for (at = s.payload; at < total; at += b->gso_size, count++) {
		uint32_t size = total - at < b->gso_size ? (uint32_t)total - at : b->gso_size;
		int last = at + size == total;

		memcpy(scratch, b->data, s.payload);
		if (!gather(b, at, scratch + s.payload, size))
			return ADIT_EINVAL;
		if (s.v4)
			put16(scratch + IP4_ID, (s.id + count) % 65536);
		if (!s.udp) {
			put32(scratch + s.l4 + TCP_SEQ, s.seq + (at - s.payload));
			scratch[s.l4 + TCP_FLAGS] =
				(uint8_t)(s.flags & ~(last ? 0 : FIN | PSH) & ~(count ? CWR : 0));
		}
		finish(&s, scratch, s.payload + size);
		each(arg, scratch, s.payload + size);
	}
	return (int32_t)count;
}

int32_t segment_complete(const adit_buf *b, uint8_t *scratch)
{
	uint64_t total = chain_size(b);
	uint32_t field = (uint32_t)b->csum_start + b->csum_off, sum;

	if (total > SEGMENT_ROOM || !gather(b, 0, scratch, (uint32_t)total))
		return ADIT_EINVAL;
	if (!(b->flags & ADIT_BUF_CSUM_NEEDED))
		return (int32_t)total;
	if (field + 2 > total)
		return ADIT_EINVAL;
	/* The field holds the sum over the pseudo header; it is part of what is summed. */
	sum = ~fold(add(0, scratch + b->csum_start, (uint32_t)total - b->csum_start)) & 0xffff;
	put16(scratch + field, b->csum_off == UDP_CSUM && !sum ? 0xffff : sum);
	return (int32_t)total;
}
