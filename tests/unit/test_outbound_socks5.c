/* SPDX-License-Identifier: MIT
 * tests/unit/test_outbound_socks5.c - outbound-socks5 by its table, the test being the proxy: honest, slow, lying
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/proxyrig.h"

#define V4 "198.51.100.7"
#define V6 "2001:db8::7"
#define GOOD "\5\0\5\0\0\1\0\0\0\0\0\0"
enum { GOOD_SIZE = 12, WAIT = 2000 };

static struct rig *r;

static int set_up(void **state)
{
	r = rig_new();
	rig_set(r, "server", "proxy.example:1080");
	return 0;
}

static int tear_down(void **state)
{
	rig_free(r);
	return 0;
}

static void begin(const char *pipeline)
{
	rig_set(r, "pipeline", pipeline);
	rig_start(r);
}

static void says(uint32_t n, const char *bytes, size_t size)
{
	char got[700];

	assert_true(size <= sizeof(got));
	assert_int_equal(rig_read(r, n, got, size, WAIT), size);
	assert_memory_equal(got, bytes, size);
	assert_int_equal(rig_read(r, n, got, sizeof(got), 10), 0); /* and no more */
}

/* The event that ends the request for flow 0 with a socket, behind whose handshake `after` follows. */
static void has_socket(uint32_t event, const char *after)
{
	char got[100];
	ssize_t n;

	assert_true(rig_events(r, event + 1, WAIT));
	assert_int_equal(r->events[event].type, ADIT_EV_SOCKET);
	n = recv((int)r->events[event].num, got, sizeof(got), MSG_DONTWAIT);
	if (!*after) {
		assert_int_equal(n, -1);
		return;
	}
	assert_int_equal(n, strlen(after));
	assert_memory_equal(got, after, strlen(after));
}

static void is_closed(uint32_t event, adit_result code)
{
	assert_true(rig_events(r, event + 1, WAIT));
	assert_int_equal(r->events[event].type, ADIT_EV_CLOSED);
	assert_int_equal(r->events[event].code, code);
}

/* ---- the handshake ---- */

static void test_all_in_one_write(void **state)
{
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	says(0, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13);
	rig_write(r, 0, GOOD "welcome", GOOD_SIZE + 7);
	has_socket(0, "welcome");
	assert_string_equal(r->connections[0].where, "proxy.example:1080");
}

static void test_one_message_at_a_time(void **state)
{
	begin("off");
	rig_reach(r, 0, ADIT_PROTO_TCP, V6, NULL, 1);
	says(0, "\5\1\0", 3);
	rig_write(r, 0, "\5\0", 2);
	says(0, "\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\1\273", 22);
	rig_write(r, 0, "\5\0\0\4" "0123456789abcdef" "\1\2", 22);
	has_socket(0, "");
}

static void test_a_name_is_sent_as_it_is(void **state)
{
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, "www.example", 1);
	says(0, "\5\1\0\5\1\0\3\13www.example\1\273", 21);
	rig_write(r, 0, "\5\0\5\0\0\3\4name\0\0", 13);
	has_socket(0, "");
	rig_reach(r, 1, ADIT_PROTO_TCP, NULL, "alone.example", 1);
	says(1, "\5\1\0\5\1\0\3\15alone.example\1\273", 23);
}

static void test_or_its_address(void **state)
{
	rig_set(r, "names", "address");
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, "www.example", 1);
	says(0, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13);
	rig_reach(r, 1, ADIT_PROTO_TCP, NULL, "alone.example", 1);
	says(1, "\5\1\0\5\1\0\3\15alone.example\1\273", 23);
	rig_reach(r, 2, ADIT_PROTO_TCP, NULL, NULL, 1);
	is_closed(0, ADIT_EINVAL);
}

