/* SPDX-License-Identifier: MIT
 * stack-lwip/siphash.h - SipHash-2-4 of whole words, for initial sequence numbers
 */
#ifndef STACK_LWIP_SIPHASH_H
#define STACK_LWIP_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

static inline uint64_t siphash_rotate(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

static inline void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = siphash_rotate(v[1], 13) ^ v[0];
	v[0] = siphash_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = siphash_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = siphash_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = siphash_rotate(v[1], 17) ^ v[2];
	v[2] = siphash_rotate(v[2], 32);
}

static inline void siphash_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	siphash_round(v);
	siphash_round(v);
	v[0] ^= word;
}

/* Words in the machine's order: what it gives is only compared with itself. */
static inline uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words, size_t count)
{
	uint64_t v[4] = {key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
	                 key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u};
	size_t i;

	for (i = 0; i < count; i++)
		siphash_word(v, words[i]);
	siphash_word(v, (uint64_t)(count * 8) << 56);
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
