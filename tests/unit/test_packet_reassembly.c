/* SPDX-License-Identifier: MIT
 * tests/unit/test_packet_reassembly.c - fragments in every order, and every limit
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "packet/reassembly.h"
#include "packet/verify.h"
#include "golden.h"
#include "packets.h"

enum { SECOND = 1000000000 };

/* Cuts bytes [from, to) of the packet's IP payload out as a fragment of identification id. Gives its size. */
static size_t cut(const uint8_t *p, size_t size, size_t from, size_t to, uint32_t id, uint8_t *out)
{
	size_t ip = p[0] >> 4 == 4 ? 20 : 40;
	unsigned more = to < size - ip;

	memcpy(out, p, ip);
	if (ip == 20) {
		memcpy(out + 20, p + 20 + from, to - from);
		put16(out + 2, (unsigned)(20 + to - from));
		put16(out + 4, id);
		put16(out + 6, (unsigned)(from / 8) | more << 13);
		put16(out + 10, 0);
		put16(out + 10, slow_checksum(out, 20, 0));
		return 20 + to - from;
	}
	out[40] = p[6];
	out[41] = 0;
	put16(out + 42, (unsigned)from | more);
	put32(out + 44, id);
	out[6] = 44;
	memcpy(out + 48, p + 40 + from, to - from);
	put16(out + 4, (unsigned)(8 + to - from));
	return 48 + to - from;
}

/* Parses and adds a fragment from a block of exactly its size. */
static enum packet_verdict add(struct reassembly *r, const uint8_t *p, size_t size, uint64_t now, uint8_t **whole,
                               uint32_t *whole_size)
{
	uint8_t *copy = exact_copy(p, size);
	enum packet_verdict verdict;
	struct packet_view view;

	verdict = packet_parse(copy, (uint32_t)size, &view);
	if (verdict == PACKET_FRAGMENT)
		verdict = reassembly_add(r, &view, copy, now, whole, whole_size);
	free(copy);
	return verdict;
}

static enum packet_verdict add_cut(struct reassembly *r, const uint8_t *p, size_t size, size_t from, size_t to, uint32_t id,
                                   uint64_t now)
{
	uint8_t fragment[3000], *whole;
	uint32_t whole_size;

	return add(r, fragment, cut(p, size, from, to, id, fragment), now, &whole, &whole_size);
}

static void assert_empty(const struct reassembly *r)
{
	assert_int_equal(reassembly_count(r)->datagrams, 0);
	assert_int_equal(reassembly_count(r)->bytes, 0);
}

/* Cuts of a random packet at random places, added in random order, give the packet back. */
static void any_cut_in_any_order(void **state)
{
	struct reassembly *r = reassembly_new(NULL);
	uint32_t seed = 17, round, i, k, whole_size;
	uint8_t p[2100], fragment[2200], *whole;
	size_t size, ip, edge[20];

	assert_non_null(r);
	for (round = 0; round < 5000; round++) {
		uint32_t order[20], pieces = 0;
		size_t at = 0;
		int family = round % 2 ? 4 : 6;

		size = make_packet(p, family, 17, 100 + next_random(&seed) % 1900);
		ip = family == 4 ? 20 : 40;
		edge[0] = 0;
		while (at < size - ip && pieces < 18) {
			at += 8 + next_random(&seed) % 60 * 8;
			edge[++pieces] = at < size - ip ? at : size - ip;
		}
		edge[pieces] = size - ip;
		if (pieces < 2)
			continue;
		for (i = 0; i < pieces; i++)
			order[i] = i;
		for (i = pieces; i > 1; i--) {
			uint32_t other = next_random(&seed) % i, was = order[i - 1];

			order[i - 1] = order[other];
			order[other] = was;
		}
		for (i = 0; i < pieces; i++) {
			size_t n = cut(p, size, edge[order[i]], edge[order[i] + 1], round, fragment);

			k = (uint32_t)add(r, fragment, n, 5, &whole, &whole_size);
			assert_int_equal(k, i + 1 < pieces ? PACKET_FRAGMENT : PACKET_OK);
		}
		assert_int_equal(whole_size, size);
		if (family == 4) /* the identification is the only difference that may remain */
			memcpy(whole + 4, p + 4, 2), memcpy(whole + 10, p + 10, 2);
		assert_memory_equal(whole, p, size);
		assert_empty(r);
	}
	assert_true(reassembly_count(r)->completed > 4000);
	reassembly_free(r);
}