static void test_login(void **state)
{
	rig_set(r, "username", "joe");
	rig_set(r, "password", "secret");
	begin("off");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	says(0, "\5\2\0\2", 4);
	rig_write(r, 0, "\5\2", 2);
	says(0, "\1\3joe\6secret", 12);
	rig_write(r, 0, "\1\0", 2);
	says(0, "\5\1\0\1\306\63\144\7\1\273", 10);
	rig_write(r, 0, &GOOD[2], GOOD_SIZE - 2);
	has_socket(0, "");
	/* A proxy may want no login although there is one. */
	rig_reach(r, 1, ADIT_PROTO_TCP, V4, NULL, 1);
	says(1, "\5\2\0\2", 4);
	rig_write(r, 1, "\5\0", 2);
	says(1, "\5\1\0\1\306\63\144\7\1\273", 10);
	rig_reach(r, 2, ADIT_PROTO_TCP, V4, NULL, 1);
	says(2, "\5\2\0\2", 4);
	rig_write(r, 2, "\5\2", 2);
	says(2, "\1\3joe\6secret", 12);
	rig_write(r, 2, "\1\1", 2);
	is_closed(1, ADIT_EADMIN);
	assert_non_null(strstr(fakehost_logged(r->host), "username and password"));
	assert_null(strstr(fakehost_logged(r->host), "secret"));
}

static void test_login_in_one_write(void **state)
{
	rig_set(r, "username", "joe");
	rig_set(r, "password", "secret");
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	says(0, "\5\1\2\1\3joe\6secret\5\1\0\1\306\63\144\7\1\273", 25);
	rig_write(r, 0, "\5\2\1\0\5\0\0\1\0\0\0\0\0\0!", 15);
	has_socket(0, "!");
}

static void test_replies(void **state)
{
	static const struct {
		char code;
		adit_result result;
	} replies[] = {{1, ADIT_EIO},   {2, ADIT_EADMIN}, {3, ADIT_ENET},  {4, ADIT_EHOST}, {5, ADIT_EREFUSED},
	               {6, ADIT_ETIME}, {7, ADIT_ENOSYS}, {8, ADIT_EHOST}, {9, ADIT_EIO},   {(char)255, ADIT_EIO}};
	char answer[GOOD_SIZE];
	uint32_t i;

	begin("on");
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		memcpy(answer, GOOD, GOOD_SIZE);
		answer[3] = replies[i].code;
		rig_reach(r, i, ADIT_PROTO_TCP, V4, NULL, 1);
		assert_true(rig_connections(r, i + 1, WAIT));
		rig_turn(r, 10);
		rig_write(r, i, answer, i % 2 ? 4 : GOOD_SIZE); /* some proxies leave the rest out */
		is_closed(i, replies[i].result);
	}
}

/* ---- proxies that lie ---- */

static void test_lies(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		adit_result result;
	} lies[] = {
		{"HTTP/1.1 400 Bad Request\r\n\r\n", 28, ADIT_EIO},
		{"SSH-2.0-OpenSSH\r\n", 17, ADIT_EIO},
		{"\0\132", 2, ADIT_EIO},                        /* SOCKS4 */
		{"\5\377", 2, ADIT_EADMIN},                     /* no method */
		{"\5\2", 2, ADIT_EIO},                          /* one that was not offered */
		{"\5\0\4\0\0\1\0\0\0\0\0\0", 12, ADIT_EIO},     /* another version behind the first */
		{"\5\0\5\0\0\2\0\0\0\0\0\0", 12, ADIT_EIO},     /* no such kind of address */
		{"\5\0\5\0\0\0\0\0\0\0\0\0", 12, ADIT_EIO},
	};
	uint32_t i;

	begin("on");
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		rig_reach(r, i, ADIT_PROTO_TCP, V4, NULL, 1);
		assert_true(rig_connections(r, i + 1, WAIT));
		rig_turn(r, 10);
		rig_write(r, i, lies[i].bytes, lies[i].size);
		is_closed(i, lies[i].result);
	}
	assert_int_equal(rig_counted(r, "version"), 4);
	assert_int_equal(rig_counted(r, "methods"), 1);
	assert_int_equal(rig_counted(r, "method"), 1);
	assert_int_equal(rig_counted(r, "answer"), 2);
	assert_int_equal(rig_counted(r, "login"), 0);
}

static void test_an_end_at_any_byte(void **state)
{
	uint32_t i;

	begin("on");
	for (i = 0; i < GOOD_SIZE; i++) {
		rig_reach(r, i, ADIT_PROTO_TCP, V4, NULL, 1);
		assert_true(rig_connections(r, i + 1, WAIT));
		rig_turn(r, 10);
		if (i)
			rig_write(r, i, GOOD, i);
		rig_turn(r, 5);
		assert_int_equal(r->count, i);
		rig_hang_up(r, i);
		is_closed(i, ADIT_EIO);
	}
}

