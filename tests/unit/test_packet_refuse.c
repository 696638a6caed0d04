/* SPDX-License-Identifier: MIT
 * tests/unit/test_packet_refuse.c - answers that say no, and errors that others say
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "packet/icmp_error.h"
#include "packet/refuse.h"
#include "packet/verify.h"
#include "packet/wire.h"
#include "packets.h"

static struct packet_view parse(const uint8_t *p, size_t size)
{
	enum packet_verdict verdict;
	struct packet_view v;

	verdict = packet_parse(p, (uint32_t)size, &v);
	if (verdict != PACKET_OK && verdict != PACKET_FRAGMENT && verdict != PACKET_UNKNOWN_PROTOCOL)
		fail_msg("%s", packet_verdict_name(verdict));
	return v;
}

/* The answer is a packet in good order, from the question's destination to its source, with 64 hops. */
static struct packet_view check_answer(const uint8_t *question, const struct packet_view *q, const uint8_t *p, uint32_t size)
{
	struct packet_view v = parse(p, size);
	size_t n = q->address_size;

	assert_int_equal(v.total, size);
	assert_true(packet_header_checksum_ok(p, &v));
	assert_true(packet_checksum_ok(p, &v));
	assert_memory_equal(p + v.addresses, question + q->addresses + n, n);
	assert_memory_equal(p + v.addresses + n, question + q->addresses, n);
	assert_int_equal(p[v.version == 4 ? 8 : 7], 64);
	return v;
}

/* RFC 9293 section 3.10.7.1: all legal flag bytes, with and without payload. */
static void resets_by_the_rfc(void **state)
{
	uint8_t p[200], out[REFUSE_ROOM];
	unsigned flags, payload, family;

	for (family = 4; family <= 6; family += 2)
		for (payload = 0; payload < 40; payload += 13)
			for (flags = 0; flags < 64; flags++) {
				size_t size = make_packet(p, (int)family, 6, payload);
				uint8_t *tcp = p + (family == 4 ? 20 : 40);
				struct packet_view q, a;
				uint32_t n;

				tcp[13] = (uint8_t)flags;
				if (packet_parse(p, (uint32_t)size, &q) != PACKET_OK)
					continue;
				n = refuse_reset(p, &q, out, sizeof(out));
				if (flags & WIRE_TCP_RST) {
					assert_int_equal(n, 0);
					continue;
				}
				a = check_answer(p, &q, out, n);
				assert_int_equal(a.src_port, 443);
				assert_int_equal(a.dst_port, 40000);
				assert_int_equal(a.payload, n);
				if (flags & WIRE_TCP_ACKED) {
					assert_int_equal(a.tcp_flags, WIRE_TCP_RST);
					assert_int_equal(wire_u32(out, n, a.l4 + 4u), 0x0a0b0c0d);
					assert_int_equal(wire_u32(out, n, a.l4 + 8u), 0);
				} else {
					assert_int_equal(a.tcp_flags, WIRE_TCP_RST | WIRE_TCP_ACKED);
					assert_int_equal(wire_u32(out, n, a.l4 + 4u), 0);
					assert_int_equal(wire_u32(out, n, a.l4 + 8u), 0x01020304 + payload + 1);
				}
				assert_int_equal(refuse_reset(p, &q, out, n - 1), 0);
			}
}

static void resets_are_for_tcp(void **state)
{
	uint8_t p[200], out[REFUSE_ROOM];
	size_t size = make_packet(p, 4, 17, 0);
	struct packet_view v = parse(p, size);

	assert_int_equal(refuse_reset(p, &v, out, sizeof(out)), 0);
	size = make_packet(p, 4, 6, 0);
	p[16] = 224; /* multicast */
	v = parse(p, size);
	assert_int_equal(refuse_reset(p, &v, out, sizeof(out)), 0);
	size = make_packet(p, 4, 6, 12);
	put16(p + 6, 0x2000);
	v = parse(p, size);
	assert_int_equal(refuse_reset(p, &v, out, sizeof(out)), 0);
}

