/* SPDX-License-Identifier: MIT
 * tests/unit/test_platform_packet.c - device headers and buffer flags, super-packets cut in
 * software
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "segment.h"

#include <adit/vnet.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

enum { PAYLOAD = 5000, GSO = 1440 };

/* A super-packet for a test: its bytes and its flags. */
struct sample {
	uint8_t bytes[80 + PAYLOAD];
	adit_buf b;
};

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		s += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static uint32_t get16(const uint8_t *p)
{
	return p[0] * 256u + p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) * 65536u + get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* TCP with 12 bytes of options, or UDP, over IPv4 or IPv6 with a destination options header. */
static void make(struct sample *s, int v4, int udp)
{
	uint32_t l4 = v4 ? 20 : 48, head = l4 + (udp ? 8 : 32), i;
	uint8_t *p = s->bytes;

	memset(s, 0, sizeof(*s));
	s->b.data = p;
	s->b.len = head + PAYLOAD;
	s->b.csum_start = (uint16_t)l4;
	s->b.csum_off = udp ? 6 : 16;
	s->b.gso_size = GSO;
	s->b.flags = ADIT_BUF_CSUM_NEEDED | (udp  ? ADIT_BUF_GSO_UDP
	                                     : v4 ? ADIT_BUF_GSO_TCP4
	                                          : ADIT_BUF_GSO_TCP6);
	if (v4) {
		memcpy(p, "\105\0\0\0\377\377\100\0\100\0\0\0\12\1\2\3\300\0\2\7", 20);
		put16(p + 2, s->b.len);
		p[9] = udp ? 17 : 6;
	} else {
		p[0] = 0x60;
		put16(p + 4, s->b.len - 40);
		p[6] = 60;
		p[7] = 64;
		memset(p + 8, 0xfd, 16);
		memset(p + 24, 0x20, 16);
		p[40] = udp ? 17 : 6;
		p[42] = 1;
		p[43] = 4;
	}
	memcpy(p + l4, "\0\120\237\377", 4);
	if (udp) {
		put16(p + l4 + 4, 8 + PAYLOAD);
	} else {
		memcpy(p + l4 + 4, "\377\377\370\0\0\0\0\1\200\231\1\0\0\0\0\0\1\1\10\12", 20);
	}
	put16(p + l4 + s->b.csum_off,
	      sum((udp ? 17 : 6) + s->b.len - l4, v4 ? p + 12 : p + 8, v4 ? 8 : 32));
	for (i = 0; i < PAYLOAD; i++)
		p[head + i] = (uint8_t)(i * 7 + i / 256);
}

struct collected {
	const struct sample *of;
	int v4, udp;
	uint32_t count, bytes;
};

/* One packet of the cut series, checked as its receiver would. */
static void collect(void *arg, const uint8_t *p, uint32_t len)
{
	struct collected *c = arg;
	const adit_buf *b = &c->of->b;
	uint32_t l4 = b->csum_start, head = l4 + (c->udp ? 8 : 32), size = len - head;
	int first = !c->count, last = c->bytes + size == PAYLOAD;

	assert_true(last ? size > 0 && size <= GSO : size == GSO);
	if (c->v4) {
		assert_int_equal(get16(p + 2), len);
		assert_int_equal(sum(0, p, 20), 0xffff);
		assert_int_equal(get16(p + 4), (0xffff + c->count) & 0xffff);
	} else {
		assert_int_equal(get16(p + 4), len - 40);
	}
	assert_int_equal(
		sum(sum((c->udp ? 17 : 6) + len - l4, c->v4 ? p + 12 : p + 8, c->v4 ? 8 : 32),
	            p + l4, len - l4),
		0xffff);
	if (c->udp) {
		assert_int_equal(get16(p + l4 + 4), 8 + size);
	} else {
		assert_int_equal(get32(p + l4 + 4), (uint32_t)(0xfffff800u + c->bytes));
		/* CWR on the first alone, FIN and PSH on the last alone. */
		assert_int_equal(p[l4 + 13], 0x10 | (first ? 0x80 : 0) | (last ? 0x09 : 0));
		assert_memory_equal(p + l4 + 20, b->data + l4 + 20, 12);
	}
	assert_memory_equal(p + head, c->of->bytes + head + c->bytes, size);
	c->bytes += size;
	c->count++;
}

