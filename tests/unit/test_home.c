/* SPDX-License-Identifier: MIT
 * tests/unit/test_home.c - datagrams of one application endpoint, whatever shard they come up on, make flows on one:
 * where its first one came
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/kit_packets.h"

static struct kit *kits[2];
static struct shard *peers[2];
static struct homes *homes;

static int set_up(void **state)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		kits[i] = kit_new(NULL);
		peers[i] = &kits[i]->s;
		kits[i]->s.index = i;
		kits[i]->s.count = 2;
		kits[i]->s.peers = peers;
	}
	homes = homes_new();
	assert_non_null(homes);
	kits[0]->s.homes = kits[1]->s.homes = homes;
	return 0;
}

static int tear_down(void **state)
{
	kit_free(kits[0]);
	kit_free(kits[1]);
	homes_free(homes);
	return 0;
}

static void nothing(struct kit *k)
{
}

static unsigned flows(unsigned i)
{
	return kit_counts(kits[i]).flows;
}

/* A loop of the kit takes no posts after it has run, so each test lets the other shard run once, and settles an endpoint
 * there without a packet. */
static void settle(unsigned at, uint16_t port)
{
	adit_addr a = {.ip = {10, 0, 0, 2}, .family = 4, .port = port};

	assert_true(home_take(peers[at], &a));
}

static void send_to(unsigned at, unsigned port, unsigned dport)
{
	uint8_t p[2048];
	size_t size = datagram(p, 4, (uint16_t)port, 33);

	put16(p + 22, dport);
	sign_packet(p, size, 20, 17);
	kit_packet(kits[at], p, size, 0);
}

static uint64_t crossed(void)
{
	return kit_counter(kits[0], COUNT_datagrams_crossed) + kit_counter(kits[1], COUNT_datagrams_crossed);
}

static void an_endpoint_lives_where_its_first_datagram_came(void **state)
{
	unsigned port;

	for (port = 1000; port < 1040; port++)
		send_datagram(kits[port % 2], port % 4 < 2 ? 4 : 6, (uint16_t)port, 33);
	assert_int_equal(flows(0), 20);
	assert_int_equal(flows(1), 20);
	for (port = 1000; port < 1040; port++)
		send_datagram(kits[port % 2], port % 4 < 2 ? 4 : 6, (uint16_t)port, 33);
	assert_int_equal(flows(0) + flows(1), 40);
	assert_int_equal(crossed(), 0);
}

static void further_flows_of_an_endpoint_come_to_its_home(void **state)
{
	unsigned i;

	settle(1, 1000);
	for (i = 0; i < 10; i++)
		send_to(0, 1000, 1000 + i);
	assert_int_equal(flows(0), 0);
	assert_int_equal(crossed(), 10);
	assert_int_equal(kits[1]->s.crossing, 10);
	kit_do(kits[1], nothing);
	assert_int_equal(flows(1), 10);
	assert_int_equal(flows(0), 0);
	assert_int_equal(kits[1]->s.crossing, 0);
}

static void who_has_no_flow_left_may_live_elsewhere(void **state)
{
	send_to(1, 1000, 53);
	assert_int_equal(flows(1), 1);
	kit_age(kits[1], 1000); /* idle, told, forgotten */
	kit_age(kits[1], 1000);
	assert_int_equal(flows(1), 0);
	send_to(0, 1000, 53);
	assert_int_equal(flows(0), 1);
	assert_int_equal(crossed(), 0);
}

static void only_one_shard_takes_an_endpoint(void **state)
{
	adit_addr a = {.ip = {10, 0, 0, 2}, .family = 4, .port = 7};

	assert_int_equal(home_of(peers[0], &a), 0);
	assert_int_equal(home_of(peers[1], &a), 1);
	assert_true(home_take(peers[1], &a));
	assert_true(home_take(peers[1], &a));
	assert_false(home_take(peers[0], &a));
	assert_int_equal(home_of(peers[0], &a), 1);
	home_leave(peers[1], &a);
	assert_false(home_take(peers[0], &a));
	home_leave(peers[1], &a);
	assert_true(home_take(peers[0], &a));
	assert_int_equal(home_of(peers[1], &a), 0);
	home_leave(peers[0], &a);
}

static void the_datagram_arrives_whole(void **state)
{
	adit_op accept = {.type = ADIT_OP_ACCEPT};
	const struct kit_seen *e;
	uint8_t p[2048];
	size_t size = datagram(p, 4, 5000, 700);

	settle(1, 5000);
	kit_packet(kits[0], p, size, ADIT_BUF_CSUM_OK);
	assert_int_equal(flows(0) + flows(1), 0);
	kit_do(kits[1], nothing);
	accept.flow = asked(kits[1], 0, 0);
	assert_true(accept.flow != 0);
	kit_submit(kits[1], 0, &accept, 1);
	e = kit_find(kits[1], PART_STACK, 0, KIT_PACKET, 0, 0);
	assert_non_null(e);
	assert_int_equal(e->size, size);
	assert_memory_equal(e->bytes, p, size);
	assert_int_equal(kit_counter(kits[0], COUNT_packets_up), 1);
	assert_int_equal(kit_counter(kits[1], COUNT_packets_up), 0);
}

static void those_on_their_way_are_limited(void **state)
{
	unsigned i;

	settle(1, 5000);
	for (i = 0; i < 1100; i++)
		send_datagram(kits[0], 4, 5000, 10);
	assert_int_equal(kits[1]->s.crossing, 1024);
	assert_int_equal(kit_counter(kits[0], COUNT_dropped_limit), 1100 - 1024);
	kit_do(kits[1], nothing);
	assert_int_equal(kits[1]->s.crossing, 0);
	assert_int_equal(flows(1), 1);
}

static void one_that_comes_before_the_device_is_read_is_kept(void **state)
{
	struct part *platform = kit_part(kits[1], PART_PLATFORM, 0);

	settle(1, 5000);
	platform->started = 0; /* the other shard was faster */
	send_datagram(kits[0], 4, 5000, 10);
	kit_do(kits[1], nothing);
	assert_int_equal(flows(1), 1);
	platform->started = 1;
}

static void one_that_comes_at_the_end_is_lost(void **state)
{
	struct part *platform = kit_part(kits[1], PART_PLATFORM, 0);

	settle(1, 5000);
	platform->started = 0;
	kits[1]->s.draining = 1;
	send_datagram(kits[0], 4, 5000, 10);
	kit_do(kits[1], nothing);
	assert_int_equal(flows(1), 0);
	assert_int_equal(kit_counter(kits[1], COUNT_dropped_limit), 1);
	platform->started = 1;
}

static void tcp_and_echo_stay_where_they_are(void **state)
{
	unsigned port;

	for (port = 1000; port < 1010; port++) {
		send_segment(kits[0], 4, (uint16_t)port, SYN, 0);
		send_echo(kits[0], 4, (uint16_t)port, 8);
		send_segment(kits[1], 4, (uint16_t)port, SYN, 1);
	}
	assert_int_equal(flows(0), 20);
	assert_int_equal(flows(1), 10);
	assert_int_equal(crossed(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_endpoint_lives_where_its_first_datagram_came, set_up, tear_down),
		cmocka_unit_test_setup_teardown(further_flows_of_an_endpoint_come_to_its_home, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_has_no_flow_left_may_live_elsewhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_one_shard_takes_an_endpoint, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_datagram_arrives_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(those_on_their_way_are_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_comes_before_the_device_is_read_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_comes_at_the_end_is_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tcp_and_echo_stay_where_they_are, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
