/* SPDX-License-Identifier: MIT
 * packet/verdict.h - what a check says about a packet: good, a fragment, or the reason why it is dropped
 */
#ifndef PACKET_VERDICT_H
#define PACKET_VERDICT_H

/* Reasons are counted by this number; new ones go before PACKET_VERDICTS. */
enum packet_verdict {
	PACKET_OK = 0,
	PACKET_FRAGMENT, /* well formed, but only a part: goes to reassembly_add */

	PACKET_SHORT,               /* ends inside the fixed IP header */
	PACKET_BAD_VERSION,         /* neither 4 nor 6 */
	PACKET_BAD_HEADER_LENGTH,   /* IPv4 header length below 20 or beyond the packet */
	PACKET_BAD_TOTAL_LENGTH,    /* the length in the IP header contradicts the bytes there are */
	PACKET_BAD_OPTION,          /* source route, record route, timestamp; IPv6 "discard"; malformed */
	PACKET_BAD_EXTENSION,       /* too many, out of place, malformed, or a routing header that routes */
	PACKET_BAD_L4_LENGTH,       /* no room for the L4 header, or its own length is wrong */
	PACKET_BAD_FLAGS,           /* TCP: null, xmas, SYN+FIN, SYN+RST */
	PACKET_BAD_CHECKSUM,        /* of the IPv4 header or of L4 */
	PACKET_UNKNOWN_PROTOCOL,    /* not TCP, UDP, nor the family's ICMP */
	PACKET_BAD_FRAGMENT,        /* odd size in the middle, nothing in it, or past the longest packet */
	PACKET_TINY_FRAGMENT,       /* the first fragment ends before the L4 header does */
	PACKET_FRAGMENT_OVERLAP,    /* covers bytes that another fragment covers, or contradicts the end */
	PACKET_FRAGMENT_LIMIT,      /* reassembly is full: count, count of this source, or bytes */
	PACKET_FRAGMENT_TIMEOUT,    /* the rest did not come in time */
	PACKET_MARTIAN_SOURCE,      /* nobody on this device can have that address */
	PACKET_MARTIAN_DESTINATION, /* nobody may be reached at that address from here */
	PACKET_LAND,                /* source and destination are the same */

	PACKET_VERDICTS
};

/* A name for counters and logs, such as "bad-total-length"; never null. Static. */
const char *packet_verdict_name(enum packet_verdict verdict);

#endif
