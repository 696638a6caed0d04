/* SPDX-License-Identifier: MIT
 * tests/unit/test_rules_look.c - handler-rules: the host name in first bytes, whole and cut off anywhere
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "look.h"
#include "quic.h"
#include "quic_bytes.h"

static struct host_name found;
static struct quic quic;

static void check_name(enum look look, const char *name)
{
	assert_int_equal(look, LOOK_NAME);
	assert_string_equal(found.text, name);
	assert_int_equal(found.size, strlen(name));
}

/* Whole it has the name; cut off anywhere it has it already, or asks for more. */
static void check_stream(const uint8_t *bytes, size_t size, const char *name)
{
	size_t i;

	check_name(look_stream(bytes, size, &found), name);
	for (i = 0; i < size; i++) {
		enum look look = look_stream(bytes, i, &found);

		if (look == LOOK_NAME)
			check_name(look, name);
		else
			assert_int_equal(look, LOOK_MORE);
	}
}

static void a_client_hello_has_a_name(void **unused)
{
	static const size_t records[] = {1, 2, 5, 100, 517, 16384}, more[] = {0, 1, 200, 1200};
	uint8_t hello[HELLO_ROOM], bytes[HELLO_ROOM * 6];
	size_t i, k, size;

	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		size = make_hello(hello, "Www.Example.ORG", more[i]);
		check_name(hello_look_message(hello, size, &found), "www.example.org");
		for (k = 0; k < sizeof(records) / sizeof(records[0]); k++)
			check_stream(bytes, make_records(bytes, hello, size, records[k]), "www.example.org");
	}
}

static void a_client_hello_without(void **unused)
{
	uint8_t hello[HELLO_ROOM], bytes[HELLO_ROOM * 6];
	size_t size = make_hello(hello, NULL, 20), n = make_records(bytes, hello, size, 16384);

	assert_int_equal(look_stream(bytes, n, &found), LOOK_NONE);
	n = make_records(bytes, hello, make_hello(hello, "192.0.2.1", 0), 16384);
	assert_int_equal(look_stream(bytes, n, &found), LOOK_NONE);
	n = make_records(bytes, hello, make_hello(hello, "a b.example", 0), 16384);
	assert_int_equal(look_stream(bytes, n, &found), LOOK_NONE);
	n = make_records(bytes, hello, make_hello(hello, "", 0), 16384);
	assert_int_equal(look_stream(bytes, n, &found), LOOK_NONE);
}

static void what_is_no_client_hello(void **unused)
{
	uint8_t hello[HELLO_ROOM], bytes[HELLO_ROOM * 6];
	size_t size = make_hello(hello, "a.example", 0), n = make_records(bytes, hello, size, 16384);

	bytes[1] = 2; /* a version that never was */
	assert_int_equal(look_stream(bytes, n, &found), LOOK_NONE);
	bytes[1] = 3;
	bytes[5] = 2; /* a ServerHello */
	assert_int_equal(look_stream(bytes, n, &found), LOOK_NONE);
	bytes[5] = 1;
	bytes[3] = 0x50; /* a record that is too long */
	assert_int_equal(look_stream(bytes, n, &found), LOOK_NONE);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(look_stream(bytes, n, &found), LOOK_NONE);
	hello[1] = 0xff; /* a message of 16 MB */
	assert_int_equal(hello_look_message(hello, size, &found), LOOK_NONE);
	hello[1] = 0;
	hello[38] = 255; /* the session's identifier is longer than its message */
	assert_int_equal(hello_look_message(hello, size, &found), LOOK_NONE);
}

/* What would need more than is looked at has no name. */
static void a_hello_without_end(void **unused)
{
	static uint8_t bytes[LOOK_MOST + 10];
	size_t size = 0, i;

	while (size + 5 + 100 < sizeof(bytes)) {
		put_number(bytes, &size, 1, 22);
		put_number(bytes, &size, 2, 0x0301);
		put_number(bytes, &size, 2, 100);
		put_number(bytes, &size, 4, size < 10 ? 0x01003fff : 0);
		size += 96;
	}
	for (i = 1000; i < LOOK_MOST; i += 1000)
		assert_int_not_equal(look_stream(bytes, i, &found), LOOK_NAME);
	assert_int_equal(look_stream(bytes, LOOK_MOST, &found), LOOK_NONE);
}

