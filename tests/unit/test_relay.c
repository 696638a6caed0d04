/* SPDX-License-Identifier: MIT
 * tests/unit/test_relay.c - bytes between two sockets: all of them, in order, with every kind of end
 *
 * The relay runs on a loop of its own thread; the test plays both peers with blocking sockets and threads, over
 * real TCP in a network namespace of its own, and over socket pairs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dial/relay.h"
#include "tests/lib/private.h"

static adit_loop *loop;
static struct relay_shard *shard;
static struct relay *relay;
static pthread_t loop_thread;
static int near_in, far_in; /* the relay's ends */
static int near_end, far_end; /* the peers' */
static uint64_t up, down;
static uint64_t *moved[2] = {&up, &down};
static uint32_t last;
static atomic_int ended;
static adit_result result;
static sem_t over, step;

static void on_ended(void *arg, adit_result r)
{
	ended++;
	result = r;
	relay = NULL;
	sem_post(&over);
}

static void start(void *arg)
{
	if (relay_start(&relay, shard, near_in, far_in, moved, &last, on_ended, NULL))
		abort();
	sem_post(&step);
}

static void stop_relay(void *arg)
{
	if (relay)
		relay_abort(relay);
	relay = NULL;
	sem_post(&step);
}

static void *run(void *arg)
{
	loop_run(loop);
	return NULL;
}

/* Two connected TCP sockets. */
static void tcp_pair(int v[2])
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(l >= 0);
	assert_int_equal(bind(l, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &size), 0);
	v[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(v[0], (struct sockaddr *)&sin, sizeof(sin)), 0);
	v[1] = accept(l, NULL, NULL);
	assert_true(v[1] >= 0);
	close(l);
}

static void set_up(int tcp)
{
	int a[2], b[2];

	if (tcp) {
		tcp_pair(a);
		tcp_pair(b);
	} else {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b), 0);
	}
	near_end = a[0];
	near_in = a[1];
	far_end = b[0];
	far_in = b[1];
	fcntl(near_in, F_SETFL, O_NONBLOCK);
	fcntl(far_in, F_SETFL, O_NONBLOCK);
	up = down = 0;
	ended = 0;
	result = 1;
	sem_init(&over, 0, 0);
	sem_init(&step, 0, 0);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(relay_shard_new(&shard, loop), 0);
	assert_int_equal(loop_post(loop, start, NULL), 0);
	assert_int_equal(pthread_create(&loop_thread, NULL, run, NULL), 0);
	sem_wait(&step);
}

static void tear_down(void)
{
	assert_int_equal(loop_post(loop, stop_relay, NULL), 0);
	sem_wait(&step);
	loop_stop(loop);
	pthread_join(loop_thread, NULL);
	relay_shard_free(shard);
	loop_free(loop);
	close(near_end);
	close(far_end);
	sem_destroy(&over);
	sem_destroy(&step);
}

static int wait_over(void)
{
	struct timespec t;
	int r;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 20;
	do
		r = sem_timedwait(&over, &t);
	while (r && errno == EINTR);
	return r;
}

/* ---- peers ---- */

static uint8_t byte_at(uint64_t at, unsigned salt)
{
	return (uint8_t)((at * 2654435761u >> 13) + salt);
}

struct flow_of_bytes {
	int fd;
	uint64_t size;
	unsigned salt, seed, most; /* most bytes in one call */
	unsigned nap;              /* every so many calls a ms of sleep; 0: never */
	uint64_t done;
	int bad;
};

static void doze(struct flow_of_bytes *f, unsigned calls)
{
	struct timespec ms = {0, 1000000};

	if (f->nap && calls % f->nap == 0)
		nanosleep(&ms, NULL);
}

static void *writer(void *arg)
{
	struct flow_of_bytes *f = arg;
	static _Thread_local uint8_t buf[300000];
	unsigned calls = 0;

	while (f->done < f->size) {
		uint64_t want = (uint64_t)rand_r(&f->seed) % f->most + 1, i;
		ssize_t n;

		if (want > f->size - f->done)
			want = f->size - f->done;
		for (i = 0; i < want; i++)
			buf[i] = byte_at(f->done + i, f->salt);
		n = send(f->fd, buf, want, MSG_NOSIGNAL);
		if (n <= 0) {
			f->bad = 1;
			break;
		}
		f->done += (uint64_t)n;
		doze(f, ++calls);
	}
	shutdown(f->fd, SHUT_WR);
	return NULL;
}

static void *reader(void *arg)
{
	struct flow_of_bytes *f = arg;
	static _Thread_local uint8_t buf[300000];
	unsigned calls = 0;

	for (;;) {
		ssize_t n = recv(f->fd, buf, (uint64_t)rand_r(&f->seed) % f->most + 1, 0), i;

		if (n <= 0) {
			f->bad |= n < 0 || f->done != f->size;
			return NULL;
		}
		for (i = 0; i < n; i++)
			f->bad |= buf[i] != byte_at(f->done + (uint64_t)i, f->salt);
		f->done += (uint64_t)n;
		doze(f, ++calls);
	}
}

