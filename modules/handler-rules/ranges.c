/* SPDX-License-Identifier: MIT
 * handler-rules/ranges.c - a set of addresses: prefixes of both families, read-only once it is sealed
 */
#include "ranges.h"

#include <stdlib.h>
#include <string.h>

enum { STEP = 64, ROOM_FIRST = 16 };

/* ---- numbers ---- */

static uint32_t number4(const uint8_t *ip)
{
	return (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
}

static struct key6 number6(const uint8_t *ip)
{
	return (struct key6){(uint64_t)number4(ip) << 32 | number4(ip + 4),
	                     (uint64_t)number4(ip + 8) << 32 | number4(ip + 12)};
}

static int below6(struct key6 a, struct key6 b)
{
	return a.high != b.high ? a.high < b.high : a.low < b.low;
}

static int last6(struct key6 a)
{
	return a.high == UINT64_MAX && a.low == UINT64_MAX;
}

static struct key6 next6(struct key6 a)
{
	return (struct key6){a.high + (a.low == UINT64_MAX), a.low + 1};
}

/* ---- building ---- */

static adit_result make_room(void **v, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : ROOM_FIRST;
	void *grown;

	if (count < *room)
		return 0;
	if (more < *room)
		return ADIT_ENOMEM;
	grown = realloc(*v, more * size);
	if (!grown)
		return ADIT_ENOMEM;
	*v = grown;
	*room = more;
	return 0;
}

static adit_result add4(struct ranges *r, const struct prefix *p)
{
	uint32_t mask = p->bits ? UINT32_MAX << (32 - p->bits) : 0, ip = number4(p->ip);
	void *v = r->v4.stretches;
	adit_result result = make_room(&v, r->count4, &r->room4, sizeof(*r->v4.stretches));

	r->v4.stretches = v;
	if (result == 0)
		r->v4.stretches[r->count4++] = (struct stretch4){ip & mask, ip | ~mask};
	return result;
}

static uint64_t mask_of(int bits)
{
	return bits <= 0 ? 0 : bits >= 64 ? UINT64_MAX : UINT64_MAX << (64 - bits);
}

static adit_result add6(struct ranges *r, const struct prefix *p)
{
	uint64_t high = mask_of(p->bits), low = mask_of(p->bits - 64);
	struct key6 ip = number6(p->ip);
	void *v = r->v6.stretches;
	adit_result result = make_room(&v, r->count6, &r->room6, sizeof(*r->v6.stretches));

	r->v6.stretches = v;
	if (result == 0)
		r->v6.stretches[r->count6++] =
		    (struct stretch6){{ip.high & high, ip.low & low}, {ip.high | ~high, ip.low | ~low}};
	return result;
}

adit_result ranges_add(struct ranges *r, const struct prefix *p)
{
	return p->family == 4 ? add4(r, p) : add6(r, p);
}

/* ---- sealing: the boundaries are written over the stretches, which are never fewer ---- */

static int compare4(const void *a, const void *b)
{
	const struct stretch4 *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static int compare6(const void *a, const void *b)
{
	const struct stretch6 *x = a, *y = b;

	return below6(x->from, y->from) ? -1 : below6(y->from, x->from);
}

/* Lists are mostly sorted already. */
static void sort4(struct stretch4 *v, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n; i++) {
		if (v[i].from < v[i - 1].from) {
			qsort(v, n, sizeof(*v), compare4);
			return;
		}
	}
}

static void sort6(struct stretch6 *v, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n; i++) {
		if (below6(v[i].from, v[i - 1].from)) {
			qsort(v, n, sizeof(*v), compare6);
			return;
		}
	}
}

static uint32_t join4(struct ranges *r)
{
	struct stretch4 *in = r->v4.stretches, at = in[0];
	uint32_t *out = r->v4.bounds, n = 0, i;

	for (i = 1; i <= r->count4; i++) {
		if (i < r->count4 && (at.to == UINT32_MAX || in[i].from <= at.to + 1)) {
			at.to = in[i].to > at.to ? in[i].to : at.to;
			continue;
		}
		out[n++] = at.from;
		if (at.to != UINT32_MAX)
			out[n++] = at.to + 1;
		if (i < r->count4)
			at = in[i]; /* what is written stays behind what is read: n <= 2 * i */
	}
	return n;
}

