/* SPDX-License-Identifier: MIT
 * adit/packet.h - headers for datagrams on their way down to the applications
 *
 * Offered by the host. Stacks that end UDP and ICMP echo use it, so that all of them build the same packets.
 */
#ifndef ADIT_PACKET_H
#define ADIT_PACKET_H

#include "flow.h"

ADIT_BEGIN_DECLS

#define ADIT_PACKET_1 "adit.packet/1"
typedef struct adit_packet_1 {
	uint32_t size;
	uint32_t zero;
	/* [any] Puts L4 and IP headers in front of what b (a chain counts as one datagram) holds, as a packet from
	 * info->dst to info->src: a UDP header, or for an echo flow the first six bytes of an echo reply (type, code,
	 * checksum, identifier), after which b goes on with the sequence number (see flow.h). The checksum is left
	 * partial (ADIT_BUF_CSUM_NEEDED, csum_start, csum_off and hdr_len are set); with ADIT_BUF_GSO_UDP and gso_size
	 * the headers are those of a super-packet. ICMP for IPv4 has no pseudo header: its partial sum is 0.
	 * ADIT_EINVAL: too little headroom, or longer than a packet may be; b is as it was. */
	adit_result(ADIT_CALL *push)(adit_buf *b, const adit_flow_info *info);
} adit_packet_1;

ADIT_END_DECLS

#endif
