/* SPDX-License-Identifier: MIT
 * tests/unit/test_stack_lwip.c - stack-lwip through its ABI, segment by segment, under a clock of the test's own
 *
 * Retransmission, closed windows, keep-alive and the deadlines run in milliseconds of real time. lwIP's assertions end
 * the program here (STACK_LWIP_STRICT).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/lib/virtualhost.h"

#define MS 1000000ull
#define SECOND (1000 * MS)

enum { WINDOW = 262144, MEMORY = 64 << 20, MSS = 1460, MOST = 1 << 20 };

/* The application's kernel: what it has sent, and what it expects. */
struct app {
	uint32_t slot, seq, ack;
	uint32_t window; /* as it stands in the header */
};

static struct virtualhost *h;
static uint8_t bytes[MOST]; /* byte i of a stream tells its place */

static int set_up(void **state)
{
	uint32_t i;

	for (i = 0; i < MOST; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 24);
	h = virtualhost_new(&adit_module_1, WINDOW, MEMORY, 0);
	return 0;
}

static int tear_down(void **state)
{
	uint32_t asserts = h->asserts;

	assert_int_equal(virtualhost_free(h), 0);
	assert_int_equal(asserts, 0);
	return 0;
}

static const struct segment *last_sent(void)
{
	assert_true(h->sent_count > 0);
	return &h->sent[h->sent_count - 1];
}

static void tell(struct app *a, uint8_t flags, const void *payload, uint32_t size, uint16_t gso)
{
	struct segment s = {.seq = a->seq, .ack = a->ack, .flags = flags, .window = a->window, .size = size, .gso_size = gso};

	virtualhost_segment(h, a->slot, &s, payload);
}

static void syn(struct app *a, uint32_t slot, uint8_t family, int16_t scale, uint16_t mss)
{
	struct segment s = {.seq = 1000, .flags = TCP_SYN_FLAG, .window = 64240, .scale = scale, .mss = mss,
	                    .sack_permitted = 1};

	virtualhost_flow(h, slot, ADIT_PROTO_TCP, family);
	virtualhost_op(h, slot, ADIT_OP_ACCEPT, 0);
	virtualhost_segment(h, slot, &s, NULL);
	*a = (struct app){.slot = slot, .seq = 1001, .window = 512};
}

/* An open connection whose application offers 512 << 7, 64 kB. */
static struct app open_app(uint32_t slot, uint8_t family)
{
	struct app a;

	syn(&a, slot, family, 7, MSS);
	a.ack = last_sent()->seq + 1;
	tell(&a, TCP_ACK_FLAG, NULL, 0, 0);
	assert_int_equal(virtualhost_heard(h, slot, ADIT_EV_CREDIT, NULL), 1);
	return a;
}

static void acknowledge(struct app *a, uint32_t ack)
{
	a->ack = ack;
	tell(a, TCP_ACK_FLAG, NULL, 0, 0);
}

static void say(struct app *a, const void *payload, uint32_t size, uint16_t gso)
{
	tell(a, TCP_ACK_FLAG | TCP_PSH_FLAG, payload, size, gso);
	a->seq += size;
}

static int32_t closed_code(uint32_t slot)
{
	struct event e = {0};

	assert_int_equal(virtualhost_heard(h, slot, ADIT_EV_CLOSED, &e), 1);
	return e.code;
}

/* The application takes what has been sent from segment `from` on, in order, and acknowledges; the clock stands. Checks
 * each byte against its place in the stream, which begins behind the handshake at `first`. Returns how many segments. */
static uint32_t take(struct app *a, uint32_t from, uint32_t first)
{
	uint32_t i, n = 0, end = h->sent_count;

	for (i = from; i < end; i++) {
		struct segment s = h->sent[i];
		uint32_t skip = a->ack - s.seq, fin = (s.flags & TCP_FIN_FLAG) != 0;

		if (s.slot != a->slot || skip >= s.size + fin)
			continue;
		assert_memory_equal(s.payload + skip, bytes + (a->ack - first), s.size - skip);
		n++;
		acknowledge(a, s.seq + s.size + fin);
	}
	return n;
}

/* ---- the handshake ---- */

static void answers_a_syn_after_the_verdict_with_the_applications_own_mss(void **state)
{
	uint8_t families[] = {4, 6};
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct event e;
		struct app a;

		syn(&a, i, families[i], 7, 8960);
		assert_int_equal(h->sent_count, i * 1 + 1);
		assert_int_equal(last_sent()->flags, TCP_SYN_FLAG | TCP_ACK_FLAG);
		assert_int_equal(last_sent()->ack, 1001);
		assert_int_equal(last_sent()->mss, 8960);
		assert_int_equal(last_sent()->scale, 8);
		assert_true(last_sent()->sack_permitted);
		assert_int_equal(virtualhost_heard(h, i, ADIT_EV_CREDIT, NULL), 0);
		a.ack = last_sent()->seq + 1;
		tell(&a, TCP_ACK_FLAG, NULL, 0, 0);
		assert_int_equal(virtualhost_heard(h, i, ADIT_EV_CREDIT, &e), 1);
		assert_int_equal(e.num, WINDOW);
	}
}

