/* SPDX-License-Identifier: MIT
 * tests/unit/test_base.c - results, findings, the keyed hash, endpoints, buffers
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>

#include <adit/sock.h>

#include "base/bufpool.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/report.h"

/* ---- err ---- */

static void every_result_has_words_of_its_own(void **state)
{
	adit_result a, b;

	for (a = ADIT_ECANCEL; a <= 0; a++) {
		assert_string_not_equal(err_text(a), "unknown error");
		for (b = a + 1; b <= 0; b++)
			assert_string_not_equal(err_text(a), err_text(b));
	}
	assert_string_equal(err_text(1), "unknown error");
	assert_string_equal(err_text(ADIT_ECANCEL - 1), "unknown error");
	assert_string_equal(err_text(INT32_MIN), "unknown error");
}

static void errno_becomes_a_result(void **state)
{
	int n;

	assert_int_equal(err_from_errno(0), 0);
	assert_int_equal(err_from_errno(ECONNREFUSED), ADIT_EREFUSED);
	assert_int_equal(err_from_errno(EHOSTUNREACH), ADIT_EHOST);
	assert_int_equal(err_from_errno(ENETUNREACH), ADIT_ENET);
	assert_int_equal(err_from_errno(ETIMEDOUT), ADIT_ETIME);
	assert_int_equal(err_from_errno(EMFILE), ADIT_ELIMIT);
	assert_int_equal(err_from_errno(EPIPE), ADIT_ERESET);
	assert_int_equal(err_from_errno(EXDEV), ADIT_EIO);
	for (n = 1; n < 200; n++)
		assert_true(err_from_errno(n) < 0 && err_from_errno(n) >= ADIT_ECANCEL);
}

/* ---- report ---- */

static void a_finding_names_place_text_and_cure(void **state)
{
	struct report r;
	struct report_place place = {"edge.json", 2, 84, "/platform/mtu"};
	char *line;

	report_init(&r);
	report_add(&r, REPORT_ERROR, &place, "at most 65535", "%d is above %d", 100000, 65535);
	report_add(&r, REPORT_WARNING, NULL, NULL, "odd");
	assert_int_equal(r.count, 2);
	assert_int_equal(r.errors, 1);
	line = report_line(&r.items[0]);
	assert_string_equal(line, "edge.json:2:84: /platform/mtu: 100000 is above 65535; at most 65535");
	free(line);
	line = report_line(&r.items[1]);
	assert_string_equal(line, "warning: odd");
	free(line);
	report_fini(&r);
	assert_int_equal(r.count, 0);
}

static void findings_beyond_the_limit_are_counted(void **state)
{
	struct report r;
	int i;

	report_init(&r);
	for (i = 0; i < REPORT_MOST + 7; i++)
		report_add(&r, REPORT_ERROR, NULL, NULL, "finding %d", i);
	assert_int_equal(r.count, REPORT_MOST);
	assert_int_equal(r.lost, 7);
	assert_int_equal(r.errors, REPORT_MOST + 7);
	report_fini(&r);
}

/* ---- hash ---- */

