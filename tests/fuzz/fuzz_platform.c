/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_platform.c - what platform-linux reads from outside: netlink, device headers,
 * prefixes, super-packets
 *
 * With clang -fsanitize=fuzzer,address,undefined -DFUZZING a fuzz target. Else a program that
 * replays: mutations of built-in seeds from a fixed random sequence, each input at the end of a
 * page behind which nothing may be read.
 */
#include "addresses.h"
#include "cidr.h"
#include "netlink.h"
#include "segment.h"

#include <adit/vnet.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touched; /* keeps what was read alive */
static uint32_t cuts;    /* super-packets that were cut: the seeds reach that far */

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_platform: %s\n", what);
	abort();
}

static void attributes(struct nl_span rest, int depth)
{
	struct nl_span value;
	uint16_t type;
	size_t i;

	while (nl_attribute(&rest, &type, &value) == 1) {
		must(!(type & ~NLA_TYPE_MASK), "an attribute's type has flags");
		for (i = 0; i < value.size; i++)
			touched += value.data[i];
		touched += nl_u32(value);
		if (depth < 4)
			attributes(value, depth + 1);
	}
}

static void netlink(const uint8_t *data, size_t size)
{
	struct nl_span rest = {data, size};
	struct nl_message m;
	struct why why;
	adit_addr own;
	int number;

	while (nl_message(&rest, &m) == 1) {
		struct nl_span body = m.body;

		if (!nl_ack(&m, &number, &why)) {
			must(number >= 0 && number <= 4095, "an errno value out of range");
			must(memchr(why.text, 0, sizeof(why.text)) != NULL, "words without an end");
		}
		if (addresses_read(&m, &own) == 1)
			must(own.family == 4 || own.family == 6, "an address without a family");
		if (!nl_skip(&body, 8))
			attributes(body, 0);
	}
}

static uint32_t pieces_bytes;

static void piece(void *arg, const uint8_t *packet, uint32_t len)
{
	must(len > 28 && len <= 65535, "a segment of odd length");
	pieces_bytes += len;
	touched += packet[len - 1];
}

/* A device header and its packet: whatever passes must survive being written, cut and completed. */
static void packet(const uint8_t *data, size_t size)
{
	static uint8_t scratch[SEGMENT_ROOM];
	uint8_t header[ADIT_VNET_SIZE];
	adit_buf b;
	int32_t n;

	if (size <= ADIT_VNET_SIZE || size > 65535)
		return;
	memset(&b, 0, sizeof(b));
	b.data = (uint8_t *)data + ADIT_VNET_SIZE;
	b.len = (uint32_t)size - ADIT_VNET_SIZE;
	if (adit_vnet_read(data, &b))
		return;
	adit_vnet_write(header, &b);
	must(!!(header[0] & 1) == !!(b.flags & ADIT_BUF_CSUM_NEEDED), "the checksum flag is lost");
	if (b.flags & ADIT_BUF_GSO) {
		pieces_bytes = 0;
		n = segment_cut(&b, scratch, piece, NULL);
		cuts += n > 1;
		must(n >= 1 || n == ADIT_EINVAL, "cut into nothing");
		must(n < 1 || pieces_bytes == b.len + (uint32_t)(n - 1) * b.hdr_len,
		     "cutting loses bytes");
	}
	n = segment_complete(&b, scratch);
	must(n == (int32_t)b.len, "completing loses bytes");
}

static void prefix(const uint8_t *data, size_t size)
{
	char text[80], back[CIDR_TEXT];
	struct cidr c;

	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = '\0';
	if (cidr_parse(text, &c))
		return;
	must(cidr_valid(&c), "an invalid prefix was read");
	cidr_text(&c, back, sizeof(back));
	cidr_mask(&c);
	must(!cidr_parse(back, &c), "what was written cannot be read");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	netlink(data, size);
	packet(data, size);
	prefix(data, size);
	return 0;
}

#ifndef FUZZING
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 200000, PAGE = 4096 };

static const struct {
	const char *bytes;
	size_t size;
} seeds[] = {
#define SEED(s) \
	{ \
		s, sizeof(s) - 1 \
	}
	/* an acknowledgement: EPERM, the request's header, words */
	SEED("\54\0\0\0\2\0\0\3\1\0\0\0\0\0\0\0\377\377\377\377\44\0\0\0\24\0\5\4\1\0\0\0\0\0\0\0"
             "\10\0\1\0no\0\0"),
	/* two messages with attributes, one nested */
	SEED("\40\0\0\0\20\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\10\0\3\0lo\0\0"
             "\44\0\0\0\20\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\14\0\22\200\10\0\1\0\1\0\0\0"),
	/* an address, as in a dump: 127.0.0.1/8 on interface 1 */
	SEED("\50\0\0\0\24\0\2\0\1\0\0\0\0\0\0\0\2\10\200\376\1\0\0\0"
             "\10\0\1\0\177\0\0\1\10\0\2\0\177\0\0\1"),
	/* UDP super-packet of three datagrams of 4 bytes, IPv4 */
	SEED("\1\5\34\0\4\0\24\0\6\0\105\0\0\50\0\0\100\0\100\21\0\0\12\0\0\1\12\0\0\2\0\65\0\65\0"
             "\24\0\0abcdefghijkl"),
	/* TCP super-packet, IPv6 */
	SEED("\1\4\74\0\3\0\50\0\20\0\140\0\0\0\0\32\6\100\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\375\0"
             "\0\0\0\0\0\0\0\0\0\0\0\0\0"
             "\2\0\120\0\120\0\0\0\1\0\0\0\1\120\31\0\0\0\0\0\0abcdef"),
	SEED("2001:db8::1/64"),
	SEED("198.18.0.1/16"),
};

static uint64_t state = 88172645463325252u;

/* xorshift: the sequence is the same on every run. */
static uint32_t next(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

int main(void)
{
	uint8_t *pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t i, j;

	if (pages == MAP_FAILED || mprotect(pages + PAGE, PAGE, PROT_NONE))
		return 99;
	for (i = 0; i < ROUNDS; i++) {
		uint32_t k = i % (sizeof(seeds) / sizeof(seeds[0]));
		size_t size = i < 100 ? seeds[k].size : next((uint32_t)seeds[k].size + 1);
		uint8_t *at = pages + PAGE - size;

		memcpy(at, seeds[k].bytes, size);
		for (j = i < 100 ? 0 : next(4); j && size; j--)
			at[next((uint32_t)size)] =
				(uint8_t)(next(2) ? next(256)
			                          : at[next((uint32_t)size)] ^ 1u << next(8));
		LLVMFuzzerTestOneInput(at, size);
	}
	printf("%u inputs, %u of them cut, sum %llu\n", ROUNDS, cuts, (unsigned long long)touched);
	return cuts > ROUNDS / 100 ? 0 : 1;
}
#endif
