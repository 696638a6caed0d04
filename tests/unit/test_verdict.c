/* SPDX-License-Identifier: MIT
 * tests/unit/test_verdict.c - what handlers say, and what comes of it: refusals, ownership, endings, ageing
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void all_handlers(void)
{
	k->parts[4].started = k->parts[5].started = 1;
}

/* ---- refusals ---- */

static void tcp_refused(adit_result code, int family, int icmp_type, int icmp_code)
{
	size_t l4 = family == 4 ? 20 : 40;
	const struct kit_seen *r;

	k->answer[0] = (adit_op){.type = ADIT_OP_REJECT, .code = code};
	kit_clear(k);
	send_segment(k, family, 1000, SYN, 0);
	r = device_got(k, 0);
	assert_non_null(r);
	assert_true(checksums_right(r));
	if (icmp_type < 0) {
		assert_int_equal(r->size, l4 + 20);
		assert_int_equal(r->bytes[l4 + 13], RST | ACK);
		assert_memory_equal(r->bytes + l4 + 8, "\x01\x02\x03\x05", 4);
	} else {
		assert_int_equal(r->bytes[l4], icmp_type);
		assert_int_equal(r->bytes[l4 + 1], icmp_code);
		assert_int_equal(r->bytes[l4 + 8] >> 4, family); /* the SYN is quoted */
		assert_int_equal(r->size, l4 + 8 + l4 + 20);
	}
	assert_int_equal(kit_counts(k).flows, 0);
}

static void a_refused_tcp_flow_hears_it_in_its_own_way(void **state)
{
	tcp_refused(ADIT_EREFUSED, 4, -1, 0);
	tcp_refused(ADIT_EREFUSED, 6, -1, 0);
	tcp_refused(ADIT_EHOST, 4, 3, 1);
	tcp_refused(ADIT_EHOST, 6, 1, 3);
	tcp_refused(ADIT_ENET, 4, 3, 0);
	tcp_refused(ADIT_ENET, 6, 1, 0);
	tcp_refused(ADIT_EADMIN, 4, 3, 13);
	tcp_refused(ADIT_EADMIN, 6, 1, 1);
	assert_int_equal(kit_counter(k, COUNT_verdict_reject), 8);
}

static void udp_refused(adit_result code, int family, int icmp_type, int icmp_code)
{
	size_t l4 = family == 4 ? 20 : 40;
	uint8_t sent[256];
	size_t size = datagram(sent, family, 1000, 9);
	const struct kit_seen *r;

	tear_down(NULL);
	set_up(NULL);
	k->answer[0] = (adit_op){.type = ADIT_OP_REJECT, .code = code};
	kit_packet(k, sent, size, 0);
	kit_packet(k, sent, size, 0); /* refused again, without being asked about again */
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_OPEN), 1);
	assert_int_equal(kit_number(k, PART_PLATFORM, 0, KIT_PACKET, 0), 2);
	r = device_got(k, 1);
	assert_int_equal(r->bytes[l4], icmp_type);
	assert_int_equal(r->bytes[l4 + 1], icmp_code);
	assert_memory_equal(r->bytes + l4 + 8, sent, size);
	assert_true(checksums_right(r));
}

static void a_refused_datagram_flow_stays_refused_for_a_while(void **state)
{
	udp_refused(ADIT_EREFUSED, 4, 3, 3);
	udp_refused(ADIT_EREFUSED, 6, 1, 4);
	udp_refused(ADIT_EHOST, 4, 3, 1);
	udp_refused(ADIT_ENET, 6, 1, 0);
	udp_refused(ADIT_EADMIN, 4, 3, 13);
	udp_refused(0, 4, 3, 13); /* no code */
	kit_age(k, 8);
	send_datagram(k, 4, 1000, 1); /* knocking does not make it last */
	kit_age(k, 8);
	assert_int_equal(kit_counts(k).flows, 0);
	k->answer[0].type = ADIT_OP_ACCEPT;
	send_datagram(k, 4, 1000, 1);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 1);
}

