/* SPDX-License-Identifier: MIT
 * tests/unit/test_flowtable.c - the flow table against a list that is too simple to be wrong
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/flowtable.h"

static uint32_t seed = 0x1234567;

static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static void endpoints(uint32_t n, uint8_t *proto, adit_addr *src, adit_addr *dst)
{
	memset(src, 0, sizeof(*src));
	memset(dst, 0, sizeof(*dst));
	*proto = n % 3 == 0 ? ADIT_PROTO_UDP : n % 17 == 1 ? ADIT_PROTO_ICMP : ADIT_PROTO_TCP;
	src->family = dst->family = n & 1 ? 4 : 6;
	src->ip[0] = dst->ip[0] = 10;
	src->ip[3] = (uint8_t)(n >> 8);
	dst->ip[src->family == 4 ? 3 : 15] = (uint8_t)n;
	src->port = (uint16_t)(n >> 4);
	dst->port = 443;
}

/* ---- the model ---- */

enum { MODEL = 3000 };

static struct {
	struct flow *f;
	adit_flow handle;
	int established;
} model[MODEL];

static struct flow_limits limits = {1500, 300, 400, 100};
static struct flow_counts want;
static uint32_t order[MODEL], ordered; /* CLOSED ones, oldest first */

static void forget_order(uint32_t n)
{
	uint32_t i;

	for (i = 0; i < ordered && order[i] != n; i++)
		;
	if (i < ordered)
		memmove(&order[i], &order[i + 1], (--ordered - i) * sizeof(order[0]));
}

static int is_half_open(uint32_t n)
{
	const struct flow *f = model[n].f;

	return f->info.proto == ADIT_PROTO_TCP && f->state != FLOW_CLOSED && !model[n].established;
}

static void model_add(struct flowtable *t, uint32_t n)
{
	uint8_t proto;
	adit_addr src, dst;
	struct flow *f;
	int full;

	endpoints(n, &proto, &src, &dst);
	full = want.flows == limits.flows || (proto == ADIT_PROTO_TCP ? want.half_open == limits.half_open
	                                                               : want.datagram == limits.datagram);
	f = flowtable_add(t, proto, &src, &dst);
	assert_int_equal(f == NULL, full);
	if (!f) {
		want.refused++;
		return;
	}
	assert_int_equal(f->state, FLOW_ASKED);
	assert_true(f->handler == FLOW_NOBODY && f->outbound == FLOW_NOBODY && !f->owner && !f->parked && !f->flags);
	model[n].f = f;
	model[n].handle = flow_handle(f);
	model[n].established = 0;
	want.flows++;
	if (proto == ADIT_PROTO_TCP)
		want.half_open++;
	else
		want.datagram++;
}

static void model_remove(struct flowtable *t, uint32_t n)
{
	want.half_open -= (uint32_t)is_half_open(n);
	want.datagram -= model[n].f->info.proto != ADIT_PROTO_TCP;
	want.closed -= model[n].f->state == FLOW_CLOSED;
	want.flows--;
	forget_order(n);
	flowtable_remove(t, model[n].f);
	model[n].f = NULL;
	assert_null(flowtable_get(t, model[n].handle));
	want.stale++;
}

static void model_move(struct flowtable *t, uint32_t n)
{
	static const enum flow_state to[] = {FLOW_DIAL, FLOW_OPEN, FLOW_CLOSED};
	enum flow_state next = to[rnd(3)];

	if (!flow_may_move((enum flow_state)model[n].f->state, next))
		return;
	if (next == FLOW_CLOSED) {
		want.half_open -= (uint32_t)is_half_open(n);
		want.closed++;
		order[ordered++] = n;
	}
	flowtable_move(t, model[n].f, next);
	if (next == FLOW_OPEN && rnd(2)) {
		want.half_open -= (uint32_t)is_half_open(n);
		model[n].established = 1;
		flowtable_established(t, model[n].f);
		flowtable_established(t, model[n].f); /* once more changes nothing */
	}
}

static void compare(struct flowtable *t)
{
	struct flow_counts is;
	struct flow *oldest = flowtable_oldest(t, FLOWS_CLOSED);
	uint32_t n;

	memset(&is, 0, sizeof(is)); /* padding too */
	flowtable_count(t, &is);
	want.slots = is.slots;
	assert_memory_equal(&is, &want, sizeof(is));
	assert_ptr_equal(oldest, ordered ? model[order[0]].f : NULL);
	for (n = 0; n < MODEL; n++) {
		uint8_t proto;
		adit_addr src, dst;

		endpoints(n, &proto, &src, &dst);
		assert_ptr_equal(flowtable_find(t, proto, &src, &dst), model[n].f);
		if (model[n].f)
			assert_ptr_equal(flowtable_get(t, model[n].handle), model[n].f);
	}
}

static void the_table_does_what_a_list_does(void **state)
{
	struct flowtable *t;
	uint32_t i;

	assert_int_equal(flowtable_new(&t, &limits), 0);
	for (i = 0; i < 200000; i++) {
		uint32_t n = rnd(MODEL), what = rnd(10);

		/* It fills, drains and fills again. */
		if (!model[n].f && what < (i / 20000 % 2 ? 3u : 9u))
			model_add(t, n);
		else if (model[n].f && what < 3)
			model_remove(t, n);
		else if (model[n].f)
			model_move(t, n);
		if (i % 4000 == 0)
			compare(t);
	}
	compare(t);
	assert_true(want.refused > 100 && want.flows > 0);
	for (i = 0; i < MODEL; i++)
		if (model[i].f)
			model_remove(t, i);
	compare(t);
	flowtable_free(t);
}

