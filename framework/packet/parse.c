/* SPDX-License-Identifier: MIT
 * packet/parse.c - validating parser of IPv4 and IPv6 packets
 *
 * Comments that begin with an at sign are contracts; tests/packet-prove.sh has them proven: no read outside
 * data[0 .. len), no arithmetic that wraps, an end to every loop, and what the view promises. Arithmetic is
 * written with / and % for that reason (packet/wire.h).
 */
#include "packet/parse.h"

#include "packet/parse_l4.h"
#include "packet/wire.h"

enum {
	MOST_EXTENSIONS = 8,  /* no real packet has more than four */
	LONGEST_PACKET = 65535 /* that a length field can name; a reassembled packet stays below it */
};

/* IPv4 options that tell routers to do work, or us to tell secrets. */
enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_RECORD = 7, OPTION_TIME = 68, OPTION_LOOSE = 131, OPTION_STRICT = 137 };
/* IPv6 options. The two high bits of the others say what to do with unknown ones: 00 is "skip". */
enum { OPTION_PAD1 = 0, OPTION_JUMBO = 194, OPTION_SKIP_BELOW = 64 };

/*@ requires \valid(out);
  @ requires version == 4 || version == 6;
  @ assigns *out;
  @ ensures out->version == version && out->total == total && out->fragment_data == 0;
  @ ensures version == 4 ==> out->addresses == 12 && out->address_size == 4;
  @ ensures version == 6 ==> out->addresses == 8 && out->address_size == 16;
  @*/
static inline void view_begin(struct packet_view *out, uint8_t version, uint32_t total)
{
	out->total = total;
	out->fragment_id = 0;
	out->l4 = 0;
	out->payload = 0;
	out->src_port = 0;
	out->dst_port = 0;
	out->next_at = version == 4 ? WIRE_IPV4_PROTO : WIRE_IPV6_NEXT;
	out->fragment_offset = 0;
	out->fragment_data = 0;
	out->fragment_next = 0;
	out->fragment_more = 0;
	out->version = version;
	out->proto = 0;
	out->tcp_flags = 0;
	out->icmp_type = 0;
	out->icmp_code = 0;
	out->addresses = version == 4 ? WIRE_IPV4_SRC : WIRE_IPV6_SRC;
	out->address_size = version == 4 ? 4 : 16;
}

/* What a first fragment must hold at least, so that nobody can hide ports or flags in the second. 0: the
 * protocol is not one of ours. */
/*@ assigns \nothing;
  @ ensures \result <= 20;
  @*/
static uint32_t least_l4(uint8_t version, uint8_t proto)
{
	if (proto == WIRE_NEXT_TCP)
		return WIRE_TCP_SIZE;
	if (proto == WIRE_NEXT_UDP)
		return WIRE_UDP_SIZE;
	return proto == (version == 4 ? WIRE_NEXT_ICMP : WIRE_NEXT_ICMPV6) ? WIRE_ICMP_SIZE : 0;
}

/* The first fragment: the bytes of the datagram begin at out->fragment_data, its L4 header at l4. */
/*@ requires l4 <= total && 20 <= l4 <= 20000;
  @ requires \valid(out);
  @ assigns out->l4, out->proto;
  @ ensures \result != PACKET_OK;
  @ ensures out->l4 == l4;
  @*/
static enum packet_verdict first_fragment(uint32_t total, uint32_t l4, uint8_t proto, struct packet_view *out)
{
	uint32_t least = least_l4(out->version, proto);

	out->l4 = (uint16_t)l4;
	out->proto = proto;
	if (!least)
		return PACKET_UNKNOWN_PROTOCOL;
	return total - l4 < least ? PACKET_TINY_FRAGMENT : PACKET_FRAGMENT;
}

/* size bytes of a datagram at offset: rules that both families share. kept: bytes in front of the datagram
 * that its length field will count after reassembly. */
/*@ requires size <= 4294900000 && offset <= 65535 && kept <= 20000;
  @ assigns \nothing;
  @ ensures \result == 0 || \result == 1;
  @ ensures \result == 1 ==> 1 <= size && kept + offset + size <= 65535;
  @*/
static int fragment_ok(uint32_t size, uint32_t offset, int more, uint32_t kept)
{
	if (size == 0 || size > LONGEST_PACKET || kept + offset + size > LONGEST_PACKET)
		return 0;
	return !more || size % 8u == 0;
}

