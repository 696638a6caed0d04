/* SPDX-License-Identifier: MIT
 * serve.c - the servers, all in one thread and one epoll
 *
 * A connection has no state: what it does follows from the port it came in on, which travels in its epoll
 * entry. Messages are never longer than one send can take, since each peer has one outstanding.
 */
#include "bench/load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* What an epoll entry is; a connection carries the number of its port's service. */
enum { KIND_LISTENER = SERVICE_COUNT, KIND_UDP = 2 * SERVICE_COUNT };

static char block[BLOCK];
static char packets[BATCH][DATAGRAM_MAX];

static void watch(int epoll, int fd, unsigned kind, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = (uint64_t)kind << 32 | (uint32_t)fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
		die("epoll_ctl");
}

static void accept_all(int epoll, int listener, unsigned service)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(epoll, fd, service, service == PORT_SOURCE ? EPOLLOUT | EPOLLRDHUP : EPOLLIN);
	if (errno == EMFILE || errno == ENFILE)
		die("accept: raise the descriptor limit (ulimit -n)");
}

/* Each returns 0 when the connection is over. A few blocks per turn, so that streams share the thread. */
static int serve_sink(int fd, struct counts *counts)
{
	ssize_t n = 0;

	for (int i = 0; i < 4; i++) {
		n = recv(fd, block, sizeof(block), 0);
		if (n <= 0)
			break;
		counts->tcp_bytes += (uint64_t)n;
		if ((size_t)n < sizeof(block) / 4)
			return 1;
	}
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static int serve_source(int fd)
{
	ssize_t n = send(fd, block, sizeof(block), 0);

	return n > 0 || (n < 0 && errno == EAGAIN);
}

static int serve_message(int fd)
{
	ssize_t n = recv(fd, block, sizeof(block), 0);

	if (n < 0 && errno == EAGAIN)
		return 1;
	return n > 0 && send(fd, block, (size_t)n, 0) == n;
}

static void serve_connection(int fd, unsigned service, struct counts *counts)
{
	int more;

	if (service == PORT_SINK)
		more = serve_sink(fd, counts);
	else if (service == PORT_SOURCE)
		more = serve_source(fd);
	else
		more = serve_message(fd);
	if (!more)
		close(fd);
}

static void serve_udp(int fd, unsigned service, struct counts *counts)
{
	struct sockaddr_in from[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH];
	int n;

	memset(msgs, 0, sizeof(msgs));
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){packets[i], DATAGRAM_MAX};
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		msgs[i].msg_hdr.msg_name = &from[i];
		msgs[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	n = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return;
	if (service == PORT_SINK) {
		counts->udp_packets += (uint64_t)n;
		return;
	}
	for (int i = 0; i < n; i++)
		iov[i].iov_len = msgs[i].msg_len;
	sendmmsg(fd, msgs, (unsigned)n, 0);
}

static void listen_tcp(int epoll, const struct job *job, unsigned port, unsigned service)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = job->to;
	int one = 1, whole = MESSAGE;

	at.sin_port = htons((uint16_t)(ntohs(at.sin_port) + port));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		die("socket");
	/* A message comes whole or not yet. Inherited by the connections, as TCP_NODELAY is. */
	if (service >= PORT_ECHO && setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &whole, sizeof(whole)))
		die("SO_RCVLOWAT");
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4096))
		die("cannot listen");
	watch(epoll, fd, KIND_LISTENER + service, EPOLLIN);
}

static void listen_udp(int epoll, const struct job *job, unsigned service)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = job->to;
	int room = 4 << 20; /* the kernel caps it at net.core.rmem_max */

	at.sin_port = htons((uint16_t)(ntohs(at.sin_port) + service));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("cannot open the UDP server");
	watch(epoll, fd, KIND_UDP + service, EPOLLIN);
}

void serve(const struct job *job)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		die("epoll_create1");
	for (unsigned port = 0; port < PORT_COUNT; port++)
		listen_tcp(epoll, job, port, port < PORT_ANSWER ? port : PORT_ANSWER);
	listen_udp(epoll, job, PORT_SINK);
	listen_udp(epoll, job, PORT_ECHO);
	job->counts->ready = (uint64_t)getpid();
	for (;;) {
		struct epoll_event events[128];
		int n = epoll_wait(epoll, events, 128, -1);

		for (int i = 0; i < n; i++) {
			unsigned kind = (unsigned)(events[i].data.u64 >> 32);
			int fd = (int)(uint32_t)events[i].data.u64;

			if (kind >= KIND_UDP)
				serve_udp(fd, kind - KIND_UDP, job->counts);
			else if (kind >= KIND_LISTENER)
				accept_all(epoll, fd, kind - KIND_LISTENER);
			else
				serve_connection(fd, kind, job->counts);
		}
	}
}