static enum look http(const char *text)
{
	return look_stream((const uint8_t *)text, strlen(text), &found);
}

static void a_request_has_a_host(void **unused)
{
	static const char text[] = "GET /a?b HTTP/1.1\r\nUser-Agent: x\r\nhOsT: \t Www.Example.org:8080 \r\n\r\n";

	check_stream((const uint8_t *)text, sizeof(text) - 1, "www.example.org");
	check_name(http("OPTIONS * HTTP/1.0\nHost:a.example\n"), "a.example");
	check_name(http("PROPFIND / HTTP/1.1\r\nHost: a.example.\r\n"), "a.example");
}

static void a_request_without(void **unused)
{
	static const char *const none[] = {"GET / HTTP/1.1\r\nAccept: x\r\n\r\nHost: late.example\r\n",
	                                   "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n",
	                                   "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n",
	                                   "GET / HTTP/1.1\r\nHost: \r\n",
	                                   "GET / HTTP/2.0\r\nHost: a.example\r\n",
	                                   "GET /\r\nHost: a.example\r\n",
	                                   "get / HTTP/1.1\r\nHost: a.example\r\n",
	                                   "SSH-2.0-client\r\n",
	                                   "EHLO me\r\n",
	                                   "\r\n",
	                                   " GET / HTTP/1.1\r\n",
	                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1\r\nHost: a.example\r\n",
	                                   "\x80\x81",
	                                   "HTTP/1.1 200 OK\r\nHost: a.example\r\n"};
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (http(none[i]) != LOOK_NONE)
			fail_msg("not none: %s", none[i]);
	assert_int_equal(http("GET / HTTP/1.1\r\nX-Host: a.example\r\n"), LOOK_MORE);
	assert_int_equal(http("GET / HT"), LOOK_MORE);
}

static void a_query_has_a_name(void **unused)
{
	uint8_t bytes[600];
	size_t size = make_query(bytes, "Www.Example.org"), i;

	check_name(look_datagram(&quic, bytes, size, 53, &found), "www.example.org");
	assert_int_equal(look_datagram(&quic, bytes, size, 5353, &found), LOOK_NONE);
	for (i = 0; i < size - 5; i++)
		assert_int_equal(look_datagram(&quic, bytes, i, 53, &found), LOOK_NONE);
	bytes[2] |= 0x80;
	assert_int_equal(dns_look(bytes, size, &found), LOOK_NONE); /* an answer */
	bytes[2] &= 0x7f;
	bytes[12] = 0xc0;
	assert_int_equal(dns_look(bytes, size, &found), LOOK_NONE); /* a pointer */
	bytes[12] = 3;
	bytes[13] = '.';
	assert_int_equal(dns_look(bytes, size, &found), LOOK_NONE); /* a dot that is none */
	size = make_query(bytes, "");
	assert_int_equal(dns_look(bytes, size, &found), LOOK_NONE); /* the root */
}

static void a_query_of_the_longest_name(void **unused)
{
	char name[300];
	uint8_t bytes[600];
	size_t i;

	for (i = 0; i < 255; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	name[253] = 0;
	check_name(dns_look(bytes, make_query(bytes, name), &found), name);
	name[253] = 'a';
	name[254] = 0;
	assert_int_equal(dns_look(bytes, make_query(bytes, name), &found), LOOK_NONE);
}

/* ---- QUIC ---- */

static const uint8_t id[8] = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};

/* The example of RFC 9001, appendix A.1. */
static void keys_as_the_standard_has_them(void **unused)
{
	static const uint8_t key[16] = {0x1f, 0x36, 0x96, 0x13, 0xdd, 0x76, 0xd5, 0x46,
	                                0x77, 0x30, 0xef, 0xcb, 0xe3, 0xb1, 0xa2, 0x2d};
	static const uint8_t iv[12] = {0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c};
	static const uint8_t mask[16] = {0x9f, 0x50, 0x44, 0x9e, 0x04, 0xa0, 0xe8, 0x10,
	                                 0x28, 0x3a, 0x1e, 0x99, 0x33, 0xad, 0xed, 0xd2};

	quic_keys(&quic, id, sizeof(id));
	assert_memory_equal(quic.key, key, sizeof(key));
	assert_memory_equal(quic.iv, iv, sizeof(iv));
	assert_memory_equal(quic.mask, mask, sizeof(mask));
}

