/* SPDX-License-Identifier: MIT
 * packet/build.c - IP and UDP or ICMP headers in front of a payload
 */
#include "packet/build.h"

#include <stdbool.h>
#include <string.h>

#include "packet/checksum.h"
#include "packet/wire.h"

enum { HOPS = 64, LONGEST = 65535 };

/* Bytes of all segments; LONGEST + 1 for anything longer. */
static uint32_t chain_size(const adit_buf *pkt)
{
	uint32_t size = 0;

	for (; pkt; pkt = pkt->next) {
		if (pkt->len > LONGEST - size)
			return LONGEST + 1;
		size += pkt->len;
	}
	return size;
}

/* The sum over all segments, the first of which begins at an even place; any of them may have an odd size. */
static uint64_t chain_sum(uint64_t sum, const adit_buf *pkt)
{
	uint32_t at = 0;

	for (; pkt; pkt = pkt->next) {
		sum = checksum_add_at(sum, pkt->data, pkt->len, at);
		at += pkt->len;
	}
	return sum;
}

/* Room for an IP header and l4 bytes in front of pkt's payload, the IP header filled in. Gives the size of the
 * IP header and in *payload that of the payload; negative: it cannot be. */
static int32_t push_headers(adit_buf *pkt, const adit_flow_info *info, uint8_t proto, uint32_t l4, uint32_t *payload)
{
	uint32_t ip = info->src.family == 4 ? WIRE_IPV4_SIZE : WIRE_IPV6_SIZE, size = chain_size(pkt);
	uint8_t *h;

	if (info->src.family != info->dst.family || (info->src.family != 4 && info->src.family != 6))
		return ADIT_EINVAL;
	/* The length field of IPv4 counts the IP header, that of IPv6 does not. */
	if (size > LONGEST - l4 - (ip == WIRE_IPV4_SIZE ? ip : 0) || pkt->data - pkt->head < (ptrdiff_t)(ip + l4))
		return ADIT_EINVAL;
	pkt->data -= ip + l4;
	pkt->len += ip + l4;
	*payload = size;
	h = pkt->data;
	memset(h, 0, ip + l4);
	if (ip == WIRE_IPV4_SIZE) {
		h[0] = 0x45;
		wire_put16(h + WIRE_IPV4_TOTAL, (uint16_t)(ip + l4 + size));
		wire_put16(h + WIRE_IPV4_FRAGMENT, 0x4000);
		h[WIRE_IPV4_TTL] = HOPS;
		h[WIRE_IPV4_PROTO] = proto;
		memcpy(h + WIRE_IPV4_SRC, info->dst.ip, 4);
		memcpy(h + WIRE_IPV4_DST, info->src.ip, 4);
		wire_put16(h + WIRE_IPV4_CHECKSUM, checksum_finish(checksum_add(0, h, ip)));
	} else {
		h[0] = 0x60;
		wire_put16(h + WIRE_IPV6_PAYLOAD, (uint16_t)(l4 + size));
		h[WIRE_IPV6_NEXT] = proto;
		h[WIRE_IPV6_HOPS] = HOPS;
		memcpy(h + WIRE_IPV6_SRC, info->dst.ip, 16);
		memcpy(h + WIRE_IPV6_DST, info->src.ip, 16);
	}
	return (int32_t)ip;
}

/* The sum over the pseudo header of the packet at h. */
static uint64_t pseudo_sum(const uint8_t *h, uint32_t ip, uint8_t proto, uint32_t l4_size)
{
	if (ip == WIRE_IPV4_SIZE)
		return checksum_pseudo(0, h + WIRE_IPV4_SRC, 4, proto, l4_size);
	return checksum_pseudo(0, h + WIRE_IPV6_SRC, 16, proto, l4_size);
}

/* The sum over the whole packet from the L4 header on, pseudo header included. */
static uint64_t l4_sum(const adit_buf *pkt, uint32_t ip, uint64_t pseudo)
{
	adit_buf first = *pkt;

	first.data += ip;
	first.len -= ip;
	return chain_sum(pseudo, &first);
}

static void describe(adit_buf *pkt, uint32_t ip, uint32_t l4, uint16_t check)
{
	pkt->csum_start = (uint16_t)ip;
	pkt->csum_off = check;
	pkt->hdr_len = (uint16_t)(ip + l4);
	pkt->flags &= ~(uint32_t)(ADIT_BUF_CSUM_NEEDED | ADIT_BUF_CSUM_OK);
}

