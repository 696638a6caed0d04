/* SPDX-License-Identifier: MIT
 * tests/unit/test_stack_rewrite.c - rewriting against checksums summed anew, and the reader against
 * cut packets
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stack-system/rewrite.h"

static uint32_t next_random(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static void fill(uint8_t *p, size_t size)
{
	while (size--)
		*p++ = (uint8_t)next_random();
}

/* Summed here on its own, byte by byte: the code under test shall not confirm itself. */
static uint16_t sum_of(const uint8_t *p, size_t size, uint64_t start)
{
	size_t i;

	for (i = 0; i < size; i++)
		start += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return (uint16_t)start;
}

static uint16_t pseudo_sum(const uint8_t *p, uint32_t l4, uint32_t size)
{
	return p[0] >> 4 == 4 ? sum_of(p + 12, 8, 6 + size - l4) : sum_of(p + 8, 32, 6 + size - l4);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A TCP packet with random contents, options and right checksums, partial or complete. */
static uint32_t make_packet(adit_buf *b, uint8_t *room, int six, uint32_t payload, int partial)
{
	uint32_t options = six ? 0 : next_random() % 11 * 4, l4 = six ? 40 : 20 + options;
	uint32_t tcp = 20 + next_random() % 11 * 4, size = l4 + tcp + payload;

	memset(b, 0, sizeof(*b));
	b->data = room;
	b->len = size;
	fill(room, size);
	room[0] = (uint8_t)(six ? 0x60 : 0x40 | l4 / 4);
	if (six) {
		put16(room + 4, size - 40);
		room[6] = 6;
	} else {
		put16(room + 2, size);
		put16(room + 6, 0x4000);
		room[9] = 6;
		put16(room + 10, 0);
		put16(room + 10, (uint16_t)~sum_of(room, l4, 0));
	}
	room[l4 + 12] = (uint8_t)(tcp / 4 << 4);
	put16(room + l4 + 16, 0);
	if (partial) {
		b->flags = ADIT_BUF_CSUM_NEEDED | (six ? ADIT_BUF_GSO_TCP6 : ADIT_BUF_GSO_TCP4);
		b->gso_size = 1448;
		put16(room + l4 + 16, pseudo_sum(room, l4, size));
	} else {
		put16(room + l4 + 16,
		      (uint16_t)~sum_of(room + l4, size - l4, pseudo_sum(room, l4, size)));
	}
	return l4;
}

static void check_sums(const adit_buf *b, uint32_t l4)
{
	uint16_t field = (uint16_t)(b->data[l4 + 16] << 8 | b->data[l4 + 17]);
	uint16_t pseudo = pseudo_sum(b->data, l4, b->len);

	if (b->data[0] >> 4 == 4)
		assert_int_equal(sum_of(b->data, l4, 0), 0xffff);
	if (b->flags & ADIT_BUF_CSUM_NEEDED)
		/* 0 and ffff are the same number. */
		assert_int_equal(field == 0xffff ? 0 : field, pseudo == 0xffff ? 0 : pseudo);
	else
		assert_int_equal(sum_of(b->data + l4, b->len - l4, pseudo), 0xffff);
}

static void endpoint(adit_addr *a, int six)
{
	memset(a, 0, sizeof(*a));
	a->family = six ? 6 : 4;
	fill(a->ip, six ? 16 : 4);
	a->port = (uint16_t)next_random();
	if (next_random() % 8 == 0)
		memset(a->ip, next_random() % 2 ? 0 : 0xff, six ? 16 : 4);
	if (next_random() % 8 == 0)
		a->port = (uint16_t)(next_random() % 2 ? 0 : 0xffff);
}

static void rewritten_packets_have_right_checksums(void **state)
{
	uint8_t *room = malloc(65536), *before = malloc(65536);
	uint32_t i, l4, tcp;
	adit_buf b;

	for (i = 0; i < 20000; i++) {
		int six = (int)(i & 1), partial = (int)(i >> 1 & 1);
		uint32_t payload = i % 500 == 0 ? 60000 : next_random() % 64;
		struct rewrite_view v;
		adit_addr src, dst;

		l4 = make_packet(&b, room, six, payload, partial);
		memcpy(before, room, b.len);
		endpoint(&src, six);
		endpoint(&dst, six);
		rewrite_endpoints(&b, l4, &src, &dst);
		check_sums(&b, l4);
		assert_int_equal(rewrite_parse(b.data, b.len, &v), 0);
		assert_memory_equal(&v.src, &src, sizeof(src));
		assert_memory_equal(&v.dst, &dst, sizeof(dst));
		assert_int_equal(v.l4, l4);
		tcp = l4 + 4; /* the rest of the packet is as it was */
		assert_memory_equal(room + tcp, before + tcp, 12);
		assert_memory_equal(room + l4 + 18, before + l4 + 18, b.len - l4 - 18);
	}
	free(room);
	free(before);
}

static void there_and_back_changes_nothing(void **state)
{
	uint8_t room[512], before[512];
	adit_addr src, dst;
	struct rewrite_view v;
	adit_buf b;
	uint32_t i, l4;

	for (i = 0; i < 2000; i++) {
		l4 = make_packet(&b, room, (int)(i & 1), 100, 0);
		assert_int_equal(rewrite_parse(room, b.len, &v), 0);
		memcpy(before, room, b.len);
		endpoint(&src, (int)(i & 1));
		endpoint(&dst, (int)(i & 1));
		rewrite_endpoints(&b, l4, &src, &dst);
		rewrite_endpoints(&b, l4, &v.src, &v.dst);
		/* A field of 0 may come back as ffff or the reverse: compare what it means. */
		check_sums(&b, l4);
		assert_memory_equal(room, before, 10);
		assert_memory_equal(room + l4 + 18, before + l4 + 18, b.len - l4 - 18);
	}
}

static void cut_and_foreign_packets_are_refused(void **state)
{
	struct rewrite_view v;
	uint32_t i, size, l4;
	uint8_t *room = malloc(512), *exact;
	adit_buf b;

	for (i = 0; i < 200; i++) {
		l4 = make_packet(&b, room, (int)(i & 1), 0, 0);
		for (size = 0; size < b.len; size++) {
			exact = malloc(
			        size ? size
			             : 1); /* so that a sanitizer sees a read behind the end */
			memcpy(exact, room, size);
			assert_int_equal(rewrite_parse(exact, size, &v), ADIT_EINVAL);
			free(exact);
		}
		assert_int_equal(rewrite_parse(room, b.len, &v), 0);
		room[l4 + 12] = 4 << 4; /* a TCP header of 16 bytes */
		assert_int_equal(rewrite_parse(room, b.len, &v), ADIT_EINVAL);
		room[l4 + 12] = 5 << 4;
		room[i & 1 ? 6 : 9] = 17;
		assert_int_equal(rewrite_parse(room, b.len, &v), ADIT_EINVAL);
		room[i & 1 ? 6 : 9] = 6;
		if (!(i & 1)) {
			room[6] = 0x20; /* more fragments */
			assert_int_equal(rewrite_parse(room, b.len, &v), ADIT_EINVAL);
		}
		room[0] = 0x50;
		assert_int_equal(rewrite_parse(room, b.len, &v), ADIT_EINVAL);
	}
	free(room);
}

static void random_bytes_do_no_harm(void **state)
{
	struct rewrite_view v;
	uint32_t i, size, taken = 0;
	uint8_t *exact;

	for (i = 0; i < 200000; i++) {
		size = next_random() % 100;
		exact = malloc(size ? size : 1);
		fill(exact, size);
		if (size && i % 2)
			exact[0] = i % 4 == 1 ? 0x45 : 0x60;
		if (size > 9)
			exact[i % 4 == 1 ? 9 : 6] = 6;
		if (rewrite_parse(exact, size, &v) == 0) {
			assert_true(v.payload <= size && v.l4 + 20u <= v.payload);
			taken++;
		}
		free(exact);
	}
	assert_true(taken > 100); /* else the test would say nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rewritten_packets_have_right_checksums),
	        cmocka_unit_test(there_and_back_changes_nothing),
	        cmocka_unit_test(cut_and_foreign_packets_are_refused),
	        cmocka_unit_test(random_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
