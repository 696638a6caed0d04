/* SPDX-License-Identifier: MIT
 * unit/test_conf_read.c - syntax, includes, merging, substitution, settings: what is accepted, and
 * the exact words of every refusal
 */
#include "conf_case.h"

static int64_t integer_at(const struct conf *c, const char *path)
{
	int64_t out = -1;

	assert_int_equal(conf_config_1.integer(conf_root(c), path, &out), 0);
	return out;
}

static const char *text_at(const struct conf *c, const char *path)
{
	const char *out = NULL;

	assert_int_equal(conf_config_1.text(conf_root(c), path, &out, NULL), 0);
	return out;
}

static void test_empty_manifest_is_whole(void **state)
{
	struct conf *c = load_text("{\"adit\":1}", "");
	const struct conf_entry *e;
	uint64_t number;
	size_t count;

	(void)state;
	assert_int_equal(integer_at(c, "limits/flows"), 65536);
	assert_int_equal(conf_size(conf_root(c), "limits/memory", &number), 0);
	assert_int_equal(number, 256 << 20);
	assert_int_equal(conf_config_1.duration(conf_root(c), "limits/reassembly/timeout", &number),
	                 0);
	assert_int_equal(number, 30000000000);
	e = conf_entries(c, CONF_PLATFORM, &count);
	assert_int_equal(count, 1);
	assert_string_equal(e->module, "platform-linux");
	e = conf_entries(c, CONF_HANDLER, &count);
	assert_int_equal(count, 1);
	assert_string_equal(e->name, "direct");
	assert_int_equal(e->match.protos, CONF_TCP | CONF_UDP | CONF_ICMP);
	assert_non_null(conf_entry_find(c, CONF_OUTBOUND, "direct"));
	assert_null(conf_entry_find(c, CONF_OUTBOUND, "other"));
	assert_string_equal(conf_stack_for(c, "tcp"), "");
	conf_unref(c);
}

static void test_comments_and_trailing_commas(void **state)
{
	(void)state;
	conf_unref(load_text("// first\n{ /* \xc3\xa9 ** / */ \"adit\": 1, // \"x\n  \"x-url\": "
	                     "\"http://a/*b*/\",\n"
	                     "\"x-l\": [1, 2, /* last */ ], }\n// end",
	                     ""));
	refuse("{ \"adit\": 1,, }", "m.json:1:13: not JSON: string or '}' expected\n");
	refuse("{ \"adit\": 1, \"x-a\": [,] }", "m.json:1:22: not JSON: unexpected token\n");
	refuse("{ \"adit\": 1, \"x-a\":,}", "m.json:1:20: not JSON: unexpected token\n");
	refuse("{ \"adit\": 1 }\n /* open",
	       "m.json:2:2: the comment that begins here has no end; end it with */\n");
	refuse("{ \"adit\": 1 } /*/",
	       "m.json:1:15: the comment that begins here has no end; end it with */\n");
	refuse("{ \"adit\": 1 /* a */ /", "m.json:1:21: not JSON: '}' expected\n");
}

