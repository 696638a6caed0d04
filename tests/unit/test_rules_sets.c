/* SPDX-License-Identifier: MIT
 * tests/unit/test_rules_sets.c - handler-rules: sets of addresses and names, against a naive oracle
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "set.h"

static uint64_t state = 88172645463325252u;

static uint32_t any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % below;
}

static adit_addr addr(const char *text)
{
	adit_addr a = {.family = strchr(text, ':') ? 6 : 4};

	assert_int_equal(inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.ip), 1);
	return a;
}

static int add(struct set *s, const char *line)
{
	struct entry e;

	if (entry_read_line(line, strlen(line), &e) < 0)
		return -1;
	if (e.kind != ENTRY_NONE)
		assert_int_equal(set_add(s, &e), 0);
	return e.kind != ENTRY_NONE;
}

static int has(const struct set *s, const char *ip)
{
	adit_addr a = addr(ip);

	return ranges_hold(&s->ranges, &a);
}

static int named(const struct set *s, const char *name)
{
	return names_hold(&s->names, name, (uint32_t)strlen(name));
}

/* ---- lines ---- */

static void lines_are_read(void **unused)
{
	struct set s = {0};

	assert_int_equal(add(&s, "192.0.2.0/24\n"), 1);
	assert_int_equal(add(&s, "  2001:db8::/32 # documentation\r\n"), 1);
	assert_int_equal(add(&s, "Example.ORG."), 1);
	assert_int_equal(add(&s, "\t.example.net#no comment without white space"), -1);
	assert_int_equal(add(&s, "# nothing"), 0);
	assert_int_equal(add(&s, ""), 0);
	assert_int_equal(add(&s, "   \r\n"), 0);
	assert_int_equal(set_seal(&s), 0);
	assert_true(has(&s, "192.0.2.255") && has(&s, "192.0.2.0") && has(&s, "2001:db8:ffff::1"));
	assert_false(has(&s, "192.0.3.0") || has(&s, "192.0.1.255") || has(&s, "2001:db9::"));
	assert_true(named(&s, "example.org"));
	assert_false(named(&s, "www.example.org") || named(&s, "org"));
	set_fini(&s);
}

