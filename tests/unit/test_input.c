/* SPDX-License-Identifier: MIT
 * tests/unit/test_input.c - packets from the device: who gets in, who is refused and how, what is dropped
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/kit_packets.h"

static struct kit *k;

static int set_up(void **state)
{
	k = kit_new(NULL);
	return 0;
}

static int tear_down(void **state)
{
	kit_free(k);
	return 0;
}

/* ---- TCP ---- */

static void only_a_clean_syn_makes_a_flow(void **state)
{
	static const uint8_t flags[] = {ACK, ACK | PSH, SYN | ACK, FIN | ACK, RST, RST | ACK};
	size_t i;

	for (i = 0; i < sizeof(flags); i++)
		send_segment(k, i % 2 ? 4 : 6, (uint16_t)(1000 + i), flags[i], 0);
	assert_int_equal(kit_counts(k).flows, 0);
	assert_int_equal(asked(k, 0, 0), 0);
	assert_int_equal(kit_counter(k, COUNT_dropped_stray), sizeof(flags));
	assert_int_equal(kit_number(k, PART_PLATFORM, 0, KIT_PACKET, 0), 4); /* resets are not answered */
	send_segment(k, 4, 2000, SYN, 0);
	assert_int_equal(kit_counts(k).flows, 1);
	assert_true(asked(k, 0, 0) != 0);
}

static void a_stray_segment_gets_the_reset_that_rfc_9293_asks_for(void **state)
{
	const struct kit_seen *r;

	send_segment(k, 4, 1000, ACK | PSH, 5);
	r = device_got(k, 0);
	assert_int_equal(r->size, 40);
	assert_int_equal(r->bytes[33], RST);
	assert_memory_equal(r->bytes + 12, "\x01\x01\x01\x01\x0a\x00\x00\x02", 8);
	assert_memory_equal(r->bytes + 20, "\x01\xbb\x03\xe8", 4);
	assert_memory_equal(r->bytes + 24, "\x0a\x0b\x0c\x0d", 4); /* its sequence number is the other's ACK */
	assert_true(checksums_right(r));
}

static void resets_are_limited_in_rate(void **state)
{
	int i;

	for (i = 0; i < 300; i++)
		send_segment(k, 4, (uint16_t)(1000 + i), ACK, 0);
	assert_in_range(kit_number(k, PART_PLATFORM, 0, KIT_PACKET, 0), 200, 290);
	assert_int_equal(kit_number(k, PART_PLATFORM, 0, KIT_PACKET, 0) + kit_counter(k, COUNT_refusals_limited), 300);
}

static void the_parked_syn_follows_a_late_verdict_once(void **state)
{
	adit_op accept = {.type = ADIT_OP_ACCEPT, .u.num = 7};
	const struct kit_seen *e;

	send_segment(k, 4, 1000, SYN, 0);
	send_segment(k, 4, 1000, SYN, 0); /* repeated while it waits */
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_OPEN), 1);
	assert_int_equal(kit_counter(k, COUNT_dropped_parked), 1);
	assert_int_equal(kit_counts(k).half_open, 1);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 0);
	accept.flow = asked(k, 0, 0);
	kit_submit(k, 0, &accept, 1);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 1);
	e = kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_ACCEPT, 0);
	assert_true(e && e->flow == accept.flow && e < kit_find(k, PART_STACK, 0, KIT_PACKET, 0, 0));
	assert_true(kit_find(k, PART_STACK, 0, KIT_PACKET, 0, 0)->flow == accept.flow);
	send_segment(k, 4, 1000, ACK, 10);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 2);
}

static void a_crowd_of_half_open_flows_has_less_time(void **state)
{
	uint16_t port;

	k->answer[0] = (adit_op){.type = ADIT_OP_ACCEPT, .u.num = 7};
	k->s.timeouts.connect = 30;
	for (port = 1000; port < 1025; port++) /* a quarter of the limit is no crowd */
		send_segment(k, 4, port, SYN, 0);
	kit_age(k, 6);
	assert_int_equal(kit_counts(k).half_open, 25);
	for (port = 2000; port < 2010; port++)
		send_segment(k, 4, port, SYN, 0);
	kit_age(k, 1);
	assert_int_equal(kit_counts(k).half_open, 10); /* the new ones */
	kit_age(k, 6);
	assert_int_equal(kit_counts(k).half_open, 10); /* no crowd any more */
}

static void a_reset_while_it_waits_ends_the_flow_in_silence(void **state)
{
	adit_flow flow;
	adit_op accept = {.type = ADIT_OP_ACCEPT};
	const struct kit_seen *e;

	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	send_segment(k, 4, 1000, RST, 0);
	assert_int_equal(kit_counts(k).flows, 0);
	assert_null(device_got(k, 0)); /* a reset is never answered, not even by way of the parked SYN */
	e = kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0);
	assert_true(e && e->flow == flow && e->code == ADIT_ERESET && e->user == 0);
	accept.flow = flow;
	kit_submit(k, 0, &accept, 1);
	assert_int_equal(kit_counter(k, COUNT_stale_ops), 1);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_OP, 0), 0);
}

