/* SPDX-License-Identifier: MIT
 * tests/unit/test_packet_parse.c - the parser: good packets, and every way of being bad
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "packet/parse.h"
#include "packet/verify.h"
#include "packet/wire.h"
#include "golden.h"
#include "packets.h"

static const struct kind {
	int family;
	unsigned proto;
} kinds[] = {{4, 6}, {4, 17}, {4, 1}, {6, 6}, {6, 17}, {6, 58}};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* Parses a copy that ends where the packet ends. */
static enum packet_verdict parse(const uint8_t *p, size_t size, struct packet_view *view)
{
	uint8_t *copy = exact_copy(p, size);
	enum packet_verdict verdict = packet_parse(copy, (uint32_t)size, view);

	free(copy);
	return verdict;
}

static void assert_verdict(const uint8_t *p, size_t size, enum packet_verdict wanted)
{
	struct packet_view view;
	enum packet_verdict got = parse(p, size, &view);

	if (got != wanted)
		fail_msg("%s, not %s", packet_verdict_name(got), packet_verdict_name(wanted));
}

static void views_say_where_everything_is(void **state)
{
	struct packet_view v;
	adit_addr src, dst;
	uint8_t p[200];
	size_t size, i;

	for (i = 0; i < KINDS; i++) {
		size_t ip = kinds[i].family == 4 ? 20 : 40;

		size = make_packet(p, kinds[i].family, kinds[i].proto, 50);
		assert_int_equal(parse(p, size, &v), PACKET_OK);
		assert_int_equal(v.version, kinds[i].family);
		assert_int_equal(v.proto, kinds[i].proto);
		assert_int_equal(v.total, size);
		assert_int_equal(v.l4, ip);
		assert_int_equal(v.payload, ip + l4_size(kinds[i].proto));
		assert_int_equal(v.next_at, ip == 20 ? 9 : 6);
		assert_int_equal(v.fragment_data, 0);
		assert_int_equal(v.src_port, 40000);
		assert_int_equal(v.dst_port, v.proto == 6 || v.proto == 17 ? 443 : 40000);
		assert_int_equal(v.tcp_flags, v.proto == 6 ? WIRE_TCP_ACKED | WIRE_TCP_PSH : 0);
		assert_int_equal(v.icmp_type, v.proto == 1 ? 8 : v.proto == 58 ? 128 : 0);
		packet_endpoints(p, &v, &src, &dst);
		assert_int_equal(src.family, kinds[i].family);
		assert_int_equal(src.port, 40000);
		assert_memory_equal(src.ip, p + (ip == 20 ? 12 : 8), ip == 20 ? 4 : 16);
		assert_memory_equal(dst.ip, p + (ip == 20 ? 16 : 24), ip == 20 ? 4 : 16);
	}
}

/* What a kernel really sends is read as it was meant, and its checksums are right. */
static void reads_golden_packets(void **state)
{
	struct packet_view v;
	uint8_t p[200];
	uint32_t i, size;

	for (i = 0; i < GOLDEN; i++) {
		size = from_hex(golden[i].hex, p);
		if (parse(p, size, &v) != PACKET_OK)
			fail_msg("%s: %s", golden[i].what, packet_verdict_name(parse(p, size, &v)));
		assert_int_equal(v.version, golden[i].version);
		assert_int_equal(v.proto, golden[i].proto);
		assert_int_equal(v.src_port, golden[i].src_port);
		assert_int_equal(v.dst_port, golden[i].dst_port);
		assert_int_equal(v.payload, golden[i].payload);
		assert_int_equal(v.total, size);
		assert_true(packet_header_checksum_ok(p, &v));
		assert_true(packet_checksum_ok(p, &v));
	}
}

/* Every length from nothing to eight bytes beyond the headers: cut off (the length field says more than there
 * is), and honest (the length field says what there is). Only whole headers pass. */
