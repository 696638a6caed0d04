/* SPDX-License-Identifier: MIT
 * observe/ring.c - records from one thread to another
 *
 * Head and tail only grow; each is written by one side. A record lies in one piece: where the end of the memory is too
 * near, the rest is marked as a gap.
 */
#include "observe/ring.h"

#include <stdlib.h>
#include <string.h>

enum { LINE = 64, HEAD = 8 };
#define GAP UINT64_MAX

struct ring {
	_Alignas(LINE) uint64_t head; /* the writer's */
	uint64_t next;                /* head after the commit */
	uint64_t lost;
	_Alignas(LINE) uint64_t tail; /* the reader's */
	_Alignas(LINE) size_t size;
	uint8_t *bytes;
};

static size_t whole(size_t size)
{
	return HEAD + (size + 7) / 8 * 8;
}

adit_result ring_new(struct ring **out, size_t size)
{
	struct ring *r;

	if (size < RING_LEAST || size & (size - 1))
		return ADIT_EINVAL;
	r = aligned_alloc(LINE, (sizeof(*r) + LINE - 1) / LINE * LINE);
	if (!r)
		return ADIT_ENOMEM;
	memset(r, 0, sizeof(*r));
	r->size = size;
	r->bytes = aligned_alloc(LINE, size);
	if (!r->bytes) {
		free(r);
		return ADIT_ENOMEM;
	}
	*out = r;
	return ADIT_OK;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	free(r->bytes);
	free(r);
}

static uint64_t *mark(struct ring *r, uint64_t at)
{
	return (uint64_t *)(void *)(r->bytes + (at & (r->size - 1)));
}

void *ring_reserve(struct ring *r, size_t size)
{
	uint64_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE), at = r->head;
	size_t need = whole(size), left = r->size - (at & (r->size - 1));

	if (need > r->size / RING_RECORD_PARTS || at + need + (need > left ? left : 0) - tail > r->size) {
		__atomic_store_n(&r->lost, r->lost + 1, __ATOMIC_RELAXED);
		return NULL;
	}
	if (need > left) {
		*mark(r, at) = GAP;
		at += left;
	}
	*mark(r, at) = size;
	r->next = at + need;
	return r->bytes + (at & (r->size - 1)) + HEAD;
}

void ring_commit(struct ring *r)
{
	__atomic_store_n(&r->head, r->next, __ATOMIC_RELEASE);
}

int ring_crowded(const struct ring *r)
{
	return r->head - __atomic_load_n(&r->tail, __ATOMIC_RELAXED) > r->size / 2;
}

void *ring_front(struct ring *r, size_t *size)
{
	uint64_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE), tail = r->tail;

	if (head == tail)
		return NULL;
	if (*mark(r, tail) == GAP) {
		tail += r->size - (tail & (r->size - 1));
		__atomic_store_n(&r->tail, tail, __ATOMIC_RELEASE);
	}
	*size = (size_t)*mark(r, tail);
	return r->bytes + (tail & (r->size - 1)) + HEAD;
}

void ring_pop(struct ring *r)
{
	__atomic_store_n(&r->tail, r->tail + whole((size_t)*mark(r, r->tail)), __ATOMIC_RELEASE);
}

uint64_t ring_lost(const struct ring *r)
{
	return __atomic_load_n(&r->lost, __ATOMIC_RELAXED);
}