adit_result build_udp(adit_buf *pkt, const adit_flow_info *info, uint32_t flags)
{
	uint32_t payload, size;
	int32_t ip;
	uint64_t pseudo;
	uint8_t *udp;

	if (info->proto != ADIT_PROTO_UDP || (pkt->flags & ADIT_BUF_GSO_UDP && pkt->gso_size == 0))
		return ADIT_EINVAL;
	ip = push_headers(pkt, info, ADIT_PROTO_UDP, WIRE_UDP_SIZE, &payload);
	if (ip < 0)
		return ip;
	size = WIRE_UDP_SIZE + payload;
	udp = pkt->data + ip;
	wire_put16(udp, info->dst.port);
	wire_put16(udp + 2, info->src.port);
	wire_put16(udp + WIRE_UDP_LENGTH, (uint16_t)size);
	describe(pkt, (uint32_t)ip, WIRE_UDP_SIZE, WIRE_UDP_CHECKSUM);
	if (!(pkt->flags & ADIT_BUF_GSO_UDP) || payload <= pkt->gso_size) {
		pkt->flags &= ~(uint32_t)ADIT_BUF_GSO;
		pkt->gso_size = 0;
	} else {
		flags |= BUILD_PARTIAL;
	}
	pseudo = pseudo_sum(pkt->data, (uint32_t)ip, ADIT_PROTO_UDP, size);
	if (flags & BUILD_PARTIAL) {
		wire_put16(udp + WIRE_UDP_CHECKSUM, checksum_fold(pseudo));
		pkt->flags |= ADIT_BUF_CSUM_NEEDED;
	} else {
		wire_put16(udp + WIRE_UDP_CHECKSUM,
		           checksum_udp(checksum_finish(l4_sum(pkt, (uint32_t)ip, pseudo))));
	}
	return ADIT_OK;
}

adit_result build_echo_reply(adit_buf *pkt, const adit_flow_info *info, uint16_t seq)
{
	bool v4 = info->src.family == 4;
	uint8_t proto = v4 ? ADIT_PROTO_ICMP : ADIT_PROTO_ICMPV6, *icmp;
	uint32_t payload;
	uint64_t sum = 0;
	int32_t ip;

	if (info->proto != proto)
		return ADIT_EINVAL;
	ip = push_headers(pkt, info, proto, WIRE_ICMP_SIZE, &payload);
	if (ip < 0)
		return ip;
	icmp = pkt->data + ip;
	icmp[0] = v4 ? WIRE_ICMP4_ECHO_REPLY : WIRE_ICMP6_ECHO_REPLY;
	wire_put16(icmp + WIRE_ICMP_ID, info->src.port);
	wire_put16(icmp + WIRE_ICMP_SEQ, seq);
	describe(pkt, (uint32_t)ip, WIRE_ICMP_SIZE, WIRE_ICMP_CHECKSUM);
	pkt->flags &= ~(uint32_t)ADIT_BUF_GSO;
	pkt->gso_size = 0;
	if (!v4)
		sum = pseudo_sum(pkt->data, (uint32_t)ip, proto, WIRE_ICMP_SIZE + payload);
	wire_put16(icmp + WIRE_ICMP_CHECKSUM, checksum_finish(l4_sum(pkt, (uint32_t)ip, sum)));
	return ADIT_OK;
}

adit_result build_tcp(adit_buf *pkt, const adit_flow_info *info, const struct build_segment *segment)
{
	uint32_t payload;
	uint64_t pseudo;
	uint8_t *tcp;
	int32_t ip;

	if (info->proto != ADIT_PROTO_TCP)
		return ADIT_EINVAL;
	ip = push_headers(pkt, info, ADIT_PROTO_TCP, WIRE_TCP_SIZE, &payload);
	if (ip < 0)
		return ip;
	tcp = pkt->data + ip;
	wire_put16(tcp, info->dst.port);
	wire_put16(tcp + 2, info->src.port);
	wire_put32(tcp + WIRE_TCP_SEQ, segment->seq);
	wire_put32(tcp + WIRE_TCP_ACK, segment->ack);
	tcp[WIRE_TCP_OFFSET] = WIRE_TCP_SIZE / 4 << 4;
	tcp[WIRE_TCP_FLAGS] = segment->flags;
	wire_put16(tcp + WIRE_TCP_WINDOW, segment->window);
	describe(pkt, (uint32_t)ip, WIRE_TCP_SIZE, WIRE_TCP_CHECKSUM);
	pkt->flags &= ~(uint32_t)ADIT_BUF_GSO;
	pkt->gso_size = 0;
	pseudo = pseudo_sum(pkt->data, (uint32_t)ip, ADIT_PROTO_TCP, WIRE_TCP_SIZE + payload);
	wire_put16(tcp + WIRE_TCP_CHECKSUM, checksum_finish(l4_sum(pkt, (uint32_t)ip, pseudo)));
	return ADIT_OK;
}
