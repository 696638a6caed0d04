/* SPDX-License-Identifier: MIT
 * tests/unit/test_server.c - servers that the manifest names: texts, names, several addresses, the policy's exceptions
 *
 * Names are those of /etc/hosts, where localhost is; others have no resolver in the test's own namespace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial/server.h"
#include "loop/pool.h"
#include "os/os.h"
#include "tests/lib/private.h"
#include "tests/lib/shardkit.h"

static struct kit *k;
static char where[300];
static uint16_t port;
static uint64_t deadline;
static adit_result began, done_result;
static adit_reaching *reaching;
static int done_count, done_fd;
static intptr_t relay;
static adit_addr relay_dst;
static adit_result relay_result;

static int set_up(void **state)
{
	k = kit_new(NULL);
	done_count = 0;
	done_fd = -1;
	done_result = 1;
	deadline = 0;
	relay = -1;
	return 0;
}

static int tear_down(void **state)
{
	if (done_fd >= 0)
		close(done_fd);
	if (relay >= 0)
		close((int)relay);
	pool_stop(); /* before the loop goes, as the host does */
	kit_free(k);
	return 0;
}

static int listener(void)
{
	struct sockaddr_in6 sin = {.sin6_family = AF_INET6};
	socklen_t size = sizeof(sin);
	int l = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0); /* both families */

	assert_int_equal(bind(l, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(l, 20), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &size), 0);
	port = ntohs(sin.sin6_port);
	return l;
}

static void done(void *arg, adit_result result, intptr_t sock)
{
	done_count++;
	done_result = result;
	if (done_fd >= 0)
		close(done_fd);
	done_fd = (int)sock;
	assert_int_equal(result == 0, sock >= 0);
}

static void reach(struct kit *kit)
{
	int before = done_count;

	began = server_table.connect(kit->s.loop, where, deadline ? loop_now(kit->s.loop) + deadline : 0, done, NULL,
	                             &reaching);
	assert_int_equal(done_count, before); /* never before connect returns */
}

static void take_back(struct kit *kit)
{
	server_table.cancel(reaching);
}

static int is_done(struct kit *kit)
{
	return done_count > 0;
}

static adit_result result_of(const char *text)
{
	snprintf(where, sizeof(where), "%s", text);
	done_count = 0;
	kit_do(k, reach);
	if (began == ADIT_OK)
		assert_true(kit_wait(k, 8000, is_done));
	return began == ADIT_OK ? done_result : began;
}

/* The listener's port at this host. */
static adit_result result_at(const char *host)
{
	char text[300];

	snprintf(text, sizeof(text), "%s:%u", host, port);
	return result_of(text);
}

static void addresses_of_both_families(void **state)
{
	int l = listener();

	/* Loopback is closed to applications, and open to what the operator names. */
	assert_int_equal(result_at("127.0.0.1"), ADIT_OK);
	assert_true(fcntl(done_fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(done_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(result_at("[::1]"), ADIT_OK);
	close(l);
	assert_int_equal(result_at("127.0.0.1"), ADIT_EREFUSED);
}

static void a_name_is_looked_up_once(void **state)
{
	int l = listener();

	assert_int_equal(result_at("localhost"), ADIT_OK);
	/* Known by now: the connect is under way before the pool could have been asked. */
	snprintf(where, sizeof(where), "localhost:%u", port);
	done_count = 0;
	kit_do(k, reach);
	assert_int_equal(began, ADIT_OK);
	assert_int_equal(done_count, 1); /* next door, at the end of the same turn */
	close(l);
	assert_int_equal(result_at("localhost"), ADIT_EREFUSED);
}

static void a_name_that_nobody_knows(void **state)
{
	assert_int_equal(result_of("nowhere.invalid:80"), ADIT_ENOENT);
	assert_int_equal(result_of("nowhere.invalid:80"), ADIT_ENOENT);
	assert_int_equal(done_count, 0); /* the bad news is remembered too */
}

static void texts_that_cannot_be_read(void **state)
{
	static const char *const texts[] = {"", ":", ":80", "host", "host:", "host:0", "host:65536", "host:080000", "host:8o",
	                                    "::1:80", "[::1]", "[]:80", "[::1:80", "a:b:80"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(result_of(texts[i]), ADIT_EINVAL);
	memset(where, 'x', sizeof(where));
	memcpy(where + 260, ":80", 4);
	kit_do(k, reach);
	assert_int_equal(began, ADIT_EINVAL);
}

static void taken_back_at_any_time(void **state)
{
	int l = listener();

	snprintf(where, sizeof(where), "localhost:%u", port);
	kit_do(k, reach); /* waits for the name */
	assert_int_equal(began, ADIT_OK);
	if (!done_count) {
		kit_do(k, take_back);
		kit_wait(k, 200, NULL);
		assert_int_equal(done_count, 0);
	}
	snprintf(where, sizeof(where), "192.0.2.1:80");
	kit_do(k, reach); /* no route */
	assert_int_equal(began, ADIT_ENET);
	close(l);
}

static void ask_for_relay(struct kit *kit)
{
	relay_result = server_table.datagrams(kit->s.loop, done_fd, &relay_dst, &relay);
}

static void sockets_for_datagrams(void **state)
{
	int l = listener();

	assert_int_equal(result_at("127.0.0.1"), ADIT_OK);
	relay_dst = (adit_addr){.family = 4, .ip = {127, 0, 0, 1}, .port = 4000}; /* the server's own address */
	kit_do(k, ask_for_relay);
	assert_int_equal(relay_result, ADIT_OK);
	assert_true(fcntl((int)relay, F_GETFL) & O_NONBLOCK);
	relay_dst.ip[3] = 2; /* another one that is closed: a proxy cannot open it */
	kit_do(k, ask_for_relay);
	assert_int_equal(relay_result, ADIT_EADMIN);
	relay_dst = (adit_addr){.family = 4, .ip = {169, 254, 169, 254}, .port = 80};
	kit_do(k, ask_for_relay);
	assert_int_equal(relay_result, ADIT_EADMIN);
	relay_dst = (adit_addr){.family = 4, .ip = {198, 51, 100, 1}, .port = 80}; /* open, but there is no route */
	kit_do(k, ask_for_relay);
	assert_int_equal(relay_result, ADIT_ENET);
	relay_dst.port = 0;
	kit_do(k, ask_for_relay);
	assert_int_equal(relay_result, ADIT_EINVAL);
	close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_of_both_families, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_name_is_looked_up_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_nobody_knows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(texts_that_cannot_be_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(taken_back_at_any_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sockets_for_datagrams, set_up, tear_down),
	};

	if (private_network() != 0) {
		fprintf(stderr, "skipped: no network namespace of our own (root or unprivileged user namespaces)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
