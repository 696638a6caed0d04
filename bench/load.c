/* SPDX-License-Identifier: MIT
 * load.c - the load generator and the servers of the benchmark
 *
 * usage: load MODE ADDRESS PORT COUNTS-FILE [streams=N] [size=BYTES] [seconds=S] [warm=S]
 *        load spin SECONDS
 *
 * A client mode prints one line of JSON. "serve" runs until it is ended; "idle" holds its connections until
 * its standard input ends; "spin" keeps one CPU awake in the idle class, so that latency is not that of the
 * way out of the halt state.
 */
#include "bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	void (*run)(const struct job *job);
	int streams; /* when not said */
} modes[] = {
	{"serve", serve, 1},          {"up", tcp_up, 1},        {"down", tcp_down, 1},
	{"crr", message_crr, 32},     {"rr", message_rr, 64},   {"pp", message_pp, 1},
	{"idle", message_idle, 9000}, {"uecho", udp_echo, 64}, {"uflood", udp_flood, 4},
};

void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

void fail(const char *text)
{
	fprintf(stderr, "load: %s\n", text);
	exit(1);
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* CPU seconds since boot in which any CPU was neither idle nor stolen. */
static double cpu_busy(void)
{
	unsigned long long user, nice, system, idle, iowait, irq, softirq;
	FILE *f = fopen("/proc/stat", "re");
	int n;

	if (!f)
		die("/proc/stat");
	n = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait, &irq,
		   &softirq);
	fclose(f);
	if (n != 7)
		fail("/proc/stat has not the expected form");
	return (double)(user + nice + system + irq + softirq) / (double)sysconf(_SC_CLK_TCK);
}

void window_init(struct window *w, const struct job *job)
{
	memset(w, 0, sizeof(*w));
	w->end = now() + job->warm;
	w->length = job->seconds;
}

int window_tick(struct window *w, uint64_t count)
{
	double t = now();

	if (t < w->end)
		return 1;
	if (w->begin != 0)
		return 0;
	w->begin = t;
	w->end = t + w->length;
	w->before = count;
	w->cpu = cpu_busy();
	return 1;
}

double window_print(const struct window *w, const char *mode)
{
	double seconds = now() - w->begin;

	printf("{\"mode\": \"%s\", \"seconds\": %.4f, \"cpu\": %.2f", mode, seconds, cpu_busy() - w->cpu);
	return seconds;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void percentiles_print(uint32_t *nanos, size_t count)
{
	qsort(nanos, count, sizeof(*nanos), compare);
	printf(", \"p50_us\": %.2f, \"p99_us\": %.2f", nanos[count / 2] / 1e3, nanos[count * 99 / 100] / 1e3);
}

static struct counts *counts_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct counts *c;

	if (fd < 0 || ftruncate(fd, sizeof(*c)))
		die(path);
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c == MAP_FAILED)
		die(path);
	close(fd);
	return c;
}

static void spin(double seconds)
{
	const struct sched_param param = {0};
	double end = now() + seconds;

	if (sched_setscheduler(0, SCHED_IDLE, &param))
		die("sched_setscheduler(SCHED_IDLE)");
	while (now() < end)
		;
}

static double number(const char *text, double min, double max)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= min && v <= max)) {
		fprintf(stderr, "load: '%s' is not a number from %g to %g\n", text, min, max);
		exit(2);
	}
	return v;
}

static void option(struct job *job, const char *text)
{
	if (!strncmp(text, "streams=", 8)) {
		job->streams = (int)number(text + 8, 1, STREAMS_MAX);
	} else if (!strncmp(text, "active=", 7)) {
		job->active = (int)number(text + 7, 1, STREAMS_MAX);
	} else if (!strncmp(text, "size=", 5)) {
		job->size = (int)number(text + 5, MESSAGE, DATAGRAM_MAX);
	} else if (!strncmp(text, "seconds=", 8)) {
		job->seconds = number(text + 8, 0.01, 600);
	} else if (!strncmp(text, "warm=", 5)) {
		job->warm = number(text + 5, 0, 60);
	} else {
		fprintf(stderr, "load: unknown option '%s' (streams=, active=, size=, seconds=, warm=)\n", text);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct job job = {.size = MESSAGE, .warm = 0.2, .seconds = 1};
	struct rlimit files;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "spin")) {
		spin(number(argv[2], 0, 600));
		return 0;
	}
	if (argc < 5) {
		fprintf(stderr, "usage: load MODE ADDRESS PORT COUNTS-FILE [NAME=VALUE ...]\n");
		return 2;
	}
	job.to.sin_family = AF_INET;
	job.to.sin_port = htons((uint16_t)number(argv[3], 1, 65535 - PORT_COUNT));
	if (inet_pton(AF_INET, argv[2], &job.to.sin_addr) != 1)
		fail("ADDRESS is not an IPv4 address");
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	job.counts = counts_map(argv[4]);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name))
			continue;
		job.streams = modes[i].streams;
		for (int a = 5; a < argc; a++)
			option(&job, argv[a]);
		modes[i].run(&job);
		return 0;
	}
	fprintf(stderr, "load: no mode '%s'\n", argv[1]);
	return 2;
}
