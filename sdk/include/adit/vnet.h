/* SPDX-License-Identifier: MIT
 * adit/vnet.h - the virtio network header in front of each packet of a Linux TUN device, to and from adit_buf
 *
 * Header only. struct virtio_net_hdr (virtio 1.1, section 5.1.6), ten bytes in the machine's byte order, as a TUN device has
 * them unless told otherwise. What it says is checked against the packet; the length of the headers is worked out, not
 * believed.
 */
#ifndef ADIT_VNET_H
#define ADIT_VNET_H

#include <string.h>

#include "buf.h"

ADIT_BEGIN_DECLS

enum { ADIT_VNET_SIZE = 10 };

enum {
	ADIT_VNET_NEEDS_CSUM = 1,
	ADIT_VNET_DATA_VALID = 2,
	ADIT_VNET_GSO_NONE = 0,
	ADIT_VNET_GSO_TCP4 = 1,
	ADIT_VNET_GSO_TCP6 = 4,
	ADIT_VNET_GSO_UDP = 5, /* USO: equal datagrams, not fragments; Linux 6.2 */
	ADIT_VNET_GSO_ECN = 0x80
};

/* [any] The offset of the payload behind the L4 header of the TCP or UDP packet that b's GSO flags and csum_start tell of; 0:
 * the packet does not hold what they say. Its headers must lie in the first segment; total is the length of the whole
 * chain, in bytes. */
ADIT_INLINE uint32_t adit_vnet_payload(const adit_buf *b, uint32_t total)
{
	uint32_t version, l4 = b->csum_start, head = 8;

	if (b->len < l4 + head || l4 < 20)
		return 0;
	version = b->data[0] / 16u;
	if (version != 4 && version != 6)
		return 0;
	if ((b->flags & ADIT_BUF_GSO_TCP4 && version != 4) || (b->flags & ADIT_BUF_GSO_TCP6 && version != 6))
		return 0;
	if (version == 4 ? (b->data[0] % 16u) * 4u != l4 : l4 < 40)
		return 0;
	if (b->flags & (ADIT_BUF_GSO_TCP4 | ADIT_BUF_GSO_TCP6)) {
		if (b->len < l4 + 20)
			return 0;
		head = b->data[l4 + 12] / 16u * 4u;
		if (head < 20)
			return 0;
	}
	/* Something follows the headers. */
	return b->len >= l4 + head && total > l4 + head ? l4 + head : 0;
}

/* The flags of a gso_type; 0: unknown. */
ADIT_INLINE uint32_t adit_vnet_gso(uint32_t type)
{
	uint32_t ecn = type & ADIT_VNET_GSO_ECN ? (uint32_t)ADIT_BUF_GSO_ECN : 0;

	switch (type & ~(uint32_t)ADIT_VNET_GSO_ECN) {
	case ADIT_VNET_GSO_TCP4:
		return ADIT_BUF_GSO_TCP4 | ecn;
	case ADIT_VNET_GSO_TCP6:
		return ADIT_BUF_GSO_TCP6 | ecn;
	case ADIT_VNET_GSO_UDP:
		return ecn ? 0 : (uint32_t)ADIT_BUF_GSO_UDP;
	default:
		return 0; /* UFO is never asked for */
	}
}

/* [any] Sets flags, csum_start, csum_off, gso_size and hdr_len of b, whose data and len hold the packet behind the header in
 * one segment; flags that the header does not tell of are kept. ADIT_EINVAL: the header does not fit the packet, and b must
 * not be used. */
ADIT_INLINE adit_result adit_vnet_read(const uint8_t *header, adit_buf *b)
{
	uint32_t flags, payload;

	b->flags &= ~(uint32_t)(ADIT_BUF_CSUM_NEEDED | ADIT_BUF_CSUM_OK | ADIT_BUF_GSO | ADIT_BUF_GSO_ECN);
	b->csum_start = b->csum_off = b->gso_size = b->hdr_len = 0;
	if (header[0] & ADIT_VNET_NEEDS_CSUM) {
		memcpy(&b->csum_start, header + 6, 2);
		memcpy(&b->csum_off, header + 8, 2);
		if (b->csum_start < 20 || (uint32_t)b->csum_start + b->csum_off + 2 > b->len)
			return ADIT_EINVAL;
		b->flags |= ADIT_BUF_CSUM_NEEDED;
	} else if (header[0] & ADIT_VNET_DATA_VALID) {
		b->flags |= ADIT_BUF_CSUM_OK;
	}
	if (header[1] == ADIT_VNET_GSO_NONE)
		return ADIT_OK;
	flags = adit_vnet_gso(header[1]);
	if (!flags || !(b->flags & ADIT_BUF_CSUM_NEEDED))
		return ADIT_EINVAL;
	b->flags |= flags;
	memcpy(&b->gso_size, header + 4, 2);
	payload = adit_vnet_payload(b, b->len);
	if (!payload || payload > 65535 || !b->gso_size || b->csum_off != (flags & ADIT_BUF_GSO_UDP ? 6 : 16))
		return ADIT_EINVAL;
	b->hdr_len = (uint16_t)payload;
	return ADIT_OK;
}

/* [any] Writes the header for the packet b, perhaps a chain; adit_vnet_payload() must not be 0 where its flags tell of GSO. */
ADIT_INLINE void adit_vnet_write(uint8_t *header, const adit_buf *b)
{
	uint16_t payload;

	memset(header, 0, ADIT_VNET_SIZE);
	if (b->flags & ADIT_BUF_CSUM_NEEDED) {
		header[0] = ADIT_VNET_NEEDS_CSUM;
		memcpy(header + 6, &b->csum_start, 2);
		memcpy(header + 8, &b->csum_off, 2);
	}
	if (!(b->flags & ADIT_BUF_GSO))
		return;
	header[1] = b->flags & ADIT_BUF_GSO_TCP4   ? ADIT_VNET_GSO_TCP4
	            : b->flags & ADIT_BUF_GSO_TCP6 ? ADIT_VNET_GSO_TCP6
	                                           : ADIT_VNET_GSO_UDP;
	if (b->flags & ADIT_BUF_GSO_ECN && !(b->flags & ADIT_BUF_GSO_UDP))
		header[1] |= ADIT_VNET_GSO_ECN;
	payload = (uint16_t)adit_vnet_payload(b, 0xffffffffu);
	memcpy(header + 2, &payload, 2);
	memcpy(header + 4, &b->gso_size, 2);
}

ADIT_END_DECLS

#endif
