/* SPDX-License-Identifier: MIT
 * base/bufpool.h - the buffers of one shard (adit/buf.h), with a hard limit on their bytes
 *
 * Three sizes: tiny ones for a header, small ones for a datagram, large ones for a super-packet. Freed buffers are kept for
 * reuse, the last freed first, so that the hot ones stay in cache. One thread only: the shard's.
 */
#ifndef BASE_BUFPOOL_H
#define BASE_BUFPOOL_H

#include <adit/buf.h>

struct bufpool;

enum {
	BUFPOOL_TINY = 256,            /* bytes of room: a SYN that waits for a verdict */
	BUFPOOL_SMALL = 2048,
	BUFPOOL_LARGE = 65536 + 512,
	BUFPOOL_KEPT_TINY = 256,       /* free ones that are kept; the rest goes back to the system */
	BUFPOOL_KEPT_SMALL = 256,
	BUFPOOL_KEPT_LARGE = 96,
};

/* most: bytes that may be out at a time. */
adit_result bufpool_new(struct bufpool **out, size_t most);
/* Buffers that are still out keep the pool's memory alive until they come back. */
void bufpool_free(struct bufpool *p);

/* As adit_path.get. room at most BUFPOOL_LARGE. */
uint32_t bufpool_get(struct bufpool *p, adit_buf **v, uint32_t n, uint32_t room);
/* How many more bytes may wait in buffers for one flow and direction for which so many wait already. What is free is
 * shared: a flow may hold an eighth of what nobody holds, so that there is always something for others, and one buffer
 * of its own nearly to the end. The last sixteenth is for what passes: acknowledgements, and what they free. */
uint32_t bufpool_share(const struct bufpool *p, uint64_t waiting);
/* True if half is out. */
int bufpool_scarce(const struct bufpool *p);
/* True if there is too little left for flows that are not there yet. */
int bufpool_short(const struct bufpool *p);
/* As adit_path.put: takes chains; from any pool of this kind. Null entries are skipped. */
void bufpool_put(adit_buf *const *v, uint32_t n);
/* As adit_path.wrap. */
adit_buf *bufpool_wrap(struct bufpool *p, void *mem, uint32_t len, adit_fn done, void *arg);

struct bufpool_counts {
	size_t out, bytes, most; /* buffers that are out, their room, and what that may be */
};
/* [any] Approximate while the pool is in use. */
void bufpool_count(const struct bufpool *p, struct bufpool_counts *out);

/* Buffers that are out, for leak checks. */
size_t bufpool_out(const struct bufpool *p);

#endif
