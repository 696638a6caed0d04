/* SPDX-License-Identifier: MIT
 * adit/buf.h - the one buffer type: a packet, a datagram or a stretch of a byte stream
 *
 * Frozen layout, 64 bytes on LP64. A buffer has exactly one owner at a time. One rule for every
 * call that takes an array of buffers: the array is lent, the buffers are given.
 *
 * On a packet that the host hands to a stack, every packet has been validated, and
 *   csum_start  offset of the L4 header from data, whether or not a checksum is owed
 *   csum_off    offset of the checksum field inside the L4 header
 *   hdr_len     offset of the L4 payload from data
 *   flow        the flow it belongs to
 * hold. ADIT_BUF_CSUM_NEEDED says that the checksum field holds only the sum over the pseudo
 * header, not complemented, and whoever sends the packet on must complete it or hand the same flag
 * on. gso_size is the payload per segment of a super-packet that ADIT_BUF_GSO_... names, as in the
 * virtio network header.
 */
#ifndef ADIT_BUF_H
#define ADIT_BUF_H

#include "abi.h"

ADIT_BEGIN_DECLS

struct adit_buf {
	uint8_t *data; /* first byte of the contents */
	uint32_t len;  /* bytes of contents in this segment */
	uint32_t flags;
	uint8_t *head; /* writable bounds: head..data is headroom, data+len..end is tailroom */
	uint8_t *end;
	adit_buf *next; /* further segments of the same packet, datagram or stretch; null: none */
	uint16_t csum_start, csum_off, gso_size, hdr_len;
	adit_flow flow;
	void *priv; /* belongs to the pool that made the buffer */
};

enum {
	ADIT_BUF_RDONLY = 1,      /* the bytes are shared: copy before changing them */
	ADIT_BUF_CSUM_NEEDED = 2, /* the L4 checksum is partial (see above) */
	ADIT_BUF_CSUM_OK = 4,     /* somebody trustworthy has verified the L4 checksum */
	ADIT_BUF_GSO_TCP4 = 8,
	ADIT_BUF_GSO_TCP6 = 16,
	ADIT_BUF_GSO_UDP = 32,
	ADIT_BUF_GSO_ECN = 64, /* the first segment has CWR set (with GSO_TCP4 or GSO_TCP6) */
	ADIT_BUF_SCARCE = 128  /* from the device: buffers are scarce, so keep none for what is out of order */
};
#define ADIT_BUF_GSO (ADIT_BUF_GSO_TCP4 | ADIT_BUF_GSO_TCP6 | ADIT_BUF_GSO_UDP)

/* Headroom that every buffer from path->get has in front of data, in bytes: enough for an IPv6 and
 * a TCP header with options and for what a device puts before a packet. */
enum { ADIT_BUF_HEADROOM = 192 };

typedef char adit_buf_layout[(sizeof(void *) != 8 || sizeof(adit_buf) == 64) ? 1 : -1];

ADIT_END_DECLS

#endif
