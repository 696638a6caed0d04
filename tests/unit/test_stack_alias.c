/* SPDX-License-Identifier: MIT
 * tests/unit/test_stack_alias.c - aliases: every slot and generation has one of its own, and the
 * way back
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stack-system/alias.h"

static struct alias_space space_of(const char *text, uint32_t slots)
{
	struct alias_space s;
	adit_addr own;
	uint32_t prefix;

	assert_int_equal(alias_parse(text, &own, &prefix), 0);
	assert_int_equal(alias_init(&s, &own, prefix, slots), 0);
	return s;
}

static void check_round_trip(const struct alias_space *s, uint32_t slot, uint32_t generation)
{
	adit_addr a;
	uint32_t slot_back = ~0u, generation_back = ~0u;

	assert_int_equal(alias_make(s, slot, generation, &a), 0);
	assert_true(a.port >= ALIAS_PORT_FIRST);
	assert_int_equal(alias_find(s, &a, &slot_back, &generation_back), 0);
	assert_int_equal(slot_back, slot);
	assert_int_equal(generation_back, generation);
}

static void every_alias_of_a_small_space_is_unique_and_leads_back(void **state)
{
	/* Six hosts, one of them the own, amid the others. */
	struct alias_space s = space_of("10.0.0.3/29", 1000);
	uint8_t *seen = calloc(8 * 65536, 1);
	uint32_t slot, generation;
	uint64_t count = 0;
	adit_addr a;

	assert_int_equal(s.addresses, 5);
	for (generation = 0; generation < s.generations; generation++)
		for (slot = 0; slot < 1000; slot++) {
			check_round_trip(&s, slot, generation);
			assert_int_equal(alias_make(&s, slot, generation, &a), 0);
			assert_memory_equal(a.ip, "\x0a\0\0", 3);
			assert_true(a.ip[3] > 0 && a.ip[3] < 7 && a.ip[3] != 3);
			assert_int_equal(seen[a.ip[3] * 65536 + a.port]++, 0);
			count++;
		}
	assert_int_equal(count, (uint64_t)5 * ALIAS_PORTS / 1000 * 1000);
	free(seen);
}

static void edges_of_large_spaces_lead_back(void **state)
{
	static const char *const texts[] = {
	        "100.64.0.1/10",    "198.18.0.1/16", "198.18.255.254/16", "10.255.0.0/8",
	        "192.168.7.200/24", "fd00::1/64",    "fd00::1/120",       "fd00:1::ffff:ffff/64"};
	static const uint32_t slots[] = {1, 7, 1024, 65536, 1000003, 16u << 20};
	size_t i, j, k, l;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (j = 0; j < sizeof(slots) / sizeof(slots[0]); j++) {
			struct alias_space s = space_of(texts[i], slots[j]);
			uint32_t edge[] = {0, 1, slots[j] / 2, slots[j] - 1};
			uint32_t generation[] = {0, 1, s.generations / 2, s.generations - 1};

			for (k = 0; k < 4; k++)
				for (l = 0; l < 4; l++)
					if (edge[k] < slots[j] && generation[l] < s.generations &&
					    (uint64_t)generation[l] * slots[j] + edge[k] < s.total)
						check_round_trip(&s, edge[k], generation[l]);
		}
}

static void what_is_no_alias_is_nobodys(void **state)
{
	struct alias_space s = space_of("198.18.0.1/16", 65536), s6 = space_of("fd00::1/64", 65536);
	adit_addr a;
	uint32_t x, y;

	assert_int_equal(alias_make(&s, 5, 0, &a), 0);
	a.port = ALIAS_PORT_FIRST - 1;
	assert_int_equal(alias_find(&s, &a, &x, &y), ADIT_ENOENT);
	a = (adit_addr){.family = 4, .ip = {198, 18, 0, 1}, .port = 5000}; /* the listener itself */
	assert_int_equal(alias_find(&s, &a, &x, &y), ADIT_ENOENT);
	a.ip[3] = 0; /* the network */
	assert_int_equal(alias_find(&s, &a, &x, &y), ADIT_ENOENT);
	a = (adit_addr){.family = 4, .ip = {198, 18, 255, 255}, .port = 5000}; /* broadcast */
	assert_int_equal(alias_find(&s, &a, &x, &y), ADIT_ENOENT);
	a = (adit_addr){.family = 4, .ip = {198, 19, 0, 5}, .port = 5000};
	assert_int_equal(alias_find(&s, &a, &x, &y), ADIT_ENOENT);
	a = (adit_addr){.family = 4, .ip = {1, 1, 1, 1}, .port = 5000};
	assert_int_equal(alias_find(&s, &a, &x, &y), ADIT_ENOENT);
	assert_int_equal(alias_make(&s6, 5, 0, &a), 0);
	a.ip[7] = 1; /* another /64 */
	assert_int_equal(alias_find(&s6, &a, &x, &y), ADIT_ENOENT);
	a.family = 4;
	assert_int_equal(alias_find(&s6, &a, &x, &y), ADIT_ENOENT);
}

