/* SPDX-License-Identifier: MIT
 * tests/lib/stackapp.c - applications in front of a stack: ordinary sockets, each with what it
 * expects
 */
#include "stackapp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static socklen_t destination(int family, struct sockaddr_storage *ss)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(STACKAPP_PORT);
		inet_pton(AF_INET, "203.0.113.7", &v4->sin_addr);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(STACKAPP_PORT);
	inet_pton(AF_INET6, "2001:db8:7::7", &v6->sin6_addr);
	return sizeof(*v6);
}

static int make_socket(int family, int type)
{
	struct timeval limit = {5, 0};
	int fd = socket(family == 4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static int make_connection(int family)
{
	struct sockaddr_storage to;
	socklen_t size = destination(family, &to);
	int fd = make_socket(family, SOCK_STREAM);

	if (connect(fd, (struct sockaddr *)&to, size) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The first thing that does not hold is what the test tells. */
static void note(struct stackapp *t, int holds, const char *what)
{
	if (holds || t->result)
		return;
	t->result = 1;
	t->what = what;
}

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 131 + (i >> 8) * 17 + (i >> 16));
}

static size_t bulk_up(int fd, size_t done)
{
	unsigned char out[65536];
	size_t i, size = STACKAPP_BULK - done < sizeof(out) ? STACKAPP_BULK - done : sizeof(out);
	ssize_t n;

	for (i = 0; i < size; i++)
		out[i] = pattern(done + i);
	n = send(fd, out, size, MSG_DONTWAIT);
	return n > 0 ? (size_t)n : 0;
}

/* Bytes read; -1 at the end. */
static ssize_t bulk_down(struct stackapp *t, int fd, size_t done)
{
	unsigned char in[65536];
	ssize_t i, n = recv(fd, in, sizeof(in), MSG_DONTWAIT);

	note(t, n >= 0 || errno == EAGAIN, "the connection lives");
	for (i = 0; i < n; i++)
		note(t, in[i] == pattern(done + (size_t)i), "every byte comes back as it was");
	return n == 0 ? -1 : n < 0 ? 0 : n;
}

void stackapp_bulk(void *arg)
{
	struct stackapp *t = arg;
	size_t up = 0, down = 0;
	ssize_t n = 0;
	int fd = make_connection(t->family);

	note(t, fd >= 0, "connect");
	while (!t->result && n >= 0) {
		struct pollfd p = {fd, (short)(POLLIN | (up < STACKAPP_BULK ? POLLOUT : 0)), 0};

		note(t, poll(&p, 1, 5000) == 1, "a direction moves within 5 s");
		if ((p.revents & POLLOUT) && up < STACKAPP_BULK) {
			up += bulk_up(fd, up);
			if (up == STACKAPP_BULK)
				shutdown(fd, SHUT_WR);
		}
		if (p.revents & (POLLIN | POLLHUP | POLLERR))
			n = bulk_down(t, fd, down);
		down += n > 0 && (p.revents & (POLLIN | POLLHUP | POLLERR)) ? (size_t)n : 0;
	}
	note(t, down == STACKAPP_BULK, "all bytes come back before the end");
	close(fd);
	usleep(50000);
}

void stackapp_reset(void *arg)
{
	struct stackapp *t = arg;
	struct linger linger = {1, 0};
	int fd = make_connection(t->family);
	char c = 'x';

	note(t, fd >= 0, "connect");
	note(t, send(fd, &c, 1, 0) == 1 && recv(fd, &c, 1, 0) == 1, "one byte there and back");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	usleep(50000);
}

void stackapp_is_reset(void *arg)
{
	struct stackapp *t = arg;
	int fd = make_connection(t->family);
	char c = 'x';

	note(t, fd >= 0, "connect");
	note(t, send(fd, &c, 1, 0) == 1, "send");
	note(t, recv(fd, &c, 1, 0) == -1 && errno == ECONNRESET, "an abort is a reset");
	close(fd);
}

void stackapp_is_closed(void *arg)
{
	struct stackapp *t = arg;
	int fd = make_connection(t->family);
	char c = 'x';

	note(t, fd >= 0, "connect");
	note(t, send(fd, &c, 1, 0) == 1, "send");
	note(t, recv(fd, &c, 1, 0) == 0, "a close is an end in good order");
	note(t, send(fd, &c, 1, MSG_NOSIGNAL) == 1, "the other direction is open still");
	close(fd);
	usleep(50000);
}

void stackapp_many(void *arg)
{
	struct stackapp *t = arg;
	int fds[STACKAPP_AT_ONCE];
	unsigned round, i;
	uint32_t tag, back;

	for (round = 0; round < STACKAPP_MANY / STACKAPP_AT_ONCE && !t->result; round++) {
		for (i = 0; i < STACKAPP_AT_ONCE; i++) {
			tag = round * STACKAPP_AT_ONCE + i;
			fds[i] = make_connection(t->family);
			note(t, fds[i] >= 0, "connect");
			note(t, send(fds[i], &tag, sizeof(tag), MSG_NOSIGNAL) == sizeof(tag),
			     "send");
		}
		for (i = 0; i < STACKAPP_AT_ONCE; i++) {
			back = ~0u;
			note(t, recv(fds[i], &back, sizeof(back), MSG_WAITALL) == sizeof(back),
			     "receive");
			note(t, back == round * STACKAPP_AT_ONCE + i,
			     "a connection's bytes are its own");
			close(fds[i]);
		}
	}
	usleep(100000);
}

void stackapp_datagrams(void *arg)
{
	struct stackapp *t = arg;
	struct sockaddr_storage to;
	socklen_t size = destination(t->family, &to);
	int fd = make_socket(t->family, SOCK_DGRAM), i;
	char out[1400], in[2000];

	note(t, connect(fd, (struct sockaddr *)&to, size) == 0, "connect");
	for (i = 0; i < 20; i++) {
		memset(out, 'a' + i, sizeof(out));
		note(t, send(fd, out, (size_t)(70 * i), 0) == 70 * i, "send");
		note(t, recv(fd, in, sizeof(in), 0) == 70 * i, "a datagram comes back whole");
		note(t, memcmp(in, out, (size_t)(70 * i)) == 0, "a datagram comes back as it was");
	}
	close(fd);
}

void stackapp_echoes(void *arg)
{
	struct stackapp *t = arg;
	int status = system(
	        t->family == 4 ? "ping -n -q -c 2 -i 0.2 -W 2 -p 5a 203.0.113.7 >/dev/null"
	                       : "ping -6 -n -q -c 2 -i 0.2 -W 2 -p 5a 2001:db8:7::7 >/dev/null");

	note(t, WIFEXITED(status) && WEXITSTATUS(status) == 0, "echo requests are answered");
}

static unsigned listener_port(void)
{
	FILE *f = popen("ss -Hltn4", "r");
	char line[256], local[128];
	unsigned port = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %127s", local) == 1 && strrchr(local, ':'))
			port = (unsigned)atoi(strrchr(local, ':') + 1);
	if (f)
		pclose(f);
	return port;
}

void stackapp_stranger(void *arg)
{
	struct stackapp *t = arg;
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = make_socket(4, SOCK_STREAM);
	unsigned port = listener_port();
	char c;

	note(t, port != 0, "the listener is found");
	to.sin_port = htons((uint16_t)port);
	inet_pton(AF_INET, "198.18.0.1", &to.sin_addr);
	note(t, connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0,
	     "the kernel takes a stranger's connection");
	note(t, recv(fd, &c, 1, 0) == -1 && errno == ECONNRESET, "a stranger is reset at once");
	close(fd);
}

enum { STARVING = 4 };

/* Connects while every number below the limit is taken; old gets the limit to be set again. */
static void starve(struct stackapp *t, int fds[STARVING], struct rlimit *old)
{
	struct rlimit tight;
	struct sockaddr_storage to;
	socklen_t size = destination(t->family, &to);
	int i, lowest;

	for (i = 0; i < STARVING; i++)
		fds[i] = make_socket(t->family, SOCK_STREAM);
	getrlimit(RLIMIT_NOFILE, old);
	tight = *old;
	lowest = dup(fds[0]);
	close(lowest);
	tight.rlim_cur = (rlim_t)lowest;
	setrlimit(RLIMIT_NOFILE, &tight);
	for (i = 0; i < STARVING; i++)
		note(t, connect(fds[i], (struct sockaddr *)&to, size) == 0,
		     "the backlog takes a connection");
}

void stackapp_starve(void *arg)
{
	struct stackapp *t = arg;
	struct rlimit old;
	int fds[STARVING], i;
	char c = 'x';

	starve(t, fds, &old);
	usleep(300000);
	setrlimit(RLIMIT_NOFILE, &old);
	for (i = 0; i < STARVING; i++) {
		note(t, send(fds[i], &c, 1, 0) == 1, "send");
		note(t, recv(fds[i], &c, 1, 0) == 1, "a connection that waited is served");
		close(fds[i]);
	}
}

void stackapp_starve_long(void *arg)
{
	struct stackapp *t = arg;
	struct rlimit old;
	int fds[STARVING], i, fd;
	char c = 'x';

	starve(t, fds, &old);
	usleep(5500000);
	for (i = 0; i < STARVING; i++) {
		note(t, recv(fds[i], &c, 1, MSG_DONTWAIT) == -1 && errno == ECONNRESET,
		     "nobody waits for ever");
		close(fds[i]);
	}
	setrlimit(RLIMIT_NOFILE, &old);
	fd = make_connection(t->family);
	note(t, send(fd, &c, 1, 0) == 1 && recv(fd, &c, 1, 0) == 1, "the next one is served");
	close(fd);
}

void stackapp_unwanted(void *arg)
{
	struct stackapp *t = arg;
	int fd = make_connection(t->family);
	char c;

	note(t, fd >= 0 || errno == ECONNRESET, "the kernel takes the connection");
	if (fd < 0)
		return;
	note(t, recv(fd, &c, 1, 0) == -1 && errno == ECONNRESET, "a flow that is gone is a reset");
	close(fd);
}