/*@ requires 20 <= header <= 60;
  @ requires readable(data, header);
  @ assigns \nothing;
  @ ensures \result == 0 || \result == 1;
  @*/
static int ipv4_options_ok(const uint8_t *data, uint32_t header)
{
	uint32_t at = WIRE_IPV4_SIZE;
	uint8_t type, size;

	/*@ loop invariant 20 <= at <= header;
	  @ loop assigns at, type, size;
	  @ loop variant header - at;
	  @*/
	while (at < header) {
		type = wire_u8(data, header, at);
		if (type == OPTION_END)
			return 1;
		if (type == OPTION_NOP) {
			at++;
			continue;
		}
		if (type == OPTION_RECORD || type == OPTION_TIME || type == OPTION_LOOSE || type == OPTION_STRICT)
			return 0;
		if (header - at < 2)
			return 0;
		size = wire_u8(data, header, at + 1);
		if (size < 2 || size > header - at)
			return 0;
		at += size;
	}
	return 1;
}

/*@ requires 20 <= header <= 60 && header <= total <= 4294900000;
  @ requires readable(data, total);
  @ requires \valid(out) && \separated(out, data + (0 .. total - 1));
  @ assigns out->fragment_id, out->fragment_offset, out->fragment_data, out->fragment_more, out->l4, out->proto;
  @ ensures \result != PACKET_OK;
  @ ensures \result == PACKET_FRAGMENT ==> out->fragment_data == header < total;
  @ ensures \result == PACKET_FRAGMENT ==> header + out->fragment_offset + (total - header) <= 65535;
  @*/
static enum packet_verdict ipv4_fragment(const uint8_t *data, uint32_t total, uint32_t header, struct packet_view *out)
{
	uint16_t field = wire_u16(data, total, WIRE_IPV4_FRAGMENT);
	uint8_t proto = wire_u8(data, total, WIRE_IPV4_PROTO);
	uint32_t offset = field % 8192u * 8u;
	int more = field / 8192u % 2u != 0;

	if (!fragment_ok(total - header, offset, more, header))
		return PACKET_BAD_FRAGMENT;
	out->fragment_id = wire_u16(data, total, WIRE_IPV4_ID);
	out->fragment_offset = (uint16_t)offset;
	out->fragment_data = (uint16_t)header;
	out->fragment_more = (uint8_t)more;
	if (offset == 0)
		return first_fragment(total, header, proto, out);
	out->l4 = (uint16_t)header;
	out->proto = proto;
	return least_l4(4, proto) ? PACKET_FRAGMENT : PACKET_UNKNOWN_PROTOCOL;
}

/*@ requires len <= 4294900000;
  @ requires readable(data, len);
  @ requires \valid(out) && \separated(out, data + (0 .. len - 1));
  @ assigns *out;
  @ ensures \result == PACKET_OK ==> 20 <= out->l4 <= 20000;
  @ ensures \result == PACKET_OK ==> out->l4 + 8 <= out->payload <= out->total <= len && out->payload <= out->l4 + 60;
  @ ensures \result == PACKET_OK || \result == PACKET_FRAGMENT || \result == PACKET_UNKNOWN_PROTOCOL ==>
  @         out->version == 4 && out->addresses == 12 && out->address_size == 4;
  @ ensures \result == PACKET_OK || \result == PACKET_FRAGMENT || \result == PACKET_UNKNOWN_PROTOCOL ==>
  @         20 <= out->total <= len;
  @ ensures \result == PACKET_FRAGMENT ==> 20 <= out->fragment_data < out->total;
  @ ensures \result == PACKET_FRAGMENT ==> out->fragment_offset + out->total <= 65535;
  @*/
static inline enum packet_verdict parse_ipv4(const uint8_t *data, uint32_t len, int super, struct packet_view *out)
{
	uint32_t header, total;

	if (len < WIRE_IPV4_SIZE)
		return PACKET_SHORT;
	header = wire_u8(data, len, 0) % 16u * 4u;
	if (header < WIRE_IPV4_SIZE || header > len)
		return PACKET_BAD_HEADER_LENGTH;
	total = wire_u16(data, len, WIRE_IPV4_TOTAL);
	if (super && total == 0)
		total = len;
	if (total < header || total > len)
		return PACKET_BAD_TOTAL_LENGTH;
	view_begin(out, 4, total);
	if (header > WIRE_IPV4_SIZE && !ipv4_options_ok(data, header))
		return PACKET_BAD_OPTION;
	if (wire_u16(data, len, WIRE_IPV4_FRAGMENT) % 16384u != 0)
		return ipv4_fragment(data, total, header, out);
	return parse_l4(data, total, header, wire_u8(data, len, WIRE_IPV4_PROTO), out);
}

