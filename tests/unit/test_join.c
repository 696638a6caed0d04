/* SPDX-License-Identifier: MIT
 * tests/unit/test_join.c - a forwarded TCP flow by pair of ends: socket and party, party and socket, party and party
 *
 * The ends are tests/lib/party.c: tagged content, credit and windows kept to the byte; sockets are TCP over loopback in a
 * network namespace of the test's own. Two sockets are a relay: tests/unit/test_relay.c; here they are a fourth pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/party.h"
#include "tests/lib/private.h"
#include "tests/unit/kit_packets.h"

enum { NEAR_SOCKET = 1, FAR_SOCKET = 2, PAIRS = 4 };

static struct kit *k;
static struct party near, far;
static adit_flow flow;
static int descriptors;

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A flow that is forwarded, and none of whose ends is there yet. */
static void forwarded(int pair, uint16_t flags)
{
	descriptors = open_descriptors();
	k = kit_new(NULL);
	k->answer[0] = (adit_op){.type = ADIT_OP_FORWARD, .flags = flags};
	party_init(&near, k, PART_STACK, pair & NEAR_SOCKET);
	party_init(&far, k, PART_OUTBOUND, pair & FAR_SOCKET);
	send_segment(k, 4, 1000, SYN, 0);
	flow = asked(k, 0, 0);
	assert_true(flow != 0);
}

static void joined(int pair)
{
	forwarded(pair, 0);
	party_begin(&near, flow);
	party_begin(&far, flow);
}

static void finish(void)
{
	kit_wait(k, 3, NULL);
	if (near.bad || far.bad)
		fail_msg("near: %s; far: %s", near.why ? near.why : "-", far.why ? far.why : "-");
	kit_free(k);
	party_fini(&near);
	party_fini(&far);
	assert_int_equal(open_descriptors(), descriptors);
}

static int turn(struct kit *kit)
{
	party_turn(&near);
	party_turn(&far);
	return kit->ended || (near.got == far.most && far.got == near.most && !near.wants_fin && !far.wants_fin);
}

static void transfer(int pair, uint64_t up, uint64_t down)
{
	near.most = up;
	far.most = down;
	near.wants_fin = far.wants_fin = 1;
	if (!kit_wait(k, 60000, turn))
		fail_msg("pair %d: up %llu of %llu, down %llu of %llu", pair, (unsigned long long)far.got,
		         (unsigned long long)up, (unsigned long long)near.got, (unsigned long long)down);
	party_turn(&near);
	party_turn(&far);
	assert_int_equal(far.got, up);
	assert_int_equal(near.got, down);
	assert_int_equal(k->ended, 1);
	assert_int_equal(k->end_code, 0);
	assert_true(near.fin_got && far.fin_got);
	assert_true(!near.abort_got && !far.abort_got && !near.reset_got && !far.reset_got);
}

static void much_arrives_both_ways(void **state)
{
	int pair;

	for (pair = 0; pair < PAIRS; pair++) {
		joined(pair);
		transfer(pair, 100u << 20, 100u << 20);
		finish();
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(much_arrives_both_ways),
	};

	if (private_network()) {
		printf("1..0 # SKIP needs a network namespace of its own\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN); /* shard threads block it: splice has no MSG_NOSIGNAL */
	alarm(240);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