static void test_syntax(void **state)
{
	char deep[256] = "{\"adit\":1,\"x-a\":";
	size_t i;

	(void)state;
	refuse("", "m.json:1:1: the file ends too early; close what is open\n");
	refuse("{\"adit\":1", "m.json:1:10: the file ends too early; close what is open\n");
	refuse("[1]", "m.json:1:1: a manifest must be an object; write { \"adit\": 1, ... }\n");
	refuse("{\"adit\":1}}", "m.json:1:11: not JSON: end of file expected\n");
	refuse("{\"adit\":1,\n \"udp\": {\"mapping\": \"address\",\n   \"mapping\":\"address\"}}",
	       "m.json:3:4: \"mapping\" is given twice in the same object; keep one of them\n");
	refuse("{\"adit\":1,\n\"x-\xff\":1}",
	       "m.json:2:4: byte 0xff is not UTF-8; save the file as UTF-8\n");
	refuse("{\"adit\":1} // \xed\xa0\x80",
	       "m.json:1:15: byte 0xed is not UTF-8; save the file as UTF-8\n");
	refuse("\xef\xbb\xbf{}", "m.json:1:1: the file begins with a byte order mark; save it as "
	                         "UTF-8 without a byte "
	                         "order mark\n");
	refuse("{\"adit\":1,\"x-a\":NaN}", "m.json:1:19: not JSON: invalid token\n");
	refuse("{\"adit\":1,\"x-a\":1e999}", "m.json:1:21: not JSON: real number overflow\n");
	refuse("{\"adit\":1,\"x-a\":99999999999999999999}",
	       "m.json:1:36: not JSON: too big integer\n");
	refuse("{\"adit\":1,\"x-a\":\"\\u0000\"}",
	       "m.json:1:24: not JSON: \\u0000 is not allowed without JSON_ALLOW_NUL\n");
	for (i = 0; i < 16; i++)
		strcat(deep, "[");
	refuse(deep, "m.json:1:32: nested deeper than 16 levels\n");
}

static void test_files(void **state)
{
	struct conf_source source = {.path = "none.json"};
	char *large;

	(void)state;
	assert_null(load_source(
		&source, "none.json: No such file or directory; create it, or correct the path\n"));
	source.text = "{\"stacks\":[]}"; /* what lies under a file is not judged without it */
	assert_null(load_source(
		&source, "none.json: No such file or directory; create it, or correct the path\n"));
	source.text = NULL;
	source.path = "d";
	mkdir("d", 0700);
	assert_null(load_source(&source, "d: not a regular file; name an ordinary file\n"));
	source.path = "fifo";
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_null(load_source(&source, "fifo: not a regular file; name an ordinary file\n"));
	large = malloc((1 << 20) + 2);
	memset(large, ' ', (1 << 20) + 1);
	large[(1 << 20) + 1] = '\0';
	refuse(large, "m.json: the file is too large; at most 1 MiB; split it with \"include\"\n");
	memcpy(large, "{\"adit\":1}", 10);
	large[1 << 20] = '\0';
	conf_unref(load_text(large, ""));
	free(large);
}

static void test_top_level(void **state)
{
	(void)state;
	refuse("{}", "m.json:1:1: \"adit\" is missing; add \"adit\": 1\n");
	refuse("{\"adit\": 2}", "m.json:1:10: /adit: 2 is not known here; must be 1\n");
	refuse("{\"adit\": 1,\n \"outbuonds\": [], \"zzzzzz\": 1, \"shards\": 65}",
	       "m.json:2:2: /outbuonds: unknown key \"outbuonds\"; did you mean \"outbounds\"?\n"
	       "m.json:2:19: /zzzzzz: unknown key \"zzzzzz\"; known here: adit, $schema, include, "
	       "shards, platform, stack, "
	       "stacks, outbounds, handlers, services, limits, udp, policy, log, control, modules\n"
	       "m.json:2:42: /shards: 65 is above 64; at most 64\n");
	refuse("{\"adit\":1,\"stack\":5,\"log\":{\"level\":\"dbug\"},\"udp\":{\"mapping\":\"full-"
	       "cone\"}}",
	       "m.json:1:19: /stack: 5 has none of the forms allowed here; must be the name of a "
	       "stack, or an object\n"
	       "m.json:1:36: /log/level: \"dbug\" is not known here; did you mean \"debug\"? Must "
	       "be one of \"trace\", "
	       "\"debug\", \"info\", \"warn\", \"error\"\n"
	       "m.json:1:61: /udp/mapping: \"full-cone\" is not known here; must be one of "
	       "\"endpoint-independent\", "
	       "\"address\", \"address-and-port\"\n");
	refuse("{\"adit\":1,\"limits\":{\"idle_tcp\":\"2 h\",\"memory\":\"x\",\"flows\":\"9\"}}",
	       "m.json:1:32: /limits/idle_tcp: \"2 h\" is not a duration; must be \"1.5s\" (units "
	       "ns us ms s m h d) or a "
	       "number of seconds\n"
	       "m.json:1:47: /limits/memory: \"x\" is not a size; must be \"64k\" or \"1.5M\" "
	       "(units k M G T) or a number of "
	       "bytes\n"
	       "m.json:1:59: /limits/flows: \"9\" is a text; must be an integer\n");
	conf_unref(load_text("{\"adit\":1,\"x-a\":{\"b\":1},\"$schema\":\"s\",\"log\":{\"x-why\":1,"
	                     "\"$schema\":\"\"}}",
	                     ""));
	refuse("{\"adit\":1,\"modules\":{\"path\":\"/"
	       "a\",\"allow_unsafe_owner\":1},\"platform\":{}}",
	       "m.json:1:29: /modules/path: \"/a\" is a text; must be a list\n"
	       "m.json:1:55: /modules/allow_unsafe_owner: 1 is a number; must be true or false\n"
	       "m.json:1:69: /platform: \"module\" is missing; add \"module\": the name of a "
	       "module\n");
}

