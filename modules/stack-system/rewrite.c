/* SPDX-License-Identifier: MIT
 * stack-system/rewrite.c - other endpoints for a TCP packet, in place, without a look at its
 * payload
 */
#include "rewrite.h"

#include <string.h>

enum { TCP = 6, V4_SIZE = 20, V6_SIZE = 40, TCP_SIZE = 20, TCP_SUM = 16 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint32_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

uint32_t rewrite_sum(const uint8_t *data, uint32_t size, uint32_t sum)
{
	uint32_t i;

	for (i = 0; i + 1 < size; i += 2) {
		sum += get16(data + i);
		if (sum & 0x80000000u)
			sum = fold(sum);
	}
	if (i < size)
		sum += (uint32_t)data[i] << 8;
	return fold(sum);
}

static adit_result parse_v4(const uint8_t *data, uint32_t size, struct rewrite_view *v)
{
	uint32_t header;

	if (size < V4_SIZE)
		return ADIT_EINVAL;
	header = (data[0] & 15u) * 4;
	if (header < V4_SIZE || size < header + TCP_SIZE || data[9] != TCP ||
	    (get16(data + 6) & 0x3fff))
		return ADIT_EINVAL;
	v->src.family = v->dst.family = 4;
	memcpy(v->src.ip, data + 12, 4);
	memcpy(v->dst.ip, data + 16, 4);
	v->l4 = (uint16_t)header;
	return ADIT_OK;
}

static adit_result parse_v6(const uint8_t *data, uint32_t size, struct rewrite_view *v)
{
	if (size < V6_SIZE + TCP_SIZE || data[6] != TCP)
		return ADIT_EINVAL;
	v->src.family = v->dst.family = 6;
	memcpy(v->src.ip, data + 8, 16);
	memcpy(v->dst.ip, data + 24, 16);
	v->l4 = V6_SIZE;
	return ADIT_OK;
}

adit_result rewrite_parse(const uint8_t *data, uint32_t size, struct rewrite_view *out)
{
	struct rewrite_view v = {0};
	adit_result result;
	uint32_t header;

	if (size == 0)
		return ADIT_EINVAL;
	if (data[0] >> 4 == 4)
		result = parse_v4(data, size, &v);
	else if (data[0] >> 4 == 6)
		result = parse_v6(data, size, &v);
	else
		result = ADIT_EINVAL;
	if (result != ADIT_OK)
		return result;
	header = (data[v.l4 + 12] >> 4) * 4u;
	if (header < TCP_SIZE || v.l4 + header > size)
		return ADIT_EINVAL;
	v.src.port = get16(data + v.l4);
	v.dst.port = get16(data + v.l4 + 2);
	v.payload = (uint16_t)(v.l4 + header);
	v.tcp_flags = data[v.l4 + 13];
	*out = v;
	return ADIT_OK;
}

/* Replaces size bytes (even) and returns what that adds to a ones' complement sum: ~old + new,
 * folded. */
static uint32_t replace(uint8_t *at, const uint8_t *with, uint32_t size)
{
	uint32_t i, sum = 0;

	for (i = 0; i < size; i += 2)
		sum += (~(uint32_t)get16(at + i) & 0xffff) + get16(with + i);
	memcpy(at, with, size);
	return fold(sum);
}

/* RFC 1624, equation 3, for a complemented checksum field. */
static void adjust(uint8_t *field, uint32_t difference)
{
	put16(field, ~fold((~(uint32_t)get16(field) & 0xffff) + difference) & 0xffff);
}

void rewrite_endpoints(adit_buf *b, uint32_t l4, const adit_addr *src, const adit_addr *dst)
{
	uint8_t *p = b->data, *tcp = p + l4, ports[4];
	uint32_t addresses;

	if (p[0] >> 4 == 4) {
		addresses = fold(replace(p + 12, src->ip, 4) + replace(p + 16, dst->ip, 4));
		adjust(p + 10, addresses);
	} else {
		addresses = fold(replace(p + 8, src->ip, 16) + replace(p + 24, dst->ip, 16));
	}
	put16(ports, src->port);
	put16(ports + 2, dst->port);
	if (b->flags & ADIT_BUF_CSUM_NEEDED) {
		memcpy(tcp, ports, 4);
		put16(tcp + TCP_SUM, fold(get16(tcp + TCP_SUM) + addresses));
	} else {
		adjust(tcp + TCP_SUM, fold(addresses + replace(tcp, ports, 4)));
	}
}
