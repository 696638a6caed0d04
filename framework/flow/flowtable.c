/* SPDX-License-Identifier: MIT
 * flow/flowtable.c - the flows of one shard
 *
 * index[] maps hash to slot by linear probing with backward-shift deletion; it starts small and doubles until
 * it has at least twice as many places as there may be flows. Free slots queue first in, first out, so that a
 * slot rests as long as can be before its next generation.
 */
#include "flow/flowtable.h"

#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/hash.h"
#include "os/os.h"

enum { CHUNK = 256, INDEX_FIRST = 1024, NONE = 0xffffffff };

/* Counts are read by others at any time. */
#define COUNT(count, by) __atomic_store_n(&(count), (count) + (by), __ATOMIC_RELAXED)

struct place {
	uint32_t hash;
	uint32_t slot; /* NONE: empty */
};

struct flowtable {
	struct flow_limits limits;
	struct hash_key key;
	struct place *index;
	uint32_t mask; /* places - 1 */
	struct flow **chunks;
	uint32_t slots; /* that exist, in chunks */
	uint32_t free_first, free_last;
	struct {
		uint32_t first, last;
	} lists[FLOW_LISTS]; /* oldest first */
	struct flow_counts counts;
};

static struct flow *at(const struct flowtable *t, uint32_t slot)
{
	return &t->chunks[slot / CHUNK][slot % CHUNK];
}

adit_result flowtable_new(struct flowtable **out, const struct flow_limits *limits)
{
	struct flowtable *t = calloc(1, sizeof(*t));
	uint32_t chunks = limits->flows / CHUNK + 1, i;

	if (!t)
		return ADIT_ENOMEM;
	t->limits = *limits;
	os_random(&t->key, sizeof(t->key));
	t->index = malloc(INDEX_FIRST * sizeof(*t->index));
	t->chunks = calloc(chunks, sizeof(*t->chunks));
	if (!t->index || !t->chunks) {
		flowtable_free(t);
		return ADIT_ENOMEM;
	}
	t->mask = INDEX_FIRST - 1;
	for (i = 0; i < INDEX_FIRST; i++)
		t->index[i].slot = NONE;
	t->free_first = t->free_last = NONE;
	for (i = 0; i < FLOW_LISTS; i++)
		t->lists[i].first = t->lists[i].last = NONE;
	*out = t;
	return ADIT_OK;
}

void flowtable_free(struct flowtable *t)
{
	uint32_t i;

	if (!t)
		return;
	for (i = 0; t->chunks && i < t->slots; i++)
		flow_set_name(at(t, i), NULL);
	for (i = 0; t->chunks && i < t->slots / CHUNK; i++)
		free(t->chunks[i]);
	free(t->chunks);
	free(t->index);
	free(t);
}

/* ---- finding ---- */

static uint32_t hash_of(const struct flowtable *t, uint8_t proto, const adit_addr *src, const adit_addr *dst)
{
	struct {
		uint8_t src[16], dst[16];
		uint16_t sport, dport;
		uint8_t proto, zero[3];
	} wide;
	struct {
		uint8_t src[4], dst[4];
		uint16_t sport, dport;
		uint8_t proto, zero[3];
	} narrow;

	if (src->family == 4) {
		memcpy(narrow.src, src->ip, 4);
		memcpy(narrow.dst, dst->ip, 4);
		narrow.sport = src->port;
		narrow.dport = dst->port;
		narrow.proto = proto;
		memset(narrow.zero, 0, sizeof(narrow.zero));
		return (uint32_t)hash_bytes(&t->key, &narrow, sizeof(narrow));
	}
	memcpy(wide.src, src->ip, 16);
	memcpy(wide.dst, dst->ip, 16);
	wide.sport = src->port;
	wide.dport = dst->port;
	wide.proto = proto;
	memset(wide.zero, 0, sizeof(wide.zero));
	return (uint32_t)hash_bytes(&t->key, &wide, sizeof(wide));
}

struct flow *flowtable_find(struct flowtable *t, uint8_t proto, const adit_addr *src, const adit_addr *dst)
{
	uint32_t hash = hash_of(t, proto, src, dst), i;

	for (i = hash & t->mask; t->index[i].slot != NONE; i = (i + 1) & t->mask) {
		struct flow *f;

		if (t->index[i].hash != hash)
			continue;
		f = at(t, t->index[i].slot);
		if (f->info.proto == proto && endpoint_same(&f->info.src, src) && endpoint_same(&f->info.dst, dst))
			return f;
	}
	return NULL;
}

