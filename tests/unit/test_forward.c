/* SPDX-License-Identifier: MIT
 * tests/unit/test_forward.c - forwarded TCP flows: both ends come, one comes, none comes, in every order
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial/forward.h"
#include "tests/unit/kit_packets.h"

static struct kit *k;
static int near_end = -1, far_end = -1; /* the test's ends */
static int descriptors;

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int set_up(void **state)
{
	descriptors = open_descriptors();
	near_end = far_end = -1;
	k = kit_new(NULL);
	k->answer[0].type = ADIT_OP_FORWARD;
	return 0;
}

static int tear_down(void **state)
{
	kit_free(k);
	if (near_end >= 0)
		close(near_end);
	if (far_end >= 0)
		close(far_end);
	assert_int_equal(open_descriptors(), descriptors);
	return 0;
}

static void give_socket(enum part_kind kind, adit_flow flow, int *mine)
{
	adit_event ev = {.type = ADIT_EV_SOCKET, .flow = flow};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	*mine = pair[0];
	ev.u.num = (uint64_t)pair[1];
	kit_emit(k, kind, 0, &ev, 1);
}

static void say_closed(enum part_kind kind, adit_flow flow, adit_result code)
{
	adit_event ev = {.type = ADIT_EV_CLOSED, .flow = flow, .code = code};

	kit_emit(k, kind, 0, &ev, 1);
}

static int all_closed(struct kit *kit)
{
	return kit_counts(kit).flows == kit_counts(kit).closed;
}

/* A far end that says CLOSED while it is told to let go, as outbound-direct does; the near one too. */
static void closed_when_let_go(struct kit *kit, struct part *p, const struct kit_seen *seen)
{
	adit_event ev = {.type = ADIT_EV_CLOSED, .code = ADIT_ECANCEL, .flow = seen->flow};

	if ((p->kind == PART_OUTBOUND || p->kind == PART_STACK) && seen->what == KIT_OP && seen->type == ADIT_OP_ABORT)
		p->path.emit(p->path.end, &ev, 1);
}

static void bytes_pass_when_both_ends_are_there(void **state)
{
	char text[8] = "";
	adit_flow flow;
	const struct kit_seen *e;

	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	e = kit_find(k, PART_OUTBOUND, 0, KIT_REACH, 0, 0);
	assert_true(e && e->flow == flow && e->dst.port == 443);
	assert_true(kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_ACCEPT, 0)->flags & ADIT_OPF_SOCKET);
	give_socket(PART_STACK, flow, &near_end);
	assert_int_equal(kit_counts(k).half_open, 0);
	assert_int_equal(write(near_end, "up", 2), 2);
	give_socket(PART_OUTBOUND, flow, &far_end);
	assert_int_equal(write(far_end, "down", 4), 4);
	kit_wait(k, 20, NULL);
	assert_int_equal(read(far_end, text, 8), 2);
	assert_int_equal(read(near_end, text, 8), 4);
	assert_memory_equal(text, "down", 4);
	shutdown(near_end, SHUT_WR);
	shutdown(far_end, SHUT_WR);
	assert_true(kit_wait(k, 1000, all_closed));
	assert_int_equal(k->end_code, 0);
	e = kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0);
	assert_true(e && e->code == 0 && e->user == 0);
	assert_null(kit_find(k, PART_OUTBOUND, 0, KIT_OP, 0, 0)); /* it has given its socket: nothing to let go of */
}

static void connect_first_holds_the_syn_until_the_far_end_is_there(void **state)
{
	adit_flow flow;

	k->answer[0].flags = ADIT_OPF_CONNECT_FIRST;
	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	assert_null(kit_find(k, PART_STACK, 0, KIT_OP, 0, 0));
	assert_int_equal(flowtable_get(k->s.flows, flow)->state, FLOW_DIAL);
	give_socket(PART_OUTBOUND, flow, &far_end);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 1);
	give_socket(PART_STACK, flow, &near_end);
	say_closed(PART_OUTBOUND, flow, 0); /* too late to matter */
	assert_int_equal(flowtable_get(k->s.flows, flow)->state, FLOW_OPEN);
}

static void connect_first_passes_the_refusal_on(void **state)
{
	k->answer[0].flags = ADIT_OPF_CONNECT_FIRST;
	send_segment(k, 4, 1000, SYN, 0);
	say_closed(PART_OUTBOUND, asked(k, 0, 0), ADIT_EREFUSED);
	assert_int_equal(device_got(k, 0)->bytes[33], RST | ACK);
	assert_int_equal(kit_counts(k).flows, 0);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->code, ADIT_EREFUSED);
	assert_null(kit_find(k, PART_STACK, 0, KIT_OP, 0, 0)); /* it never heard of the flow */
	send_segment(k, 4, 1001, SYN, 0);
	say_closed(PART_OUTBOUND, asked(k, 0, 1), ADIT_EHOST);
	assert_int_equal(device_got(k, 1)->bytes[20], 3);
	assert_int_equal(device_got(k, 1)->bytes[21], 1);
}

static void a_far_end_that_fails_resets_the_near_one(void **state)
{
	adit_flow flow;

	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	give_socket(PART_STACK, flow, &near_end);
	say_closed(PART_OUTBOUND, flow, ADIT_EREFUSED);
	assert_int_equal(kit_counts(k).flows, kit_counts(k).closed);
	assert_int_equal(k->end_code, ADIT_EREFUSED);
}

static void a_near_end_that_gives_up_lets_go_of_the_far_one(void **state)
{
	adit_flow flow;

	k->script = closed_when_let_go;
	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	say_closed(PART_STACK, flow, ADIT_ERESET);
	assert_non_null(kit_find(k, PART_OUTBOUND, 0, KIT_OP, ADIT_OP_ABORT, 0));
	assert_int_equal(k->ended, 1);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 1);
}

