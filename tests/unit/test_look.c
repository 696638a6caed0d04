/* SPDX-License-Identifier: MIT
 * tests/unit/test_look.c - look first, forward later: what a handler gives back arrives first, and nothing is lost
 *
 * Also names of flows, and UDP flows whose outbound stays in the data path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/party.h"
#include "tests/lib/private.h"
#include "tests/unit/kit_packets.h"

enum { NEAR_SOCKET = 1, FAR_SOCKET = 2, PAIRS = 4 };

static struct kit *k;
static struct party near, far;
static adit_flow flow;

static int set_up(void **state)
{
	k = kit_new(NULL);
	k->answer[0] = (adit_op){.type = ADIT_OP_ACCEPT, .u.num = 77};
	return 0;
}

static int tear_down(void **state)
{
	kit_free(k);
	k = NULL;
	return 0;
}

static int turn(struct kit *kit)
{
	party_turn(&near);
	party_turn(&far);
	return kit->ended != 0;
}

/* The handler gives size bytes of the near end's content from `at` on back. */
static void unread(uint64_t at, uint32_t size)
{
	uint8_t bytes[1000];
	adit_op op = {.type = ADIT_OP_UNREAD, .flags = ADIT_OPF_BUF, .flow = flow};

	tag_fill(bytes, size, PARTY_TAG, TAG_UP, at);
	op.u.buf = kit_buf(k, bytes, size);
	kit_submit(k, 0, &op, 1);
}

static void forward(void)
{
	adit_op op = {.type = ADIT_OP_FORWARD, .flow = flow, .flags = ADIT_OPF_CONNECT_FIRST};

	kit_submit(k, 0, &op, 1);
}

static void accepted(int pair)
{
	if (!k)
		set_up(NULL);
	party_init(&near, k, PART_STACK, pair & NEAR_SOCKET);
	party_init(&far, k, PART_OUTBOUND, pair & FAR_SOCKET);
	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	near.flow = flow;
}

/* The near end is a party while the handler looks, whatever it turns out to be. */
static void credit_and_data(uint32_t size)
{
	uint8_t bytes[1000];
	adit_event ev[2] = {{.type = ADIT_EV_CREDIT, .flow = flow, .u.num = near.sent ? 0 : near.room},
	                    {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF, .flow = flow}};

	tag_fill(bytes, size, PARTY_TAG, TAG_UP, near.sent);
	ev[1].u.buf = kit_buf(k, bytes, size);
	near.sent += size;
	near.unconsumed += size;
	near.credit = near.room;
	kit_emit(k, PART_STACK, 0, ev, 2);
}

static void go_on_to_the_end(int pair)
{
	unsigned i;

	if (pair & NEAR_SOCKET) {
		assert_int_equal(near.socket_asked, 1);
		party_begin(&near, flow);
	}
	if (!far.flow)
		party_begin(&far, flow);
	near.most = 3000000;
	far.most = 2000000;
	near.wants_fin = far.wants_fin = 1;
	assert_true(kit_wait(k, 20000, turn));
	for (i = 0; i < 10; i++)
		turn(k);
	assert_false(near.bad || far.bad);
	assert_int_equal(far.got, near.most);
	assert_int_equal(near.got, far.most);
	assert_int_equal(k->end_code, 0);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 1);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->user, 77);
}

static void over(void)
{
	party_fini(&near);
	party_fini(&far);
	tear_down(NULL);
}

static void what_was_read_arrives_first(void **state)
{
	int pair, far_first;

	for (pair = 0; pair < PAIRS; pair++) {
		for (far_first = 0; far_first < 2; far_first++) {
			accepted(pair);
			credit_and_data(300);
			credit_and_data(200);
			unread(300, 200); /* newest first */
			unread(0, 300);
			forward();
			if (far_first)
				party_begin(&far, flow);
			go_on_to_the_end(pair);
			over();
		}
	}
}

/* The handler forwards while it is told of the first of three stretches and the FIN. */
static void forward_at_once(struct kit *kit, struct part *p, const struct kit_seen *seen)
{
	adit_op op[2] = {{.type = ADIT_OP_UNREAD, .flags = ADIT_OPF_BUF, .flow = seen->flow},
	                 {.type = ADIT_OP_FORWARD, .flow = seen->flow}};

	if (p->kind != PART_HANDLER || seen->type != ADIT_EV_DATA)
		return;
	assert_int_equal(seen->size, 100);
	op[0].u.buf = kit_buf(kit, seen->bytes, seen->size);
	p->path.submit(p->path.end, op, 2);
}

