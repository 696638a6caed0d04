/* SPDX-License-Identifier: MIT
 * tests/unit/test_sdk_outbound.c - outbound-direct by its table
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sdk_host.h"

static struct host *begin(void)
{
	struct host *h = host_new("outbound-direct");

	assert_int_equal(host_begin(h, NULL), 0);
	return h;
}

static const adit_outbound_1 *table(const struct host *h)
{
	return h->table;
}

static adit_reach request(uint32_t slot, uint32_t generation, uint8_t proto)
{
	adit_reach req = {
		.size = sizeof(req),
		.proto = proto,
		.flow = host_handle(slot, generation),
		.dst = {.ip = {192, 0, 2, 1}, .port = 80, .family = 4},
		.deadline_ns = 5,
	};

	return req;
}

static void reach(struct host *h, uint32_t slot, uint32_t generation, uint8_t proto)
{
	adit_reach req = request(slot, generation, proto);

	table(h)->reach(h->inst, &req, 1);
}

static void submit(struct host *h, uint32_t slot, uint32_t generation, uint16_t type)
{
	adit_op op = {.type = type, .flow = host_handle(slot, generation)};

	table(h)->submit(h->inst, &op, 1);
}

/* The dialer says how attempt n went. */
static void answer(struct host *h, uint32_t n, adit_result result, intptr_t sock)
{
	adit_dialed done = h->dials[n].done;

	assert_non_null(done);
	h->dials[n].done = NULL;
	done(h->dials[n].arg, result, sock);
}

static void check_event(const struct host *h, uint32_t n, uint16_t type, uint32_t slot,
                        uint32_t generation, adit_result code)
{
	assert_true(n < h->emitted);
	assert_int_equal(h->events[n].type, type);
	assert_true(h->events[n].flow == host_handle(slot, generation));
	assert_int_equal(h->events[n].code, code);
}

static void end(struct host *h)
{
	host_end(h);
	host_free(h);
}

static void a_connected_socket_goes_to_the_host(void **state)
{
	struct host *h = begin();

	reach(h, 2, 9, ADIT_PROTO_TCP);
	assert_int_equal(h->emitted, 0);
	assert_int_equal(h->dials[0].dst.port, 80);
	answer(h, 0, 0, 41);
	assert_int_equal(h->emitted, 1);
	check_event(h, 0, ADIT_EV_SOCKET, 2, 9, 0);
	assert_int_equal(h->events[0].u.num, 41);
	submit(h, 2, 9, ADIT_OP_CLOSE); /* the host's affair by now */
	assert_int_equal(h->emitted, 1);
	assert_int_equal(h->cancelled, 0);
	end(h);
}

static void a_failed_connect_is_the_end_with_its_reason(void **state)
{
	struct host *h = begin();

	reach(h, 2, 9, ADIT_PROTO_TCP);
	answer(h, 0, ADIT_EREFUSED, -1);
	assert_int_equal(h->emitted, 1);
	check_event(h, 0, ADIT_EV_CLOSED, 2, 9, ADIT_EREFUSED);
	end(h);
}

static void an_attempt_that_cannot_begin_is_the_end_too(void **state)
{
	struct host *h = begin();

	h->dial_result = ADIT_ELIMIT;
	reach(h, 2, 9, ADIT_PROTO_TCP);
	reach(h, 3, 1, ADIT_PROTO_UDP);
	assert_int_equal(h->emitted, 2);
	check_event(h, 0, ADIT_EV_CLOSED, 2, 9, ADIT_ELIMIT);
	check_event(h, 1, ADIT_EV_CLOSED, 3, 1, ADIT_ELIMIT);
	end(h);
}

static void datagrams_and_echo_are_carried_by_the_host(void **state)
{
	struct host *h = begin();

	reach(h, 0, 1, ADIT_PROTO_UDP);
	reach(h, 1, 1, ADIT_PROTO_ICMP);
	reach(h, 2, 1, ADIT_PROTO_ICMPV6);
	assert_int_equal(h->carried, 3);
	assert_int_equal(h->dialed, 0);
	assert_int_equal(h->emitted, 0);
	end(h);
}

