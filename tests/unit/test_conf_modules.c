/* SPDX-License-Identifier: MIT
 * unit/test_conf_modules.c - entries of a manifest against the schemas of their modules: defaults,
 * secrets, matches, references, and the SDK's table over what comes out
 */
#include <pthread.h>

#include "conf_case.h"

static const char proxy_schema[] =
	"{\"type\":\"object\",\"required\":[\"server\"],\"properties\":{"
	"\"server\":{\"type\":\"string\",\"format\":\"endpoint\"},"
	"\"password\":{\"type\":\"string\",\"minLength\":4,\"x-secret\":true},"
	"\"tls\":{\"type\":\"object\",\"default\":{},\"properties\":{"
	"\"verify\":{\"type\":\"boolean\",\"default\":true},\"names\":{\"type\":\"array\","
        "\"items\":{\"type\":\"string\"},"
	"\"default\":[\"a\",\"b\"]},\"timeout\":{\"type\":[\"string\",\"number\"],\"format\":"
        "\"duration\",\"default\":\"1.5s\"}}},"
	"\"host\":{\"type\":\"string\",\"deprecated\":true,\"x-replaced-by\":\"server\"},"
	"\"mode\":{\"oneOf\":[{\"const\":\"auto\"},{\"type\":\"object\",\"required\":[\"rate\"],"
        "\"properties\":{"
	"\"rate\":{\"type\":\"number\",\"exclusiveMinimum\":0},\"burst\":{\"type\":\"integer\","
        "\"default\":10}}}]}}}";

static int schema_of(void *arg, const char *module, const char *kind, const char **json_text)
{
	(void)arg;
	if (!strcmp(module, "outbound-proxy") && !strcmp(kind, "outbound"))
		*json_text = proxy_schema;
	else if (!strcmp(module, "outbound-proxy"))
		return ADIT_EINVAL;
	else if (!strcmp(module, "handler-bad"))
		*json_text = "{\"type\":\"objekt\",\n\"properties\":{\"a\":{\"contains\":1}},"
		             "\"pattern\":\"(\",\"$ref\":\"#/x\"}";
	else if (!strcmp(module, "handler-circle"))
		*json_text = "{\"properties\":{\"a\":{\"$ref\":\"#\",\"default\":{}}}}";
	else if (!strcmp(module, "handler-costly"))
		*json_text = "{\"properties\":{\"l\":{\"uniqueItems\":true}}}";
	else if (strncmp(module, "handler-", 8) && strcmp(module, "platform-linux") &&
	         strcmp(module, "outbound-direct"))
		return ADIT_ENOENT;
	return 0;
}

static struct conf *load(const char *text, const char *expected)
{
	struct conf_source source = {.path = "m.json", .schema_of = schema_of};

	write_file("m.json", text);
	return load_source(&source, expected);
}

static void test_defaults_and_table(void **state)
{
	struct conf *c = load("{\"adit\":1,\"outbounds\":[{\"name\":\"p\",\"module\":\"outbound-"
	                      "proxy\",\"server\":\"[::1]:80\","
	                      "\"mode\":{\"rate\":2.5}}]}",
	                      "");
	const adit_config_1 *table = &conf_config_1;
	const adit_cfg *cfg = conf_entry_find(c, CONF_OUTBOUND, "p")->cfg, *names;
	const char *text, *again;
	uint64_t duration;
	int64_t integer = 5;
	double number;
	int32_t truth;
	size_t size;

	(void)state;
	assert_int_equal(table->size, sizeof(*table));
	assert_int_equal(table->text(cfg, "server", &text, &size), 0);
	assert_string_equal(text, "[::1]:80");
	assert_int_equal(size, 8);
	assert_int_equal(table->truth(cfg, "tls/verify", &truth), 0);
	assert_int_equal(truth, 1);
	assert_int_equal(table->duration(cfg, "tls/timeout", &duration), 0);
	assert_int_equal(duration, 1500000000);
	assert_int_equal(table->number(cfg, "mode/rate", &number), 0);
	assert_true(number == 2.5);
	assert_int_equal(table->integer(cfg, "mode/rate", &integer), ADIT_EINVAL);
	assert_int_equal(integer, 5);
	assert_int_equal(table->integer(cfg, "mode/burst", &integer), 0);
	assert_int_equal(integer, 10);
	assert_int_equal(table->integer(cfg, "mode/none", &integer), ADIT_ENOENT);
	assert_int_equal(table->text(cfg, "mode", &text, NULL), ADIT_EINVAL);
	names = table->item(cfg, "tls/names", 1);
	assert_int_equal(table->text(names, "", &text, NULL), 0);
	assert_string_equal(text, "b");
	assert_null(table->key(names));
	assert_null(table->item(cfg, "tls/names", 2));
	assert_string_equal(table->key(table->item(cfg, "mode", 1)), "burst");
	assert_int_equal(table->json(cfg, "tls", &text, &size), 0);
	assert_string_equal(text, "{\"verify\":true,\"names\":[\"a\",\"b\"],\"timeout\":\"1.5s\"}");
	assert_int_equal(size, strlen(text));
	assert_int_equal(table->json(cfg, "tls", &again, NULL), 0);
	assert_ptr_equal(text, again);
	conf_ref(c);
	conf_unref(c);
	assert_int_equal(table->text(cfg, "server", &text, &size), 0);
	conf_unref(c);
}

