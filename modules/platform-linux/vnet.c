/* SPDX-License-Identifier: MIT
 * platform-linux/vnet.c - the header that a device puts before each packet, as the flags of a
 * buffer, and back
 */
#include "vnet.h"

#include <linux/virtio_net.h>
#include <string.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5 /* Linux 6.2 */
#endif

enum {
	OFF_FLAGS = 0,
	OFF_TYPE = 1,
	OFF_HDR_LEN = 2,
	OFF_GSO_SIZE = 4,
	OFF_CSUM_START = 6,
	OFF_CSUM_OFF = 8
};
enum { TCP_CSUM = 16, UDP_CSUM = 6, TCP_HEAD = 20, UDP_HEAD = 8 };

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void put16(uint8_t *p, uint32_t value)
{
	uint16_t v = (uint16_t)value;

	memcpy(p, &v, sizeof(v));
}

uint32_t vnet_payload(const adit_buf *b, uint32_t total)
{
	uint32_t version, l4 = b->csum_start, head = UDP_HEAD;

	if (b->len < l4 + UDP_HEAD || l4 < 20)
		return 0;
	version = b->data[0] / 16u;
	if (version != 4 && version != 6)
		return 0;
	if ((b->flags & ADIT_BUF_GSO_TCP4 && version != 4) ||
	    (b->flags & ADIT_BUF_GSO_TCP6 && version != 6))
		return 0;
	if (version == 4 ? (b->data[0] % 16u) * 4u != l4 : l4 < 40)
		return 0;
	if (b->flags & (ADIT_BUF_GSO_TCP4 | ADIT_BUF_GSO_TCP6)) {
		if (b->len < l4 + TCP_HEAD)
			return 0;
		head = b->data[l4 + 12] / 16u * 4u;
		if (head < TCP_HEAD)
			return 0;
	}
	/* The headers lie in the first segment, and something follows them. */
	return b->len >= l4 + head && total > l4 + head ? l4 + head : 0;
}

static adit_result gso_flags(uint32_t type, uint32_t *flags)
{
	switch (type & ~(uint32_t)VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		*flags = ADIT_BUF_GSO_TCP4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		*flags = ADIT_BUF_GSO_TCP6;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		*flags = ADIT_BUF_GSO_UDP;
		return type & VIRTIO_NET_HDR_GSO_ECN ? ADIT_EINVAL : 0;
	default:
		return ADIT_EINVAL; /* UFO is never asked for */
	}
	if (type & VIRTIO_NET_HDR_GSO_ECN)
		*flags |= ADIT_BUF_GSO_ECN;
	return 0;
}

adit_result vnet_read(const uint8_t *header, adit_buf *b)
{
	uint32_t type = header[OFF_TYPE], flags = 0, payload;

	b->flags &= ~(uint32_t)(ADIT_BUF_CSUM_NEEDED | ADIT_BUF_CSUM_OK | ADIT_BUF_GSO |
	                        ADIT_BUF_GSO_ECN);
	b->csum_start = b->csum_off = b->gso_size = b->hdr_len = 0;
	if (header[OFF_FLAGS] & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		b->csum_start = get16(header + OFF_CSUM_START);
		b->csum_off = get16(header + OFF_CSUM_OFF);
		if (b->csum_start < 20 || (uint32_t)b->csum_start + b->csum_off + 2 > b->len)
			return ADIT_EINVAL;
		b->flags |= ADIT_BUF_CSUM_NEEDED;
	} else if (header[OFF_FLAGS] & VIRTIO_NET_HDR_F_DATA_VALID) {
		b->flags |= ADIT_BUF_CSUM_OK;
	}
	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return 0;
	if (gso_flags(type, &flags) || !(b->flags & ADIT_BUF_CSUM_NEEDED))
		return ADIT_EINVAL;
	b->flags |= flags;
	b->gso_size = get16(header + OFF_GSO_SIZE);
	payload = vnet_payload(b, b->len);
	if (!payload || payload > UINT16_MAX || !b->gso_size ||
	    b->csum_off != (flags & ADIT_BUF_GSO_UDP ? UDP_CSUM : TCP_CSUM))
		return ADIT_EINVAL;
	b->hdr_len = (uint16_t)payload;
	return 0;
}

void vnet_write(uint8_t *header, const adit_buf *b)
{
	memset(header, 0, VNET_SIZE);
	if (b->flags & ADIT_BUF_CSUM_NEEDED) {
		header[OFF_FLAGS] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		put16(header + OFF_CSUM_START, b->csum_start);
		put16(header + OFF_CSUM_OFF, b->csum_off);
	}
	if (!(b->flags & ADIT_BUF_GSO))
		return;
	header[OFF_TYPE] = b->flags & ADIT_BUF_GSO_TCP4   ? VIRTIO_NET_HDR_GSO_TCPV4
	                   : b->flags & ADIT_BUF_GSO_TCP6 ? VIRTIO_NET_HDR_GSO_TCPV6
	                                                  : VIRTIO_NET_HDR_GSO_UDP_L4;
	if (b->flags & ADIT_BUF_GSO_ECN && !(b->flags & ADIT_BUF_GSO_UDP))
		header[OFF_TYPE] |= VIRTIO_NET_HDR_GSO_ECN;
	put16(header + OFF_GSO_SIZE, b->gso_size);
	/* The chain beyond the headers is longer than them, or vnet_payload() is 0 and so is the
	 * field. */
	put16(header + OFF_HDR_LEN, vnet_payload(b, UINT32_MAX));
}