static void does_without_options_that_the_application_does_not_have(void **state)
{
	struct segment s = {.seq = 1000, .flags = TCP_SYN_FLAG, .window = 64240, .scale = -1};

	virtualhost_flow(h, 1, ADIT_PROTO_TCP, 4);
	virtualhost_op(h, 1, ADIT_OP_ACCEPT, 0);
	virtualhost_segment(h, 1, &s, NULL);
	assert_int_equal(last_sent()->mss, 536); /* RFC 9293: what a host without the option has */
	assert_int_equal(last_sent()->scale, -1);
	assert_false(last_sent()->sack_permitted);
}

static void a_syn_that_comes_again_is_answered_again_with_the_same_number(void **state)
{
	struct segment s = {.seq = 1000, .flags = TCP_SYN_FLAG, .window = 64240, .scale = 7, .mss = MSS};
	struct app a;
	uint32_t isn;

	syn(&a, 1, 4, 7, MSS);
	isn = last_sent()->seq;
	virtualhost_segment(h, 1, &s, NULL);
	assert_int_equal(h->sent_count, 2);
	assert_int_equal(last_sent()->seq, isn);
	/* Nobody answers: it is sent again by itself, and given up. */
	virtualhost_run(h, 60 * SECOND);
	assert_int_equal(closed_code(1), ADIT_ETIME);
	assert_true(h->sent_count > 4);
	assert_int_equal(virtualhost_armed(h), 0);
}

static void initial_sequence_numbers_follow_a_clock_and_a_secret(void **state)
{
	uint32_t first[4], i;
	struct app a;

	for (i = 0; i < 4; i++) {
		syn(&a, i, 4, 7, MSS);
		first[i] = last_sent()->seq;
	}
	/* Neighbours are nowhere near each other. */
	for (i = 1; i < 4; i++)
		assert_true(first[i] - first[i - 1] > 65536 && first[i - 1] - first[i] > 65536);
	virtualhost_op(h, 0, ADIT_OP_RELEASE, 0);
	virtualhost_run(h, 4 * MS);
	syn(&a, 0, 4, 7, MSS);
	assert_int_equal(last_sent()->seq - first[0], 1000); /* 4 us each: the same endpoints, later */
}

static void a_reset_during_the_handshake_closes(void **state)
{
	struct app a;

	syn(&a, 1, 6, 7, MSS);
	tell(&a, TCP_RST_FLAG, NULL, 0, 0);
	assert_int_equal(closed_code(1), ADIT_ERESET);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_CREDIT, NULL), 0);
}

/* An option that ends behind the header, at the very end of the packet; and an MSS that is none of a SYN. */
static void options_count_as_far_as_they_fit(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t from, first = a.ack;

	virtualhost_options(h, 1, a.seq, a.ack, (const uint8_t[]){2, 4, 0, 1}, 4); /* MSS 1 */
	virtualhost_options(h, 1, a.seq, a.ack, (const uint8_t[]){1, 1, 1, 3}, 4);
	virtualhost_options(h, 1, a.seq, a.ack, (const uint8_t[]){5, 40, 0, 0}, 4);
	virtualhost_options(h, 1, a.seq, a.ack, (const uint8_t[]){9, 0, 0, 0}, 4);
	from = h->sent_count;
	virtualhost_send(h, 1, bytes, 5000, 5000);
	assert_int_equal(h->sent[from].gso_size, MSS);
	while (take(&a, from, first))
		;
	assert_int_equal(a.ack - first, 5000);
}

/* ---- data up ---- */

static void hands_up_what_comes_and_opens_the_window_with_consume(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t i, edge;

	for (i = 0; i < 4; i++)
		say(&a, bytes + i * 60000, 60000, MSS);
	assert_int_equal(h->data_size[1], 240000);
	assert_memory_equal(h->data[1], bytes, 240000);
	assert_int_equal(last_sent()->ack, a.seq); /* super-packets are acknowledged at once */
	edge = last_sent()->ack + (last_sent()->window << 8);
	assert_int_equal(edge - a.seq, (WINDOW - 240000) & ~255u);
	virtualhost_op(h, 1, ADIT_OP_CONSUME, 240000);
	assert_int_equal(last_sent()->window << 8, WINDOW);
}