static void echo_is_refused_with_an_icmp_error(void **state)
{
	k->answer[0] = (adit_op){.type = ADIT_OP_REJECT, .code = ADIT_EHOST};
	send_echo(k, 4, 9, 8);
	assert_int_equal(device_got(k, 0)->bytes[20], 3);
	assert_int_equal(kit_counter(k, COUNT_refused_echo), 1);
}

static void drop_is_silence(void **state)
{
	k->answer[0].type = ADIT_OP_DROP;
	send_segment(k, 4, 1000, SYN, 0);
	send_datagram(k, 4, 1000, 1);
	send_datagram(k, 4, 1000, 1);
	send_echo(k, 6, 1, 1);
	assert_null(device_got(k, 0));
	assert_int_equal(kit_counter(k, COUNT_verdict_drop), 3);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 0); /* its own verdict */
}

/* ---- who is asked ---- */

static void pass_asks_the_next_and_nobody_means_no(void **state)
{
	all_handlers();
	k->answer[0].type = k->answer[1].type = k->answer[2].type = ADIT_OP_PASS;
	send_segment(k, 4, 1000, SYN, 0);
	assert_true(asked(k, 0, 0) && asked(k, 0, 0) == asked(k, 1, 0) && asked(k, 1, 0) == asked(k, 2, 0));
	assert_int_equal(kit_counter(k, COUNT_verdict_none), 1);
	assert_int_equal(device_got(k, 0)->bytes[21], 13);
	k->answer[1].type = ADIT_OP_ACCEPT;
	send_segment(k, 4, 1001, SYN, 0);
	assert_int_equal(asked(k, 2, 1), 0);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 1);
}

static void a_handler_that_passed_has_no_say_any_more(void **state)
{
	adit_op op = {.type = ADIT_OP_ACCEPT};

	all_handlers();
	k->answer[0].type = ADIT_OP_PASS;
	send_segment(k, 4, 1000, SYN, 0);
	op.flow = asked(k, 1, 0);
	kit_submit(k, 0, &op, 1);
	kit_submit(k, 2, &op, 1);
	assert_int_equal(kit_counter(k, COUNT_misuse), 2);
	assert_int_equal(kit_counter(k, COUNT_verdict_accept), 0);
	kit_submit(k, 1, &op, 1);
	assert_int_equal(kit_counter(k, COUNT_verdict_accept), 1);
}

static int matched(const struct match *m, int family, unsigned proto, uint16_t id)
{
	kit_part(k, PART_HANDLER, 0)->match = *m;
	kit_clear(k);
	if (proto == 6)
		send_segment(k, family, id, SYN, 0);
	else if (proto == 17)
		send_datagram(k, family, id, 1);
	else
		send_echo(k, family, id, 1);
	return asked(k, 0, 0) != 0;
}

static void handlers_hear_of_what_they_match(void **state)
{
	static const struct match_ports web[] = {{80, 80}, {440, 443}}, not_web[] = {{0, 442}, {444, 65535}};
	static const struct match_prefix one8[] = {{{1}, 4, 8}}, one31[] = {{{1, 1, 1, 0}, 4, 31}},
	                                 other31[] = {{{1, 1, 1, 2}, 4, 31}}, any4[] = {{{0}, 4, 0}},
	                                 six[] = {{{0x26, 6, 0x47}, 6, 33}, {{9}, 4, 8}}, exact[] = {{{1, 1, 1, 1}, 4, 32}};

	assert_true(matched(&(struct match){0}, 4, 6, 1));
	assert_true(matched(&(struct match){.protos = MATCH_TCP}, 4, 6, 2));
	assert_false(matched(&(struct match){.protos = MATCH_TCP}, 4, 17, 3));
	assert_true(matched(&(struct match){.protos = MATCH_ECHO | MATCH_UDP}, 6, 58, 4));
	assert_true(matched(&(struct match){.ports = web, .port_count = 2}, 4, 17, 5));
	assert_false(matched(&(struct match){.ports = not_web, .port_count = 2}, 4, 17, 6));
	assert_false(matched(&(struct match){.ports = not_web, .port_count = 2}, 4, 1, 7)); /* echo has no port */
	assert_true(matched(&(struct match){.prefixes = one8, .prefix_count = 1}, 4, 6, 8));
	assert_false(matched(&(struct match){.prefixes = one8, .prefix_count = 1}, 6, 6, 9));
	assert_true(matched(&(struct match){.prefixes = one31, .prefix_count = 1}, 4, 6, 10));
	assert_false(matched(&(struct match){.prefixes = other31, .prefix_count = 1}, 4, 6, 11));
	assert_true(matched(&(struct match){.prefixes = any4, .prefix_count = 1}, 4, 6, 12));
	assert_false(matched(&(struct match){.prefixes = any4, .prefix_count = 1}, 6, 6, 13));
	assert_true(matched(&(struct match){.prefixes = six, .prefix_count = 2}, 6, 6, 14));
	assert_true(matched(&(struct match){.prefixes = exact, .prefix_count = 1}, 4, 6, 15));
	assert_false(matched(&(struct match){.protos = MATCH_UDP, .ports = web, .port_count = 2, .prefixes = one8,
	                                     .prefix_count = 1}, 4, 6, 16));
}

