/* SPDX-License-Identifier: MIT
 * loop/edge.c - sockets that are watched by edges
 *
 * An epoll set of its own, which the loop watches as one descriptor. libev watches by level alone: a relay between two
 * sockets costs it two more system calls a connection, and a table that has a place for every descriptor number.
 */
#include "loop/edge.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { TURN = 64 };

struct edge_set {
	int fd;
	int at, count; /* of what is being told */
	uint32_t ready; /* of the one that is being told */
	struct epoll_event events[TURN];
};

struct edge {
	struct edge_set *set; /* null: not watched */
	adit_fn fn;
	void *arg;
};

_Static_assert(sizeof(struct edge) <= sizeof(struct loop_edge), "loop_edge is too small");

adit_result edge_set_new(struct edge_set **out)
{
	struct edge_set *s = calloc(1, sizeof(*s));

	if (!s)
		return ADIT_ENOMEM;
	s->fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->fd < 0) {
		free(s);
		return errno == ENOMEM ? ADIT_ENOMEM : ADIT_ELIMIT;
	}
	*out = s;
	return ADIT_OK;
}

void edge_set_free(struct edge_set *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s);
}

int edge_set_fd(const struct edge_set *s)
{
	return s->fd;
}

static uint32_t ready_of(uint32_t events)
{
	return (events & EPOLLIN ? LOOP_READ : 0u) | (events & EPOLLOUT ? LOOP_WRITE : 0u) |
	       (events & (EPOLLRDHUP | EPOLLHUP) ? LOOP_PEER_DONE | LOOP_READ : 0u) |
	       (events & EPOLLPRI ? LOOP_URGENT : 0u) | (events & EPOLLERR ? LOOP_ERROR | LOOP_READ | LOOP_WRITE : 0u);
}

void edge_set_turn(struct edge_set *s)
{
	int n = epoll_wait(s->fd, s->events, TURN, 0);

	if (n <= 0)
		return;
	s->count = n;
	for (s->at = 0; s->at < s->count; s->at++) {
		struct edge *e = s->events[s->at].data.ptr;

		if (!e)
			continue; /* ended by one that came before it */
		s->ready = ready_of(s->events[s->at].events);
		e->fn(e->arg);
	}
	s->count = 0;
}

adit_result loop_edge_init(struct loop_edge *handle, adit_loop *l, int fd, adit_fn fn, void *arg)
{
	struct edge *e = (struct edge *)handle;
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET, .data.ptr = e};

	e->set = loop_edges(l);
	e->fn = fn;
	e->arg = arg;
	if (epoll_ctl(e->set->fd, EPOLL_CTL_ADD, fd, &ev)) {
		e->set = NULL;
		return errno == ENOMEM ? ADIT_ENOMEM : ADIT_ELIMIT;
	}
	return ADIT_OK;
}

uint32_t loop_edge_ready(const struct loop_edge *handle)
{
	const struct edge *e = (const struct edge *)handle;

	return e->set ? e->set->ready : 0;
}

void loop_edge_fini(struct loop_edge *handle)
{
	struct edge *e = (struct edge *)handle;
	int i;

	if (!e->set)
		return;
	/* The kernel forgets the descriptor when it is closed; what it has told already must not be passed on. */
	for (i = e->set->at + 1; i < e->set->count; i++)
		if (e->set->events[i].data.ptr == e)
			e->set->events[i].data.ptr = NULL;
	e->set = NULL;
}

void loop_edge_leave(struct loop_edge *handle, int fd)
{
	struct edge *e = (struct edge *)handle;

	if (e->set)
		epoll_ctl(e->set->fd, EPOLL_CTL_DEL, fd, NULL);
	loop_edge_fini(handle);
}