static void golden_datagrams_come_together(void **state)
{
	uint8_t p[1400], *whole = NULL;
	uint32_t i, k, size = 0, n;
	struct packet_view v;

	for (i = 0; i < 2; i++) {
		struct reassembly *r = reassembly_new(NULL);

		assert_non_null(r);
		for (k = 0; k < 2; k++) {
			uint32_t before = k ? (i == 0 ? 1276 - 28 : 1280 - 56) : 0;

			n = from_fragment(&golden_fragments[i][k], before, p);
			assert_int_equal(add(r, p, n, 0, &whole, &size), k ? PACKET_OK : PACKET_FRAGMENT);
		}
		assert_int_equal(size, (i == 0 ? 20 : 40) + 8 + 1400);
		assert_int_equal(packet_parse(whole, size, &v), PACKET_OK);
		assert_true(packet_header_checksum_ok(whole, &v));
		assert_true(packet_checksum_ok(whole, &v)); /* the kernel's own, over all of it */
		assert_int_equal(v.dst_port, 53);
		reassembly_free(r);
	}
}

/* What is in front of an IPv6 fragment header stays, and names the right thing afterwards. */
static void ipv6_headers_before_the_fragment_header_stay(void **state)
{
	static const uint8_t options[8] = {44, 0, 1, 4, 0, 0, 0, 0};
	struct reassembly *r = reassembly_new(NULL);
	uint8_t p[500], f[500], g[500], *whole;
	struct packet_view v;
	uint32_t size, part;
	size_t n = make_packet(p, 6, 17, 200);

	assert_non_null(r);
	for (part = 0; part < 2; part++) {
		size_t m = cut(p, n, part ? 104 : 0, part ? 208 : 104, 77, f);

		memcpy(g, f, 40);
		g[6] = 60;
		memcpy(g + 40, options, 8);
		memcpy(g + 48, f + 40, m - 40);
		put16(g + 4, (unsigned)(m - 40 + 8));
		assert_int_equal(add(r, g, m + 8, 0, &whole, &size), part ? PACKET_OK : PACKET_FRAGMENT);
	}
	assert_int_equal(size, n + 8);
	assert_int_equal(packet_parse(whole, size, &v), PACKET_OK);
	assert_int_equal(v.l4, 48);
	assert_int_equal(v.next_at, 40);
	assert_true(packet_checksum_ok(whole, &v));
	reassembly_free(r);
}

/* Every overlap of two pieces, and a repeated one, ends the datagram for good. */
static void overlaps_drop_the_datagram(void **state)
{
	static const struct {
		size_t from, to;
	} second[] = {{0, 104}, {96, 200}, {0, 48}, {48, 96}, {40, 80}, {96, 104}, {48, 160}};
	uint8_t p[500];
	size_t n, i;
	int family;

	for (family = 4; family <= 6; family += 2)
		for (i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
			struct reassembly *r = reassembly_new(NULL);

			assert_non_null(r);
			n = make_packet(p, family, 17, 300);
			assert_int_equal(add_cut(r, p, n, 0, 104, 1, 0), PACKET_FRAGMENT);
			assert_int_equal(add_cut(r, p, n, second[i].from, second[i].to, 1, 0), PACKET_FRAGMENT_OVERLAP);
			assert_int_equal(reassembly_count(r)->bytes, 0);
			/* What still comes of it does not begin it anew. */
			assert_int_equal(add_cut(r, p, n, 0, 104, 1, 0), PACKET_FRAGMENT_OVERLAP);
			assert_int_equal(add_cut(r, p, n, 104, 308, 1, 0), PACKET_FRAGMENT_OVERLAP);
			/* Another one is not concerned. */
			assert_int_equal(add_cut(r, p, n, 0, 104, 2, 0), PACKET_FRAGMENT);
			assert_int_equal(add_cut(r, p, n, 104, 308, 2, 0), PACKET_OK);
			/* Later the identification is free again. */
			assert_int_equal(reassembly_expire(r, 15ull * SECOND), 1);
			assert_empty(r);
			assert_int_equal(reassembly_count(r)->timed_out, 0);
			reassembly_free(r);
		}
}

