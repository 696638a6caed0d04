/* SPDX-License-Identifier: MIT
 * packet/prefix.c - a small sorted set of address prefixes of both families
 */
#include "packet/prefix.h"

#include <string.h>

static unsigned family_size(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

/* True when ip is in the prefix. */
static bool prefix_holds(const struct prefix *p, uint8_t family, const uint8_t *ip)
{
	unsigned whole = p->bits / 8u, rest = p->bits % 8u;

	if (p->family != family || memcmp(p->ip, ip, whole) != 0)
		return false;
	return rest == 0 || (p->ip[whole] ^ ip[whole]) >> (8 - rest) == 0;
}

/* How many members stand at or before ip in the set's order. */
static uint32_t rank(const struct prefix_set *set, uint8_t family, const uint8_t *ip)
{
	uint32_t low = 0, high = set->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct prefix *p = &set->items[middle];
		int order = p->family - family;

		if (!order)
			order = memcmp(p->ip, ip, family_size(family));
		if (order <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct prefix *prefix_set_find(const struct prefix_set *set, uint8_t family, const uint8_t *ip)
{
	uint32_t at = rank(set, family, ip);

	/* Members do not overlap, so only the last one that begins at or before ip can hold it. */
	if (at == 0 || !prefix_holds(&set->items[at - 1], family, ip))
		return NULL;
	return &set->items[at - 1];
}

/* Takes out what the new prefix holds; nothing in the set holds the new one. */
static void remove_held(struct prefix_set *set, const struct prefix *by)
{
	uint32_t from, to = 0;

	for (from = 0; from < set->count; from++) {
		const struct prefix *p = &set->items[from];

		if (!prefix_holds(by, p->family, p->ip))
			set->items[to++] = *p;
	}
	set->count = to;
}

adit_result prefix_set_add(struct prefix_set *set, uint8_t family, const uint8_t *ip, unsigned bits)
{
	struct prefix new = {.family = family, .bits = (uint8_t)bits};
	unsigned size = family_size(family);
	uint32_t at;

	if ((family != 4 && family != 6) || bits > size * 8)
		return ADIT_EINVAL;
	memcpy(new.ip, ip, (bits + 7) / 8);
	if (bits % 8)
		new.ip[bits / 8] &= (uint8_t)(0xff00u >> bits % 8);
	if (prefix_set_find(set, family, new.ip) && prefix_set_find(set, family, new.ip)->bits <= bits)
		return ADIT_OK;
	remove_held(set, &new);
	if (set->count == PREFIX_SET_MOST)
		return ADIT_ELIMIT;
	at = rank(set, family, new.ip);
	memmove(&set->items[at + 1], &set->items[at], (set->count - at) * sizeof(new));
	set->items[at] = new;
	set->count++;
	return ADIT_OK;
}
