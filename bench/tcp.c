/* SPDX-License-Identifier: MIT
 * tcp.c - opening connections, and bulk streams up and down
 *
 * Up is counted where it arrives, in the server's counter; down where it arrives, here.
 */
#include "bench/load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char block[BLOCK];

int tcp_start(const struct job *job, int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = job->to;
	int one = 1;

	to.sin_port = htons((uint16_t)(ntohs(to.sin_port) + port));
	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		die("connect");
	return fd;
}

void tcp_open(const struct job *job, int port, int *fds)
{
	double end = now() + CONNECT_MS / 1e3;

	for (int i = 0; i < job->streams; i++)
		fds[i] = tcp_start(job, port);
	for (int i = 0; i < job->streams; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLOUT};
		int left = (int)((end - now()) * 1e3);
		socklen_t size = sizeof(errno);

		if (poll(&p, 1, left > 0 ? left : 0) != 1)
			fail("the server did not answer the connect in time");
		if (getsockopt(fds[i], SOL_SOCKET, SO_ERROR, &errno, &size) || errno)
			die("connect");
	}
}

static int watch_all(const struct job *job, const int *fds, uint32_t events)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	for (int i = 0; i < job->streams; i++) {
		struct epoll_event ev = {.events = events, .data.fd = fds[i]};

		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &ev))
			die("epoll_ctl");
	}
	return epoll;
}

static void result(const struct window *w, const char *mode, uint64_t after)
{
	double seconds = window_print(w, mode);
	double bytes = (double)(after - w->before);

	printf(", \"bytes\": %.0f, \"gbit\": %.4f}\n", bytes, bytes * 8 / seconds / 1e9);
}

void tcp_up(const struct job *job)
{
	int *fds = calloc((size_t)job->streams, sizeof(*fds));
	struct window w;
	int epoll;

	if (!fds)
		die("calloc");
	tcp_open(job, PORT_SINK, fds);
	epoll = watch_all(job, fds, EPOLLOUT);
	window_init(&w, job);
	while (window_tick(&w, job->counts->tcp_bytes)) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll, events, 64, 5);

		for (int i = 0; i < n; i++) {
			if (send(events[i].data.fd, block, sizeof(block), 0) < 0 && errno != EAGAIN)
				die("send");
		}
	}
	result(&w, "up", job->counts->tcp_bytes);
	free(fds);
}

void tcp_down(const struct job *job)
{
	int *fds = calloc((size_t)job->streams, sizeof(*fds));
	uint64_t bytes = 0;
	struct window w;
	int epoll;

	if (!fds)
		die("calloc");
	tcp_open(job, PORT_SOURCE, fds);
	epoll = watch_all(job, fds, EPOLLIN);
	window_init(&w, job);
	while (window_tick(&w, bytes)) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll, events, 64, 5);

		for (int i = 0; i < n; i++) {
			ssize_t got = recv(events[i].data.fd, block, sizeof(block), 0);

			if (got == 0)
				fail("the server's stream ended early");
			if (got < 0 && errno != EAGAIN)
				die("recv");
			bytes += got > 0 ? (uint64_t)got : 0;
		}
	}
	result(&w, "down", bytes);
	free(fds);
}
