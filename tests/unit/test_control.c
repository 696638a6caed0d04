/* SPDX-License-Identifier: MIT
 * test_control.c - requests, names of flows, filters, order, rates, and the JSON that answers are made of
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/jsonw.h"
#include "conf/json.h"
#include "control/rates.h"
#include "control/request.h"
#include "control/row.h"
#include "control/socket.h"
#include "control/top.h"
#include "flow/flowid.h"
#include "os/os.h"

/* ---- jsonw ---- */

static void what_is_written_is_json(void **state)
{
	static const char odd[] = "a\"\\\n\x1b[31m\x7f\xc3\xa9\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82";
	struct jsonw w;
	struct json_tree *tree;
	const struct json_node *root;
	int64_t n;
	bool truth;
	double real;

	(void)state;
	jsonw_init(&w, 4096);
	jsonw_object(&w, NULL);
	jsonw_text_of(&w, "odd", odd, sizeof(odd) - 1);
	jsonw_uint(&w, "most", UINT64_MAX);
	jsonw_int(&w, "least", INT64_MIN);
	jsonw_array(&w, "list");
	jsonw_truth(&w, NULL, true);
	jsonw_null(&w, NULL);
	jsonw_object(&w, NULL);
	jsonw_end_object(&w);
	jsonw_end_array(&w);
	jsonw_thousandths(&w, "age", 1005);
	jsonw_text(&w, "none", NULL);
	jsonw_raw(&w, "raw", "[1]");
	jsonw_end_object(&w);
	assert_false(w.failed);
	/* UINT64_MAX is beyond what the reader takes for a whole number. */
	assert_int_equal(strncmp(w.text, "{\"odd\":\"a\\\"\\\\\\u000a\\u001b[31m\\u007f\xc3\xa9\\ufffd", 43), 0);
	assert_null(memchr(w.text, 0x1b, w.used));
	assert_null(memchr(w.text, 0xff, w.used));
	jsonw_reset(&w);
	jsonw_object(&w, NULL);
	jsonw_text_of(&w, "odd", odd, sizeof(odd) - 1);
	jsonw_truth(&w, "yes", true);
	jsonw_thousandths(&w, "age", 1005);
	jsonw_int(&w, "least", INT64_MIN);
	jsonw_end_object(&w);
	assert_int_equal(json_tree_read(&tree, w.text, w.used, NULL), 0);
	root = json_tree_root(tree);
	assert_int_equal(strncmp(json_node_text(json_node_member(root, "odd")), "a\"\\\n\x1b[31m\x7f\xc3\xa9\xef\xbf\xbd", 15), 0);
	assert_true(json_node_truth(json_node_member(root, "yes"), &truth) && truth);
	assert_true(json_node_number(json_node_member(root, "age"), &real) && real > 1.0049 && real < 1.0051);
	assert_true(json_node_integer(json_node_member(root, "least"), &n) && n == INT64_MIN);
	json_tree_free(tree);
	jsonw_fini(&w);
}

static void a_text_that_grows_too_long_has_failed(void **state)
{
	struct jsonw w;
	int i;

	(void)state;
	jsonw_init(&w, 1000);
	jsonw_array(&w, NULL);
	for (i = 0; i < 500; i++)
		jsonw_text(&w, NULL, "0123456789");
	assert_true(w.failed);
	assert_true(w.used <= 1000);
	jsonw_reset(&w);
	jsonw_text(&w, NULL, "again");
	assert_false(w.failed);
	assert_int_equal(w.used, 7);
	jsonw_fini(&w);
}

/* ---- requests ---- */

static int reads(const char *line, struct request *q)
{
	char why[REQUEST_WHY] = "";
	int err = request_read(q, line, strlen(line), why);

	if (err)
		assert_true(*why);
	return err;
}

