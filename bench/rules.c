/* SPDX-License-Identifier: MIT
 * bench/rules.c - handler-rules' sets: how long a million entries take to load, how much they hold, what a lookup costs
 *
 *     bench/rules [COUNT]      without COUNT: 1000000 entries of each kind
 *
 * The entries are made up, in a random order, and written to a temporary file, which is then read as a module would.
 * Lookups: half of them hit, in a random order, so that most of them find nothing in the caches. One line per kind, as
 * JSON. Times are processor time of one thread.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "set.h"

enum { LOOKUPS = 1 << 20 };

enum kind { IPV4, IPV6, NAMES_EXACT, NAMES_BELOW, KINDS };
static const char *const kind_names[KINDS] = {"ipv4 prefixes", "ipv6 prefixes", "names", "names and all below"};

static uint64_t state = 88172645463325252u;

static uint64_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Number i of a kind, the same each time; odd ones are in the set. */
static uint64_t number(uint64_t i)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void write_name(char *out, size_t room, uint64_t i)
{
	static const char *const tops[] = {"com", "net", "org", "example", "io", "co.uk", "de", "info"};
	uint64_t x = number(i);
	unsigned n = 6 + x % 8, k;

	for (k = 0; k < n && k < room - 8; k++, x = x / 26 ^ number(i + k))
		out[k] = (char)('a' + x % 26);
	snprintf(out + k, room - k, ".%s", tops[number(i) >> 60 & 7]);
}

static void write_entry(FILE *f, enum kind kind, uint64_t i)
{
	uint64_t x = number(i);
	char name[64];

	if (kind == IPV4) {
		fprintf(f, "%u.%u.%u.%u/32\n", (unsigned)(x & 255), (unsigned)(x >> 8 & 255), (unsigned)(x >> 16 & 255),
		        (unsigned)(x >> 24 & 255));
	} else if (kind == IPV6) {
		fprintf(f, "2%03x:%x:%x:%x::/64\n", (unsigned)(x & 0xfff), (unsigned)(x >> 12 & 0xffff),
		        (unsigned)(x >> 28 & 0xffff), (unsigned)(x >> 44 & 0xffff));
	} else {
		write_name(name, sizeof(name), i);
		fprintf(f, "%s%s\n", kind == NAMES_BELOW ? "." : "", name);
	}
}

static uint32_t look_up_addresses(const struct set *s, enum kind kind, uint64_t count)
{
	uint32_t hits = 0, n;

	for (n = 0; n < LOOKUPS; n++) {
		uint64_t x = n & 1 ? number(any() % count) : any();
		adit_addr a = {.family = kind == IPV4 ? 4 : 6};

		if (kind == IPV4) {
			memcpy(a.ip, &x, 4); /* as it was written, the low byte first */
		} else {
			unsigned words[4] = {0x2000 | (unsigned)(x & 0xfff), (unsigned)(x >> 12), (unsigned)(x >> 28),
			                     (unsigned)(x >> 44)},
				 k;

			for (k = 0; k < 8; k++)
				a.ip[k] = (uint8_t)(words[k / 2] >> (k % 2 ? 0 : 8));
		}
		hits += (uint32_t)ranges_hold(&s->ranges, &a);
	}
	return hits;
}

static uint32_t look_up_names(const struct set *s, char (*names)[80])
{
	uint32_t hits = 0, n;

	for (n = 0; n < LOOKUPS; n++)
		hits += (uint32_t)names_hold(&s->names, names[n], (uint32_t)strlen(names[n]));
	return hits;
}

/* What is looked up: as a browser does, with a label or two in front. */
static void make_names(char (*names)[80], enum kind kind, uint64_t count)
{
	uint32_t n;
	size_t at;

	for (n = 0; n < LOOKUPS; n++) {
		at = kind == NAMES_BELOW ? (size_t)snprintf(names[n], 80, "www.s%u.", n % 100) : 0;
		write_name(names[n] + at, 80 - at, n & 1 ? any() % count : count + any() % count);
	}
}

static void run(enum kind kind, uint64_t count)
{
	char (*names)[80] = kind >= NAMES_EXACT ? calloc(LOOKUPS, sizeof(*names)) : NULL;
	struct set s = {0};
	FILE *f = tmpfile();
	double began, loaded, looked;
	uint32_t hits;
	size_t held;
	uint64_t i;

	if (!f)
		exit(1);
	for (i = 0; i < count; i++)
		write_entry(f, kind, i);
	rewind(f);
	if (names)
		make_names(names, kind, count);
	held = mallinfo2().uordblks + mallinfo2().hblkhd;
	began = now();
	if (set_read(&s, f) < 0 || set_seal(&s) < 0 || s.lines_bad)
		exit(1);
	loaded = now();
	held = mallinfo2().uordblks + mallinfo2().hblkhd - held;
	began = loaded - began;
	hits = names ? look_up_names(&s, names) : look_up_addresses(&s, kind, count);
	looked = now() - loaded;
	printf("{\"bench\": \"rules\", \"kind\": \"%s\", \"entries\": %llu, \"load_s\": %.3f, \"held_mb\": %.1f, "
	       "\"lookup_ns\": %.0f, "
	       "\"hits\": %.2f}\n",
	       kind_names[kind], (unsigned long long)count, began, (double)held / 1e6, looked * 1e9 / LOOKUPS,
	       (double)hits / LOOKUPS);
	set_fini(&s);
	free(names);
	fclose(f);
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	unsigned i;

	for (i = 0; i < KINDS && count; i++)
		run((enum kind)i, count);
	return 0;
}
