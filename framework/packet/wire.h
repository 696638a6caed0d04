/* SPDX-License-Identifier: MIT
 * packet/wire.h - where the fields of IP, TCP, UDP and ICMP headers lie, and how they are read and written
 *
 * Headers are offsets into bytes, never structs laid over them: no alignment, no byte order, no aliasing to think
 * about. A reader takes the end of what it may read along with the offset; that it is never passed is a contract
 * which tests/packet-prove.sh has proven for the parsers. Readers are written with / % * and + because the
 * provers are at home there and compilers make the same code of it.
 */
#ifndef PACKET_WIRE_H
#define PACKET_WIRE_H

#include <stdint.h>

enum {
	WIRE_IPV4_TOS = 1,
	WIRE_IPV4_TOTAL = 2,
	WIRE_IPV4_ID = 4,
	WIRE_IPV4_FRAGMENT = 6,
	WIRE_IPV4_TTL = 8,
	WIRE_IPV4_PROTO = 9,
	WIRE_IPV4_CHECKSUM = 10,
	WIRE_IPV4_SRC = 12,
	WIRE_IPV4_DST = 16,
	WIRE_IPV4_SIZE = 20, /* without options */
	WIRE_IPV4_MOST = 60,

	WIRE_IPV6_PAYLOAD = 4,
	WIRE_IPV6_NEXT = 6,
	WIRE_IPV6_HOPS = 7,
	WIRE_IPV6_SRC = 8,
	WIRE_IPV6_DST = 24,
	WIRE_IPV6_SIZE = 40,

	WIRE_TCP_SEQ = 4,
	WIRE_TCP_ACK = 8,
	WIRE_TCP_OFFSET = 12,
	WIRE_TCP_FLAGS = 13,
	WIRE_TCP_WINDOW = 14,
	WIRE_TCP_CHECKSUM = 16,
	WIRE_TCP_SIZE = 20, /* without options */

	WIRE_UDP_LENGTH = 4,
	WIRE_UDP_CHECKSUM = 6,
	WIRE_UDP_SIZE = 8,

	WIRE_ICMP_CODE = 1,
	WIRE_ICMP_CHECKSUM = 2,
	WIRE_ICMP_ID = 4,
	WIRE_ICMP_SEQ = 6,
	WIRE_ICMP_SIZE = 8,

	WIRE_PORTS_SIZE = 4 /* TCP and UDP begin with the source and the destination port */
};

/* Values of the protocol and next header fields beyond ADIT_PROTO_... */
enum {
	WIRE_NEXT_HOP_BY_HOP = 0,
	WIRE_NEXT_ICMP = 1,
	WIRE_NEXT_TCP = 6,
	WIRE_NEXT_UDP = 17,
	WIRE_NEXT_ROUTING = 43,
	WIRE_NEXT_FRAGMENT = 44,
	WIRE_NEXT_ICMPV6 = 58,
	WIRE_NEXT_DESTINATION = 60
};

enum {
	WIRE_TCP_FIN = 1,
	WIRE_TCP_SYN = 2,
	WIRE_TCP_RST = 4,
	WIRE_TCP_PSH = 8,
	WIRE_TCP_ACKED = 16, /* the flag; WIRE_TCP_ACK is the field */
	WIRE_TCP_URG = 32
};

enum {
	WIRE_ICMP4_ECHO_REPLY = 0,
	WIRE_ICMP4_UNREACHABLE = 3,
	WIRE_ICMP4_QUENCH = 4,
	WIRE_ICMP4_REDIRECT = 5,
	WIRE_ICMP4_ECHO = 8,
	WIRE_ICMP4_TIME = 11,
	WIRE_ICMP4_PARAMETER = 12,

	WIRE_ICMP6_UNREACHABLE = 1,
	WIRE_ICMP6_TOO_BIG = 2,
	WIRE_ICMP6_TIME = 3,
	WIRE_ICMP6_PARAMETER = 4,
	WIRE_ICMP6_ECHO = 128,
	WIRE_ICMP6_ECHO_REPLY = 129,
	WIRE_ICMP6_REDIRECT = 137
};

_Static_assert(WIRE_IPV4_DST + 4 == WIRE_IPV4_SIZE, "IPv4 header");
_Static_assert(WIRE_IPV4_SRC + 4 == WIRE_IPV4_DST, "the two IPv4 addresses are neighbours");
_Static_assert(WIRE_IPV6_DST + 16 == WIRE_IPV6_SIZE, "IPv6 header");
_Static_assert(WIRE_IPV6_SRC + 16 == WIRE_IPV6_DST, "the two IPv6 addresses are neighbours");
_Static_assert(WIRE_TCP_CHECKSUM + 4 == WIRE_TCP_SIZE, "TCP header");
_Static_assert(WIRE_UDP_CHECKSUM + 2 == WIRE_UDP_SIZE, "UDP header");
_Static_assert(WIRE_ICMP_SEQ + 2 == WIRE_ICMP_SIZE, "ICMP header");

/*@ requires off < end;
  @ requires \valid_read(p + (0 .. end - 1));
  @ assigns \nothing;
  @ ensures \result == p[off];
  @*/
static inline uint8_t wire_u8(const uint8_t *p, uint32_t end, uint32_t off)
{
	return p[off];
}

/*@ requires off + 2 <= end;
  @ requires \valid_read(p + (0 .. end - 1));
  @ assigns \nothing;
  @ ensures \result == p[off] * 256 + p[off + 1];
  @*/
static inline uint16_t wire_u16(const uint8_t *p, uint32_t end, uint32_t off)
{
	return (uint16_t)(p[off] * 256u + p[off + 1]);
}

/*@ requires off + 4 <= end;
  @ requires \valid_read(p + (0 .. end - 1));
  @ assigns \nothing;
  @ ensures \result == p[off] * 16777216 + p[off + 1] * 65536 + p[off + 2] * 256 + p[off + 3];
  @*/
static inline uint32_t wire_u32(const uint8_t *p, uint32_t end, uint32_t off)
{
	return p[off] * 16777216u + p[off + 1] * 65536u + p[off + 2] * 256u + p[off + 3];
}

/*@ requires \valid(p + (0 .. 1));
  @ assigns p[0 .. 1];
  @*/
static inline void wire_put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value / 256u);
	p[1] = (uint8_t)(value % 256u);
}

/*@ requires \valid(p + (0 .. 3));
  @ assigns p[0 .. 3];
  @*/
static inline void wire_put32(uint8_t *p, uint32_t value)
{
	wire_put16(p, (uint16_t)(value / 65536u));
	wire_put16(p + 2, (uint16_t)(value % 65536u));
}

#endif
