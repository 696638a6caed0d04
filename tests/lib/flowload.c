/* SPDX-License-Identifier: MIT
 * flowload.c - many flows at once, with content that shows crossed, lost and damaged bytes
 *
 *   flowload serve PORT
 *   flowload tcp ADDRESS PORT [--flows N] [--parallel N] [--up BYTES] [--down BYTES] [--hold MS]
 * [--pace BYTES] [--stall MS] [--deadline S]
 *   flowload udp ADDRESS PORT [--flows N] [--count N] [--size BYTES] [--gap US]
 * [--deadline S]
 *
 * Prints one line of counters. Exit status 0 when every byte of every TCP flow was right in both
 * directions and the server said so too, or when no datagram was damaged or crossed (UDP may lose:
 * the line says it).
 */
#include "flowload.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

uint64_t load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int address(struct load_conf *c, const char *text, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&c->to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&c->to;
	uint16_t p = htons((uint16_t)atoi(port));

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = p;
		c->to_size = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = p;
		c->to_size = sizeof(*v6);
		return 0;
	}
	fprintf(stderr, "flowload: '%s' is no numeric address\n", text);
	return -1;
}

static int parse(struct load_conf *c, int argc, char **argv)
{
	static const struct option names[] = {{"flows", 1, 0, 'f'},
					      {"parallel", 1, 0, 'p'},
					      {"up", 1, 0, 'u'},
					      {"down", 1, 0, 'd'},
					      {"deadline", 1, 0, 't'},
					      {"hold", 1, 0, 'h'},
					      {"stall", 1, 0, 'S'},
					      {"count", 1, 0, 'c'},
					      {"size", 1, 0, 's'},
					      {"gap", 1, 0, 'g'},
					      {"first", 1, 0, '1'},
					      {"pace", 1, 0, 'r'},
					      {0, 0, 0, 0}};
	int o;

	while ((o = getopt_long(argc, argv, "", names, NULL)) != -1) {
		unsigned long long v = optarg ? strtoull(optarg, NULL, 10) : 0;

		switch (o) {
		case 'f': c->flows = (unsigned)v; break;
		case 'p': c->parallel = (unsigned)v; break;
		case 'u': c->up = v; break;
		case 'd': c->down = v; break;
		case 't': c->deadline = (unsigned)v; break;
		case 'h': c->hold = (unsigned)v; break;
		case 'S': c->stall = (unsigned)v; break;
		case 'c': c->count = (unsigned)v; break;
		case 's': c->size = (unsigned)v; break;
		case 'g': c->gap = (unsigned)v; break;
		case 'r': c->pace = (unsigned)v; break;
		case '1': c->first = (unsigned)v; break;
		default: return -1;
		}
	}
	if (!c->parallel)
		c->parallel = c->flows;
	return optind + 2 == argc ? address(c, argv[optind], argv[optind + 1]) : -1;
}

int main(int argc, char **argv)
{
	struct load_conf conf = {.flows = 1,
				 .up = 1000,
				 .down = 1000,
				 .deadline = 30,
				 .count = 10,
				 .size = 200,
				 .gap = 100,
				 .first = 1};
	struct rlimit files;

	signal(SIGPIPE, SIG_IGN);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return load_serve((uint16_t)atoi(argv[2]));
	if (argc >= 4 && !strcmp(argv[1], "tcp") && !parse(&conf, argc - 1, argv + 1))
		return load_tcp(&conf);
	if (argc >= 4 && !strcmp(argv[1], "udp") && !parse(&conf, argc - 1, argv + 1))
		return load_udp(&conf);
	fprintf(stderr, "usage: flowload serve PORT | flowload tcp|udp ADDRESS PORT [options]\n");
	return 2;
}
