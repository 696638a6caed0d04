/* SPDX-License-Identifier: MIT
 * tests/unit/kit_packets.h - the packets of the tests of framework/flow: segments with given flags, other ports
 */
#ifndef KIT_PACKETS_H
#define KIT_PACKETS_H

#include "tests/lib/shardkit.h"
#include "tests/unit/packets.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* A packet from 10.0.0.2:sport to 1.1.1.1:443, or the like in IPv6 (packets.h). */
static inline size_t segment(uint8_t *p, int family, uint16_t sport, uint8_t flags, size_t payload)
{
	size_t size = make_packet(p, family, 6, payload), l4 = family == 4 ? 20 : 40;

	put16(p + l4, sport);
	p[l4 + 13] = flags;
	sign_packet(p, size, l4, 6);
	return size;
}

static inline size_t datagram(uint8_t *p, int family, uint16_t sport, size_t payload)
{
	size_t size = make_packet(p, family, 17, payload), l4 = family == 4 ? 20 : 40;

	put16(p + l4, sport);
	sign_packet(p, size, l4, 17);
	return size;
}

static inline size_t echo_request(uint8_t *p, int family, uint16_t id, size_t payload)
{
	unsigned proto = family == 4 ? 1 : 58;
	size_t size = make_packet(p, family, proto, payload), l4 = family == 4 ? 20 : 40;

	put16(p + l4 + 4, id);
	sign_packet(p, size, l4, proto);
	return size;
}

static inline void send_segment(struct kit *k, int family, uint16_t sport, uint8_t flags, size_t payload)
{
	uint8_t p[2048];

	kit_packet(k, p, segment(p, family, sport, flags, payload), 0);
}

static inline void send_datagram(struct kit *k, int family, uint16_t sport, size_t payload)
{
	uint8_t p[2048];

	kit_packet(k, p, datagram(p, family, sport, payload), 0);
}

static inline void send_echo(struct kit *k, int family, uint16_t id, size_t payload)
{
	uint8_t p[2048];

	kit_packet(k, p, echo_request(p, family, id, payload), 0);
}

/* The one flow that a handler was asked about n-th. */
static inline adit_flow asked(struct kit *k, unsigned handler, unsigned n)
{
	const struct kit_seen *e = kit_find(k, PART_HANDLER, handler, KIT_EVENT, ADIT_EV_OPEN, n);

	return e ? e->flow : 0;
}

/* The n-th packet that went to the device. */
static inline const struct kit_seen *device_got(struct kit *k, unsigned n)
{
	return kit_find(k, PART_PLATFORM, 0, KIT_PACKET, 0, n);
}

/* Whether every checksum in the packet is right. */
static inline int checksums_right(const struct kit_seen *e)
{
	uint8_t copy[KIT_BYTES];
	size_t l4 = e->bytes[0] >> 4 == 4 ? 20 : 40;

	memcpy(copy, e->bytes, e->size);
	sign_packet(copy, e->size, l4, l4 == 20 ? copy[9] : copy[6]);
	return !memcmp(copy, e->bytes, e->size);
}

#endif
