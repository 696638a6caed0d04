/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_packet.c - fuzz target: parser, reassembly, refusals and ICMP errors on any bytes
 *
 * An input is a row of packets, each behind its size in two bytes, the last one taking what is left. What must
 * hold of every packet is asserted here; a sanitizer sees the rest. With libFuzzer:
 *     clang -fsanitize=fuzzer,address,undefined -DPACKET_LIBFUZZER ... fuzz_packet.c framework/packet/[a-z]*.c
 *     a.out -max_len=8192 CORPUS tests/fuzz/packet-seeds
 * Without, main() runs the seeds of a folder and some thousand damaged copies of them, always the same ones.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/icmp_error.h"
#include "packet/reassembly.h"
#include "packet/refuse.h"
#include "packet/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what) ((what) ? (void)0 : broken(__LINE__, #what))

static void broken(int line, const char *what)
{
	fprintf(stderr, "fuzz_packet: line %d: not so: %s\n", line, what);
	abort();
}

static void check_answer(const uint8_t *out, uint32_t size)
{
	struct packet_view v;

	if (!size)
		return;
	MUST(packet_parse(out, size, &v) == PACKET_OK);
	MUST(v.total == size && !v.fragment_data);
	MUST(packet_header_checksum_ok(out, &v) && packet_checksum_ok(out, &v));
	if (v.proto == ADIT_PROTO_TCP)
		MUST(refuse_reset(out, &v, (uint8_t[REFUSE_ROOM]){0}, REFUSE_ROOM) == 0);
	else
		MUST(refuse_unreachable(out, &v, REFUSE_PORT, NULL, (uint8_t[REFUSE_ROOM]){0}, REFUSE_ROOM) == 0);
}

static void answer(const uint8_t *p, const struct packet_view *v)
{
	uint8_t out[REFUSE_ROOM];
	unsigned kind;

	check_answer(out, refuse_reset(p, v, out, sizeof(out)));
	for (kind = REFUSE_PORT; kind <= REFUSE_PROTOCOL; kind++)
		check_answer(out, refuse_unreachable(p, v, kind, NULL, out, sizeof(out)));
}

/* Gives the verdict; whatever is good keeps the promises of packet/parse.h. */
static enum packet_verdict look_at(const uint8_t *p, uint32_t size, struct packet_view *v)
{
	enum packet_verdict verdict = packet_parse(p, size, v);
	struct icmp_error e;
	adit_addr src, dst;

	MUST(verdict < PACKET_VERDICTS);
	if (verdict == PACKET_OK) {
		MUST(v->l4 >= 20 && v->l4 + 8 <= v->payload && v->payload <= v->total && v->total <= size);
		packet_endpoints(p, v, &src, &dst);
		MUST(src.family == v->version && dst.family == v->version);
		packet_checksum_ok(p, v);
		packet_header_checksum_ok(p, v);
		if (icmp_error_parse(p, v, &e) == PACKET_OK)
			MUST(e.l4 + 8u <= v->total && e.addresses + 2u * e.address_size <= e.l4);
	}
	if (verdict == PACKET_FRAGMENT)
		MUST(v->fragment_data >= 20 && v->fragment_data < v->total && v->total <= size);
	if (verdict == PACKET_OK || verdict == PACKET_FRAGMENT || verdict == PACKET_UNKNOWN_PROTOCOL)
		answer(p, v);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reassembly_limits limits = {8, 4, 16384, 1000};
	struct reassembly *r = reassembly_new(&limits);
	uint64_t now = 0;

	MUST(r);
	while (size >= 2) {
		uint32_t n = (uint32_t)data[0] << 8 | data[1], whole_size;
		struct packet_view v;
		uint8_t *p, *whole;

		data += 2;
		size -= 2;
		n = n < size ? n : (uint32_t)size;
		p = malloc(n ? n : 1); /* of its own, so that a read beyond its end is seen */
		MUST(p);
		memcpy(p, data, n);
		if (look_at(p, n, &v) == PACKET_FRAGMENT &&
		    reassembly_add(r, &v, p, now += 100, &whole, &whole_size) == PACKET_OK)
			MUST(look_at(whole, whole_size, &v) != PACKET_FRAGMENT);
		packet_parse_super(p, n, &v);
		MUST(reassembly_count(r)->bytes <= limits.bytes);
		MUST(reassembly_count(r)->datagrams <= limits.datagrams);
		free(p);
		data += n;
		size -= n;
	}
	reassembly_expire(r, now + limits.timeout_ns);
	MUST(reassembly_count(r)->bytes == 0 && reassembly_count(r)->datagrams == 0);
	reassembly_free(r);
	return 0;
}

#ifndef PACKET_LIBFUZZER

enum { ROUNDS = 3000, MOST = 8192 };

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void run_damaged(const uint8_t *seed, size_t size)
{
	uint8_t copy[MOST];
	uint32_t state = 31, round, i;

	for (round = 0; round < ROUNDS; round++) {
		memcpy(copy, seed, size);
		for (i = 1 + next_random(&state) % 4; i > 0; i--)
			copy[next_random(&state) % size] = (uint8_t)(next_random(&state) % 3 ? next_random(&state) : 0xff);
		LLVMFuzzerTestOneInput(copy, next_random(&state) % 4 ? size : next_random(&state) % (size + 1));
	}
}

int main(int argc, char **argv)
{
	const char *top = getenv("srcdir");
	char folder[3000], path[4000];
	struct dirent *entry;
	unsigned seeds = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/tests/fuzz/packet-seeds", top ? top : ".");
	dir = opendir(argc > 1 ? argv[1] : folder);
	if (!dir) {
		perror(argc > 1 ? argv[1] : folder);
		return 1;
	}
	while ((entry = readdir(dir))) {
		uint8_t bytes[MOST];
		size_t size;
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argc > 1 ? argv[1] : folder, entry->d_name);
		f = fopen(path, "rb");
		if (!f) {
			perror(path);
			return 1;
		}
		size = fread(bytes, 1, sizeof(bytes), f);
		fclose(f);
		LLVMFuzzerTestOneInput(bytes, size);
		if (size)
			run_damaged(bytes, size);
		seeds++;
	}
	closedir(dir);
	printf("%u seeds, each also damaged %d times\n", seeds, ROUNDS);
	return seeds ? 0 : 1; /* a replay of nothing is no test */
}

#endif