static void test_segments_are_whole_packets(void **state)
{
	static uint8_t scratch[SEGMENT_ROOM];
	static struct sample s;
	int kind;

	for (kind = 0; kind < 4; kind++) {
		struct collected c = {&s, kind & 1, kind >> 1, 0, 0};

		make(&s, c.v4, c.udp);
		if (!c.udp)
			s.bytes[s.b.csum_start + 13] = 0x99; /* CWR ACK PSH FIN */
		assert_int_equal(segment_cut(&s.b, scratch, collect, &c), 4);
		assert_int_equal(c.bytes, PAYLOAD);
	}
}

static void test_chains_are_cut_as_well(void **state)
{
	static uint8_t scratch[SEGMENT_ROOM];
	static struct sample s;
	struct collected c = {&s, 1, 0, 0, 0};
	adit_buf tail[3];
	uint32_t at, i;

	make(&s, 1, 0);
	s.bytes[20 + 13] = 0x99;
	memset(tail, 0, sizeof(tail));
	at = s.b.len = 100; /* headers and some of the payload */
	s.b.next = &tail[0];
	for (i = 0; i < 3; i++) {
		tail[i].data = s.bytes + at;
		tail[i].len = i < 2 ? 1441 : 52 + PAYLOAD - at;
		tail[i].next = i < 2 ? &tail[i + 1] : NULL;
		at += tail[i].len;
	}
	assert_int_equal(segment_cut(&s.b, scratch, collect, &c), 4);
	assert_int_equal(c.bytes, PAYLOAD);
}

static void none(void *arg, const uint8_t *p, uint32_t len)
{
	fail();
}

static void test_what_is_not_as_said_is_not_cut(void **state)
{
	static uint8_t scratch[SEGMENT_ROOM];
	static struct sample s;
	uint32_t len;

	for (len = 0; len <= 52; len++) {
		make(&s, 1, 0);
		s.b.len = len; /* no payload, or not even the headers */
		assert_int_equal(segment_cut(&s.b, scratch, none, NULL), ADIT_EINVAL);
	}
	make(&s, 1, 0);
	s.b.gso_size = 0;
	assert_int_equal(segment_cut(&s.b, scratch, none, NULL), ADIT_EINVAL);
	make(&s, 1, 0);
	s.b.csum_start = 24; /* not where the IPv4 header ends */
	assert_int_equal(segment_cut(&s.b, scratch, none, NULL), ADIT_EINVAL);
	make(&s, 1, 0);
	s.b.flags = ADIT_BUF_CSUM_NEEDED | ADIT_BUF_GSO_TCP6;
	assert_int_equal(segment_cut(&s.b, scratch, none, NULL), ADIT_EINVAL);
	make(&s, 1, 0);
	s.bytes[32] = 0x40; /* a TCP header of 16 bytes */
	assert_int_equal(segment_cut(&s.b, scratch, none, NULL), ADIT_EINVAL);
}

static void test_checksums_are_completed(void **state)
{
	static uint8_t scratch[SEGMENT_ROOM];
	static struct sample s;
	int kind;

	for (kind = 0; kind < 4; kind++) {
		int v4 = kind & 1, udp = kind >> 1;
		uint32_t l4, proto = udp ? 17 : 6;

		make(&s, v4, udp);
		s.b.flags = ADIT_BUF_CSUM_NEEDED;
		l4 = s.b.csum_start;
		assert_int_equal(segment_complete(&s.b, scratch), s.b.len);
		assert_int_equal(
			sum(sum(proto + s.b.len - l4, v4 ? scratch + 12 : scratch + 8, v4 ? 8 : 32),
		            scratch + l4, s.b.len - l4),
			0xffff);
	}
	s.b.csum_start = (uint16_t)(s.b.len - 7);
	assert_int_equal(segment_complete(&s.b, scratch), ADIT_EINVAL);
}

