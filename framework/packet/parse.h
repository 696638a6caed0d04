/* SPDX-License-Identifier: MIT
 * packet/parse.h - the one place where a packet's bytes are validated; everybody after it goes by the view
 *
 * A view holds offsets from the packet's first byte, so it stays right when the packet is moved. It is good for
 * the first `total` bytes; what lies beyond is padding.
 */
#ifndef PACKET_PARSE_H
#define PACKET_PARSE_H

#include <adit/flow.h>

#include "packet/verdict.h"

struct packet_view {
	uint32_t total;       /* length of the packet; bytes of the buffer beyond it are padding */
	uint32_t fragment_id; /* of a fragment */
	uint16_t l4;          /* offset of the L4 header (not on a fragment but the first) */
	uint16_t payload;     /* offset of the L4 payload (0 on a fragment) */
	uint16_t src_port;    /* TCP, UDP: host byte order; ICMP echo: both are the identifier */
	uint16_t dst_port;
	uint16_t next_at;         /* offset of the byte that names the L4 protocol */
	uint16_t fragment_offset; /* of a fragment, in bytes */
	uint16_t fragment_data;   /* offset of the fragment's bytes; 0: not a fragment */
	uint16_t fragment_next;   /* IPv6: offset of the byte that names the fragment header */
	uint8_t fragment_more;    /* more fragments follow */
	uint8_t version;          /* 4 or 6: also the family of the addresses */
	uint8_t proto;            /* ADIT_PROTO_... once known */
	uint8_t tcp_flags;        /* WIRE_TCP_... */
	uint8_t icmp_type, icmp_code;
	uint8_t addresses; /* offset of the source address; the destination follows it at once */
	uint8_t address_size;
};

/* Validates the packet in data[0 .. len). Fills *out:
 *   PACKET_OK                everything holds
 *   PACKET_FRAGMENT          everything about IP and the fragment; L4 is known on the first fragment only
 *   PACKET_UNKNOWN_PROTOCOL  everything about IP; l4 is where the strange header begins
 *   else                     not to be used
 * Checksums are not looked at (packet/verify.h), nor whether the addresses make sense (packet/policy.h). */
enum packet_verdict packet_parse(const uint8_t *data, uint32_t len, struct packet_view *out);

/* The same for a super-packet (adit_buf with ADIT_BUF_GSO_...): the length in the IP header may be 0, as it is on
 * those beyond 65,535 bytes; then the buffer's length counts. */
enum packet_verdict packet_parse_super(const uint8_t *data, uint32_t len, struct packet_view *out);

/* The two endpoints of a parsed packet, as modules see them. */
void packet_endpoints(const uint8_t *data, const struct packet_view *view, adit_addr *src, adit_addr *dst);

#endif