static void every_length_of_every_kind(void **state)
{
	struct packet_view v;
	uint8_t p[200];
	size_t i, len, ip, least;

	for (i = 0; i < KINDS; i++) {
		ip = kinds[i].family == 4 ? 20 : 40;
		least = ip + l4_size(kinds[i].proto);
		for (len = 0; len <= least + 8; len++) {
			enum packet_verdict wanted;

			make_packet(p, kinds[i].family, kinds[i].proto, 9);
			assert_verdict(p, len, len < ip ? PACKET_SHORT : PACKET_BAD_TOTAL_LENGTH);
			put16(p + (ip == 20 ? 2 : 4), (unsigned)(ip == 20 ? len : len - 40));
			if (kinds[i].proto == 17 && len >= least)
				put16(p + ip + 4, (unsigned)(len - ip));
			wanted = len < ip ? PACKET_SHORT : len < least ? PACKET_BAD_L4_LENGTH : PACKET_OK;
			assert_verdict(p, len, wanted);
			if (wanted == PACKET_OK) {
				parse(p, len, &v);
				assert_int_equal(v.payload, least);
				assert_int_equal(v.total, len);
			}
		}
	}
}

static void bytes_beyond_the_total_are_padding(void **state)
{
	struct packet_view v;
	uint8_t p[200] = {0};
	size_t i, size;

	for (i = 0; i < KINDS; i++) {
		size = make_packet(p, kinds[i].family, kinds[i].proto, 5);
		assert_int_equal(parse(p, size + 13, &v), PACKET_OK);
		assert_int_equal(v.total, size);
	}
}

static void versions_other_than_4_and_6(void **state)
{
	uint8_t p[100];
	size_t size = make_packet(p, 4, 6, 0);
	unsigned version;

	for (version = 0; version < 16; version++) {
		p[0] = (uint8_t)(version << 4 | 5);
		if (version != 4 && version != 6)
			assert_verdict(p, size, PACKET_BAD_VERSION);
	}
}

static void ipv4_header_lengths(void **state)
{
	uint8_t p[100];
	size_t size = make_packet(p, 4, 17, 0);
	unsigned words;

	for (words = 0; words < 5; words++) {
		p[0] = (uint8_t)(0x40 | words);
		assert_verdict(p, size, PACKET_BAD_HEADER_LENGTH);
	}
	p[0] = 0x4f;
	assert_verdict(p, size, PACKET_BAD_HEADER_LENGTH);
	p[0] = 0x45;
	put16(p + 2, 19);
	assert_verdict(p, size, PACKET_BAD_TOTAL_LENGTH);
	put16(p + 2, 0);
	assert_verdict(p, size, PACKET_BAD_TOTAL_LENGTH);
}

/* Puts `size` bytes (a multiple of 4) of options into an IPv4 UDP packet. */
static size_t with_options(uint8_t *p, const void *options, size_t size)
{
	uint8_t plain[100];
	size_t whole = make_packet(plain, 4, 17, 4);

	memcpy(p, plain, 20);
	memcpy(p + 20, options, size);
	memcpy(p + 20 + size, plain + 20, whole - 20);
	p[0] = (uint8_t)(0x45 + size / 4);
	put16(p + 2, (unsigned)(whole + size));
	return whole + size;
}

static void ipv4_options(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		enum packet_verdict verdict;
	} cases[] = {
		{"\x94\x04\x00\x00", 4, PACKET_OK},                         /* router alert */
		{"\x01\x01\x01\x00", 4, PACKET_OK},                         /* nop, end */
		{"\x00\x83\x00\x00", 4, PACKET_OK},                         /* nothing counts behind the end */
		{"\x82\x04\xff\xff\x01\x01\x01\x01", 8, PACKET_OK},         /* old security option */
		{"\x83\x07\x04\x01\x02\x03\x04\x00", 8, PACKET_BAD_OPTION}, /* loose source route */
		{"\x89\x07\x04\x01\x02\x03\x04\x00", 8, PACKET_BAD_OPTION}, /* strict source route */
		{"\x01\x83\x07\x04\x01\x02\x03\x04", 8, PACKET_BAD_OPTION},
		{"\x07\x07\x04\x00\x00\x00\x00\x00", 8, PACKET_BAD_OPTION}, /* record route */
		{"\x44\x08\x05\x00\x00\x00\x00\x00", 8, PACKET_BAD_OPTION}, /* timestamp */
		{"\x94\x00\x00\x00", 4, PACKET_BAD_OPTION},                 /* no length */
		{"\x94\x01\x00\x00", 4, PACKET_BAD_OPTION},
		{"\x94\x05\x00\x00", 4, PACKET_BAD_OPTION}, /* longer than the header */
		{"\x01\x01\x01\x94", 4, PACKET_BAD_OPTION}, /* length cut off */
	};
	uint8_t p[200], full[40];
	struct packet_view v;
	size_t i, size;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size = with_options(p, cases[i].bytes, cases[i].size);
		assert_verdict(p, size, cases[i].verdict);
		if (cases[i].verdict == PACKET_OK) {
			parse(p, size, &v);
			assert_int_equal(v.l4, 20 + cases[i].size);
			assert_int_equal(v.dst_port, 443);
		}
	}
	memset(full, 1, sizeof(full));
	size = with_options(p, full, sizeof(full));
	assert_verdict(p, size, PACKET_OK);
}