static void an_initial_packet_has_a_name(void **unused)
{
	uint8_t hello[HELLO_ROOM], frames[INITIAL_SIZE], bytes[INITIAL_SIZE];
	size_t size = make_hello(hello, "Quic.Example", 300), n = 0, i;

	put_crypto(frames, &n, hello, 0, size);
	make_initial(bytes, id, sizeof(id), 0, frames, n);
	quic_init(&quic);
	check_name(look_datagram(&quic, bytes, sizeof(bytes), 443, &found), "quic.example");
	for (i = 0; i < sizeof(bytes); i++) { /* cut off, or changed anywhere */
		quic_init(&quic);
		assert_int_equal(quic_look(&quic, bytes, i, &found), LOOK_NONE);
		bytes[i] ^= 1;
		quic_init(&quic);
		assert_int_equal(quic_look(&quic, bytes, sizeof(bytes), &found), LOOK_NONE);
		bytes[i] ^= 1;
	}
}

/* As browsers send it: the hello in pieces, in any order, over two datagrams. */
static void a_hello_in_pieces(void **unused)
{
	uint8_t hello[HELLO_ROOM], frames[INITIAL_SIZE], bytes[2][INITIAL_SIZE];
	size_t size = make_hello(hello, "quic.example", 1500), n = 0;

	put_crypto(frames, &n, hello, 900, size - 900);
	make_initial(bytes[1], id, sizeof(id), 1, frames, n);
	n = 0;
	put_number(frames, &n, 1, 1); /* PING */
	put_crypto(frames, &n, hello, 400, 500);
	put_number(frames, &n, 3, 0); /* padding */
	put_crypto(frames, &n, hello, 0, 400);
	make_initial(bytes[0], id, sizeof(id), 0, frames, n);
	quic_init(&quic);
	assert_int_equal(quic_look(&quic, bytes[0], INITIAL_SIZE, &found), LOOK_MORE);
	check_name(quic_look(&quic, bytes[1], INITIAL_SIZE, &found), "quic.example");
	quic_init(&quic);
	assert_int_equal(quic_look(&quic, bytes[1], INITIAL_SIZE, &found), LOOK_MORE);
	check_name(quic_look(&quic, bytes[0], INITIAL_SIZE, &found), "quic.example");
}

static void what_is_no_quic(void **unused)
{
	uint8_t hello[HELLO_ROOM], frames[INITIAL_SIZE], bytes[INITIAL_SIZE];
	size_t n = 0;

	put_crypto(frames, &n, hello, 0, make_hello(hello, NULL, 0));
	make_initial(bytes, id, sizeof(id), 0, frames, n);
	quic_init(&quic);
	assert_int_equal(quic_look(&quic, bytes, sizeof(bytes), &found), LOOK_NONE); /* no name in it */
	n = 0;
	put_number(frames, &n, 1, 0x1c); /* CONNECTION_CLOSE */
	make_initial(bytes, id, sizeof(id), 0, frames, n);
	quic_init(&quic);
	assert_int_equal(quic_look(&quic, bytes, sizeof(bytes), &found), LOOK_NONE);
	bytes[4] = 2; /* another version */
	quic_init(&quic);
	assert_int_equal(quic_look(&quic, bytes, sizeof(bytes), &found), LOOK_NONE);
	quic_init(&quic);
	assert_int_equal(quic_look(&quic, bytes, 0, &found), LOOK_NONE);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(quic_look(&quic, bytes, sizeof(bytes), &found), LOOK_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_hello_has_a_name),
		cmocka_unit_test(a_client_hello_without),
		cmocka_unit_test(what_is_no_client_hello),
		cmocka_unit_test(a_hello_without_end),
		cmocka_unit_test(a_request_has_a_host),
		cmocka_unit_test(a_request_without),
		cmocka_unit_test(a_query_has_a_name),
		cmocka_unit_test(a_query_of_the_longest_name),
		cmocka_unit_test(keys_as_the_standard_has_them),
		cmocka_unit_test(an_initial_packet_has_a_name),
		cmocka_unit_test(a_hello_in_pieces),
		cmocka_unit_test(what_is_no_quic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