/* ---- what is not even looked up ---- */

static void broken_packets_are_dropped_and_counted(void **state)
{
	uint8_t p[2048];
	size_t size = segment(p, 4, 1000, SYN, 0);

	p[16 + 20]++; /* the TCP checksum */
	kit_packet(k, p, size, 0);
	assert_int_equal(kit_counter(k, COUNT_dropped_checksum), 1);
	kit_packet(k, p, size, ADIT_BUF_CSUM_OK); /* the device vouches for it */
	assert_int_equal(kit_counts(k).flows, 1);
	p[10]++; /* the IP checksum: nobody vouches for that */
	kit_packet(k, p, size, ADIT_BUF_CSUM_OK);
	assert_int_equal(kit_counter(k, COUNT_dropped_checksum), 2);
	kit_packet(k, p, 12, 0);
	assert_int_equal(kit_counter(k, COUNT_dropped_malformed), 1);
	size = make_packet(p, 4, 6, 0);
	p[9] = 132;
	sign_packet(p, size, 20, 6);
	kit_packet(k, p, size, 0);
	assert_int_equal(kit_counter(k, COUNT_dropped_unknown), 1);
	size = segment(p, 4, 1001, SYN, 0);
	p[16] = 224; /* multicast */
	sign_packet(p, size, 20, 6);
	kit_packet(k, p, size, 0);
	assert_int_equal(kit_counter(k, COUNT_dropped_policy), 1);
	assert_null(device_got(k, 0));
}

static void fragments_make_one_datagram(void **state)
{
	uint8_t whole[2048], one[2048], two[2048];
	const uint8_t *both[2] = {one, two};
	size_t sizes[2], size = datagram(whole, 4, 1000, 1000), first = 20 + 512;

	memcpy(one, whole, first);
	put16(one + 2, (unsigned)first);
	put16(one + 4, 77);
	put16(one + 6, 0x2000);
	put16(one + 10, 0);
	put16(one + 10, slow_checksum(one, 20, 0));
	memcpy(two, whole, 20);
	memcpy(two + 20, whole + first, size - first);
	put16(two + 2, (unsigned)(20 + size - first));
	put16(two + 4, 77);
	put16(two + 6, 512 / 8);
	put16(two + 10, 0);
	put16(two + 10, slow_checksum(two, 20, 0));
	sizes[0] = first;
	sizes[1] = 20 + size - first;
	k->answer[0].type = ADIT_OP_ACCEPT;
	kit_packets(k, both, sizes, 2);
	assert_non_null(kit_find(k, PART_STACK, 0, KIT_PACKET, 0, 0));
	assert_int_equal(kit_find(k, PART_STACK, 0, KIT_PACKET, 0, 0)->size, size);
	assert_memory_equal(kit_find(k, PART_STACK, 0, KIT_PACKET, 0, 0)->bytes + 28, whole + 28, 1000);
}

/* ---- datagrams ---- */

static void the_second_datagram_of_one_batch_is_not_lost(void **state)
{
	uint8_t p[4][256];
	const uint8_t *all[4] = {p[0], p[1], p[2], p[3]};
	size_t sizes[4], i;

	k->answer[0].type = ADIT_OP_ACCEPT;
	for (i = 0; i < 4; i++)
		sizes[i] = datagram(p[i], i < 2 ? 4 : 6, 1000, i);
	kit_packets(k, all, sizes, 4);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_OPEN), 2);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(kit_find(k, PART_STACK, 0, KIT_PACKET, 0, (unsigned)i)->size, sizes[i]);
}

static void echo_flows_are_told_apart_by_identifier(void **state)
{
	k->answer[0].type = ADIT_OP_ACCEPT;
	send_echo(k, 4, 77, 8);
	send_echo(k, 4, 77, 8);
	send_echo(k, 4, 78, 8);
	send_echo(k, 6, 77, 8);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_OPEN), 3);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 4);
	assert_int_equal(kit_counts(k).datagram, 3);
	assert_int_equal(flowtable_get(k->s.flows, asked(k, 0, 0))->info.src.port, 77);
	assert_int_equal(flowtable_get(k->s.flows, asked(k, 0, 0))->info.dst.port, 0);
}