static void tcp_data_offsets(void **state)
{
	uint8_t p[200];
	unsigned words;
	size_t size;

	for (words = 0; words < 16; words++) {
		size = make_packet(p, 6, 6, 20); /* room for ten words */
		p[52] = (uint8_t)(words << 4);
		assert_verdict(p, size, words < 5 || words > 10 ? PACKET_BAD_L4_LENGTH : PACKET_OK);
	}
}

/* All 256: a SYN stands without FIN and RST; whatever else there is needs an ACK or a RST. */
static void tcp_flags(void **state)
{
	uint8_t p[200];
	unsigned flags;
	size_t size = make_packet(p, 4, 6, 0);

	for (flags = 0; flags < 256; flags++) {
		int bad = (flags & 2) ? (flags & 5) != 0 : (flags & 0x14) == 0;

		p[33] = (uint8_t)flags;
		assert_verdict(p, size, bad ? PACKET_BAD_FLAGS : PACKET_OK);
	}
	p[33] = 0x29; /* xmas */
	assert_verdict(p, size, PACKET_BAD_FLAGS);
	p[33] = 0x00; /* null */
	assert_verdict(p, size, PACKET_BAD_FLAGS);
}

static void udp_lengths(void **state)
{
	uint8_t p[200];
	size_t size = make_packet(p, 4, 17, 20);
	unsigned length;

	for (length = 0; length < 60; length++) {
		put16(p + 24, length);
		assert_verdict(p, size, length == 28 ? PACKET_OK : PACKET_BAD_L4_LENGTH);
	}
}

static void unknown_protocols(void **state)
{
	struct packet_view v;
	uint8_t p[200];
	unsigned proto;
	size_t size;

	for (proto = 0; proto < 256; proto++) {
		size = make_packet(p, 4, 17, 20);
		p[9] = (uint8_t)proto;
		if (proto == 1 || proto == 6 || proto == 17)
			continue;
		assert_int_equal(parse(p, size, &v), PACKET_UNKNOWN_PROTOCOL);
		assert_int_equal(v.l4, 20);
		assert_int_equal(v.proto, proto);
		size = make_packet(p, 6, 17, 20);
		p[6] = (uint8_t)proto;
		if (proto != 58 && proto != 0 && proto != 43 && proto != 44 && proto != 60)
			assert_int_equal(parse(p, size, &v), PACKET_UNKNOWN_PROTOCOL);
	}
}

/* An IPv6 UDP packet behind a chain of extension headers: pairs of (type, header of 8 bytes). */
struct extension {
	uint8_t type;
	uint8_t bytes[8]; /* [0] is filled in */
};

static size_t with_extensions(uint8_t *p, const struct extension *chain, size_t count)
{
	uint8_t plain[100];
	size_t whole = make_packet(plain, 6, 17, 4), i;

	memcpy(p, plain, 40);
	if (count)
		p[6] = chain[0].type;
	for (i = 0; i < count; i++) {
		memcpy(p + 40 + 8 * i, chain[i].bytes, 8);
		p[40 + 8 * i] = i + 1 < count ? chain[i + 1].type : 17;
	}
	memcpy(p + 40 + 8 * count, plain + 40, whole - 40);
	put16(p + 4, (unsigned)(whole - 40 + 8 * count));
	return whole + 8 * count;
}

