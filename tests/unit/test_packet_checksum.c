/* SPDX-License-Identifier: MIT
 * tests/unit/test_packet_checksum.c - the fast checksum against the slow one, and known packets
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "packet/checksum.h"
#include "packet/parse.h"
#include "packet/verify.h"
#include "packet/wire.h"
#include "packets.h"

/* The example of RFC 1071 section 3. */
static void sums_the_rfc_example(void **state)
{
	static const uint8_t words[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	assert_int_equal(checksum_fold(checksum_add(0, words, sizeof(words))), 0xddf2);
	assert_int_equal(checksum_finish(checksum_add(0, words, sizeof(words))), 0x220d);
}

/* A header that is printed in many places: 172.16.10.99 -> 172.16.10.12, TCP, checksum b1e6. */
static void knows_a_real_header(void **state)
{
	static const uint8_t header[20] = {0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06,
	                                   0xb1, 0xe6, 0xac, 0x10, 0x0a, 0x63, 0xac, 0x10, 0x0a, 0x0c};
	uint8_t copy[20];

	assert_int_equal(checksum_finish(checksum_add(0, header, 20)), 0);
	memcpy(copy, header, 20);
	put16(copy + 10, 0);
	assert_int_equal(checksum_finish(checksum_add(0, copy, 20)), 0xb1e6);
}

static void equals_the_slow_sum_at_every_size_and_alignment(void **state)
{
	static uint8_t bytes[1024 + 8];
	uint32_t seed = 1, i, at;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)next_random(&seed);
	for (at = 0; at < 8; at++)
		for (i = 0; i <= 1024; i++)
			assert_int_equal(checksum_finish(checksum_add(0, bytes + at, i)), slow_checksum(bytes + at, i, 0));
}

/* Only ones: every addition carries. */
static void survives_every_carry(void **state)
{
	static uint8_t ones[65536];

	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(checksum_fold(checksum_add(0, ones, sizeof(ones))), 0xffff);
	assert_int_equal(checksum_fold(checksum_add(UINT64_MAX, ones, 65535)), (uint16_t)~slow_checksum(ones, 65535, 0));
}

static void pieces_may_begin_at_odd_places(void **state)
{
	uint8_t bytes[200];
	uint32_t seed = 3, cut, i;
	uint64_t sum;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)next_random(&seed);
	for (cut = 0; cut <= sizeof(bytes); cut++) {
		sum = checksum_add(0, bytes, cut);
		sum = checksum_add_at(sum, bytes + cut, (uint32_t)sizeof(bytes) - cut, cut);
		assert_int_equal(checksum_finish(sum), slow_checksum(bytes, sizeof(bytes), 0));
	}
}

static void pseudo_headers_of_both_families(void **state)
{
	uint8_t addresses[32];
	uint32_t seed = 5, i;

	for (i = 0; i < sizeof(addresses); i++)
		addresses[i] = (uint8_t)next_random(&seed);
	assert_int_equal(checksum_finish(checksum_pseudo(0, addresses, 4, 17, 0xabcd)),
	                 slow_checksum(NULL, 0, slow_pseudo(addresses, 8, 17, 0xabcd)));
	assert_int_equal(checksum_finish(checksum_pseudo(0, addresses, 16, 58, 0x12345)),
	                 slow_checksum(NULL, 0, slow_pseudo(addresses, 32, 58, 0x12345)));
}

/* What a rewritten address or port makes of a checksum is what summing everything again makes of it. */
static void updates_equal_full_sums(void **state)
{
	uint8_t bytes[64], new[16];
	uint32_t seed = 7, round, i, at, size;
	uint16_t check, partial;

	for (round = 0; round < 200000; round++) {
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)next_random(&seed);
		size = next_random(&seed) % 9 * 2;
		at = next_random(&seed) % 24 * 2;
		for (i = 0; i < size; i++)
			new[i] = next_random(&seed) % 4 ? (uint8_t)next_random(&seed) : 0xff;
		check = slow_checksum(bytes, sizeof(bytes), 0);
		partial = checksum_update_partial((uint16_t)~check, bytes + at, new, size);
		check = checksum_update(check, bytes + at, new, size);
		memcpy(bytes + at, new, size);
		assert_int_equal(check, slow_checksum(bytes, sizeof(bytes), 0));
		assert_int_equal(partial, (uint16_t)~check);
	}
}

/* RFC 1624 section 4: the case in which equation 2 gives the wrong zero. */
static void updates_give_the_right_zero(void **state)
{
	assert_int_equal(checksum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

static void every_16_bit_change_of_a_field(void **state)
{
	uint8_t bytes[4] = {0x12, 0x34, 0, 0};
	unsigned from, to;

	for (from = 0; from < 65536; from += 257)
		for (to = 0; to < 65536; to += 3) {
			uint16_t check;

			put16(bytes + 2, from);
			check = checksum_update16(slow_checksum(bytes, 4, 0), (uint16_t)from, (uint16_t)to);
			put16(bytes + 2, to);
			assert_int_equal(check, slow_checksum(bytes, 4, 0));
		}
}

static void verifies_packets_and_sees_every_flipped_bit(void **state)
{
	static const struct {
		int family;
		unsigned proto;
	} kinds[] = {{4, 6}, {4, 17}, {4, 1}, {6, 6}, {6, 17}, {6, 58}};
	uint8_t p[200];
	struct packet_view view;
	size_t size, bit, i, pay;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (pay = 0; pay < 40; pay += 13) {
			size = make_packet(p, kinds[i].family, kinds[i].proto, pay);
			assert_int_equal(packet_parse(p, (uint32_t)size, &view), PACKET_OK);
			assert_true(packet_checksum_ok(p, &view));
			assert_true(packet_header_checksum_ok(p, &view));
			for (bit = 0; bit < size * 8; bit++) {
				bool l4 = bit / 8 >= view.l4, address;

				address = bit / 8 >= view.addresses &&
				          bit / 8 < view.addresses + 2u * view.address_size && kinds[i].proto != 1;
				p[bit / 8] ^= (uint8_t)(1 << bit % 8);
				if (l4 || address)
					assert_false(packet_checksum_ok(p, &view));
				if (!l4 && view.version == 4 && bit / 8 != 0)
					assert_false(packet_header_checksum_ok(p, &view));
				p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
		}
}

static void udp_without_a_checksum_is_fine_on_ipv4_only(void **state)
{
	uint8_t p[100];
	struct packet_view view;
	size_t size = make_packet(p, 4, 17, 10);

	put16(p + 26, 0);
	assert_int_equal(packet_parse(p, (uint32_t)size, &view), PACKET_OK);
	assert_true(packet_checksum_ok(p, &view));
	size = make_packet(p, 6, 17, 10);
	put16(p + 46, 0);
	assert_int_equal(packet_parse(p, (uint32_t)size, &view), PACKET_OK);
	assert_false(packet_checksum_ok(p, &view));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_the_rfc_example),
		cmocka_unit_test(knows_a_real_header),
		cmocka_unit_test(equals_the_slow_sum_at_every_size_and_alignment),
		cmocka_unit_test(survives_every_carry),
		cmocka_unit_test(pieces_may_begin_at_odd_places),
		cmocka_unit_test(pseudo_headers_of_both_families),
		cmocka_unit_test(updates_equal_full_sums),
		cmocka_unit_test(updates_give_the_right_zero),
		cmocka_unit_test(every_16_bit_change_of_a_field),
		cmocka_unit_test(verifies_packets_and_sees_every_flipped_bit),
		cmocka_unit_test(udp_without_a_checksum_is_fine_on_ipv4_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