/* Options of a hop-by-hop or destination header: those that ask to be discarded when unknown, and malformed ones,
 * are refused. */
/*@ requires at + 2 <= end <= 30000;
  @ requires readable(data, end);
  @ assigns \nothing;
  @ ensures \result == 0 || \result == 1;
  @*/
static int ipv6_options_ok(const uint8_t *data, uint32_t at, uint32_t end, int super)
{
	uint8_t type, size;

	at += 2;
	/*@ loop invariant at <= end;
	  @ loop assigns at, type, size;
	  @ loop variant end - at;
	  @*/
	while (at < end) {
		type = wire_u8(data, end, at);
		if (type == OPTION_PAD1) {
			at++;
			continue;
		}
		if (type >= OPTION_SKIP_BELOW && !(super && type == OPTION_JUMBO))
			return 0;
		if (end - at < 2)
			return 0;
		size = wire_u8(data, end, at + 1);
		if (size > end - at - 2)
			return 0;
		at += 2u + size;
	}
	return 1;
}

/* Looks at the fragment header at `at`. PACKET_OK: it is an atomic fragment, or the first one: read on behind it. */
/*@ requires 40 <= at <= 20000 && at + 8 <= total <= 4294900000;
  @ requires readable(data, total);
  @ requires \valid(out) && \separated(out, data + (0 .. total - 1));
  @ requires out->fragment_data == 0;
  @ assigns out->fragment_id, out->fragment_offset, out->fragment_data, out->fragment_more, out->fragment_next,
  @         out->l4, out->proto;
  @ ensures \result == PACKET_OK || \result == PACKET_FRAGMENT || \result == PACKET_BAD_FRAGMENT;
  @ ensures \result == PACKET_FRAGMENT ==> out->fragment_data == at + 8 < total;
  @ ensures \result == PACKET_OK ==> out->fragment_data == 0 || out->fragment_data == at + 8 < total;
  @ ensures \result == PACKET_FRAGMENT || (\result == PACKET_OK && out->fragment_data == at + 8) ==>
  @         at - 40 + out->fragment_offset + (total - at - 8) <= 65535;
  @*/
static enum packet_verdict ipv6_fragment(const uint8_t *data, uint32_t total, uint32_t at, uint32_t next_at,
                                         struct packet_view *out)
{
	uint16_t field = wire_u16(data, total, at + 2);
	uint32_t offset = field / 8u * 8u;
	int more = field % 2u != 0;

	if (offset == 0 && !more)
		return PACKET_OK;
	if (!fragment_ok(total - at - 8, offset, more, at - WIRE_IPV6_SIZE))
		return PACKET_BAD_FRAGMENT;
	out->fragment_id = wire_u32(data, total, at + 4);
	out->fragment_offset = (uint16_t)offset;
	out->fragment_data = (uint16_t)(at + 8);
	out->fragment_more = (uint8_t)more;
	out->fragment_next = (uint16_t)next_at;
	out->l4 = (uint16_t)(at + 8);
	out->proto = wire_u8(data, total, at);
	return offset == 0 ? PACKET_OK : PACKET_FRAGMENT;
}

/* Size of the extension header `next` at `at` with everything in it checked; 0: it is bad. */
/*@ requires 40 <= at <= 20000 && at + 8 <= total;
  @ requires readable(data, total);
  @ assigns \nothing;
  @ ensures \result == 0 || 8 <= \result <= 2048 && at + \result <= total;
  @*/
static uint32_t extension_size(const uint8_t *data, uint32_t total, uint32_t at, uint8_t next, int super)
{
	uint32_t size = wire_u8(data, total, at + 1) * 8u + 8u;

	if (size > total - at)
		return 0;
	/* A routing header names its type and how many stops are left. Type 0 is forbidden (RFC 5095), and
	 * with stops left the packet is not for who it says it is for. */
	if (next == WIRE_NEXT_ROUTING)
		return wire_u8(data, total, at + 2) == 0 || wire_u8(data, total, at + 3) != 0 ? 0 : size;
	return ipv6_options_ok(data, at, at + size, super) ? size : 0;
}