static void the_hash_is_siphash_1_3(void **state)
{
	/* What CPython 3.11, whose hash of bytes is SipHash-1-3, says for bytes (i * 7 + 3) and the key that
	 * PYTHONHASHSEED=0, 1, 12345 makes. */
	static const struct {
		uint64_t k0, k1;
		size_t size;
		uint64_t hash;
	} known[] = {
		{0x0000000000000000u, 0x0000000000000000u, 1, 0x486b06067755d7c9u},
		{0x0000000000000000u, 0x0000000000000000u, 3, 0x711b47561b9b33e2u},
		{0x0000000000000000u, 0x0000000000000000u, 7, 0x8a715eaaf55549aau},
		{0x0000000000000000u, 0x0000000000000000u, 8, 0x36c186f0aa4cdbebu},
		{0x0000000000000000u, 0x0000000000000000u, 9, 0x5176191e3d24cbffu},
		{0x0000000000000000u, 0x0000000000000000u, 15, 0x19ed3f1b38f7e4e2u},
		{0x0000000000000000u, 0x0000000000000000u, 16, 0xd1c94d62751d7b7bu},
		{0x0000000000000000u, 0x0000000000000000u, 37, 0x4fbe2d73186030bfu},
		{0x0000000000000000u, 0x0000000000000000u, 63, 0x42ed5c087e0bfe5du},
		{0xaed66ce184be2329u, 0xebe9bbf1f1499052u, 1, 0x9243a0bed771da38u},
		{0xaed66ce184be2329u, 0xebe9bbf1f1499052u, 3, 0x412ee9d906bcaec1u},
		{0xaed66ce184be2329u, 0xebe9bbf1f1499052u, 7, 0xa43f46106d9ee69eu},
		{0xaed66ce184be2329u, 0xebe9bbf1f1499052u, 8, 0x6c51eb30d2c47d84u},
		{0xaed66ce184be2329u, 0xebe9bbf1f1499052u, 9, 0x929e7bc2d914a9f1u},
		{0xaed66ce184be2329u, 0xebe9bbf1f1499052u, 15, 0xedd0edafe288ba9bu},
		{0xaed66ce184be2329u, 0xebe9bbf1f1499052u, 16, 0xdc0e2d5ecce30f8du},
		{0xaed66ce184be2329u, 0xebe9bbf1f1499052u, 37, 0xc3cabff9513cd3dcu},
		{0xaed66ce184be2329u, 0xebe9bbf1f1499052u, 63, 0x825679fab67db983u},
		{0x25556dc46dc3dca0u, 0xfc3ee4dbd06f6c90u, 1, 0xc6a9f975d5064d1bu},
		{0x25556dc46dc3dca0u, 0xfc3ee4dbd06f6c90u, 3, 0x865c9b40231b3a33u},
		{0x25556dc46dc3dca0u, 0xfc3ee4dbd06f6c90u, 7, 0x2bc75be16edec455u},
		{0x25556dc46dc3dca0u, 0xfc3ee4dbd06f6c90u, 8, 0xa4790eb2f3c5cb33u},
		{0x25556dc46dc3dca0u, 0xfc3ee4dbd06f6c90u, 9, 0x51427ab371b4e0a3u},
		{0x25556dc46dc3dca0u, 0xfc3ee4dbd06f6c90u, 15, 0x4d45e8ec9ef42801u},
		{0x25556dc46dc3dca0u, 0xfc3ee4dbd06f6c90u, 16, 0xc4d061f29a0658b0u},
		{0x25556dc46dc3dca0u, 0xfc3ee4dbd06f6c90u, 37, 0x51471f3ac8806ac2u},
		{0x25556dc46dc3dca0u, 0xfc3ee4dbd06f6c90u, 63, 0x9dd26f6486a32668u},
	};
	uint8_t bytes[64];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + 3);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct hash_key key = {known[i].k0, known[i].k1};

		assert_true(hash_bytes(&key, bytes, known[i].size) == known[i].hash);
	}
}

static void the_hash_reads_unaligned_bytes_and_none_at_all(void **state)
{
	struct hash_key key = {1, 2};
	uint8_t bytes[32];
	size_t i;

	for (i = 0; i < 8; i++) {
		memset(bytes + i, 0x5a, 20);
		assert_true(hash_bytes(&key, bytes + i, 20) == hash_bytes(&key, memset(bytes, 0x5a, 20), 20));
	}
	assert_true(hash_bytes(&key, NULL, 0) == hash_bytes(&key, bytes, 0));
}

/* ---- endpoint ---- */