static void a_small_prefix_refuses_until_the_kernel_has_let_go(void **state)
{
	struct alias_space s = space_of("10.0.0.1/30", 65536);
	uint32_t generation = 0;
	adit_addr a;

	assert_int_equal(s.addresses, 1);
	assert_int_equal(s.generations, 1);
	assert_int_equal(alias_make(&s, ALIAS_PORTS - 1, 0, &a), 0);
	assert_int_equal(alias_make(&s, ALIAS_PORTS, 0, &a),
	                 ADIT_ELIMIT); /* more slots than endpoints */
	assert_int_equal(alias_next(&s, 0, 100, &generation), 0);
	assert_int_equal(alias_next(&s, 100, 100, &generation), ADIT_ELIMIT);
	assert_int_equal(alias_next(&s, 100, 100 + ALIAS_REST_S - 1, &generation), ADIT_ELIMIT);
	assert_int_equal(alias_next(&s, 100, 100 + ALIAS_REST_S, &generation), 0);
	assert_int_equal(generation, 0);
}

static void the_next_flow_of_a_slot_has_another_alias(void **state)
{
	struct alias_space s = space_of("10.0.0.1/29", 65536);
	uint32_t generation = 0, i;

	assert_int_equal(s.generations, 4);
	for (i = 1; i < s.generations; i++) {
		assert_int_equal(alias_next(&s, 100, 100, &generation), 0);
		assert_int_equal(generation, i);
	}
	assert_int_equal(alias_next(&s, 100, 164, &generation), ADIT_ELIMIT);
	assert_int_equal(generation, s.generations - 1);
	assert_int_equal(alias_next(&s, 100, 165, &generation), 0);
	assert_int_equal(generation, 0);
}

static void prefixes_without_room_and_texts_without_sense_are_refused(void **state)
{
	static const char *const bad[] = {
	        "",
	        "10.0.0.1",
	        "10.0.0.1/",
	        "10.0.0.1/33",
	        "10.0.0.1/-1",
	        "10.0.0/8",
	        "10.0.0.1/8x",
	        "fd00::/129",
	        "fd00:::1/64",
	        "x/1",
	        "10.0.0.1/+8",
	        "1111111111111111111111111111111111111111111111111111111111111111111111/8"};
	static const char *const tight[] = {"10.0.0.1/31", "10.0.0.1/32", "fd00::1/127",
	                                    "fd00::1/128"};
	struct alias_space s;
	uint32_t prefix;
	adit_addr own;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(alias_parse(bad[i], &own, &prefix), ADIT_ECONFIG);
	for (i = 0; i < sizeof(tight) / sizeof(tight[0]); i++) {
		assert_int_equal(alias_parse(tight[i], &own, &prefix), 0);
		assert_int_equal(alias_init(&s, &own, prefix, 10), ADIT_ECONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_alias_of_a_small_space_is_unique_and_leads_back),
	        cmocka_unit_test(edges_of_large_spaces_lead_back),
	        cmocka_unit_test(what_is_no_alias_is_nobodys),
	        cmocka_unit_test(a_small_prefix_refuses_until_the_kernel_has_let_go),
	        cmocka_unit_test(the_next_flow_of_a_slot_has_another_alias),
	        cmocka_unit_test(prefixes_without_room_and_texts_without_sense_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
