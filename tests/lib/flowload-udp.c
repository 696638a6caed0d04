/* SPDX-License-Identifier: MIT
 * flowload-udp.c - tagged datagrams that a server sends back
 *
 * Every datagram names its flow and its number and is tagged to its end. The server answers from
 * the address that was asked. Replies are counted as back, doubled, reordered, damaged or crossed.
 */
#include "flowload.h"
#include "tag.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { DATAGRAM_MAX = 65507, QUIET_MS = 700, ROOM = 4 << 20 };

struct lead {
	uint32_t flow, number;
};

struct talk {
	int fd;
	uint32_t last; /* highest number that came back, from 1 */
	uint8_t *seen;
};

static struct {
	unsigned long sent, back, doubled, reordered, damaged, crossed, refused;
} count;

void load_room(int fd)
{
	int room = ROOM;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

void load_udp_echo(int fd)
{
	static uint8_t data[DATAGRAM_MAX];
	char control[256];

	for (;;) {
		struct sockaddr_storage from;
		struct iovec v = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr m = {.msg_name = &from,
				   .msg_namelen = sizeof(from),
				   .msg_iov = &v,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &m, 0);
		struct cmsghdr *c;

		if (n < 0)
			return;
		v.iov_len = (size_t)n;
		/* The packet info that came is the source of the answer; the interface is the
		 * route's business. */
		for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
				((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_ifindex = 0;
		sendmsg(fd, &m, 0);
	}
}

static void judge(const struct load_conf *conf, struct talk *t, uint32_t flow, const uint8_t *data,
		  size_t size)
{
	struct lead l;

	if (size != conf->size) {
		count.damaged++;
		return;
	}
	memcpy(&l, data, sizeof(l));
	if (l.flow != flow) {
		count.crossed++;
		return;
	}
	if (!l.number || l.number > conf->count ||
	    tag_verify(data + sizeof(l), size - sizeof(l), flow, TAG_UP,
		       (uint64_t)l.number << 32)) {
		count.damaged++;
		return;
	}
	if (t->seen[l.number]++) {
		count.doubled++;
		return;
	}
	count.back++;
	if (l.number < t->last)
		count.reordered++;
	else
		t->last = l.number;
}

static unsigned collect(const struct load_conf *conf, struct talk *talks, int poller, int wait)
{
	static uint8_t data[DATAGRAM_MAX];
	struct epoll_event e[64];
	int n = epoll_wait(poller, e, 64, wait);
	unsigned got = 0;

	for (int i = 0; i < n; i++) {
		struct talk *t = &talks[e[i].data.u32];
		ssize_t size;

		while ((size = recv(t->fd, data, sizeof(data), 0)) >= 0 || errno == ECONNREFUSED) {
			if (size < 0) {
				count.refused++;
				continue;
			}
			got++;
			judge(conf, t, conf->first + e[i].data.u32, data, (size_t)size);
		}
	}
	return got;
}

static void datagram_send(const struct load_conf *conf, struct talk *t, uint32_t flow,
			  uint32_t number)
{
	static uint8_t data[DATAGRAM_MAX];
	struct lead l = {.flow = flow, .number = number};

	memcpy(data, &l, sizeof(l));
	tag_fill(data + sizeof(l), conf->size - sizeof(l), flow, TAG_UP, (uint64_t)number << 32);
	if (send(t->fd, data, conf->size, 0) == (ssize_t)conf->size)
		count.sent++;
	else if (errno == ECONNREFUSED)
		count.refused++;
}

static int talk_open(const struct load_conf *conf, struct talk *t, int poller, uint32_t index)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = index};

	t->seen = calloc(conf->count + 1, 1);
	t->fd = socket(conf->to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	load_room(t->fd);
	if (!t->seen || t->fd < 0 ||
	    connect(t->fd, (const struct sockaddr *)&conf->to, conf->to_size) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, t->fd, &e)) {
		perror("flowload: socket");
		return -1;
	}
	return 0;
}

int load_udp(const struct load_conf *conf)
{
	struct talk *talks = calloc(conf->flows, sizeof(*talks));
	uint64_t began = load_now(), deadline = began + conf->deadline * 1000000000ull, due = began;
	int poller = epoll_create1(EPOLL_CLOEXEC);

	if (!talks || poller < 0 || conf->size < sizeof(struct lead) || conf->size > DATAGRAM_MAX)
		return 2;
	for (unsigned i = 0; i < conf->flows; i++)
		if (talk_open(conf, &talks[i], poller, i))
			return 1;
	for (uint32_t number = 1; number <= conf->count; number++) {
		for (unsigned i = 0; i < conf->flows && load_now() < deadline; i++) {
			datagram_send(conf, &talks[i], conf->first + i, number);
			due += conf->gap * 1000ull;
			do
				collect(conf, talks, poller, 0);
			while (load_now() < due);
		}
	}
	while (load_now() < deadline && collect(conf, talks, poller, QUIET_MS))
		if (count.back == count.sent)
			break;
	printf("udp sent=%lu back=%lu lost=%lu doubled=%lu reordered=%lu damaged=%lu crossed=%lu "
	       "refused=%lu ms=%llu\n",
	       count.sent, count.back, count.sent - count.back, count.doubled, count.reordered,
	       count.damaged, count.crossed, count.refused,
	       (unsigned long long)((load_now() - began) / 1000000));
	for (unsigned i = 0; i < conf->flows; i++) {
		close(talks[i].fd);
		free(talks[i].seen);
	}
	free(talks);
	close(poller);
	return count.damaged || count.crossed ||
	       count.sent != (unsigned long)conf->flows * conf->count;
}