static void takes_no_more_than_the_window(void **state)
{
	struct app a = open_app(1, 6);
	uint32_t i;

	for (i = 0; i < 6; i++)
		say(&a, bytes + i * 60000, 60000, MSS);
	assert_int_equal(h->data_size[1], WINDOW);
	assert_memory_equal(h->data[1], bytes, WINDOW);
	assert_int_equal(last_sent()->window, 0);
	assert_int_equal(last_sent()->ack, 1001 + WINDOW);
}

/* Out of order and beyond the window, and the FIN behind it: then the gap closes. */
static void the_window_holds_for_what_comes_out_of_order_too(void **state)
{
	struct app a = open_app(1, 4), early;

	while (h->data_size[1] < 220000)
		say(&a, bytes + (a.seq - 1001), 20000, MSS);
	early = a;
	early.seq += 500;
	tell(&early, TCP_ACK_FLAG | TCP_FIN_FLAG, bytes + (early.seq - 1001), 60000, MSS);
	say(&a, bytes + (a.seq - 1001), 500, MSS);
	assert_int_equal(h->data_size[1], WINDOW);
	assert_memory_equal(h->data[1], bytes, WINDOW);
	assert_int_equal(last_sent()->window, 0);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_FIN, NULL), 0);
	/* A probe of a closed window is answered. */
	a.seq = last_sent()->ack;
	say(&a, bytes, 1, 0);
	assert_int_equal(last_sent()->window, 0);
}

static void a_small_segment_is_acknowledged_after_40_ms(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t sent = h->sent_count;
	uint64_t at = h->now;

	say(&a, bytes, 100, 0);
	assert_int_equal(h->data_size[1], 100);
	assert_int_equal(h->sent_count, sent);
	virtualhost_run(h, SECOND);
	assert_int_equal(h->sent_count, sent + 1);
	assert_int_equal(last_sent()->at - at, 40 * MS);
	assert_int_equal(last_sent()->ack, a.seq);
	/* Two make one at once. */
	say(&a, bytes, 100, 0);
	say(&a, bytes, 100, 0);
	assert_int_equal(h->sent_count, sent + 2);
}

static void puts_segments_in_order_and_says_what_is_missing(void **state)
{
	struct app a = open_app(1, 4), late = a;

	a.seq += 1000;
	say(&a, bytes + 1000, 1000, 0);
	assert_int_equal(h->data_size[1], 0);
	assert_int_equal(last_sent()->ack, 1001);
	assert_true(last_sent()->has_sack);
	assert_int_equal(last_sent()->sack_from, 2001);
	assert_int_equal(last_sent()->sack_to, 3001);
	say(&late, bytes, 1000, 0);
	assert_int_equal(h->data_size[1], 2000);
	assert_memory_equal(h->data[1], bytes, 2000);
	assert_int_equal(last_sent()->ack, 3001);
}

/* Segments of a stream in any order, doubled, overlapping: each byte comes up once, in its place. */
static void any_order_of_segments_makes_the_same_stream(void **state)
{
	unsigned seed;

	for (seed = 1; seed <= 50; seed++) {
		struct app a = open_app(seed, seed % 2 ? 4 : 6);
		uint32_t base = a.seq, total = 100000, i;

		srandom(seed);
		for (i = 0; i < 20000 && h->data_size[seed] < total; i++) {
			uint32_t done = (uint32_t)h->data_size[seed], at = done + (uint32_t)random() % 20000, size;

			at -= at < 500 ? at : (uint32_t)random() % 500;
			size = 1 + (uint32_t)random() % (random() % 10 ? 1460 : 20000);
			if (at >= total)
				continue;
			if (size > total - at)
				size = total - at;
			a.seq = base + at;
			tell(&a, TCP_ACK_FLAG, bytes + at, size, MSS);
			virtualhost_op(h, seed, ADIT_OP_CONSUME, h->data_size[seed] - done);
			if (random() % 50 == 0)
				virtualhost_run(h, 50 * MS);
			virtualhost_forget(h);
		}
		assert_int_equal(h->data_size[seed], total);
		assert_memory_equal(h->data[seed], bytes, total);
		virtualhost_op(h, seed, ADIT_OP_RELEASE, 0);
		virtualhost_forget(h);
	}
}

/* ---- data down ---- */