static void test_a_byte_at_a_time(void **state)
{
	static const char answer[] = "\5\0\5\0\0\3\5hello\1\2";
	uint32_t i;

	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	assert_true(rig_connections(r, 1, WAIT));
	rig_turn(r, 10);
	for (i = 0; i < sizeof(answer) - 1; i++) {
		assert_int_equal(r->count, 0);
		rig_write(r, 0, &answer[i], 1);
		rig_turn(r, 3);
	}
	has_socket(0, "");
}

static void test_a_byte_a_second_is_too_slow(void **state)
{
	uint64_t turns;

	rig_set(r, "timeout", "1");
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	assert_true(rig_connections(r, 1, WAIT));
	rig_turn(r, 10);
	rig_write(r, 0, "\5\0\5", 3);
	turns = fakehost_turns(r->host);
	rig_turn(r, 500);
	assert_true(fakehost_turns(r->host) - turns < 50); /* it waits, it does not ask */
	assert_int_equal(r->count, 0);
	is_closed(0, ADIT_ETIME);
	rig_turn(r, 200);
	turns = fakehost_turns(r->host);
	rig_turn(r, 300);
	assert_true(fakehost_turns(r->host) - turns < 3); /* nothing is under way: no clock */
}

static void test_more_than_was_asked_for(void **state)
{
	static char flood[100000];

	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	assert_true(rig_connections(r, 1, WAIT));
	rig_turn(r, 10);
	memset(flood, 5, sizeof(flood)); /* version 5, method 5 */
	rig_write(r, 0, flood, sizeof(flood));
	is_closed(0, ADIT_EIO);
}

/* ---- pipelining ---- */

static void test_a_proxy_that_copes_is_remembered(void **state)
{
	begin("auto");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	rig_reach(r, 1, ADIT_PROTO_TCP, V4, NULL, 1);
	says(0, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13); /* the probe */
	says(1, "\5\1\0", 3);                              /* others wait for what comes of it */
	rig_write(r, 0, GOOD, GOOD_SIZE);
	has_socket(0, "");
	rig_reach(r, 2, ADIT_PROTO_TCP, V4, NULL, 1);
	says(2, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13);
	rig_turn(r, 700);
	assert_int_equal(r->connected, 3); /* a known proxy may take its time */
}

static void test_a_proxy_that_loses_the_request(void **state)
{
	begin("auto");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	says(0, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13);
	rig_write(r, 0, "\5\0", 2);
	assert_true(rig_connections(r, 2, WAIT));
	says(1, "\5\1\0", 3);
	rig_write(r, 1, "\5\0", 2);
	says(1, "\5\1\0\1\306\63\144\7\1\273", 10);
	rig_write(r, 1, &GOOD[2], GOOD_SIZE - 2);
	has_socket(0, "");
	rig_reach(r, 1, ADIT_PROTO_TCP, V4, NULL, 1);
	says(2, "\5\1\0", 3);
}

static void test_a_proxy_that_hangs_up_on_the_request(void **state)
{
	begin("auto");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	says(0, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13);
	rig_hang_up(r, 0);
	says(1, "\5\1\0", 3);
	rig_hang_up(r, 1);
	is_closed(0, ADIT_EIO); /* once is enough */
}

/* ---- several proxies ---- */

static void test_the_next_proxy(void **state)
{
	rig_set(r, "server/0", "a:1");
	rig_set(r, "server/1", "b:1");
	rig_set(r, "server/2", "[2001:db8::1]:1");
	r->results[0] = ADIT_EREFUSED;
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	says(1, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13);
	rig_write(r, 1, "nonsense", 8);
	says(2, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13);
	assert_string_equal(r->connections[2].where, "[2001:db8::1]:1");
	rig_write(r, 2, GOOD, GOOD_SIZE);
	has_socket(0, "");
	/* What a proxy answers to the request itself stands. */
	rig_reach(r, 1, ADIT_PROTO_TCP, V4, NULL, 1);
	says(3, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13);
	rig_write(r, 3, "\5\0\5\4\0\1\0\0\0\0\0\0", 12);
	is_closed(1, ADIT_EHOST);
	r->at_once = ADIT_ENOENT;
	rig_reach(r, 2, ADIT_PROTO_TCP, V4, NULL, 1);
	is_closed(2, ADIT_EHOST);
	assert_non_null(strstr(fakehost_logged(r->host), "no address"));
}

