/* SPDX-License-Identifier: MIT
 * tests/unit/test_tap.c - what taps copy: the device, one stack, one flow and its words; and rings that lose what is too much
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "flow/tap.h"
#include "tests/unit/kit_packets.h"

static struct kit *k;
static struct tap tap;
static unsigned woken;

static void on_wake(void *arg)
{
	woken++;
}

static int set_up(void **state)
{
	k = kit_new(NULL);
	memset(&tap, 0, sizeof(tap));
	tap.snap = 65536;
	tap.wake = on_wake;
	tap.told = calloc(1, 4096);
	woken = 0;
	return ring_new(&tap.ring, 65536);
}

static int tear_down(void **state)
{
	k->s.taps = NULL;
	kit_free(k);
	ring_free(tap.ring);
	free(tap.told);
	return 0;
}

static struct tap_record *next(void)
{
	static struct tap_record *before;
	size_t size;

	if (before)
		ring_pop(tap.ring);
	before = ring_front(tap.ring, &size);
	return before;
}

/* Skips to the next of this sort. */
static struct tap_record *next_of(enum tap_what what)
{
	struct tap_record *r;

	do
		r = next();
	while (r && r->what != what);
	return r;
}

static void drain(void)
{
	while (next())
		;
}

static adit_flow open_one(uint16_t port)
{
	adit_op accept = {.type = ADIT_OP_ACCEPT, .u.num = 7};

	send_segment(k, 4, port, SYN, 0);
	accept.flow = asked(k, 0, kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_OPEN) - 1);
	kit_submit(k, 0, &accept, 1);
	return accept.flow;
}

static void the_device_tap_sees_what_comes_and_what_goes(void **state)
{
	struct tap_record *r;

	tap.kind = TAP_DEVICE;
	tap_add(&k->s, &tap);
	send_segment(k, 4, 1000, ACK, 5); /* is answered with a reset */
	r = next();
	assert_non_null(r);
	assert_int_equal(r->what, TAP_UP);
	assert_int_equal(r->len, 45);
	assert_int_equal(r->kept, 45);
	assert_int_equal(((uint8_t *)(r + 1))[0], 0x45);
	assert_int_equal(r->type, ACK);
	r = next();
	assert_non_null(r);
	assert_int_equal(r->what, TAP_DOWN);
	assert_int_equal(r->type & RST, RST);
	assert_null(next());
	tap_remove(&k->s, &tap);
	assert_null(k->s.taps);
	send_segment(k, 4, 1000, ACK, 5);
	assert_null(next());
}

static void no_more_is_kept_than_is_wanted(void **state)
{
	struct tap_record *r;

	tap.kind = TAP_DEVICE;
	tap.snap = 20;
	tap_add(&k->s, &tap);
	send_segment(k, 6, 1000, SYN, 100);
	r = next();
	assert_int_equal(r->len, 160);
	assert_int_equal(r->kept, 20);
	drain();
}

static void a_flow_is_named_once_and_its_end_is_told(void **state)
{
	adit_flow flow;
	adit_event closed = {.type = ADIT_EV_CLOSED, .code = ADIT_ERESET};
	struct tap_record *r;

	tap.kind = TAP_DEVICE;
	tap_add(&k->s, &tap);
	flow = open_one(1000);
	send_segment(k, 4, 1000, ACK, 1);
	send_segment(k, 4, 1000, ACK, 1);
	assert_false(next()->named); /* the SYN: nobody has decided yet */
	r = next_of(TAP_UP);
	assert_true(r->named);
	assert_true(r->flow == flow);
	assert_string_equal(r->handler, kit_part(k, PART_HANDLER, 0)->name);
	assert_false(next_of(TAP_UP)->named);
	closed.flow = flow;
	kit_emit(k, PART_STACK, 0, &closed, 1);
	r = next_of(TAP_END);
	assert_non_null(r);
	assert_true(r->flow == flow);
	assert_int_equal(r->code, ADIT_ERESET);
	drain();
}