static void an_unreachable_from_the_application_ends_its_flow(void **state)
{
	uint8_t p[256], down[128];
	size_t size, quoted;

	k->answer[0] = (adit_op){.type = ADIT_OP_ACCEPT, .u.num = 5};
	send_datagram(k, 4, 1000, 4);
	/* What went down: 1.1.1.1:443 -> 10.0.0.2:1000, quoted by the application's host. */
	quoted = datagram(down, 4, 443, 0);
	memcpy(down + 12, "\x01\x01\x01\x01\x0a\x00\x00\x02", 8);
	put16(down + 22, 1000);
	sign_packet(down, quoted, 20, 17);
	size = make_packet(p, 4, 1, quoted);
	p[20] = 3;
	p[21] = 3;
	put32(p + 24, 0);
	memcpy(p + 28, down, quoted);
	sign_packet(p, size, 20, 1);
	kit_packet(k, p, size, 0);
	assert_int_equal(kit_counts(k).flows, 0);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->code, ADIT_EREFUSED);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->user, 5);
}

/* ---- limits ---- */

static void a_full_table_refuses_and_harms_nobody(void **state)
{
	static const struct flow_limits few = {10, 3, 4, 2};
	int i;

	kit_free(k);
	k = kit_new(&few);
	for (i = 0; i < 6; i++)
		send_segment(k, 4, (uint16_t)(1000 + i), SYN, 0);
	assert_int_equal(kit_counts(k).half_open, 3);
	assert_int_equal(kit_counter(k, COUNT_dropped_half_open), 3);
	assert_null(device_got(k, 0)); /* a SYN comes again */
	for (i = 0; i < 6; i++)
		send_datagram(k, 4, (uint16_t)(1000 + i), 1);
	assert_int_equal(kit_counts(k).datagram, 4);
	assert_int_equal(kit_counter(k, COUNT_dropped_limit), 2);
	assert_int_equal(kit_number(k, PART_PLATFORM, 0, KIT_PACKET, 0), 2); /* told "administratively prohibited" */
	assert_int_equal(device_got(k, 0)->bytes[20], 3);
	assert_int_equal(device_got(k, 0)->bytes[21], 13);
	for (i = 0; i < 3; i++)
		assert_non_null(flowtable_get(k->s.flows, asked(k, 0, (unsigned)i)));
}

static void at_the_limit_the_oldest_unanswered_offer_gives_way(void **state)
{
	static const struct flow_limits few = {10, 3, 4, 2};
	adit_event credit = {.type = ADIT_EV_CREDIT, .u.num = 1000};
	adit_flow first;
	int i;

	kit_free(k);
	k = kit_new(&few);
	k->answer[0].type = ADIT_OP_ACCEPT;
	for (i = 0; i < 4; i++)
		send_segment(k, 4, (uint16_t)(1000 + i), SYN, 0);
	assert_int_equal(kit_counter(k, COUNT_dropped_half_open), 1); /* they are too young to give way */
	credit.flow = asked(k, 0, 1);
	kit_emit(k, PART_STACK, 0, &credit, 1); /* the second is established */
	send_segment(k, 4, 1004, SYN, 0);
	first = asked(k, 0, 0);
	kit_age(k, 1);
	send_segment(k, 4, 1000, ACK, 0); /* what comes of it does not make it younger */
	send_segment(k, 4, 1005, SYN, 0);
	assert_int_equal(kit_counter(k, COUNT_half_open_evicted), 1);
	assert_int_equal(flowtable_get(k->s.flows, first)->state, FLOW_CLOSED);
	assert_int_equal(flowtable_get(k->s.flows, credit.flow)->state, FLOW_OPEN);
	assert_int_equal(kit_counts(k).half_open, 3);
	assert_int_equal(kit_counts(k).flows, 5);
}

static void a_handshake_lasts_as_long_as_it_may_whatever_comes_of_it(void **state)
{
	int i;

	k->answer[0].type = ADIT_OP_ACCEPT;
	k->s.timeouts.connect = 5;
	send_segment(k, 4, 1000, SYN, 0);
	for (i = 0; i < 8; i++) {
		kit_age(k, 1);
		send_segment(k, 4, 1000, ACK, 0);
	}
	assert_int_equal(kit_counts(k).half_open, 0);
	assert_int_equal(kit_counter(k, COUNT_flows_idle), 1);
}

static void established_flows_are_not_half_open(void **state)
{
	static const struct flow_limits few = {10, 2, 4, 2};
	adit_event credit = {.type = ADIT_EV_CREDIT, .u.num = 1000};
	int i;

	kit_free(k);
	k = kit_new(&few);
	k->answer[0].type = ADIT_OP_ACCEPT;
	for (i = 0; i < 6; i++) {
		send_segment(k, 4, (uint16_t)(1000 + i), SYN, 0);
		credit.flow = asked(k, 0, (unsigned)i);
		assert_true(credit.flow != 0);
		kit_emit(k, PART_STACK, 0, &credit, 1);
		assert_int_equal(kit_counts(k).half_open, 0);
	}
	assert_int_equal(kit_counts(k).flows, 6);
}