static void test_stack_per_protocol(void **state)
{
	struct conf *c = load_text("{\"adit\":1,\"stack\":{\"tcp\":\"lwip\",\"udp\":\"system\"}}",
	                           "");

	(void)state;
	assert_string_equal(conf_stack_for(c, "tcp"), "lwip");
	assert_string_equal(conf_stack_for(c, "udp"), "system");
	assert_string_equal(conf_stack_for(c, "icmp"), "");
	conf_unref(c);
	c = load_text("{\"adit\":1,\"stack\":\"mixed\"}", "");
	assert_string_equal(conf_stack_for(c, "icmp"), "mixed");
	conf_unref(c);
}

static void test_include_order_and_override(void **state)
{
	struct conf_source source = {.path = "etc/m.json"};
	const struct conf_entry *e;
	struct conf *c;
	size_t count;

	(void)state;
	mkdir("etc", 0700);
	mkdir("etc/conf.d", 0700);
	write_file("etc/m.json", "{\"adit\":1,\"include\":[\"conf.d/*.json\",\"none.d/"
	                         "*\"],\"limits\":{\"flows\":100},"
	                         "\"outbounds\":[{\"name\":\"one\",\"module\":\"outbound-a\"}]}");
	write_file("etc/conf.d/20.json",
	           "{\"outbounds\":[{\"module\":\"outbound-c\"}],\"adit\":1}");
	write_file("etc/conf.d/10.json",
	           "{\"outbounds\":[{\"name\":\"two\",\"module\":\"outbound-b\"}],"
	           "\"limits\":{\"udp\":50}}");
	write_file(
		"etc/conf.d/30.json",
		"{\"outbounds\":[{\"name\":\"one\",\"module\":\"outbound-d\",\"override\":true}]}");
	write_file("etc/conf.d/.hidden.json", "not JSON");
	c = load_source(&source, "");
	e = conf_entries(c, CONF_OUTBOUND, &count);
	assert_int_equal(count, 3);
	assert_string_equal(e[0].name, "one");
	assert_string_equal(e[0].module, "outbound-d");
	assert_string_equal(e[1].name, "two");
	assert_string_equal(e[2].name, "outbound-c");
	assert_int_equal(integer_at(c, "limits/flows"), 100);
	assert_int_equal(integer_at(c, "limits/udp"), 50);
	conf_unref(c);
}

