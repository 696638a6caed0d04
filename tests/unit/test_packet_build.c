/* SPDX-License-Identifier: MIT
 * tests/unit/test_packet_build.c - packets made for the application, checked by the slow way and by the parser
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "packet/build.h"
#include "packet/parse.h"
#include "packet/verify.h"
#include "packet/wire.h"
#include "packets.h"

static adit_flow_info make_info(int family, uint8_t proto)
{
	adit_flow_info info = {.size = sizeof(info), .proto = proto};

	info.src.family = info.dst.family = (uint8_t)family;
	info.src.port = 40000;
	info.dst.port = 443;
	if (family == 4) {
		memcpy(info.src.ip, "\x0a\x00\x00\x02", 4);
		memcpy(info.dst.ip, "\x01\x01\x01\x01", 4);
	} else {
		memcpy(info.src.ip, test_src6, 16);
		memcpy(info.dst.ip, test_dst6, 16);
	}
	return info;
}

/* A buffer with just so much headroom, and `size` bytes in it. */
static void make_buf(adit_buf *b, uint32_t headroom, uint32_t size)
{
	uint32_t i;

	memset(b, 0, sizeof(*b));
	b->head = malloc(headroom + size + 1);
	if (!b->head)
		abort();
	b->data = b->head + headroom;
	b->len = size;
	b->end = b->data + size;
	for (i = 0; i < size; i++)
		b->data[i] = (uint8_t)(i * 7 + 3);
}

/* The headers are those of a packet from the remote; gives the view. */
static struct packet_view check_packet(const adit_buf *b, const adit_flow_info *info, uint32_t size)
{
	size_t n = info->src.family == 4 ? 4 : 16;
	struct packet_view v;

	assert_int_equal(packet_parse(b->data, size, &v), PACKET_OK);
	assert_int_equal(v.total, size);
	assert_int_equal(v.proto, info->proto);
	assert_memory_equal(b->data + v.addresses, info->dst.ip, n);
	assert_memory_equal(b->data + v.addresses + n, info->src.ip, n);
	assert_true(packet_header_checksum_ok(b->data, &v));
	assert_int_equal(b->data[n == 4 ? 8 : 7], 64);
	if (n == 4) {
		assert_int_equal(wire_u16(b->data, size, 4), 0);
		assert_int_equal(wire_u16(b->data, size, 6), 0x4000);
	}
	assert_int_equal(b->csum_start, v.l4);
	assert_int_equal(b->hdr_len, v.payload);
	return v;
}

static void datagrams_of_every_small_size(void **state)
{
	uint32_t size, family;
	adit_buf b;

	for (family = 4; family <= 6; family += 2)
		for (size = 0; size < 70; size++) {
			adit_flow_info info = make_info((int)family, ADIT_PROTO_UDP);
			uint32_t ip = family == 4 ? 20 : 40;
			struct packet_view v;

			make_buf(&b, ip + 8, size);
			assert_int_equal(build_udp(&b, &info, 0), ADIT_OK);
			assert_ptr_equal(b.data, b.head);
			assert_int_equal(b.len, ip + 8 + size);
			v = check_packet(&b, &info, b.len);
			assert_int_equal(v.src_port, 443);
			assert_int_equal(v.dst_port, 40000);
			assert_int_equal(b.csum_off, 6);
			assert_int_equal(b.flags & ADIT_BUF_CSUM_NEEDED, 0);
			assert_true(packet_checksum_ok(b.data, &v));
			assert_int_not_equal(wire_u16(b.data, b.len, v.l4 + 6u), 0);
			if (size)
				assert_int_equal(b.data[ip + 8], 3);
			free(b.head);
		}
}

/* A device that completes a partial checksum sums from csum_start on: then it is right. */
static void partial_checksums_complete(void **state)
{
	uint32_t family, ip;
	adit_buf b;

	for (family = 4; family <= 6; family += 2) {
		adit_flow_info info = make_info((int)family, ADIT_PROTO_UDP);
		struct packet_view v;

		ip = family == 4 ? 20 : 40;
		make_buf(&b, ADIT_BUF_HEADROOM, 101);
		b.flags = ADIT_BUF_CSUM_OK;
		assert_int_equal(build_udp(&b, &info, BUILD_PARTIAL), ADIT_OK);
		v = check_packet(&b, &info, b.len);
		assert_int_equal(b.flags, ADIT_BUF_CSUM_NEEDED);
		assert_false(packet_checksum_ok(b.data, &v));
		assert_int_equal(wire_u16(b.data, b.len, ip + 6),
		                 (uint16_t)~slow_checksum(b.data + v.addresses, 2u * v.address_size, 17 + 109));
		put16(b.data + b.csum_start + b.csum_off, slow_checksum(b.data + b.csum_start, b.len - b.csum_start, 0));
		assert_true(packet_checksum_ok(b.data, &v));
		free(b.head);
	}
}

/* The payload's last two bytes take every value until the sum is 0: it is sent as ffff. */
static void a_sum_of_zero_is_sent_as_ffff(void **state)
{
	uint32_t family, value, seen = 0;
	struct packet_view v;
	adit_buf b;

	for (family = 4; family <= 6; family += 2)
		for (value = 0; value < 65536; value++) {
			adit_flow_info info = make_info((int)family, ADIT_PROTO_UDP);

			make_buf(&b, 48, 2);
			put16(b.data, value);
			assert_int_equal(build_udp(&b, &info, 0), ADIT_OK);
			assert_int_equal(packet_parse(b.data, b.len, &v), PACKET_OK);
			assert_int_not_equal(wire_u16(b.data, b.len, v.l4 + 6u), 0);
			if (wire_u16(b.data, b.len, v.l4 + 6u) == 0xffff) {
				seen++;
				assert_true(packet_checksum_ok(b.data, &v));
			}
			free(b.head);
		}
	assert_int_equal(seen, 2);
}

