/* SPDX-License-Identifier: MIT
 * tests/lib/fakehost-loop.c - adit.loop/1 over poll(), in the calling thread
 */
#include "tests/lib/fakehost-inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

uint64_t fakehost_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t ADIT_CALL loop_now(adit_loop *l)
{
	return fakehost_now();
}

static adit_result ADIT_CALL loop_timer(adit_loop *l, adit_fn fn, void *arg, adit_timer **out)
{
	adit_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return ADIT_ENOMEM;
	t->fn = fn;
	t->arg = arg;
	t->next = l->timers;
	l->timers = t;
	*out = t;
	return 0;
}

static void ADIT_CALL loop_timer_set(adit_timer *t, uint64_t after, uint64_t every)
{
	t->at = after || every ? fakehost_now() + (after ? after : every) : 0;
	t->every = every;
}

static void ADIT_CALL loop_timer_free(adit_timer *t)
{
	if (!t)
		return;
	t->at = 0;
	t->dead = 1;
}

static adit_result ADIT_CALL loop_io(adit_loop *l, intptr_t fd, adit_fn fn, void *arg,
                                     adit_io **out)
{
	adit_io *io = calloc(1, sizeof(*io));

	if (!io)
		return ADIT_ENOMEM;
	io->fd = (int)fd;
	io->fn = fn;
	io->arg = arg;
	io->next = l->ios;
	l->ios = io;
	*out = io;
	return 0;
}

static void ADIT_CALL loop_io_want(adit_io *io, uint32_t mask)
{
	io->want = mask;
}

static uint32_t ADIT_CALL loop_io_ready(const adit_io *io)
{
	return io->ready;
}

static void ADIT_CALL loop_io_free(adit_io *io)
{
	if (!io)
		return;
	io->want = 0;
	io->dead = 1;
}

static adit_result ADIT_CALL loop_defer(adit_loop *l, adit_fn fn, void *arg)
{
	if (l->n_calls == FAKE_CALLS)
		return ADIT_ELIMIT;
	l->calls[l->n_calls].fn = fn;
	l->calls[l->n_calls++].arg = arg;
	return 0;
}

static adit_result ADIT_CALL loop_post(adit_loop *l, adit_fn fn, void *arg)
{
	adit_result result = ADIT_ELIMIT;

	pthread_mutex_lock(&l->lock);
	if (l->n_posts < FAKE_CALLS) {
		l->posts[l->n_posts].fn = fn;
		l->posts[l->n_posts++].arg = arg;
		result = 0;
	}
	pthread_mutex_unlock(&l->lock);
	if (!result && write(l->wake[1], "", 1) < 0 && errno != EAGAIN)
		return ADIT_EIO;
	return result;
}

/* The work is done at once, in this thread; what is done with it follows at the end of the turn. */
static adit_result ADIT_CALL loop_pool(adit_loop *l, adit_fn work, adit_fn done, void *arg)
{
	adit_result result = loop_defer(l, done, arg);

	if (!result)
		work(arg);
	return result;
}

static int32_t ADIT_CALL loop_on_loop(const adit_loop *l)
{
	return pthread_equal(pthread_self(), l->thread);
}

static const adit_loop_1 loop_table = {
	sizeof(adit_loop_1), 0,         loop_now,     loop_timer,    loop_timer_set,
	loop_timer_free,     loop_io,   loop_io_want, loop_io_ready, loop_io_free,
	loop_defer,          loop_post, loop_pool,    loop_on_loop,
};

void fakehost_loop_init(struct fakehost *f)
{
	pthread_mutex_init(&f->loop.lock, NULL);
	f->loop.thread = pthread_self();
	if (pipe2(f->loop.wake, O_CLOEXEC | O_NONBLOCK))
		abort();
	fakehost_offer(f, ADIT_LOOP_1, &loop_table);
}

void fakehost_loop_fini(struct fakehost *f)
{
	adit_io *io, *next_io;
	adit_timer *t, *next_timer;

	for (io = f->loop.ios; io; io = next_io) {
		next_io = io->next;
		free(io);
	}
	for (t = f->loop.timers; t; t = next_timer) {
		next_timer = t->next;
		free(t);
	}
	close(f->loop.wake[0]);
	close(f->loop.wake[1]);
}