static void test_include_faults(void **state)
{
	(void)state;
	write_file("a.json",
	           "{\"shards\":2,\"outbounds\":[{\"name\":\"one\",\"module\":\"outbound-b\"}]}");
	refuse("{\"adit\":1,\"shards\":1,\"include\":\"a.json\",\"outbounds\":[{\"name\":\"one\","
	       "\"module\":\"outbound-a\"}]}",
	       "a.json:1:2: /shards: \"shards\" is given already (m.json:1:20); keep one of them\n"
	       "a.json:1:26: /outbounds/0: the outbound \"one\" is there already (m.json:1:54); "
	       "rename one, or say "
	       "\"override\": true here to replace the other\n");
	write_file("a.json", "{\"include\":[\"m.json\"]}");
	refuse("{\"adit\":1,\"include\":[\"a.json\"]}",
	       "a.json:1:13: /include/0: m.json: this file includes itself; break the circle\n");
	refuse("{\"adit\":1,\"include\":[\"b.json\", 5]}",
	       "m.json:1:22: /include/0: b.json: there is no such file; create it, or correct the "
	       "path\n"
	       "m.json:1:21: /include: \"include\" cannot be used; must be a path or a list of "
	       "paths\n");
	write_file("a.json", "{\"shards\":}");
	refuse("{\"adit\":1,\"include\":\"a.json\",\"shards\":-1}",
	       "a.json:1:11: not JSON: unexpected token\nm.json:1:39: /shards: -1 is below 0; at "
	       "least 0\n");
	mkdir("d.json", 0700);
	refuse("{\"adit\":1,\"include\":\"d.json\"}",
	       "m.json:1:21: /include: d.json: not a regular file; name an ordinary file\n");
	write_file("a.json", "{\"outbounds\":[{\"module\":\"direct\",\"override\":true}]}");
	conf_unref(load_text("{\"adit\":1,\"include\":\"a.json\"}",
	                     "a.json:1:15: /outbounds/0: warning: there is no outbound \"direct\" "
	                     "to override; remove "
	                     "\"override\", or correct the name\n"));
}

static void test_include_depth(void **state)
{
	char name[16], text[64];
	int i;

	(void)state;
	for (i = 0; i < 17; i++) {
		snprintf(name, sizeof(name), "%02d.json", i);
		snprintf(text, sizeof(text), "{\"adit\":1,\"include\":\"%02d.json\"}", i + 1);
		write_file(name, i < 16 ? text : "{\"shards\":3}");
	}
	refuse("{\"adit\":1,\"include\":\"00.json\"}",
	       "15.json:1:21: /include: 16.json: too many includes; at most 16 levels and 256 "
	       "files\n");
	conf_unref(load_text("{\"adit\":1,\"include\":\"01.json\"}", ""));
}

static void test_substitution(void **state)
{
	struct conf *c;
	char *dump;

	(void)state;
	setenv("ADIT_T_NAME", "wan", 1);
	setenv("ADIT_T_FLOWS", "4711", 1);
	unsetenv("ADIT_T_NONE");
	setenv("CREDENTIALS_DIRECTORY", case_dir, 1);
	write_file("word", "geheim\n");
	c = load_text("{\"adit\":1,\"limits\":{\"flows\":\"${env:ADIT_T_FLOWS}\",\"udp\":\"${env:"
	              "ADIT_T_NONE:-77}\"},\n"
	              "\"modules\":{\"allow_unsafe_owner\":\"${env:ADIT_T_NONE:-true}\"},\n"
	              "\"x-a\":\"<${env:ADIT_T_NAME}>\",\"x-b\":\"$${env:A}\",\"x-c\":\"a${file:"
	              "word}b\",\"x-d\":\"${cred:word}\"}",
	              "");
	assert_int_equal(integer_at(c, "limits/flows"), 4711);
	assert_int_equal(integer_at(c, "limits/udp"), 77);
	assert_string_equal(text_at(c, "x-a"), "<wan>");
	assert_string_equal(text_at(c, "x-b"), "${env:A}");
	assert_string_equal(text_at(c, "x-c"), "ageheimb");
	assert_string_equal(text_at(c, "x-d"), "geheim");
	assert_true(conf_is_secret(conf_config_1.item(conf_root(c), "", 5)));
	dump = dump_of(c, CONF_DUMP_ORIGINS);
	assert_null(strstr(dump, "geheim"));
	assert_non_null(strstr(dump, "\t\t\"flows\": 4711, // env ADIT_T_FLOWS\n"));
	assert_non_null(strstr(dump, "\t\t\"udp\": 77, // m.json:1:57\n"));
	assert_non_null(strstr(dump, "\t\"x-c\": \"<redacted>\", // file word\n"));
	assert_non_null(strstr(dump, "\t\"x-d\": \"<redacted>\", // credential word\n"));
	assert_non_null(strstr(dump, "\t\"shards\": 0, // default\n"));
	free(dump);
	conf_unref(c);
}