/* The flow ends from outside while ends 1 (near) and 2 (far) are there. */
static void end_from_outside(int ends, int first)
{
	adit_flow flow;

	k->script = closed_when_let_go;
	k->answer[0].flags = first ? ADIT_OPF_CONNECT_FIRST : 0;
	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	if (ends & 2)
		give_socket(PART_OUTBOUND, flow, &far_end);
	if (ends & 1)
		give_socket(PART_STACK, flow, &near_end);
	kit_age(k, 8000);
	assert_int_equal(k->ended, 1);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 1);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->code, ADIT_ETIME);
}

static void it_ends_from_outside_with_no_end_there(void **state)
{
	end_from_outside(0, 0);
}

static void it_ends_from_outside_while_it_dials(void **state)
{
	end_from_outside(0, 1);
	assert_non_null(kit_find(k, PART_OUTBOUND, 0, KIT_OP, ADIT_OP_ABORT, 0));
	assert_int_equal(kit_counts(k).flows, 0);
}

static void it_ends_from_outside_with_the_near_end_there(void **state)
{
	end_from_outside(1, 0);
}

static void it_ends_from_outside_with_the_far_end_there(void **state)
{
	end_from_outside(2, 0);
}

static void it_ends_from_outside_with_both_there(void **state)
{
	end_from_outside(3, 0);
}

/* kind gives two sockets, before or after the other end has given its own. */
static void second_socket(enum part_kind kind, int relayed)
{
	adit_flow flow;
	int extra;
	char c;

	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	if (relayed || kind == PART_STACK)
		give_socket(PART_STACK, flow, &near_end);
	if (relayed || kind == PART_OUTBOUND)
		give_socket(PART_OUTBOUND, flow, &far_end);
	assert_int_equal(k->ended, 0);
	give_socket(kind, flow, &extra);
	assert_int_equal(read(extra, &c, 1), 0);
	close(extra);
	assert_int_equal(kit_counter(k, COUNT_misuse), 1);
	assert_int_equal(k->ended, 1);
	assert_int_equal(k->end_code, ADIT_EINVAL);
}

static void a_second_near_socket_is_closed_and_ends_the_flow(void **state)
{
	second_socket(PART_STACK, 0);
}

static void a_second_far_socket_is_closed_and_ends_the_flow(void **state)
{
	second_socket(PART_OUTBOUND, 0);
}

static void a_second_socket_ends_a_relayed_flow(void **state)
{
	second_socket(PART_OUTBOUND, 1);
}

static void no_limit_for_connects_means_none(void **state)
{
	k->s.timeouts.connect = 0;
	k->answer[0].flags = ADIT_OPF_CONNECT_FIRST;
	send_segment(k, 4, 1000, SYN, 0);
	assert_int_equal(kit_find(k, PART_OUTBOUND, 0, KIT_REACH, 0, 0)->num, 0);
	kit_age(k, 1000);
	assert_int_equal(kit_counts(k).flows, 1);
}

static void an_outbound_that_never_answers_for_a_datagram_flow_ends_it_in_time(void **state)
{
	send_datagram(k, 4, 1000, 1);
	assert_non_null(kit_find(k, PART_OUTBOUND, 0, KIT_REACH, 0, 0));
	kit_age(k, 34);
	assert_int_equal(kit_counts(k).flows, 1);
	kit_age(k, 2); /* timeouts.connect and five more */
	assert_int_equal(kit_counts(k).flows, 0);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->code, ADIT_ETIME);
	assert_non_null(kit_find(k, PART_OUTBOUND, 0, KIT_OP, ADIT_OP_ABORT, 0));
	assert_int_equal(device_got(k, 0)->bytes[20], 3); /* host unreachable */
	assert_int_equal(device_got(k, 0)->bytes[21], 1);
}

static void an_outbound_that_says_no_to_a_datagram_flow_refuses_it(void **state)
{
	send_datagram(k, 4, 1000, 1);
	say_closed(PART_OUTBOUND, asked(k, 0, 0), ADIT_EADMIN);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->code, ADIT_EADMIN);
	assert_int_equal(device_got(k, 0)->bytes[21], 13);
	assert_int_equal(kit_counts(k).flows, 0);
}

int main(void)
{
#define FORWARD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		FORWARD_TEST(bytes_pass_when_both_ends_are_there),
		FORWARD_TEST(connect_first_holds_the_syn_until_the_far_end_is_there),
		FORWARD_TEST(connect_first_passes_the_refusal_on),
		FORWARD_TEST(a_far_end_that_fails_resets_the_near_one),
		FORWARD_TEST(a_near_end_that_gives_up_lets_go_of_the_far_one),
		FORWARD_TEST(it_ends_from_outside_with_no_end_there),
		FORWARD_TEST(it_ends_from_outside_while_it_dials),
		FORWARD_TEST(it_ends_from_outside_with_the_near_end_there),
		FORWARD_TEST(it_ends_from_outside_with_the_far_end_there),
		FORWARD_TEST(it_ends_from_outside_with_both_there),
		FORWARD_TEST(a_second_near_socket_is_closed_and_ends_the_flow),
		FORWARD_TEST(a_second_far_socket_is_closed_and_ends_the_flow),
		FORWARD_TEST(a_second_socket_ends_a_relayed_flow),
		FORWARD_TEST(no_limit_for_connects_means_none),
		FORWARD_TEST(an_outbound_that_never_answers_for_a_datagram_flow_ends_it_in_time),
		FORWARD_TEST(an_outbound_that_says_no_to_a_datagram_flow_refuses_it),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