static void draining_lets_old_flows_go_on_and_no_new_ones_in(void **state)
{
	k->answer[0].type = ADIT_OP_ACCEPT;
	send_segment(k, 4, 1000, SYN, 0);
	k->s.draining = 1;
	send_segment(k, 4, 1001, SYN, 0);
	send_segment(k, 4, 1000, ACK, 1);
	assert_int_equal(kit_counts(k).flows, 1);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 2);
	assert_int_equal(kit_counter(k, COUNT_dropped_limit), 1);
}

static void without_a_stack_for_it_a_protocol_is_refused(void **state)
{
	k->s.stack_of[1] = NO_STACK;
	send_datagram(k, 6, 1000, 1);
	assert_int_equal(kit_counts(k).flows, 0);
	assert_int_equal(kit_counter(k, COUNT_dropped_no_stack), 1);
	assert_int_equal(device_got(k, 0)->bytes[40], 1);
	k->s.stack_of[2] = 1;
	k->answer[0].type = ADIT_OP_ACCEPT;
	send_echo(k, 4, 7, 1);
	assert_int_equal(kit_number(k, PART_STACK, 1, KIT_PACKET, 0), 1);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 0);
}

/* ---- nobody is re-entered ---- */

/* The stack answers every packet at once, in the middle of everything. */
static void answer_back(struct kit *kit, struct part *p, const struct kit_seen *seen)
{
	if (p->kind == PART_STACK && seen->what == KIT_PACKET) {
		adit_buf *b = kit_buf(kit, seen->bytes, seen->size);
		adit_event ev = {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF, .flow = seen->flow};

		p->path.output(p->path.end, &b, 1);
		ev.u.buf = kit_buf(kit, seen->bytes, seen->size);
		p->path.emit(p->path.end, &ev, 1);
	} else if (p->kind == PART_HANDLER && seen->what == KIT_EVENT && seen->type == ADIT_EV_DATA) {
		adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = seen->flow};

		op.u.buf = kit_buf(kit, seen->bytes, seen->size);
		p->path.submit(p->path.end, &op, 1);
	}
}

static void a_platform_inside_its_input_is_not_called(void **state)
{
	uint8_t p[20][256];
	const uint8_t *all[20];
	size_t sizes[20], i;

	k->answer[0].type = ADIT_OP_ACCEPT;
	k->script = answer_back;
	for (i = 0; i < 20; i++) {
		sizes[i] = datagram(p[i], 4, (uint16_t)(1000 + i % 5), i);
		all[i] = p[i];
	}
	kit_packets(k, all, sizes, 20); /* the fakes assert their depth */
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 20);
	assert_int_equal(kit_number(k, PART_PLATFORM, 0, KIT_PACKET, 0), 20);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_DATA), 20);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_OP, ADIT_OP_SEND), 20);
	for (i = 0; i + 1 < 20; i++)
		if (kit_find(k, PART_STACK, 0, KIT_PACKET, 0, (unsigned)i)->flow ==
		    kit_find(k, PART_STACK, 0, KIT_PACKET, 0, (unsigned)i + 1)->flow)
			fail_msg("flows were to take turns");
}

int main(void)
{
#define INPUT_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		INPUT_TEST(only_a_clean_syn_makes_a_flow),
		INPUT_TEST(a_stray_segment_gets_the_reset_that_rfc_9293_asks_for),
		INPUT_TEST(resets_are_limited_in_rate),
		INPUT_TEST(the_parked_syn_follows_a_late_verdict_once),
		INPUT_TEST(a_crowd_of_half_open_flows_has_less_time),
		INPUT_TEST(a_reset_while_it_waits_ends_the_flow_in_silence),
		INPUT_TEST(broken_packets_are_dropped_and_counted),
		INPUT_TEST(fragments_make_one_datagram),
		INPUT_TEST(the_second_datagram_of_one_batch_is_not_lost),
		INPUT_TEST(echo_flows_are_told_apart_by_identifier),
		INPUT_TEST(an_unreachable_from_the_application_ends_its_flow),
		INPUT_TEST(a_full_table_refuses_and_harms_nobody),
		INPUT_TEST(at_the_limit_the_oldest_unanswered_offer_gives_way),
		INPUT_TEST(a_handshake_lasts_as_long_as_it_may_whatever_comes_of_it),
		INPUT_TEST(established_flows_are_not_half_open),
		INPUT_TEST(draining_lets_old_flows_go_on_and_no_new_ones_in),
		INPUT_TEST(without_a_stack_for_it_a_protocol_is_refused),
		INPUT_TEST(a_platform_inside_its_input_is_not_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