#define PADN {0, 0, 1, 4, 0, 0, 0, 0}

static void ipv6_extensions(void **state)
{
	static const struct {
		const char *what;
		enum packet_verdict verdict;
		size_t count;
		struct extension chain[3];
	} cases[] = {
		{"hop-by-hop", PACKET_OK, 1, {{0, PADN}}},
		{"destination", PACKET_OK, 1, {{60, PADN}}},
		{"hop-by-hop, then destination", PACKET_OK, 2, {{0, PADN}, {60, PADN}}},
		{"hop-by-hop second", PACKET_BAD_EXTENSION, 2, {{60, PADN}, {0, PADN}}},
		{"hop-by-hop twice", PACKET_BAD_EXTENSION, 2, {{0, PADN}, {0, PADN}}},
		{"router alert", PACKET_OK, 1, {{0, {0, 0, 5, 2, 0, 0, 1, 0}}}},
		{"Pad1 only", PACKET_OK, 1, {{0, {0, 0, 0, 0, 0, 0, 0, 0}}}},
		{"option past the end", PACKET_BAD_EXTENSION, 1, {{0, {0, 0, 5, 5, 0, 0, 0, 0}}}},
		{"option without length", PACKET_BAD_EXTENSION, 1, {{0, {0, 0, 1, 3, 0, 0, 0, 5}}}},
		{"jumbo", PACKET_BAD_EXTENSION, 1, {{0, {0, 0, 0xc2, 4, 0, 1, 0, 0}}}},
		{"discard if unknown", PACKET_BAD_EXTENSION, 1, {{60, {0, 0, 0x5e, 4, 0, 0, 0, 0}}}},
		{"home address", PACKET_BAD_EXTENSION, 1, {{60, {0, 0, 0xc9, 4, 0, 0, 0, 0}}}},
		{"routing type 0", PACKET_BAD_EXTENSION, 1, {{43, {0, 0, 0, 0, 0, 0, 0, 0}}}},
		{"routing with stops left", PACKET_BAD_EXTENSION, 1, {{43, {0, 0, 4, 1, 0, 0, 0, 0}}}},
		{"routing at its end", PACKET_OK, 1, {{43, {0, 0, 4, 0, 0, 0, 0, 0}}}},
		{"longer than the packet", PACKET_BAD_EXTENSION, 1, {{60, {0, 9, 1, 4, 0, 0, 0, 0}}}},
		{"atomic fragment", PACKET_OK, 1, {{44, {0, 0, 0, 0, 1, 2, 3, 4}}}},
		{"two atomic fragments", PACKET_BAD_EXTENSION, 2, {{44, {0}}, {44, {0}}}},
		{"destination in an atomic fragment", PACKET_OK, 2, {{44, {0}}, {60, PADN}}},
	};
	uint8_t p[200];
	struct packet_view v;
	size_t i, size;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum packet_verdict got;

		size = with_extensions(p, cases[i].chain, cases[i].count);
		got = parse(p, size, &v);
		if (got != cases[i].verdict)
			fail_msg("%s: %s", cases[i].what, packet_verdict_name(got));
		if (got == PACKET_OK) {
			assert_int_equal(v.l4, 40 + 8 * cases[i].count);
			assert_int_equal(v.next_at, 40 + 8 * (cases[i].count - 1));
			assert_int_equal(v.dst_port, 443);
			assert_int_equal(v.fragment_data, 0);
		}
	}
}

static void ipv6_chains_end_after_eight(void **state)
{
	struct extension chain[10];
	uint8_t p[400];
	size_t count, len, size;

	for (count = 0; count < 10; count++)
		chain[count] = (struct extension){60, PADN};
	for (count = 0; count <= 10; count++) {
		size = with_extensions(p, chain, count);
		assert_verdict(p, size, count <= 8 ? PACKET_OK : PACKET_BAD_EXTENSION);
	}
	/* Every place where such a packet may end. */
	size = with_extensions(p, chain, 3);
	for (len = 40; len < size; len++) {
		put16(p + 4, (unsigned)(len - 40));
		assert_verdict(p, len, len < 64 ? PACKET_BAD_EXTENSION : PACKET_BAD_L4_LENGTH);
	}
	/* Only a header whose end is there counts, so a chain may name a long one. */
	chain[0].bytes[1] = 255;
	chain[0].bytes[2] = 0;
	chain[0].bytes[3] = 0;
	size = with_extensions(p, chain, 1);
	assert_verdict(p, size, PACKET_BAD_EXTENSION);
}