static void endpoints_go_to_the_system_and_back(void **state)
{
	adit_addr four = {.family = 4, .port = 80, .ip = {192, 0, 2, 1}}, back;
	adit_addr six = {.family = 6, .port = 443, .scope = 3, .ip = {0xfe, 0x80, [15] = 9}};
	struct sockaddr_storage ss;
	char text[ENDPOINT_TEXT];

	assert_int_equal(adit_to_sockaddr(&four, &ss), sizeof(struct sockaddr_in));
	adit_from_sockaddr((struct sockaddr *)&ss, &back);
	assert_memory_equal(&four, &back, sizeof(four));
	assert_string_equal(endpoint_text(&four, text), "192.0.2.1:80");
	assert_int_equal(adit_to_sockaddr(&six, &ss), sizeof(struct sockaddr_in6));
	adit_from_sockaddr((struct sockaddr *)&ss, &back);
	assert_memory_equal(&six, &back, sizeof(six));
	assert_string_equal(endpoint_text(&six, text), "[fe80::9]:443");
	six.port = 0;
	assert_string_equal(endpoint_text(&six, text), "fe80::9");
	six.family = 0;
	assert_string_equal(endpoint_text(&six, text), "-");
}

static void a_mapped_address_is_the_ipv4_one(void **state)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr other = {.sa_family = AF_UNIX};
	adit_addr a, four = {.family = 4, .port = 53, .ip = {10, 1, 2, 3}};

	memcpy(sin6.sin6_addr.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x01\x02\x03", 16);
	adit_from_sockaddr((struct sockaddr *)&sin6, &a);
	assert_memory_equal(&a, &four, sizeof(a));
	adit_from_sockaddr(&other, &a);
	assert_int_equal(a.family, 0);
}

static void endpoints_compare_by_what_counts(void **state)
{
	adit_addr a = {.family = 4, .port = 80, .ip = {192, 0, 2, 1}}, b = a;

	b.ip[9] = 7; /* beyond an IPv4 address */
	assert_true(endpoint_same(&a, &b));
	b.port = 81;
	assert_true(endpoint_same_ip(&a, &b) && !endpoint_same(&a, &b));
	b = a;
	b.family = 6;
	assert_false(endpoint_same_ip(&a, &b));
}

/* ---- bufpool ---- */

static void buffers_have_room_and_headroom(void **state)
{
	static const uint32_t rooms[] = {0, 1, BUFPOOL_SMALL, BUFPOOL_SMALL + 1, BUFPOOL_LARGE};
	struct bufpool *p;
	adit_buf *b;
	size_t i;

	assert_int_equal(bufpool_new(&p, 1 << 20), 0);
	for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		assert_int_equal(bufpool_get(p, &b, 1, rooms[i]), 1);
		assert_true(b->data - b->head == ADIT_BUF_HEADROOM && (size_t)(b->end - b->data) >= rooms[i]);
		assert_true(!b->len && !b->flags && !b->next && !b->flow);
		memset(b->head, 0xaa, (size_t)(b->end - b->head));
		b->len = 9;
		b->flags = ~0u;
		bufpool_put(&b, 1); /* the next one is made clean again */
	}
	assert_int_equal(bufpool_get(p, &b, 1, BUFPOOL_LARGE + 1), 0);
	assert_int_equal(bufpool_out(p), 0);
	bufpool_free(p);
}

static void the_limit_is_hard_and_gives_back(void **state)
{
	struct bufpool *p;
	adit_buf *v[16], *untouched = (adit_buf *)(uintptr_t)1;
	uint32_t i;

	assert_int_equal(bufpool_new(&p, 10 * BUFPOOL_SMALL), 0);
	for (i = 0; i < 16; i++)
		v[i] = untouched;
	assert_int_equal(bufpool_get(p, v, 16, BUFPOOL_SMALL), 10);
	assert_ptr_equal(v[10], untouched);
	assert_int_equal(bufpool_get(p, v + 10, 1, 1), 0);
	bufpool_put(v, 1);
	assert_int_equal(bufpool_get(p, v, 2, BUFPOOL_SMALL), 1);
	bufpool_put(v, 10);
	assert_int_equal(bufpool_get(p, v, 1, BUFPOOL_LARGE), 0); /* larger than the limit */
	assert_int_equal(bufpool_out(p), 0);
	bufpool_free(p);
}