static void nothing_is_lost_of_what_the_handler_was_to_be_told(void **state)
{
	adit_event ev[5] = {{.type = ADIT_EV_CREDIT}};
	uint8_t bytes[100];
	unsigned i;

	accepted(0);
	k->script = forward_at_once;
	ev[0].u.num = near.credit = near.room;
	for (i = 1; i < 4; i++) {
		ev[i] = (adit_event){.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF};
		tag_fill(bytes, 100, PARTY_TAG, TAG_UP, near.sent);
		ev[i].u.buf = kit_buf(k, bytes, 100);
		near.sent += 100;
		near.unconsumed += 100;
	}
	ev[4] = (adit_event){.type = ADIT_EV_FIN};
	near.fin_sent = 1;
	for (i = 0; i < 5; i++)
		ev[i].flow = flow;
	near.most = 300;
	kit_emit(k, PART_STACK, 0, ev, 5);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_DATA), 1);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_FIN), 0);
	party_begin(&far, flow);
	kit_wait(k, 20, turn);
	assert_int_equal(far.got, 300);
	assert_int_equal(far.fin_got, 1);
	assert_int_equal(near.unconsumed, 0);
	far.most = 1000;
	far.wants_fin = 1;
	assert_true(kit_wait(k, 5000, turn));
	assert_int_equal(near.got, 1000);
	assert_int_equal(k->end_code, 0);
	assert_false(near.bad || far.bad);
	over();
}

static void what_is_neither_given_back_nor_consumed_gives_its_window_back(void **state)
{
	accepted(0);
	credit_and_data(300);
	unread(100, 200);
	forward();
	assert_int_equal(near.unconsumed, 200);
	far.got = 100; /* which never come */
	party_begin(&far, flow);
	kit_wait(k, 10, turn);
	assert_int_equal(far.got, 300);
	assert_int_equal(near.unconsumed, 0);
	assert_false(far.bad);
	over();
}

static void a_stack_that_has_no_socket_any_more_ends_it(void **state)
{
	accepted(NEAR_SOCKET);
	credit_and_data(300);
	unread(0, 300);
	forward();
	kit_emit(k, PART_STACK, 0, &(adit_event){.type = ADIT_EV_CLOSED, .code = ADIT_ERESET, .flow = flow}, 1);
	near.over = 1;
	assert_int_equal(k->ended, 1);
	assert_int_equal(k->end_code, ADIT_ERESET);
	assert_int_equal(far.abort_got, 1);
	over();
}

static void names_reach_outbounds(void **state)
{
	char longest[300];
	adit_op op[2] = {{.type = ADIT_OP_NAME}, {.type = ADIT_OP_FORWARD}};

	memset(longest, 'a', sizeof(longest));
	k->answer[0].type = 0;
	send_segment(k, 4, 1000, SYN, 0);
	op[0].flow = op[1].flow = asked(k, 0, 0);
	longest[254] = 0;
	op[0].u.name = longest;
	kit_submit(k, 0, op, 1);
	op[0].u.name = "";
	kit_submit(k, 0, op, 1);
	op[0].u.name = NULL;
	kit_submit(k, 0, op, 1);
	assert_int_equal(kit_counter(k, COUNT_misuse), 3);
	assert_null(flow_name(flowtable_get(k->s.flows, op[0].flow)));
	longest[253] = 0;
	op[0].u.name = longest;
	kit_submit(k, 0, op, 1);
	op[0].u.name = "www.example";
	kit_submit(k, 0, op, 2);
	assert_string_equal(kit_find(k, PART_OUTBOUND, 0, KIT_REACH, 0, 0)->name, "www.example");
	assert_int_equal(kit_counter(k, COUNT_misuse), 3);
}

/* ---- misuse ---- */