static void sends_super_packets_of_real_segments_within_the_windows(void **state)
{
	uint8_t families[] = {4, 6};
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct app a = open_app(i, families[i]);
		uint32_t from = h->sent_count, first = a.ack, rounds = 0, largest = 0, k;
		struct event e;

		virtualhost_send(h, i, bytes, WINDOW, 30000);
		/* The first round is RFC 6928's ten segments, in one packet. */
		assert_int_equal(h->sent_count, from + 1);
		assert_int_equal(last_sent()->size, 10 * MSS);
		assert_int_equal(last_sent()->gso_size, MSS);
		while (a.ack - first < WINDOW && rounds++ < 100)
			assert_true(take(&a, from, first) > 0);
		assert_int_equal(a.ack - first, WINDOW);
		for (k = from; k < h->sent_count; k++)
			largest = h->sent[k].size > largest ? h->sent[k].size : largest;
		assert_true(largest > 30000);
		assert_true(largest <= 32768); /* half of the application's window */
		assert_true(virtualhost_heard(h, i, ADIT_EV_CREDIT, &e) > 1);
		for (k = e.num = 0; k < h->event_count; k++)
			if (h->events[k].slot == i && h->events[k].type == ADIT_EV_CREDIT)
				e.num += h->events[k].num;
		assert_int_equal(e.num, 2 * WINDOW); /* the first one, and all of it back */
	}
	virtualhost_run(h, SECOND);
	assert_int_equal(virtualhost_armed(h), 0);
}

static void slow_start_counts_the_bytes_of_a_super_packet(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t first = a.ack, most = 10 * MSS, round;

	a.window = 4096;
	acknowledge(&a, first); /* 512 kB, so that only the congestion window counts */
	virtualhost_send(h, 1, bytes, WINDOW, 30000);
	/* One acknowledgement for all that is under way lets out twice as much. */
	for (round = 0; round < 4; round++, most *= 2) {
		assert_int_equal(last_sent()->seq + last_sent()->size - a.ack, most);
		acknowledge(&a, a.ack + most);
	}
	assert_int_equal(last_sent()->seq + last_sent()->size - first, WINDOW);
}

static void many_small_sends_of_one_turn_go_as_one_segment(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t from = h->sent_count, first = a.ack;

	virtualhost_send(h, 1, bytes, 1000, 10); /* 100 buffers */
	while (take(&a, from, first) && a.ack - first < 1000)
		;
	assert_int_equal(a.ack - first, 1000);
	assert_true(h->sent_count - from <= 4 + 4); /* at most 32 pieces each */
}

static void more_than_the_credit_ends_the_flow(void **state)
{
	open_app(1, 4);
	virtualhost_send(h, 1, bytes, WINDOW, 60000);
	virtualhost_send(h, 1, bytes, 1, 1);
	assert_int_equal(closed_code(1), ADIT_EINVAL);
	assert_true(last_sent()->flags & TCP_RST_FLAG);
}

static void what_is_lost_is_sent_again_and_only_that(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t from = h->sent_count, first = a.ack, rounds;
	uint64_t at = h->now;

	virtualhost_send(h, 1, bytes, 100000, 50000);
	assert_int_equal(last_sent()->size, 10 * MSS);
	/* Three real segments arrive, then silence. */
	acknowledge(&a, first + 3 * MSS);
	from = h->sent_count;
	virtualhost_run(h, 5 * SECOND);
	assert_true(h->sent_count > from);
	assert_true(h->sent[from].at - at <= 1200 * MS); /* RFC 6298: 1 s before there is a measurement */
	assert_int_equal(h->sent[from].seq, first + 3 * MSS);
	assert_int_equal(h->sent[from].size, MSS); /* the window is one segment again */
	for (rounds = 0; a.ack - first < 100000 && rounds < 200; rounds++) {
		from = h->sent_count - 1;
		if (!take(&a, from, first))
			virtualhost_run(h, 500 * MS);
	}
	assert_int_equal(a.ack - first, 100000);
}

static void three_duplicates_bring_a_fast_retransmission(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t first = a.ack, from, i;

	a.window = 2048;
	acknowledge(&a, first);
	virtualhost_send(h, 1, bytes, 200000, 50000);
	for (i = 0; i < 3; i++) /* let the window grow */
		take(&a, h->sent_count - 1, first);
	from = h->sent_count;
	for (i = 0; i < 4; i++)
		tell(&a, TCP_ACK_FLAG, NULL, 0, 0);
	assert_true(h->sent_count > from);
	assert_int_equal(h->sent[from].seq, a.ack);
	assert_int_equal(h->sent[from].at, h->now);
}

static void gives_up_in_the_end(void **state)
{
	struct app a = open_app(1, 6);
	struct event e;
	uint32_t from;

	from = h->sent_count;
	virtualhost_send(h, 1, bytes, 5000, 5000);
	virtualhost_run(h, 1200 * SECOND);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_CLOSED, &e), 1);
	assert_int_equal(e.code, ADIT_ETIME);
	assert_true(h->sent_count - from >= 12);
	assert_true(e.at - h->sent[from].at > 60 * SECOND); /* a minute of silence is no end yet */
	assert_int_equal(virtualhost_armed(h), 0);
	assert_int_equal(a.ack, a.ack);
}