static void super_packets(void **state)
{
	uint32_t family;
	adit_buf b;

	for (family = 4; family <= 6; family += 2) {
		adit_flow_info info = make_info((int)family, ADIT_PROTO_UDP);

		make_buf(&b, ADIT_BUF_HEADROOM, 5000);
		b.flags = ADIT_BUF_GSO_UDP;
		b.gso_size = 1200;
		assert_int_equal(build_udp(&b, &info, 0), ADIT_OK);
		check_packet(&b, &info, b.len);
		assert_int_equal(b.flags, ADIT_BUF_GSO_UDP | ADIT_BUF_CSUM_NEEDED);
		assert_int_equal(b.gso_size, 1200);
		free(b.head);

		make_buf(&b, ADIT_BUF_HEADROOM, 1200); /* one segment is no super-packet */
		b.flags = ADIT_BUF_GSO_UDP;
		b.gso_size = 1200;
		assert_int_equal(build_udp(&b, &info, 0), ADIT_OK);
		check_packet(&b, &info, b.len);
		assert_int_equal(b.flags, 0);
		assert_int_equal(b.gso_size, 0);
		free(b.head);
	}
}

/* Chains with segments of odd sizes are summed as one. */
static void chains(void **state)
{
	uint8_t joined[200], *p = joined;
	adit_flow_info info = make_info(6, ADIT_PROTO_UDP);
	struct packet_view v;
	adit_buf b[4], *s;
	uint32_t i;

	for (i = 0; i < 4; i++) {
		make_buf(&b[i], 48, (uint32_t[]){13, 0, 7, 22}[i]);
		b[i].next = i < 3 ? &b[i + 1] : NULL;
	}
	assert_int_equal(build_udp(&b[0], &info, 0), ADIT_OK);
	for (s = b; s; s = s->next) {
		memcpy(p, s->data, s->len);
		p += s->len;
	}
	assert_int_equal(p - joined, 48 + 42);
	assert_int_equal(packet_parse(joined, 90, &v), PACKET_OK);
	assert_true(packet_checksum_ok(joined, &v));
	for (i = 0; i < 4; i++)
		free(b[i].head);
}

static void echo_replies(void **state)
{
	uint32_t family, size;
	adit_buf b;

	for (family = 4; family <= 6; family += 2)
		for (size = 0; size < 60; size += 7) {
			adit_flow_info info = make_info((int)family, family == 4 ? 1 : 58);
			struct packet_view v;

			make_buf(&b, 48, size);
			assert_int_equal(build_echo_reply(&b, &info, 513), ADIT_OK);
			v = check_packet(&b, &info, b.len);
			assert_int_equal(v.icmp_type, family == 4 ? 0 : 129);
			assert_int_equal(v.icmp_code, 0);
			assert_int_equal(v.src_port, 40000);
			assert_int_equal(wire_u16(b.data, b.len, v.l4 + 6u), 513);
			assert_int_equal(b.csum_off, 2);
			assert_true(packet_checksum_ok(b.data, &v));
			free(b.head);
		}
}

static void what_cannot_be_is_refused_unchanged(void **state)
{
	adit_flow_info info = make_info(6, ADIT_PROTO_UDP);
	adit_buf b, was;

	make_buf(&b, 47, 10);
	was = b;
	assert_int_equal(build_udp(&b, &info, 0), ADIT_EINVAL); /* headroom */
	assert_memory_equal(&b, &was, sizeof(b));
	info.dst.family = 4;
	assert_int_equal(build_udp(&b, &info, 0), ADIT_EINVAL);
	info = make_info(4, ADIT_PROTO_TCP);
	assert_int_equal(build_udp(&b, &info, 0), ADIT_EINVAL);
	assert_int_equal(build_echo_reply(&b, &info, 0), ADIT_EINVAL);
	info.proto = ADIT_PROTO_ICMPV6; /* over IPv4 */
	assert_int_equal(build_echo_reply(&b, &info, 0), ADIT_EINVAL);
	info = make_info(4, ADIT_PROTO_UDP);
	b.flags = ADIT_BUF_GSO_UDP;
	was = b;
	assert_int_equal(build_udp(&b, &info, 0), ADIT_EINVAL); /* segments of no size */
	assert_memory_equal(&b, &was, sizeof(b));
	free(b.head);
}

static void the_longest_datagram(void **state)
{
	static const struct {
		int family;
		uint32_t size;
		adit_result result;
	} cases[] = {{4, 65507, ADIT_OK}, {4, 65508, ADIT_EINVAL}, {6, 65527, ADIT_OK}, {6, 65528, ADIT_EINVAL}, {6, 70000, ADIT_EINVAL}};
	struct packet_view v;
	adit_buf b;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		adit_flow_info info = make_info(cases[i].family, ADIT_PROTO_UDP);

		make_buf(&b, ADIT_BUF_HEADROOM, cases[i].size);
		assert_int_equal(build_udp(&b, &info, 0), cases[i].result);
		if (!cases[i].result) {
			v = check_packet(&b, &info, b.len);
			assert_true(packet_checksum_ok(b.data, &v));
		}
		free(b.head);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_of_every_small_size),
		cmocka_unit_test(partial_checksums_complete),
		cmocka_unit_test(a_sum_of_zero_is_sent_as_ffff),
		cmocka_unit_test(super_packets),
		cmocka_unit_test(chains),
		cmocka_unit_test(echo_replies),
		cmocka_unit_test(what_cannot_be_is_refused_unchanged),
		cmocka_unit_test(the_longest_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
