/* SPDX-License-Identifier: MIT
 * loop/loop.c - the event loop; the only user of libev
 *
 * A turn is: sleep, take the time once, call watchers and timers, then (before the next sleep) what was
 * deferred. Deferred work that defers more is run in the same turn for a bounded number of rounds.
 */
#include "loop/loop.h"

#include <ev.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/edge.h"
#include "loop/pool.h"
#include "os/os.h"

struct call {
	adit_fn fn;
	void *arg;
};

struct calls {
	struct call *v;
	size_t count, room;
};

enum {
	SPARE = 4, /* descriptors that a loop opens, at most */
	DEFER_ROUNDS = 8,
	LAST_ROUNDS = 64, /* of what is posted and deferred while the loop ends */
	CALLS_MOST = 1 << 20,
	TURNS_SEEN = 16 /* one turn of so many is timed */
};

struct adit_loop {
	struct ev_loop *ev;
	uint64_t now;
	void *owner;
	uint32_t turn;
	struct histogram turns;
	ev_prepare prepare;
	ev_check check;
	ev_idle busy; /* runs while deferred work is left over: the loop must not sleep */
	ev_async wake;
	ev_io edge; /* watches the set */
	struct edge_set *edges;
	struct calls deferred;
	atomic_int running; /* somebody is inside loop_run: [loop] functions are that thread's alone */
	pthread_mutex_t lock; /* guards posted, stop and ended */
	struct calls posted;
	int stop;
	int ended;
};

struct io {
	ev_io ev; /* its data is the loop, null once done with */
	adit_fn fn;
	void *arg;
	uint32_t ready;
};

struct timer {
	ev_timer ev;
	adit_loop *loop;
	adit_fn fn;
	void *arg;
};

_Static_assert(sizeof(struct io) <= sizeof(struct adit_io), "adit_io is too small");
_Static_assert(sizeof(struct timer) <= sizeof(struct adit_timer), "adit_timer is too small");

static _Thread_local const adit_loop *here;

int32_t loop_here(const adit_loop *l)
{
	return here == l;
}

static adit_result calls_add(struct calls *c, adit_fn fn, void *arg)
{
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 64;
		struct call *v;

		if (room > CALLS_MOST)
			return ADIT_ENOMEM; /* the code that adit/loop.h names for defer and post */
		v = realloc(c->v, room * sizeof(*v));
		if (!v)
			return ADIT_ENOMEM;
		c->v = v;
		c->room = room;
	}
	c->v[c->count].fn = fn;
	c->v[c->count++].arg = arg;
	return ADIT_OK;
}

/* Calls what is in c now; what the calls add is kept for the next time. */
static void calls_run(struct calls *c)
{
	size_t i, n = c->count;

	for (i = 0; i < n; i++) {
		struct call one = c->v[i];

		one.fn(one.arg);
	}
	c->count -= n;
	if (c->count)
		memmove(c->v, c->v + n, c->count * sizeof(*c->v));
}

static void on_check(struct ev_loop *ev, ev_check *w, int events)
{
	adit_loop *l = w->data;

	l->now = os_now();
	l->turn++;
}

static void on_prepare(struct ev_loop *ev, ev_prepare *w, int events)
{
	adit_loop *l = w->data;
	unsigned round;

	for (round = 0; l->deferred.count && round < DEFER_ROUNDS; round++)
		calls_run(&l->deferred);
	if (l->deferred.count)
		ev_idle_start(l->ev, &l->busy);
	else
		ev_idle_stop(l->ev, &l->busy);
	if (l->turn % TURNS_SEEN == 1)
		histogram_add(&l->turns, os_now() - l->now);
}

static void on_busy(struct ev_loop *ev, ev_idle *w, int events)
{
}

static void on_wake(struct ev_loop *ev, ev_async *w, int events)
{
	adit_loop *l = w->data;
	struct calls mine;
	int stop;

	pthread_mutex_lock(&l->lock);
	mine = l->posted;
	memset(&l->posted, 0, sizeof(l->posted));
	stop = l->stop;
	pthread_mutex_unlock(&l->lock);
	calls_run(&mine);
	free(mine.v);
	if (stop)
		ev_break(l->ev, EVBREAK_ALL);
}

static void on_edge(struct ev_loop *ev, ev_io *w, int events)
{
	edge_set_turn(((adit_loop *)w->data)->edges);
}

struct edge_set *loop_edges(adit_loop *l)
{
	return l->edges;
}