static void both_ways(uint64_t size_up, uint64_t size_down, unsigned most, unsigned nap)
{
	struct flow_of_bytes f[4] = {{near_end, size_up, 1, 11, most, 0, 0, 0},
	                             {far_end, size_up, 1, 22, most, nap, 0, 0},
	                             {far_end, size_down, 2, 33, most, 0, 0, 0},
	                             {near_end, size_down, 2, 44, most, nap, 0, 0}};
	pthread_t t[4];
	int i;

	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, i % 2 ? reader : writer, &f[i]), 0);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 4; i++)
		assert_false(f[i].bad);
	assert_int_equal(wait_over(), 0);
	assert_int_equal(result, 0);
	assert_int_equal(ended, 1);
	assert_true(up == size_up && down == size_down);
}

static void every_size_arrives_over(int tcp)
{
	static const uint64_t sizes[] = {0, 1, 4095, 65536, 65537, 1000000};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		set_up(tcp);
		both_ways(sizes[i], sizes[sizeof(sizes) / sizeof(sizes[0]) - 1 - i], 70000, 7);
		tear_down();
	}
}

static void every_size_arrives(void **state)
{
	every_size_arrives_over(0);
	every_size_arrives_over(1);
}

static void much_arrives_both_ways_with_slow_readers(void **state)
{
	set_up(1);
	both_ways(64u << 20, 24u << 20, 250000, 40);
	assert_true(last > 0);
	tear_down();
}

static void bulk(uint64_t size)
{
	static uint8_t buf[100000];
	uint64_t left = size, got = 0;

	fcntl(near_end, F_SETFL, O_NONBLOCK);
	fcntl(far_end, F_SETFL, O_NONBLOCK);
	while (got < size) {
		ssize_t n = left ? send(near_end, buf, left < sizeof(buf) ? left : sizeof(buf), MSG_NOSIGNAL) : 0;

		if (n > 0)
			left -= (uint64_t)n;
		n = recv(far_end, buf, sizeof(buf), 0);
		if (n > 0)
			got += (uint64_t)n;
	}
	fcntl(near_end, F_SETFL, 0);
	fcntl(far_end, F_SETFL, 0);
}

/* Into the pipe and out of it again, several times. */
static void bulk_and_trickle_take_turns(void **state)
{
	int round, i;
	char c;

	set_up(1);
	for (round = 0; round < 3; round++) {
		bulk(3u << 20);
		for (i = 0; i < 40; i++) {
			c = (char)i;
			assert_int_equal(send(near_end, &c, 1, 0), 1);
			assert_int_equal(recv(far_end, &c, 1, 0), 1);
			assert_int_equal(c, i);
		}
	}
	tear_down();
	assert_true(up == 3u * ((3u << 20) + 40));
}

/* ---- ends ---- */

static void half_closed(int first, int second)
{
	char buf[8];

	assert_int_equal(send(first, "abc", 3, 0), 3);
	shutdown(first, SHUT_WR);
	assert_int_equal(recv(second, buf, 8, MSG_WAITALL), 3);
	assert_int_equal(send(second, "later", 5, 0), 5);
	assert_int_equal(recv(first, buf, 5, MSG_WAITALL), 5);
	assert_int_equal(ended, 0);
	shutdown(second, SHUT_WR);
	assert_int_equal(recv(first, buf, 1, 0), 0);
	assert_int_equal(wait_over(), 0);
	assert_int_equal(result, 0);
}

static void half_close_passes_either_way_first(void **state)
{
	set_up(1);
	half_closed(near_end, far_end);
	tear_down();
	set_up(1);
	half_closed(far_end, near_end);
	tear_down();
}

static void reset_passes(int *from, int to, int with_data)
{
	static uint8_t buf[200000];
	ssize_t n;

	if (with_data) {
		assert_true(send(to, buf, sizeof(buf), MSG_DONTWAIT) > 0);
		usleep(10000);
	}
	relay_reset_socket(*from);
	*from = dup(2);
	assert_int_equal(wait_over(), 0);
	assert_int_equal(result, ADIT_ERESET);
	do
		n = recv(to, buf, sizeof(buf), 0);
	while (n > 0);
	assert_true(n < 0 && errno == ECONNRESET); /* not a FIN */
}

static void a_reset_passes_as_a_reset_either_way(void **state)
{
	int with_data;

	for (with_data = 0; with_data < 2; with_data++) {
		set_up(1);
		reset_passes(&near_end, far_end, with_data);
		tear_down();
		set_up(1);
		reset_passes(&far_end, near_end, with_data);
		tear_down();
	}
}

