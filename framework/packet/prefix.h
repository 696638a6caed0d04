/* SPDX-License-Identifier: MIT
 * packet/prefix.h - a small sorted set of address prefixes of both families
 *
 * A prefix that lies in another one of the set is not kept, so members never overlap and a look-up is one binary
 * search. Storage is the caller's; all zero is the empty set.
 */
#ifndef PACKET_PREFIX_H
#define PACKET_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include <adit/abi.h>

enum { PREFIX_SET_MOST = 256 };

struct prefix {
	uint8_t ip[16]; /* family 4: ip[0..3]; bits beyond the prefix are 0 */
	uint8_t family; /* 4 or 6 */
	uint8_t bits;
};

struct prefix_set {
	uint32_t count;
	struct prefix items[PREFIX_SET_MOST]; /* by family, then by address */
};

/* Adds ip/bits; bits of ip beyond the prefix do not count. ADIT_EINVAL: family or bits; ADIT_ELIMIT: full. */
adit_result prefix_set_add(struct prefix_set *set, uint8_t family, const uint8_t *ip, unsigned bits);

/* The member that holds ip; null: none does. */
const struct prefix *prefix_set_find(const struct prefix_set *set, uint8_t family, const uint8_t *ip);

#endif
