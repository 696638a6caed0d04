/* SPDX-License-Identifier: MIT
 * tests/unit/test_dialer.c - connects: at once, late, refused, in vain, taken back, too many
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial/dialer.h"
#include "os/os.h"
#include "tests/lib/private.h"
#include "tests/lib/shardkit.h"

static struct kit *k;
static adit_addr to = {.family = 4, .ip = {127, 0, 0, 1}};
static uint64_t deadline;
static adit_result connected;
static adit_dialing *dialing;
static int done_count, done_fd, descriptors;
static adit_result done_result;

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int set_up(void **state)
{
	static const uint8_t loopback[4] = {127};

	descriptors = open_descriptors();
	k = kit_new(NULL);
	assert_int_equal(prefix_set_add(&k->s.policy.allow, 4, loopback, 8), 0);
	done_count = 0;
	done_fd = -1;
	done_result = 1;
	deadline = 0;
	dialing = NULL;
	return 0;
}

static int tear_down(void **state)
{
	if (done_fd >= 0)
		close(done_fd);
	kit_free(k);
	assert_int_equal(open_descriptors(), descriptors);
	return 0;
}

/* A listening socket whose port becomes the one to dial. */
static int listener(int backlog)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(l, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(l, backlog), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &size), 0);
	to.port = ntohs(sin.sin_port);
	return l;
}

