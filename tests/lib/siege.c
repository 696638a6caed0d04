/* SPDX-License-Identifier: MIT
 * siege.c - forged segments against the flows that live on a device, whose numbers it learns as they pass
 *
 *   siege --dev IF --client4 A --client6 A --server4 A --server6 A --port P
 *         [--seed N] [--flows N] [--ms N] [--rate PACKETS_PER_S] [--only GROUP[,GROUP]]
 *
 * Waits until N flows are known (at most 15 s), then sends for so many milliseconds, through an AF_PACKET socket
 * bound to the device, as hostile does. Prints "siege begins" when it does, then a line per attack and what was heard.
 */
#include "siege.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { WAIT_S = 15, BURST = 32 };

static struct {
	const char *dev, *only;
	unsigned long flows, ms, rate;
	uint64_t seed;
} conf = {.ms = 5000, .rate = 8000, .seed = 1};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void wait_until(uint64_t due)
{
	struct timespec t = {.tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int parse_address(int family, const char *text, void *to)
{
	if (inet_pton(family, text, to) == 1)
		return 0;
	fprintf(stderr, "siege: '%s' is no %s address\n", text, family == AF_INET ? "IPv4" : "IPv6");
	return -1;
}

static int parse(int argc, char **argv)
{
	static const struct option names[] = {
	    {"dev", 1, 0, 'd'},	  {"client4", 1, 0, 'c'}, {"client6", 1, 0, 'C'}, {"server4", 1, 0, 's'},
	    {"server6", 1, 0, 'S'}, {"port", 1, 0, 'p'},	{"seed", 1, 0, 'r'},	{"flows", 1, 0, 'f'},
	    {"ms", 1, 0, 't'},	  {"rate", 1, 0, 'R'},	{"only", 1, 0, 'o'},	{0, 0, 0, 0}};
	int o, err = 0;

	while (!err && (o = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (o) {
		case 'd': conf.dev = optarg; break;
		case 'c': err = parse_address(AF_INET, optarg, cast.client4); break;
		case 'C': err = parse_address(AF_INET6, optarg, cast.client6); break;
		case 's': err = parse_address(AF_INET, optarg, cast.server4); break;
		case 'S': err = parse_address(AF_INET6, optarg, cast.server6); break;
		case 'p': cast.port = (uint16_t)atoi(optarg); break;
		case 'r': conf.seed = strtoull(optarg, NULL, 10); break;
		case 'f': conf.flows = strtoul(optarg, NULL, 10); break;
		case 't': conf.ms = strtoul(optarg, NULL, 10); break;
		case 'R': conf.rate = strtoul(optarg, NULL, 10); break;
		case 'o': conf.only = optarg; break;
		default: err = -1;
		}
	}
	if (!err && conf.dev && cast.port && conf.rate)
		return 0;
	fprintf(stderr, "usage: siege --dev IF --client4 A --client6 A --server4 A --server6 A --port P [--seed N] "
			"[--flows N] [--ms N] [--rate N] [--only GROUP[,GROUP]]\n");
	return -1;
}

/* A socket that sees what passes the device, but not what it sends itself. */
static int open_device(struct sockaddr_ll *to)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, htons(ETH_P_ALL)), room = 64 << 20;
	struct sockaddr_ll me = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	me.sll_ifindex = to->sll_ifindex = (int)if_nametoindex(conf.dev);
	if (fd < 0 || !me.sll_ifindex || bind(fd, (struct sockaddr *)&me, sizeof(me))) {
		fprintf(stderr, "siege: device %s: %s\n", conf.dev, strerror(errno));
		return -1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static void learn(int fd)
{
	static uint8_t packet[70000];

	for (;;) {
		struct sockaddr_ll from = {0};
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &size);

		if (n < 0)
			return;
		live_learn(packet, (unsigned)n, from.sll_pkttype == PACKET_OUTGOING);
	}
}

static bool chosen(const struct attack *a)
{
	size_t size = strlen(a->group);
	const char *at = conf.only;

	if (!at)
		return true;
	for (; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (!strncmp(at, a->group, size) && (!at[size] || at[size] == ','))
			return true;
	return false;
}

static int attack(int fd, const struct sockaddr_ll *dev)
{
	struct attack *list[32];
	struct sockaddr_ll to = *dev;
	uint64_t due = now(), end = due + conf.ms * 1000000ull;
	unsigned size = 0;

	for (unsigned i = 0; i < attack_count; i++)
		if (chosen(&attacks[i]))
			list[size++] = &attacks[i];
	if (!size) {
		fprintf(stderr, "siege: no attacks '%s'\n", conf.only);
		return 2;
	}
	for (unsigned long n = 0; now() < end; n++) {
		static struct packet p;
		struct attack *a = list[n % size];

		if (n % BURST == 0) {
			due += 1000000000ull * BURST / conf.rate;
			wait_until(due);
			learn(fd);
		}
		if (!a->make(&p, (unsigned)(n / size)))
			continue;
		to.sll_protocol = htons(p.v6 ? ETH_P_IPV6 : ETH_P_IP);
		if (sendto(fd, p.data, p.size, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)p.size)
			a->sent++;
		else if (errno == ENETDOWN || errno == ENXIO || errno == ENODEV)
			return 3;
		else
			a->refused++;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = 6};
	unsigned long sent = 0, refused = 0;
	uint64_t until;
	unsigned known;
	int fd, status;

	if (parse(argc, argv))
		return 2;
	fd = open_device(&to);
	if (fd < 0)
		return 1;
	dice_seed(conf.seed);
	puts("siege ready");
	fflush(stdout);
	for (until = now() + WAIT_S * 1000000000ull; live_count() < conf.flows && now() < until; learn(fd))
		wait_until(now() + 2000000);
	wait_until(now() + 200000000); /* the last of them are still in their handshakes */
	learn(fd);
	known = live_count();
	memset(&heard, 0, sizeof(heard));
	printf("siege begins flows=%u\n", known);
	fflush(stdout);
	status = attack(fd, &to);
	learn(fd);
	for (unsigned i = 0; i < attack_count; i++) {
		printf("siege attack=%s sent=%lu refused=%lu\n", attacks[i].name, attacks[i].sent, attacks[i].refused);
		sent += attacks[i].sent;
		refused += attacks[i].refused;
	}
	printf("siege seed=%llu flows=%u left=%u sent=%lu refused=%lu segments=%lu bare=%lu resets=%lu status=%d\n",
	       (unsigned long long)conf.seed, known, live_count(), sent, refused, heard.segments, heard.bare,
	       heard.resets, status);
	return status;
}
