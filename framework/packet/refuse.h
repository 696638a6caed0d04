/* SPDX-License-Identifier: MIT
 * packet/refuse.h - answers that say no: a TCP reset, ICMP "unreachable", and the limit to how many of them go out
 *
 * An answer is written into the caller's buffer and goes back to the device. Nothing is ever answered to a reset,
 * to an ICMP error, to a fragment but the first, nor to or from an address that is not one host's.
 */
#ifndef PACKET_REFUSE_H
#define PACKET_REFUSE_H

#include <stdbool.h>

#include "packet/parse.h"

enum refuse_kind {
	REFUSE_PORT,    /* nobody listens there (ADIT_EREFUSED) */
	REFUSE_HOST,    /* ADIT_EHOST */
	REFUSE_NET,     /* ADIT_ENET */
	REFUSE_ADMIN,   /* ADIT_EADMIN */
	REFUSE_PROTOCOL /* for PACKET_UNKNOWN_PROTOCOL */
};

/* Room that every answer fits in: an ICMPv6 error fills the least MTU of IPv6. */
enum { REFUSE_ROOM = 1280 };

/* The kind for a result such as a handler's REJECT carries; REFUSE_ADMIN for what has none of its own. */
enum refuse_kind refuse_kind_of(adit_result code);

/* The reset that answers the TCP packet at data as if no connection existed (RFC 9293 section 3.10.7.1). Gives its
 * size, 0 when there must be none or room is too small. */
uint32_t refuse_reset(const uint8_t *data, const struct packet_view *view, uint8_t *out, uint32_t room);

/* The ICMP error that answers the packet at data, quoting what RFC 1812 section 4.3.2.3 and RFC 4443 section 2.4
 * ask for. view: what packet_parse filled in with PACKET_OK, PACKET_FRAGMENT or PACKET_UNKNOWN_PROTOCOL. from: the
 * address that speaks, of the packet's family; null: the packet's destination. Gives its size or 0, as above. */
uint32_t refuse_unreachable(const uint8_t *data, const struct packet_view *view, enum refuse_kind kind,
                            const uint8_t *from, uint8_t *out, uint32_t room);

/* A token bucket: `burst` at once, `rate` per second in the long run. */
struct refuse_limit {
	uint64_t interval_ns; /* in which one token comes */
	uint64_t last_ns;     /* up to here tokens have been counted */
	uint32_t burst, tokens;
};

/* A full bucket. rate 1 to 1,000,000,000; burst at least 1. */
void refuse_limit_init(struct refuse_limit *limit, uint32_t rate, uint32_t burst);

/* Takes a token; false: there is none. */
bool refuse_limit_take(struct refuse_limit *limit, uint64_t now_ns);

#endif
