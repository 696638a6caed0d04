/* SPDX-License-Identifier: MIT
 * tests/unit/test_home.c - datagrams of one application endpoint, whatever shard they come up on, make flows on one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "tests/unit/kit_packets.h"

static struct kit *kits[2];
static struct shard *peers[2];

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
	return 0;
}

static int tear_down(void **state)
{
	kit_free(kits[0]);
	kit_free(kits[1]);
	return 0;
}

static void nothing(struct kit *k)
{
}

static unsigned flows(unsigned i)
{
	return kit_counts(kits[i]).flows;
}

/* The shard of 10.0.0.2:port, or of the like in IPv6 (packets.h). */
static unsigned home(int family, uint16_t port)
{
	uint8_t p[2048];
	adit_addr src = {.family = (uint8_t)family, .port = port};

	datagram(p, family, port, 1);
	memcpy(src.ip, p + (family == 4 ? 12 : 8), family == 4 ? 4 : 16);
	return home_of(peers[0], &src);
}

/* A loop of the kit takes no posts after it has run, so each test lets the home shard run once. */

static void all_of_an_endpoint_come_to_its_home(void **state)
{
	unsigned port, at[2] = {0, 0};

	for (port = 1000; port < 1040; port++) {
		send_datagram(kits[0], port % 2 ? 4 : 6, (uint16_t)port, 33);
		at[home(port % 2 ? 4 : 6, (uint16_t)port)]++;
	}
	assert_int_equal(flows(0), at[0]);
	assert_int_equal(flows(1), 0);
	assert_int_equal(kits[1]->s.crossing, at[1]);
	kit_do(kits[1], nothing);
	assert_int_equal(flows(0), at[0]);
	assert_int_equal(flows(1), at[1]);
	assert_int_equal(kits[1]->s.crossing, 0);
	assert_true(at[0] > 5 && at[1] > 5); /* spread */
	/* There already, they stay. */
	for (port = 1000; port < 1040; port++)
		if (home(port % 2 ? 4 : 6, (uint16_t)port) == 1)
			send_datagram(kits[1], port % 2 ? 4 : 6, (uint16_t)port, 33);
	assert_int_equal(flows(1), at[1]);
	assert_int_equal(kits[0]->s.crossing, 0);
}

static void the_datagram_arrives_whole(void **state)
{
	adit_op accept = {.type = ADIT_OP_ACCEPT};
	unsigned h = home(4, 5000);
	const struct kit_seen *e;
	uint8_t p[2048];
	size_t size = datagram(p, 4, 5000, 700);

	kit_packet(kits[!h], p, size, ADIT_BUF_CSUM_OK);
	assert_int_equal(flows(0) + flows(1), 0);
	kit_do(kits[h], nothing);
	accept.flow = asked(kits[h], 0, 0);
	assert_true(accept.flow != 0);
	kit_submit(kits[h], 0, &accept, 1);
	e = kit_find(kits[h], PART_STACK, 0, KIT_PACKET, 0, 0);
	assert_non_null(e);
	assert_int_equal(e->size, size);
	assert_memory_equal(e->bytes, p, size);
	assert_int_equal(kit_counter(kits[!h], COUNT_packets_up), 1);
	assert_int_equal(kit_counter(kits[h], COUNT_packets_up), 0);
}

static void those_on_their_way_are_limited(void **state)
{
	unsigned h = home(4, 5000), i;

	for (i = 0; i < 1100; i++)
		send_datagram(kits[!h], 4, 5000, 10);
	assert_int_equal(kits[h]->s.crossing, 1024);
	assert_int_equal(kit_counter(kits[!h], COUNT_dropped_limit), 1100 - 1024);
	kit_do(kits[h], nothing);
	assert_int_equal(kits[h]->s.crossing, 0);
	assert_int_equal(flows(h), 1);
}

static void one_that_comes_before_the_device_is_read_is_kept(void **state)
{
	unsigned h = home(4, 5000);
	struct part *platform = kit_part(kits[h], PART_PLATFORM, 0);

	platform->started = 0; /* the other shard was faster */
	send_datagram(kits[!h], 4, 5000, 10);
	kit_do(kits[h], nothing);
	assert_int_equal(flows(h), 1);
	platform->started = 1;
}

static void one_that_comes_at_the_end_is_lost(void **state)
{
	unsigned h = home(4, 5000);
	struct part *platform = kit_part(kits[h], PART_PLATFORM, 0);

	platform->started = 0;
	kits[h]->s.draining = 1;
	send_datagram(kits[!h], 4, 5000, 10);
	kit_do(kits[h], nothing);
	assert_int_equal(flows(h), 0);
	assert_int_equal(kit_counter(kits[h], COUNT_dropped_limit), 1);
	platform->started = 1;
}

static void tcp_and_echo_stay_where_they_are(void **state)
{
	unsigned port;

	for (port = 1000; port < 1010; port++) {
		send_segment(kits[0], 4, (uint16_t)port, SYN, 0);
		send_echo(kits[0], 4, (uint16_t)port, 8);
	}
	assert_int_equal(flows(0), 20);
	assert_int_equal(flows(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_of_an_endpoint_come_to_its_home, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_datagram_arrives_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(those_on_their_way_are_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_comes_before_the_device_is_read_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_comes_at_the_end_is_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tcp_and_echo_stay_where_they_are, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
