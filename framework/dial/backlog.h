/* SPDX-License-Identifier: MIT
 * dial/backlog.h - bytes of a stream in buffers: on their way from a party to a socket, from a socket, or between parties
 *
 * Bytes are never copied on their way from a buffer to a socket or back, but for the last few of a read, so that they do
 * not keep a large buffer.
 */
#ifndef DIAL_BACKLOG_H
#define DIAL_BACKLOG_H

#include "base/bufpool.h"

struct backlog {
	adit_buf *head, *tail; /* one chain; null: nothing waits */
	uint32_t bytes;
	uint32_t credit; /* what its sink, a party, may be sent; the owner's alone */
};

enum {
	BACKLOG_READ_MOST = 4 * 65536 /* bytes, in one call of backlog_read */
};

/* Takes the chain; returns its bytes. */
uint32_t backlog_add(struct backlog *b, adit_buf *chain);
/* Puts everything back. */
void backlog_clear(struct backlog *b);
/* The chain is the caller's, and nothing waits any more. */
adit_buf *backlog_take_all(struct backlog *b);
/* Takes whole buffers of at most `most` bytes together off the front; if not even the first is so small, a copy of its
 * beginning. Null: nothing waits, most is 0, or there was no buffer for the copy. */
adit_buf *backlog_take(struct backlog *b, uint32_t most, struct bufpool *pool, uint32_t *bytes);
/* Writes as much as the socket takes, *bytes of it. ADIT_OK: everything; ADIT_EAGAIN: the socket is full; else why it
 * takes no more. */
adit_result backlog_write(struct backlog *b, int fd, uint32_t *bytes);

/* Reads at most `most` bytes (and BACKLOG_READ_MOST) into buffers of the pool. ADIT_OK with *bytes, and *out a chain, given,
 * null at the end of the stream; *all: the socket may hold more. ADIT_EAGAIN: nothing is there; ADIT_ELIMIT: no buffer was
 * to be had; else what the socket says. */
adit_result backlog_read(struct bufpool *pool, int fd, uint32_t most, adit_buf **out, uint32_t *bytes, int *all);

#endif
