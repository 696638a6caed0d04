/* SPDX-License-Identifier: MIT
 * packet/policy.h - which addresses may talk through the device, and which may be dialled for them
 *
 * Pure functions over addresses: asked before a new flow gets a table entry, and again with the address that a
 * socket is about to be connected to (a name may have led to another one meanwhile). The reasons for each line of
 * the table are in docs/decisions/address-policy.md.
 */
#ifndef PACKET_POLICY_H
#define PACKET_POLICY_H

#include <stdbool.h>

#include <adit/flow.h>

#include "packet/prefix.h"
#include "packet/verdict.h"

/* What an operator opens or closes by a word (the manifest's section policy). */
enum {
	POLICY_LOOPBACK = 1,   /* may be dialled; a packet never has such an address, unless allow says so */
	POLICY_LINK_LOCAL = 2, /* and the metadata services of clouds */
	POLICY_HOST = 4,       /* the host's own addresses */
	POLICY_MULTICAST = 8,  /* for UDP */
	POLICY_PUBLIC = 16     /* nothing but public addresses: private and shared ones are closed */
};

/* All sets may be empty. All zero closes everything local, and lets any unicast source in. */
struct policy {
	struct prefix_set device;  /* the device's own prefixes, resolver included: reachable, and legal sources */
	struct prefix_set sources; /* further legal sources, such as networks behind a router; if this and device
	                            * are both empty, every unicast source is legal */
	struct prefix_set host;    /* addresses of the host itself: not reachable, unless in device or allow */
	struct prefix_set allow;   /* destinations that the operator opens: loopback, link-local and metadata, the
	                            * host's own, private ones, and multicast for UDP. Nothing opens the rest. */
	struct prefix_set deny;    /* destinations that are closed, whatever else says they are open */
	adit_addr stand_in[2];     /* addresses that stand for the host's loopback: of IPv4, of IPv6; family 0: none */
	uint8_t words;             /* POLICY_... */
};

/* A packet from the device: src and dst are 4 or 16 bytes by family. PACKET_OK, PACKET_LAND, PACKET_MARTIAN_SOURCE
 * or PACKET_MARTIAN_DESTINATION. proto is an ADIT_PROTO_... */
enum packet_verdict policy_packet(const struct policy *policy, uint8_t family, uint8_t proto, const uint8_t *src,
                                  const uint8_t *dst);

/* The same table for an address that is about to be dialled: PACKET_OK or PACKET_MARTIAN_DESTINATION. An IPv4-mapped
 * address counts as the IPv4 address that a socket would take it for. */
enum packet_verdict policy_dial(const struct policy *policy, uint8_t proto, const adit_addr *dst);

/* Where a socket that is to reach dst is connected to: dst itself, or the loopback address that it stands for. The port
 * stays. To be asked after policy_dial. */
adit_addr policy_target(const struct policy *policy, const adit_addr *dst);

#endif
