/* SPDX-License-Identifier: MIT
 * tests/unit/test_rules_table.c - handler-rules: the language of rules, and what they mean
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "limit.h"
#include "table.h"

static char why[TABLE_WHY];

static int32_t find_named(void *arg, enum table_kind kind, const char *name)
{
	if (kind == TABLE_STACK)
		return !strcmp(name, "lwip") ? 0 : ADIT_ENOENT;
	return !strcmp(name, "proxy") ? 2 : !strcmp(name, "vpn") ? 3 : ADIT_ENOENT;
}

static adit_result lines(struct table *t, const char *const *list)
{
	adit_result result = 0;

	for (; result == 0 && *list; list++)
		result = table_line(t, *list, "here", NULL, why);
	if (result == 0)
		result = table_finish(t, find_named, NULL, why);
	return result == 0 ? table_load(t, why) : result;
}

static struct table *table_of(const char *const *list)
{
	struct table *t = table_new();

	if (lines(t, list) < 0)
		fail_msg("%s", why);
	return t;
}
#define TABLE(...) table_of((const char *const[]){__VA_ARGS__, NULL})

static adit_flow_info flow(uint8_t proto, const char *src, const char *dst, uint16_t port)
{
	adit_flow_info info = {.size = sizeof(info), .proto = proto};

	info.src.family = info.dst.family = strchr(dst, ':') ? 6 : 4;
	assert_int_equal(inet_pton(info.src.family == 6 ? AF_INET6 : AF_INET, src, info.src.ip), 1);
	assert_int_equal(inet_pton(info.dst.family == 6 ? AF_INET6 : AF_INET, dst, info.dst.ip), 1);
	info.src.port = 40000;
	info.dst.port = port;
	return info;
}

/* The first rule that does not say no, and what it says; the number of rules: none. */
static uint32_t first(const struct table *t, const struct subject *s, enum rule_answer *answer)
{
	uint32_t i;

	*answer = RULE_YES;
	for (i = 0; i < table_count(t); i++)
		if ((*answer = rule_holds(table_rule(t, i), s)) != RULE_NO)
			return i;
	*answer = RULE_YES;
	return i;
}

static uint32_t decides(const struct table *t, uint8_t proto, const char *dst, uint16_t port)
{
	adit_flow_info info = flow(proto, strchr(dst, ':') ? "fd00::1" : "10.1.0.2", dst, port);
	struct subject s = {.info = &info};
	enum rule_answer answer;
	uint32_t i = first(t, &s, &answer);

	assert_int_equal(answer, RULE_YES);
	return i;
}

static void the_first_that_holds_decides(void **unused)
{
	struct table *t =
	    TABLE("# a comment", "reject admin proto tcp port 25,465-587", "via proxy dst 10.0.0.0/8,2001:db8::/32",
	          "drop not dst 192.0.2.0/24 proto udp # the rest of UDP", "allow connect-later proto icmp",
	          "default reject");

	assert_int_equal(table_count(t), 4);
	assert_int_equal(decides(t, ADIT_PROTO_TCP, "10.0.0.1", 25), 0);
	assert_int_equal(decides(t, ADIT_PROTO_TCP, "10.0.0.1", 500), 0);
	assert_int_equal(decides(t, ADIT_PROTO_TCP, "10.0.0.1", 588), 1);
	assert_int_equal(decides(t, ADIT_PROTO_UDP, "10.0.0.1", 25), 1);
	assert_int_equal(decides(t, ADIT_PROTO_TCP, "2001:db8::9", 80), 1);
	assert_int_equal(decides(t, ADIT_PROTO_UDP, "2001:db9::9", 80), 2);
	assert_int_equal(decides(t, ADIT_PROTO_UDP, "192.0.2.9", 80), 4);
	assert_int_equal(decides(t, ADIT_PROTO_ICMP, "192.0.2.9", 25), 3);
	assert_int_equal(decides(t, ADIT_PROTO_ICMPV6, "2001:db9::9", 25), 3);
	assert_int_equal(table_rule(t, 0)->code, ADIT_EADMIN);
	assert_int_equal(table_rule(t, 1)->outbound, 2);
	assert_int_equal(table_rule(t, 1)->connect_first, 2);
	assert_int_equal(table_rule(t, 3)->connect_first, 0);
	assert_int_equal(table_rule(t, 3)->outbound, 0);
	assert_int_equal(table_rule(t, 4)->action, RULE_REJECT);
	assert_string_equal(table_text(t, 2), "drop not dst 192.0.2.0/24 proto udp # the rest of UDP");
	table_unref(t);
}