/* ---- single facts ---- */

static struct flow *add(struct flowtable *t, uint32_t n)
{
	uint8_t proto;
	adit_addr src, dst;

	endpoints(n, &proto, &src, &dst);
	src.ip[1] = (uint8_t)(n >> 16);
	return flowtable_add(t, proto, &src, &dst);
}

static void handles_are_never_0_and_stale_ones_are_refused(void **state)
{
	struct flow_limits one = {1, 1, 1, 1};
	struct flowtable *t;
	adit_flow handle, last = 0;
	struct flow_counts c;
	int i;

	assert_int_equal(flowtable_new(&t, &one), 0);
	assert_null(flowtable_get(t, 0));
	for (i = 0; i < 1000; i++) {
		struct flow *f = add(t, 1);

		assert_non_null(f);
		handle = flow_handle(f);
		assert_true(handle != 0 && handle != last);
		if (last)
			assert_null(flowtable_get(t, last));
		assert_null(add(t, 2));
		flowtable_remove(t, f);
		last = handle;
	}
	flowtable_count(t, &c);
	assert_int_equal(c.refused, 1000);
	assert_int_equal(c.stale, 1000);
	assert_null(flowtable_get(t, ~0ull));
	flowtable_free(t);
}

static void a_generation_wraps_past_0(void **state)
{
	struct flow_limits one = {1, 1, 1, 1};
	struct flowtable *t;
	struct flow *f, *first;
	int i;

	assert_int_equal(flowtable_new(&t, &one), 0);
	first = add(t, 1);
	first->generation = UINT32_MAX;
	flowtable_remove(t, first);
	for (i = 0; i < 300; i++) { /* once round all slots of the chunk */
		f = add(t, 1);
		assert_true(f->generation != 0);
		flowtable_remove(t, f);
	}
	flowtable_free(t);
}

static void slots_stay_below_what_modules_are_told(void **state)
{
	struct flow_limits odd = {300, 300, 300, 1};
	struct flowtable *t;
	struct flow *v[300];
	struct flow_counts c;
	uint32_t i;

	assert_int_equal(flowtable_new(&t, &odd), 0);
	for (i = 0; i < 300; i++) {
		v[i] = add(t, i * 16);
		assert_non_null(v[i]);
		assert_in_range(v[i]->slot, 0, 300 + 256 - 1);
	}
	assert_null(add(t, 999999));
	flowtable_count(t, &c);
	assert_int_equal(c.slots, 512);
	for (i = 0; i < 300; i++)
		flowtable_remove(t, v[i]);
	flowtable_free(t);
}

static void a_table_of_none_refuses(void **state)
{
	struct flow_limits none = {0, 0, 0, 0};
	struct flowtable *t;

	assert_int_equal(flowtable_new(&t, &none), 0);
	assert_null(add(t, 1));
	flowtable_free(t);
	flowtable_free(NULL);
}

static void count_it(void *arg, struct flow *f)
{
	(*(uint32_t *)arg)++;
}

static struct flowtable *walked;

static void remove_it(void *arg, struct flow *f)
{
	(*(uint32_t *)arg)++;
	flowtable_remove(walked, f);
}

static void a_walk_in_pieces_sees_every_flow_once(void **state)
{
	struct flow_limits many = {20000, 20000, 20000, 1};
	uint32_t i, at = 0, rounds = 0, seen = 0;

	assert_int_equal(flowtable_new(&walked, &many), 0);
	for (i = 0; i < 10000; i++)
		assert_non_null(add(walked, i * 16)); /* the index grows four times on the way */
	do {
		at = flowtable_walk(walked, at, 777, count_it, &seen);
		rounds++;
	} while (at);
	assert_int_equal(seen, 10000);
	assert_int_equal(rounds, (10240 + 776) / 777);
	seen = 0;
	assert_int_equal(flowtable_walk(walked, 0, UINT32_MAX, remove_it, &seen), 0);
	assert_int_equal(seen, 10000);
	assert_int_equal(flowtable_walk(walked, 5000000, 1, remove_it, &seen), 0);
	flowtable_free(walked);
}

static void every_forbidden_move_is_forbidden(void **state)
{
	static const char allowed[FLOW_STATES][FLOW_STATES] = {
		[FLOW_FREE] = {[FLOW_ASKED] = 1},
		[FLOW_ASKED] = {[FLOW_DIAL] = 1, [FLOW_OPEN] = 1, [FLOW_CLOSED] = 1, [FLOW_FREE] = 1},
		[FLOW_DIAL] = {[FLOW_OPEN] = 1, [FLOW_CLOSED] = 1, [FLOW_FREE] = 1},
		[FLOW_OPEN] = {[FLOW_CLOSED] = 1, [FLOW_FREE] = 1},
		[FLOW_CLOSED] = {[FLOW_FREE] = 1},
	};
	int from, to;

	for (from = 0; from < FLOW_STATES; from++) {
		assert_non_null(flow_state_name((enum flow_state)from));
		for (to = 0; to < FLOW_STATES; to++)
			assert_int_equal(flow_may_move((enum flow_state)from, (enum flow_state)to), allowed[from][to]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_does_what_a_list_does),
		cmocka_unit_test(handles_are_never_0_and_stale_ones_are_refused),
		cmocka_unit_test(a_generation_wraps_past_0),
		cmocka_unit_test(slots_stay_below_what_modules_are_told),
		cmocka_unit_test(a_table_of_none_refuses),
		cmocka_unit_test(a_walk_in_pieces_sees_every_flow_once),
		cmocka_unit_test(every_forbidden_move_is_forbidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
