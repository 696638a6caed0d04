/* SPDX-License-Identifier: MIT
 * base/hash.c - SipHash-1-3
 */
#include "base/hash.h"

#include <endian.h>
#include <string.h>

static inline uint64_t rotate(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

struct state {
	uint64_t a, b, c, d;
};

static inline void mix(struct state *s)
{
	s->a += s->b;
	s->b = rotate(s->b, 13) ^ s->a;
	s->a = rotate(s->a, 32);
	s->c += s->d;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = rotate(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = rotate(s->b, 17) ^ s->c;
	s->c = rotate(s->c, 32);
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t size)
{
	struct state s = {key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du, key->k0 ^ 0x6c7967656e657261u,
	                  key->k1 ^ 0x7465646279746573u};
	const uint8_t *p = data;
	uint64_t word, last = (uint64_t)size << 56;
	size_t left = size;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		word = le64toh(word);
		s.d ^= word;
		mix(&s);
		s.a ^= word;
	}
	word = 0;
	if (left)
		memcpy(&word, p, left);
	last |= le64toh(word);
	s.d ^= last;
	mix(&s);
	s.a ^= last;
	s.c ^= 0xff;
	mix(&s);
	mix(&s);
	mix(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}
