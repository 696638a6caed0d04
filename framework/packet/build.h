/* SPDX-License-Identifier: MIT
 * packet/build.h - IP and UDP, ICMP or TCP headers in front of a payload, for packets from the remote to the application
 *
 * The headers go into the headroom of the payload's first segment; nothing is copied. TTL 64, IPv4 identification 0
 * with "do not fragment" (RFC 6864 section 4.1). What adit/buf.h promises of a packet holds afterwards, but `flow`.
 */
#ifndef PACKET_BUILD_H
#define PACKET_BUILD_H

#include <adit/flow.h>

enum {
	BUILD_PARTIAL = 1 /* leave the UDP checksum to the device (ADIT_BUF_CSUM_NEEDED) */
};

/* Makes the datagram in pkt, which may be a chain, a packet of the UDP flow `info` (src the application). If pkt has
 * ADIT_BUF_GSO_UDP and holds more than gso_size bytes, the packet is a super-packet and its checksum partial in any
 * case; if it holds fewer, the mark is taken off.
 * ADIT_EINVAL: no headroom, longer than a packet can be, not UDP, or addresses of two families; pkt is unchanged. */
adit_result build_udp(adit_buf *pkt, const adit_flow_info *info, uint32_t flags);

/* Makes the payload in pkt an echo reply of the flow `info`, whose source port is the identifier. The checksum is
 * always complete. Errors as above. */
adit_result build_echo_reply(adit_buf *pkt, const adit_flow_info *info, uint16_t seq);

struct build_segment {
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags; /* WIRE_TCP_... */
};
/* Makes the payload in pkt a TCP segment of the flow `info`, without options; the checksum is always complete. Errors as
 * above. */
adit_result build_tcp(adit_buf *pkt, const adit_flow_info *info, const struct build_segment *segment);

#endif