static void a_rule_may_name_a_stack(void **unused)
{
	struct table *t = TABLE("allow stack lwip connect-first port 22", "via proxy connect-later stack lwip", "allow stack lwip",
	                        "default via vpn stack lwip"), *bad;

	assert_string_equal(table_rule(t, 0)->stack, "lwip");
	assert_int_equal(table_rule(t, 0)->connect_first, 1);
	assert_string_equal(table_rule(t, 1)->stack, "lwip");
	assert_int_equal(table_rule(t, 1)->connect_first, 0);
	assert_int_equal(table_rule(t, 2)->connect_first, 2);
	assert_string_equal(table_rule(t, 3)->stack, "lwip");
	table_unref(t);
	bad = table_new();
	assert_int_equal(lines(bad, (const char *const[]){"allow stack none", NULL}), ADIT_ECONFIG);
	assert_non_null(strstr(why, "standby"));
	assert_non_null(strstr(why, "\"none\""));
	table_unref(bad);
	bad = table_new();
	assert_int_equal(lines(bad, (const char *const[]){"allow stack lwip stack lwip", NULL}), ADIT_ECONFIG);
	table_unref(bad);
	bad = table_new();
	assert_int_equal(lines(bad, (const char *const[]){"reject stack lwip", NULL}), ADIT_ECONFIG);
	table_unref(bad);
	bad = table_new();
	assert_int_equal(lines(bad, (const char *const[]){"allow stack", NULL}), ADIT_ECONFIG);
	table_unref(bad);
}

static void without_rules_flows_pass(void **unused)
{
	struct table *t = TABLE("");

	assert_int_equal(decides(t, ADIT_PROTO_TCP, "192.0.2.1", 1), 0);
	assert_int_equal(table_rule(t, 0)->action, RULE_PASS);
	table_unref(t);
}

static void echo_has_no_ports(void **unused)
{
	struct table *t = TABLE("drop port 0-65535", "drop source-port 0-65535", "drop not port 1");

	assert_int_equal(decides(t, ADIT_PROTO_ICMP, "192.0.2.1", 7), 2);
	table_unref(t);
}

static enum rule_answer with_name(const struct table *t, const char *name, uint32_t *i)
{
	adit_flow_info info = flow(ADIT_PROTO_TCP, "10.1.0.2", "192.0.2.1", 443);
	struct subject s = {
	    .info = &info, .known = KNOWN_NAME, .name = name, .name_size = name ? (uint32_t)strlen(name) : 0};
	enum rule_answer answer;

	*i = first(t, &s, &answer);
	return answer;
}

static void names_are_asked_for_only_if_they_matter(void **unused)
{
	struct table *t =
	    TABLE("reject port 80 domain .ads.example", "via vpn port 443 domain .work.example,exact.example",
	          "reject port 443 not domain .example");
	adit_flow_info info = flow(ADIT_PROTO_TCP, "10.1.0.2", "192.0.2.1", 443);
	struct subject s = {.info = &info};
	enum rule_answer answer;
	uint32_t i;

	assert_int_equal(first(t, &s, &answer), 1);
	assert_int_equal(answer, RULE_ASK_NAME);
	info.dst.port = 22;
	assert_int_equal(first(t, &s, &answer), 3);
	assert_int_equal(answer, RULE_YES);
	assert_int_equal(with_name(t, "a.work.example", &i), RULE_YES);
	assert_int_equal(i, 1);
	with_name(t, "exact.example", &i);
	assert_int_equal(i, 1);
	with_name(t, "a.exact.example", &i);
	assert_int_equal(i, 3);
	with_name(t, "evil.test", &i);
	assert_int_equal(i, 2);
	with_name(t, NULL, &i); /* no name at all is not in .example either */
	assert_int_equal(i, 2);
	assert_int_equal(table_needs(t), KNOWN_NAME);
	table_unref(t);
}