/* libev ends the process when it cannot have its descriptors: whether they are to be had is tried before. */
static int descriptors_left(void)
{
	int fds[SPARE], n = 0, enough;

	while (n < SPARE && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	enough = n == SPARE;
	while (n)
		close(fds[--n]);
	return enough;
}

adit_result loop_new(adit_loop **out)
{
	adit_loop *l;

	if (!descriptors_left())
		return ADIT_ELIMIT;
	l = calloc(1, sizeof(*l));
	if (!l)
		return ADIT_ENOMEM;
	l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!l->ev)
		l->ev = ev_loop_new(EVFLAG_NOENV);
	if (!l->ev) {
		free(l);
		return ADIT_EIO;
	}
	if (edge_set_new(&l->edges) != ADIT_OK) {
		ev_loop_destroy(l->ev);
		free(l);
		return ADIT_ELIMIT;
	}
	pthread_mutex_init(&l->lock, NULL);
	l->now = os_now();
	ev_prepare_init(&l->prepare, on_prepare);
	ev_check_init(&l->check, on_check);
	ev_idle_init(&l->busy, on_busy);
	ev_async_init(&l->wake, on_wake);
	ev_io_init(&l->edge, on_edge, edge_set_fd(l->edges), EV_READ);
	l->edge.data = l;
	l->prepare.data = l->check.data = l->busy.data = l->wake.data = l;
	ev_set_priority(&l->check, EV_MAXPRI); /* the time is taken before anything else runs */
	ev_prepare_start(l->ev, &l->prepare);
	ev_check_start(l->ev, &l->check);
	ev_async_start(l->ev, &l->wake);
	ev_io_start(l->ev, &l->edge);
	*out = l;
	return ADIT_OK;
}

void loop_free(adit_loop *l)
{
	if (!l)
		return;
	ev_loop_destroy(l->ev);
	edge_set_free(l->edges);
	pthread_mutex_destroy(&l->lock);
	free(l->deferred.v);
	free(l->posted.v);
	free(l);
}

/* What was posted or deferred up to the end still runs: whoever got ADIT_OK counts on it. Unless the loop goes on living on
 * this thread (loop_adopt), nothing is taken any more from then on. */
static void run_the_rest(adit_loop *l, int adopted)
{
	unsigned round;
	int over = 0;

	for (round = 0; !over; round++) {
		on_wake(l->ev, &l->wake, 0);
		calls_run(&l->deferred);
		pthread_mutex_lock(&l->lock);
		l->stop = 0;
		over = (!l->posted.count && !l->deferred.count) || round == LAST_ROUNDS;
		l->ended = over && !adopted;
		pthread_mutex_unlock(&l->lock);
	}
}

void loop_adopt(adit_loop *l)
{
	here = l;
}

void loop_run(adit_loop *l)
{
	const adit_loop *before = here;

	here = l;
	pthread_mutex_lock(&l->lock);
	l->ended = 0;
	pthread_mutex_unlock(&l->lock);
	atomic_store(&l->running, 1);
	l->now = os_now();
	ev_now_update(l->ev);
	ev_run(l->ev, 0);
	run_the_rest(l, before == l);
	atomic_store(&l->running, 0);
	here = before;
}

void loop_stop(adit_loop *l)
{
	pthread_mutex_lock(&l->lock);
	l->stop = 1;
	pthread_mutex_unlock(&l->lock);
	ev_async_send(l->ev, &l->wake);
}

void loop_set_owner(adit_loop *l, void *owner)
{
	l->owner = owner;
}

void *loop_owner(const adit_loop *l)
{
	return l->owner;
}

const struct histogram *loop_turns(const adit_loop *l)
{
	return &l->turns;
}

uint64_t loop_now(adit_loop *l)
{
	return l->now;
}

adit_result loop_defer(adit_loop *l, adit_fn fn, void *arg)
{
	return calls_add(&l->deferred, fn, arg);
}

adit_result loop_post(adit_loop *l, adit_fn fn, void *arg)
{
	adit_result r;

	pthread_mutex_lock(&l->lock);
	r = l->ended ? ADIT_EGONE : calls_add(&l->posted, fn, arg);
	pthread_mutex_unlock(&l->lock);
	if (r == ADIT_OK)
		ev_async_send(l->ev, &l->wake);
	return r;
}

/* ---- watchers ---- */

static adit_loop *io_loop(const struct io *io)
{
	return io->ev.data;
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	struct io *io = (struct io *)w;

	io->ready = (uint32_t)((events & EV_READ ? ADIT_IO_READ : 0) | (events & EV_WRITE ? ADIT_IO_WRITE : 0));
	if (events & EV_ERROR)
		io->ready = ADIT_IO_READ | ADIT_IO_WRITE;
	io->fn(io->arg);
}

void loop_io_init(adit_io *handle, adit_loop *l, int fd, adit_fn fn, void *arg)
{
	struct io *io = (struct io *)handle;

	memset(io, 0, sizeof(*io));
	ev_io_init(&io->ev, on_io, fd, 0);
	io->ev.data = l;
	io->fn = fn;
	io->arg = arg;
}