static void *ask_json(void *arg)
{
	const char *text = NULL;

	conf_config_1.json(conf_root(arg), "", &text, NULL);
	return (void *)(uintptr_t)text;
}

static void test_json_from_threads(void **state)
{
	struct conf *c = load_text("{\"adit\":1}", "");
	pthread_t threads[4];
	void *first, *other;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_json, c), 0);
	pthread_join(threads[0], &first);
	assert_non_null(first);
	for (i = 1; i < 4; i++) {
		pthread_join(threads[i], &other);
		assert_ptr_equal(other, first);
	}
	conf_unref(c);
}

static void test_module_faults(void **state)
{
	(void)state;
	assert_null(load(
		"{\"adit\":1,\n\"outbounds\":[{\"module\":\"outbound-proxy\",\"sever\":\"x\","
	        "\"match\":{}}],\n"
		"\"handlers\":[{\"module\":\"handler-x\",\"x-free\":1,\"a\":1},{\"module\":"
	        "\"hadler\"},"
		"{\"name\":\"Big\",\"module\":\"outbound-proxy\"}]}",
		"m.json:3:81: /handlers/2/name: \"Big\" is not a name; must be 1 to 32 of a-z 0-9 "
	        "_ . - beginning with a "
		"letter or digit\n"
		"m.json:3:46: /handlers/0/a: unknown key \"a\"; remove it; nothing can be set "
	        "here\n"
		"m.json:3:63: /handlers/1/module: there is no module \"hadler\"; install it, "
	        "correct the name, or name "
		"its directory in /modules/path\n"
		"m.json:3:96: /handlers/2/module: module \"outbound-proxy\" has no handler; use a "
	        "module that has one\n"
		"m.json:2:14: /outbounds/0: \"server\" is missing; add \"server\": an endpoint, "
	        "such as "
		"\"192.0.2.1:80\" or \"[2001:db8::1]:80\"\n"
		"m.json:2:41: /outbounds/0/sever: unknown key \"sever\"; did you mean \"server\"?\n"
		"m.json:2:53: /outbounds/0/match: unknown key \"match\"; known here: server, "
	        "password, tls, host, "
		"mode\n"));
	assert_null(load("{\"adit\":1,\"handlers\":[{\"module\":\"handler-bad\"}]}",
	                 "module handler-bad:1:2: /type: schema of module handler-bad: the value "
	                 "of \"type\" cannot be used\n"
	                 "module handler-bad:2:20: /properties/a/contains: schema of module "
	                 "handler-bad: the keyword "
	                 "\"contains\" is not of the subset that adit knows\n"
	                 "module handler-bad:2:35: /pattern: schema of module handler-bad: the "
	                 "value of \"pattern\" cannot be "
	                 "used\n"
	                 "module handler-bad:2:49: /$ref: schema of module handler-bad: the value "
	                 "of \"$ref\" cannot be used\n"));
	assert_null(
		load("{\"adit\":1,\"handlers\":[{\"module\":\"handler-x\",\"outbound\":\"drect\"},"
	             "{\"name\":\"handler-x\",\"module\":\"handler-y\"}]}",
	             "m.json:1:65: /handlers/1: the handler \"handler-x\" is there already "
	             "(m.json:1:23); rename one, or say "
	             "\"override\": true here to replace the other\n"
	             "m.json:1:56: /handlers/0/outbound: there is no outbound \"drect\"; did you "
	             "mean \"direct\"?\n"));
}

