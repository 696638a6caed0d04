/* SPDX-License-Identifier: MIT
 * tests/unit/test_sdk_handlers.c - the direct handler and the examples, by their tables
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <adit/callbacks.h>
#include <cmocka.h> /* last: it defines fail() */

#include "sdk_host.h"

#define OBJECT(list) {.items = (list), .count = sizeof(list) / sizeof((list)[0])}
#define LIST(name, list) {.key = (name), .items = (list), .count = sizeof(list) / sizeof((list)[0])}

/* ---- direct ---- */

static void direct_forwards_to_the_named_outbound(void **state)
{
	static const adit_cfg items[] = {{.key = "outbound", .text = "plain"},
	                                 {.key = "connect_first", .integer = 0}};
	static const adit_cfg cfg = OBJECT(items);
	struct host *h = host_new("handler-direct");
	struct host_flow *f;

	assert_int_equal(host_begin(h, &cfg), 0);
	f = host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 80);
	assert_int_equal(f->verdicts, 1);
	assert_int_equal(f->verdict.type, ADIT_OP_FORWARD);
	assert_int_equal(f->verdict.code, 3);
	assert_int_equal(f->verdict.flags, 0);
	host_closed(h, 0, 0);
	host_end(h);
	host_free(h);
}

static void direct_defaults_to_connect_first(void **state)
{
	static const adit_cfg cfg;
	struct host *h = host_new("handler-direct");
	struct host_flow *f;

	assert_int_equal(host_begin(h, &cfg), 0);
	f = host_open(h, 1, ADIT_PROTO_UDP, "2001:db8::1", 53);
	assert_int_equal(f->verdict.type, ADIT_OP_FORWARD);
	assert_int_equal(f->verdict.code, 0);
	assert_int_equal(f->verdict.flags, ADIT_OPF_CONNECT_FIRST);
	host_end(h);
	host_free(h);
}

static void direct_refuses_an_unknown_outbound_with_a_reason(void **state)
{
	static const adit_cfg items[] = {{.key = "outbound", .text = "nowhere"}};
	static const adit_cfg cfg = OBJECT(items);
	struct host *h = host_new("handler-direct");

	assert_int_equal(host_begin(h, &cfg), ADIT_ENOENT);
	assert_non_null(strstr(h->why, "outbound"));
	host_end(h);
	host_free(h);
}

static void direct_gathers_a_batch_into_few_submits(void **state)
{
	enum { FLOWS = 150 };
	static const adit_cfg cfg;
	static adit_flow_info info = {.size = sizeof(info), .proto = ADIT_PROTO_TCP};
	struct host *h = host_new("handler-direct");
	adit_event ev[FLOWS];
	uint32_t i;

	assert_int_equal(host_begin(h, &cfg), 0);
	for (i = 0; i < FLOWS; i++)
		ev[i] = (adit_event){.type = ADIT_EV_OPEN, .flow = host_handle(i, 1),
		                     .u.info = &info};
	((const adit_handler_1 *)h->table)->events(h->inst, ev, FLOWS);
	/* Each operation came: none of these flows is in the table. */
	assert_int_equal(h->stale, FLOWS);
	assert_int_equal(h->batches, 3);
	host_end(h);
	host_free(h);
}

static void unknown_events_give_their_buffers_back(void **state)
{
	static const char *const modules[] = {"handler-direct", "handler-echo",
	                                      "handler-blocklist"};
	static const adit_cfg cfg;
	struct host *h;
	size_t i;

	for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		h = host_new(modules[i]);
		assert_int_equal(host_begin(h, &cfg), 0);
		host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 80);
		host_event(h, 0, 999, 0, host_buf(h, "abcdef", 6, 3));
		assert_int_equal(h->buffers, 0);
		host_event(h, 0, 998, 0x1234, NULL); /* no buffer: must not be taken for one */
		host_end(h);
		host_free(h);
	}
}

static void data_that_nobody_wants_is_put_back_and_consumed(void **state)
{
	static const adit_cfg cfg;
	struct host *h = host_new("handler-direct"); /* has no data callback */
	struct host_flow *f;

	assert_int_equal(host_begin(h, &cfg), 0);
	f = host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 80);
	host_data(h, 0, "hello", 5, 2);
	assert_int_equal(h->buffers, 0);
	assert_int_equal(f->consumed, 5);
	host_event(h, 0, ADIT_EV_DGRAM, 0, host_buf(h, "x", 1, 1));
	assert_int_equal(h->buffers, 0);
	host_end(h);
	host_free(h);
}