static void ends_alone(const adit_op *ops, unsigned n)
{
	adit_op copy[3];
	unsigned i;

	accepted(0);
	credit_and_data(100);
	for (i = 0; i < n; i++) {
		copy[i] = ops[i];
		copy[i].flow = flow;
		if (copy[i].flags & ADIT_OPF_BUF)
			copy[i].u.buf = kit_buf(k, "0123456789012345678901234567890123456789012345678901234567890123456789", 70);
	}
	kit_submit(k, 0, copy, n);
	assert_int_equal(kit_counter(k, COUNT_misuse), 1);
	assert_int_equal(k->ended, 1);
	assert_int_equal(k->end_code, ADIT_EINVAL);
	assert_int_equal(near.abort_got, 1);
	over();
}

static void misuse_ends_that_flow_alone(void **state)
{
	static const adit_op unread_twice[] = {{.type = ADIT_OP_UNREAD, .flags = ADIT_OPF_BUF},
	                                       {.type = ADIT_OP_UNREAD, .flags = ADIT_OPF_BUF}};
	static const adit_op forward_after_fin[] = {{.type = ADIT_OP_FIN}, {.type = ADIT_OP_FORWARD}};
	static const adit_op unread_consumed[] = {{.type = ADIT_OP_CONSUME, .u.num = 31},
	                                          {.type = ADIT_OP_UNREAD, .flags = ADIT_OPF_BUF}};

	ends_alone(unread_twice, 2);
	ends_alone(forward_after_fin, 2);
	ends_alone(unread_consumed, 2);
}

static void a_handler_sends_within_its_credit(void **state)
{
	adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF};

	accepted(0);
	near.room = 4;
	credit_and_data(1);
	op.flow = flow;
	op.u.buf = kit_buf(k, "12345", 5);
	kit_submit(k, 0, &op, 1);
	assert_int_equal(kit_counter(k, COUNT_misuse), 1);
	assert_int_equal(k->end_code, ADIT_EINVAL);
	assert_int_equal(near.sends, 0);
	over();
}

/* ---- datagrams ---- */

static void say(enum part_kind kind, adit_flow to, uint16_t type, const char *bytes, adit_result code)
{
	adit_event ev = {.type = type, .flow = to, .code = code};

	if (bytes) {
		ev.flags = ADIT_EVF_BUF;
		ev.u.buf = kit_buf(k, bytes, (uint32_t)strlen(bytes));
	}
	kit_emit(k, kind, 0, &ev, 1);
}

static const struct kit_seen *sent(enum part_kind kind, unsigned n)
{
	return kit_find(k, kind, 0, KIT_OP, ADIT_OP_SEND, n);
}

static void datagrams_wait_for_the_answer_and_pass(void **state)
{
	unsigned i;
	char c[2] = "a";

	k->answer[0].type = ADIT_OP_FORWARD;
	send_datagram(k, 4, 1000, 1);
	flow = asked(k, 0, 0);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 1); /* admitted: it refused nothing */
	for (i = 0; i < 20; i++, c[0]++)
		say(PART_STACK, flow, ADIT_EV_DGRAM, c, 0);
	assert_null(sent(PART_OUTBOUND, 0));
	assert_int_equal(kit_counter(k, COUNT_datagrams_dropped), 4);
	say(PART_OUTBOUND, flow, ADIT_EV_CREDIT, NULL, 0);
	assert_int_equal(kit_number(k, PART_OUTBOUND, 0, KIT_OP, ADIT_OP_SEND), 16);
	for (i = 0; i < 16; i++)
		assert_true(sent(PART_OUTBOUND, i)->bytes[0] == 'a' + i && sent(PART_OUTBOUND, i)->size == 1);
	say(PART_STACK, flow, ADIT_EV_DGRAM, "later", 0);
	assert_memory_equal(sent(PART_OUTBOUND, 16)->bytes, "later", 5);
	say(PART_OUTBOUND, flow, ADIT_EV_DGRAM, "answer", 0);
	assert_memory_equal(sent(PART_STACK, 0)->bytes, "answer", 6);
	assert_int_equal(flowtable_get(k->s.flows, flow)->bytes_down, 6);
	say(PART_OUTBOUND, flow, ADIT_EV_CLOSED, NULL, ADIT_EHOST);
	assert_int_equal(kit_counts(k).flows, 0);
	assert_int_equal(device_got(k, 0)->bytes[20], 3); /* host unreachable */
}