static int set_up_list(void **state)
{
	r = rig_new();
	return 0;
}

static void test_taken_back(void **state)
{
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	rig_submit(r, ADIT_OP_CLOSE, 0, NULL, 0); /* before the proxy is there */
	is_closed(0, ADIT_ECANCEL);
	rig_reach(r, 1, ADIT_PROTO_TCP, V4, NULL, 1);
	says(1, "\5\1\0\5\1\0\1\306\63\144\7\1\273", 13);
	rig_submit(r, ADIT_OP_ABORT, 1, "bytes", 5); /* a stray buffer comes back */
	is_closed(1, ADIT_ECANCEL);
	rig_submit(r, ADIT_OP_ABORT, 1, NULL, 0);
	rig_reach(r, 2, ADIT_PROTO_TCP, V4, NULL, 1);
	rig_reach(r, 2, ADIT_PROTO_TCP, V4, NULL, 1);
	is_closed(2, ADIT_EEXIST);
	rig_turn(r, 20);
	assert_int_equal(r->count, 3);
	/* One is under way when the module stops. */
}

/* ---- UDP ---- */

static void associate(uint32_t n, const char *reply, size_t size)
{
	says(n, "\5\1\0\5\3\0\1\0\0\0\0\0\0", 13);
	rig_write(r, n, reply, size);
}

static void test_datagrams(void **state)
{
	char got[200];

	begin("on");
	rig_reach(r, 0, ADIT_PROTO_UDP, V4, NULL, 5000);
	rig_reach(r, 1, ADIT_PROTO_UDP, V6, NULL, 5000); /* the same endpoint: the same association */
	associate(0, "\5\0\5\0\0\1\0\0\0\0\x23\x28", 12);
	assert_true(rig_events(r, 2, WAIT));
	assert_int_equal(r->connected, 1);
	assert_int_equal(r->relay_dst.port, 9000);
	assert_int_equal(r->events[0].type, ADIT_EV_CREDIT);
	assert_int_equal(r->events[1].type, ADIT_EV_CREDIT);
	rig_submit(r, ADIT_OP_SEND, 0, "question", 8);
	assert_int_equal(recv(r->relay, got, sizeof(got), MSG_DONTWAIT), 18);
	assert_memory_equal(got, "\0\0\0\1\306\63\144\7\1\273question", 18);
	rig_submit(r, ADIT_OP_SEND, 1, "six", 3);
	assert_int_equal(recv(r->relay, got, sizeof(got), MSG_DONTWAIT), 25);
	assert_memory_equal(got, "\0\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\1\273six", 25);
	/* Answers: of the first, of strangers, and what is no datagram. */
	assert_int_equal(send(r->relay, "\0\0\0\1\306\63\144\7\1\273answer", 16, 0), 16);
	assert_int_equal(send(r->relay, "\0\0\0\1\1\2\3\5\1\273stranger", 18, 0), 18);
	assert_int_equal(send(r->relay, "\0\0\0\1\306\63\144\7\1\272port", 14, 0), 14);
	assert_int_equal(send(r->relay, "\0\0\1\1\306\63\144\7\1\273fragment", 18, 0), 18);
	assert_int_equal(send(r->relay, "\0\0\0\1\306\63", 6, 0), 6);
	assert_int_equal(send(r->relay, "\0\0\0\2\306\63\144\7\1\273kind", 14, 0), 14);
	assert_int_equal(send(r->relay, "\0\0\0\3\377name", 9, 0), 9);
	assert_int_equal(send(r->relay, "\0\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\1\273", 22, 0), 22);
	assert_true(rig_events(r, 4, WAIT));
	rig_turn(r, 20);
	assert_int_equal(r->count, 4);
	assert_int_equal(r->events[2].flow, rig_flow(0));
	assert_int_equal(r->events[2].size, 6);
	assert_memory_equal(r->events[2].bytes, "answer", 6);
	assert_int_equal(r->events[3].flow, rig_flow(1));
	assert_int_equal(r->events[3].size, 0); /* an empty datagram is one */
	assert_int_equal(rig_counted(r, "stranger"), 2);
	assert_int_equal(rig_counted(r, "header"), 4);
	/* The end of the connection is the end of the flows. */
	rig_hang_up(r, 0);
	assert_true(rig_events(r, 6, WAIT));
	is_closed(4, ADIT_EHOST);
	is_closed(5, ADIT_EHOST);
}

