/* SPDX-License-Identifier: MIT
 * tests/unit/test_join_memory.c - each allocation of a joined flow made to fail in turn: the flow ends, nothing is left
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

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *mem, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *mem, size_t size);

static int armed;
static long left; /* allocations until the one that fails */
static int failed;

static int fails(void)
{
	if (!armed || left-- > 0 || failed)
		return 0;
	failed = 1;
	return 1;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *mem, size_t size)
{
	return fails() ? NULL : __real_realloc(mem, size);
}

static struct kit *k;
static struct party near, far;

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int turn(struct kit *kit)
{
	party_turn(&near);
	party_turn(&far);
	return kit->ended != 0;
}

/* A flow that is looked at or not, then forwarded, with its n-th allocation failing. Returns whether one did. */
static int with_failure(int pair, int looks, long n)
{
	int descriptors = open_descriptors();
	adit_op op = {.type = ADIT_OP_FORWARD};

	armed = failed = 0;
	left = n;
	k = kit_new(NULL);
	k->answer[0].type = looks ? ADIT_OP_ACCEPT : 0;
	party_init(&near, k, PART_STACK, pair & 1);
	party_init(&far, k, PART_OUTBOUND, pair & 2);
	send_segment(k, 4, 1000, SYN, 0);
	op.flow = asked(k, 0, 0);
	assert_true(op.flow != 0);
	kit_wait(k, 1, NULL);
	armed = 1;
	kit_submit(k, 0, &op, 1);
	if (!k->ended)
		party_begin(&far, op.flow);
	if (!k->ended)
		party_begin(&near, op.flow);
	near.most = far.most = 200000;
	near.wants_fin = far.wants_fin = 1;
	if (near.flow && far.flow)
		kit_wait(k, failed ? 50 : 2000, turn);
	armed = 0;
	if (near.flow && far.flow)
		kit_wait(k, 2000, turn);
	/* Either it has ended, or it went on without what it could not have. */
	assert_int_equal(k->ended, 1);
	if (!k->end_code)
		assert_true(near.got == 200000 && far.got == 200000);
	assert_false(near.bad || far.bad);
	kit_free(k);
	party_fini(&near);
	party_fini(&far);
	assert_int_equal(open_descriptors(), descriptors);
	return failed;
}

static void each_allocation_may_fail(void **state)
{
	int pair, looks;
	long n;

	for (pair = 0; pair < 4; pair++) {
		for (looks = 0; looks < 2; looks++) {
			for (n = 0; with_failure(pair, looks, n); n++)
				assert_true(n < 1000);
			assert_true(n > 1);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_may_fail),
	};

	if (private_network()) {
		printf("1..0 # SKIP needs a network namespace of its own\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN); /* shard threads block it: splice has no MSG_NOSIGNAL */
	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