static void lines_that_are_none(void **unused)
{
	static const char *const bad[] = {"192.0.2.0/33",
	                                  "192.0.2.256",
	                                  "2001:db8::/129",
	                                  "2001:db8:::1",
	                                  "1.2.3",
	                                  "exa mple.org",
	                                  "-/",
	                                  "..",
	                                  ".",
	                                  "a..b",
	                                  "*.example.org",
	                                  "192.0.2.1/",
	                                  "192.0.2.1/1a",
	                                  "::1/-1",
	                                  "a/b",
	                                  "b\303\274cher.example",
	                                  "1.2.3.4 5.6.7.8",
	                                  "example.123"};
	char label[80], name[300];
	struct entry e;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (entry_read_line(bad[i], strlen(bad[i]), &e) != ADIT_EINVAL)
			fail_msg("taken for an entry: %s", bad[i]);
	memset(label, 'a', sizeof(label));
	assert_int_equal(entry_read(label, 63, &e), 0);
	assert_int_equal(entry_read(label, 64, &e), ADIT_EINVAL);
	for (i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	assert_int_equal(entry_read(name, 253, &e), 0);
	assert_int_equal(entry_read(name, 255, &e), ADIT_EINVAL);
	assert_int_equal(entry_read("a\0b", 3, &e), ADIT_EINVAL);
	assert_int_equal(entry_read("1.2.3.4\0", 8, &e), ADIT_EINVAL);
}

static void a_file_is_read(void **unused)
{
	static const char text[] = "10.0.0.0/8\nno good\n.example.org\n\nalso/bad\n::1";
	char long_line[3000];
	struct set s = {0};
	FILE *f = tmpfile();

	memset(long_line, 'x', sizeof(long_line));
	long_line[sizeof(long_line) - 1] = '\n';
	fwrite(text, 1, sizeof(text) - 1, f);
	fwrite("\n", 1, 1, f);
	fwrite(long_line, 1, sizeof(long_line), f);
	fwrite("zero\0byte\nlast.example", 1, 22, f);
	rewind(f);
	assert_int_equal(set_read(&s, f), 0);
	assert_int_equal(set_seal(&s), 0);
	assert_int_equal(s.lines_bad, 4);
	assert_int_equal(s.line_bad, 2);
	assert_int_equal(s.entries, 4);
	assert_true(has(&s, "10.1.2.3") && has(&s, "::1") && named(&s, "last.example") && named(&s, "a.b.example.org"));
	set_fini(&s);
	fclose(f);
}

/* ---- addresses against an oracle ---- */

static struct prefix random_prefix(uint8_t family)
{
	struct prefix p = {.family = family};
	unsigned most = family == 4 ? 32 : 128, i;

	/* Few distinct bits, so that prefixes nest, touch and repeat. */
	for (i = 0; i < most / 8; i++)
		p.ip[i] = (uint8_t)(any(4) ? any(3) * 127 : any(256));
	p.bits = (uint8_t)(any(20) ? most / 2 + any(most / 2 + 1) : any(most + 1));
	return p;
}

static int in_prefix(const struct prefix *p, const adit_addr *a)
{
	unsigned i;

	for (i = 0; i < p->bits; i++)
		if ((p->ip[i / 8] ^ a->ip[i / 8]) >> (7 - i % 8) & 1)
			return 0;
	return p->family == a->family;
}

/* Every prefix's first and last address, and those beside. */
static void edge(const struct prefix *p, int which, adit_addr *a)
{
	unsigned most = p->family == 4 ? 4 : 16, i, carry = 1;

	*a = (adit_addr){.family = p->family};
	for (i = 0; i < most * 8; i++) {
		unsigned bit = i < p->bits ? p->ip[i / 8] >> (7 - i % 8) & 1 : which >= 2;

		a->ip[i / 8] |= (uint8_t)(bit << (7 - i % 8));
	}
	for (i = most; which % 2 && carry && i--;) {
		a->ip[i] = (uint8_t)(which == 1 ? a->ip[i] - 1 : a->ip[i] + 1);
		carry = a->ip[i] == (which == 1 ? 0xff : 0);
	}
}

static void addresses_as_the_oracle_says(void **unused)
{
	enum { MOST = 700 };
	static struct prefix list[MOST];
	uint32_t n, i, k, round;
	int which;

	for (round = 0; round < 30; round++) {
		struct ranges r = {0};

		n = round < 3 ? round : 1 + any(MOST);
		for (i = 0; i < n; i++) {
			list[i] = random_prefix(any(2) ? 4 : 6);
			assert_int_equal(ranges_add(&r, &list[i]), 0);
		}
		assert_int_equal(ranges_seal(&r), 0);
		for (i = 0; i < n; i++) {
			for (which = 0; which < 4; which++) {
				adit_addr a;
				int want = 0;

				edge(&list[i], which, &a);
				for (k = 0; k < n && !want; k++)
					want = in_prefix(&list[k], &a);
				assert_int_equal(ranges_hold(&r, &a), want);
			}
		}
		ranges_fini(&r);
	}
}

static void everything_and_nothing(void **unused)
{
	struct set s = {0}, none = {0};

	add(&s, "0.0.0.0/0");
	add(&s, "::/0");
	add(&s, "255.255.255.255");
	assert_int_equal(set_seal(&s), 0);
	assert_int_equal(set_seal(&none), 0);
	assert_true(has(&s, "0.0.0.0") && has(&s, "255.255.255.255") && has(&s, "::"));
	assert_true(has(&s, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(has(&none, "0.0.0.0") || has(&none, "::") || named(&none, "a"));
	set_fini(&s);
	set_fini(&none);
}

/* ---- names against an oracle ---- */

enum { NAMES = 400, NAME_ROOM = 64 };

static void random_name(char *out)
{
	static const char *const labels[] = {"a", "b", "ab", "ba", "example", "www", "x-1", "a123456789"};
	uint32_t n = 1 + any(5), i;

	*out = 0;
	for (i = 0; i < n; i++) {
		strcat(out, i ? "." : "");
		strcat(out, labels[any(8)]);
	}
}

static int oracle(char list[][NAME_ROOM], const int *below, uint32_t n, const char *name)
{
	size_t size = strlen(name), other;
	uint32_t i;

	for (i = 0; i < n; i++) {
		other = strlen(list[i]);
		if (!strcmp(list[i], name))
			return 1;
		if (below[i] && size > other && name[size - other - 1] == '.' && !strcmp(name + size - other, list[i]))
			return 1;
	}
	return 0;
}

static void names_as_the_oracle_says(void **unused)
{
	static char list[NAMES][NAME_ROOM];
	int below[NAMES];
	char name[NAME_ROOM];
	uint32_t n, i, round, hits = 0;

	for (round = 0; round < 40; round++) {
		struct names set = {0};

		n = 1 + any(NAMES);
		for (i = 0; i < n; i++) {
			random_name(list[i]);
			below[i] = any(3) == 0;
			assert_int_equal(names_add(&set, list[i], (uint32_t)strlen(list[i]), below[i]), 0);
		}
		assert_int_equal(names_seal(&set), 0);
		for (i = 0; i < 2000; i++) {
			int got, want;

			random_name(name);
			got = names_hold(&set, name, (uint32_t)strlen(name));
			want = oracle(list, below, n, name);
			assert_int_equal(got, want);
			hits += (uint32_t)want;
		}
		names_fini(&set);
	}
	assert_in_range(hits, 8000, 72000); /* both answers came often */
}

static void a_name_is_no_suffix_of_letters(void **unused)
{
	struct set s = {0};

	add(&s, ".example.org");
	add(&s, "exact.test");
	assert_int_equal(set_seal(&s), 0);
	assert_true(named(&s, "example.org") && named(&s, "a.b.c.example.org") && named(&s, "exact.test"));
	assert_false(named(&s, "badexample.org") || named(&s, "org") || named(&s, "example.org.evil"));
	assert_false(named(&s, "a.exact.test") || named(&s, "") || named(&s, "test"));
	set_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read),
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(a_file_is_read),
		cmocka_unit_test(addresses_as_the_oracle_says),
		cmocka_unit_test(everything_and_nothing),
		cmocka_unit_test(names_as_the_oracle_says),
		cmocka_unit_test(a_name_is_no_suffix_of_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