static void an_abort_resets_both(int bytes)
{
	static uint8_t buf[1 << 20];
	char c;

	set_up(1);
	if (bytes) {
		fcntl(near_end, F_SETFL, O_NONBLOCK);
		fcntl(far_end, F_SETFL, O_NONBLOCK);
		while (send(near_end, buf, (size_t)bytes, MSG_NOSIGNAL) == bytes && bytes > 1000)
			;
		while (send(far_end, buf, (size_t)bytes, MSG_NOSIGNAL) == bytes && bytes > 1000)
			;
		usleep(20000); /* pipes and buffers are full */
		fcntl(near_end, F_SETFL, 0);
		fcntl(far_end, F_SETFL, 0);
	}
	assert_int_equal(loop_post(loop, stop_relay, NULL), 0);
	sem_wait(&step);
	while (recv(near_end, &c, 1, 0) > 0)
		;
	assert_int_equal(errno, ECONNRESET);
	while (recv(far_end, &c, 1, 0) > 0)
		;
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(ended, 0);
	tear_down();
}

static void it_can_be_aborted_at_every_stage(void **state)
{
	an_abort_resets_both(0);
	an_abort_resets_both(10);
	an_abort_resets_both(200000);
}

/* ---- bounds ---- */

static void what_is_held_is_bounded(void **state)
{
	static uint8_t buf[65536];
	uint64_t sent = 0;
	int still = 0, small = 65536;

	set_up(0); /* socket pairs: the sockets hold little */
	setsockopt(near_end, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(far_in, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	fcntl(near_end, F_SETFL, O_NONBLOCK);
	while (still < 50) { /* nobody reads at the far end */
		ssize_t n = send(near_end, buf, sizeof(buf), MSG_NOSIGNAL);

		if (n > 0) {
			sent += (uint64_t)n;
			still = 0;
		} else {
			usleep(2000);
			still++;
		}
	}
	assert_in_range(sent, 100000, (1 << 20) + 8 * 131072);
	tear_down();
}

static void without_descriptors_for_pipes_it_copies(void **state)
{
	struct rlimit old, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	set_up(1);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	both_ways(8u << 20, 8u << 20, 250000, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	tear_down();
}

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void no_descriptor_is_left(void **state)
{
	int before = open_descriptors();

	every_size_arrives_over(1);
	assert_int_equal(open_descriptors(), before);
}

/* On the loop's own thread: all of it is there before the relay reads. */
static void send_urgent(void *arg)
{
	int *from = arg;

	if (send(*from, "before", 6, 0) != 6 || send(*from, "!", 1, MSG_OOB) != 1 || send(*from, "after", 5, 0) != 5)
		abort();
}

static void what_follows_urgent_data_arrives(void **state)
{
	struct timeval patience = {.tv_sec = 5};
	int i;

	for (i = 0; i < 2; i++) {
		int *from = i ? &far_end : &near_end, to;
		char got[12] = "";

		set_up(1);
		to = i ? near_end : far_end;
		assert_int_equal(setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
		assert_int_equal(loop_post(loop, send_urgent, from), 0);
		assert_int_equal(recv(to, got, 11, MSG_WAITALL), 11);
		assert_string_equal(got, "beforeafter");
		tear_down();
	}
}

static void send_and_end(void *arg)
{
	int *from = arg;

	if (send(*from, "answer", 6, 0) != 6 || shutdown(*from, SHUT_WR))
		abort();
}

/* Data and the FIN behind it, found together: both are passed on, and the other direction goes on. */
static void an_end_right_behind_data_passes(void **state)
{
	struct timeval patience = {.tv_sec = 5};
	int i;

	for (i = 0; i < 4; i++) {
		int *from = i & 1 ? &far_end : &near_end, to;
		char got[8] = "";

		set_up(i < 2);
		to = i & 1 ? near_end : far_end;
		assert_int_equal(setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
		assert_int_equal(setsockopt(*from, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
		assert_int_equal(loop_post(loop, send_and_end, from), 0);
		assert_int_equal(recv(to, got, sizeof(got), MSG_WAITALL), 6);
		assert_string_equal(got, "answer");
		assert_int_equal(send(to, "thanks", 6, 0), 6);
		assert_int_equal(recv(*from, got, 6, MSG_WAITALL), 6);
		assert_string_equal(got, "thanks");
		assert_int_equal(ended, 0);
		assert_int_equal(shutdown(to, SHUT_WR), 0);
		sem_wait(&over);
		assert_int_equal(result, 0);
		tear_down();
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_arrives),
		cmocka_unit_test(much_arrives_both_ways_with_slow_readers),
		cmocka_unit_test(bulk_and_trickle_take_turns),
		cmocka_unit_test(what_follows_urgent_data_arrives),
		cmocka_unit_test(an_end_right_behind_data_passes),
		cmocka_unit_test(half_close_passes_either_way_first),
		cmocka_unit_test(a_reset_passes_as_a_reset_either_way),
		cmocka_unit_test(it_can_be_aborted_at_every_stage),
		cmocka_unit_test(what_is_held_is_bounded),
		cmocka_unit_test(without_descriptors_for_pipes_it_copies),
		cmocka_unit_test(no_descriptor_is_left),
	};

	if (private_network()) {
		printf("1..0 # SKIP needs a network namespace of its own\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN); /* shard threads block it: splice has no MSG_NOSIGNAL */
	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