static void more_than_are_kept_go_back_to_the_system(void **state)
{
	static adit_buf *v[BUFPOOL_KEPT_SMALL + 200];
	const uint32_t n = BUFPOOL_KEPT_SMALL + 200;
	struct bufpool *p;
	int round;

	assert_int_equal(bufpool_new(&p, (size_t)n * BUFPOOL_SMALL), 0);
	for (round = 0; round < 3; round++) {
		assert_int_equal(bufpool_get(p, v, n, 1), n);
		bufpool_put(v, n);
	}
	assert_int_equal(bufpool_out(p), 0);
	bufpool_free(p);
}

static void chains_come_back_whole_and_null_is_skipped(void **state)
{
	struct bufpool *p;
	adit_buf *v[4];

	assert_int_equal(bufpool_new(&p, 1 << 20), 0);
	assert_int_equal(bufpool_get(p, v, 3, 100), 3);
	assert_int_equal(bufpool_get(p, v + 3, 1, 60000), 1);
	v[0]->next = v[3];
	v[3]->next = v[1];
	v[1] = NULL;
	bufpool_put(v, 3);
	assert_int_equal(bufpool_out(p), 0);
	bufpool_free(p);
}

static int done_count;

static void count_done(void *arg)
{
	done_count += *(int *)arg;
}

static void a_wrapped_buffer_says_when_it_is_done_once(void **state)
{
	static char mem[] = "memory of a module";
	struct bufpool *p;
	adit_buf *b, *head;
	int weight = 10;

	done_count = 0;
	assert_int_equal(bufpool_new(&p, 1 << 20), 0);
	b = bufpool_wrap(p, mem, sizeof(mem), count_done, &weight);
	assert_true(b->data == (uint8_t *)mem && b->len == sizeof(mem) && b->flags & ADIT_BUF_RDONLY);
	assert_int_equal(bufpool_out(p), 1);
	assert_int_equal(bufpool_get(p, &head, 1, 1), 1);
	head->next = b;
	bufpool_put(&head, 1);
	assert_int_equal(done_count, 10);
	assert_int_equal(bufpool_out(p), 0);
	bufpool_free(p);
}

static void put_other(void *arg)
{
	adit_buf *b = arg;

	bufpool_put(&b, 1);
}

static void buffers_may_come_back_after_the_pool_is_gone(void **state)
{
	static char mem[4];
	struct bufpool *p;
	adit_buf *v[2], *wrapped;

	assert_int_equal(bufpool_new(&p, 1 << 20), 0);
	assert_int_equal(bufpool_get(p, v, 2, BUFPOOL_SMALL), 2);
	wrapped = bufpool_wrap(p, mem, 4, put_other, v[1]);
	bufpool_free(p);
	memset(v[0]->data, 1, BUFPOOL_SMALL);
	bufpool_put(v, 1);
	/* Its done gives back the last other one: the pool must outlive that (found by AddressSanitizer). */
	bufpool_put(&wrapped, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_result_has_words_of_its_own),
		cmocka_unit_test(errno_becomes_a_result),
		cmocka_unit_test(a_finding_names_place_text_and_cure),
		cmocka_unit_test(findings_beyond_the_limit_are_counted),
		cmocka_unit_test(the_hash_is_siphash_1_3),
		cmocka_unit_test(the_hash_reads_unaligned_bytes_and_none_at_all),
		cmocka_unit_test(endpoints_go_to_the_system_and_back),
		cmocka_unit_test(a_mapped_address_is_the_ipv4_one),
		cmocka_unit_test(endpoints_compare_by_what_counts),
		cmocka_unit_test(buffers_have_room_and_headroom),
		cmocka_unit_test(the_limit_is_hard_and_gives_back),
		cmocka_unit_test(more_than_are_kept_go_back_to_the_system),
		cmocka_unit_test(chains_come_back_whole_and_null_is_skipped),
		cmocka_unit_test(a_wrapped_buffer_says_when_it_is_done_once),
		cmocka_unit_test(buffers_may_come_back_after_the_pool_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