static void reload_without_a_callback_is_refused(void **state)
{
	static const adit_cfg cfg;
	struct host *h = host_new("handler-echo");

	assert_int_equal(host_begin(h, &cfg), 0);
	assert_int_equal(h->life->reload(h->inst, &cfg), ADIT_ENOSYS);
	host_end(h);
	host_free(h);
	h = host_new("handler-direct"); /* has one */
	assert_int_equal(host_begin(h, &cfg), 0);
	assert_int_equal(h->life->reload(h->inst, &cfg), ADIT_OK);
	host_end(h);
	host_free(h);
}

static void create_survives_every_failed_allocation(void **state)
{
	static const adit_cfg cfg;
	struct host *h = host_new("handler-direct");

	assert_int_equal(host_torture(h, &cfg), 2);
	host_free(h);
	h = host_new("handler-echo");
	assert_int_equal(host_torture(h, &cfg), 2);
	host_free(h);
	h = host_new("handler-blocklist");
	assert_int_equal(host_torture(h, &cfg), 3);
	host_free(h);
}

/* ---- echo ---- */

static struct host *echo_begin(void)
{
	struct host *h = host_new("handler-echo");

	assert_int_equal(host_begin(h, NULL), 0);
	return h;
}

static void echo_waits_for_credit(void **state)
{
	struct host *h = echo_begin();
	struct host_flow *f = host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 7);

	assert_int_equal(f->verdict.type, ADIT_OP_ACCEPT);
	host_data(h, 0, "hello world", 11, 2);
	assert_int_equal(f->sent, 0);
	assert_int_equal(f->consumed, 0); /* the window stays shut while we hold the bytes */
	host_credit(h, 0, 3);
	assert_int_equal(f->sent, 3);
	assert_int_equal(f->consumed, 3);
	host_credit(h, 0, 2);
	host_credit(h, 0, 100);
	assert_int_equal(f->sent, 11);
	assert_int_equal(f->consumed, 11);
	assert_memory_equal(f->out, "hello world", 11);
	assert_int_equal(f->credit, 94);
	host_closed(h, 0, 0);
	assert_int_equal(h->allocations, 2); /* the flow's memory is back already */
	host_end(h);
	host_free(h);
}

static void echo_sends_what_it_got_without_copy(void **state)
{
	struct host *h = echo_begin();
	struct host_flow *f = host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 7);

	h->get_limit = 0; /* no buffer to copy into */
	host_credit(h, 0, 1000);
	host_data(h, 0, "abcdefghi", 9, 3);
	assert_int_equal(f->sends, 1); /* the chain goes as one stretch */
	assert_memory_equal(f->out, "abcdefghi", 9);
	host_end(h);
	host_free(h);
}

static void echo_passes_the_end_on_after_the_queue(void **state)
{
	struct host *h = echo_begin();
	struct host_flow *f = host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 7);

	host_data(h, 0, "tail", 4, 1);
	host_event(h, 0, ADIT_EV_FIN, 0, NULL);
	assert_int_equal(f->fins, 0);
	host_credit(h, 0, 3);
	assert_int_equal(f->fins, 0);
	host_credit(h, 0, 1);
	assert_int_equal(f->sent, 4);
	assert_int_equal(f->fins, 1);
	host_credit(h, 0, 50);
	assert_int_equal(f->fins, 1);
	host_closed(h, 0, 0);
	host_end(h);
	host_free(h);
}

static void echo_answers_an_empty_stream_with_its_end(void **state)
{
	struct host *h = echo_begin();
	struct host_flow *f = host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 7);

	host_event(h, 0, ADIT_EV_FIN, 0, NULL);
	assert_int_equal(f->fins, 1);
	host_end(h);
	host_free(h);
}

static void echo_aborts_where_it_cannot_go_on(void **state)
{
	struct host *h = echo_begin();
	struct host_flow *f = host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 7);

	host_data(h, 0, "too long for the credit", 23, 1);
	h->get_limit = 0;
	host_credit(h, 0, 5);
	assert_int_equal(f->aborts, 1);
	host_closed(h, 0, ADIT_ECANCEL);
	assert_int_equal(h->buffers, 0);
	host_end(h);
	host_free(h);
}

static void echo_refuses_a_flow_it_has_no_memory_for(void **state)
{
	struct host *h = echo_begin();
	struct host_flow *f;

	h->fail_after = 0;
	f = host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 7);
	assert_int_equal(f->verdict.type, ADIT_OP_REJECT);
	assert_int_equal(f->verdict.code, ADIT_EREFUSED);
	host_closed(h, 0, 0);
	host_end(h);
	host_free(h);
}

