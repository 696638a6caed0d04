/* SPDX-License-Identifier: MIT
 * unit/test_conf_format.c - durations, sizes, addresses, names: what is read, and what is not
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/format.h"
#include "conf/suggest.h"

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"0", 0},
		{"1.5s", 1500000000},
		{"250ms", 250000000},
		{"5m", 300000000000},
		{"2h", 7200000000000},
		{"1d", 86400000000000},
		{"7us", 7000},
		{"3ns", 3},
		{"12", 12000000000},
		{"0.1", 100000000},
	};
	static const char *const bad[] = {"",
	                                  "s",
	                                  "-1s",
	                                  "1 s",
	                                  "1e3",
	                                  "0x5",
	                                  "1.",
	                                  ".5s",
	                                  "1.5.5s",
	                                  "inf",
	                                  "1S",
	                                  "1h30m",
	                                  "99999999999999999999",
	                                  "40000d",
	                                  "1s "};
	uint64_t out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(format_duration(good[i].text, &out));
		assert_int_equal(out, good[i].ns);
	}
	out = 77;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(format_duration(bad[i], &out));
	assert_false(format_seconds(-1, &out));
	assert_false(format_seconds(1e300, &out));
	assert_int_equal(out, 77);
	assert_true(format_seconds(0.25, &out));
	assert_int_equal(out, 250000000);
}

static void test_size(void **state)
{
	static const char *const bad[] = {"", "k", "-1", "1kB", "1.5.5", "1e3", "9000T", "1 k"};
	uint64_t out;
	size_t i;

	(void)state;
	assert_true(format_size("64k", &out));
	assert_int_equal(out, 65536);
	assert_true(format_size("1.5M", &out));
	assert_int_equal(out, 1572864);
	assert_true(format_size("2G", &out));
	assert_int_equal(out, 2147483648);
	assert_true(format_size("17", &out));
	assert_int_equal(out, 17);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(format_size(bad[i], &out));
	assert_int_equal(out, 17);
}

static void test_addresses(void **state)
{
	static const char *const bad_cidr[] = {
		"",         "/8",     "10.0.0.0/33", "10.0.0.0/",    "10.0.0.0/08",
		"10.0.0/8", "::/129", "fe80::%1/64", "10.0.0.0/8/8", "10.0.0.0/-1"};
	static const char *const bad_endpoint[] = {
		"",         ":80",          "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:080",
		"::1:80",   "[1.2.3.4]:80", "[::1]80", "[::1:80",  "[]:80",         "host:80",
		"[::1]:+1", "1.2.3.4:80 "};
	struct format_prefix p;
	adit_addr a;
	size_t i;

	(void)state;
	assert_true(format_cidr("192.168.1.7/24", &p));
	assert_int_equal(p.bits, 24);
	assert_int_equal(p.ip[3], 7);
	assert_false(format_prefix_is_net(&p));
	assert_true(format_cidr("192.168.1.0/24", &p));
	assert_true(format_prefix_is_net(&p));
	assert_true(format_cidr("::/0", &p));
	assert_int_equal(p.family, 6);
	for (i = 0; i < sizeof(bad_cidr) / sizeof(bad_cidr[0]); i++)
		assert_false(format_cidr(bad_cidr[i], &p));
	assert_true(format_endpoint("[fe80::1%3]:443", &a));
	assert_int_equal(a.scope, 3);
	assert_int_equal(a.port, 443);
	assert_int_equal(a.family, 6);
	assert_true(format_endpoint("1.2.3.4:0", &a));
	assert_int_equal(a.family, 4);
	for (i = 0; i < sizeof(bad_endpoint) / sizeof(bad_endpoint[0]); i++)
		assert_false(format_endpoint(bad_endpoint[i], &a));
	assert_true(format_ip("::ffff:1.2.3.4", &a));
	assert_false(format_ip("1.2.3.4%1", &a));
	assert_false(format_ip("fe80::1%eth0", &a));
	assert_false(format_ip("fe80::1%0", &a));
}

static void test_names(void **state)
{
	(void)state;
	assert_true(format_name("a"));
	assert_true(format_name("0a_.-"));
	assert_true(format_name("abcdefghijklmnopqrstuvwxyz012345"));
	assert_false(format_name("abcdefghijklmnopqrstuvwxyz0123456"));
	assert_false(format_name(""));
	assert_false(format_name("-a"));
	assert_false(format_name("A"));
	assert_false(format_name("a/b"));
	assert_null(format_find("uuid"));
}

static const char *nearest(const char *word, const char *a, const char *b)
{
	struct suggest s = {.word = word};

	suggest_offer(&s, a);
	suggest_offer(&s, b);
	return s.best;
}

static void test_suggestions(void **state)
{
	(void)state;
	assert_string_equal(nearest("mut", "mtu", "multi"), "mtu");
	assert_string_equal(nearest("handelrs", "handlers", "limits"), "handlers");
	assert_string_equal(nearest("tpc", "udp", "tcp"), "tcp");
	assert_null(nearest("x", "yy", "abc"));
	assert_null(nearest("", "a", "b"));
	assert_null(nearest("completely", "different", "words"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),    cmocka_unit_test(test_size),
		cmocka_unit_test(test_addresses),   cmocka_unit_test(test_names),
		cmocka_unit_test(test_suggestions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