/* One that takes no more connections for now: others wait in its queue. */
static int busy_listener(int *waiting)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int l = listener(0);

	*waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sin.sin_port = htons(to.port);
	assert_int_equal(connect(*waiting, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return l;
}

static void done(void *arg, adit_result result, intptr_t sock)
{
	done_count++;
	done_result = result;
	done_fd = (int)sock;
	assert_int_equal(result == 0, sock >= 0);
}

static void dial(struct kit *kit)
{
	connected = dialer_connect(kit->s.loop, &to, deadline ? loop_now(kit->s.loop) + deadline : 0, done, NULL, &dialing);
	assert_int_equal(done_count, 0); /* never before connect returns */
}

static int is_done(struct kit *kit)
{
	return done_count > 0;
}

static void a_connect_next_door_is_settled_in_the_same_turn(void **state)
{
	int l = listener(5), flag = 0;
	socklen_t size = sizeof(flag);

	kit_do(k, dial);
	assert_int_equal(connected, 0);
	assert_int_equal(done_count, 1);
	assert_int_equal(done_result, 0);
	assert_true(fcntl(done_fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(done_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(done_fd, SOL_SOCKET, SO_ERROR, &flag, &size), 0);
	assert_int_equal(flag, 0);
	assert_int_equal(kit_counter(k, COUNT_dial_ok), 1);
	close(l);
}

static void what_the_system_refuses_has_its_code(void **state)
{
	adit_addr kept = to;

	close(listener(1)); /* nobody is there any more */
	kit_do(k, dial);
	if (connected == 0)
		assert_true(kit_wait(k, 1000, is_done));
	assert_int_equal(connected ? connected : done_result, ADIT_EREFUSED);
	to = (adit_addr){.family = 4, .port = 80, .ip = {192, 0, 2, 1}}; /* no route */
	done_count = 0;
	kit_do(k, dial);
	assert_int_equal(connected, ADIT_ENET);
	to = (adit_addr){.family = 4, .port = 80, .ip = {169, 254, 169, 254}}; /* the policy */
	kit_do(k, dial);
	assert_int_equal(connected, ADIT_EADMIN);
	to = (adit_addr){.family = 4, .ip = {127, 0, 0, 1}}; /* no port */
	kit_do(k, dial);
	assert_int_equal(connected, ADIT_EINVAL);
	to.family = 0;
	kit_do(k, dial);
	assert_int_equal(connected, ADIT_EINVAL);
	assert_int_equal(done_count, 0);
	to = kept;
}

static void a_late_connect_succeeds(void **state)
{
	int waiting, l = busy_listener(&waiting), first;

	kit_do(k, dial);
	kit_wait(k, 50, NULL);
	assert_int_equal(done_count, 0);
	first = accept(l, NULL, NULL); /* room for one more: the SYN is repeated after a second */
	assert_true(kit_wait(k, 5000, is_done));
	assert_int_equal(done_result, 0);
	close(first);
	close(waiting);
	close(l);
}

static void a_deadline_is_kept(void **state)
{
	int waiting, l = busy_listener(&waiting);
	uint64_t began = os_now();

	deadline = 300000000;
	kit_do(k, dial);
	assert_true(kit_wait(k, 3000, is_done));
	assert_int_equal(done_result, ADIT_ETIME);
	assert_in_range((os_now() - began) / 1000000, 300, 900);
	assert_int_equal(kit_counter(k, COUNT_dial_failed), 1);
	close(waiting);
	close(l);
}

static void no_deadline_is_the_default_one(void **state)
{
	int waiting, l = busy_listener(&waiting);

	k->s.timeouts.connect = 1;
	kit_do(k, dial);
	kit_wait(k, 400, NULL);
	assert_int_equal(done_count, 0); /* not at once */
	k->s.timeouts.connect = 0;
	assert_true(kit_wait(k, 3000, is_done));
	assert_int_equal(done_result, ADIT_ETIME);
	close(waiting);
	close(l);
}

/* ---- taken back ---- */

static void cancel(struct kit *kit)
{
	dialer_cancel(dialing);
}

static void dial_and_cancel(struct kit *kit)
{
	dial(kit);
	cancel(kit);
}

static void a_cancelled_attempt_is_never_heard_of(void **state)
{
	int waiting, l = listener(5);

	kit_do(k, dial_and_cancel); /* settled, but not told yet */
	kit_wait(k, 20, NULL);
	close(l);
	l = busy_listener(&waiting);
	kit_do(k, dial_and_cancel); /* fresh */
	kit_do(k, dial); /* watched */
	kit_wait(k, 20, NULL);
	kit_do(k, cancel);
	kit_wait(k, 250, NULL);
	assert_int_equal(done_count, 0);
	close(waiting);
	close(l);
}

static adit_dialing *others[3];

static void done_and_cancel(void *arg, adit_result result, intptr_t sock)
{
	size_t i, mine = (size_t)arg;

	done_count++;
	if (result == 0)
		close((int)sock);
	others[mine] = NULL;
	for (i = 0; i < 3; i++) {
		if (others[i])
			dialer_cancel(others[i]);
		others[i] = NULL;
	}
}

static void dial_three(struct kit *kit)
{
	size_t i;

	for (i = 0; i < 3; i++)
		assert_int_equal(dialer_connect(kit->s.loop, &to, deadline ? loop_now(kit->s.loop) + deadline : 0,
		                                done_and_cancel, (void *)i, &others[i]), 0);
}

static void one_that_is_done_may_cancel_the_others(void **state)
{
	int waiting, l = listener(5);

	kit_do(k, dial_three);
	assert_int_equal(done_count, 1);
	close(l);
	l = busy_listener(&waiting);
	done_count = 0;
	deadline = 200000000;
	kit_do(k, dial_three);
	assert_true(kit_wait(k, 2000, is_done)); /* by the clock */
	kit_wait(k, 200, NULL);
	assert_int_equal(done_count, 1);
	close(waiting);
	close(l);
}

static int redials;

static void done_and_again(void *arg, adit_result result, intptr_t sock)
{
	done_count++;
	close((int)sock);
	if (redials--)
		assert_int_equal(dialer_connect(k->s.loop, &to, 0, done_and_again, NULL, &dialing), 0);
}

static void dial_again(struct kit *kit)
{
	assert_int_equal(dialer_connect(kit->s.loop, &to, 0, done_and_again, NULL, &dialing), 0);
}

static void one_that_is_done_may_dial_again(void **state)
{
	int l = listener(50);

	redials = 20;
	kit_do(k, dial_again);
	kit_wait(k, 20, NULL);
	assert_int_equal(done_count, 21);
	close(l);
}

static void what_is_under_way_goes_with_the_dialer(void **state)
{
	int waiting, l = busy_listener(&waiting);

	kit_do(k, dial_three);
	close(waiting);
	close(l);
	tear_down(NULL);
	set_up(NULL);
	assert_int_equal(done_count, 0);
}

static void used_up_descriptors_are_a_limit(void **state)
{
	struct rlimit old, none;
	int l = listener(5);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	kit_do(k, dial);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(connected, ADIT_ELIMIT);
	close(l);
}

static void only_the_loops_own_thread_dials(void **state)
{
	assert_int_equal(dialer_connect(k->s.loop, &to, 0, done, NULL, &dialing), ADIT_ETHREAD);
}

int main(void)
{
#define DIALER_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		DIALER_TEST(a_connect_next_door_is_settled_in_the_same_turn),
		DIALER_TEST(what_the_system_refuses_has_its_code),
		DIALER_TEST(a_late_connect_succeeds),
		DIALER_TEST(a_deadline_is_kept),
		DIALER_TEST(no_deadline_is_the_default_one),
		DIALER_TEST(a_cancelled_attempt_is_never_heard_of),
		DIALER_TEST(one_that_is_done_may_cancel_the_others),
		DIALER_TEST(one_that_is_done_may_dial_again),
		DIALER_TEST(what_is_under_way_goes_with_the_dialer),
		DIALER_TEST(used_up_descriptors_are_a_limit),
		DIALER_TEST(only_the_loops_own_thread_dials),
	};

	if (private_network()) {
		printf("1..0 # SKIP needs a network namespace of its own\n");
		return 77;
	}
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