static void ipv4_fragments(void **state)
{
	struct packet_view v;
	uint8_t p[2000];
	size_t size = make_packet(p, 4, 17, 800);

	put16(p + 4, 0xbeef);
	put16(p + 6, 0x2000);
	assert_int_equal(parse(p, size, &v), PACKET_FRAGMENT);
	assert_int_equal(v.fragment_id, 0xbeef);
	assert_int_equal(v.fragment_offset, 0);
	assert_int_equal(v.fragment_more, 1);
	assert_int_equal(v.fragment_data, 20);
	assert_int_equal(v.proto, 17);
	put16(p + 6, 0x00ff);
	assert_int_equal(parse(p, size, &v), PACKET_FRAGMENT);
	assert_int_equal(v.fragment_offset, 255 * 8);
	assert_int_equal(v.fragment_more, 0);
	put16(p + 6, 0x4000); /* do not fragment: no fragment */
	assert_verdict(p, size, PACKET_OK);
	put16(p + 6, 0x1fff); /* beyond 65,535 */
	assert_verdict(p, size, PACKET_BAD_FRAGMENT);
	put16(p + 6, 0x2001);
	put16(p + 2, (unsigned)size - 1); /* more follow, not a multiple of eight */
	assert_verdict(p, size, PACKET_BAD_FRAGMENT);
	put16(p + 2, 20); /* empty */
	assert_verdict(p, size, PACKET_BAD_FRAGMENT);
	put16(p + 6, 0x2000);
	p[9] = 6;
	put16(p + 2, 36); /* 16 bytes of TCP: no room for the flags' neighbours */
	assert_verdict(p, size, PACKET_TINY_FRAGMENT);
	put16(p + 2, 44);
	assert_verdict(p, size, PACKET_FRAGMENT);
	p[9] = 47;
	assert_verdict(p, size, PACKET_UNKNOWN_PROTOCOL);
	put16(p + 6, 0x0004);
	assert_verdict(p, size, PACKET_UNKNOWN_PROTOCOL);
}

static void ipv6_fragments(void **state)
{
	struct extension chain[3] = {{60, PADN}, {44, {0, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef}}, {60, PADN}};
	struct packet_view v;
	uint8_t p[400];
	size_t size = with_extensions(p, chain, 2);

	put16(p + 4, (unsigned)(size - 40 - 4)); /* the whole UDP header and no payload: a multiple of eight */
	assert_int_equal(parse(p, size, &v), PACKET_FRAGMENT);
	assert_int_equal(v.fragment_id, 0xdeadbeef);
	assert_int_equal(v.fragment_data, 56);
	assert_int_equal(v.fragment_next, 40);
	assert_int_equal(v.l4, 56);
	assert_int_equal(v.proto, 17);
	size = with_extensions(p, chain, 3);
	put16(p + 4, (unsigned)(size - 40 - 4));
	assert_int_equal(parse(p, size, &v), PACKET_FRAGMENT);
	assert_int_equal(v.l4, 64);
	put16(p + 4, 24); /* the chain goes on in the next fragment (RFC 7112) */
	assert_verdict(p, size, PACKET_TINY_FRAGMENT);
	put16(p + 50, 8); /* a later one: nothing behind the fragment header is looked at */
	put16(p + 4, 24);
	assert_int_equal(parse(p, size, &v), PACKET_FRAGMENT);
	assert_int_equal(v.fragment_offset, 8);
	assert_int_equal(v.fragment_more, 0);
	put16(p + 50, 0xfff8);
	assert_verdict(p, size, PACKET_BAD_FRAGMENT);
	put16(p + 50, 0xfff8 - 16);
	assert_verdict(p, size, PACKET_FRAGMENT);
}

