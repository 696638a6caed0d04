/* SPDX-License-Identifier: MIT
 * packet/icmp_error.c - what an ICMP error is about: the packet that it quotes
 *
 * A quotation is cut off somewhere behind its ports, so packet_parse cannot read it: lengths inside are taken
 * for what they claim, and only what is there is looked at. Written like packet/parse.c, and proven with it.
 */
#include "packet/icmp_error.h"

#include "packet/wire.h"

enum {
	LEAST_QUOTE = 8,     /* bytes of L4 that every error quotes: ports, and TCP's sequence number */
	LEAST_MTU4 = 68,     /* RFC 791 */
	LEAST_MTU6 = 1280,   /* RFC 8200 */
	MOST_EXTENSIONS = 8
};

/*@ predicate readable(uint8_t *p, integer n) = \valid_read(p + (0 .. n - 1)); */

/* What the error says, from its type and code; 0: it is none. */
/*@ assigns \nothing; */
static int32_t meaning4(uint8_t type, uint8_t code)
{
	if (type == WIRE_ICMP4_TIME)
		return ADIT_EHOST;
	if (type == WIRE_ICMP4_PARAMETER)
		return ADIT_EAGAIN;
	if (type != WIRE_ICMP4_UNREACHABLE)
		return 0;
	switch (code) {
	case 0:
	case 6:
	case 8:
	case 11:
		return ADIT_ENET;
	case 2:
	case 3:
		return ADIT_EREFUSED;
	case 4:
		return ADIT_EAGAIN;
	case 9:
	case 10:
	case 13:
		return ADIT_EADMIN;
	default:
		return ADIT_EHOST;
	}
}

/*@ assigns \nothing; */
static int32_t meaning6(uint8_t type, uint8_t code)
{
	if (type == WIRE_ICMP6_TOO_BIG)
		return ADIT_EAGAIN;
	if (type == WIRE_ICMP6_TIME)
		return ADIT_EHOST;
	if (type == WIRE_ICMP6_PARAMETER)
		return code == 1 ? ADIT_EREFUSED : ADIT_EAGAIN;
	if (type != WIRE_ICMP6_UNREACHABLE)
		return 0;
	switch (code) {
	case 0:
		return ADIT_ENET;
	case 1:
	case 5:
	case 6:
		return ADIT_EADMIN;
	case 4:
		return ADIT_EREFUSED;
	default:
		return ADIT_EHOST;
	}
}

/*@ requires end <= 4294900000 && at + size <= end && with + size <= end && size <= 16;
  @ requires readable(data, end);
  @ assigns \nothing;
  @*/
static int same_bytes(const uint8_t *data, uint32_t end, uint32_t at, uint32_t with, uint32_t size)
{
	uint32_t i;

	/*@ loop invariant 0 <= i <= size;
	  @ loop assigns i;
	  @ loop variant size - i;
	  @*/
	for (i = 0; i < size; i++)
		if (wire_u8(data, end, at + i) != wire_u8(data, end, with + i))
			return 0;
	return 1;
}

/* The quoted L4 header at `at`. */
/*@ requires end <= 4294900000 && at <= 40000;
  @ requires readable(data, end);
  @ requires \valid(out) && \separated(out, data + (0 .. end - 1));
  @ assigns out->l4, out->proto, out->src_port, out->dst_port, out->seq;
  @ ensures \result == PACKET_OK ==> out->l4 == at && at + 8 <= end;
  @*/
static enum packet_verdict quoted_l4(const uint8_t *data, uint32_t end, uint32_t at, uint8_t proto,
                                     struct icmp_error *out)
{
	uint8_t type;

	if (end < LEAST_QUOTE || at > end - LEAST_QUOTE)
		return PACKET_BAD_L4_LENGTH;
	out->l4 = (uint16_t)at;
	out->proto = proto;
	if (proto == WIRE_NEXT_TCP || proto == WIRE_NEXT_UDP) {
		out->src_port = wire_u16(data, end, at);
		out->dst_port = wire_u16(data, end, at + 2);
		out->seq = proto == WIRE_NEXT_TCP ? wire_u32(data, end, at + WIRE_TCP_SEQ) : 0;
		return PACKET_OK;
	}
	if (proto != (out->version == 4 ? WIRE_NEXT_ICMP : WIRE_NEXT_ICMPV6))
		return PACKET_UNKNOWN_PROTOCOL;
	type = wire_u8(data, end, at);
	if (out->version == 4 ? type != WIRE_ICMP4_ECHO && type != WIRE_ICMP4_ECHO_REPLY
	                      : type != WIRE_ICMP6_ECHO && type != WIRE_ICMP6_ECHO_REPLY)
		return PACKET_UNKNOWN_PROTOCOL;
	out->src_port = wire_u16(data, end, at + WIRE_ICMP_ID);
	out->dst_port = out->src_port;
	return PACKET_OK;
}

/*@ requires end <= 4294900000 && at <= 20060;
  @ requires readable(data, end);
  @ requires \valid(out) && \separated(out, data + (0 .. end - 1));
  @ assigns out->l4, out->proto, out->src_port, out->dst_port, out->seq;
  @ ensures \result == PACKET_OK ==> at + 20 <= out->l4 && out->l4 + 8 <= end;
  @*/
static enum packet_verdict quoted_ipv4(const uint8_t *data, uint32_t end, uint32_t at, struct icmp_error *out)
{
	uint32_t header;