static void a_request_is_read(void **state)
{
	struct request q;

	(void)state;
	assert_int_equal(reads("{\"verb\":\"flows\",\"id\":7,\"proto\":\"tcp\",\"limit\":10,\"rates\":true}", &q), 0);
	assert_string_equal(q.verb->name, "flows");
	assert_string_equal(q.id, "7");
	assert_string_equal(q.arg[ARG_PROTO].text, "tcp");
	assert_int_equal(q.arg[ARG_LIMIT].number, 10);
	assert_int_equal(q.arg[ARG_RATES].number, 1);
	assert_false(q.arg[ARG_PORT].given);
	request_fini(&q);
	assert_int_equal(reads("{\"id\":\"a\\\"b\",\"verb\":\"hello\"}", &q), 0);
	assert_string_equal(q.id, "\"a\\\"b\"");
	request_fini(&q);
}

static void what_is_no_request_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"[]",
		"7",
		"{}",
		"{\"verb\":7}",
		"{\"verb\":\"nonesuch\"}",
		"{\"verb\":\"hello\",\"x\":1}",
		"{\"verb\":\"hello\"} x",
		"{\"verb\":\"hello\",\"verb\":\"hello\"}",
		"{\"verb\":\"hello\",\"id\":1.5}",
		"{\"verb\":\"hello\",\"id\":{}}",
		"{\"verb\":\"hello\",\"id\":\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901\"}",
		"{\"verb\":\"flows\",\"limit\":0}",
		"{\"verb\":\"flows\",\"limit\":-1}",
		"{\"verb\":\"flows\",\"limit\":\"1\"}",
		"{\"verb\":\"flows\",\"port\":65536}",
		"{\"verb\":\"flows\",\"rates\":1}",
		"{\"verb\":\"flows\",\"text\":7}",
		"{\"verb\":\"flows\",\"text\":\"\xff\"}",
		"{\"verb\":\"flows\",\"text\":\"\\u0000\"}",
	};
	char deep[3000], text[400];
	struct request q;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!reads(bad[i], &q))
			fail_msg("taken: %s", bad[i]);
		request_fini(&q);
	}
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = 0;
	assert_int_not_equal(reads(deep, &q), 0);
	request_fini(&q);
	memset(text, 'x', sizeof(text));
	memcpy(text, "{\"verb\":\"flows\",\"text\":\"", 24);
	strcpy(text + 24 + 254, "\"}");
	assert_int_not_equal(reads(text, &q), 0); /* 254 bytes */
	request_fini(&q);
	strcpy(text + 24 + 253, "\"}");
	assert_int_equal(reads(text, &q), 0);
	request_fini(&q);
}

static void the_id_of_a_bad_request_comes_back(void **state)
{
	struct request q;

	(void)state;
	assert_int_not_equal(reads("{\"id\":3,\"verb\":\"nonesuch\"}", &q), 0);
	assert_string_equal(q.id, "3");
	request_fini(&q);
}

/* ---- names of flows ---- */

static void a_flow_has_one_name(void **state)
{
	static const adit_flow handles[] = {1ull << 32, 1ull << 32 | 7, 0xffffffffull << 32 | 0xffffffff, 12ull << 32 | 65535};
	char text[FLOWID_TEXT];
	uint32_t shards, shard, back;
	adit_flow handle;
	size_t i;

	(void)state;
	for (shards = 1; shards <= 64; shards += 9)
		for (shard = 0; shard < shards; shard++)
			for (i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
				flowid_text(handles[i], shard, shards, text);
				assert_true(strlen(text) < FLOWID_TEXT);
				assert_true(flowid_read(text, shards, &handle, &back));
				assert_true(handle == handles[i] && back == shard);
			}
	assert_string_equal(flowid_text(1ull << 32 | 116, 0, 1, text), "3m.1");
	assert_true(flowid_read("3M.1", 1, &handle, &back) && handle == (1ull << 32 | 116));
}

static void what_is_no_name_of_a_flow_is_refused(void **state)
{
	static const char *const bad[] = {"", ".", "1", "1.", ".1", "1.0", "1.1.1", "1.1 ", " 1.1", "l.1", "1.u", "-1.1",
	                                  "zzzzzzzzzzzzzz.1", "1.zzzzzzzzzzzz", "4000000.1"};
	uint32_t shard;
	adit_flow handle;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (flowid_read(bad[i], 1, &handle, &shard))
			fail_msg("taken: %s", bad[i]);
}

