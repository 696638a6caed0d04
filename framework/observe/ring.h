/* SPDX-License-Identifier: MIT
 * observe/ring.h - records from one thread to another, bounded: what finds no room is counted and lost
 *
 * One thread writes (a shard), one reads (the control loop); neither waits for the other.
 */
#ifndef OBSERVE_RING_H
#define OBSERVE_RING_H

#include <stddef.h>
#include <stdint.h>

#include <adit/abi.h>

struct ring;

enum { RING_LEAST = 4096, RING_RECORD_PARTS = 4 /* a record takes at most this part of the ring */ };

/* size: bytes, a power of two, at least RING_LEAST. ADIT_EINVAL, ADIT_ENOMEM. */
adit_result ring_new(struct ring **out, size_t size);
/* Takes null. */
void ring_free(struct ring *r);

/* Writer: room for a record of `size` bytes, aligned to 8; null: there is none, which is counted. One at a time: it is
 * there for the reader once committed. */
void *ring_reserve(struct ring *r, size_t size);
void ring_commit(struct ring *r);
/* Writer: true if more than half of it is taken. */
int ring_crowded(const struct ring *r);

/* Reader: the oldest record and its size; null: none. It stays until ring_pop. */
void *ring_front(struct ring *r, size_t *size);
void ring_pop(struct ring *r);

/* Any thread: records that found no room. */
uint64_t ring_lost(const struct ring *r);

#endif