	if (end < WIRE_IPV4_SIZE || at > end - WIRE_IPV4_SIZE)
		return PACKET_SHORT;
	if (wire_u8(data, end, at) / 16u != 4)
		return PACKET_BAD_VERSION;
	header = wire_u8(data, end, at) % 16u * 4u;
	if (header < WIRE_IPV4_SIZE)
		return PACKET_BAD_HEADER_LENGTH;
	if (wire_u16(data, end, at + WIRE_IPV4_FRAGMENT) % 8192u != 0)
		return PACKET_BAD_FRAGMENT; /* not the first: no ports */
	return quoted_l4(data, end, at + header, wire_u8(data, end, at + WIRE_IPV4_PROTO), out);
}

/*@ requires end <= 4294900000 && at <= 20060;
  @ requires readable(data, end);
  @ requires \valid(out) && \separated(out, data + (0 .. end - 1));
  @ assigns out->l4, out->proto, out->src_port, out->dst_port, out->seq;
  @ ensures \result == PACKET_OK ==> at + 40 <= out->l4 && out->l4 + 8 <= end;
  @*/
static enum packet_verdict quoted_ipv6(const uint8_t *data, uint32_t end, uint32_t at, struct icmp_error *out)
{
	uint8_t next;
	int i;

	if (end < WIRE_IPV6_SIZE || at > end - WIRE_IPV6_SIZE)
		return PACKET_SHORT;
	if (wire_u8(data, end, at) / 16u != 6)
		return PACKET_BAD_VERSION;
	next = wire_u8(data, end, at + WIRE_IPV6_NEXT);
	at += WIRE_IPV6_SIZE;
	/*@ loop invariant 0 <= i <= MOST_EXTENSIONS;
	  @ loop invariant \at(at, Pre) + 40 <= at <= \at(at, Pre) + 40 + i * 2048;
	  @ loop assigns i, at, next;
	  @ loop variant MOST_EXTENSIONS - i;
	  @*/
	for (i = 0; i < MOST_EXTENSIONS; i++) {
		if (next != WIRE_NEXT_HOP_BY_HOP && next != WIRE_NEXT_DESTINATION && next != WIRE_NEXT_ROUTING &&
		    next != WIRE_NEXT_FRAGMENT)
			break;
		if (end < 8 || at > end - 8)
			return PACKET_BAD_EXTENSION;
		if (next == WIRE_NEXT_FRAGMENT) {
			if (wire_u16(data, end, at + 2) / 8u != 0)
				return PACKET_BAD_FRAGMENT;
			next = wire_u8(data, end, at);
			at += 8;
		} else {
			next = wire_u8(data, end, at);
			at += wire_u8(data, end, at + 1) * 8u + 8u;
		}
	}
	return quoted_l4(data, end, at, next, out);
}

/* The MTU that the error at l4 names; 0: it is about something else. */
/*@ requires l4 + 8 <= end <= 4294900000;
  @ requires readable(data, end);
  @ assigns \nothing;
  @*/
static uint32_t named_mtu(const uint8_t *data, uint32_t end, uint32_t l4, uint8_t version, uint8_t type, uint8_t code)
{
	uint32_t mtu;

	if (version == 4 && type == WIRE_ICMP4_UNREACHABLE && code == 4) {
		mtu = wire_u16(data, end, l4 + 6);
		return mtu < LEAST_MTU4 ? LEAST_MTU4 : mtu;
	}
	if (version == 6 && type == WIRE_ICMP6_TOO_BIG) {
		mtu = wire_u32(data, end, l4 + 4);
		return mtu < LEAST_MTU6 ? LEAST_MTU6 : mtu;
	}
	return 0;
}

/*@ requires \valid_read(view) && \valid(out);
  @ requires 20 <= view->l4 <= 20000 && view->l4 + 8 <= view->payload <= view->total <= 4294900000;
  @ requires view->payload <= view->l4 + 60;
  @ requires view->version == 4 && view->addresses == 12 && view->address_size == 4 ||
  @          view->version == 6 && view->addresses == 8 && view->address_size == 16 && 40 <= view->l4;
  @ requires readable(data, view->total);
  @ requires \separated(out, data + (0 .. view->total - 1)) && \separated(out, view);
  @ assigns *out;
  @ ensures \result == PACKET_OK ==> out->l4 + 8 <= view->total &&
  @         out->addresses + 2 * out->address_size <= out->l4;
  @*/
enum packet_verdict icmp_error_parse(const uint8_t *data, const struct packet_view *view, struct icmp_error *out)
{
	uint32_t end = view->total, at = view->payload, addresses;
	enum packet_verdict verdict;
	int32_t result = 0;

	if (view->version == 4 && view->proto == WIRE_NEXT_ICMP)
		result = meaning4(view->icmp_type, view->icmp_code);
	else if (view->version == 6 && view->proto == WIRE_NEXT_ICMPV6)
		result = meaning6(view->icmp_type, view->icmp_code);
	if (result == 0)
		return PACKET_UNKNOWN_PROTOCOL;
	*out = (struct icmp_error){0};
	out->result = result;
	out->version = view->version;
	verdict = view->version == 4 ? quoted_ipv4(data, end, at, out) : quoted_ipv6(data, end, at, out);
	if (verdict != PACKET_OK)
		return verdict;
	addresses = at + view->addresses;
	if (addresses > 255)
		return PACKET_BAD_EXTENSION; /* an error behind that many options or extension headers is nobody's */
	/* The quoted packet's source is who gets the error, or somebody invents errors about other people's flows. */
	if (!same_bytes(data, end, addresses, view->addresses + (uint32_t)view->address_size, view->address_size))
		return PACKET_MARTIAN_DESTINATION;
	out->addresses = (uint8_t)addresses;
	out->address_size = view->address_size;
	out->mtu = named_mtu(data, end, view->l4, view->version, view->icmp_type, view->icmp_code);
	return PACKET_OK;
}
