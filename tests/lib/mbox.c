/* SPDX-License-Identifier: MIT
 * mbox.c - a middlebox between two interfaces that loses, doubles, delays and damages packets
 *
 * Takes every frame that arrives on one interface and sends it out of the other, after what the
 * options ask for. What happens to a packet depends on the seed, its direction and its number in
 * that direction alone, so a run can be repeated. ARP and neighbour discovery always pass untouched
 * and are not counted: a test is about traffic. Offloads of the interfaces' peers have to be off
 * (netns.sh does it).
 *
 *   mbox --a IF --b IF [--seed N] [--loss %] [--dup %] [--reorder %] [--corrupt %] [--delay MS]
 *        [--jitter MS] [--rate MBIT] [--queue PACKETS] [--blackhole FROM_MS+FOR_MS]... [--dir
 * both|ab|ba] mbox --dry N ...     no interface: the decisions for N packets each way, and a digest
 * of them
 *
 * Ends on SIGTERM or SIGINT and prints one line of counters per direction.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	FRAME_MAX = 65536 + 14,
	HELD_MAX = 65536,    /* packets waiting for their time, both directions */
	BLACKHOLE_MAX = 16,  /* periods */
	BATCH = 64,	     /* frames taken from one side before the other gets its turn */
	QUEUE_DEFAULT = 1000 /* packets that wait for a rate limit, per direction */
};

struct held {
	uint64_t due; /* nanoseconds, monotonic */
	uint64_t order;
	uint8_t *frame;
	uint32_t size;
	uint8_t side;
};

struct side {
	const char *name;
	int fd;
	bool on; /* impairments apply to what arrives here */
	uint64_t dice;
	uint64_t free_at; /* when the rate limiter has sent everything */
	uint64_t seen, sent, lost, doubled, reordered, corrupted, blackholed, overflowed, refused;
};

struct fate {
	bool lost, doubled, reordered, corrupted;
	uint32_t bit;
	uint64_t delay;
};

static struct {
	double loss, dup, reorder, corrupt, delay, jitter, rate;
	unsigned queue, blackholes;
	uint64_t seed, dry;
	struct {
		uint64_t from, to;
	} blackhole[BLACKHOLE_MAX];
} conf = {.queue = QUEUE_DEFAULT, .seed = 1};

static struct side sides[2];
static struct held heap[HELD_MAX];
static unsigned heap_size;
static uint64_t order, started;
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* xorshift64*; the state is never 0 */
static uint64_t roll(uint64_t *dice)
{
	*dice ^= *dice >> 12;
	*dice ^= *dice << 25;
	*dice ^= *dice >> 27;
	return *dice * 2685821657736338717u;
}

static double roll_unit(uint64_t *dice)
{
	return (double)(roll(dice) >> 11) / 9007199254740992.0;
}

/* Six throws for every packet, whatever the options: a changed option leaves the other decisions
 * alone. */
static struct fate fate_of(struct side *s)
{
	struct fate f;

	f.lost = roll_unit(&s->dice) * 100 < conf.loss;
	f.doubled = roll_unit(&s->dice) * 100 < conf.dup;
	f.reordered = roll_unit(&s->dice) * 100 < conf.reorder;
	f.corrupted = roll_unit(&s->dice) * 100 < conf.corrupt;
	f.bit = (uint32_t)roll(&s->dice);
	f.delay = (uint64_t)(conf.delay * 1e6);
	f.delay += (uint64_t)(roll_unit(&s->dice) * conf.jitter * 1e6);
	return f;
}

static bool heap_before(const struct held *x, const struct held *y)
{
	return x->due != y->due ? x->due < y->due : x->order < y->order;
}

static void heap_swap(unsigned i, unsigned k)
{
	struct held t = heap[i];

	heap[i] = heap[k];
	heap[k] = t;
}