static void nobody_answers_for_ever(void **state)
{
	send_segment(k, 4, 1000, SYN, 0);
	send_datagram(k, 4, 1000, 1);
	kit_age(k, 20);
	assert_int_equal(kit_counts(k).flows, 2);
	kit_age(k, 20);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 2);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->code, ADIT_ETIME);
	assert_null(device_got(k, 0));
	assert_int_equal(kit_counts(k).flows, kit_counts(k).closed);
	kit_age(k, 20);
	assert_int_equal(kit_counts(k).flows, 0);
}

/* ---- ownership ---- */

static adit_flow accepted(uint16_t sport)
{
	adit_event credit = {.type = ADIT_EV_CREDIT, .u.num = 1000};

	k->answer[0] = (adit_op){.type = ADIT_OP_ACCEPT, .u.num = 4242};
	send_segment(k, 4, sport, SYN, 0);
	credit.flow = asked(k, 0, kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_OPEN) - 1);
	kit_emit(k, PART_STACK, 0, &credit, 1);
	return credit.flow;
}

static void events_and_operations_pass_between_owner_and_stack(void **state)
{
	adit_flow flow = accepted(1000);
	adit_event data = {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF, .flow = flow};
	adit_op ops[3] = {{.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = flow},
	                  {.type = ADIT_OP_CONSUME, .flow = flow, .u.num = 5},
	                  {.type = ADIT_OP_FIN, .flow = flow}};
	struct flow *f = flowtable_get(k->s.flows, flow);
	const struct kit_seen *e;

	data.u.buf = kit_buf(k, "hello", 5);
	data.u.buf->next = kit_buf(k, "world!", 6);
	kit_emit(k, PART_STACK, 0, &data, 1);
	e = kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_DATA, 0);
	assert_int_equal(e->size, 11);
	assert_int_equal(e->parts, 2);
	assert_int_equal(e->user, 4242);
	assert_int_equal(f->bytes_up, 11); /* the whole chain */
	ops[0].u.buf = kit_buf(k, "answer", 6);
	ops[0].u.buf->next = kit_buf(k, "s", 1);
	kit_submit(k, 0, ops, 3);
	assert_int_equal(f->bytes_down, 7);
	assert_int_equal(kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_SEND, 0)->size, 7);
	assert_int_equal(kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_CONSUME, 0)->num, 5);
	assert_non_null(kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_FIN, 0));
	assert_ptr_equal(kit_part(k, PART_HANDLER, 0)->path.info(&k->parts[3], 0), NULL);
}

/* ---- the stack of one flow ---- */

static void names_stack(unsigned at, const char *name, uint16_t verdict)
{
	adit_op op[2] = {{.type = ADIT_OP_STACK, .flow = asked(k, 0, at), .u.name = name},
	                 {.type = verdict, .flow = asked(k, 0, at), .u.num = 7}};

	kit_submit(k, 0, op, 2);
}

static unsigned packets_of(unsigned stack)
{
	return kit_number(k, PART_STACK, stack, KIT_PACKET, 0);
}