static void a_closed_window_is_probed_until_it_opens(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t from, first = a.ack, i;

	a.window = 0;
	acknowledge(&a, first);
	from = h->sent_count;
	virtualhost_send(h, 1, bytes, 50000, 50000);
	assert_int_equal(h->sent_count, from);
	virtualhost_run(h, 10 * SECOND);
	assert_true(h->sent_count - from >= 4 && h->sent_count - from <= 12);
	for (i = from; i < h->sent_count; i++) {
		assert_int_equal(h->sent[i].size, 1);
		assert_int_equal(h->sent[i].payload[0], bytes[0]);
	}
	a.window = 512;
	from = h->sent_count;
	acknowledge(&a, first);
	for (i = 0; a.ack - first < 50000 && i < 100; i++)
		take(&a, from, first);
	assert_int_equal(a.ack - first, 50000);
}

static void a_window_smaller_than_a_segment_does_not_stall(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t first = a.ack, rounds;

	a.window = 5; /* 640 bytes, less than the MSS */
	acknowledge(&a, first);
	virtualhost_send(h, 1, bytes, 6400, 6400);
	for (rounds = 0; a.ack - first < 6400 && rounds < 200; rounds++)
		if (!take(&a, h->sent_count - 1, first))
			virtualhost_run(h, 300 * MS);
	assert_int_equal(a.ack - first, 6400);
}

/* Everything down is lost at random, and acknowledged at random, late and double. */
static void loss_leaves_the_stream_whole(void **state)
{
	unsigned seed;

	for (seed = 1; seed <= 30; seed++) {
		struct app a = open_app(seed, seed % 2 ? 4 : 6);
		uint32_t first = a.ack, rounds, i, from;

		srandom(seed);
		a.window = seed % 3 ? 2048 : 100;
		virtualhost_send(h, seed, bytes, 250000, 1 + (size_t)random() % 60000);
		virtualhost_op(h, seed, ADIT_OP_FIN, 0);
		from = 0;
		for (rounds = 0; a.ack - first < 250001 && rounds < 20000; rounds++) {
			uint32_t end = h->sent_count, before = a.ack;

			for (i = from; i < end; i++) {
				struct segment s = h->sent[i];
				uint32_t n = s.size;

				if (s.slot != seed || (!s.size && !(s.flags & TCP_FIN_FLAG)) || random() % 5 == 0)
					continue;
				if (random() % 4 == 0 && n > MSS)
					n -= n % (MSS * (1 + (uint32_t)random() % 8)); /* the tail of a super-packet is lost */
				if ((int32_t)(s.seq - a.ack) > 0 || (int32_t)(s.seq + n - a.ack) < 0)
					continue;
				assert_memory_equal(s.payload + (a.ack - s.seq), bytes + (a.ack - first), s.seq + n - a.ack);
				a.ack = s.seq + n + (s.flags & TCP_FIN_FLAG && n == s.size);
			}
			from = end;
			if (random() % 5 || a.ack == before)
				tell(&a, TCP_ACK_FLAG, NULL, 0, 0);
			if (h->sent_count == from)
				virtualhost_run(h, 300 * MS);
			if (from > VIRTUALHOST_SEGMENTS / 2) {
				virtualhost_forget(h);
				from = 0;
			}
		}
		assert_int_equal(a.ack - first, 250001);
		virtualhost_op(h, seed, ADIT_OP_RELEASE, 0);
		virtualhost_forget(h);
	}
}

/* ---- ends ---- */

static void half_closed_either_way_the_other_direction_goes_on(void **state)
{
	struct app a = open_app(1, 4), b = open_app(2, 6);
	uint32_t first;

	/* The application is done first. */
	tell(&a, TCP_ACK_FLAG | TCP_FIN_FLAG, NULL, 0, 0);
	a.seq++;
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_FIN, NULL), 1);
	first = a.ack;
	virtualhost_send(h, 1, bytes, 5000, 5000);
	take(&a, h->sent_count - 1, first);
	virtualhost_op(h, 1, ADIT_OP_FIN, 0);
	assert_true(last_sent()->flags & TCP_FIN_FLAG);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_CLOSED, NULL), 0);
	acknowledge(&a, last_sent()->seq + 1);
	assert_int_equal(closed_code(1), 0);
	/* The handler is done first. */
	virtualhost_op(h, 2, ADIT_OP_FIN, 0);
	acknowledge(&b, last_sent()->seq + 1);
	say(&b, bytes, 3000, MSS);
	assert_int_equal(h->data_size[2], 3000);
	virtualhost_run(h, 600 * SECOND); /* as long as it likes */
	say(&b, bytes + 3000, 3000, MSS);
	assert_int_equal(h->data_size[2], 6000);
	tell(&b, TCP_ACK_FLAG | TCP_FIN_FLAG, NULL, 0, 0);
	assert_int_equal(virtualhost_heard(h, 2, ADIT_EV_FIN, NULL), 1);
	assert_int_equal(closed_code(2), 0);
	/* TIME-WAIT: its last acknowledgement was lost, so the FIN comes again. */
	virtualhost_run(h, SECOND);
	first = h->sent_count;
	tell(&b, TCP_ACK_FLAG | TCP_FIN_FLAG, NULL, 0, 0);
	virtualhost_run(h, SECOND);
	assert_int_equal(h->sent_count, first + 1);
	assert_int_equal(last_sent()->ack, b.seq + 1);
	assert_false(last_sent()->flags & TCP_RST_FLAG);
	virtualhost_op(h, 2, ADIT_OP_RELEASE, 0);
}

