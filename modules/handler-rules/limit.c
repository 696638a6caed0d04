/* SPDX-License-Identifier: MIT
 * handler-rules/limit.c - how many new flows each source makes per second
 */
#include "limit.h"

#include <string.h>

enum { SECOND = 1000000000 };

/* The finisher of MurmurHash3: every bit of x reaches every bit. */
static uint64_t scramble(uint64_t x)
{
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

static uint64_t tag_of(const struct limit *l, uint32_t rule, const adit_addr *src)
{
	uint64_t words[2] = {0, 0}, hash;

	memcpy(words, src->ip, src->family == 4 ? 4 : 16);
	hash = scramble(l->key ^ ((uint64_t)rule << 8 | src->family));
	hash = scramble(hash ^ words[0]);
	hash = scramble(hash ^ words[1]);
	return hash ? hash : 1;
}

static struct bucket *find(struct limit *l, uint64_t tag)
{
	struct bucket *set = l->buckets[tag % LIMIT_SETS], *oldest = set;
	unsigned i;

	for (i = 0; i < LIMIT_WAYS; i++) {
		if (set[i].tag == tag)
			return &set[i];
		if (set[i].time < oldest->time)
			oldest = &set[i];
	}
	oldest->tag = 0;
	return oldest;
}

int limit_over(struct limit *l, uint32_t rule, const adit_addr *src, uint32_t rate, uint64_t now)
{
	uint64_t tag = tag_of(l, rule, src), full = (uint64_t)rate * SECOND, passed;
	struct bucket *b = find(l, tag);

	if (!b->tag) {
		*b = (struct bucket){tag, now, full};
	} else {
		passed = now - b->time;
		b->left = passed >= SECOND || b->left + passed * rate > full ? full : b->left + passed * rate;
		b->time = now;
	}
	if (b->left < SECOND)
		return 1;
	b->left -= SECOND;
	return 0;
}