static void a_handler_chooses_the_stack_of_a_flow(void **state)
{
	static struct shard_order order = {.handlers = {0}, .handler_count = 1, .stacks = {0}, .stack_count = 1};

	k->answer[0].type = 0;
	k->parts[1].name = "one";
	k->parts[2].name = "two";
	k->s.stack_of[0] = 0;
	send_segment(k, 4, 1000, SYN, 0);
	names_stack(0, "two", ADIT_OP_ACCEPT);
	assert_int_equal(packets_of(0), 0);
	assert_int_equal(packets_of(1), 1);
	send_segment(k, 4, 1001, SYN, 0);
	names_stack(1, "one", ADIT_OP_ACCEPT);
	assert_int_equal(packets_of(0), 1);
	/* Once it is decided it is too late. */
	names_stack(1, "two", ADIT_OP_FIN);
	assert_int_equal(kit_counter(k, COUNT_misuse), 1);
	/* Only what is in the line-up can be named. */
	k->s.order = &order;
	send_segment(k, 4, 1002, SYN, 0);
	names_stack(2, "two", ADIT_OP_ACCEPT);
	assert_int_equal(packets_of(1), 1);
	k->s.order = NULL;
	k->parts[2].draining = 1;
	send_segment(k, 4, 1003, SYN, 0);
	names_stack(3, "two", ADIT_OP_ACCEPT);
	assert_int_equal(packets_of(1), 1);
	assert_int_equal(kit_number(k, PART_PLATFORM, 0, KIT_PACKET, 0), 2); /* both refused */
	assert_int_equal(kit_counts(k).flows, 2);
}

static void a_stack_that_is_not_there_refuses_the_flow(void **state)
{
	k->answer[0].type = 0;
	send_segment(k, 4, 1000, SYN, 0);
	kit_clear(k);
	send_segment(k, 4, 1001, SYN, 0);
	names_stack(0, "none", ADIT_OP_FORWARD);
	assert_int_equal(kit_number(k, PART_OUTBOUND, 0, KIT_REACH, 0), 0);
	assert_int_equal(device_got(k, 0)->bytes[20], 3); /* prohibited */
	assert_int_equal(device_got(k, 0)->bytes[21], 13);
	/* A stack that is there and does not end the protocol is as good as none. */
	k->parts[2].name = "two";
	k->parts[2].table.stack = &(const adit_stack_1){.size = sizeof(adit_stack_1), .flags = ADIT_STACK_UDP};
	send_segment(k, 4, 1002, SYN, 0);
	names_stack(1, "two", ADIT_OP_ACCEPT);
	assert_int_equal(kit_number(k, PART_PLATFORM, 0, KIT_PACKET, 0), 2);
	/* The verdict of refusal needs no stack. */
	send_segment(k, 4, 1003, SYN, 0);
	names_stack(2, "none", ADIT_OP_DROP);
	assert_int_equal(kit_number(k, PART_PLATFORM, 0, KIT_PACKET, 0), 2);
	assert_int_equal(kit_counter(k, COUNT_misuse), 0);
	send_segment(k, 4, 1004, SYN, 0);
	names_stack(3, "", ADIT_OP_ACCEPT);
	assert_int_equal(kit_counter(k, COUNT_misuse), 1);
	assert_int_equal(packets_of(0), 1);
}

static void a_flow_that_is_passed_has_no_choice_any_more(void **state)
{
	all_handlers();
	k->answer[0].type = 0;
	k->answer[1] = (adit_op){.type = ADIT_OP_ACCEPT};
	k->parts[1].name = "one";
	k->parts[2].name = "two";
	send_segment(k, 4, 1000, SYN, 0);
	names_stack(0, "two", ADIT_OP_PASS);
	assert_int_equal(packets_of(0), 1);
	send_segment(k, 4, 1001, SYN, 0);
	names_stack(1, "none", ADIT_OP_PASS);
	assert_int_equal(packets_of(0), 2);
	assert_int_equal(packets_of(1), 0);
}