/* ---- rows ---- */

static struct flow_row row_of(uint32_t slot, uint8_t proto, uint64_t down)
{
	struct flow_row row = {.handle = 1ull << 32 | slot, .proto = proto, .bytes_down = down, .state = FLOW_OPEN,
	                       .flags = FLOW_ESTABLISHED, .shards = 1, .rate_up = ROW_NO_RATE, .rate_down = ROW_NO_RATE};

	row.dst = (adit_addr){.ip = {192, 0, 2, (uint8_t)slot}, .family = 4, .port = 443};
	row.src = (adit_addr){.ip = {10, 0, 0, 1}, .family = 4, .port = 5000};
	strcpy(row.handler, "direct");
	strcpy(row.name, slot == 3 ? "Shop.Example" : "");
	return row;
}

static bool fits(const char *line, const struct flow_row *row)
{
	char why[REQUEST_WHY];
	struct request q;
	struct filter f;
	bool result;

	assert_int_equal(reads(line, &q), 0);
	assert_int_equal(filter_read(&f, &q, why), 0);
	result = filter_fits(&f, row);
	request_fini(&q);
	return result;
}

static void filters_choose(void **state)
{
	struct flow_row tcp = row_of(3, ADIT_PROTO_TCP, 1), echo = row_of(4, ADIT_PROTO_ICMPV6, 1), closed = tcp;

	(void)state;
	closed.state = FLOW_CLOSED;
	assert_true(fits("{\"verb\":\"flows\"}", &tcp));
	assert_false(fits("{\"verb\":\"flows\"}", &closed));
	assert_true(fits("{\"verb\":\"flows\",\"state\":\"closed\"}", &closed));
	assert_true(fits("{\"verb\":\"flows\",\"state\":\"all\"}", &closed));
	assert_false(fits("{\"verb\":\"flows\",\"state\":\"handshake\"}", &tcp));
	assert_true(fits("{\"verb\":\"flows\",\"proto\":\"tcp\"}", &tcp));
	assert_false(fits("{\"verb\":\"flows\",\"proto\":\"udp\"}", &tcp));
	assert_true(fits("{\"verb\":\"flows\",\"proto\":\"icmp\"}", &echo));
	assert_true(fits("{\"verb\":\"flows\",\"address\":\"192.0.2.0/29\"}", &tcp));
	assert_true(fits("{\"verb\":\"flows\",\"address\":\"10.0.0.1\"}", &tcp));
	assert_false(fits("{\"verb\":\"flows\",\"address\":\"192.0.2.8/29\"}", &tcp));
	assert_false(fits("{\"verb\":\"flows\",\"address\":\"::/0\"}", &tcp));
	assert_true(fits("{\"verb\":\"flows\",\"port\":5000}", &tcp));
	assert_false(fits("{\"verb\":\"flows\",\"port\":80}", &tcp));
	assert_true(fits("{\"verb\":\"flows\",\"handler\":\"direct\"}", &tcp));
	assert_false(fits("{\"verb\":\"flows\",\"outbound\":\"direct\"}", &tcp));
	assert_true(fits("{\"verb\":\"flows\",\"text\":\"shop.\"}", &tcp));
	assert_false(fits("{\"verb\":\"flows\",\"text\":\"shop.\"}", &echo));
}

static void filters_that_say_nonsense_are_refused(void **state)
{
	static const char *const bad[] = {"{\"verb\":\"flows\",\"proto\":\"sctp\"}", "{\"verb\":\"flows\",\"state\":\"gone\"}",
	                                  "{\"verb\":\"flows\",\"address\":\"192.0.2\"}"};
	char why[REQUEST_WHY];
	struct request q;
	struct filter f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(reads(bad[i], &q), 0);
		assert_int_not_equal(filter_read(&f, &q, why), 0);
		request_fini(&q);
	}
}

