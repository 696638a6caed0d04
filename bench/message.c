/* SPDX-License-Identifier: MIT
 * message.c - small messages: a connection each, many on open connections, one at a time, and idle flows
 *
 * Every message carries a number and every answer is compared with it, so that a tunnel that is fast by
 * mixing flows up is told from one that is fast.
 */
#include "bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One slot of a test that keeps several conversations going. */
struct slot {
	int fd;
	int sent;     /* the message of this round is out */
	uint64_t tag;
};

static uint64_t next_tag;

/* A message comes whole (the socket's low-water mark), so one send and one recv do. */
static void whole(int fd)
{
	int size = MESSAGE;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &size, sizeof(size)))
		die("SO_RCVLOWAT");
}

static void send_message(int fd, uint64_t tag)
{
	char message[MESSAGE] = {0};

	memcpy(message, &tag, sizeof(tag));
	if (send(fd, message, sizeof(message), 0) != MESSAGE)
		die("send of a message");
}

static void recv_message(int fd, uint64_t tag)
{
	char message[MESSAGE];
	ssize_t n = recv(fd, message, sizeof(message), 0);

	if (n < 0)
		die("recv of an answer");
	if (n != MESSAGE || memcmp(message, &tag, sizeof(tag)))
		fail("the answer is not the one to this message");
}

static void watch(int epoll, int op, struct slot *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (epoll_ctl(epoll, op, s->fd, &ev))
		die("epoll_ctl");
}

static void crr_start(const struct job *job, int epoll, struct slot *s, int port)
{
	s->fd = tcp_start(job, port);
	s->sent = 0;
	s->tag = ++next_tag;
	whole(s->fd);
	watch(epoll, EPOLL_CTL_ADD, s, EPOLLOUT);
}

/* One step of connect, message, answer. Returns 1 when the answer is in. */
static int crr_step(int epoll, struct slot *s)
{
	if (!s->sent) {
		send_message(s->fd, s->tag);
		s->sent = 1;
		watch(epoll, EPOLL_CTL_MOD, s, EPOLLIN);
		return 0;
	}
	recv_message(s->fd, s->tag);
	return 1;
}

void message_crr(const struct job *job)
{
	struct slot *slots = calloc((size_t)job->streams, sizeof(*slots));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t done = 0;
	struct window w;
	double seconds;

	if (!slots)
		die("calloc");
	for (int i = 0; i < job->streams; i++)
		crr_start(job, epoll, &slots[i], PORT_ANSWER + i % ANSWER_PORTS);
	window_init(&w, job);
	while (window_tick(&w, done)) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll, events, 64, 5);

		for (int i = 0; i < n; i++) {
			struct slot *s = events[i].data.ptr;

			if (!crr_step(epoll, s))
				continue;
			close(s->fd);
			done++;
			crr_start(job, epoll, s, PORT_ANSWER + (int)(done % ANSWER_PORTS));
		}
	}
	seconds = window_print(&w, "crr");
	printf(", \"per_second\": %.1f}\n", (double)(done - w.before) / seconds);
	free(slots);
}

/* Opens connections to port, a message and its answer on each, a hundred under way at a time; returns how many there
 * were before the time was up: a tunnel that searches a list for each would take minutes. */
static int slots_open(const struct job *job, int epoll, struct slot *slots, int port)
{
	double limit = now() + IDLE_SECONDS;
	int begun = 0, done = 0;

	while (done < job->streams && now() < limit) {
		struct epoll_event events[64];
		int n;

		while (begun < job->streams && begun - done < 100)
			crr_start(job, epoll, &slots[begun++], port);
		n = epoll_wait(epoll, events, 64, 1000);
		for (int i = 0; i < n; i++) {
			struct slot *s = events[i].data.ptr;

			done += crr_step(epoll, s);
		}
	}
	if (!done)
		fail("no flow could be opened");
	return done;
}

static void ask(struct slot *s)
{
	s->tag = ++next_tag;
	send_message(s->fd, s->tag);
}

/* `active` conversations at a time; after an answer it is the turn of the connection that has been quiet for longest. */
void message_rr(const struct job *job)
{
	struct slot *slots = calloc((size_t)job->streams, sizeof(*slots));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int active = job->active && job->active < job->streams ? job->active : job->streams;
	uint64_t done = 0, next = (uint64_t)active;
	struct window w;
	double seconds;

	if (!slots)
		die("calloc");
	if (slots_open(job, epoll, slots, PORT_ECHO) < job->streams)
		fail("the connections could not be opened in time");
	for (int i = 0; i < active; i++)
		ask(&slots[i]);
	window_init(&w, job);
	while (window_tick(&w, done)) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll, events, 64, 5);

		for (int i = 0; i < n; i++) {
			struct slot *s = events[i].data.ptr;

			recv_message(s->fd, s->tag);
			done++;
			/* With all of them active it is the same one's turn. */
			ask(active == job->streams ? s : &slots[next++ % (uint64_t)job->streams]);
		}
	}
	seconds = window_print(&w, "rr");
	printf(", \"per_second\": %.1f}\n", (double)(done - w.before) / seconds);
	free(slots);
}

void message_pp(const struct job *job)
{
	const size_t max = 1 << 21;
	uint32_t *nanos = calloc(max, sizeof(*nanos));
	struct job one = *job;
	size_t count = 0;
	struct window w;
	struct timeval patience = {.tv_sec = 5};
	int fd;

	if (!nanos)
		die("calloc");
	one.streams = 1;
	tcp_open(&one, PORT_ECHO, &fd);
	/* Blocking from here on: an event loop between the two would be part of the figure. */
	if (ioctl(fd, FIONBIO, &(int){0}) || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		die("socket options");
	whole(fd);
	window_init(&w, job);
	while (window_tick(&w, 0)) {
		double start = now();

		send_message(fd, ++next_tag);
		recv_message(fd, next_tag);
		if (w.begin != 0 && count < max)
			nanos[count++] = (uint32_t)((now() - start) * 1e9);
	}
	if (!count)
		fail("no answer came within the window");
	window_print(&w, "pp");
	printf(", \"count\": %zu", count);
	percentiles_print(nanos, count);
	printf("}\n");
	free(nanos);
}

/* Opens the flows and holds those that were opened in time. */
void message_idle(const struct job *job)
{
	struct slot *slots = calloc((size_t)job->streams, sizeof(*slots));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	double start = now();
	int done;

	if (!slots)
		die("calloc");
	done = slots_open(job, epoll, slots, PORT_ECHO);
	printf("{\"mode\": \"idle\", \"seconds\": %.3f, \"flows\": %d}\n", now() - start, done);
	fflush(stdout);
	while (read(0, &(char){0}, 1) > 0)
		;
	free(slots);
}