static void misuse_is_counted_and_loses_no_buffer(void **state)
{
	adit_flow flow = accepted(1000);
	adit_op second = {.type = ADIT_OP_REJECT, .flow = flow}, empty = {.type = ADIT_OP_SEND, .flow = flow};
	adit_op strange = {.type = 999, .flags = ADIT_OPF_BUF, .flow = flow}, stale = strange, foreign = strange;
	adit_event gone = {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF, .flow = flow ^ 1};
	adit_event nothing = {.type = ADIT_EV_DATA, .flow = flow};

	kit_submit(k, 0, &second, 1);
	kit_submit(k, 0, &empty, 1);
	strange.u.buf = kit_buf(k, "x", 1);
	kit_submit(k, 0, &strange, 1);
	foreign.u.buf = kit_buf(k, "x", 1);
	kit_submit(k, 1, &foreign, 1);
	assert_int_equal(kit_counter(k, COUNT_misuse), 4);
	stale.flow ^= 1ull << 40;
	stale.u.buf = kit_buf(k, "x", 1);
	kit_submit(k, 0, &stale, 1);
	assert_int_equal(kit_counter(k, COUNT_stale_ops), 1);
	gone.u.buf = kit_buf(k, "x", 1);
	kit_emit(k, PART_STACK, 0, &gone, 1);
	kit_emit(k, PART_STACK, 0, &nothing, 1);
	assert_int_equal(kit_counter(k, COUNT_misuse), 5);
	gone.flow = flow;
	gone.u.buf = kit_buf(k, "x", 1);
	kit_emit(k, PART_STACK, 1, &gone, 1); /* another stack's flow */
	gone.u.buf = kit_buf(k, "x", 1);
	kit_emit(k, PART_OUTBOUND, 0, &gone, 1);
	assert_null(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_DATA, 0));
}

static void forward_to_nowhere_is_refused(void **state)
{
	k->answer[0] = (adit_op){.type = ADIT_OP_FORWARD, .code = 3};
	send_segment(k, 4, 1000, SYN, 0);
	k->answer[0] = (adit_op){.type = ADIT_OP_FORWARD, .code = 1, .flags = ADIT_OPF_ADDR};
	send_segment(k, 4, 1001, SYN, 0);
	assert_int_equal(kit_counter(k, COUNT_misuse), 2);
	assert_int_equal(kit_counts(k).flows, 0);
	assert_int_equal(device_got(k, 1)->bytes[21], 13);
}

static void a_socket_that_nobody_asked_for_is_closed(void **state)
{
	adit_event ev = {.type = ADIT_EV_SOCKET, .flow = accepted(1000)};
	int pair[2];
	char c;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ev.u.num = (uint64_t)pair[0];
	kit_emit(k, PART_STACK, 0, &ev, 1);
	assert_int_equal(read(pair[1], &c, 1), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ev.u.num = (uint64_t)pair[0];
	ev.flow = 12345;
	kit_emit(k, PART_STACK, 0, &ev, 1);
	assert_int_equal(read(pair[1], &c, 1), 0);
}

/* ---- endings ---- */

static void closed_flows_stay_for_late_packets_and_are_forgotten(void **state)
{
	adit_flow flow = accepted(1000);
	adit_event closed = {.type = ADIT_EV_CLOSED, .flow = flow};

	kit_emit(k, PART_STACK, 0, &closed, 1);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->user, 4242);
	assert_int_equal(k->ended, 1);
	assert_int_equal(kit_counts(k).closed, 1);
	kit_emit(k, PART_STACK, 0, &closed, 1); /* once more: nobody hears it */
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 1);
	kit_clear(k);
	send_segment(k, 4, 1000, ACK, 0);
	assert_int_equal(kit_number(k, PART_STACK, 0, KIT_PACKET, 0), 1);
	kit_age(k, 12);
	assert_int_equal(kit_counts(k).flows, 0);
	assert_true(kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_RELEASE, 0)->flow == flow);
}

