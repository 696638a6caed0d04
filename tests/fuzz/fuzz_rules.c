/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_rules.c - what handler-rules reads from outside: first bytes of applications, lines of sets and rules
 *
 * With clang -fsanitize=fuzzer,address,undefined -DFUZZING a fuzz target:
 *   clang -g -O1 -std=gnu11 -D_GNU_SOURCE -DFUZZING -fsanitize=fuzzer,address,undefined -Isdk/include \
 *     -Imodules/handler-rules -Itests/unit -o fuzz_rules tests/fuzz/fuzz_rules.c \
 *     modules/handler-rules/{dns,entry,hello,holds,http,look,names,quic,ranges,rule,set}.c -lnettle
 * Else a program that replays: mutations of built-in seeds from a fixed random sequence, each input at the end of a page
 * behind which nothing may be read. The first byte of an input says which reader gets the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "look.h"
#include "rule.h"
#include "quic_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum reader { READ_STREAM, READ_MESSAGE, READ_DNS, READ_LINE, READ_SET, READ_RULE, READ_QUIC, READ_FRAMES, READERS };

static struct quic quic;
static uint32_t seen[READERS]; /* inputs that made sense: the seeds reach that far */

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_rules: %s\n", what);
	abort();
}

static void name_is_clean(const char *name, size_t size)
{
	char again[NAME_MOST + 1];

	must(size && size <= NAME_MOST && strlen(name) == size, "a name of odd length");
	must(name_clean(name, size, again) == size && !memcmp(again, name, size), "a name that is not clean");
}

static void look_at(enum reader reader, const uint8_t *data, size_t size)
{
	struct host_name name;
	enum look look = reader == READ_STREAM    ? look_stream(data, size, &name)
	                 : reader == READ_MESSAGE ? hello_look_message(data, size, &name)
	                                          : look_datagram(&quic, data, size, 53, &name);

	must(look != LOOK_MORE || (size < LOOK_MOST && reader != READ_DNS), "more is wanted without end");
	if (look != LOOK_NAME)
		return;
	name_is_clean(name.text, name.size);
	seen[reader]++;
}

static const uint8_t id[8] = {1, 2, 3, 4, 5, 6, 7, 8};

/* A datagram as it is; or, so that a reader gets behind the cipher, frames that are enciphered here. */
static void read_quic(const uint8_t *data, size_t size, int frames)
{
	uint8_t bytes[INITIAL_SIZE];
	struct host_name name;
	enum look look;

	if (frames)
		size = make_initial(bytes, id, sizeof(id), 0, data, size < INITIAL_FRAMES ? size : INITIAL_FRAMES);
	quic_init(&quic);
	look = quic_look(&quic, frames ? bytes : data, size, &name);
	if (look == LOOK_NAME)
		name_is_clean(name.text, name.size);
	seen[frames ? READ_FRAMES : READ_QUIC] += look == LOOK_NAME;
}

static void read_line(const uint8_t *data, size_t size)
{
	struct entry e;

	if (entry_read_line((const char *)data, size, &e) < 0 || e.kind == ENTRY_NONE)
		return;
	if (e.kind == ENTRY_NAME)
		name_is_clean(e.name, e.size);
	else
		must(e.prefix.bits <= (e.prefix.family == 4 ? 32 : 128), "a prefix that is too long");
	seen[READ_LINE]++;
}

static void read_set(const uint8_t *data, size_t size)
{
	FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	adit_addr addr = {.family = 4, .ip = {192, 0, 2, 1}};
	struct set s = {0};

	if (!f)
		return;
	must(set_read(&s, f) == 0 && set_seal(&s) == 0, "a small set that cannot be read");
	seen[READ_SET] += (uint32_t)(ranges_hold(&s.ranges, &addr) + names_hold(&s.names, "a.example.org", 13));
	set_fini(&s);
	fclose(f);
}

static void read_rule(const uint8_t *data, size_t size)
{
	char line[RULE_LINE_MOST], *words[RULE_WORDS_MOST], why[RULE_WHY] = "";
	struct rule r;
	int32_t n;

	/* Users and groups are looked up in the system: not here. */
	if (size >= sizeof(line) || memmem(data, size, "user", 4) || memmem(data, size, "group", 5))
		return;
	memcpy(line, data, size);
	line[size] = '\0';
	n = rule_words(line, words, RULE_WORDS_MOST);
	if (n <= 0)
		return;
	if (rule_read(&r, words, (uint32_t)n, why) == 0)
		seen[READ_RULE]++;
	else
		must(why[0] && memchr(why, 0, sizeof(why)), "a refusal without words");
	rule_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum reader reader = size ? (enum reader)(data[0] % READERS) : READERS;

	if (reader <= READ_DNS)
		look_at(reader, data + 1, size - 1);
	else if (reader == READ_LINE)
		read_line(data + 1, size - 1);
	else if (reader == READ_SET)
		read_set(data + 1, size - 1);
	else if (reader == READ_RULE)
		read_rule(data + 1, size - 1);
	else if (reader == READ_QUIC || reader == READ_FRAMES)
		read_quic(data + 1, size - 1, reader == READ_FRAMES);
	return 0;
}

