/* SPDX-License-Identifier: MIT
 * platform-linux/vnet.h - the header that a device puts before each packet, as the flags of a
 * buffer, and back
 *
 * struct virtio_net_hdr in the machine's own byte order, 10 bytes (virtio 1.1, section 5.1.6).
 */
#ifndef PLATFORM_VNET_H
#define PLATFORM_VNET_H

#include <adit/buf.h>

enum { VNET_SIZE = 10 };

/* Sets flags, csum_start, csum_off, gso_size and hdr_len of b, whose data and len hold the packet
 * in one segment, from the header that came with it. The length of the headers is worked out, not
 * believed. ADIT_EINVAL: the header does not fit the packet. */
adit_result vnet_read(const uint8_t *header, adit_buf *b);

/* Writes the header for the packet b (perhaps a chain). The caller has asked vnet_payload() where
 * they tell of GSO. */
void vnet_write(uint8_t *header, const adit_buf *b);

/* The offset of the payload behind the L4 header of the TCP or UDP packet that b's flags tell of; 0
 * when the packet does not hold what they say. total is the length of the whole chain. */
uint32_t vnet_payload(const adit_buf *b, uint32_t total);

#endif
