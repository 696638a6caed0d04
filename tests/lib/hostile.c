/* SPDX-License-Identifier: MIT
 * hostile.c - malformed and adversarial packets, seeded, into a live device from the application's
 * side
 *
 *   hostile --dev IF --client4 A --client6 A --server4 A --server6 A --port P
 *           [--seed N] [--count N] [--rate PACKETS_PER_S] [--mac MAC] [--only KIND] [--list]
 *
 * Sends through an AF_PACKET socket bound to the device, so the packets come to the reader of a TUN
 * as if the system had routed them. --mac is for an Ethernet device (the control path). Prints a
 * line per kind: how many went out, and how many the kernel itself refused to send.
 */
#include "hostile.h"

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

static struct {
	const char *dev, *only;
	unsigned long count, rate;
	uint64_t seed;
	uint8_t mac[6];
} conf = {.count = 60000, .rate = 20000, .seed = 1};

static int parse_address(int family, const char *text, void *to)
{
	if (inet_pton(family, text, to) == 1)
		return 0;
	fprintf(stderr, "hostile: '%s' is no %s address\n", text,
		family == AF_INET ? "IPv4" : "IPv6");
	return -1;
}

static int parse_mac(const char *text)
{
	uint8_t *m = conf.mac;

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) ==
	    6)
		return 0;
	fprintf(stderr, "hostile: '%s' is no link address\n", text);
	return -1;
}

static int parse(int argc, char **argv)
{
	static const struct option names[] = {
	    {"dev", 1, 0, 'd'},	    {"client4", 1, 0, 'c'}, {"client6", 1, 0, 'C'},
	    {"server4", 1, 0, 's'}, {"server6", 1, 0, 'S'}, {"port", 1, 0, 'p'},
	    {"seed", 1, 0, 'r'},    {"count", 1, 0, 'n'},   {"rate", 1, 0, 'R'},
	    {"mac", 1, 0, 'm'},	    {"only", 1, 0, 'o'},    {0, 0, 0, 0}};
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
		case 'n': conf.count = strtoul(optarg, NULL, 10); break;
		case 'R': conf.rate = strtoul(optarg, NULL, 10); break;
		case 'm': err = parse_mac(optarg); break;
		case 'o': conf.only = optarg; break;
		default: err = -1;
		}
	}
	if (!err && conf.dev && cast.port && conf.rate)
		return 0;
	fprintf(stderr, "usage: hostile --dev IF --client4 A --client6 A --server4 A --server6 A "
			"--port P [--seed N] "
			"[--count N] [--rate N] [--mac MAC] [--only KIND]\n");
	return -1;
}

static void wait_until(uint64_t due)
{
	struct timespec t = {.tv_sec = (time_t)(due / 1000000000u),
			     .tv_nsec = (long)(due % 1000000000u)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static struct kind *kind_of(unsigned long n)
{
	if (!conf.only)
		return &kinds[n % kind_count];
	for (unsigned i = 0; i < kind_count; i++)
		if (!strcmp(kinds[i].name, conf.only))
			return &kinds[i];
	return NULL;
}

static int run(int fd, struct sockaddr_ll *to)
{
	struct timespec t;
	uint64_t due;

	clock_gettime(CLOCK_MONOTONIC, &t);
	due = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	for (unsigned long n = 0; n < conf.count; n++) {
		static struct packet p;
		struct kind *k = kind_of(n);

		if (!k) {
			fprintf(stderr, "hostile: no kind '%s'\n", conf.only);
			return 2;
		}
		k->make(&p, (unsigned)(k->sent + k->refused));
		to->sll_protocol = htons(p.v6 ? ETH_P_IPV6 : ETH_P_IP);
		if (sendto(fd, p.data, p.size, 0, (struct sockaddr *)to, sizeof(*to)) ==
		    (ssize_t)p.size)
			k->sent++;
		else if (errno == ENETDOWN || errno == ENXIO || errno == ENODEV)
			return 3; /* the device went away: the caller wants to know */
		else
			k->refused++;
		due += 1000000000u / conf.rate;
		if (n % 32 == 31)
			wait_until(due);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = 6};
	unsigned long sent = 0, refused = 0;
	int fd, status;

	if (parse(argc, argv))
		return 2;
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	to.sll_ifindex = (int)if_nametoindex(conf.dev);
	memcpy(to.sll_addr, conf.mac, 6);
	if (fd < 0 || !to.sll_ifindex) {
		fprintf(stderr, "hostile: device %s: %s\n", conf.dev, strerror(errno));
		return 1;
	}
	dice_seed(conf.seed);
	status = run(fd, &to);
	for (unsigned i = 0; i < kind_count; i++) {
		printf("hostile kind=%s sent=%lu refused=%lu\n", kinds[i].name, kinds[i].sent,
		       kinds[i].refused);
		sent += kinds[i].sent;
		refused += kinds[i].refused;
	}
	printf("hostile seed=%llu sent=%lu refused=%lu status=%d\n", (unsigned long long)conf.seed,
	       sent, refused, status);
	return status;
}