static void unreachables_quote_and_say_why(void **state)
{
	static const uint8_t types4[][2] = {{3, 3}, {3, 1}, {3, 0}, {3, 13}, {3, 2}};
	static const uint8_t types6[][2] = {{1, 4}, {1, 3}, {1, 0}, {1, 1}, {4, 1}};
	static const size_t payloads[] = {0, 1, 200, 540, 541, 1400};
	uint8_t p[2000], out[REFUSE_ROOM];
	unsigned kind, family, i;

	for (family = 4; family <= 6; family += 2)
		for (kind = REFUSE_PORT; kind <= REFUSE_PROTOCOL; kind++)
			for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
				size_t size = make_packet(p, (int)family, 17, payloads[i]);
				uint32_t most = family == 4 ? 576 : 1280, head = family == 4 ? 28 : 48, n;
				struct packet_view q = parse(p, size), a;

				n = refuse_unreachable(p, &q, kind, NULL, out, sizeof(out));
				assert_int_equal(n, head + size < most ? head + size : most);
				a = check_answer(p, &q, out, n);
				assert_int_equal(a.icmp_type, family == 4 ? types4[kind][0] : types6[kind][0]);
				assert_int_equal(a.icmp_code, family == 4 ? types4[kind][1] : types6[kind][1]);
				assert_memory_equal(out + head, p, n - head);
				assert_int_equal(wire_u32(out, n, a.l4 + 4u),
				                 family == 6 && kind == REFUSE_PROTOCOL ? 6 : 0);
				assert_int_equal(refuse_unreachable(p, &q, kind, NULL, out, n - 1), 0);
			}
}

static void somebody_else_may_speak(void **state)
{
	static const uint8_t router[4] = {10, 0, 0, 1}, nobody[4] = {255, 255, 255, 255};
	uint8_t p[200], out[REFUSE_ROOM];
	struct packet_view v = parse(p, make_packet(p, 4, 17, 0));

	assert_int_equal(refuse_unreachable(p, &v, REFUSE_HOST, router, out, sizeof(out)), 56);
	assert_memory_equal(out + 12, router, 4);
	assert_int_equal(refuse_unreachable(p, &v, REFUSE_HOST, nobody, out, sizeof(out)), 0);
}

/* RFC 1122 section 3.2.2 and RFC 4443 section 2.4 (e): what must never be answered. */
static void some_things_are_not_answered(void **state)
{
	static const uint8_t errors4[] = {0, 3, 4, 5, 9, 10, 11, 12, 14}, errors6[] = {1, 2, 3, 4, 100, 127, 129, 133, 135, 137};
	uint8_t p[200], out[REFUSE_ROOM];
	struct packet_view v;
	size_t size, i;

	size = make_packet(p, 4, 1, 30);
	v = parse(p, size);
	assert_int_not_equal(refuse_unreachable(p, &v, REFUSE_HOST, NULL, out, sizeof(out)), 0);
	for (i = 0; i < sizeof(errors4); i++) {
		p[20] = errors4[i];
		v = parse(p, size);
		assert_int_equal(refuse_unreachable(p, &v, REFUSE_HOST, NULL, out, sizeof(out)), 0);
	}
	size = make_packet(p, 6, 58, 30);
	v = parse(p, size);
	assert_int_not_equal(refuse_unreachable(p, &v, REFUSE_HOST, NULL, out, sizeof(out)), 0);
	for (i = 0; i < sizeof(errors6); i++) {
		p[40] = errors6[i];
		v = parse(p, size);
		assert_int_equal(refuse_unreachable(p, &v, REFUSE_HOST, NULL, out, sizeof(out)), 0);
	}
	size = make_packet(p, 4, 17, 32);
	put16(p + 6, 0x2000); /* a first fragment is answered */
	v = parse(p, size);
	assert_int_equal(refuse_unreachable(p, &v, REFUSE_HOST, NULL, out, sizeof(out)), 28 + size);
	put16(p + 6, 0x2004);
	v = parse(p, size);
	assert_int_equal(refuse_unreachable(p, &v, REFUSE_HOST, NULL, out, sizeof(out)), 0);
	for (i = 0; i < 6; i++) {
		static const uint8_t odd[6][4] = {
			{224, 0, 0, 1}, {239, 255, 255, 255}, {255, 255, 255, 255}, {240, 0, 0, 1}, {0, 0, 0, 0}, {0, 1, 2, 3}};

		size = make_packet(p, 4, 17, 0);
		memcpy(p + 16, odd[i], 4);
		v = parse(p, size);
		assert_int_equal(refuse_unreachable(p, &v, REFUSE_PORT, NULL, out, sizeof(out)), 0);
		size = make_packet(p, 4, 17, 0);
		memcpy(p + 12, odd[i], 4);
		v = parse(p, size);
		assert_int_equal(refuse_unreachable(p, &v, REFUSE_PORT, NULL, out, sizeof(out)), 0);
	}
	size = make_packet(p, 6, 17, 0);
	p[24] = 0xff;
	v = parse(p, size);
	assert_int_equal(refuse_unreachable(p, &v, REFUSE_PORT, NULL, out, sizeof(out)), 0);
	memset(p + 8, 0, 16);
	make_packet(p, 6, 17, 0);
	memset(p + 8, 0, 16); /* "::" */
	v = parse(p, size);
	assert_int_equal(refuse_unreachable(p, &v, REFUSE_PORT, NULL, out, sizeof(out)), 0);
	size = make_packet(p, 4, 6, 0);
	p[33] = WIRE_TCP_RST;
	v = parse(p, size);
	assert_int_equal(refuse_unreachable(p, &v, REFUSE_ADMIN, NULL, out, sizeof(out)), 0);
}

