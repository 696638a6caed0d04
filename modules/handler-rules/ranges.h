/* SPDX-License-Identifier: MIT
 * handler-rules/ranges.h - a set of addresses: prefixes of both families, read-only once it is sealed
 *
 * Each family is one sorted array of boundaries: the first address of a stretch that is in the set, the first one
 * behind it, and so on. An address is in the set if an odd number of boundaries is not above it. Overlapping and
 * neighbouring prefixes melt into one stretch, so a million prefixes are at most 8 MB (IPv4) or 32 MB (IPv6). A
 * directory of every 64th boundary keeps the first steps of a search within the cache; a lookup is a binary search of
 * at most 22 steps, whatever the prefixes.
 */
#ifndef RULES_RANGES_H
#define RULES_RANGES_H

#include <adit/flow.h>

struct prefix {
	uint8_t ip[16];
	uint8_t family, bits;
};

struct key6 {
	uint64_t high, low;
};

struct stretch4 {
	uint32_t from, to; /* both in it */
};

struct stretch6 {
	struct key6 from, to;
};

struct ranges {
	union {
		struct stretch4 *stretches; /* until it is sealed */
		uint32_t *bounds;
	} v4;
	union {
		struct stretch6 *stretches;
		struct key6 *bounds;
	} v6;
	uint32_t *directory4;
	struct key6 *directory6;
	uint32_t count4, room4, count6, room6; /* stretches; once sealed count is of bounds */
};

/* [any] Adds a prefix to a set that is zeroed or was added to. ADIT_ENOMEM. */
adit_result ranges_add(struct ranges *r, const struct prefix *p);
/* [any] Sorts, joins and shrinks; nothing can be added afterwards. ADIT_ENOMEM. */
adit_result ranges_seal(struct ranges *r);
/* [any] 1: the address is in the (sealed) set. */
int ranges_hold(const struct ranges *r, const adit_addr *addr);
/* [any] Bytes that a sealed set takes. */
size_t ranges_size(const struct ranges *r);
/* [any] Frees what hangs on r. */
void ranges_fini(struct ranges *r);

#endif