/* What stands behind the fixed header when it is not L4 itself. */
/*@ requires 40 <= total <= 4294900000;
  @ requires readable(data, total);
  @ requires \valid(out) && \separated(out, data + (0 .. total - 1));
  @ requires out->fragment_data == 0;
  @ assigns out->l4, out->proto, out->src_port, out->dst_port, out->payload, out->tcp_flags, out->icmp_type,
  @         out->icmp_code, out->fragment_id, out->fragment_offset, out->fragment_data, out->fragment_more,
  @         out->fragment_next, out->next_at;
  @ ensures \result == PACKET_OK ==> 40 <= out->l4 <= 20000;
  @ ensures \result == PACKET_OK ==> out->l4 + 8 <= out->payload <= total && out->payload <= out->l4 + 60;
  @ ensures \result == PACKET_FRAGMENT ==> 48 <= out->fragment_data < total;
  @ ensures \result == PACKET_FRAGMENT ==>
  @         out->fragment_data - 48 + out->fragment_offset + (total - out->fragment_data) <= 65535;
  @*/
static enum packet_verdict parse_extensions(const uint8_t *data, uint32_t total, int super, struct packet_view *out)
{
	uint32_t at = WIRE_IPV6_SIZE, next_at = WIRE_IPV6_NEXT, size;
	uint8_t next = wire_u8(data, total, WIRE_IPV6_NEXT);
	enum packet_verdict verdict;
	int fragments = 0, i;

	/*@ loop invariant 0 <= i <= MOST_EXTENSIONS + 1;
	  @ loop invariant 40 <= at <= total && at <= 40 + i * 2048;
	  @ loop invariant next_at <= 20000;
  @ loop invariant 0 <= fragments <= 1 && (fragments == 0 ==> out->fragment_data == 0);
	  @ loop invariant out->fragment_data == 0 || 48 <= out->fragment_data < total &&
	  @        out->fragment_data - 48 + out->fragment_offset + (total - out->fragment_data) <= 65535;
	  @ loop assigns i, at, next_at, size, next, verdict, fragments, out->l4, out->proto, out->fragment_id,
	  @        out->fragment_offset, out->fragment_data, out->fragment_more, out->fragment_next, out->next_at;
	  @ loop variant MOST_EXTENSIONS + 1 - i;
	  @*/
	for (i = 0; i <= MOST_EXTENSIONS; i++) {
		out->next_at = (uint16_t)next_at;
		if (next != WIRE_NEXT_HOP_BY_HOP && next != WIRE_NEXT_DESTINATION && next != WIRE_NEXT_ROUTING &&
		    next != WIRE_NEXT_FRAGMENT)
			return out->fragment_data ? first_fragment(total, at, next, out)
			                          : parse_l4(data, total, at, next, out);
		if (i == MOST_EXTENSIONS)
			break;
		if (total - at < 8)
			return out->fragment_data ? PACKET_TINY_FRAGMENT : PACKET_BAD_EXTENSION;
		if (next == WIRE_NEXT_HOP_BY_HOP && at != WIRE_IPV6_SIZE)
			return PACKET_BAD_EXTENSION;
		if (next == WIRE_NEXT_FRAGMENT) {
			if (fragments++)
				return PACKET_BAD_EXTENSION;
			verdict = ipv6_fragment(data, total, at, next_at, out);
			if (verdict != PACKET_OK)
				return verdict;
			size = 8;
		} else {
			size = extension_size(data, total, at, next, super);
			if (!size)
				return PACKET_BAD_EXTENSION;
		}
		next = wire_u8(data, total, at);
		next_at = at;
		at += size;
	}
	return PACKET_BAD_EXTENSION;
}