static void a_flow_tap_sees_its_flow_alone_and_what_is_said_about_it(void **state)
{
	adit_flow flow = open_one(1000);
	adit_op fin = {.type = ADIT_OP_FIN, .flow = flow};
	struct tap_record *r;

	open_one(1001);
	tap.kind = TAP_FLOW;
	tap.words = 1;
	tap.flow = flow;
	tap.info = flowtable_get(k->s.flows, flow)->info;
	tap_add(&k->s, &tap);
	send_segment(k, 4, 1001, ACK, 1);
	assert_null(next());
	send_segment(k, 4, 1000, ACK, 1);
	assert_int_equal(next()->what, TAP_UP);
	assert_null(next());
	kit_submit(k, 0, &fin, 1);
	r = next_of(TAP_OP);
	assert_int_equal(r->type, ADIT_OP_FIN);
	assert_int_equal(r->part_kind, PART_HANDLER);
	assert_false(r->to);
	r = next_of(TAP_OP);
	assert_int_equal(r->part_kind, PART_STACK);
	assert_true(r->to);
	drain();
}

static void a_stack_tap_sees_its_flows_alone(void **state)
{
	tap.kind = TAP_STACK;
	strcpy(tap.stack, kit_part(k, PART_STACK, 0)->name);
	tap_add(&k->s, &tap);
	send_segment(k, 4, 1000, SYN, 0);
	assert_non_null(next());
	drain();
	strcpy(tap.stack, "another");
	send_segment(k, 4, 1001, SYN, 0);
	assert_null(next());
}

static void a_full_ring_loses_and_counts(void **state)
{
	unsigned i, kept = 0;

	tap.kind = TAP_DEVICE;
	tap_add(&k->s, &tap);
	for (i = 0; i < 1000; i++)
		send_segment(k, 4, (uint16_t)(1000 + i), FIN | RST, 0);
	assert_true(ring_lost(tap.ring) > 0);
	assert_int_equal(woken, 1);
	while (next_of(TAP_UP))
		kept++;
	assert_int_equal(kept + ring_lost(tap.ring), 1000);
}

/* ---- the ring between two threads ---- */

enum { RECORDS = 300000 };

static void *write_all(void *arg)
{
	struct ring *r = arg;
	uint64_t i;

	for (i = 0; i < RECORDS;) {
		size_t size = 8 + i * 37 % 900;
		uint64_t *record = ring_reserve(r, size);

		if (!record)
			continue;
		memset(record, (int)(i % 251), size);
		record[0] = i++;
		ring_commit(r);
	}
	return NULL;
}

static void records_come_whole_and_in_order(void **state)
{
	struct ring *r;
	pthread_t writer;
	uint64_t i;

	assert_int_equal(ring_new(&r, 1000), ADIT_EINVAL);
	assert_int_equal(ring_new(&r, 8192), ADIT_OK);
	assert_null(ring_reserve(r, 4096)); /* more than a part of it */
	assert_int_equal(pthread_create(&writer, NULL, write_all, r), 0);
	for (i = 0; i < RECORDS;) {
		size_t size, k2;
		const uint8_t *bytes = ring_front(r, &size);

		if (!bytes)
			continue;
		assert_int_equal(size, 8 + i * 37 % 900);
		assert_int_equal(*(const uint64_t *)(const void *)bytes, i);
		for (k2 = 8; k2 < size; k2++)
			if (bytes[k2] != i % 251)
				fail_msg("record %llu is torn", (unsigned long long)i);
		ring_pop(r);
		i++;
	}
	pthread_join(writer, NULL);
	ring_free(r);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(the_device_tap_sees_what_comes_and_what_goes),
		CASE(no_more_is_kept_than_is_wanted),
		CASE(a_flow_is_named_once_and_its_end_is_told),
		CASE(a_flow_tap_sees_its_flow_alone_and_what_is_said_about_it),
		CASE(a_stack_tap_sees_its_flows_alone),
		CASE(a_full_ring_loses_and_counts),
		cmocka_unit_test(records_come_whole_and_in_order),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