static void test_substitution_faults(void **state)
{
	(void)state;
	unsetenv("ADIT_T_NONE");
	unsetenv("CREDENTIALS_DIRECTORY");
	refuse("{\"adit\":1,\"x-a\":\"${env:ADIT_T_NONE}\",\"x-b\":[\"${\"],\n\"x-c\":\"${nonsense}"
	       "\",\"x-d\":\"${file:none}\"}",
	       "m.json:1:17: /x-a: environment variable ADIT_T_NONE is not set; set it, or write "
	       "${env:ADIT_T_NONE:-default}\n"
	       "m.json:1:45: /x-b/0: \"${\" without its end; close it with }, or write $${ for ${ "
	       "itself\n"
	       "m.json:2:7: /x-c: \"${nonsense}\" means nothing; write ${env:NAME}, ${file:PATH} "
	       "or ${cred:NAME}, or $${ "
	       "for ${ itself\n"
	       "m.json:2:27: /x-d: file none: No such file or directory; create it, or correct the "
	       "path\n");
	refuse("{\"adit\":1,\"x-a\":\"${cred:a}\",\"x-b\":\"${cred:../"
	       "a}\",\"x-c\":\"${env:A-B}\",\"x-d\":\"${file:.}\"}",
	       "m.json:1:17: /x-a: credential a: there is no credentials directory; run adit as a "
	       "service with "
	       "LoadCredential=, or set $CREDENTIALS_DIRECTORY\n"
	       "m.json:1:35: /x-b: \"../a\" is not the name of a credential; write ${cred:NAME}\n"
	       "m.json:1:56: /x-c: \"A-B\" is not the name of an environment variable; write "
	       "${env:NAME} or "
	       "${env:NAME:-default}\n"
	       "m.json:1:75: /x-d: file .: not a regular file; name an ordinary file\n");
	setenv("ADIT_T_FLOWS", "many", 1);
	refuse("{\"adit\":1,\"limits\":{\"flows\":\"${env:ADIT_T_FLOWS}\"}}",
	       "m.json:1:29: /limits/flows: \"many\" is a text; must be an integer\n");
	write_file("word", "many");
	refuse("{\"adit\":1,\"limits\":{\"flows\":\"${file:word}\"}}",
	       "m.json:1:29: /limits/flows: a text is not what belongs here; must be an integer\n");
}

static void test_settings(void **state)
{
	static const struct conf_setting settings[] = {
		{"limits.flows", "500"},         {"platform.name", "9000"},
		{"outbounds.a.b.server", "x:1"}, {"/log/level", "warn"},
		{"modules.path", "[\"/m\",]"},   {"x-n", "\"7\""},
		{"outbounds.1.x-t", "true"},
	};
	struct conf_source source = {.path = "m.json", .settings = settings, .setting_count = 7};
	struct conf *c;
	char *dump;

	(void)state;
	write_file("m.json", "{\"adit\":1,\"limits\":{\"flows\":200},\"outbounds\":[{\"name\":"
	                     "\"a\",\"module\":\"outbound-a\"},"
	                     "{\"name\":\"a.b\",\"module\":\"outbound-b\"}]}");
	source.setting_count = 1;
	c = load_source(&source, "");
	assert_int_equal(integer_at(c, "limits/flows"), 500);
	conf_unref(c);
	write_file("m.json", "{\"adit\":1,\"platform\":{\"module\":\"platform-linux\"},"
	                     "\"outbounds\":[{\"name\":\"a\",\"module\":"
	                     "\"outbound-a\"},{\"name\":\"a.b\",\"module\":\"outbound-b\"}]}");
	source.setting_count = 7;
	c = load_source(&source, "");
	assert_string_equal(text_at(c, "platform/name"), "9000");
	assert_string_equal(text_at(c, "outbounds/1/server"), "x:1");
	assert_string_equal(text_at(c, "log/level"), "warn");
	assert_string_equal(text_at(c, "modules/path/0"), "/m");
	assert_string_equal(text_at(c, "x-n"), "7");
	assert_string_equal(text_at(c, "outbounds/1/x-t"), "true");
	dump = dump_of(c, CONF_DUMP_ORIGINS);
	assert_non_null(strstr(dump, "\t\t\"flows\": 500, // command line\n"));
	free(dump);
	conf_unref(c);
}