struct flow *flowtable_look(const struct flowtable *t, adit_flow handle)
{
	uint32_t slot = ADIT_FLOW_SLOT(handle);
	struct flow *f = slot < t->slots ? at(t, slot) : NULL;

	return f && f->state != FLOW_FREE && f->generation == handle / 4294967296u ? f : NULL;
}

struct flow *flowtable_get(struct flowtable *t, adit_flow handle)
{
	struct flow *f = flowtable_look(t, handle);

	if (!f)
		COUNT(t->counts.stale, 1);
	return f;
}

static void index_put(struct place *index, uint32_t mask, uint32_t hash, uint32_t slot)
{
	uint32_t i = hash & mask;

	while (index[i].slot != NONE)
		i = (i + 1) & mask;
	index[i].hash = hash;
	index[i].slot = slot;
}

static void index_remove(struct flowtable *t, uint32_t hash, uint32_t slot)
{
	uint32_t i = hash & t->mask, next;

	while (t->index[i].slot != slot)
		i = (i + 1) & t->mask;
	for (next = (i + 1) & t->mask; t->index[next].slot != NONE; next = (next + 1) & t->mask) {
		uint32_t home = t->index[next].hash & t->mask;

		/* May the entry at `next` stand at the hole i? Yes unless its home lies cyclically in (i, next]. */
		if (((next - home) & t->mask) >= ((next - i) & t->mask)) {
			t->index[i] = t->index[next];
			i = next;
		}
	}
	t->index[i].slot = NONE;
}

static int index_grow(struct flowtable *t)
{
	uint32_t places = (t->mask + 1) * 2, i;
	struct place *index = malloc(places * sizeof(*index));

	if (!index)
		return -1;
	for (i = 0; i < places; i++)
		index[i].slot = NONE;
	for (i = 0; i <= t->mask; i++)
		if (t->index[i].slot != NONE)
			index_put(index, places - 1, t->index[i].hash, t->index[i].slot);
	free(t->index);
	t->index = index;
	t->mask = places - 1;
	return 0;
}

/* ---- slots ---- */

static void free_append(struct flowtable *t, struct flow *f)
{
	f->newer = NONE;
	if (t->free_last == NONE)
		t->free_first = f->slot;
	else
		at(t, t->free_last)->newer = f->slot;
	t->free_last = f->slot;
}

static int more_slots(struct flowtable *t)
{
	struct flow *chunk;
	uint32_t i;

	if (t->slots >= t->limits.flows)
		return -1;
	chunk = calloc(CHUNK, sizeof(*chunk));
	if (!chunk)
		return -1;
	t->chunks[t->slots / CHUNK] = chunk;
	for (i = 0; i < CHUNK; i++) {
		chunk[i].slot = t->slots + i;
		chunk[i].generation = 1; /* so that no handle is 0 */
	}
	t->slots += CHUNK;
	COUNT(t->counts.slots, CHUNK);
	for (i = 0; i < CHUNK; i++)
		free_append(t, &chunk[i]);
	return 0;
}

static int half_open(const struct flow *f)
{
	return f->info.proto == ADIT_PROTO_TCP && f->state != FLOW_FREE && f->state != FLOW_CLOSED &&
	       !(f->flags & FLOW_ESTABLISHED);
}

static int over_limit(const struct flowtable *t, uint8_t proto)
{
	const struct flow_limits *l = &t->limits;

	if (t->counts.flows >= l->flows)
		return 1;
	return proto == ADIT_PROTO_TCP ? t->counts.half_open >= l->half_open : t->counts.datagram >= l->datagram;
}

struct flow *flowtable_add(struct flowtable *t, uint8_t proto, const adit_addr *src, const adit_addr *dst)
{
	struct flow *f;
	uint32_t slot, generation;

	if (over_limit(t, proto) || (t->free_first == NONE && more_slots(t)) ||
	    (t->counts.flows >= (t->mask + 1) / 2 && index_grow(t))) {
		COUNT(t->counts.refused, 1);
		return NULL;
	}
	f = at(t, t->free_first);
	t->free_first = f->newer;
	if (t->free_first == NONE)
		t->free_last = NONE;
	slot = f->slot;
	generation = f->generation;
	memset(f, 0, sizeof(*f));
	f->slot = slot;
	f->generation = generation;
	f->info.size = sizeof(f->info);
	f->info.proto = proto;
	f->info.src = *src;
	f->info.dst = *dst;
	f->older = f->newer = NONE;
	f->handler = f->outbound = FLOW_NOBODY;
	f->hash = hash_of(t, proto, src, dst);
	index_put(t->index, t->mask, f->hash, f->slot);
	f->state = FLOW_ASKED;
	COUNT(t->counts.flows, 1);
	if (proto == ADIT_PROTO_TCP)
		COUNT(t->counts.half_open, 1);
	else
		COUNT(t->counts.datagram, 1);
	return f;
}

