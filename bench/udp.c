/* SPDX-License-Identifier: MIT
 * udp.c - datagrams: an echo with a fixed number in flight, and a flood
 *
 * Batched system calls on both ends, so that the generator is not what is measured.
 */
#include "bench/load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LOST_MS = 50,    /* nothing for so long: what is in flight is lost */
	DRAIN_US = 200000 /* what the flood left in buffers may still arrive */
};

struct batch {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	char data[BATCH][DATAGRAM_MAX];
};

static void batch_init(struct batch *b, int size)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){b->data[i], (size_t)size};
		b->msgs[i].msg_hdr.msg_iov = &b->iov[i];
		b->msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

static int udp_open(const struct job *job, int port)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = job->to;

	to.sin_port = htons((uint16_t)(ntohs(to.sin_port) + port));
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("UDP socket");
	return fd;
}

/* Sends up to count numbered datagrams; returns how many went. */
static int send_batch(int fd, struct batch *b, int count, uint64_t *sequence)
{
	int n;

	if (count > BATCH)
		count = BATCH;
	for (int i = 0; i < count; i++) {
		uint64_t tag = *sequence + (uint64_t)i;

		memcpy(b->data[i], &tag, sizeof(tag));
	}
	n = sendmmsg(fd, b->msgs, (unsigned)count, 0);
	if (n < 0) {
		if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
			die("sendmmsg");
		return 0;
	}
	*sequence += (uint64_t)n;
	return n;
}

static int recv_batch(int fd, struct batch *b, int size, uint64_t sequence)
{
	int n = recvmmsg(fd, b->msgs, BATCH, MSG_DONTWAIT, NULL);

	for (int i = 0; i < n; i++) {
		uint64_t tag;

		memcpy(&tag, b->data[i], sizeof(tag));
		if (b->msgs[i].msg_len != (unsigned)size || tag >= sequence)
			fail("a datagram came back that was never sent");
	}
	return n > 0 ? n : 0;
}

void udp_echo(const struct job *job)
{
	struct batch *out = calloc(1, sizeof(*out)), *in = calloc(1, sizeof(*in));
	uint64_t sequence = 0, done = 0, lost = 0;
	int flight = 0, fd = udp_open(job, PORT_ECHO);
	struct window w;
	double seconds;

	if (!out || !in)
		die("calloc");
	batch_init(out, job->size);
	batch_init(in, job->size);
	window_init(&w, job);
	while (window_tick(&w, done)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = recv_batch(fd, in, job->size, sequence);

		done += (uint64_t)n;
		flight = flight > n ? flight - n : 0;
		while (flight < job->streams) {
			n = send_batch(fd, out, job->streams - flight, &sequence);
			if (!n)
				break;
			flight += n;
		}
		if (poll(&p, 1, LOST_MS) == 0) {
			lost += (uint64_t)flight;
			flight = 0;
		}
	}
	seconds = window_print(&w, "uecho");
	printf(", \"per_second\": %.1f, \"sent\": %llu, \"lost\": %llu}\n", (double)(done - w.before) / seconds,
	       (unsigned long long)sequence, (unsigned long long)lost);
	free(out);
	free(in);
}

void udp_flood(const struct job *job)
{
	struct batch *out = calloc(1, sizeof(*out));
	int *fds = calloc((size_t)job->streams, sizeof(*fds));
	uint64_t sequence = 0, sent, first, received;
	struct window w;
	double seconds, rate;

	if (!out || !fds)
		die("calloc");
	for (int i = 0; i < job->streams; i++)
		fds[i] = udp_open(job, PORT_SINK);
	batch_init(out, job->size);
	first = job->counts->udp_packets;
	window_init(&w, job);
	while (window_tick(&w, job->counts->udp_packets)) {
		for (int i = 0; i < job->streams; i++)
			send_batch(fds[i], out, BATCH, &sequence);
	}
	received = job->counts->udp_packets - w.before;
	seconds = window_print(&w, "uflood");
	rate = (double)received / seconds;
	usleep(DRAIN_US);
	sent = sequence;
	received = job->counts->udp_packets - first;
	printf(", \"per_second\": %.1f, \"sent\": %llu, \"received\": %llu, \"loss\": %.4f}\n", rate,
	       (unsigned long long)sent, (unsigned long long)received,
	       sent > received ? 1 - (double)received / (double)sent : 0.0);
	free(fds);
	free(out);
}