static void super_packets_come_split_to_who_does_not_take_them(void **state)
{
	adit_event ev = {.type = ADIT_EV_DGRAM, .flags = ADIT_EVF_BUF};

	k->answer[0].type = ADIT_OP_FORWARD;
	send_datagram(k, 4, 1000, 1);
	flow = asked(k, 0, 0);
	say(PART_OUTBOUND, flow, ADIT_EV_CREDIT, NULL, 0);
	ev.flow = flow;
	ev.u.buf = kit_buf(k, "aaabbbcc", 8);
	ev.u.buf->flags = ADIT_BUF_GSO_UDP;
	ev.u.buf->gso_size = 3;
	kit_emit(k, PART_STACK, 0, &ev, 1);
	assert_int_equal(kit_number(k, PART_OUTBOUND, 0, KIT_OP, ADIT_OP_SEND), 3);
	assert_true(sent(PART_OUTBOUND, 1)->bytes[0] == 'b' && sent(PART_OUTBOUND, 1)->size == 3);
	assert_true(sent(PART_OUTBOUND, 2)->bytes[0] == 'c' && sent(PART_OUTBOUND, 2)->size == 2);
}

static void datagrams_that_were_looked_at_arrive_first(void **state)
{
	adit_op op[3] = {{.type = ADIT_OP_UNREAD, .flags = ADIT_OPF_BUF},
	                 {.type = ADIT_OP_UNREAD, .flags = ADIT_OPF_BUF},
	                 {.type = ADIT_OP_FORWARD}};

	send_datagram(k, 4, 1000, 1);
	flow = asked(k, 0, 0);
	say(PART_STACK, flow, ADIT_EV_DGRAM, "1", 0);
	say(PART_STACK, flow, ADIT_EV_DGRAM, "22", 0);
	op[0].flow = op[1].flow = op[2].flow = flow;
	op[0].u.buf = kit_buf(k, "22", 2);
	op[1].u.buf = kit_buf(k, "1", 1);
	kit_submit(k, 0, op, 3);
	say(PART_STACK, flow, ADIT_EV_DGRAM, "333", 0);
	say(PART_OUTBOUND, flow, ADIT_EV_CREDIT, NULL, 0);
	assert_int_equal(kit_number(k, PART_OUTBOUND, 0, KIT_OP, ADIT_OP_SEND), 3);
	assert_int_equal(sent(PART_OUTBOUND, 0)->size, 1);
	assert_int_equal(sent(PART_OUTBOUND, 1)->size, 2);
	assert_int_equal(sent(PART_OUTBOUND, 2)->size, 3);
	assert_int_equal(kit_counter(k, COUNT_misuse), 0);
}

static void misuse_of_a_datagram_flow_ends_it(void **state)
{
	k->answer[0].type = ADIT_OP_FORWARD;
	send_datagram(k, 4, 1000, 1);
	say(PART_OUTBOUND, asked(k, 0, 0), ADIT_EV_DGRAM, "before CREDIT", 0);
	assert_int_equal(kit_counter(k, COUNT_misuse), 1);
	assert_int_equal(kit_counts(k).flows, 0);
	assert_int_equal(k->end_code, ADIT_EINVAL);
}

int main(void)
{
#define LOOK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_arrives_first),
		cmocka_unit_test(nothing_is_lost_of_what_the_handler_was_to_be_told),
		cmocka_unit_test(what_is_neither_given_back_nor_consumed_gives_its_window_back),
		cmocka_unit_test(a_stack_that_has_no_socket_any_more_ends_it),
		LOOK_TEST(names_reach_outbounds),
		cmocka_unit_test(misuse_ends_that_flow_alone),
		cmocka_unit_test(a_handler_sends_within_its_credit),
		LOOK_TEST(datagrams_wait_for_the_answer_and_pass),
		LOOK_TEST(super_packets_come_split_to_who_does_not_take_them),
		LOOK_TEST(datagrams_that_were_looked_at_arrive_first),
		LOOK_TEST(misuse_of_a_datagram_flow_ends_it),
	};

	if (private_network()) {
		printf("1..0 # SKIP needs a network namespace of its own\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN); /* shard threads block it: splice has no MSG_NOSIGNAL */
	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