/* Two different ends, and data beyond the end. */
static void contradicting_ends_drop_the_datagram(void **state)
{
	struct reassembly *r = reassembly_new(NULL);
	uint8_t p[500], q[500];
	size_t n = make_packet(p, 4, 17, 300), m = make_packet(q, 4, 17, 100);

	assert_non_null(r);
	assert_int_equal(add_cut(r, p, n, 200, 308, 1, 0), PACKET_FRAGMENT);
	assert_int_equal(add_cut(r, q, m, 56, 108, 1, 0), PACKET_FRAGMENT_OVERLAP); /* a second end, before it */
	assert_int_equal(add_cut(r, q, m, 56, 108, 2, 0), PACKET_FRAGMENT);
	assert_int_equal(add_cut(r, p, n, 200, 304, 2, 0), PACKET_FRAGMENT_OVERLAP); /* data beyond the end */
	assert_int_equal(add_cut(r, p, n, 200, 304, 3, 0), PACKET_FRAGMENT);
	assert_int_equal(add_cut(r, q, m, 56, 108, 3, 0), PACKET_FRAGMENT_OVERLAP); /* the end before known data */
	reassembly_free(r);
}

static void datagrams_are_told_apart(void **state)
{
	struct reassembly *r = reassembly_new(NULL);
	uint8_t p[500], q[500];
	size_t n = make_packet(p, 4, 17, 300), m = make_packet(q, 4, 1, 300);

	assert_non_null(r);
	assert_int_equal(add_cut(r, p, n, 0, 104, 1, 0), PACKET_FRAGMENT);
	assert_int_equal(add_cut(r, q, m, 104, 308, 1, 0), PACKET_FRAGMENT); /* another protocol */
	assert_int_equal(add_cut(r, p, n, 104, 308, 2, 0), PACKET_FRAGMENT); /* another identification */
	q[12] ^= 1;
	p[15] ^= 1;
	assert_int_equal(add_cut(r, p, n, 104, 308, 1, 0), PACKET_FRAGMENT); /* another source */
	p[15] ^= 1;
	p[19] ^= 1;
	assert_int_equal(add_cut(r, p, n, 104, 308, 1, 0), PACKET_FRAGMENT); /* another destination */
	p[19] ^= 1;
	assert_int_equal(reassembly_count(r)->datagrams, 5);
	assert_int_equal(add_cut(r, p, n, 104, 308, 1, 0), PACKET_OK);
	reassembly_free(r);
}

static void time_runs_from_the_first_to_come(void **state)
{
	struct reassembly *r = reassembly_new(NULL);
	uint8_t p[500];
	size_t n = make_packet(p, 4, 17, 300);

	assert_non_null(r);
	assert_int_equal(add_cut(r, p, n, 104, 200, 1, 1ull * SECOND), PACKET_FRAGMENT);
	assert_int_equal(add_cut(r, p, n, 200, 308, 1, 15ull * SECOND), PACKET_FRAGMENT);
	assert_int_equal(reassembly_expire(r, 16ull * SECOND - 1), 0);
	assert_int_equal(add_cut(r, p, n, 0, 104, 1, 16ull * SECOND), PACKET_FRAGMENT); /* too late: begins anew */
	assert_int_equal(reassembly_count(r)->timed_out, 1);
	assert_int_equal(reassembly_count(r)->datagrams, 1);
	assert_int_equal(reassembly_expire(r, 0), 0); /* a clock that goes back */
	assert_int_equal(reassembly_expire(r, 31ull * SECOND), 1);
	assert_int_equal(reassembly_count(r)->timed_out, 2);
	assert_empty(r);
	reassembly_free(r);
}

static void a_source_loses_its_own_oldest(void **state)
{
	static const struct reassembly_limits limits = {8, 3, 1 << 20, SECOND};
	struct reassembly *r = reassembly_new(&limits);
	uint8_t p[500], other[500];
	size_t n = make_packet(p, 4, 17, 300);
	uint32_t id;

	assert_non_null(r);
	make_packet(other, 4, 17, 300);
	other[15] = 99;
	assert_int_equal(add_cut(r, other, n, 0, 104, 1, 1), PACKET_FRAGMENT);
	for (id = 1; id <= 5; id++)
		assert_int_equal(add_cut(r, p, n, 0, 104, id, 10 + id), PACKET_FRAGMENT);
	assert_int_equal(reassembly_count(r)->datagrams, 4);
	assert_int_equal(reassembly_count(r)->evicted, 2);
	assert_int_equal(add_cut(r, other, n, 104, 308, 1, 20), PACKET_OK);
	assert_int_equal(add_cut(r, p, n, 104, 308, 3, 20), PACKET_OK);
	assert_int_equal(add_cut(r, p, n, 104, 308, 2, 20), PACKET_FRAGMENT); /* was evicted */
	reassembly_free(r);
}