/* The list that the flow is in, FLOW_LISTS: none. */
static enum flow_list list_of(const struct flow *f)
{
	if (f->state == FLOW_CLOSED)
		return FLOWS_CLOSED;
	if (!half_open(f) || f->state == FLOW_ASKED)
		return FLOW_LISTS;
	return f->state == FLOW_DIAL ? FLOWS_DIALLING : FLOWS_OFFERED;
}

static void list_append(struct flowtable *t, struct flow *f)
{
	enum flow_list list = list_of(f);

	if (list == FLOW_LISTS)
		return;
	f->newer = NONE;
	f->older = t->lists[list].last;
	if (f->older == NONE)
		t->lists[list].first = f->slot;
	else
		at(t, f->older)->newer = f->slot;
	t->lists[list].last = f->slot;
	if (list == FLOWS_CLOSED)
		COUNT(t->counts.closed, 1);
}

static void list_unlink(struct flowtable *t, struct flow *f)
{
	enum flow_list list = list_of(f);

	if (list == FLOW_LISTS)
		return;
	if (f->older == NONE)
		t->lists[list].first = f->newer;
	else
		at(t, f->older)->newer = f->newer;
	if (f->newer == NONE)
		t->lists[list].last = f->older;
	else
		at(t, f->newer)->older = f->older;
	if (list == FLOWS_CLOSED)
		COUNT(t->counts.closed, -1);
}

void flowtable_move(struct flowtable *t, struct flow *f, enum flow_state to)
{
	int was_half_open = half_open(f);

	if (!flow_may_move((enum flow_state)f->state, to))
		abort();
	list_unlink(t, f);
	f->state = (uint8_t)to;
	list_append(t, f);
	if (was_half_open && !half_open(f))
		COUNT(t->counts.half_open, -1);
}

void flowtable_established(struct flowtable *t, struct flow *f)
{
	list_unlink(t, f);
	if (half_open(f))
		COUNT(t->counts.half_open, -1);
	f->flags |= FLOW_ESTABLISHED;
	list_append(t, f);
}

void flowtable_remove(struct flowtable *t, struct flow *f)
{
	flowtable_move(t, f, FLOW_FREE);
	flow_set_name(f, NULL);
	index_remove(t, f->hash, f->slot);
	COUNT(t->counts.flows, -1);
	if (f->info.proto != ADIT_PROTO_TCP)
		COUNT(t->counts.datagram, -1);
	if (++f->generation == 0)
		f->generation = 1;
	free_append(t, f);
}

struct flow *flowtable_oldest(struct flowtable *t, enum flow_list list)
{
	return t->lists[list].first == NONE ? NULL : at(t, t->lists[list].first);
}

int flowtable_crowded(const struct flowtable *t)
{
	return t->counts.half_open >= t->limits.half_open && t->counts.flows < t->limits.flows;
}

uint32_t flowtable_walk(struct flowtable *t, uint32_t from, uint32_t n, void (*fn)(void *arg, struct flow *f), void *arg)
{
	uint32_t slot;

	for (slot = from; slot < t->slots && slot - from < n; slot++) {
		struct flow *f = at(t, slot);

		if (f->state != FLOW_FREE)
			fn(arg, f);
	}
	return slot < t->slots ? slot : 0;
}

void flowtable_count(const struct flowtable *t, struct flow_counts *out)
{
	const struct flow_counts *c = &t->counts;

	out->flows = __atomic_load_n(&c->flows, __ATOMIC_RELAXED);
	out->half_open = __atomic_load_n(&c->half_open, __ATOMIC_RELAXED);
	out->datagram = __atomic_load_n(&c->datagram, __ATOMIC_RELAXED);
	out->closed = __atomic_load_n(&c->closed, __ATOMIC_RELAXED);
	out->slots = __atomic_load_n(&c->slots, __ATOMIC_RELAXED);
	out->refused = __atomic_load_n(&c->refused, __ATOMIC_RELAXED);
	out->stale = __atomic_load_n(&c->stale, __ATOMIC_RELAXED);
}

const struct flow_limits *flowtable_limits(const struct flowtable *t)
{
	return &t->limits;
}

void flowtable_retune(struct flowtable *t, uint32_t half_open, uint32_t datagram)
{
	t->limits.half_open = half_open;
	t->limits.datagram = datagram;
}