/* What a schema may cost has an end, and so have the containers of a manifest. */
static void test_limits(void **state)
{
	char *text = malloc(1 << 20), *end = text;
	int i;

	(void)state;
	refuse("{\"adit\":1,\"x-a\":{", "m.json:1:18: the file ends too early; close what is open\n");
	end += sprintf(end, "{\"adit\":1,\"x-a\":{");
	for (i = 0; i < 4097; i++)
		end += sprintf(end, "\"%d\":1,", i);
	strcpy(end, "}}");
	refuse(text, "m.json:1:35780: more than 4096 members in an object, or 65536 items in a list\n");
	end = text + sprintf(text, "{\"adit\":1,\"handlers\":[{\"module\":\"handler-costly\",\"l\":[");
	for (i = 0; i < 4000; i++)
		end += sprintf(end, "%d,", i);
	strcpy(end, "]}]}");
	assert_null(load(text, "m.json:1:23: /handlers/0: the schema of module handler-costly leads in "
	                       "circles, or takes too long here; tell its author\n"));
	free(text);
	assert_null(load("{\"adit\":1,\"handlers\":[{\"module\":\"handler-circle\"}]}",
	                 "m.json:1:23: /handlers/0: the schema of module handler-circle leads in "
	                 "circles, or takes too long here; tell its author\n"));
}

static void test_forms(void **state)
{
#define OUT "{\"adit\":1,\"outbounds\":[{\"module\":\"outbound-proxy\",\"server\":\"1.2.3.4:80\",\n"
	(void)state;
	assert_null(load(
		OUT "\"mode\":{\"rate\":0,\"brst\":1}}]}",
		"m.json:2:16: /outbounds/0/mode/rate: 0 is not above 0; must be more than 0\n"));
	assert_null(load(OUT "\"mode\":\"x\"}]}",
	                 "m.json:2:8: /outbounds/0/mode: \"x\" has none of the forms allowed here; "
	                 "must be \"auto\", or an "
	                 "object\n"));
	assert_null(
		load(OUT "\"password\":\"abc\"}]}",
	             "m.json:2:12: /outbounds/0/password: too few characters: 3; at least 4\n"));
	assert_null(load(OUT "\"password\":12}]}", "m.json:2:12: /outbounds/0/password: a number "
	                                           "is not what belongs here; must be a text\n"));
	conf_unref(load(OUT "\"host\":\"h\"}]}", "m.json:2:1: /outbounds/0/host: warning: \"host\" "
	                                         "is deprecated; use \"server\"\n"));
	assert_null(load("{\"adit\":1,\"outbounds\":[{\"module\":\"outbound-proxy\",\"server\":\"1."
	                 "2.3.4\"}]}",
	                 "m.json:1:60: /outbounds/0/server: \"1.2.3.4\" is not an endpoint; must "
	                 "be \"192.0.2.1:80\" or "
	                 "\"[2001:db8::1]:80\"\n"));
}

static void test_secrets_and_dump(void **state)
{
	struct conf *c = load(OUT "\"password\":\"geheim\",\"mode\":\"auto\"}],\"x-n\":1.50,\"x-"
	                          "e\":[],\"x-t\":\"\\u0007\\\"$${env:A}\"}",
	                      "");
	struct conf_source source = {.path = "again.json"};
	char *dump, *again;
	const char *text;
	struct conf *d;

	(void)state;
	dump = dump_of(c, CONF_DUMP_ORIGINS);
	assert_null(strstr(dump, "geheim"));
	assert_non_null(strstr(dump, "\t\t\t\"password\": \"<redacted>\", // m.json:2:12\n"));
	assert_non_null(strstr(dump, "\t\t\t\t\"verify\": true, // default\n"));
	assert_non_null(strstr(dump,
	                       "\t\"x-n\": 1.5, // m.json:2:43\n\t\"x-e\": [], // m.json:2:54\n"
	                       "\t\"x-t\": \"\\u0007\\\"$${env:A}\", // m.json:2:63\n"));
	write_file("again.json", dump);
	free(dump);
	dump = dump_of(c, 0);
	d = load_source(&source, "");
	again = dump_of(d, 0);
	assert_string_equal(dump, again);
	free(dump);
	free(again);
	conf_unref(d);
	assert_int_equal(conf_config_1.text(conf_root(c), "outbounds/0/password", &text, NULL), 0);
	assert_string_equal(text, "geheim");
	conf_unref(c);
}