/* Two names at the same port, of one endpoint: whose answer an unknown address gives is never guessed. */
static void test_names_do_not_mix(void **state)
{
	char got[200];
	int first;

	begin("on");
	rig_reach(r, 0, ADIT_PROTO_UDP, NULL, "one.example", 5000);
	associate(0, "\5\0\5\0\0\1\0\0\0\0\x23\x28", 12);
	assert_true(rig_events(r, 1, WAIT));
	first = r->relay; /* the rig keeps the last one */
	rig_reach(r, 1, ADIT_PROTO_UDP, NULL, "two.example", 5000);
	associate(1, "\5\0\5\0\0\1\0\0\0\0\x23\x29", 12);
	assert_true(rig_events(r, 2, WAIT));
	rig_submit(r, ADIT_OP_SEND, 0, "to one", 6);
	assert_int_equal(recv(first, got, sizeof(got), MSG_DONTWAIT), 24);
	assert_memory_equal(got, "\0\0\0\3\13one.example\1\273to one", 24);
	rig_submit(r, ADIT_OP_SEND, 1, "to two", 6);
	assert_int_equal(recv(r->relay, got, sizeof(got), MSG_DONTWAIT), 24);
	assert_memory_equal(got, "\0\0\0\3\13two.example\1\273to two", 24);
	/* The second answers first, both with the same address; then with a name. Another port is a stranger. */
	assert_int_equal(send(r->relay, "\0\0\0\1\1\2\3\4\1\273two", 13, 0), 13);
	assert_true(rig_events(r, 3, WAIT));
	assert_int_equal(send(first, "\0\0\0\1\1\2\3\4\1\273one", 13, 0), 13);
	assert_true(rig_events(r, 4, WAIT));
	assert_int_equal(send(first, "\0\0\0\3\13one.example\1\273again", 23, 0), 23);
	assert_int_equal(send(first, "\0\0\0\1\1\2\3\4\1\272port", 14, 0), 14);
	assert_true(rig_events(r, 5, WAIT));
	rig_turn(r, 20);
	assert_int_equal(r->count, 5);
	assert_int_equal(r->events[2].flow, rig_flow(1));
	assert_memory_equal(r->events[2].bytes, "two", 3);
	assert_int_equal(r->events[3].flow, rig_flow(0));
	assert_memory_equal(r->events[3].bytes, "one", 3);
	assert_int_equal(r->events[4].flow, rig_flow(0));
	assert_memory_equal(r->events[4].bytes, "again", 5);
	assert_int_equal(rig_counted(r, "stranger"), 1);
	/* An address of the same endpoint has an association beside them. */
	rig_reach(r, 2, ADIT_PROTO_UDP, V4, NULL, 5000);
	assert_true(rig_connections(r, 3, WAIT));
	close(first);
}

static void test_reload(void **state)
{
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 5000);
	assert_true(rig_connections(r, 1, WAIT));
	rig_set(r, "server", "192.0.2.9:9999");
	/* A handshake under way keeps its settings: the host makes a new instance beside this one. */
	assert_int_equal(r->table->life->reload(r->inst, r->env->cfg), ADIT_ENOSYS);
	rig_submit(r, ADIT_OP_CLOSE, 0, NULL, 0);
	assert_int_equal(r->table->life->reload(r->inst, r->env->cfg), 0);
	rig_reach(r, 1, ADIT_PROTO_TCP, V4, NULL, 5000);
	assert_true(rig_connections(r, 2, WAIT));
	assert_string_equal(r->connections[1].where, "192.0.2.9:9999");
	rig_set(r, "username", "");
	rig_set(r, "password", "alone");
	rig_submit(r, ADIT_OP_CLOSE, 1, NULL, 0);
	assert_int_equal(r->table->life->reload(r->inst, r->env->cfg), ADIT_ECONFIG);
	rig_reach(r, 2, ADIT_PROTO_TCP, V4, NULL, 5000); /* nothing has changed */
	assert_true(rig_connections(r, 3, WAIT));
	assert_string_equal(r->connections[2].where, "192.0.2.9:9999");
}