static void results_have_kinds(void **state)
{
	assert_int_equal(refuse_kind_of(ADIT_EREFUSED), REFUSE_PORT);
	assert_int_equal(refuse_kind_of(ADIT_EHOST), REFUSE_HOST);
	assert_int_equal(refuse_kind_of(ADIT_ENET), REFUSE_NET);
	assert_int_equal(refuse_kind_of(ADIT_EADMIN), REFUSE_ADMIN);
	assert_int_equal(refuse_kind_of(ADIT_ENOMEM), REFUSE_ADMIN);
}

static void tokens_come_back_with_time(void **state)
{
	struct refuse_limit limit;
	uint64_t now = 5, i, taken = 0;

	refuse_limit_init(&limit, 10, 3); /* one every 100 ms */
	for (i = 0; i < 10; i++)
		taken += refuse_limit_take(&limit, now);
	assert_int_equal(taken, 3);
	assert_false(refuse_limit_take(&limit, now + 99999999));
	assert_true(refuse_limit_take(&limit, now + 100000000));
	assert_false(refuse_limit_take(&limit, now + 100000000));
	assert_false(refuse_limit_take(&limit, 0)); /* a clock that goes back */
	for (i = 0, taken = 0; i < 1000; i++) /* ten seconds in steps of 10 ms */
		taken += refuse_limit_take(&limit, now + 100000000 + i * 10000000);
	assert_in_range(taken, 99, 100);
	for (i = 0, taken = 0; i < 10; i++)
		taken += refuse_limit_take(&limit, UINT64_MAX); /* never more than the burst */
	assert_int_equal(taken, 3);
}

/* What we say, we understand: an error made by refuse_unreachable is read back. The application is the sender of the
 * error here, so the quoted packet is the one from the remote. */
static void errors_are_read_back(void **state)
{
	static const int32_t results[] = {ADIT_EREFUSED, ADIT_EHOST, ADIT_ENET, ADIT_EADMIN, ADIT_EREFUSED};
	static const struct {
		int family;
		unsigned proto;
	} kinds[] = {{4, 6}, {4, 17}, {4, 1}, {6, 6}, {6, 17}, {6, 58}};
	uint8_t p[200], out[REFUSE_ROOM];
	struct icmp_error e;
	unsigned kind, i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (kind = REFUSE_PORT; kind <= REFUSE_PROTOCOL; kind++) {
			struct packet_view q = parse(p, make_packet(p, kinds[i].family, kinds[i].proto, 20)), v;
			uint32_t n = refuse_unreachable(p, &q, kind, NULL, out, sizeof(out)), len;
			uint32_t head = kinds[i].family == 4 ? 28 : 48;

			v = parse(out, n);
			assert_int_equal(icmp_error_parse(out, &v, &e), PACKET_OK);
			assert_int_equal(e.result, results[kind]);
			assert_int_equal(e.proto, kinds[i].proto);
			assert_int_equal(e.version, kinds[i].family);
			assert_int_equal(e.src_port, 40000);
			assert_int_equal(e.dst_port, kinds[i].proto == 6 || kinds[i].proto == 17 ? 443 : 40000);
			assert_int_equal(e.seq, kinds[i].proto == 6 ? 0x01020304 : 0);
			assert_int_equal(e.l4, head + q.l4);
			assert_int_equal(e.mtu, 0);
			assert_memory_equal(out + e.addresses, p + q.addresses, 2u * q.address_size);
			/* Eight bytes of the quoted L4 are needed, and enough. */
			for (len = head - 8; len < n; len++) {
				uint8_t *copy = exact_copy(out, len);
				bool enough = len >= head + q.l4 + 8u;

				put16(copy + (v.version == 4 ? 2 : 4), v.version == 4 ? len : len - 40);
				if (packet_parse(copy, len, &v) == PACKET_OK)
					assert_int_equal(icmp_error_parse(copy, &v, &e) == PACKET_OK, enough);
				else
					assert_true(len < head);
				free(copy);
				v = parse(out, n);
			}
		}
}