static void owners_decide(void **unused)
{
	struct table *t = TABLE("reject user 0", "drop process curl,/usr/bin/wget", "via proxy cgroup /work.slice/",
	                        "reject group 7", "drop user 4242 domain a.example");
	adit_flow_info info = flow(ADIT_PROTO_TCP, "10.1.0.2", "192.0.2.1", 443);
	adit_owner o = {.size = sizeof(o), .uid = 1000, .gid = 1000, .pid = 7};
	struct subject s = {.info = &info};
	enum rule_answer answer;

	assert_int_equal(first(t, &s, &answer), 0);
	assert_int_equal(answer, RULE_ASK_OWNER);
	s.known = KNOWN_OWNER; /* nobody's */
	assert_int_equal(first(t, &s, &answer), 5);
	s.owner = &o;
	assert_int_equal(first(t, &s, &answer), 5);
	strcpy(o.path, "/usr/bin/curl");
	assert_int_equal(first(t, &s, &answer), 1);
	strcpy(o.path, "/usr/bin/wget");
	assert_int_equal(first(t, &s, &answer), 1);
	strcpy(o.path, "/opt/wget");
	assert_int_equal(first(t, &s, &answer), 5);
	strcpy(o.name, "curl");
	assert_int_equal(first(t, &s, &answer), 1);
	o.name[0] = 0;
	strcpy(o.cgroup, "/work.slice/a");
	assert_int_equal(first(t, &s, &answer), 2);
	strcpy(o.cgroup, "/work.slicer");
	o.gid = 7;
	assert_int_equal(first(t, &s, &answer), 3);
	o.uid = 0;
	assert_int_equal(first(t, &s, &answer), 0);
	o.uid = 4242;
	o.gid = 1;
	assert_int_equal(first(t, &s, &answer), 4);
	assert_int_equal(answer, RULE_ASK_NAME);
	assert_int_equal(table_needs(t), KNOWN_OWNER | KNOWN_NAME);
	table_unref(t);
}

static void what_is_wrong_is_named(void **unused)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{"allow port", "a value is missing behind: \"port\""},
		{"port 80 allow", "an action comes first"},
		{"via", "a name is missing behind: \"via\""},
		{"via nowhere dst ::/0", "no outbound of the manifest has this name: \"nowhere\""},
		{"allow port 80,65536", "ports are 0 to 65535, and ranges go upwards (8000-8080), not: \"65536\""},
		{"allow port 90-80", "not: \"90-80\""},
		{"allow port 80,", "not: \"\""},
		{"allow proto sctp", "protocols are tcp, udp and icmp, not: \"sctp\""},
		{"allow dst example.org", "addresses are written"},
		{"allow domain 192.0.2.1", "host names are written"},
		{"allow domain @none", "there is no set of this name; add it, or correct the name: \"none\""},
		{"allow dst @", "names of sets have 1 to 32 letters"},
		{"allow user no-such-user-here", "this system has no user: \"no-such-user-here\""},
		{"allow cgroup work", "a control group is a path"},
		{"allow process a,,b", "an empty text"},
		{"reject over 0", "over takes 1 to 1000000"},
		{"reject not over 5", "no \"not\""},
		{"reject over 5 over 6", "a second over"},
		{"reject color blue", "no match is called that"},
		{"reject \"port 5", "a quote has no end"},
		{"default reject port 5", "the default is an action alone, without: \"port\""},
		{"set ads", "a set is written: set NAME FILE"},
		{"set ads /nonexistent/file", "/nonexistent/file: No such file or directory"},
		{"set ads /dev/zero", "/dev/zero: not a plain file"},
		{"drop proto tcp proto tcp proto tcp proto tcp proto tcp proto tcp proto tcp proto tcp proto tcp proto tcp proto tcp "
		 "proto tcp proto tcp proto tcp proto tcp proto tcp proto tcp", "more than 16 matches"},
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct table *t = table_new();

		why[0] = 0;
		if (lines(t, (const char *const[]){bad[i].line, NULL}) >= 0)
			fail_msg("taken for a rule: %s", bad[i].line);
		if (!strstr(why, bad[i].says))
			fail_msg("%s\n  says: %s\n  not:  %s", bad[i].line, why, bad[i].says);
		table_unref(t);
	}
}

/* ---- files ---- */

