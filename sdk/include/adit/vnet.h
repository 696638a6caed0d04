/* SPDX-License-Identifier: MIT
 * adit/vnet.h - the virtio network header in front of each packet of a Linux TUN device, to and from adit_buf
 *
 * Header only. The ten bytes are in the machine's byte order, as a TUN device has them unless told otherwise.
 * Lengths in the header are hints from outside: everything that is used is checked against the packet, and the
 * header length is left for whoever parses the packet.
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
	ADIT_VNET_GSO_UDP = 5, /* USO: equal datagrams, not fragments */
	ADIT_VNET_GSO_ECN = 0x80
};

/* From the header to the buffer's flags, gso_size, csum_start and csum_off; other flags are kept. b->data and
 * b->len are the packet behind the header. ADIT_EINVAL: a kind that is unknown, or an offset outside the packet. */
ADIT_INLINE adit_result adit_vnet_read(const uint8_t *header, adit_buf *b)
{
	uint16_t gso_size, start, offset;
	uint32_t flags = 0;

	memcpy(&gso_size, header + 4, 2);
	memcpy(&start, header + 6, 2);
	memcpy(&offset, header + 8, 2);
	switch (header[1] & ~ADIT_VNET_GSO_ECN) {
	case ADIT_VNET_GSO_NONE:
		gso_size = 0;
		break;
	case ADIT_VNET_GSO_TCP4:
		flags = ADIT_BUF_GSO_TCP4;
		break;
	case ADIT_VNET_GSO_TCP6:
		flags = ADIT_BUF_GSO_TCP6;
		break;
	case ADIT_VNET_GSO_UDP:
		flags = ADIT_BUF_GSO_UDP;
		break;
	default:
		return ADIT_EINVAL;
	}
	if (flags && !gso_size)
		return ADIT_EINVAL;
	if ((header[1] & ADIT_VNET_GSO_ECN) && (flags & (ADIT_BUF_GSO_TCP4 | ADIT_BUF_GSO_TCP6)))
		flags |= ADIT_BUF_GSO_ECN;
	if (header[0] & ADIT_VNET_NEEDS_CSUM) {
		if ((uint32_t)start + offset + 2 > b->len)
			return ADIT_EINVAL;
		flags |= ADIT_BUF_CSUM_NEEDED;
		b->csum_start = start;
		b->csum_off = offset;
	} else if (header[0] & ADIT_VNET_DATA_VALID) {
		flags |= ADIT_BUF_CSUM_OK;
	}
	b->flags = (b->flags & ~(uint32_t)(ADIT_BUF_GSO | ADIT_BUF_GSO_ECN | ADIT_BUF_CSUM_NEEDED | ADIT_BUF_CSUM_OK)) | flags;
	b->gso_size = gso_size;
	return ADIT_OK;
}

/* From the buffer to the header. b->hdr_len must be the offset of the L4 payload where GSO is named. */
ADIT_INLINE void adit_vnet_write(uint8_t *header, const adit_buf *b)
{
	memset(header, 0, ADIT_VNET_SIZE);
	if (b->flags & ADIT_BUF_CSUM_NEEDED) {
		header[0] = ADIT_VNET_NEEDS_CSUM;
		memcpy(header + 6, &b->csum_start, 2);
		memcpy(header + 8, &b->csum_off, 2);
	} else if (b->flags & ADIT_BUF_CSUM_OK) {
		header[0] = ADIT_VNET_DATA_VALID;
	}
	if (!(b->flags & ADIT_BUF_GSO))
		return;
	header[1] = b->flags & ADIT_BUF_GSO_TCP4   ? ADIT_VNET_GSO_TCP4
	            : b->flags & ADIT_BUF_GSO_TCP6 ? ADIT_VNET_GSO_TCP6
	                                           : ADIT_VNET_GSO_UDP;
	if (b->flags & ADIT_BUF_GSO_ECN)
		header[1] |= ADIT_VNET_GSO_ECN;
	memcpy(header + 2, &b->hdr_len, 2);
	memcpy(header + 4, &b->gso_size, 2);
}

ADIT_END_DECLS

#endif
