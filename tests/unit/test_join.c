/* SPDX-License-Identifier: MIT
 * tests/unit/test_join.c - a forwarded TCP flow by pair of ends: socket and party, party and socket, party and party
 *
 * The ends are tests/lib/party.c: tagged content, credit and windows kept to the byte; sockets are TCP over loopback in a
 * network namespace of the test's own. Two sockets are a relay: tests/unit/test_relay.c; here they are a fourth pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/party.h"
#include "tests/lib/private.h"
#include "tests/unit/kit_packets.h"

enum { NEAR_SOCKET = 1, FAR_SOCKET = 2, PAIRS = 4 };

static struct kit *k;
static struct party near, far;
static adit_flow flow;
static int descriptors;

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A flow that is forwarded, and none of whose ends is there yet. */
static void forwarded(int pair, uint16_t flags)
{
	descriptors = open_descriptors();
	k = kit_new(NULL);
	k->answer[0] = (adit_op){.type = ADIT_OP_FORWARD, .flags = flags};
	party_init(&near, k, PART_STACK, pair & NEAR_SOCKET);
	party_init(&far, k, PART_OUTBOUND, pair & FAR_SOCKET);
	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	assert_true(flow != 0);
}

static void joined(int pair)
{
	forwarded(pair, 0);
	party_begin(&near, flow);
	party_begin(&far, flow);
}

static void finish(void)
{
	kit_wait(k, 3, NULL);
	if (near.bad || far.bad)
		fail_msg("near: %s; far: %s", near.why ? near.why : "-", far.why ? far.why : "-");
	kit_free(k);
	party_fini(&near);
	party_fini(&far);
	assert_int_equal(open_descriptors(), descriptors);
}

static int turn(struct kit *kit)
{
	party_turn(&near);
	party_turn(&far);
	return kit->ended || (near.got == far.most && far.got == near.most && !near.wants_fin && !far.wants_fin);
}

static void transfer(int pair, uint64_t up, uint64_t down)
{
	unsigned i;

	near.most = up;
	far.most = down;
	near.wants_fin = far.wants_fin = 1;
	if (!kit_wait(k, 60000, turn))
		fail_msg("pair %d: up %llu of %llu, down %llu of %llu", pair, (unsigned long long)far.got,
		         (unsigned long long)up, (unsigned long long)near.got, (unsigned long long)down);
	for (i = 0; i < 1000; i++) { /* what the kernel still holds */
		party_turn(&near);
		party_turn(&far);
	}
	assert_int_equal(far.got, up);
	assert_int_equal(near.got, down);
	assert_int_equal(k->ended, 1);
	assert_int_equal(k->end_code, 0);
	assert_true(near.fin_got && far.fin_got);
	assert_true(!near.abort_got && !far.abort_got && !near.reset_got && !far.reset_got);
}

static void much_arrives_both_ways(void **state)
{
	int pair;

	for (pair = 0; pair < PAIRS; pair++) {
		joined(pair);
		transfer(pair, 100u << 20, 100u << 20);
		finish();
	}
}

static void it_arrives_in_crumbs_and_from_slow_ends(void **state)
{
	int pair;

	for (pair = 0; pair < PAIRS; pair++) {
		joined(pair);
		near.piece = 700;
		far.piece = 1300;
		near.read_most = 5000;
		far.read_most = 3000;
		near.room = far.room = near.window = far.window = 4096;
		transfer(pair, 300000, 200000);
		finish();
	}
}

static void a_window_smaller_than_the_buffers_is_enough(void **state)
{
	forwarded(0, 0);
	near.room = far.room = 1000;
	party_begin(&near, flow);
	party_begin(&far, flow);
	transfer(0, 500000, 500000);
	finish();
}

/* One end reads nothing: what waits is bounded by windows and credit, and goes on when it reads. */
static void stopped(int pair, int near_stops)
{
	struct party *slow = near_stops ? &near : &far, *fast = near_stops ? &far : &near;
	uint64_t before;
	unsigned i;

	joined(pair);
	slow->stopped = 1;
	fast->most = 64u << 20;
	for (i = 0, before = 1; i < 50 && before != fast->sent; i++) {
		before = fast->sent;
		kit_wait(k, 100, turn);
	}
	assert_int_equal(fast->sent, before); /* nothing more is taken in */
	assert_true(before < (32u << 20));
	assert_true(bufpool_out(k->s.bufs) < 64);
	slow->stopped = 0;
	transfer(pair, near.most, far.most);
	finish();
}

static void an_end_that_does_not_read_stops_the_other_one(void **state)
{
	int pair;

	for (pair = 0; pair < PAIRS; pair++) {
		stopped(pair, 0);
		stopped(pair, 1);
	}
}