static void fin_waits_for_what_was_sent_before(void **state)
{
	struct app a = open_app(1, 4);
	uint32_t first = a.ack, from = h->sent_count, i;

	virtualhost_send(h, 1, bytes, 200000, 60000);
	virtualhost_op(h, 1, ADIT_OP_FIN, 0);
	for (i = 0; a.ack - first < 200001 && i < 100; i++)
		take(&a, from, first);
	assert_int_equal(a.ack - first, 200001); /* the FIN is the last of it */
	tell(&a, TCP_ACK_FLAG | TCP_FIN_FLAG, NULL, 0, 0);
	assert_int_equal(closed_code(1), 0);
}

static void resets_count_only_where_they_are_expected(void **state)
{
	struct app a = open_app(1, 4), blind;

	blind = a;
	blind.seq += 1000;
	tell(&blind, TCP_RST_FLAG, NULL, 0, 0);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_CLOSED, NULL), 0);
	assert_int_equal(last_sent()->flags, TCP_ACK_FLAG); /* RFC 5961: the challenge */
	assert_int_equal(last_sent()->ack, a.seq);
	tell(&blind, TCP_SYN_FLAG, NULL, 0, 0);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_CLOSED, NULL), 0);
	assert_int_equal(last_sent()->flags, TCP_ACK_FLAG);
	blind.seq = a.seq + WINDOW * 2;
	tell(&blind, TCP_RST_FLAG, NULL, 0, 0);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_CLOSED, NULL), 0);
	tell(&a, TCP_RST_FLAG, NULL, 0, 0);
	assert_int_equal(closed_code(1), ADIT_ERESET);
}

/* What stands in the window, but acknowledges what was never sent, or long ago, is not the application's (RFC 5961). */
static void forged_segments_change_nothing_and_are_answered_at_a_limited_rate(void **state)
{
	static const uint32_t off[] = {1 << 30, 1, 0u - (1 << 20)};
	struct app a = open_app(1, 4), forged;
	uint32_t i, before = h->sent_count;

	for (i = 0; i < 3; i++) {
		forged = a;
		forged.ack += off[i];
		forged.window = 0;
		tell(&forged, TCP_ACK_FLAG, "forged", 6, 0); /* would be delivered at once */
		tell(&forged, TCP_ACK_FLAG | TCP_FIN_FLAG, NULL, 0, 0);
		forged.seq += 100;
		tell(&forged, TCP_ACK_FLAG, NULL, 0, 0); /* would close the window, and keep it closed */
	}
	forged = a;
	tell(&forged, 0, "forged", 6, 0); /* no acknowledgement at all */
	forged.seq -= 1 << 30;
	tell(&forged, TCP_ACK_FLAG | TCP_FIN_FLAG, "forged", 6, 0);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_DATA, NULL), 0);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_FIN, NULL), 0);
	assert_int_equal(h->sent_count - before, 10); /* and ten of eleven had an answer, the one without ACK none */
	assert_int_equal(last_sent()->flags, TCP_ACK_FLAG);
	assert_int_equal(last_sent()->ack, a.seq);
	virtualhost_run(h, 6 * SECOND);
	before = h->sent_count;
	tell(&forged, TCP_ACK_FLAG, NULL, 0, 0);
	assert_int_equal(h->sent_count - before, 1); /* the rate is per five seconds */
	before = h->sent_count;
	virtualhost_send(h, 1, bytes, 1000, 1000); /* the window is what the application said */
	assert_int_equal(h->sent_count - before, 1);
	say(&a, "real", 4, 0);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_DATA, NULL), 1);
}

static void abort_resets_and_nothing_else_is_heard(void **state)
{
	struct app a = open_app(1, 6);

	virtualhost_send(h, 1, bytes, 50000, 50000);
	virtualhost_op(h, 1, ADIT_OP_ABORT, 0);
	assert_true(last_sent()->flags & TCP_RST_FLAG);
	assert_int_equal(closed_code(1), ADIT_ECANCEL);
	say(&a, bytes, 100, 0);
	assert_true(last_sent()->flags & TCP_RST_FLAG);
	assert_int_equal(closed_code(1), ADIT_ECANCEL);
	assert_int_equal(h->data_size[1], 0);
}

