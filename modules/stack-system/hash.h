/* SPDX-License-Identifier: MIT
 * stack-system/hash.h - SipHash-1-3 of two endpoints: strangers choose them, so the table's order
 * must be secret
 */
#ifndef STACK_SYSTEM_HASH_H
#define STACK_SYSTEM_HASH_H

#include <adit/adit.h>
#include <string.h>

struct hash_key {
	uint64_t k0, k1;
};

static inline uint64_t hash_rotate(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

static inline void hash_mix(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = hash_rotate(v[1], 13) ^ v[0];
	v[0] = hash_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = hash_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = hash_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = hash_rotate(v[1], 17) ^ v[2];
	v[2] = hash_rotate(v[2], 32);
}

/* The scopes do not count: the kernel and the host may see them differently. */
static inline uint64_t hash_endpoints(const struct hash_key *key, const adit_addr *src,
                                      const adit_addr *dst)
{
	uint64_t v[4] = {key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
	                 key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u};
	uint64_t words[5] = {0};
	size_t size = src->family == 4 ? 4 : 16;
	unsigned i;

	memcpy(words, src->ip, size);
	memcpy(words + 2, dst->ip, size);
	words[4] = (uint64_t)src->port << 32 | (uint64_t)dst->port << 16 | src->family;
	for (i = 0; i < 5; i++) {
		v[3] ^= words[i];
		hash_mix(v);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	hash_mix(v);
	hash_mix(v);
	hash_mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