/* ---- ends ---- */

static int fin_has_come(struct kit *kit)
{
	party_turn(&near);
	party_turn(&far);
	return near.fin_got || far.fin_got;
}

static void half_closed(int pair, struct party *first, struct party *second)
{
	joined(pair);
	first->most = 100000;
	first->wants_fin = 1;
	assert_true(kit_wait(k, 5000, fin_has_come));
	assert_true(second->fin_got && !first->fin_got && second->got == 100000);
	assert_int_equal(k->ended, 0);
	second->most = 200000;
	second->wants_fin = 1;
	assert_true(kit_wait(k, 5000, turn));
	party_turn(first);
	assert_true(first->fin_got && first->got == 200000);
	assert_int_equal(k->end_code, 0);
	finish();
}

static void a_half_close_passes_and_the_other_direction_goes_on(void **state)
{
	int pair;

	for (pair = 0; pair < PAIRS; pair++) {
		half_closed(pair, &near, &far);
		half_closed(pair, &far, &near);
	}
}

static int has_ended(struct kit *kit)
{
	party_turn(&near);
	party_turn(&far);
	return kit->ended && (near.abort_got || near.reset_got || far.abort_got || far.reset_got);
}

static void reset_by(int pair, struct party *who, struct party *other, uint64_t bytes)
{
	joined(pair);
	who->most = bytes;
	kit_wait(k, 30, turn);
	party_reset(who);
	if (!kit_wait(k, 5000, has_ended))
		fail_msg("pair %d, by %d, bytes %d: no reset; ended %u", pair, who == &far, (int)bytes, k->ended);
	assert_int_equal(k->end_code, ADIT_ERESET);
	assert_true(other->is_socket ? other->reset_got : other->abort_got == 1);
	if (!other->is_socket)
		assert_int_equal(other->abort_code, ADIT_ERESET);
	assert_int_equal(other->got, bytes);
	finish();
}

static void a_reset_passes_as_a_reset(void **state)
{
	int pair;

	for (pair = 0; pair < PAIRS; pair++) {
		reset_by(pair, &near, &far, 0);
		reset_by(pair, &near, &far, 50000);
		reset_by(pair, &far, &near, 0);
		reset_by(pair, &far, &near, 50000);
	}
}

static void a_reset_is_seen_though_the_other_end_reads_nothing(void **state)
{
	forwarded(FAR_SOCKET, 0);
	near.room = 0; /* no credit at all */
	party_begin(&near, flow);
	party_begin(&far, flow);
	kit_wait(k, 10, turn);
	party_reset(&far);
	assert_true(kit_wait(k, 5000, has_ended));
	assert_int_equal(near.abort_code, ADIT_ERESET);
	finish();
}

static void a_fin_is_seen_though_there_is_no_credit(void **state)
{
	forwarded(FAR_SOCKET, 0);
	near.room = 0;
	party_begin(&near, flow);
	party_begin(&far, flow);
	far.wants_fin = 1;
	assert_true(kit_wait(k, 5000, fin_has_come));
	finish();
}

/* A party that is over before it was told FIN: what it gave arrives, the other end is ended in good order. */
static void a_party_that_closes_first(int pair, struct party *who, struct party *other)
{
	adit_event ev = {.type = ADIT_EV_CLOSED};

	joined(pair);
	who->most = 100000;
	kit_wait(k, 30, turn);
	ev.flow = flow;
	who->over = 1;
	kit_emit(k, who->kind, 0, &ev, 1);
	assert_true(kit_wait(k, 5000, turn));
	party_turn(other);
	assert_int_equal(other->got, 100000);
	assert_true(other->is_socket ? other->fin_got : other->close_got == 1);
	assert_int_equal(k->end_code, 0);
	finish();
}

static void a_party_may_be_over_first(void **state)
{
	a_party_that_closes_first(0, &near, &far);
	a_party_that_closes_first(0, &far, &near);
	a_party_that_closes_first(FAR_SOCKET, &near, &far);
	a_party_that_closes_first(NEAR_SOCKET, &far, &near);
}

static void it_ends_from_outside_at_every_stage(void **state)
{
	int pair, stage;

	for (pair = 0; pair < PAIRS; pair++) {
		for (stage = 0; stage < 8; stage++) {
			forwarded(pair, stage & 4 ? ADIT_OPF_CONNECT_FIRST : 0);
			if (stage & 2)
				party_begin(&far, flow);
			if (stage & 1 && (stage & 2 || !(stage & 4)))
				party_begin(&near, flow);
			near.most = far.most = 300000;
			near.stopped = far.stopped = 1;
			if (near.flow && far.flow)
				kit_wait(k, 10, turn);
			kit_age(k, 8000);
			assert_int_equal(k->ended, 1);
			assert_int_equal(k->end_code, ADIT_ETIME);
			finish();
		}
	}
}