/* Sixteen hosts of one /64 are one source. */
static void an_ipv6_source_is_a_64(void **state)
{
	static const struct reassembly_limits limits = {64, 4, 1 << 20, SECOND};
	struct reassembly *r = reassembly_new(&limits);
	uint8_t p[500];
	size_t n = make_packet(p, 6, 17, 300), i;

	assert_non_null(r);
	for (i = 0; i < 16; i++) {
		p[23] = (uint8_t)i;
		assert_int_equal(add_cut(r, p, n, 0, 104, 1, i), PACKET_FRAGMENT);
	}
	assert_int_equal(reassembly_count(r)->datagrams, 4);
	reassembly_free(r);
}

static void a_full_table_refuses_newcomers(void **state)
{
	static const struct reassembly_limits limits = {4, 2, 1 << 20, SECOND};
	struct reassembly *r = reassembly_new(&limits);
	uint8_t p[500];
	size_t n = make_packet(p, 4, 17, 300), i;

	assert_non_null(r);
	for (i = 0; i < 4; i++) {
		p[15] = (uint8_t)i;
		assert_int_equal(add_cut(r, p, n, 0, 104, 1, 0), PACKET_FRAGMENT);
	}
	p[15] = 50;
	assert_int_equal(add_cut(r, p, n, 0, 104, 1, 0), PACKET_FRAGMENT_LIMIT);
	p[15] = 2;
	assert_int_equal(add_cut(r, p, n, 104, 308, 1, 0), PACKET_OK);
	p[15] = 50;
	assert_int_equal(add_cut(r, p, n, 0, 104, 1, 0), PACKET_FRAGMENT);
	p[15] = 51;
	assert_int_equal(add_cut(r, p, n, 0, 104, 1, SECOND), PACKET_FRAGMENT); /* the old ones have gone */
	assert_int_equal(reassembly_count(r)->datagrams, 1);
	reassembly_free(r);
}

static void bytes_are_limited(void **state)
{
	static const struct reassembly_limits limits = {4, 4, 360, SECOND};
	struct reassembly *r = reassembly_new(&limits);
	uint8_t p[500];
	size_t n = make_packet(p, 4, 17, 300);

	assert_non_null(r);
	assert_int_equal(add_cut(r, p, n, 0, 104, 1, 0), PACKET_FRAGMENT);
	assert_int_equal(add_cut(r, p, n, 104, 304, 1, 0), PACKET_FRAGMENT_LIMIT);
	assert_int_equal(reassembly_count(r)->bytes, 0); /* nothing half is kept */
	assert_int_equal(add_cut(r, p, n, 304, 308, 1, 0), PACKET_FRAGMENT_LIMIT);
	reassembly_free(r);
}

/* No more than 160 pieces: a datagram of eight-byte pieces is an attack. */
static void pieces_are_limited(void **state)
{
	struct reassembly *r = reassembly_new(NULL);
	uint8_t p[2100];
	size_t n = make_packet(p, 4, 17, 2000), i;

	assert_non_null(r);
	for (i = 0; i < 160; i++)
		assert_int_equal(add_cut(r, p, n, 1 * 8 + i * 8, 2 * 8 + i * 8, 1, 0), PACKET_FRAGMENT);
	assert_int_equal(add_cut(r, p, n, 161 * 8, 162 * 8, 1, 0), PACKET_FRAGMENT_LIMIT);
	assert_int_equal(reassembly_count(r)->bytes, 0);
	reassembly_free(r);
}

/* 65,535 bytes by the length field of either family. */
static void the_longest_datagram(void **state)
{
	struct reassembly *r = reassembly_new(NULL);
	uint8_t *p = calloc(1, 70000), f[3000], *whole;
	uint32_t size, at, end;
	int family;

	assert_non_null(r);
	assert_non_null(p);
	for (family = 4; family <= 6; family += 2) {
		size_t ip = family == 4 ? 20 : 40, n, m;
		enum packet_verdict got = PACKET_FRAGMENT;

		n = make_packet(p, family, 17, 65535 - (family == 4 ? 20 : 0) - 8);
		for (at = 0; at < n - ip; at = end) {
			assert_int_equal(got, PACKET_FRAGMENT);
			end = at + 1400 < n - ip ? at + 1400 : (uint32_t)(n - ip);
			m = cut(p, n, at, end, 9, f);
			got = add(r, f, m, 0, &whole, &size);
		}
		assert_int_equal(got, PACKET_OK);
		assert_int_equal(size, n);
		assert_memory_equal(whole + ip, p + ip, n - ip);
	}
	assert_empty(r);
	free(p);
	reassembly_free(r);
}