static void a_syn_on_a_closed_flow_is_a_new_flow(void **state)
{
	adit_flow flow = accepted(1000);
	adit_event closed = {.type = ADIT_EV_CLOSED, .flow = flow};
	uint8_t late[256], syn[256];
	const uint8_t *both[2] = {late, syn};
	size_t sizes[2] = {segment(late, 4, 1000, ACK, 0), segment(syn, 4, 1000, SYN, 0)};
	const struct kit_seen *packet, *release;

	kit_emit(k, PART_STACK, 0, &closed, 1);
	kit_clear(k);
	kit_packets(k, both, sizes, 2);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_OPEN), 1);
	assert_true(asked(k, 0, 0) != flow);
	packet = kit_find(k, PART_STACK, 0, KIT_PACKET, 0, 0);
	release = kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_RELEASE, 0);
	assert_true(packet->flow == flow && packet < release);
	assert_true(kit_find(k, PART_STACK, 0, KIT_PACKET, 0, 1)->flow == asked(k, 0, 0));
}

static void too_many_closed_flows_push_out_the_oldest(void **state)
{
	adit_event closed = {.type = ADIT_EV_CLOSED};
	adit_flow first = 0;
	int i;

	for (i = 0; i < 55; i++) {
		closed.flow = accepted((uint16_t)(1000 + i));
		if (!first)
			first = closed.flow;
		kit_emit(k, PART_STACK, 0, &closed, 1);
	}
	assert_int_equal(kit_counts(k).closed, 50);
	assert_int_equal(kit_counts(k).flows, 50);
	assert_true(kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_RELEASE, 0)->flow == first);
}

/* A stack that says CLOSED in the middle of being told ABORT. */
static void close_at_abort(struct kit *kit, struct part *p, const struct kit_seen *seen)
{
	adit_event ev = {.type = ADIT_EV_CLOSED, .code = ADIT_ECANCEL, .flow = seen->flow};

	if (p->kind == PART_STACK && seen->what == KIT_OP && seen->type == ADIT_OP_ABORT)
		p->path.emit(p->path.end, &ev, 1);
}

static void idle_flows_end_once(void **state)
{
	adit_op idle = {.type = ADIT_OP_IDLE, .u.num = 5000000000u};

	k->script = close_at_abort;
	idle.flow = accepted(1000);
	kit_submit(k, 0, &idle, 1);
	accepted(1001);
	send_datagram(k, 4, 1002, 1);
	kit_age(k, 6);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 1);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->code, ADIT_ETIME);
	kit_age(k, 301);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 2);
	assert_int_equal(kit_counts(k).datagram, 0);
	kit_age(k, 7500);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 3);
	assert_int_equal(kit_counter(k, COUNT_flows_idle), 3);
	assert_int_equal(k->ended, 3);
}

static void a_flow_ends_idle_when_it_is_not_let_go_of(void **state)
{
	adit_op abort_op = {.type = ADIT_OP_ABORT}, close_op = {.type = ADIT_OP_CLOSE};

	k->script = close_at_abort;
	abort_op.flow = accepted(1000);
	kit_submit(k, 0, &abort_op, 1);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 1);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 0)->code, ADIT_ECANCEL);
	k->answer[0] = (adit_op){.type = ADIT_OP_ACCEPT, .u.num = 9};
	send_datagram(k, 4, 1002, 1);
	close_op.flow = asked(k, 0, 1);
	kit_submit(k, 0, &close_op, 1);
	assert_int_equal(kit_find(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED, 1)->code, 0);
	assert_int_equal(kit_counts(k).datagram, 0);
	kit_submit(k, 0, &close_op, 1);
	assert_int_equal(kit_counter(k, COUNT_stale_ops), 1);
}

static void a_stopped_part_hears_nothing_more(void **state)
{
	adit_event data = {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF, .flow = accepted(1000)};

	kit_part(k, PART_HANDLER, 0)->started = 0; /* the fake would fail the test */
	data.u.buf = kit_buf(k, "x", 1);
	kit_emit(k, PART_STACK, 0, &data, 1);
	kit_part(k, PART_STACK, 0)->started = 0;
	send_segment(k, 4, 1000, ACK, 1);
	kit_part(k, PART_PLATFORM, 0)->started = 0;
	send_segment(k, 4, 2000, ACK, 1);
}

/* ---- order ---- */

static unsigned wraps_done;