static void test_setting_faults(void **state)
{
	static const struct conf_setting settings[] = {
		{"outbounds.prxy.server", "1"},
		{"adit.x", "1"},
		{"log..level", "1"},
		{"handlers.a.b", "1"},
		{"limits", "{\"flows\":}"},
		{"shards", "99"},
		{"log.levle", "info"},
	};
	struct conf_source source = {.path = "m.json", .settings = settings, .setting_count = 7};

	(void)state;
	write_file("m.json",
	           "{\"adit\":1,\"outbounds\":[{\"name\":\"proxy\",\"module\":\"outbound-a\"}]}");
	assert_null(load_source(
		&source,
		"command line: outbounds.prxy.server: there is no outbound \"prxy\"; did you mean "
	        "\"proxy\"?\n"
		"command line: adit.x: \"adit\" holds a single value, so it has no \"x\"; give the "
	        "whole value\n"
		"command line: log..level: the path has a part that is empty or too long; write it "
	        "like "
		"platform.mtu=9000\n"
		"command line: handlers.a.b: there are no handlers yet; write the list into the "
	        "manifest, or "
		"set all of it\n"
		"command line:1:10: not JSON: unexpected token\n"
		"command line: /log/levle: unknown key \"levle\"; did you mean \"level\"?\n"
		"command line: /shards: 99 is above 64; at most 64\n"));
}

static void test_base_text(void **state)
{
	struct conf_source source = {
		.text = "{\"adit\":1,\"shards\":1,\"platform\":{\"module\":\"platform-linux\"}}"};
	struct conf *c = load_source(&source, "");
	char buf[64];

	(void)state;
	assert_string_equal(conf_origin(conf_config_1.item(conf_root(c), "", 1), buf, sizeof(buf)),
	                    "command line");
	conf_unref(c);
	source.path = "m.json";
	source.text_name = "exec";
	write_file("m.json", "{\"adit\":1,\"shards\":5}");
	c = load_source(&source, "");
	assert_int_equal(integer_at(c, "shards"), 5);
	assert_string_equal(conf_origin(conf_config_1.item(conf_root(c), "", 1), buf, sizeof(buf)),
	                    "m.json:1:20");
	conf_unref(c);
	source.path = NULL;
	source.text = "{\"adit\":1,\n\"shards\":-5}";
	assert_null(load_source(&source, "exec:2:10: /shards: -5 is below 0; at least 0\n"));
	source.text = NULL;
	assert_null(load_source(&source, "default: \"adit\" is missing; add \"adit\": 1\n"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)
	static const struct CMUnitTest tests[] = {
		CASE(test_empty_manifest_is_whole),
		CASE(test_comments_and_trailing_commas),
		CASE(test_syntax),
		CASE(test_files),
		CASE(test_top_level),
		CASE(test_stack_per_protocol),
		CASE(test_include_order_and_override),
		CASE(test_include_faults),
		CASE(test_include_depth),
		CASE(test_substitution),
		CASE(test_substitution_faults),
		CASE(test_settings),
		CASE(test_setting_faults),
		CASE(test_base_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