/* A header as the kernel's own struct. */
static void header(uint8_t *out, uint32_t flags, uint32_t type, uint32_t gso, uint32_t start,
                   uint32_t off)
{
	struct virtio_net_hdr h = {
		.flags = (uint8_t)flags,
		.gso_type = (uint8_t)type,
		.hdr_len = 9999, /* a lie: must not be believed */
		.gso_size = (uint16_t)gso,
		.csum_start = (uint16_t)start,
		.csum_offset = (uint16_t)off,
	};

	assert_int_equal(sizeof(h), ADIT_VNET_SIZE);
	memcpy(out, &h, sizeof(h));
}

static void test_headers_become_flags(void **state)
{
	static struct sample s;
	struct virtio_net_hdr back;
	uint8_t h[ADIT_VNET_SIZE];
	adit_buf b;

	make(&s, 1, 0);
	b = s.b;
	b.flags = ADIT_BUF_GSO_UDP | ADIT_BUF_RDONLY;
	header(h, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
	       GSO, 20, 16);
	assert_int_equal(adit_vnet_read(h, &b), 0);
	assert_int_equal(b.flags, ADIT_BUF_CSUM_NEEDED | ADIT_BUF_GSO_TCP4 | ADIT_BUF_GSO_ECN |
	                                  ADIT_BUF_RDONLY);
	assert_int_equal(b.gso_size, GSO);
	assert_int_equal(b.csum_start, 20);
	assert_int_equal(b.csum_off, 16);
	assert_int_equal(b.hdr_len, 52);
	adit_vnet_write(h, &b);
	memcpy(&back, h, sizeof(back));
	assert_int_equal(back.hdr_len, 52);
	assert_int_equal(back.gso_type, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
	assert_int_equal(back.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(back.gso_size, GSO);
	header(h, VIRTIO_NET_HDR_F_DATA_VALID, 0, 0, 0, 0);
	assert_int_equal(adit_vnet_read(h, &b), 0);
	assert_int_equal(b.flags, ADIT_BUF_CSUM_OK | ADIT_BUF_RDONLY);
	assert_int_equal(b.gso_size, 0);
	header(h, 0, 0, 0, 0, 0);
	assert_int_equal(adit_vnet_read(h, &b), 0);
	assert_int_equal(b.flags, ADIT_BUF_RDONLY);
}

static void test_headers_that_do_not_fit_are_refused(void **state)
{
	static struct sample s;
	static const struct {
		uint32_t flags, type, gso, start, off;
	} bad[] = {
		{1, 1, 0, 20, 16},     /* no segment size */
		{0, 1, GSO, 20, 16},   /* super-packet without partial checksum */
		{1, 4, GSO, 20, 16},   /* IPv6 said, IPv4 is */
		{1, 3, GSO, 20, 16},   /* UFO */
		{1, 2, GSO, 20, 16},   /* unknown */
		{1, 0x85, GSO, 20, 6}, /* ECN with UDP */
		{1, 1, GSO, 24, 16},   /* L4 elsewhere */
		{1, 1, GSO, 20, 6},    /* the checksum of TCP elsewhere */
		{1, 5, GSO, 20, 16},   /* that of UDP too */
		{1, 0, 0, 5051, 0},    /* outside the packet */
		{1, 0, 0, 20, 65535},  {1, 0, 0, 65535, 65535},
		{1, 0, 0, 19, 0}, /* inside the IP header */
	};
	uint8_t h[ADIT_VNET_SIZE];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make(&s, 1, 0);
		header(h, bad[i].flags, bad[i].type, bad[i].gso, bad[i].start, bad[i].off);
		assert_int_equal(adit_vnet_read(h, &s.b), ADIT_EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments_are_whole_packets),
		cmocka_unit_test(test_chains_are_cut_as_well),
		cmocka_unit_test(test_what_is_not_as_said_is_not_cut),
		cmocka_unit_test(test_checksums_are_completed),
		cmocka_unit_test(test_headers_become_flags),
		cmocka_unit_test(test_headers_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