static void test_match(void **state)
{
	struct conf *c = load("{\"adit\":1,\"handlers\":[{\"module\":\"handler-x\",\"outbound\":"
	                      "\"direct\",\"match\":{\"proto\":"
	                      "[\"tcp\",\"udp\"],\"port\":[80,\"8000-8080\"],\"address\":\"10.0.0."
	                      "0/8\"}},{\"name\":\"y\","
	                      "\"module\":\"handler-y\",\"match\":{\"proto\":\"icmp\",\"port\":53,"
	                      "\"address\":[\"2001:db8::1\","
	                      "\"0.0.0.0/0\"]}}]}",
	                      "");
	const struct conf_match *m;
	size_t count;

	(void)state;
	m = &conf_entries(c, CONF_HANDLER, &count)[0].match;
	assert_int_equal(count, 2);
	assert_int_equal(m->protos, CONF_TCP | CONF_UDP);
	assert_int_equal(m->port_count, 2);
	assert_int_equal(m->ports[0].from, 80);
	assert_int_equal(m->ports[0].to, 80);
	assert_int_equal(m->ports[1].from, 8000);
	assert_int_equal(m->ports[1].to, 8080);
	assert_int_equal(m->prefix_count, 1);
	assert_int_equal(m->prefixes[0].family, 4);
	assert_int_equal(m->prefixes[0].bits, 8);
	assert_int_equal(m->prefixes[0].ip[0], 10);
	assert_string_equal(conf_entry_find(c, CONF_HANDLER, "handler-x")->outbound, "direct");
	m = &conf_entry_find(c, CONF_HANDLER, "y")->match;
	assert_int_equal(m->protos, CONF_ICMP);
	assert_int_equal(m->prefixes[0].bits, 128);
	assert_int_equal(m->prefixes[0].family, 6);
	assert_int_equal(m->prefixes[1].bits, 0);
	conf_unref(c);
	assert_null(load("{\"adit\":1,\"handlers\":[{\"module\":\"handler-x\",\"match\":{\"proto\":"
	                 "[\"tcp\",\"tcp\"],\"port\":["
	                 "0,\"9-8\",\"70000\"],\"address\":[\"10.1.0.1/8\",\"2001:db8::1/"
	                 "29\",\"x\"],\"ports\":1}}]}",
	                 "m.json:1:69: /handlers/0/match/proto/1: given twice in this list; remove "
	                 "one of them; the other is "
	                 "item 0\n"
	                 "m.json:1:84: /handlers/0/match/port/0: 0 is below 1; at least 1\n"
	                 "m.json:1:142: /handlers/0/match/address/2: \"x\" is not a cidr; must be "
	                 "\"10.0.0.0/8\" or "
	                 "\"fd00::/8\"\n"
	                 "m.json:1:147: /handlers/0/match/ports: unknown key \"ports\"; did you "
	                 "mean \"port\"?\n"
	                 "m.json:1:86: /handlers/0/match/port/1: \"9-8\" is not a port or a range; "
	                 "ports are 1 to 65535, and a "
	                 "range goes upwards: \"8000-8080\"\n"
	                 "m.json:1:92: /handlers/0/match/port/2: \"70000\" is not a port or a "
	                 "range; ports are 1 to 65535, and "
	                 "a range goes upwards: \"8000-8080\"\n"
	                 "m.json:1:112: /handlers/0/match/address/0: \"10.1.0.1/8\" has bits "
	                 "beyond its length; did you mean "
	                 "\"10.0.0.0/8\"?\n"
	                 "m.json:1:125: /handlers/0/match/address/1: \"2001:db8::1/29\" has bits "
	                 "beyond its length; did you "
	                 "mean \"2001:db8::/29\"?\n"));
}

