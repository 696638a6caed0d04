/* SPDX-License-Identifier: MIT
 * stack-system/slots.c - the flows of this instance, and those that wait for their socket
 *
 * The table is as large as the host's, so it is never full on its own account. Unused slots are
 * never touched: their pages stay unused.
 */
#include <sys/random.h>
#include <sys/socket.h>

#include "stack.h"

adit_result slots_init(struct stack *st, uint32_t count)
{
	uint32_t buckets = 64;

	while (buckets < count / 2 && buckets < 65536)
		buckets *= 2;
	st->slots = st->host->alloc(st->host, (size_t)count * sizeof(*st->slots), 0);
	st->waiting = st->host->alloc(st->host, (size_t)buckets * sizeof(*st->waiting), 0);
	if (!st->slots || !st->waiting)
		return ADIT_ENOMEM;
	if (getrandom(&st->key, sizeof(st->key), 0) != sizeof(st->key))
		return ADIT_EIO;
	st->slot_count = count;
	st->waiting_mask = buckets - 1;
	return ADIT_OK;
}

void slots_fini(struct stack *st)
{
	if (!st->host)
		return;
	st->host->release(st->host, st->slots);
	st->host->release(st->host, st->waiting);
	st->slots = NULL;
	st->waiting = NULL;
	st->slot_count = 0;
}

struct slot *slot_find(struct stack *st, adit_flow flow)
{
	uint32_t i = ADIT_FLOW_SLOT(flow);
	struct slot *s;

	if (flow == 0 || i >= st->slot_count)
		return NULL;
	s = &st->slots[i];
	return s->state != SLOT_FREE && s->flow == flow ? s : NULL;
}

static int has_aliases(const struct stack *st)
{
	return st->form != FORM_TRANSPARENT;
}

static uint32_t bucket(const struct stack *st, const adit_addr *src, const adit_addr *dst)
{
	return (uint32_t)hash_endpoints(&st->key, src, dst) & st->waiting_mask;
}

/* No flow with the same endpoints can wait already: the host has one flow per 5-tuple. */
static void wait_add(struct stack *st, struct slot *s)
{
	s->bucket = bucket(st, &s->info->src, &s->info->dst);
	s->next = st->waiting[s->bucket];
	st->waiting[s->bucket] = (uint32_t)(s - st->slots) + 1;
}

static void wait_remove(struct stack *st, struct slot *s)
{
	uint32_t *link = &st->waiting[s->bucket], number = (uint32_t)(s - st->slots) + 1;

	while (*link && *link != number)
		link = &st->slots[*link - 1].next;
	if (*link)
		*link = s->next;
	s->next = 0;
}

static uint32_t seconds(const struct stack *st)
{
	/* From 1, because 0 says "never". */
	return (uint32_t)(st->loops->now(st->loop) / 1000000000u) + 1;
}

static adit_result take_alias(struct stack *st, struct slot *s)
{
	const struct alias_space *space = &st->aliases[s->info->src.family == 6];
	adit_result result;

	if (st->listeners[s->info->src.family == 6].addr.family == 0)
		return ADIT_ENOSYS;
	result = alias_next(space, s->freed, seconds(st), &s->generation);
	if (result == ADIT_OK)
		result = alias_make(space, (uint32_t)(s - st->slots),
		                    s->generation % space->generations, &s->alias);
	return result;
}

adit_result slot_open(struct stack *st, adit_flow flow, int wants_socket)
{
	uint32_t i = ADIT_FLOW_SLOT(flow);
	const adit_flow_info *info = st->path->info(st->path->end, flow);
	struct slot *s;
	adit_result result;

	if (!info || i >= st->slot_count)
		return ADIT_ESTALE;
	s = &st->slots[i];
	if (s->state != SLOT_FREE)
		slot_release(st, s);
	s->flow = flow;
	s->info = info;
	s->proto = info->proto;
	s->wants_socket = wants_socket != 0;
	if (s->proto != ADIT_PROTO_TCP) {
		s->state = SLOT_OPEN;
		return ADIT_OK;
	}
	if (has_aliases(st)) {
		result = take_alias(st, s);
		if (result != ADIT_OK) {
			s->state = SLOT_FREE;
			return result;
		}
	} else {
		wait_add(st, s);
	}
	s->state = SLOT_PENDING;
	st->pending++;
	return ADIT_OK;
}

void slot_release(struct stack *st, struct slot *s)
{
	if (s->stream)
		stream_abort(s->stream, 0);
	if (s->state == SLOT_PENDING) {
		st->pending--;
		if (!has_aliases(st))
			wait_remove(st, s);
	}
	if (s->alias.family)
		s->freed = seconds(st);
	s->alias.family = 0;
	s->state = SLOT_FREE;
	s->flow = 0;
	s->info = NULL;
}

static int same(const adit_addr *a, const adit_addr *b)
{
	return a->port == b->port && a->family == b->family &&
	       memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

static struct slot *find_waiting(struct stack *st, const adit_addr *src, const adit_addr *dst)
{
	uint32_t number = st->waiting[bucket(st, src, dst)];
	struct slot *s;

	for (; number; number = s->next) {
		s = &st->slots[number - 1];
		if (same(&s->info->src, src) && same(&s->info->dst, dst))
			return s;
	}
	return NULL;
}

static struct slot *find_alias(struct stack *st, const adit_addr *alias)
{
	uint32_t slot, generation;
	struct slot *s;

	if (alias_find(&st->aliases[alias->family == 6], alias, &slot, &generation) != ADIT_OK ||
	    slot >= st->slot_count)
		return NULL;
	s = &st->slots[slot];
	return s->state != SLOT_FREE && s->alias.family && same(&s->alias, alias) ? s : NULL;
}

struct slot *slot_accept(struct stack *st, const adit_addr *src, const adit_addr *dst)
{
	struct slot *s = has_aliases(st) ? find_alias(st, src) : find_waiting(st, src, dst);

	if (!s || s->state != SLOT_PENDING)
		return NULL;
	if (!has_aliases(st))
		wait_remove(st, s);
	st->pending--;
	s->state = SLOT_OPEN;
	return s;
}

struct slot *slot_of_alias(struct stack *st, const adit_addr *alias)
{
	return find_alias(st, alias);
}