static void heap_push(struct held h)
{
	unsigned i = heap_size++;

	heap[i] = h;
	while (i && heap_before(&heap[i], &heap[(i - 1) / 2])) {
		heap_swap(i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static struct held heap_pop(void)
{
	struct held top = heap[0];
	unsigned i = 0, k;

	heap[0] = heap[--heap_size];
	while ((k = 2 * i + 1) < heap_size) {
		if (k + 1 < heap_size && heap_before(&heap[k + 1], &heap[k]))
			k++;
		if (!heap_before(&heap[k], &heap[i]))
			break;
		heap_swap(i, k);
		i = k;
	}
	return top;
}

/* Sends a frame that arrived on side s out of the other one. */
static void side_pass(struct side *s, const uint8_t *frame, uint32_t size)
{
	if (send(sides[s == sides].fd, frame, size, 0) == (ssize_t)size)
		s->sent++;
	else
		s->refused++;
}

static void hold(struct side *s, const uint8_t *frame, uint32_t size, uint64_t due)
{
	struct held h = {.due = due, .order = order++, .size = size, .side = (uint8_t)(s - sides)};

	if (heap_size == HELD_MAX || !(h.frame = malloc(size))) {
		s->overflowed++;
		return;
	}
	memcpy(h.frame, frame, size);
	heap_push(h);
}

/* The rate limiter: a packet leaves when the ones before it are through; a full queue drops the
 * newcomer. */
static bool rate_admit(struct side *s, uint32_t size, uint64_t at, uint64_t *leave)
{
	uint64_t cost;

	*leave = at;
	if (conf.rate <= 0)
		return true;
	cost = (uint64_t)((double)size * 8 * 1000 / conf.rate);
	if (s->free_at < at)
		s->free_at = at;
	if (s->free_at - at > cost * conf.queue)
		return false;
	s->free_at += cost;
	*leave = s->free_at;
	return true;
}

static bool is_traffic(const uint8_t *f, uint32_t size)
{
	if (size < 14 || !((f[12] == 0x08 && f[13] == 0x00) || (f[12] == 0x86 && f[13] == 0xdd)))
		return false;
	/* ICMPv6 router and neighbour messages */
	if (f[12] == 0x86 && size >= 14 + 41 && f[20] == 58 && f[54] >= 133 && f[54] <= 137)
		return false;
	return true;
}

static bool in_blackhole(uint64_t at)
{
	for (unsigned i = 0; i < conf.blackholes; i++)
		if (at - started >= conf.blackhole[i].from && at - started < conf.blackhole[i].to)
			return true;
	return false;
}

static void damage(uint8_t *frame, uint32_t size, uint32_t bit)
{
	uint32_t bits = (size - 14) * 8;

	if (!bits)
		return;
	bit %= bits;
	frame[14 + bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

static void side_take(struct side *s, uint8_t *frame, uint32_t size)
{
	uint64_t at, leave;
	struct fate f;

	if (!s->on || !is_traffic(frame, size)) {
		if (send(sides[s == sides].fd, frame, size, 0) < 0)
			s->refused++;
		return;
	}
	at = now();
	s->seen++;
	f = fate_of(s);
	if (in_blackhole(at)) {
		s->blackholed++;
		return;
	}
	if (f.lost) {
		s->lost++;
		return;
	}
	if (f.corrupted) {
		s->corrupted++;
		damage(frame, size, f.bit);
	}
	if (!rate_admit(s, size, at, &leave)) {
		s->overflowed++;
		return;
	}
	leave += f.delay;
	if (f.reordered) {
		/* With a delay it jumps the queue, without one it waits for those behind it. */
		s->reordered++;
		leave = f.delay ? at : leave + 2000000;
	}
	s->doubled += f.doubled;
	for (int i = 0; i <= f.doubled; i++) {
		if (leave <= at)
			side_pass(s, frame, size);
		else
			hold(s, frame, size, leave);
	}
}

static int side_open(struct side *s)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int one = 1, room = 32 << 20;

	a.sll_ifindex = (int)if_nametoindex(s->name);
	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!a.sll_ifindex || s->fd < 0 ||
	    setsockopt(s->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(s->fd, (struct sockaddr *)&a, sizeof(a))) {
		fprintf(stderr, "mbox: interface %s: %s\n", s->name, strerror(errno));
		return -1;
	}
	setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return 0;
}

static void side_read(struct side *s)
{
	static uint8_t frame[FRAME_MAX];

	for (int i = 0; i < BATCH; i++) {
		ssize_t size = recv(s->fd, frame, sizeof(frame), 0);

		if (size <= 0)
			return;
		side_take(s, frame, (uint32_t)size);
	}
}

static void run(void)
{
	struct pollfd p[2] = {{.fd = sides[0].fd, .events = POLLIN},
			      {.fd = sides[1].fd, .events = POLLIN}};

	started = now();
	while (!stop) {
		struct timespec wait = {.tv_sec = 1};
		uint64_t t = now();

		while (heap_size && heap[0].due <= t) {
			struct held h = heap_pop();

			side_pass(&sides[h.side], h.frame, h.size);
			free(h.frame);
		}
		if (heap_size && heap[0].due - t < 1000000000u)
			wait = (struct timespec){.tv_nsec = (long)(heap[0].due - t)};
		if (ppoll(p, 2, &wait, NULL) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				side_read(&sides[i]);
	}
}

static void report(void)
{
	for (int i = 0; i < 2; i++) {
		const struct side *s = &sides[i];

		printf("mbox %s seen=%llu sent=%llu lost=%llu doubled=%llu reordered=%llu "
		       "corrupted=%llu blackholed=%llu "
		       "overflowed=%llu refused=%llu\n",
		       i ? "ba" : "ab", (unsigned long long)s->seen, (unsigned long long)s->sent,
		       (unsigned long long)s->lost, (unsigned long long)s->doubled,
		       (unsigned long long)s->reordered, (unsigned long long)s->corrupted,
		       (unsigned long long)s->blackholed, (unsigned long long)s->overflowed,
		       (unsigned long long)s->refused);
	}
}

static void dry_run(void)
{
	uint64_t digest = 1469598103934665603u;

	for (int i = 0; i < 2; i++) {
		for (uint64_t n = 0; n < conf.dry; n++) {
			struct fate f = fate_of(&sides[i]);

			sides[i].seen++;
			sides[i].lost += f.lost;
			sides[i].doubled += f.doubled;
			sides[i].reordered += f.reordered;
			sides[i].corrupted += f.corrupted;
			digest = (digest ^
				  (f.lost + 2u * f.doubled + 4u * f.reordered + 8u * f.corrupted)) *
				 1099511628211u;
			digest = (digest ^ f.delay) * 1099511628211u;
		}
	}
	report();
	printf("mbox digest=%016llx\n", (unsigned long long)digest);
}

static int number(const char *name, const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end || *out < 0) {
		fprintf(stderr, "mbox: --%s wants a number that is not negative, not '%s'\n", name,
			text);
		return -1;
	}
	return 0;
}

static int blackhole_add(const char *text)
{
	double from, length;
	char tail;

	if (conf.blackholes == BLACKHOLE_MAX ||
	    sscanf(text, "%lf+%lf%c", &from, &length, &tail) != 2 || from < 0 || length < 0) {
		fprintf(stderr,
			"mbox: --blackhole wants FROM_MS+FOR_MS (at most %d times), not '%s'\n",
			BLACKHOLE_MAX, text);
		return -1;
	}
	conf.blackhole[conf.blackholes].from = (uint64_t)(from * 1e6);
	conf.blackhole[conf.blackholes++].to = (uint64_t)((from + length) * 1e6);
	return 0;
}

static int parse(int argc, char **argv)
{
	static const struct option names[] = {
	    {"a", 1, 0, 'a'},	    {"b", 1, 0, 'b'},	      {"seed", 1, 0, 's'},
	    {"loss", 1, 0, 'l'},    {"dup", 1, 0, 'd'},	      {"reorder", 1, 0, 'r'},
	    {"corrupt", 1, 0, 'c'}, {"delay", 1, 0, 'D'},     {"jitter", 1, 0, 'j'},
	    {"rate", 1, 0, 'R'},    {"queue", 1, 0, 'q'},     {"dir", 1, 0, 'x'},
	    {"dry", 1, 0, 'n'},	    {"blackhole", 1, 0, 'h'}, {0, 0, 0, 0}};
	int o, at = 0;
	double v = 0;

	sides[0].on = sides[1].on = true;
	while ((o = getopt_long(argc, argv, "", names, &at)) != -1) {
		if (o == '?' || (!strchr("abxh", o) && number(names[at].name, optarg, &v)))
			return -1;
		switch (o) {
		case 'a': sides[0].name = optarg; break;
		case 'b': sides[1].name = optarg; break;
		case 's': conf.seed = (uint64_t)v; break;
		case 'l': conf.loss = v; break;
		case 'd': conf.dup = v; break;
		case 'r': conf.reorder = v; break;
		case 'c': conf.corrupt = v; break;
		case 'D': conf.delay = v; break;
		case 'j': conf.jitter = v; break;
		case 'R': conf.rate = v; break;
		case 'q': conf.queue = (unsigned)v; break;
		case 'n': conf.dry = (uint64_t)v; break;
		case 'x':
			sides[0].on = strcmp(optarg, "ba") != 0,
			sides[1].on = strcmp(optarg, "ab") != 0;
			break;
		case 'h':
			if (blackhole_add(optarg))
				return -1;
		}
	}
	if (optind != argc || (!conf.dry && (!sides[0].name || !sides[1].name))) {
		fprintf(stderr, "mbox: two interfaces are needed: --a IF --b IF (or --dry N)\n");
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_signal};

	if (parse(argc, argv))
		return 2;
	for (int i = 0; i < 2; i++) {
		sides[i].dice =
		    (conf.seed + 1) * 0x9e3779b97f4a7c15u ^ ((uint64_t)i << 62 | 0x5851f42d);
		for (int k = 0; k < 8; k++)
			roll(&sides[i].dice);
	}
	if (conf.dry) {
		dry_run();
		return 0;
	}
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	if (side_open(&sides[0]) || side_open(&sides[1]))
		return 1;
	puts("mbox ready");
	fflush(stdout);
	run();
	report();
	return 0;
}