static void echo_returns_datagrams_and_passes_pings(void **state)
{
	struct host *h = echo_begin();
	struct host_flow *f = host_open(h, 0, ADIT_PROTO_UDP, "192.0.2.1", 7);

	assert_int_equal(f->verdict.type, ADIT_OP_ACCEPT);
	host_event(h, 0, ADIT_EV_DGRAM, 0, host_buf(h, "datagram", 8, 2));
	assert_int_equal(f->sends, 1);
	assert_memory_equal(f->out, "datagram", 8);
	host_closed(h, 0, 0);
	f = host_open(h, 1, ADIT_PROTO_ICMP, "192.0.2.1", 1);
	assert_int_equal(f->verdict.type, ADIT_OP_PASS);
	host_end(h);
	host_free(h);
}

static void echo_gives_all_back_when_stopped_in_the_middle(void **state)
{
	struct host *h = echo_begin();
	uint32_t slot;

	for (slot = 0; slot < HOST_FLOWS; slot++) {
		host_open(h, slot, ADIT_PROTO_TCP, "192.0.2.1", 7);
		host_data(h, slot, "held back", 9, 3);
	}
	host_closed(h, 3, ADIT_ERESET); /* out of the middle of the list */
	host_closed(h, 0, ADIT_ERESET);
	host_closed(h, 7, ADIT_ERESET);
	assert_int_equal(h->buffers, 5 * 3);
	host_end(h);
	host_free(h);
}

/* Any order of data and credit: the same bytes come back, never more than the credit, the window
 * never too wide. */
static void echo_holds_under_any_order(void **state)
{
	enum { TOTAL = 200000, WINDOW = 9000 };
	static uint8_t bytes[TOTAL];
	struct host *h = echo_begin();
	struct host_flow *f = host_open(h, 0, ADIT_PROTO_TCP, "192.0.2.1", 7);
	uint32_t given = 0, size;
	uint32_t i;

	srand(4711);
	for (i = 0; i < TOTAL; i++)
		bytes[i] = (uint8_t)rand();
	while (f->sent < TOTAL) {
		size = (uint32_t)rand() % 3000 + 1;
		if (size > TOTAL - given)
			size = TOTAL - given;
		if (rand() % 2 && size && given + size - f->consumed <= WINDOW) {
			host_data(h, 0, bytes + given, size, (uint32_t)rand() % 3 + 1);
			given += size;
		} else {
			host_credit(h, 0, (uint64_t)rand() % 2000 + 1);
		}
		assert_true(f->consumed == f->sent);
		assert_true(f->sent <= given);
	}
	assert_memory_equal(f->out, bytes, TOTAL);
	host_event(h, 0, ADIT_EV_FIN, 0, NULL);
	assert_int_equal(f->fins, 1);
	host_closed(h, 0, 0);
	host_end(h);
	host_free(h);
}

/* ---- blocklist ---- */

static const adit_cfg block_addresses[] = {{.text = "192.0.2.0/24"},
                                           {.text = "2001:db8:8000::/33"}, {.text = "10.1.2.3"}};
static const adit_cfg block_ports[] = {{.integer = 25}, {.integer = 65535}};
static const adit_cfg block_items[] = {
	LIST("addresses", block_addresses),
	LIST("ports", block_ports),
	{.key = "answer", .text = "prohibited"},
};
static const adit_cfg block_cfg = OBJECT(block_items);

static uint16_t verdict_on(struct host *h, uint8_t proto, const char *dst, uint16_t port)
{
	struct host_flow *f = host_open(h, 0, proto, dst, port);

	assert_int_equal(f->verdicts, 1);
	return f->verdict.type;
}

static void blocklist_refuses_the_list_and_passes_the_rest(void **state)
{
	struct host *h = host_new("handler-blocklist");

	assert_int_equal(host_begin(h, &block_cfg), 0);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "192.0.2.255", 80), ADIT_OP_REJECT);
	assert_int_equal(h->flows[0].verdict.code, ADIT_EADMIN);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "192.0.3.0", 80), ADIT_OP_PASS);
	assert_int_equal(verdict_on(h, ADIT_PROTO_UDP, "2001:db8:8000::1", 53), ADIT_OP_REJECT);
	assert_int_equal(verdict_on(h, ADIT_PROTO_UDP, "2001:db8:c000::1", 53), ADIT_OP_REJECT);
	assert_int_equal(verdict_on(h, ADIT_PROTO_UDP, "2001:db8:7fff::1", 53), ADIT_OP_PASS);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "10.1.2.3", 80), ADIT_OP_REJECT);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "10.1.2.2", 80), ADIT_OP_PASS);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "198.51.100.1", 25), ADIT_OP_REJECT);
	assert_int_equal(verdict_on(h, ADIT_PROTO_UDP, "198.51.100.1", 65535), ADIT_OP_REJECT);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "198.51.100.1", 24), ADIT_OP_PASS);
	/* An echo identifier is no port. */
	assert_int_equal(verdict_on(h, ADIT_PROTO_ICMP, "198.51.100.1", 25), ADIT_OP_PASS);
	host_end(h);
	host_free(h);
}