static void wrap_is_done(void *arg)
{
	k->depth[3]++; /* the handler's own function: it must not be inside */
	assert_int_equal(k->depth[3], 1);
	k->depth[3]--;
	wraps_done++;
}

static void handler_sends_wrapped(struct kit *kit, struct part *p, const struct kit_seen *seen)
{
	static char mem[] = "static memory of a module";

	if (p->kind == PART_HANDLER && seen->what == KIT_EVENT && seen->type == ADIT_EV_DATA) {
		adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = seen->flow};

		op.u.buf = p->path.wrap(p->path.end, mem, sizeof(mem), wrap_is_done, NULL);
		p->path.submit(p->path.end, &op, 1); /* the stack puts it back at once */
	}
}

static void the_owner_of_memory_is_not_called_while_inside(void **state)
{
	adit_event data = {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF, .flow = accepted(1000)};

	wraps_done = 0;
	k->script = handler_sends_wrapped;
	data.u.buf = kit_buf(k, "x", 1);
	kit_emit(k, PART_STACK, 0, &data, 1);
	assert_int_equal(wraps_done, 1);
}

static adit_flow first_flow;

/* While the stack is inside emit, an operation for it waits; then the handler accepts another flow. */
static void emit_then_accept(struct kit *kit)
{
	struct part *stack = kit_part(kit, PART_STACK, 0), *h = kit_part(kit, PART_HANDLER, 0);
	adit_op consume = {.type = ADIT_OP_CONSUME, .flow = first_flow, .u.num = 1}, accept = {.type = ADIT_OP_ACCEPT};

	accept.flow = asked(kit, 0, 1);
	stack->inside++;
	h->path.submit(h->path.end, &consume, 1);
	stack->inside--;
	h->path.submit(h->path.end, &accept, 1);
}

static void a_first_packet_never_overtakes_its_accept(void **state)
{
	const struct kit_seen *consume, *accept, *packet;

	first_flow = accepted(1000);
	k->answer[0].type = 0;
	send_segment(k, 4, 1001, SYN, 0);
	kit_do(k, emit_then_accept);
	consume = kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_CONSUME, 0);
	accept = kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_ACCEPT, 1);
	packet = kit_find(k, PART_STACK, 0, KIT_PACKET, 0, 1);
	assert_true(consume && accept && packet);
	assert_true(consume < accept && accept < packet);
}

int main(void)
{
#define VERDICT_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		VERDICT_TEST(a_refused_tcp_flow_hears_it_in_its_own_way),
		VERDICT_TEST(a_refused_datagram_flow_stays_refused_for_a_while),
		VERDICT_TEST(echo_is_refused_with_an_icmp_error),
		VERDICT_TEST(drop_is_silence),
		VERDICT_TEST(pass_asks_the_next_and_nobody_means_no),
		VERDICT_TEST(a_handler_that_passed_has_no_say_any_more),
		VERDICT_TEST(handlers_hear_of_what_they_match),
		VERDICT_TEST(nobody_answers_for_ever),
		VERDICT_TEST(events_and_operations_pass_between_owner_and_stack),
		VERDICT_TEST(a_handler_chooses_the_stack_of_a_flow),
		VERDICT_TEST(a_stack_that_is_not_there_refuses_the_flow),
		VERDICT_TEST(a_flow_that_is_passed_has_no_choice_any_more),
		VERDICT_TEST(misuse_is_counted_and_loses_no_buffer),
		VERDICT_TEST(forward_to_nowhere_is_refused),
		VERDICT_TEST(a_socket_that_nobody_asked_for_is_closed),
		VERDICT_TEST(closed_flows_stay_for_late_packets_and_are_forgotten),
		VERDICT_TEST(a_syn_on_a_closed_flow_is_a_new_flow),
		VERDICT_TEST(too_many_closed_flows_push_out_the_oldest),
		VERDICT_TEST(idle_flows_end_once),
		VERDICT_TEST(a_flow_ends_idle_when_it_is_not_let_go_of),
		VERDICT_TEST(a_stopped_part_hears_nothing_more),
		VERDICT_TEST(the_owner_of_memory_is_not_called_while_inside),
		VERDICT_TEST(a_first_packet_never_overtakes_its_accept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
