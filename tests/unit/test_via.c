/* SPDX-License-Identifier: MIT
 * test_via.c - a way out as one word of the command line
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <adit/abi.h>

#include <stdlib.h>
#include <string.h>

#include "cli/via.h"

static void words_that_are_right(void **state)
{
	static const struct {
		const char *word, *module, *server, *user, *password; /* password null: none */
		int tls;
	} rows[] = {
		{"socks5://127.0.0.1:1080", "outbound-socks5", "127.0.0.1:1080", "", NULL, 0},
		{"socks5h://proxy.example", "outbound-socks5", "proxy.example:1080", "", NULL, 0},
		{"socks5://[2001:db8::1]:9", "outbound-socks5", "[2001:db8::1]:9", "", NULL, 0},
		{"socks5://[::1]", "outbound-socks5", "[::1]:1080", "", NULL, 0},
		{"socks5://me@h:1", "outbound-socks5", "h:1", "me", NULL, 0},
		{"socks5://me:@h:1", "outbound-socks5", "h:1", "me", "", 0},
		{"socks5://m%40e:p%3a%25w@h:65535/", "outbound-socks5", "h:65535", "m@e", "p:%w", 0},
		{"http://me:a@b@h", "outbound-http", "h:8080", "me", "a@b", 0},
		{"https://a-b_c.example", "outbound-http", "a-b_c.example:443", "", NULL, 1},
		{"direct", "outbound-direct", "", "", NULL, 0},
		{"block", "outbound-block", "", "", NULL, 0},
	};
	struct via v;
	char why[160];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(via_parse(&v, rows[i].word, why, sizeof(why)), 0);
		assert_string_equal(v.module, rows[i].module);
		assert_string_equal(v.server, rows[i].server);
		assert_string_equal(v.user, rows[i].user);
		assert_int_equal(v.has_password, rows[i].password != NULL);
		assert_string_equal(v.password, rows[i].password ? rows[i].password : "");
		assert_int_equal(v.tls, rows[i].tls);
	}
}

static void words_that_are_wrong(void **state)
{
	static const char *const words[] = {
		"", "socks5", "socks5:/h", "socks4://h:1", "socks5://", "socks5://:1080", "socks5://@h:1", "socks5://:p@h:1",
		"socks5://u%@h:1", "socks5://u%4@h:1", "socks5://u%00@h:1", "socks5://h:", "socks5://h:0", "socks5://h:65536",
		"socks5://h:1x", "socks5://h: 1", "socks5://h:+1", "socks5://::1:80", "socks5://[::1", "socks5://[::1]x",
		"socks5://[]:1", "socks5://[h]:1", "socks5://h:1/path", "socks5://h:1?q", "socks5://h:1#f", "socks5://h h:1",
		"socks5://h\"h:1", "direct:1", "blocked", "http://h:1//",
	};
	static const struct via nothing;
	struct via v;
	char why[160];
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		why[0] = 0;
		if (via_parse(&v, words[i], why, sizeof(why)) != ADIT_EINVAL)
			fail_msg("taken: %s", words[i]);
		assert_int_not_equal(why[0], 0);
		assert_memory_equal(&v, &nothing, sizeof(v)); /* no secret stays */
	}
}

static void words_that_are_too_long(void **state)
{
	struct via v;
	char word[4096], why[160];
	size_t n;

	for (n = 200; n < 3000; n++) {
		memset(word, 'a', sizeof(word));
		memcpy(word, "socks5://", 9);
		word[n] = 0;
		assert_int_equal(via_parse(&v, word, why, sizeof(why)), n - 9 < VIA_NAME ? 0 : ADIT_EINVAL);
		strcpy(word + n - 2, "@h");
		assert_int_equal(via_parse(&v, word, why, sizeof(why)), n - 11 < VIA_SECRET ? 0 : ADIT_EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_that_are_right),
		cmocka_unit_test(words_that_are_wrong),
		cmocka_unit_test(words_that_are_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
