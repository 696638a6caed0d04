/* SPDX-License-Identifier: MIT
 * base/hash.h - keyed hash for tables whose keys strangers choose
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

/* SipHash-1-3 of size bytes (Aumasson and Bernstein, "SipHash: a fast short-input PRF"). */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t size);

#endif