static void super_packets_may_be_longer_than_their_length_field(void **state)
{
	enum { BIG = 70000 };
	uint8_t *p = calloc(1, BIG);
	struct packet_view v;

	assert_non_null(p);
	make_packet(p, 4, 6, 0);
	put16(p + 2, 0);
	assert_int_equal(packet_parse(p, BIG, &v), PACKET_BAD_TOTAL_LENGTH);
	assert_int_equal(packet_parse_super(p, BIG, &v), PACKET_OK);
	assert_int_equal(v.total, BIG);
	put16(p + 2, 65535);
	assert_int_equal(packet_parse_super(p, BIG, &v), PACKET_OK);
	assert_int_equal(v.total, 65535);
	make_packet(p, 6, 6, 0);
	put16(p + 4, 0);
	assert_int_equal(packet_parse(p, BIG, &v), PACKET_BAD_L4_LENGTH);
	assert_int_equal(packet_parse_super(p, BIG, &v), PACKET_OK);
	assert_int_equal(v.total, BIG);
	/* With the jumbo option that Linux puts there. */
	memmove(p + 48, p + 40, 20);
	memcpy(p + 40, "\x06\x00\xc2\x04\x00\x01\x11\x48", 8);
	p[6] = 0;
	assert_int_equal(packet_parse(p, BIG, &v), PACKET_BAD_EXTENSION);
	assert_int_equal(packet_parse_super(p, BIG, &v), PACKET_OK);
	assert_int_equal(v.l4, 48);
	assert_int_equal(packet_parse_super(p, 40, &v), PACKET_BAD_EXTENSION);
	free(p);
}

/* Damage in every byte, at every length: what is called good keeps the promises of parse.h. */
static void damaged_packets_keep_the_promises(void **state)
{
	uint32_t seed = 11, round, i;
	struct packet_view v;
	uint8_t p[400];
	size_t size, len;

	for (round = 0; round < 200000; round++) {
		const struct kind *k = &kinds[next_random(&seed) % KINDS];

		size = make_packet(p, k->family, k->proto, next_random(&seed) % 60);
		for (i = next_random(&seed) % 4; i > 0; i--)
			p[next_random(&seed) % size] = (uint8_t)next_random(&seed);
		len = next_random(&seed) % 3 ? size : next_random(&seed) % (size + 1);
		switch (parse(p, len, &v)) {
		case PACKET_OK:
			assert_true(v.l4 >= 20 && v.l4 + 8 <= v.payload && v.payload <= v.total && v.total <= len);
			break;
		case PACKET_FRAGMENT:
			assert_true(v.fragment_data >= 20 && v.fragment_data < v.total && v.total <= len);
			break;
		default:
			break;
		}
	}
}

static void verdicts_have_names(void **state)
{
	int i, k;

	for (i = 0; i < PACKET_VERDICTS; i++)
		for (k = 0; k < i; k++)
			assert_string_not_equal(packet_verdict_name(i), packet_verdict_name(k));
	assert_string_equal(packet_verdict_name(PACKET_LAND), "land");
	assert_string_equal(packet_verdict_name(PACKET_VERDICTS), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_say_where_everything_is),
		cmocka_unit_test(reads_golden_packets),
		cmocka_unit_test(every_length_of_every_kind),
		cmocka_unit_test(bytes_beyond_the_total_are_padding),
		cmocka_unit_test(versions_other_than_4_and_6),
		cmocka_unit_test(ipv4_header_lengths),
		cmocka_unit_test(ipv4_options),
		cmocka_unit_test(tcp_data_offsets),
		cmocka_unit_test(tcp_flags),
		cmocka_unit_test(udp_lengths),
		cmocka_unit_test(unknown_protocols),
		cmocka_unit_test(ipv6_extensions),
		cmocka_unit_test(ipv6_chains_end_after_eight),
		cmocka_unit_test(ipv4_fragments),
		cmocka_unit_test(ipv6_fragments),
		cmocka_unit_test(super_packets_may_be_longer_than_their_length_field),
		cmocka_unit_test(damaged_packets_keep_the_promises),
		cmocka_unit_test(verdicts_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
