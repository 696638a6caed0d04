/* SPDX-License-Identifier: MIT
 * dial/backlog.c - bytes of a stream in buffers
 */
#include "dial/backlog.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/err.h"

enum {
	SEGMENTS = 64, /* buffers in one write: with 64 kB each far more than a socket takes */
	CHUNK = 65536, /* read into one large buffer: a super-segment, or the most that one may be cut from */
	CHUNKS = BACKLOG_READ_MOST / CHUNK
};
_Static_assert((int)CHUNK <= (int)BUFPOOL_LARGE, "a chunk does not fit a large buffer");

uint32_t backlog_add(struct backlog *b, adit_buf *chain)
{
	uint32_t bytes = chain->len;
	adit_buf *last = chain;

	while (last->next) {
		last = last->next;
		bytes += last->len;
	}
	if (b->tail)
		b->tail->next = chain;
	else
		b->head = chain;
	b->tail = last;
	b->bytes += bytes;
	return bytes;
}

adit_buf *backlog_take_all(struct backlog *b)
{
	adit_buf *chain = b->head;

	b->head = b->tail = NULL;
	b->bytes = 0;
	return chain;
}

void backlog_clear(struct backlog *b)
{
	adit_buf *chain = backlog_take_all(b);

	if (chain)
		bufpool_put(&chain, 1);
}

static void drop(struct backlog *b, uint32_t bytes)
{
	b->bytes -= bytes;
	/* Empty buffers go with what stands before them. */
	while (b->head && bytes >= b->head->len) {
		adit_buf *first = b->head;

		bytes -= first->len;
		b->head = first->next;
		first->next = NULL;
		bufpool_put(&first, 1);
	}
	if (!b->head) {
		b->tail = NULL;
	} else {
		b->head->data += bytes;
		b->head->len -= bytes;
	}
}

static adit_buf *take_copy(struct backlog *b, uint32_t bytes, struct bufpool *pool)
{
	adit_buf *copy;

	if (bufpool_get(pool, &copy, 1, bytes) != 1)
		return NULL;
	memcpy(copy->data, b->head->data, bytes);
	copy->len = bytes;
	drop(b, bytes);
	return copy;
}

adit_buf *backlog_take(struct backlog *b, uint32_t most, struct bufpool *pool, uint32_t *bytes)
{
	adit_buf *first = b->head, *last = first;

	*bytes = 0;
	if (!first || !most)
		return NULL;
	if (first->len > most) {
		*bytes = most < BUFPOOL_LARGE ? most : BUFPOOL_LARGE;
		return take_copy(b, *bytes, pool);
	}
	*bytes = first->len;
	while (last->next && last->next->len <= most - *bytes) {
		last = last->next;
		*bytes += last->len;
	}
	b->head = last->next;
	b->bytes -= *bytes;
	last->next = NULL;
	if (!b->head)
		b->tail = NULL;
	return first;
}

static adit_result failed(void)
{
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? ADIT_EAGAIN : err_from_errno(errno);
}

adit_result backlog_write(struct backlog *b, int fd, uint32_t *bytes)
{
	*bytes = 0;
	while (b->head) {
		struct iovec v[SEGMENTS];
		struct msghdr m = {.msg_iov = v};
		uint32_t offered = 0;
		adit_buf *at;
		ssize_t n;

		for (at = b->head; at && m.msg_iovlen < SEGMENTS; at = at->next) {
			v[m.msg_iovlen++] = (struct iovec){at->data, at->len};
			offered += at->len;
		}
		n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return failed();
		drop(b, (uint32_t)n);
		*bytes += (uint32_t)n;
		if ((uint32_t)n < offered)
			return ADIT_EAGAIN;
	}
	return ADIT_OK;
}

/* ---- from a socket ---- */

/* A few bytes must not keep a large buffer for as long as they are under way. */
static adit_buf *fitted(struct bufpool *pool, adit_buf *b)
{
	adit_buf *copy;

	if (b->len > BUFPOOL_SMALL || b->end - b->data <= BUFPOOL_SMALL || bufpool_get(pool, &copy, 1, b->len) != 1)
		return b;
	memcpy(copy->data, b->data, b->len);
	copy->len = b->len;
	bufpool_put(&b, 1);
	return copy;
}

/* Chains the buffers that the bytes have come to, and puts the others back. */
static adit_buf *chain_up(struct bufpool *pool, adit_buf **v, uint32_t count, uint32_t bytes)
{
	adit_buf *first = NULL, **link = &first;
	uint32_t i;

	for (i = 0; i < count && bytes; i++) {
		v[i]->len = bytes < CHUNK ? bytes : CHUNK;
		bytes -= v[i]->len;
		*link = bytes ? v[i] : fitted(pool, v[i]);
		link = &(*link)->next;
	}
	if (i < count)
		bufpool_put(v + i, count - i);
	return first;
}

adit_result backlog_read(struct bufpool *pool, int fd, uint32_t most, adit_buf **out, uint32_t *bytes, int *all)
{
	adit_buf *v[CHUNKS];
	struct iovec iov[CHUNKS];
	uint32_t want = most < BACKLOG_READ_MOST ? most : BACKLOG_READ_MOST, count, asked = 0, i;
	adit_result result;
	ssize_t n;

	*out = NULL;
	*bytes = 0;
	*all = 0;
	count = bufpool_get(pool, v, (want + CHUNK - 1) / CHUNK, want < CHUNK ? want : CHUNK);
	if (!count)
		return ADIT_ELIMIT;
	for (i = 0; i < count; i++) {
		uint32_t left = want - asked;

		iov[i] = (struct iovec){v[i]->data, left < CHUNK ? left : CHUNK};
		asked += (uint32_t)iov[i].iov_len;
	}
	n = readv(fd, iov, (int)count);
	if (n < 0) {
		result = failed();
		bufpool_put(v, count);
		return result;
	}
	*bytes = (uint32_t)n;
	*all = *bytes == asked;
	*out = chain_up(pool, v, count, *bytes);
	return ADIT_OK;
}
