/* SPDX-License-Identifier: MIT
 * packet/icmp_error.h - what an ICMP error is about: the packet that it quotes
 */
#ifndef PACKET_ICMP_ERROR_H
#define PACKET_ICMP_ERROR_H

#include "packet/parse.h"

struct icmp_error {
	int32_t result;    /* ADIT_EREFUSED, ADIT_EHOST, ADIT_ENET, ADIT_EADMIN; ADIT_EAGAIN: only a hint (see mtu) */
	uint32_t mtu;      /* "too big": the MTU named, at least the family's least; 0: not about size */
	uint32_t seq;      /* TCP: the quoted sequence number, to be held against the flow */
	uint16_t src_port; /* of the quoted packet; ICMP echo: both are the identifier */
	uint16_t dst_port;
	uint16_t l4;       /* offset of the quoted L4 header from the first byte of the error */
	uint8_t proto;     /* ADIT_PROTO_... of the quoted packet */
	uint8_t addresses; /* offset of the quoted source address; the destination follows it at once */
	uint8_t address_size;
	uint8_t version;
};

/* Reads the ICMP packet at data (view: PACKET_OK). PACKET_OK: it is an error about a packet that went to the
 * error's sender or through it, from the error's receiver. Else it is no error, or not to be believed. The caller
 * has verified the checksum and looks up the flow of the quoted packet, whose direction is the reverse of the
 * error's. */
enum packet_verdict icmp_error_parse(const uint8_t *data, const struct packet_view *view, struct icmp_error *out);

#endif