void loop_io_want(adit_io *handle, uint32_t mask)
{
	struct io *io = (struct io *)handle;
	int events = (mask & ADIT_IO_READ ? EV_READ : 0) | (mask & ADIT_IO_WRITE ? EV_WRITE : 0);

	if (ev_is_active(&io->ev)) {
		if ((io->ev.events & (EV_READ | EV_WRITE)) == events)
			return;
		ev_io_stop(io_loop(io)->ev, &io->ev);
		if (!events)
			return;
		ev_io_modify(&io->ev, events);
	} else {
		if (!events)
			return;
		ev_io_set(&io->ev, io->ev.fd, events);
	}
	ev_io_start(io_loop(io)->ev, &io->ev);
}

uint32_t loop_io_ready(const adit_io *handle)
{
	return ((const struct io *)handle)->ready;
}

void loop_io_fini(adit_io *handle)
{
	struct io *io = (struct io *)handle;

	if (io->ev.data)
		ev_io_stop(io_loop(io)->ev, &io->ev);
	io->ev.data = NULL;
}

/* ---- timers ---- */

static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
	struct timer *t = (struct timer *)w;

	t->fn(t->arg);
}

void loop_timer_init(adit_timer *handle, adit_loop *l, adit_fn fn, void *arg)
{
	struct timer *t = (struct timer *)handle;

	memset(t, 0, sizeof(*t));
	ev_init(&t->ev, on_timer);
	t->loop = l;
	t->fn = fn;
	t->arg = arg;
}

void loop_timer_set(adit_timer *handle, uint64_t after, uint64_t every)
{
	struct timer *t = (struct timer *)handle;

	ev_timer_stop(t->loop->ev, &t->ev);
	if (!after && !every)
		return;
	if (!atomic_load(&t->loop->running))
		ev_now_update(t->loop->ev); /* or "after" would count from when the loop was made */
	ev_timer_set(&t->ev, (double)after / (double)OS_SECOND, (double)every / (double)OS_SECOND);
	ev_timer_start(t->loop->ev, &t->ev);
}

void loop_timer_fini(adit_timer *handle)
{
	struct timer *t = (struct timer *)handle;

	if (t->loop)
		ev_timer_stop(t->loop->ev, &t->ev);
	t->loop = NULL;
}

/* ---- the SDK's table: the same with a thread check and storage of its own ---- */

/* Before the loop runs its making thread may set things up, and clear up after it; in between only the loop's own. */
static int wrong_thread(adit_loop *l)
{
	return here != l && atomic_load(&l->running);
}

static adit_result api_timer(adit_loop *l, adit_fn fn, void *arg, adit_timer **out)
{
	adit_timer *t;

	if (wrong_thread(l))
		return ADIT_ETHREAD;
	t = malloc(sizeof(*t));
	if (!t)
		return ADIT_ENOMEM;
	loop_timer_init(t, l, fn, arg);
	*out = t;
	return ADIT_OK;
}

static void api_timer_set(adit_timer *t, uint64_t after, uint64_t every)
{
	if (!wrong_thread(((struct timer *)t)->loop))
		loop_timer_set(t, after, every);
}

static void api_timer_free(adit_timer *t)
{
	if (!t || wrong_thread(((struct timer *)t)->loop))
		return;
	loop_timer_fini(t);
	free(t);
}

static adit_result api_io(adit_loop *l, intptr_t fd, adit_fn fn, void *arg, adit_io **out)
{
	adit_io *io;

	if (wrong_thread(l))
		return ADIT_ETHREAD;
	if (fd < 0 || fd > INT32_MAX || fcntl((int)fd, F_GETFD) < 0)
		return ADIT_EINVAL;
	io = malloc(sizeof(*io));
	if (!io)
		return ADIT_ENOMEM;
	loop_io_init(io, l, (int)fd, fn, arg);
	*out = io;
	return ADIT_OK;
}

static void api_io_want(adit_io *io, uint32_t mask)
{
	if (!wrong_thread(((struct io *)io)->ev.data))
		loop_io_want(io, mask);
}

static void api_io_free(adit_io *io)
{
	if (!io || wrong_thread(((struct io *)io)->ev.data))
		return;
	loop_io_fini(io);
	free(io);
}

static adit_result api_defer(adit_loop *l, adit_fn fn, void *arg)
{
	return here == l ? loop_defer(l, fn, arg) : ADIT_ETHREAD;
}

static adit_result api_pool(adit_loop *l, adit_fn work, adit_fn done, void *arg)
{
	return here == l ? pool_run(l, work, done, arg) : ADIT_ETHREAD;
}

const adit_loop_1 loop_table = {
	.size = sizeof(loop_table),
	.now = loop_now,
	.timer = api_timer,
	.timer_set = api_timer_set,
	.timer_free = api_timer_free,
	.io = api_io,
	.io_want = api_io_want,
	.io_ready = loop_io_ready,
	.io_free = api_io_free,
	.defer = api_defer,
	.post = loop_post,
	.pool = api_pool,
	.on_loop = loop_here,
};