/*@ requires len <= 4294900000;
  @ requires readable(data, len);
  @ requires \valid(out) && \separated(out, data + (0 .. len - 1));
  @ assigns *out;
  @ ensures \result == PACKET_OK ==> 40 <= out->l4 <= 20000;
  @ ensures \result == PACKET_OK ==> out->l4 + 8 <= out->payload <= out->total <= len && out->payload <= out->l4 + 60;
  @ ensures \result == PACKET_OK || \result == PACKET_FRAGMENT || \result == PACKET_UNKNOWN_PROTOCOL ==>
  @         out->version == 6 && out->addresses == 8 && out->address_size == 16;
  @ ensures \result == PACKET_OK || \result == PACKET_FRAGMENT || \result == PACKET_UNKNOWN_PROTOCOL ==>
  @         40 <= out->total <= len;
  @ ensures \result == PACKET_FRAGMENT ==> 48 <= out->fragment_data < out->total;
  @ ensures \result == PACKET_FRAGMENT ==> out->fragment_offset + out->total - 48 <= 65535;
  @*/
static inline enum packet_verdict parse_ipv6(const uint8_t *data, uint32_t len, int super, struct packet_view *out)
{
	uint32_t total;
	uint8_t next;

	if (len < WIRE_IPV6_SIZE)
		return PACKET_SHORT;
	total = wire_u16(data, len, WIRE_IPV6_PAYLOAD);
	total = super && total == 0 ? len : total + WIRE_IPV6_SIZE;
	if (total > len)
		return PACKET_BAD_TOTAL_LENGTH;
	view_begin(out, 6, total);
	next = wire_u8(data, len, WIRE_IPV6_NEXT);
	if (next == WIRE_NEXT_TCP || next == WIRE_NEXT_UDP || next == WIRE_NEXT_ICMPV6)
		return parse_l4(data, total, WIRE_IPV6_SIZE, next, out);
	return parse_extensions(data, total, super, out);
}

/*@ requires readable(data, len);
  @ requires \valid(out) && \separated(out, data + (0 .. len - 1));
  @ assigns *out;
  @ ensures \result == PACKET_OK ==> 20 <= out->l4 <= 20000;
  @ ensures \result == PACKET_OK ==> out->l4 + 8 <= out->payload <= out->total <= len && out->payload <= out->l4 + 60;
  @ ensures \result == PACKET_OK || \result == PACKET_FRAGMENT || \result == PACKET_UNKNOWN_PROTOCOL ==>
  @         out->version == 4 && out->addresses == 12 && out->address_size == 4 && 20 <= out->total <= len ||
  @         out->version == 6 && out->addresses == 8 && out->address_size == 16 && 40 <= out->total <= len;
  @ ensures \result == PACKET_FRAGMENT ==> 20 <= out->fragment_data < out->total;
  @*/
static inline enum packet_verdict parse_any(const uint8_t *data, uint32_t len, int super, struct packet_view *out)
{
	uint8_t version;

	if (len < 1)
		return PACKET_SHORT;
	if (len > 4294900000u)
		return PACKET_BAD_TOTAL_LENGTH; /* keeps every sum below clear of the wrap */
	version = wire_u8(data, len, 0) / 16u;
	if (version == 4)
		return parse_ipv4(data, len, super, out);
	return version == 6 ? parse_ipv6(data, len, super, out) : PACKET_BAD_VERSION;
}

/*@ requires readable(data, len);
  @ requires \valid(out) && \separated(out, data + (0 .. len - 1));
  @ assigns *out;
  @ ensures \result == PACKET_OK ==> 20 <= out->l4 <= 20000;
  @ ensures \result == PACKET_OK ==> out->l4 + 8 <= out->payload <= out->total <= len && out->payload <= out->l4 + 60;
  @ ensures \result == PACKET_FRAGMENT ==> 20 <= out->fragment_data < out->total <= len;
  @*/
enum packet_verdict packet_parse(const uint8_t *data, uint32_t len, struct packet_view *out)
{
	return parse_any(data, len, 0, out);
}

/*@ requires readable(data, len);
  @ requires \valid(out) && \separated(out, data + (0 .. len - 1));
  @ assigns *out;
  @ ensures \result == PACKET_OK ==> 20 <= out->l4 <= 20000;
  @ ensures \result == PACKET_OK ==> out->l4 + 8 <= out->payload <= out->total <= len && out->payload <= out->l4 + 60;
  @ ensures \result == PACKET_FRAGMENT ==> 20 <= out->fragment_data < out->total <= len;
  @*/
enum packet_verdict packet_parse_super(const uint8_t *data, uint32_t len, struct packet_view *out)
{
	return parse_any(data, len, 1, out);
}