static char dir[] = "/tmp/test-rules-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void remove_file(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void files_name_sets_beside_them(void **unused)
{
	struct table *t = table_new();
	const char *words;
	char path[200];

	assert_non_null(mkdtemp(dir));
	write_file("ads", "# list\n.ads.example\n192.0.2.0/24\nwrong line\n");
	write_file("rules", "set ads ads\nreject dst @ads\ndefault via \"vpn\"\n");
	write_file("bad", "reject dst ::/0\n\nreject port x\n");
	snprintf(path, sizeof(path), "%s/rules", dir);
	assert_int_equal(table_file(t, path, why), 0);
	assert_int_equal(table_finish(t, find_named, NULL, why), 0);
	assert_int_equal(table_load(t, why), 0);
	assert_int_equal(table_load(t, why), 0); /* once is enough */
	assert_int_equal(decides(t, ADIT_PROTO_TCP, "192.0.2.77", 5), 0);
	assert_int_equal(decides(t, ADIT_PROTO_TCP, "192.0.3.77", 5), 1);
	assert_int_equal(table_rule(t, 1)->outbound, 3);
	assert_int_equal(table_bad_lines(t, &words), 1);
	assert_non_null(strstr(words, "/ads:4: no address"));
	assert_in_range(table_size(t), 20, 200);
	table_unref(t);
	t = table_new();
	snprintf(path, sizeof(path), "%s/bad", dir);
	assert_int_equal(table_file(t, path, why), ADIT_ECONFIG);
	assert_non_null(strstr(why, "/bad:3: ports are"));
	table_unref(t);
	remove_file("ads");
	remove_file("rules");
	remove_file("bad");
	assert_int_equal(rmdir(dir), 0);
}

static void words_are_split(void **unused)
{
	char line[] = "  a \"b c\"d\te\"\" \"\" #rest", *w[8];
	char open[] = "a \"b", many[] = "a b c", none[] = " \t\r\n";

	assert_int_equal(rule_words(line, w, 8), 4);
	assert_string_equal(w[0], "a");
	assert_string_equal(w[1], "b cd");
	assert_string_equal(w[2], "e");
	assert_string_equal(w[3], "");
	assert_int_equal(rule_words(open, w, 8), ADIT_EINVAL);
	assert_int_equal(rule_words(many, w, 2), ADIT_ELIMIT);
	assert_int_equal(rule_words(none, w, 8), 0);
}

/* ---- rates ---- */

static void a_source_has_its_rate(void **unused)
{
	struct limit *l = calloc(1, sizeof(*l));
	adit_flow_info a = flow(ADIT_PROTO_TCP, "10.0.0.1", "192.0.2.1", 1),
		       b = flow(ADIT_PROTO_TCP, "10.0.0.2", "192.0.2.1", 1);
	uint64_t now = 5000000000u;
	uint32_t i, over = 0;

	for (i = 0; i < 100; i++)
		over += (uint32_t)limit_over(l, 0, &a.src, 10, now);
	assert_int_equal(over, 90);
	assert_false(limit_over(l, 0, &b.src, 10, now)); /* another source */
	assert_false(limit_over(l, 1, &a.src, 10, now)); /* another rule */
	assert_true(limit_over(l, 0, &a.src, 10, now + 99000000));
	assert_false(limit_over(l, 0, &a.src, 10, now + 199000000));
	assert_true(limit_over(l, 0, &a.src, 10, now + 199000000));
	for (over = i = 0; i < 100; i++)
		over += (uint32_t)limit_over(l, 0, &a.src, 10, now + 3600000000000u);
	assert_int_equal(over, 90);
	free(l);
}

static void crowds_do_not_keep_a_source_out(void **unused)
{
	struct limit *l = calloc(1, sizeof(*l));
	adit_flow_info f = flow(ADIT_PROTO_TCP, "10.0.0.1", "192.0.2.1", 1);
	uint32_t i;

	for (i = 0; i < 100000; i++) {
		memcpy(f.src.ip, &i, 4);
		assert_false(limit_over(l, 0, &f.src, 1, 1000000000u + i));
	}
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_holds_decides),
		cmocka_unit_test(a_rule_may_name_a_stack),
		cmocka_unit_test(without_rules_flows_pass),
		cmocka_unit_test(echo_has_no_ports),
		cmocka_unit_test(names_are_asked_for_only_if_they_matter),
		cmocka_unit_test(owners_decide),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(files_name_sets_beside_them),
		cmocka_unit_test(words_are_split),
		cmocka_unit_test(a_source_has_its_rate),
		cmocka_unit_test(crowds_do_not_keep_a_source_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