static uint32_t join6(struct ranges *r)
{
	struct stretch6 *in = r->v6.stretches, at = in[0];
	struct key6 *out = r->v6.bounds;
	uint32_t n = 0, i;

	for (i = 1; i <= r->count6; i++) {
		if (i < r->count6 && (last6(at.to) || !below6(next6(at.to), in[i].from))) {
			at.to = below6(at.to, in[i].to) ? in[i].to : at.to;
			continue;
		}
		out[n++] = at.from;
		if (!last6(at.to))
			out[n++] = next6(at.to);
		if (i < r->count6)
			at = in[i];
	}
	return n;
}

/* Gives back what is not needed; the old memory does if there is none to move to. */
static void *shrunk(void *v, size_t size)
{
	void *smaller = realloc(v, size ? size : 1);

	return smaller ? smaller : v;
}

static adit_result seal4(struct ranges *r)
{
	uint32_t i;

	if (!r->count4)
		return 0;
	sort4(r->v4.stretches, r->count4);
	r->count4 = join4(r);
	r->v4.bounds = shrunk(r->v4.bounds, r->count4 * sizeof(*r->v4.bounds));
	r->directory4 = malloc((r->count4 + STEP - 1) / STEP * sizeof(*r->directory4));
	if (!r->directory4)
		return ADIT_ENOMEM;
	for (i = 0; i < r->count4; i += STEP)
		r->directory4[i / STEP] = r->v4.bounds[i];
	return 0;
}

static adit_result seal6(struct ranges *r)
{
	uint32_t i;

	if (!r->count6)
		return 0;
	sort6(r->v6.stretches, r->count6);
	r->count6 = join6(r);
	r->v6.bounds = shrunk(r->v6.bounds, r->count6 * sizeof(*r->v6.bounds));
	r->directory6 = malloc((r->count6 + STEP - 1) / STEP * sizeof(*r->directory6));
	if (!r->directory6)
		return ADIT_ENOMEM;
	for (i = 0; i < r->count6; i += STEP)
		r->directory6[i / STEP] = r->v6.bounds[i];
	return 0;
}

adit_result ranges_seal(struct ranges *r)
{
	adit_result result = seal4(r);

	return result < 0 ? result : seal6(r);
}

/* ---- looking up ---- */

/* How many of the n numbers are not above x. */
static uint32_t upper4(const uint32_t *v, uint32_t n, uint32_t x)
{
	uint32_t low = 0, half;

	while (n) {
		half = n / 2;
		if (v[low + half] <= x) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

static uint32_t upper6(const struct key6 *v, uint32_t n, struct key6 x)
{
	uint32_t low = 0, half;

	while (n) {
		half = n / 2;
		if (!below6(x, v[low + half])) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

/* The block of STEP boundaries in which the search ends, by the number of directory entries that are not above. */
static uint32_t block_size(uint32_t count, uint32_t first)
{
	return count - first < STEP ? count - first : STEP;
}

static int hold4(const struct ranges *r, uint32_t ip)
{
	uint32_t n = upper4(r->directory4, (r->count4 + STEP - 1) / STEP, ip), first;

	if (!n)
		return 0;
	first = (n - 1) * STEP;
	return (int)(upper4(r->v4.bounds + first, block_size(r->count4, first), ip) & 1); /* first is even */
}

static int hold6(const struct ranges *r, struct key6 ip)
{
	uint32_t n = upper6(r->directory6, (r->count6 + STEP - 1) / STEP, ip), first;

	if (!n)
		return 0;
	first = (n - 1) * STEP;
	return (int)(upper6(r->v6.bounds + first, block_size(r->count6, first), ip) & 1);
}

int ranges_hold(const struct ranges *r, const adit_addr *addr)
{
	if (addr->family == 4)
		return r->count4 && hold4(r, number4(addr->ip));
	return addr->family == 6 && r->count6 && hold6(r, number6(addr->ip));
}

size_t ranges_size(const struct ranges *r)
{
	return r->count4 * sizeof(*r->v4.bounds) + r->count6 * sizeof(*r->v6.bounds) +
	       (r->directory4 ? (r->count4 + STEP - 1) / STEP * sizeof(*r->directory4) : 0) +
	       (r->directory6 ? (r->count6 + STEP - 1) / STEP * sizeof(*r->directory6) : 0);
}

void ranges_fini(struct ranges *r)
{
	free(r->v4.stretches);
	free(r->v6.stretches);
	free(r->directory4);
	free(r->directory6);
	memset(r, 0, sizeof(*r));
}