static void close_is_deaf_and_has_a_minute(void **state)
{
	struct app a = open_app(1, 4), b = open_app(2, 4);
	struct event e;
	uint64_t at = h->now;

	virtualhost_op(h, 1, ADIT_OP_CLOSE, 0);
	virtualhost_op(h, 2, ADIT_OP_CLOSE, 0);
	acknowledge(&a, a.ack + 1);
	acknowledge(&b, b.ack + 1);
	/* It still talks: the window stays open, and nobody hears it. */
	say(&a, bytes, 60000, MSS);
	assert_int_equal(h->data_size[1], 0);
	tell(&a, TCP_ACK_FLAG | TCP_FIN_FLAG, NULL, 0, 0);
	assert_int_equal(closed_code(1), 0);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_FIN, NULL), 0);
	virtualhost_run(h, 120 * SECOND);
	assert_int_equal(virtualhost_heard(h, 2, ADIT_EV_CLOSED, &e), 1);
	assert_int_equal(e.code, ADIT_ETIME);
	assert_int_equal(e.at - at, 60 * SECOND);
	assert_true(last_sent()->flags & TCP_RST_FLAG);
}

/* ---- what many flows cost, and limits ---- */

static void idle_connections_cost_nothing(void **state)
{
	uint32_t i, calls;

	for (i = 0; i < 2000; i++) {
		struct app a = open_app(i, i % 2 ? 4 : 6);

		say(&a, bytes, 100, 0);
	}
	virtualhost_run(h, SECOND);
	assert_int_equal(virtualhost_armed(h), 0);
	calls = h->timer_calls;
	virtualhost_run(h, 3600 * SECOND);
	assert_int_equal(h->timer_calls, calls);
}

static void new_flows_are_refused_when_memory_is_short_and_old_ones_go_on(void **state)
{
	struct app first;
	uint32_t i, refused = 0;

	assert_int_equal(virtualhost_free(h), 0);
	h = virtualhost_new(&adit_module_1, WINDOW, 1 << 20, 0);
	first = open_app(0, 4);
	for (i = 1; i < VIRTUALHOST_FLOWS && !refused; i++) {
		struct app a;

		syn(&a, i, 4, 7, MSS);
		refused = virtualhost_heard(h, i, ADIT_EV_CLOSED, NULL);
	}
	assert_int_equal(refused, 1);
	assert_true(i > 500); /* a connection takes less than 2 kB */
	assert_int_equal(closed_code(i - 1), ADIT_ENOMEM);
	say(&first, bytes, 10000, MSS);
	assert_int_equal(h->data_size[0], 10000);
	virtualhost_op(h, 1, ADIT_OP_RELEASE, 0);
	virtualhost_forget(h);
	open_app(1, 6);
}

/* Buffers run out at every place in turn: the stream comes whole, or the flow ends. */
static void running_out_of_buffers_is_survived(void **state)
{
	uint32_t n;

	for (n = 1; n < 40; n++) {
		struct app a = open_app(n, 4);
		uint32_t first = a.ack, i;

		h->starve_after = n;
		say(&a, bytes, 500, 0);
		virtualhost_send(h, n, bytes, 100000, 20000);
		for (i = 0; i < 30; i++) {
			take(&a, h->sent_count - 1, first);
			virtualhost_run(h, 100 * MS);
		}
		h->starve_after = 0;
		for (i = 0; i < 200 && a.ack - first < 100000 && !virtualhost_heard(h, n, ADIT_EV_CLOSED, NULL); i++) {
			if (h->sent_count)
				take(&a, h->sent_count - 1, first);
			virtualhost_run(h, 200 * MS);
		}
		assert_true(a.ack - first == 100000 || virtualhost_heard(h, n, ADIT_EV_CLOSED, NULL));
		virtualhost_op(h, n, ADIT_OP_RELEASE, 0);
		virtualhost_forget(h);
	}
}

static void asks_whether_the_application_is_still_there(void **state)
{
	struct event e;
	struct app a;
	uint32_t from, i;

	assert_int_equal(virtualhost_free(h), 0);
	h = virtualhost_new(&adit_module_1, WINDOW, MEMORY, 30 * SECOND);
	a = open_app(1, 4);
	from = h->sent_count;
	virtualhost_run(h, 29 * SECOND);
	assert_int_equal(h->sent_count, from);
	virtualhost_run(h, 3 * SECOND);
	assert_int_equal(h->sent_count, from + 1);
	assert_int_equal(last_sent()->seq, a.ack - 1); /* RFC 9293 section 3.8.4 */
	tell(&a, TCP_ACK_FLAG, NULL, 0, 0);
	for (i = 0; i < 10; i++) { /* it answers each time: it stays */
		virtualhost_run(h, 32 * SECOND);
		tell(&a, TCP_ACK_FLAG, NULL, 0, 0);
	}
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_CLOSED, NULL), 0);
	virtualhost_run(h, 300 * SECOND);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_CLOSED, &e), 1);
	assert_int_equal(e.code, ADIT_ETIME);
	assert_int_equal(virtualhost_armed(h), 0);
}