static void connect_first_waits_for_credit_too(void **state)
{
	forwarded(0, ADIT_OPF_CONNECT_FIRST);
	assert_int_equal(flowtable_get(k->s.flows, flow)->state, FLOW_DIAL);
	party_begin(&far, flow);
	assert_int_equal(flowtable_get(k->s.flows, flow)->state, FLOW_OPEN);
	party_begin(&near, flow);
	transfer(0, 1000, 1000);
	finish();
}

/* What an end gives before the other one is there waits, and is not consumed. */
static void what_comes_early_waits(void **state)
{
	int pair;

	for (pair = 0; pair < PAIRS; pair++) {
		forwarded(pair, 0);
		party_begin(&near, flow);
		near.most = 600000;
		near.window = 100000;
		kit_wait(k, 10, turn);
		assert_int_equal(near.is_socket ? 0 : near.sent, near.is_socket ? 0 : 100000);
		party_begin(&far, flow);
		transfer(pair, 600000, 5);
		finish();
	}
}

/* ---- misuse ---- */

static void misused(enum part_kind kind, const adit_event *ev, unsigned n)
{
	adit_event copy[4];
	unsigned i;

	joined(0);
	for (i = 0; i < n; i++) {
		copy[i] = ev[i];
		copy[i].flow = flow;
		if (copy[i].flags & ADIT_EVF_BUF)
			copy[i].u.buf = kit_buf(k, "x", 1);
	}
	kit_emit(k, kind, 0, copy, n);
	assert_int_equal(kit_counter(k, COUNT_misuse), 1);
	assert_int_equal(k->ended, 1);
	assert_int_equal(k->end_code, ADIT_EINVAL);
	near.over = far.over = 1;
	finish();
}

static void misuse_ends_that_flow_alone(void **state)
{
	static const adit_event data_after_fin[] = {{.type = ADIT_EV_FIN}, {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF}};
	static const adit_event after_closed[] = {{.type = ADIT_EV_CLOSED}, {.type = ADIT_EV_CREDIT, .u.num = 5}};
	static const adit_event no_buffer[] = {{.type = ADIT_EV_DATA}};
	static const enum part_kind kinds[] = {PART_STACK, PART_OUTBOUND};
	unsigned i;

	for (i = 0; i < 2; i++) {
		misused(kinds[i], data_after_fin, 2);
		misused(kinds[i], after_closed, 2);
		misused(kinds[i], no_buffer, 1);
	}
}

static void data_without_end_is_stopped(void **state)
{
	adit_event ev = {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF};
	unsigned i;

	joined(0);
	far.credit = 0;
	kit_wait(k, 5, NULL);
	far.stopped = 1;
	for (i = 0; i < 300 && !k->ended; i++) { /* nothing of it is ever consumed: the far end reads nothing */
		assert_int_equal(bufpool_get(k->s.bufs, &ev.u.buf, 1, 65536), 1);
		ev.u.buf->len = 65536;
		ev.flow = flow;
		near.unconsumed += 65536;
		kit_emit(k, PART_STACK, 0, &ev, 1);
	}
	assert_in_range(i, 250, 270);
	assert_int_equal(kit_counter(k, COUNT_misuse), 1);
	assert_int_equal(k->end_code, ADIT_EINVAL);
	near.bad = far.bad = 0; /* that content had no tags */
	near.over = far.over = 1;
	finish();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(much_arrives_both_ways),
		cmocka_unit_test(it_arrives_in_crumbs_and_from_slow_ends),
		cmocka_unit_test(a_window_smaller_than_the_buffers_is_enough),
		cmocka_unit_test(an_end_that_does_not_read_stops_the_other_one),
		cmocka_unit_test(a_half_close_passes_and_the_other_direction_goes_on),
		cmocka_unit_test(a_reset_passes_as_a_reset),
		cmocka_unit_test(a_reset_is_seen_though_the_other_end_reads_nothing),
		cmocka_unit_test(a_fin_is_seen_though_there_is_no_credit),
		cmocka_unit_test(a_party_may_be_over_first),
		cmocka_unit_test(it_ends_from_outside_at_every_stage),
		cmocka_unit_test(connect_first_waits_for_credit_too),
		cmocka_unit_test(what_comes_early_waits),
		cmocka_unit_test(misuse_ends_that_flow_alone),
		cmocka_unit_test(data_without_end_is_stopped),
	};

	if (private_network()) {
		printf("1..0 # SKIP needs a network namespace of its own\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN); /* shard threads block it: splice has no MSG_NOSIGNAL */
	alarm(240);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