static void blocklist_knows_every_answer(void **state)
{
	static const struct {
		const char *answer;
		uint16_t verdict;
		adit_result code;
	} rows[] = {{"refused", ADIT_OP_REJECT, ADIT_EREFUSED},
	            {"prohibited", ADIT_OP_REJECT, ADIT_EADMIN}, {"drop", ADIT_OP_DROP, 0}};
	struct host *h = host_new("handler-blocklist");
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const adit_cfg items[] = {LIST("ports", block_ports),
		                          {.key = "answer", .text = rows[i].answer}};
		const adit_cfg cfg = OBJECT(items);

		assert_int_equal(host_begin(h, &cfg), 0);
		assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "192.0.2.1", 25), rows[i].verdict);
		assert_int_equal(h->flows[0].verdict.code, rows[i].code);
		host_end(h);
	}
	host_free(h);
}

static void blocklist_refuses_what_is_no_prefix(void **state)
{
	static const char *const bad[] = {
		"", "/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/-1", "10.0.0/8",
		"::/129", "host.example", "10.0.0.0/ 8", "1:2", "10.0.0.0/99999999999999999999",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1",
	};
	struct host *h = host_new("handler-blocklist");
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const adit_cfg addresses[] = {{.text = bad[i]}};
		const adit_cfg items[] = {LIST("addresses", addresses)};
		const adit_cfg cfg = OBJECT(items);

		h->why[0] = '\0';
		assert_int_equal(host_begin(h, &cfg), ADIT_ECONFIG);
		assert_non_null(strstr(h->why, "addresses"));
		host_end(h);
	}
	host_free(h);
}

static void blocklist_reloads_all_or_nothing(void **state)
{
	static const adit_cfg ports[] = {{.integer = 80}};
	static const adit_cfg items[] = {LIST("ports", ports)};
	static const adit_cfg other = OBJECT(items);
	static const adit_cfg wrong_ports[] = {{.integer = 80}, {.integer = 65536}};
	static const adit_cfg wrong_items[] = {LIST("ports", wrong_ports)};
	static const adit_cfg wrong = OBJECT(wrong_items);
	struct host *h = host_new("handler-blocklist");

	assert_int_equal(host_begin(h, &block_cfg), 0);
	assert_int_equal(h->life->reload(h->inst, &wrong), ADIT_ECONFIG);
	assert_ptr_equal(((const adit_handler *)h->inst)->cfg, &block_cfg);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "192.0.2.1", 80), ADIT_OP_REJECT);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "198.51.100.1", 80), ADIT_OP_PASS);
	h->fail_after = 0;
	assert_int_equal(h->life->reload(h->inst, &other), ADIT_ENOMEM);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "198.51.100.1", 80), ADIT_OP_PASS);
	assert_int_equal(h->life->reload(h->inst, &other), 0);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "192.0.2.1", 25), ADIT_OP_PASS);
	assert_int_equal(verdict_on(h, ADIT_PROTO_TCP, "198.51.100.1", 80), ADIT_OP_REJECT);
	host_end(h);
	host_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct_forwards_to_the_named_outbound),
		cmocka_unit_test(direct_defaults_to_connect_first),
		cmocka_unit_test(direct_refuses_an_unknown_outbound_with_a_reason),
		cmocka_unit_test(direct_gathers_a_batch_into_few_submits),
		cmocka_unit_test(unknown_events_give_their_buffers_back),
		cmocka_unit_test(data_that_nobody_wants_is_put_back_and_consumed),
		cmocka_unit_test(reload_without_a_callback_is_refused),
		cmocka_unit_test(create_survives_every_failed_allocation),
		cmocka_unit_test(echo_waits_for_credit),
		cmocka_unit_test(echo_sends_what_it_got_without_copy),
		cmocka_unit_test(echo_passes_the_end_on_after_the_queue),
		cmocka_unit_test(echo_answers_an_empty_stream_with_its_end),
		cmocka_unit_test(echo_aborts_where_it_cannot_go_on),
		cmocka_unit_test(echo_refuses_a_flow_it_has_no_memory_for),
		cmocka_unit_test(echo_returns_datagrams_and_passes_pings),
		cmocka_unit_test(echo_gives_all_back_when_stopped_in_the_middle),
		cmocka_unit_test(echo_holds_under_any_order),
		cmocka_unit_test(blocklist_refuses_the_list_and_passes_the_rest),
		cmocka_unit_test(blocklist_knows_every_answer),
		cmocka_unit_test(blocklist_refuses_what_is_no_prefix),
		cmocka_unit_test(blocklist_reloads_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