struct seen {
	char text[2048];
};

static void note_change(void *arg, enum conf_change change, const char *pointer,
                        const adit_cfg *before, const adit_cfg *after)
{
	static const char marks[] = {'+', '-', '~', '>'};
	struct seen *s = arg;
	size_t size = strlen(s->text);

	assert_true(change == CONF_ADDED ? !before : before != NULL);
	assert_true(change == CONF_REMOVED ? !after : after != NULL);
	snprintf(s->text + size, sizeof(s->text) - size, "%c%s\n", marks[change], pointer);
}

static void test_diff(void **state)
{
	struct conf *a = load("{\"adit\":1,\"shards\":1,\"x-l\":[1,2],\"handlers\":[{\"module\":"
	                      "\"handler-a\"},{\"module\":"
	                      "\"handler-b\"},{\"module\":\"handler-c\"}],\"outbounds\":[{\"name\":"
	                      "\"p\",\"module\":\"outbound-proxy\","
	                      "\"server\":\"1.2.3.4:5\"}]}",
	                      "");
	struct conf *b = load("{\"adit\":1,\"x-l\":[1,3,4],\"x-a/"
	                      "b\":1,\"handlers\":[{\"module\":\"handler-c\"},{\"module\":"
	                      "\"handler-a\"},{\"module\":\"handler-d\"}],\"outbounds\":[{\"name\":"
	                      "\"p\",\"module\":\"outbound-proxy\","
	                      "\"server\":\"1.2.3.4:6\",\"password\":\"12345\"}],\"shards\":1.0}",
	                      "");
	struct seen s = {""};

	(void)state;
	assert_int_equal(conf_diff(a, a, note_change, &s), 0);
	assert_string_equal(s.text, "");
	assert_int_equal(conf_diff(a, b, note_change, &s), 0);
	assert_string_equal(
		s.text, "~/x-l/1\n+/x-l/2\n-/handlers/handler-b\n+/handlers/handler-d\n>/handlers\n"
			"~/outbounds/p/server\n+/outbounds/p/password\n+/x-a~1b\n");
	conf_unref(a);
	conf_unref(b);
}

static int component(void *arg, size_t index, struct conf_component *out)
{
	static const struct conf_component all[] = {
		{"outbound-proxy", "outbound", "a proxy", proxy_schema},
		{"outbound-direct", "outbound", NULL, NULL},
		{"handler-bad", "handler", NULL, "{\"type\":5}"},
		{"platform-linux", "platform", NULL,
	         "{\"$defs\":{\"m\":{\"type\":\"integer\"}},\"properties\":{\"mtu\":"
	         "{\"$ref\":\"#/$defs/m\"}}}"},
	};

	(void)arg;
	if (index >= sizeof(all) / sizeof(all[0]))
		return ADIT_ENOENT;
	*out = all[index];
	return 0;
}

static void test_joined_schema(void **state)
{
	char *text = NULL, *lines;
	struct report r;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	report_init(&r);
	assert_int_equal(conf_schema_joined(f, component, NULL, &r), ADIT_ECONFIG);
	fclose(f);
	lines = lines_of(&r);
	assert_string_equal(lines, "handler.handler-bad:1:2: /type: schema of handler.handler-bad: "
	                           "the value of \"type\" "
	                           "cannot be used\n");
	free(lines);
	report_fini(&r);
	report_init(&r);
	assert_int_equal(conf_schema_check(text, "joined", &r),
	                 0); /* every reference in it leads somewhere */
	report_fini(&r);
	assert_non_null(strstr(text, "\"$ref\": \"#/$defs/platform.platform-linux/$defs/m\""));
	assert_non_null(strstr(text, "\"$ref\": \"#/$defs/outbound.outbound-proxy\""));
	assert_null(strstr(text, "handler-bad"));
	free(text);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)
	static const struct CMUnitTest tests[] = {
		CASE(test_defaults_and_table),
		CASE(test_json_from_threads),
		CASE(test_module_faults),
		CASE(test_limits),
		CASE(test_forms),
		CASE(test_secrets_and_dump),
		CASE(test_match),
		CASE(test_diff),
		CASE(test_joined_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
