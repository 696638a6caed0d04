/* SPDX-License-Identifier: MIT
 * tests/unit/test_flow_memory.c - limits.flow_memory: what of one flow may wait at its handler
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/kit_packets.h"

static struct kit *k;

static int set_up(void **state)
{
	k = kit_new(NULL);
	k->s.flow_memory = 1000;
	k->answer[0] = (adit_op){.type = ADIT_OP_ACCEPT};
	return 0;
}

static int tear_down(void **state)
{
	kit_free(k);
	return 0;
}

static unsigned heard(unsigned type)
{
	return kit_number(k, PART_HANDLER, 0, KIT_EVENT, type);
}

static void give(adit_flow flow, uint16_t type, uint32_t size)
{
	static const uint8_t bytes[2000];
	adit_event ev = {.type = type, .flags = ADIT_EVF_BUF, .flow = flow, .u.buf = kit_buf(k, bytes, size)};

	kit_emit(k, PART_STACK, 0, &ev, 1);
}

/* What is not consumed counts; a stack that goes on all the same is stopped. */
static void a_stream_waits_up_to_its_limit(void **state)
{
	adit_op consume = {.type = ADIT_OP_CONSUME, .u.num = 600};
	adit_flow flow;

	send_segment(k, 4, 1000, SYN, 0);
	flow = consume.flow = asked(k, 0, 0);
	give(flow, ADIT_EV_DATA, 600);
	kit_submit(k, 0, &consume, 1);
	give(flow, ADIT_EV_DATA, 1000);
	assert_int_equal(heard(ADIT_EV_DATA), 2);
	assert_int_equal(kit_counter(k, COUNT_misuse), 0);
	give(flow, ADIT_EV_DATA, 1);
	assert_int_equal(heard(ADIT_EV_DATA), 2);
	assert_int_equal(kit_counter(k, COUNT_misuse), 1);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->code, ADIT_ELIMIT);
}

static void datagrams_wait_up_to_the_limit_and_are_dropped_beyond(void **state)
{
	static const uint8_t bytes[300];
	adit_event dgrams[5];
	adit_flow flow;
	unsigned i, round;

	send_datagram(k, 4, 1000, 1);
	flow = asked(k, 0, 0);
	for (round = 1; round <= 2; round++) { /* each batch anew */
		for (i = 0; i < 5; i++)
			dgrams[i] = (adit_event){.type = ADIT_EV_DGRAM, .flags = ADIT_EVF_BUF, .flow = flow,
			                         .u.buf = kit_buf(k, bytes, sizeof(bytes))};
		kit_emit(k, PART_STACK, 0, dgrams, 5);
		assert_int_equal(heard(ADIT_EV_DGRAM), 3 * round);
		assert_int_equal(kit_counter(k, COUNT_datagrams_dropped), 2 * round);
	}
	give(flow, ADIT_EV_DGRAM, 1200); /* larger than the limit, but alone */
	assert_int_equal(heard(ADIT_EV_DGRAM), 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_stream_waits_up_to_its_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(datagrams_wait_up_to_the_limit_and_are_dropped_beyond, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