static void test_the_last_flow_ends_the_association(void **state)
{
	char byte;

	begin("on");
	rig_reach(r, 0, ADIT_PROTO_UDP, V4, NULL, 5000);
	associate(0, "\5\0\5\0\0\1\0\0\0\0\x23\x28", 12);
	assert_true(rig_events(r, 1, WAIT));
	rig_reach(r, 1, ADIT_PROTO_UDP, V4, NULL, 5001); /* another endpoint: another association */
	assert_true(rig_connections(r, 2, WAIT));
	rig_submit(r, ADIT_OP_CLOSE, 1, NULL, 0); /* while it is made */
	is_closed(1, ADIT_ECANCEL);
	rig_submit(r, ADIT_OP_ABORT, 0, NULL, 0);
	is_closed(2, ADIT_ECANCEL);
	assert_int_equal(recv(r->connections[0].fd, &byte, 1, MSG_DONTWAIT), 0);
	rig_submit(r, ADIT_OP_SEND, 0, "too late", 8); /* its buffer comes back */
}

static void test_a_proxy_without_udp(void **state)
{
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_UDP, V4, NULL, 5000);
	associate(0, "\5\0\5\7\0\1\0\0\0\0\0\0", 12);
	is_closed(0, ADIT_EADMIN);
	assert_non_null(strstr(fakehost_logged(r->host), "no UDP"));
	rig_reach(r, 1, ADIT_PROTO_UDP, V4, NULL, 5001);
	is_closed(1, ADIT_EADMIN);
	assert_int_equal(r->connected, 1); /* it was not asked again */
}

static void test_relays_that_cannot_be(void **state)
{
	begin("on");
	r->relay_result = ADIT_EADMIN; /* the policy does not like what the proxy names */
	rig_reach(r, 0, ADIT_PROTO_UDP, V4, NULL, 5000);
	associate(0, "\5\0\5\0\0\1\177\0\0\1\x23\x28", 12);
	assert_true(rig_events(r, 1, WAIT));
	assert_int_equal(r->events[0].type, ADIT_EV_CREDIT);
	assert_int_equal(r->relay_dst.ip[0], 0); /* so it is the proxy's own */
	rig_reach(r, 1, ADIT_PROTO_UDP, V4, NULL, 5001);
	associate(1, "\5\0\5\0\0\1\0\0\0\0\0\0", 12);
	is_closed(1, ADIT_EIO); /* without a port */
}

static void test_limit_of_associations(void **state)
{
	rig_set(r, "associations", "1");
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_UDP, V4, NULL, 5000);
	rig_reach(r, 1, ADIT_PROTO_UDP, V4, NULL, 5001);
	is_closed(0, ADIT_ELIMIT);
	rig_reach(r, 2, ADIT_PROTO_UDP, V6, NULL, 5000);
	rig_turn(r, 20);
	assert_int_equal(r->count, 1);
}

static void test_udp_can_be_blocked(void **state)
{
	rig_set(r, "udp", "block");
	begin("on");
	rig_reach(r, 0, ADIT_PROTO_UDP, V4, NULL, 5000);
	is_closed(0, ADIT_EADMIN);
	rig_reach(r, 1, ADIT_PROTO_ICMP, V4, NULL, 5000);
	is_closed(1, ADIT_EADMIN);
	assert_int_equal(r->connected, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_in_one_write),
		TEST(test_one_message_at_a_time),
		TEST(test_a_name_is_sent_as_it_is),
		TEST(test_names_do_not_mix),
		TEST(test_reload),
		TEST(test_or_its_address),
		TEST(test_login),
		TEST(test_login_in_one_write),
		TEST(test_replies),
		TEST(test_lies),
		TEST(test_an_end_at_any_byte),
		TEST(test_a_byte_at_a_time),
		TEST(test_a_byte_a_second_is_too_slow),
		TEST(test_more_than_was_asked_for),
		TEST(test_a_proxy_that_copes_is_remembered),
		TEST(test_a_proxy_that_loses_the_request),
		TEST(test_a_proxy_that_hangs_up_on_the_request),
		cmocka_unit_test_setup_teardown(test_the_next_proxy, set_up_list, tear_down),
		TEST(test_taken_back),
		TEST(test_datagrams),
		TEST(test_the_last_flow_ends_the_association),
		TEST(test_a_proxy_without_udp),
		TEST(test_relays_that_cannot_be),
		TEST(test_limit_of_associations),
		TEST(test_udp_can_be_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
