/* SPDX-License-Identifier: MIT
 * packet/parse_l4.h - validation of TCP, UDP and ICMP headers, for packet/parse.c alone
 *
 * Inline, because every packet goes through it. What parse.c says about contracts and arithmetic holds here.
 */
#ifndef PACKET_PARSE_L4_H
#define PACKET_PARSE_L4_H

#include "packet/parse.h"
#include "packet/wire.h"

/*@ predicate readable(uint8_t *p, integer n) = \valid_read(p + (0 .. n - 1)); */

/*@ assigns \nothing;
  @ ensures \result == 0 || \result == 1;
  @*/
static inline int tcp_flags_ok(uint8_t flags)
{
	unsigned fin = flags % 2u, syn = flags / 2u % 2u, rst = flags / 4u % 2u, ack = flags / 16u % 2u;

	if (syn)
		return !fin && !rst;
	return rst || ack; /* neither: null, FIN alone, xmas (RFC 9293 section 3.10.7.4 drops them) */
}

/*@ requires l4 <= total && 20 <= l4 <= 20000;
  @ requires readable(data, total);
  @ requires \valid(out) && \separated(out, data + (0 .. total - 1));
  @ assigns out->src_port, out->dst_port, out->payload, out->tcp_flags;
  @ ensures \result == PACKET_OK ==> l4 + 20 <= out->payload <= total && out->payload <= l4 + 60;
  @ ensures \result == PACKET_OK || \result == PACKET_BAD_L4_LENGTH || \result == PACKET_BAD_FLAGS;
  @*/
static inline enum packet_verdict parse_tcp(const uint8_t *data, uint32_t total, uint32_t l4, struct packet_view *out)
{
	uint32_t header;

	if (total - l4 < WIRE_TCP_SIZE)
		return PACKET_BAD_L4_LENGTH;
	header = wire_u8(data, total, l4 + WIRE_TCP_OFFSET) / 16u * 4u;
	if (header < WIRE_TCP_SIZE || header > total - l4)
		return PACKET_BAD_L4_LENGTH;
	out->src_port = wire_u16(data, total, l4);
	out->dst_port = wire_u16(data, total, l4 + 2);
	out->payload = (uint16_t)(l4 + header);
	out->tcp_flags = wire_u8(data, total, l4 + WIRE_TCP_FLAGS);
	return tcp_flags_ok(out->tcp_flags) ? PACKET_OK : PACKET_BAD_FLAGS;
}

/*@ requires l4 <= total && 20 <= l4 <= 20000;
  @ requires readable(data, total);
  @ requires \valid(out) && \separated(out, data + (0 .. total - 1));
  @ assigns out->src_port, out->dst_port, out->payload;
  @ ensures \result == PACKET_OK ==> out->payload == l4 + 8 <= total;
  @ ensures \result == PACKET_OK || \result == PACKET_BAD_L4_LENGTH;
  @*/
static inline enum packet_verdict parse_udp(const uint8_t *data, uint32_t total, uint32_t l4, struct packet_view *out)
{
	if (total - l4 < WIRE_UDP_SIZE)
		return PACKET_BAD_L4_LENGTH;
	if (wire_u16(data, total, l4 + WIRE_UDP_LENGTH) != total - l4)
		return PACKET_BAD_L4_LENGTH;
	out->src_port = wire_u16(data, total, l4);
	out->dst_port = wire_u16(data, total, l4 + 2);
	out->payload = (uint16_t)(l4 + WIRE_UDP_SIZE);
	return PACKET_OK;
}

/*@ assigns \nothing; */
static inline int is_echo(uint8_t version, uint8_t type)
{
	if (version == 4)
		return type == WIRE_ICMP4_ECHO || type == WIRE_ICMP4_ECHO_REPLY;
	return type == WIRE_ICMP6_ECHO || type == WIRE_ICMP6_ECHO_REPLY;
}

/*@ requires l4 <= total && 20 <= l4 <= 20000;
  @ requires readable(data, total);
  @ requires \valid(out) && \separated(out, data + (0 .. total - 1));
  @ assigns out->src_port, out->dst_port, out->payload, out->icmp_type, out->icmp_code;
  @ ensures \result == PACKET_OK ==> out->payload == l4 + 8 <= total;
  @ ensures \result == PACKET_OK || \result == PACKET_BAD_L4_LENGTH;
  @*/
static inline enum packet_verdict parse_icmp(const uint8_t *data, uint32_t total, uint32_t l4, struct packet_view *out)
{
	if (total - l4 < WIRE_ICMP_SIZE)
		return PACKET_BAD_L4_LENGTH;
	out->icmp_type = wire_u8(data, total, l4);
	out->icmp_code = wire_u8(data, total, l4 + WIRE_ICMP_CODE);
	if (is_echo(out->version, out->icmp_type)) {
		out->src_port = wire_u16(data, total, l4 + WIRE_ICMP_ID);
		out->dst_port = out->src_port;
	}
	out->payload = (uint16_t)(l4 + WIRE_ICMP_SIZE);
	return PACKET_OK;
}

/*@ requires l4 <= total && 20 <= l4 <= 20000;
  @ requires readable(data, total);
  @ requires \valid(out) && \separated(out, data + (0 .. total - 1));
  @ assigns out->l4, out->proto, out->src_port, out->dst_port, out->payload, out->tcp_flags, out->icmp_type,
  @         out->icmp_code;
  @ ensures out->l4 == l4;
  @ ensures \result == PACKET_OK ==> l4 + 8 <= out->payload <= total && out->payload <= l4 + 60;
  @ ensures \result != PACKET_FRAGMENT;
  @*/
static inline enum packet_verdict parse_l4(const uint8_t *data, uint32_t total, uint32_t l4, uint8_t proto,
                                           struct packet_view *out)
{
	out->l4 = (uint16_t)l4;
	out->proto = proto;
	if (proto == WIRE_NEXT_TCP)
		return parse_tcp(data, total, l4, out);
	if (proto == WIRE_NEXT_UDP)
		return parse_udp(data, total, l4, out);
	if (proto == (out->version == 4 ? WIRE_NEXT_ICMP : WIRE_NEXT_ICMPV6))
		return parse_icmp(data, total, l4, out);
	return PACKET_UNKNOWN_PROTOCOL;
}

#endif