#ifndef FUZZING
enum { ROOM = 1 << 15, ROUNDS = 4000, SEEDS = 14 };

static uint64_t state = 88172645463325252u;

static uint32_t any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % below;
}

static struct {
	uint8_t bytes[HELLO_ROOM * 3];
	size_t size;
} seeds[SEEDS];

static void seed(unsigned i, enum reader reader, const void *bytes, size_t size)
{
	seeds[i].bytes[0] = (uint8_t)reader;
	memcpy(seeds[i].bytes + 1, bytes, size);
	seeds[i].size = size + 1;
}

static void make_seeds(void)
{
	static const char *const texts[] = {"GET /a HTTP/1.1\r\nAccept: */*\r\nHost: www.example.org:80\r\n\r\n",
	                                    ".example.org # words",
	                                    "2001:db8::/32",
	                                    "192.0.2.0/24\n# a\n.example.org\nbad line\n::1\n",
	                                    "via proxy proto tcp port 80,8000-8080 not domain .example.org,@ads",
	                                    "reject host dst 10.0.0.0/8,2001:db8::/32 process \"a b\",/bin/c over 20",
	                                    "allow connect-later cgroup /a src @b"};
	static const uint8_t readers[] = {READ_STREAM, READ_LINE, READ_LINE, READ_SET, READ_RULE, READ_RULE, READ_RULE};
	uint8_t hello[HELLO_ROOM], bytes[HELLO_ROOM * 2];
	size_t size = make_hello(hello, "www.example.org", 300);
	unsigned i;
	size_t n = 0;

	for (i = 0; i < 7; i++)
		seed(i, (enum reader)readers[i], texts[i], strlen(texts[i]));
	seed(7, READ_MESSAGE, hello, size);
	seed(8, READ_STREAM, bytes, make_records(bytes, hello, size, 16384));
	seed(9, READ_STREAM, bytes, make_records(bytes, hello, size, 60));
	seed(10, READ_DNS, bytes, make_query(bytes, "www.example.org"));
	put_crypto(bytes, &n, hello, 200, size - 200);
	put_crypto(bytes, &n, hello, 0, 200);
	seed(12, READ_FRAMES, bytes, n);
	make_initial(hello, id, sizeof(id), 0, bytes, n);
	seed(13, READ_QUIC, hello, INITIAL_SIZE);
	seed(11, READ_MESSAGE, hello, make_hello(hello, "a.example", 0));
}

static size_t mutate(uint8_t *out, const uint8_t *in, size_t size)
{
	uint32_t n = any(6), i;

	memcpy(out, in, size);
	for (i = 0; i < n && size > 1; i++) {
		uint32_t at = 1 + any((uint32_t)size - 1);

		switch (any(4)) {
		case 0:
			out[at] = (uint8_t)any(256);
			break;
		case 1:
			out[at] ^= (uint8_t)(1 << any(8));
			break;
		case 2:
			size = at;
			break;
		default:
			out[at] = (uint8_t)(any(2) ? 0 : 255);
		}
	}
	return size;
}

int main(void)
{
	uint8_t *pages = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t work[sizeof(seeds[0].bytes)];
	unsigned i, k;
	size_t size;

	must(pages != MAP_FAILED && !mprotect(pages + ROOM, 4096, PROT_NONE), "no pages");
	make_seeds();
	for (i = 0; i < SEEDS; i++) {
		for (k = 0; k < ROUNDS; k++) {
			size = k ? mutate(work, seeds[i].bytes, seeds[i].size) : seeds[i].size;
			memcpy(pages + ROOM - size, k ? work : seeds[i].bytes, size);
			LLVMFuzzerTestOneInput(pages + ROOM - size, size);
		}
	}
	for (i = 0; i < READERS; i++)
		must(seen[i] > 100, "a reader saw hardly anything that makes sense");
	printf("%d inputs of %d seeds\n", ROUNDS * SEEDS, SEEDS);
	return 0;
}
#endif