static void probes_do_not_wait_for_other_connections(void **state)
{
	struct event e;
	struct app a;

	assert_int_equal(virtualhost_free(h), 0);
	h = virtualhost_new(&adit_module_1, WINDOW, MEMORY, 120 * SECOND);
	a = open_app(1, 4);
	open_app(2, 4); /* is never heard of again */
	virtualhost_run(h, 119 * SECOND);
	tell(&a, TCP_ACK_FLAG, NULL, 0, 0); /* its turn comes at 239 s */
	virtualhost_run(h, 100 * SECOND);
	assert_int_equal(virtualhost_heard(h, 2, ADIT_EV_CLOSED, &e), 1);
	assert_int_equal(e.code, ADIT_ETIME);
	assert_int_equal(virtualhost_heard(h, 1, ADIT_EV_CLOSED, NULL), 0);
}

/* ---- what is not TCP, and what is not a flow ---- */

static void datagrams_go_up_and_down_without_headers(void **state)
{
	struct event e;

	virtualhost_flow(h, 3, ADIT_PROTO_UDP, 6);
	virtualhost_op(h, 3, ADIT_OP_ACCEPT, 0);
	assert_int_equal(virtualhost_heard(h, 3, ADIT_EV_CREDIT, NULL), 1);
	virtualhost_datagram(h, 3, bytes, 1200);
	assert_int_equal(virtualhost_heard(h, 3, ADIT_EV_DGRAM, NULL), 1);
	assert_memory_equal(h->data[3], bytes, 1200);
	virtualhost_send(h, 3, bytes, 700, 700);
	assert_int_equal(last_sent()->size, 700);
	assert_memory_equal(last_sent()->payload, bytes, 700);
	virtualhost_op(h, 3, ADIT_OP_CLOSE, 0);
	assert_int_equal(virtualhost_heard(h, 3, ADIT_EV_CLOSED, &e), 1);
	virtualhost_send(h, 3, bytes, 10, 10); /* put back */
}

static void stale_and_unknown_flows_are_put_back(void **state)
{
	struct app a = open_app(1, 4);

	virtualhost_op(h, 1, ADIT_OP_RELEASE, 0);
	say(&a, bytes, 100, 0);
	virtualhost_send(h, 1, bytes, 100, 100);
	virtualhost_send(h, 9, bytes, 100, 100);
	virtualhost_op(h, 9, ADIT_OP_RELEASE, 0);
	virtualhost_op(h, 9, ADIT_OP_ABORT, 0);
	assert_int_equal(h->data_size[1], 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answers_a_syn_after_the_verdict_with_the_applications_own_mss),
		T(does_without_options_that_the_application_does_not_have),
		T(a_syn_that_comes_again_is_answered_again_with_the_same_number),
		T(initial_sequence_numbers_follow_a_clock_and_a_secret),
		T(a_reset_during_the_handshake_closes),
		T(options_count_as_far_as_they_fit),
		T(hands_up_what_comes_and_opens_the_window_with_consume),
		T(takes_no_more_than_the_window),
		T(the_window_holds_for_what_comes_out_of_order_too),
		T(a_small_segment_is_acknowledged_after_40_ms),
		T(puts_segments_in_order_and_says_what_is_missing),
		T(any_order_of_segments_makes_the_same_stream),
		T(sends_super_packets_of_real_segments_within_the_windows),
		T(slow_start_counts_the_bytes_of_a_super_packet),
		T(many_small_sends_of_one_turn_go_as_one_segment),
		T(more_than_the_credit_ends_the_flow),
		T(what_is_lost_is_sent_again_and_only_that),
		T(three_duplicates_bring_a_fast_retransmission),
		T(gives_up_in_the_end),
		T(a_closed_window_is_probed_until_it_opens),
		T(a_window_smaller_than_a_segment_does_not_stall),
		T(loss_leaves_the_stream_whole),
		T(half_closed_either_way_the_other_direction_goes_on),
		T(fin_waits_for_what_was_sent_before),
		T(resets_count_only_where_they_are_expected),
		T(forged_segments_change_nothing_and_are_answered_at_a_limited_rate),
		T(abort_resets_and_nothing_else_is_heard),
		T(close_is_deaf_and_has_a_minute),
		T(idle_connections_cost_nothing),
		T(new_flows_are_refused_when_memory_is_short_and_old_ones_go_on),
		T(running_out_of_buffers_is_survived),
		T(asks_whether_the_application_is_still_there),
		T(probes_do_not_wait_for_other_connections),
		T(datagrams_go_up_and_down_without_headers),
		T(stale_and_unknown_flows_are_put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