/* An IPv4 head with options leaves less room: each fragment is legal, the whole is not. */
static void the_head_counts(void **state)
{
	struct reassembly *r = reassembly_new(NULL);
	uint8_t *p = calloc(1, 65535), f[3000], *whole;
	uint32_t size, at, end;
	size_t m;

	assert_non_null(r);
	assert_non_null(p);
	make_packet(p, 4, 17, 65535 - 28);
	for (at = 1400; at < 65515; at = end) {
		end = at + 1400 < 65515 ? at + 1400 : 65515;
		m = cut(p, 65535, at, end, 10, f);
		assert_int_equal(add(r, f, m, 0, &whole, &size), PACKET_FRAGMENT);
	}
	m = cut(p, 65535, 0, 1400, 10, f);
	memmove(f + 24, f + 20, m - 20);
	memset(f + 20, 1, 4);
	f[0] = 0x46;
	put16(f + 2, (unsigned)m + 4);
	assert_int_equal(add(r, f, m + 4, 0, &whole, &size), PACKET_BAD_FRAGMENT);
	assert_empty(r);
	free(p);
	reassembly_free(r);
}

static void limits_are_checked(void **state)
{
	struct reassembly_limits limits = reassembly_default;

	limits.datagrams = 0;
	assert_null(reassembly_new(&limits));
	limits.datagrams = 5000;
	assert_null(reassembly_new(&limits));
	limits = reassembly_default;
	limits.timeout_ns = 0;
	assert_null(reassembly_new(&limits));
	reassembly_free(NULL);
}

/* Random fragments of few identifications: the books always balance. */
static void a_storm_leaves_nothing_behind(void **state)
{
	static const struct reassembly_limits limits = {16, 6, 20000, SECOND};
	struct reassembly *r = reassembly_new(&limits);
	uint32_t seed = 23, round, size;
	uint8_t p[1100], f[1200], *whole;
	uint64_t now = 0;

	assert_non_null(r);
	for (round = 0; round < 100000; round++) {
		size_t n = make_packet(p, next_random(&seed) % 2 ? 4 : 6, 17, 800), from, to, m;
		enum packet_verdict got;

		p[15] = (uint8_t)(next_random(&seed) % 4);
		from = next_random(&seed) % 2 * 408;
		to = from + 408 < 808 ? 408 : 808;
		if (next_random(&seed) % 8 == 0)
			from = 64 + next_random(&seed) % 5 * 64;
		m = cut(p, n, from, to, next_random(&seed) % 8, f);
		now += next_random(&seed) % (SECOND / 50);
		got = add(r, f, m, now, &whole, &size);
		assert_true(got == PACKET_OK || got == PACKET_FRAGMENT || got == PACKET_FRAGMENT_OVERLAP ||
		            got == PACKET_FRAGMENT_LIMIT);
		assert_true(reassembly_count(r)->bytes <= 20000);
		assert_true(reassembly_count(r)->datagrams <= 16);
		if (got == PACKET_OK)
			assert_true(size == n);
	}
	assert_true(reassembly_count(r)->completed > 10);
	reassembly_expire(r, now + SECOND);
	assert_empty(r);
	reassembly_free(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut_in_any_order),
		cmocka_unit_test(golden_datagrams_come_together),
		cmocka_unit_test(ipv6_headers_before_the_fragment_header_stay),
		cmocka_unit_test(overlaps_drop_the_datagram),
		cmocka_unit_test(contradicting_ends_drop_the_datagram),
		cmocka_unit_test(datagrams_are_told_apart),
		cmocka_unit_test(time_runs_from_the_first_to_come),
		cmocka_unit_test(a_source_loses_its_own_oldest),
		cmocka_unit_test(an_ipv6_source_is_a_64),
		cmocka_unit_test(a_full_table_refuses_newcomers),
		cmocka_unit_test(bytes_are_limited),
		cmocka_unit_test(pieces_are_limited),
		cmocka_unit_test(the_longest_datagram),
		cmocka_unit_test(the_head_counts),
		cmocka_unit_test(limits_are_checked),
		cmocka_unit_test(a_storm_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