static void close_and_abort_cancel_an_attempt(void **state)
{
	struct host *h = begin();

	reach(h, 0, 1, ADIT_PROTO_TCP);
	reach(h, 1, 1, ADIT_PROTO_TCP);
	submit(h, 0, 1, ADIT_OP_CLOSE);
	submit(h, 1, 1, ADIT_OP_ABORT);
	assert_int_equal(h->cancelled, 2);
	assert_int_equal(h->emitted, 2);
	check_event(h, 0, ADIT_EV_CLOSED, 0, 1, ADIT_ECANCEL);
	check_event(h, 1, ADIT_EV_CLOSED, 1, 1, ADIT_ECANCEL);
	submit(h, 0, 1, ADIT_OP_CLOSE); /* a second time: nothing is left to end */
	assert_int_equal(h->cancelled, 2);
	assert_int_equal(h->emitted, 2);
	end(h);
}

static void stale_operations_hit_nobody_else(void **state)
{
	struct host *h = begin();
	adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = host_handle(0, 1)};

	reach(h, 0, 2, ADIT_PROTO_TCP);
	submit(h, 0, 1, ADIT_OP_CLOSE);             /* the slot's former flow */
	submit(h, HOST_FLOWS, 1, ADIT_OP_CLOSE);    /* no slot of this shard */
	submit(h, UINT32_MAX, 2, ADIT_OP_ABORT);
	submit(h, 0, 2, 999);                       /* unknown */
	assert_int_equal(h->cancelled, 0);
	op.u.buf = host_buf(h, "lost", 4, 2);
	table(h)->submit(h->inst, &op, 1);
	op.type = 998;
	op.u.buf = host_buf(h, "lost", 4, 1);
	table(h)->submit(h->inst, &op, 1);
	assert_int_equal(h->buffers, 0);
	assert_int_equal(h->emitted, 0);
	end(h);
}

static void a_slot_used_again_cancels_what_was_forgotten(void **state)
{
	struct host *h = begin();

	reach(h, 0, 1, ADIT_PROTO_TCP);
	reach(h, 0, 2, ADIT_PROTO_TCP);
	assert_int_equal(h->cancelled, 1);
	check_event(h, 0, ADIT_EV_CLOSED, 0, 1, ADIT_ECANCEL);
	answer(h, 1, 0, 5);
	check_event(h, 1, ADIT_EV_SOCKET, 0, 2, 0);
	end(h);
}

static void requests_that_cannot_be_are_refused(void **state)
{
	struct host *h = begin();
	adit_reach req[2];

	req[0] = request(HOST_FLOWS, 1, ADIT_PROTO_TCP);
	req[1] = request(1, 1, ADIT_PROTO_TCP);
	req[1].dst.family = 0;
	req[1].name = "name.example";
	table(h)->reach(h->inst, req, 2);
	assert_int_equal(h->dialed, 0);
	check_event(h, 0, ADIT_EV_CLOSED, HOST_FLOWS, 1, ADIT_EINVAL);
	check_event(h, 1, ADIT_EV_CLOSED, 1, 1, ADIT_ENOSYS);
	end(h);
}

static void stop_cancels_all(void **state)
{
	struct host *h = begin();
	uint32_t slot;

	for (slot = 0; slot < HOST_FLOWS; slot++)
		reach(h, slot, 1, ADIT_PROTO_TCP);
	answer(h, 3, ADIT_ETIME, -1);
	host_end(h);
	assert_int_equal(h->cancelled, HOST_FLOWS - 1);
	assert_int_equal(h->emitted, HOST_FLOWS);
	host_free(h);
}

static void create_needs_a_dialer_and_memory(void **state)
{
	struct host *h = host_new("outbound-direct");

	assert_int_equal(host_torture(h, NULL), 2);
	h->no_dial = true;
	assert_int_equal(host_begin(h, NULL), ADIT_ENOSYS);
	assert_non_null(strstr(h->why, "adit.dial/1"));
	end(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connected_socket_goes_to_the_host),
		cmocka_unit_test(a_failed_connect_is_the_end_with_its_reason),
		cmocka_unit_test(an_attempt_that_cannot_begin_is_the_end_too),
		cmocka_unit_test(datagrams_and_echo_are_carried_by_the_host),
		cmocka_unit_test(close_and_abort_cancel_an_attempt),
		cmocka_unit_test(stale_operations_hit_nobody_else),
		cmocka_unit_test(a_slot_used_again_cancels_what_was_forgotten),
		cmocka_unit_test(requests_that_cannot_be_are_refused),
		cmocka_unit_test(stop_cancels_all),
		cmocka_unit_test(create_needs_a_dialer_and_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