/* Frees what was given up, between turns. */
static void sweep(adit_loop *l)
{
	adit_io **io = &l->ios;
	adit_timer **t = &l->timers;

	while (*io) {
		adit_io *dead = *io;

		if (dead->dead) {
			*io = dead->next;
			free(dead);
		} else {
			io = &dead->next;
		}
	}
	while (*t) {
		adit_timer *dead = *t;

		if (dead->dead) {
			*t = dead->next;
			free(dead);
		} else {
			t = &dead->next;
		}
	}
}

static void run_posts(adit_loop *l)
{
	struct fake_call calls[FAKE_CALLS];
	uint32_t i, n;
	char drain[64];

	while (read(l->wake[0], drain, sizeof(drain)) > 0)
		;
	pthread_mutex_lock(&l->lock);
	n = l->n_posts;
	for (i = 0; i < n; i++)
		calls[i] = l->posts[i];
	l->n_posts = 0;
	pthread_mutex_unlock(&l->lock);
	for (i = 0; i < n; i++)
		calls[i].fn(calls[i].arg);
}

/* What was deferred so far; what these defer is for the next round. */
static void run_calls(adit_loop *l)
{
	struct fake_call calls[FAKE_CALLS];
	uint32_t i, n = l->n_calls;

	for (i = 0; i < n; i++)
		calls[i] = l->calls[i];
	l->n_calls = 0;
	for (i = 0; i < n; i++)
		calls[i].fn(calls[i].arg);
}

static uint64_t run_timers(adit_loop *l, uint64_t until)
{
	uint64_t now = fakehost_now();
	adit_timer *t;

	for (t = l->timers; t; t = t->next) {
		if (t->at && t->at <= now) {
			t->at = t->every ? now + t->every : 0;
			l->turns++;
			t->fn(t->arg);
		}
		if (t->at && t->at < until)
			until = t->at;
	}
	return until;
}

static void turn(adit_loop *l, uint64_t until)
{
	struct pollfd p[FAKE_IOS + 1];
	adit_io *at[FAKE_IOS + 1];
	adit_io *io;
	uint64_t now, wake = run_timers(l, until);
	int i, n = 1;

	p[0].fd = l->wake[0];
	p[0].events = POLLIN;
	for (io = l->ios; io; io = io->next) {
		/* As with libev: a descriptor of which nothing is wanted is not watched at all. */
		if (!io->want || n > FAKE_IOS)
			continue;
		p[n].fd = io->fd;
		p[n].events = (short)((io->want & ADIT_IO_READ ? POLLIN : 0) |
		                      (io->want & ADIT_IO_WRITE ? POLLOUT : 0));
		at[n++] = io;
	}
	now = fakehost_now();
	i = l->n_calls || wake <= now ? 0 : (int)((wake - now + 999999) / 1000000);
	if (poll(p, (nfds_t)n, i) > 0)
		l->turns++;
	if (p[0].revents)
		run_posts(l);
	for (i = 1; i < n; i++) {
		io = at[i];
		if (!p[i].revents || io->dead)
			continue;
		io->ready = (p[i].revents & (POLLIN | POLLERR | POLLHUP) ? ADIT_IO_READ : 0u) |
		            (p[i].revents & (POLLOUT | POLLERR | POLLHUP) ? ADIT_IO_WRITE : 0u);
		io->ready &= io->want;
		if (io->ready)
			io->fn(io->arg);
	}
	run_calls(l);
	sweep(l);
}

int fakehost_run(struct fakehost *f, uint32_t ms, int (*done)(void *arg), void *arg)
{
	uint64_t until = fakehost_now() + (uint64_t)ms * 1000000u;

	while (!(done && done(arg))) {
		if (fakehost_now() >= until)
			return 0;
		turn(&f->loop, until);
	}
	return 1;
}

uint64_t fakehost_turns(const struct fakehost *f)
{
	return f->loop.turns;
}