static void invented_errors_are_not_believed(void **state)
{
	uint8_t p[200], out[REFUSE_ROOM];
	struct icmp_error e;
	struct packet_view q = parse(p, make_packet(p, 4, 6, 20)), v;
	uint32_t n = refuse_unreachable(p, &q, REFUSE_PORT, NULL, out, sizeof(out)), i;
	static const struct {
		uint32_t at;
		uint8_t value;
		enum packet_verdict verdict;
	} cases[] = {
		{28, 0x65, PACKET_BAD_VERSION},       {28, 0x44, PACKET_BAD_HEADER_LENGTH}, {28, 0x4f, PACKET_BAD_L4_LENGTH},
		{34, 0x00, PACKET_OK},                {35, 0x01, PACKET_BAD_FRAGMENT},      {37, 47, PACKET_UNKNOWN_PROTOCOL},
		{37, 58, PACKET_UNKNOWN_PROTOCOL},    {37, 1, PACKET_UNKNOWN_PROTOCOL}, /* no echo: 0x9c is no type */
		{43, 3, PACKET_MARTIAN_DESTINATION}, /* about somebody else's packet */
		{20, 0, PACKET_UNKNOWN_PROTOCOL},     {20, 8, PACKET_UNKNOWN_PROTOCOL},     {20, 5, PACKET_UNKNOWN_PROTOCOL},
		{20, 11, PACKET_OK},
	};

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t was = out[cases[i].at];

		out[cases[i].at] = cases[i].value;
		v = parse(out, n);
		assert_int_equal(icmp_error_parse(out, &v, &e), cases[i].verdict);
		out[cases[i].at] = was;
	}
}

static void too_big_names_an_mtu(void **state)
{
	static const struct {
		int family;
		uint32_t named, wanted;
	} cases[] = {{4, 1400, 1400}, {4, 0, 68}, {4, 67, 68}, {4, 65535, 65535}, {6, 1400, 1400}, {6, 100, 1280}, {6, 70000, 70000}};
	uint8_t p[200], out[REFUSE_ROOM];
	struct icmp_error e;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet_view q = parse(p, make_packet(p, cases[i].family, 17, 20)), v;
		uint32_t n = refuse_unreachable(p, &q, REFUSE_HOST, NULL, out, sizeof(out));
		uint8_t *icmp = out + (cases[i].family == 4 ? 20 : 40);

		icmp[0] = cases[i].family == 4 ? 3 : 2;
		icmp[1] = cases[i].family == 4 ? 4 : 0;
		put32(icmp + 4, cases[i].named);
		v = parse(out, n);
		assert_int_equal(icmp_error_parse(out, &v, &e), PACKET_OK);
		assert_int_equal(e.mtu, cases[i].wanted);
		assert_int_equal(e.result, ADIT_EAGAIN);
	}
}

/* An error about an IPv6 packet with extension headers, whole and cut off. */
static void quoted_extension_headers(void **state)
{
	uint8_t p[300], q[200], out[REFUSE_ROOM];
	struct packet_view v;
	struct icmp_error e;
	size_t n = make_packet(q, 6, 17, 8);
	uint32_t size;

	memcpy(p, q, 40);
	memcpy(p + 40, "\x2c\x00\x01\x04\x00\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00\x01", 16);
	memcpy(p + 56, q + 40, n - 40);
	p[6] = 60;
	put16(p + 4, (unsigned)(n - 40 + 16));
	v = parse(p, n + 16);
	size = refuse_unreachable(p, &v, REFUSE_PORT, NULL, out, sizeof(out));
	v = parse(out, size);
	assert_int_equal(icmp_error_parse(out, &v, &e), PACKET_OK);
	assert_int_equal(e.l4, 48 + 56);
	assert_int_equal(e.dst_port, 443);
	out[48 + 51] = 8; /* not the first fragment */
	assert_int_equal(icmp_error_parse(out, &v, &e), PACKET_BAD_FRAGMENT);
	out[48 + 51] = 0;
	out[48 + 41] = 200; /* a header that ends beyond the quotation */
	assert_int_not_equal(icmp_error_parse(out, &v, &e), PACKET_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets_by_the_rfc),
		cmocka_unit_test(resets_are_for_tcp),
		cmocka_unit_test(unreachables_quote_and_say_why),
		cmocka_unit_test(somebody_else_may_speak),
		cmocka_unit_test(some_things_are_not_answered),
		cmocka_unit_test(results_have_kinds),
		cmocka_unit_test(tokens_come_back_with_time),
		cmocka_unit_test(errors_are_read_back),
		cmocka_unit_test(invented_errors_are_not_believed),
		cmocka_unit_test(too_big_names_an_mtu),
		cmocka_unit_test(quoted_extension_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