static void the_first_rows_of_many_are_kept_in_order(void **state)
{
	enum { ROWS = 5000, KEPT = 100 };
	struct top t;
	uint32_t i;

	(void)state;
	top_init(&t, SORT_DOWN, KEPT);
	for (i = 0; i < ROWS; i++) {
		/* 5000 and 2503 share no factor: every number once, in no order. */
		struct flow_row row = row_of(i, ADIT_PROTO_TCP, (uint64_t)i * 2503 % ROWS);

		assert_int_equal(top_add(&t, &row), 0);
	}
	top_order(&t);
	assert_int_equal(t.count, KEPT);
	for (i = 0; i < KEPT; i++)
		assert_int_equal(t.rows[i].bytes_down, ROWS - 1 - i);
	top_fini(&t);
	top_init(&t, SORT_DST, 3);
	for (i = 0; i < 3; i++) {
		struct flow_row row = row_of(3 - i, ADIT_PROTO_TCP, 0);

		row.name[0] = 0;
		top_add(&t, &row);
	}
	top_order(&t);
	assert_int_equal(t.rows[0].dst.ip[3], 1);
	assert_int_equal(t.rows[2].dst.ip[3], 3);
	top_fini(&t);
}

static void rates_are_what_was_moved_since_the_last_look(void **state)
{
	struct flow_row row = row_of(1, ADIT_PROTO_TCP, 1000);
	struct rates *r;
	uint64_t now = 100 * OS_SECOND;
	uint32_t i;

	(void)state;
	assert_int_equal(rates_new(&r), 0);
	row.age = 50 * OS_SECOND;
	rates_fill(r, &row, now);
	assert_true(row.rate_down == ROW_NO_RATE);
	row.bytes_down = 5000;
	rates_fill(r, &row, now + 2 * OS_SECOND);
	assert_int_equal(row.rate_down, 2000);
	row.bytes_down = 6000;
	rates_fill(r, &row, now + 2 * OS_SECOND + OS_SECOND / 10); /* too soon: the rate stays */
	assert_int_equal(row.rate_down, 2000);
	rates_fill(r, &row, now + 4 * OS_SECOND);
	assert_int_equal(row.rate_down, 500);
	/* Many flows; each keeps its own. */
	for (i = 2; i < 20000; i++) {
		struct flow_row other = row_of(i, ADIT_PROTO_TCP, i);

		other.age = 50 * OS_SECOND;
		rates_fill(r, &other, now + 5 * OS_SECOND);
	}
	for (i = 2; i < 20000; i++) {
		struct flow_row other = row_of(i, ADIT_PROTO_TCP, 2 * i);

		rates_fill(r, &other, now + 6 * OS_SECOND);
		assert_int_equal(other.rate_down, i);
	}
	assert_true(rates_known(r, now + 6 * OS_SECOND));
	rates_tick(r, now + 30 * OS_SECOND);
	assert_false(rates_known(r, now + 30 * OS_SECOND));
	rates_free(r);
}

/* ---- names of hosts ---- */

static void a_host_is_named_after_its_manifest(void **state)
{
	static const struct {
		const char *from, *name;
	} cases[] = {{"/etc/adit/edge.json", "edge"}, {"Edge.JSON", "edge.json"}, {"a b", "a-b"}, {"work", "work"},
	             {".json", "adit"}, {"/", "adit"}, {"../../x", "x"},
	             {"0123456789012345678901234567890123456789", "01234567890123456789012345678901"}};
	char name[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		socket_name_of(cases[i].from, name, sizeof(name));
		assert_string_equal(name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_json),
		cmocka_unit_test(a_text_that_grows_too_long_has_failed),
		cmocka_unit_test(a_request_is_read),
		cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(the_id_of_a_bad_request_comes_back),
		cmocka_unit_test(a_flow_has_one_name),
		cmocka_unit_test(what_is_no_name_of_a_flow_is_refused),
		cmocka_unit_test(filters_choose),
		cmocka_unit_test(filters_that_say_nonsense_are_refused),
		cmocka_unit_test(the_first_rows_of_many_are_kept_in_order),
		cmocka_unit_test(rates_are_what_was_moved_since_the_last_look),
		cmocka_unit_test(a_host_is_named_after_its_manifest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
