/* SPDX-License-Identifier: MIT
 * flow/home.c - the shard on which an application endpoint's datagram flows live
 *
 * Its mapping (RFC 4787) is one socket on one shard, but the device spreads packets over its queues by all of their
 * endpoints. So the shard to which an endpoint's first datagram comes becomes its home, for as long as it has flows: one
 * that talks to one destination never crosses. What comes up elsewhere is copied, for a buffer belongs to its pool's
 * thread, and posted; only the first datagrams of further flows do, for the queue by which an answer goes down is the
 * one by which the device sends up what follows.
 *
 * Homes are kept by buckets of endpoints: those of one bucket share a home, which is where the first of them came.
 */
#include "flow/shard.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* A bucket: which shard, and how many flows hold it there. Only atomic operations, from all shards. */
enum { BUCKETS = 65536, SHARD_UNIT = 1 << 24 };

struct homes {
	uint32_t buckets[BUCKETS];
};

/* Datagrams on their way to one shard at a time; more are lost, as on any path. */
enum { CROSSING_MOST = 1024 };

struct crossing {
	struct shard *to;
	adit_buf meta;
	uint8_t bytes[];
};

struct homes *homes_new(void)
{
	return calloc(1, sizeof(struct homes));
}

void homes_free(struct homes *h)
{
	free(h);
}

static uint32_t *bucket_of(const struct shard *s, const adit_addr *src)
{
	static const struct hash_key key; /* spreads; an application that picks its ports crowds itself */
	struct {
		uint8_t ip[16];
		uint16_t port;
	} endpoint;

	memcpy(endpoint.ip, src->ip, 16);
	endpoint.port = src->port;
	if (src->family == 4)
		memset(endpoint.ip + 4, 0, 12);
	return &s->homes->buckets[hash_bytes(&key, &endpoint, sizeof(endpoint)) % BUCKETS];
}

uint32_t home_of(const struct shard *s, const adit_addr *src)
{
	uint32_t held;

	if (!s->homes)
		return s->index;
	held = __atomic_load_n(bucket_of(s, src), __ATOMIC_RELAXED);
	return held % SHARD_UNIT ? held / SHARD_UNIT : s->index;
}

int home_take(struct shard *s, const adit_addr *src)
{
	uint32_t *bucket, held, mine = s->index * SHARD_UNIT;

	if (!s->homes)
		return 1;
	bucket = bucket_of(s, src);
	held = __atomic_load_n(bucket, __ATOMIC_RELAXED);
	do {
		if (held % SHARD_UNIT && held / SHARD_UNIT != s->index)
			return 0;
	} while (!__atomic_compare_exchange_n(bucket, &held, mine + held % SHARD_UNIT + 1, 1, __ATOMIC_RELAXED,
	                                      __ATOMIC_RELAXED));
	return 1;
}

void home_leave(struct shard *s, const adit_addr *src)
{
	if (s->homes)
		__atomic_sub_fetch(bucket_of(s, src), 1, __ATOMIC_RELAXED);
}

static void arrive(void *arg)
{
	struct crossing *c = arg;
	struct shard *s = c->to;
	adit_buf *b;

	__atomic_sub_fetch(&s->crossing, 1, __ATOMIC_RELAXED);
	/* At the start another shard may read its queue before ours is; everything else is there by then. */
	if (s->draining && !s->parts[PART_PLATFORM][0]->started) {
		shard_count(s, COUNT_dropped_limit, 1); /* the end has begun */
	} else if (bufpool_get(s->bufs, &b, 1, c->meta.len) != 1) {
		shard_count(s, COUNT_dropped_limit, 1);
	} else {
		memcpy(b->data, c->bytes, c->meta.len);
		b->len = c->meta.len;
		b->flags = c->meta.flags;
		b->gso_size = c->meta.gso_size;
		b->csum_start = c->meta.csum_start;
		b->csum_off = c->meta.csum_off;
		b->hdr_len = c->meta.hdr_len;
		shard_input_home(s, b);
	}
	free(c);
}

void home_send(struct shard *s, adit_buf *b, uint32_t home)
{
	struct shard *to = s->peers[home];
	struct crossing *c = NULL;

	if (b->next || b->len > BUFPOOL_LARGE || __atomic_load_n(&to->crossing, __ATOMIC_RELAXED) >= CROSSING_MOST)
		goto lost;
	c = malloc(sizeof(*c) + b->len);
	if (!c)
		goto lost;
	c->to = to;
	c->meta = *b;
	c->meta.flags &= ~(uint32_t)ADIT_BUF_RDONLY;
	memcpy(c->bytes, b->data, b->len);
	__atomic_add_fetch(&to->crossing, 1, __ATOMIC_RELAXED);
	if (loop_post(to->loop, arrive, c) == ADIT_OK) {
		shard_count(s, COUNT_datagrams_crossed, 1);
		bufpool_put(&b, 1);
		return;
	}
	__atomic_sub_fetch(&to->crossing, 1, __ATOMIC_RELAXED);
lost:
	free(c);
	shard_count(s, COUNT_dropped_limit, 1);
	bufpool_put(&b, 1);
}
