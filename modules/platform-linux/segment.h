/* SPDX-License-Identifier: MIT
 * platform-linux/segment.h - super-packets cut in software, and checksums completed, where a device
 * takes neither
 *
 * The slow path: segments are copied out one after the other into one scratch area.
 */
#ifndef PLATFORM_SEGMENT_H
#define PLATFORM_SEGMENT_H

#include <adit/buf.h>

enum { SEGMENT_ROOM = 65536 };

typedef void (*segment_each)(void *arg, const uint8_t *packet, uint32_t len);

/* Cuts the super-packet b (a chain perhaps) into packets with complete checksums. How many, or
 * ADIT_EINVAL when it is not what its flags say. scratch has SEGMENT_ROOM bytes. */
int32_t segment_cut(const adit_buf *b, uint8_t *scratch, segment_each each, void *arg);

/* Copies the packet b into scratch with its checksum completed; its length, or ADIT_EINVAL. */
int32_t segment_complete(const adit_buf *b, uint8_t *scratch);

#endif
