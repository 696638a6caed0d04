/* SPDX-License-Identifier: MIT
 * tests/unit/test_carry.c - UDP and echo flows that the host carries itself, over real sockets
 *
 * In a network namespace of its own, loopback holds 1.1.1.1 and 1.1.1.2, where the test listens. The application's
 * side is the fake stack of the shard kit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dial/carry.h"
#include "dial/forward.h"
#include "tests/lib/private.h"
#include "tests/unit/kit_packets.h"

static struct kit *k;
static int one_443, one_444, two_443; /* servers on 1.1.1.1 and 1.1.1.2 */
static int descriptors;
static adit_addr redirect;

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int server(uint8_t last, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(0x01010100u + last);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

/* The outbound has the host carry everything, as outbound-direct does. */
static void carry_all(struct kit *kit, struct part *p, const struct kit_seen *seen)
{
	if (p->kind == PART_OUTBOUND && seen->what == KIT_REACH) {
		adit_result r = forward_dial_table.carry(&p->path, seen->flow, &seen->dst);

		if (r != ADIT_OK) {
			adit_event ev = {.type = ADIT_EV_CLOSED, .code = r, .flow = seen->flow};

			p->path.emit(p->path.end, &ev, 1);
			*(adit_result *)kit->arg = r;
		}
	}
}

static adit_result carried;

static int set_up(void **state)
{
	descriptors = open_descriptors();
	k = kit_new(NULL);
	k->script = carry_all;
	k->arg = &carried;
	carried = 0;
	k->answer[0].type = ADIT_OP_FORWARD;
	one_443 = server(1, 443);
	one_444 = server(1, 444);
	two_443 = server(2, 443);
	return 0;
}

static int tear_down(void **state)
{
	kit_free(k);
	close(one_443);
	close(one_444);
	close(two_443);
	assert_int_equal(open_descriptors(), descriptors);
	return 0;
}

/* A new flow from 10.0.0.2:sport to 1.1.1.last:port. */
static adit_flow flow_to(uint16_t sport, uint8_t last, uint16_t port)
{
	uint8_t p[256];
	size_t size = datagram(p, 4, sport, 1);
	unsigned n = kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_OPEN);

	p[19] = last;
	put16(p + 22, port);
	sign_packet(p, size, 20, 17);
	kit_packet(k, p, size, 0);
	return asked(k, 0, n);
}

static adit_event dgram(adit_flow flow, const void *bytes, uint32_t size)
{
	adit_event ev = {.type = ADIT_EV_DGRAM, .flags = ADIT_EVF_BUF, .flow = flow};

	ev.u.buf = kit_buf(k, bytes, size);
	return ev;
}

/* The stack hands up one datagram of the flow; returns the port that the server sees it from, 0 for none. */
static uint16_t goes_up(adit_flow flow, int at)
{
	adit_event ev = dgram(flow, "ask", 3);
	struct sockaddr_in from = {0};
	socklen_t size = sizeof(from);
	char text[8];

	kit_emit(k, PART_STACK, 0, &ev, 1);
	if (recvfrom(at, text, sizeof(text), 0, (struct sockaddr *)&from, &size) != 3)
		return 0;
	return ntohs(from.sin_port);
}

/* The server answers to that port; returns the flow whose stack got it, 0 for none. */
static adit_flow comes_down(int from, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	unsigned n = kit_number(k, PART_STACK, 0, KIT_OP, ADIT_OP_SEND);
	const struct kit_seen *e;

	sin.sin_addr.s_addr = htonl(0x01010101u);
	assert_int_equal(sendto(from, "reply", 5, 0, (struct sockaddr *)&sin, sizeof(sin)), 5);
	kit_wait(k, 15, NULL);
	e = kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_SEND, n);
	return e ? e->flow : 0;
}

static void rules(enum carry_rule mapping, enum carry_rule filtering)
{
	struct carry_rules r = {mapping, filtering};

	tear_down(NULL);
	set_up(NULL);
	carrier_rules(&k->s, &r);
}

/* ---- mapping and filtering (RFC 4787, sections 4.1 and 5) ---- */

static void mappings_are_shared_as_the_rule_says(void **state)
{
	int m, f;

	for (m = CARRY_ENDPOINT_INDEPENDENT; m <= CARRY_ADDRESS_AND_PORT; m++) {
		for (f = CARRY_ENDPOINT_INDEPENDENT; f <= CARRY_ADDRESS_AND_PORT; f++) {
			uint16_t a, b, c, d;

			rules((enum carry_rule)m, (enum carry_rule)f);
			a = goes_up(flow_to(1000, 1, 443), one_443);
			b = goes_up(flow_to(1000, 1, 444), one_444);
			c = goes_up(flow_to(1000, 2, 443), two_443);
			d = goes_up(flow_to(1001, 1, 443), one_443);
			assert_true(a && b && c && d && d != a);
			assert_int_equal(a == b, m != CARRY_ADDRESS_AND_PORT);
			assert_int_equal(a == c, m == CARRY_ENDPOINT_INDEPENDENT);
		}
	}
}

static void strangers_are_let_in_as_the_rule_says(void **state)
{
	int m, f;

	for (m = CARRY_ENDPOINT_INDEPENDENT; m <= CARRY_ADDRESS_AND_PORT; m++) {
		for (f = CARRY_ENDPOINT_INDEPENDENT; f <= CARRY_ADDRESS_AND_PORT; f++) {
			adit_flow flow, other_port, other_address;
			uint16_t port;

			rules((enum carry_rule)m, (enum carry_rule)f);
			flow = flow_to(1000, 1, 443);
			port = goes_up(flow, one_443);
			other_port = comes_down(one_444, port);
			other_address = comes_down(two_443, port);
			assert_true(comes_down(one_443, port) == flow);
			assert_int_equal(other_port != 0, f != CARRY_ADDRESS_AND_PORT);
			assert_int_equal(other_address != 0, f == CARRY_ENDPOINT_INDEPENDENT);
			assert_int_equal(kit_counts(k).datagram, 1u + (other_port != 0) + (other_address != 0));
			if (!other_port)
				continue;
			/* It is a flow of its own, in which the application may answer. */
			assert_true(other_port != flow && comes_down(one_444, port) == other_port);
			assert_int_equal(flowtable_get(k->s.flows, other_port)->info.dst.port, 444);
			assert_int_equal(goes_up(other_port, one_444), port);
		}
	}
}

static void strangers_cannot_take_all_places(void **state)
{
	static const struct flow_limits few = {100, 10, 16, 10};
	struct sockaddr_in sin = {.sin_family = AF_INET};
	uint16_t port;
	int i;

	kit_free(k);
	k = kit_new(&few);
	k->script = carry_all;
	k->arg = &carried;
	k->answer[0].type = ADIT_OP_FORWARD;
	port = goes_up(flow_to(1000, 1, 443), one_443);
	sin.sin_addr.s_addr = htonl(0x01010101u);
	sin.sin_port = htons(port);
	for (i = 0; i < 30; i++) {
		int fd = server(2, (uint16_t)(2000 + i));

		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin)), 1);
		close(fd);
	}
	kit_wait(k, 30, NULL);
	assert_int_equal(kit_counts(k).datagram, 1 + 4);
	for (i = 0; i < 11; i++)
		assert_true(flow_to((uint16_t)(3000 + i), 1, 443) != 0);
	assert_int_equal(kit_counts(k).datagram, 16);
	kit_age(k, 301);
	assert_int_equal(kit_counts(k).datagram, 0);
	port = goes_up(flow_to(1000, 1, 443), one_443);
	assert_true(comes_down(two_443, port) != 0); /* their places are free again */
}

/* ---- redirected ---- */

static void a_redirected_flow_talks_to_where_it_was_sent(void **state)
{
	struct carry_rules strict = {CARRY_ENDPOINT_INDEPENDENT, CARRY_ADDRESS_AND_PORT};
	adit_flow flow;
	uint16_t port;

	carrier_rules(&k->s, &strict);
	redirect = (adit_addr){.family = 4, .port = 443, .ip = {1, 1, 1, 2, 0xbb}}; /* bytes beyond do not count */
	k->answer[0] = (adit_op){.type = ADIT_OP_FORWARD, .flags = ADIT_OPF_ADDR, .u.addr = &redirect};
	flow = flow_to(1000, 1, 443);
	port = goes_up(flow, two_443);
	assert_true(port != 0);
	assert_true(comes_down(two_443, port) == flow);
	assert_true(comes_down(one_443, port) == 0); /* the former destination was never asked */
	assert_int_equal(flowtable_get(k->s.flows, flow)->info.dst.ip[3], 1);
}

static void an_unreachable_port_is_told_to_the_application(void **state)
{
	const struct kit_seen *e;
	adit_event ev = dgram(flow_to(1000, 1, 445), "x", 1);

	kit_emit(k, PART_STACK, 0, &ev, 1);
	kit_wait(k, 30, NULL);
	e = device_got(k, 0);
	assert_non_null(e);
	assert_true(e->bytes[20] == 3 && e->bytes[21] == 3 && checksums_right(e));
	assert_memory_equal(e->bytes + 28 + 12, "\x0a\x00\x00\x02\x01\x01\x01\x01", 8); /* the quoted datagram */
	assert_memory_equal(e->bytes + 28 + 20, "\x03\xe8\x01\xbd", 4);
	/* Redirected: the application hears of the address that it knows. */
	redirect = (adit_addr){.family = 4, .port = 446, .ip = {1, 1, 1, 2}};
	k->answer[0] = (adit_op){.type = ADIT_OP_FORWARD, .flags = ADIT_OPF_ADDR, .u.addr = &redirect};
	ev = dgram(flow_to(1001, 1, 443), "x", 1);
	kit_emit(k, PART_STACK, 0, &ev, 1);
	kit_wait(k, 30, NULL);
	e = device_got(k, 1);
	assert_non_null(e);
	assert_memory_equal(e->bytes + 28 + 20, "\x03\xe9\x01\xbb", 4);
}

/* ---- bundles ---- */

static void many_go_up_as_they_are(void **state)
{
	static const uint16_t sizes[] = {1000, 1000, 1000, 400, 1000, 1200, 1200, 0, 0, 5, 60000, 1, 1, 1, 1};
	adit_flow flow = flow_to(1000, 1, 443), other = flow_to(1000, 1, 444);
	adit_event ev[16];
	static uint8_t bytes[65536];
	size_t i, n = sizeof(sizes) / sizeof(sizes[0]);

	for (i = 0; i < n; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		ev[i] = dgram(flow, bytes, sizes[i]);
	}
	ev[n] = dgram(other, "other", 5);
	kit_emit(k, PART_STACK, 0, ev, (uint32_t)n + 1);
	for (i = 0; i < n; i++) {
		assert_int_equal(recv(one_443, bytes, sizeof(bytes), 0), sizes[i]);
		assert_true(!sizes[i] || (bytes[0] == i && bytes[sizes[i] - 1] == i));
	}
	assert_int_equal(recv(one_443, bytes, 1, 0), -1);
	assert_int_equal(recv(one_444, bytes, 9, 0), 5);
}

static void a_super_packet_goes_up_as_its_datagrams(void **state)
{
	adit_flow flow = flow_to(1000, 1, 443);
	static uint8_t bytes[9500];
	adit_event ev;
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i / 1000);
	ev = dgram(flow, bytes, sizeof(bytes));
	ev.u.buf->flags |= ADIT_BUF_GSO_UDP;
	ev.u.buf->gso_size = 1000;
	kit_emit(k, PART_STACK, 0, &ev, 1);
	for (i = 0; i < 10; i++) {
		assert_int_equal(recv(one_443, bytes, sizeof(bytes), 0), i < 9 ? 1000 : 500);
		assert_int_equal(bytes[0], i);
	}
}

static void more_than_a_batch_goes_up(void **state)
{
	adit_flow flow = flow_to(1000, 1, 443);
	adit_event ev[200];
	uint32_t i, got;

	for (i = 0; i < 200; i++)
		ev[i] = dgram(flow, &i, 4);
	kit_emit(k, PART_STACK, 0, ev, 200);
	for (i = 0; i < 200; i++)
		assert_true(recv(one_443, &got, 4, 0) == 4 && got == i);
}

static void equal_ones_come_down_together(void **state)
{
	static const uint16_t sizes[] = {700, 700, 700, 300, 700, 900, 900, 0, 12};
	adit_flow flow = flow_to(1000, 1, 443);
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(goes_up(flow, one_443))};
	static uint8_t bytes[1000];
	size_t i, at = 0, n = sizeof(sizes) / sizeof(sizes[0]);
	unsigned ops;

	sin.sin_addr.s_addr = htonl(0x01010101u);
	for (i = 0; i < n; i++) {
		memset(bytes, (int)i + 1, sizeof(bytes));
		assert_int_equal(sendto(one_443, bytes, sizes[i], 0, (struct sockaddr *)&sin, sizeof(sin)), sizes[i]);
	}
	kit_wait(k, 30, NULL);
	for (ops = 0; kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_SEND, ops); ops++) {
		const struct kit_seen *e = kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_SEND, ops);
		uint32_t left = e->size, step = e->gso ? e->gso : e->size;

		assert_true(e->flow == flow);
		do { /* cut as the device would */
			uint32_t size = left < step ? left : step;

			assert_true(at < n);
			assert_int_equal(size, sizes[at]);
			if (size && e->size - left < KIT_BYTES)
				assert_int_equal(e->bytes[e->size - left], at + 1);
			left -= size;
			at++;
		} while (left);
	}
	assert_int_equal(at, n);
	assert_true(ops < n);
	assert_int_equal(flowtable_get(k->s.flows, flow)->bytes_down, 700 * 4 + 300 + 900 * 2 + 12);
}

static void what_the_kernel_has_bundled_keeps_its_sizes(void **state)
{
	adit_flow flow = flow_to(1000, 1, 443);
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(goes_up(flow, one_443))};
	static uint8_t bytes[5300];
	const struct kit_seen *e;
	uint32_t total = 0;
	int gso = 1000;
	unsigned i;

	if (setsockopt(one_443, IPPROTO_UDP, 103 /* UDP_SEGMENT */, &gso, sizeof(gso)))
		skip();
	sin.sin_addr.s_addr = htonl(0x01010101u);
	assert_int_equal(sendto(one_443, bytes, sizeof(bytes), 0, (struct sockaddr *)&sin, sizeof(sin)), sizeof(bytes));
	kit_wait(k, 30, NULL);
	for (i = 0; (e = kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_SEND, i)); i++) {
		total += e->size;
		assert_true(e->gso == 1000 || e->size <= 1000);
	}
	assert_int_equal(total, sizeof(bytes));
}

/* ---- life ---- */

static void a_mapping_lives_as_long_as_its_flows(void **state)
{
	int before = open_descriptors();
	adit_flow a = flow_to(1000, 1, 443), b = flow_to(1000, 1, 444);
	adit_event closed = {.type = ADIT_EV_CLOSED, .flow = a};

	assert_true(a && b);
	assert_int_equal(open_descriptors(), before + 1);
	kit_emit(k, PART_STACK, 0, &closed, 1);
	assert_int_equal(open_descriptors(), before + 1);
	closed.flow = b;
	kit_emit(k, PART_STACK, 0, &closed, 1);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_CLOSED), 2);
}

static void a_flow_may_end_with_datagrams_on_their_way(void **state)
{
	adit_flow flow = flow_to(1000, 1, 443);
	adit_event ev[2] = {dgram(flow, "last", 4), {.type = ADIT_EV_CLOSED, .flow = flow}};
	char text[8];

	kit_emit(k, PART_STACK, 0, ev, 2);
	assert_int_equal(recv(one_443, text, 8, 0), 4);
}

/* ---- echo ---- */

static adit_flow echo_up(void)
{
	adit_event ev;
	adit_flow flow;

	send_echo(k, 4, 4321, 8);
	flow = asked(k, 0, kit_number(k, PART_HANDLER, 0, KIT_EVENT, ADIT_EV_OPEN) - 1);
	ev = dgram(flow, "\0", 0);
	bufpool_put(&ev.u.buf, 1);
	if (!flowtable_get(k->s.flows, flow) || flowtable_get(k->s.flows, flow)->state != FLOW_OPEN)
		return 0;
	ev = dgram(flow, "\x00\x05pingpong", 10);
	kit_emit(k, PART_STACK, 0, &ev, 1);
	kit_wait(k, 30, NULL);
	return flow;
}

static void echo_answered(void)
{
	adit_flow flow = echo_up();
	const struct kit_seen *e = kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_SEND, 0);

	assert_true(flow != 0);
	assert_non_null(e);
	assert_true(e->flow == flow && e->size == 10);
	assert_memory_equal(e->bytes, "\x00\x05pingpong", 10);
	assert_null(kit_find(k, PART_STACK, 0, KIT_OP, ADIT_OP_SEND, 1));
}

static void echo_goes_over_raw_sockets(void **state)
{
	assert_true(private_write("/proc/sys/net/ipv4/ping_group_range", "1 0"));
	echo_answered();
}

static void echo_goes_over_ping_sockets(void **state)
{
	assert_true(private_write("/proc/sys/net/ipv4/ping_group_range", "0 0"));
	echo_answered();
}

static void echo_without_any_right_is_refused(void **state)
{
	pid_t pid;
	int status = 1;

	assert_true(private_write("/proc/sys/net/ipv4/ping_group_range", "1 0"));
	pid = fork();
	if (!pid) {
		struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
		struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

		if (syscall(SYS_capset, &h, none))
			_exit(2);
		_exit(echo_up() == 0 && carried == ADIT_EPERM && device_got(k, 0) && device_got(k, 0)->bytes[20] == 3 ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
#define CARRY_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CARRY_TEST(mappings_are_shared_as_the_rule_says),
		CARRY_TEST(strangers_are_let_in_as_the_rule_says),
		CARRY_TEST(strangers_cannot_take_all_places),
		CARRY_TEST(a_redirected_flow_talks_to_where_it_was_sent),
		CARRY_TEST(an_unreachable_port_is_told_to_the_application),
		CARRY_TEST(many_go_up_as_they_are),
		CARRY_TEST(a_super_packet_goes_up_as_its_datagrams),
		CARRY_TEST(more_than_a_batch_goes_up),
		CARRY_TEST(equal_ones_come_down_together),
		CARRY_TEST(what_the_kernel_has_bundled_keeps_its_sizes),
		CARRY_TEST(a_mapping_lives_as_long_as_its_flows),
		CARRY_TEST(a_flow_may_end_with_datagrams_on_their_way),
		CARRY_TEST(echo_goes_over_raw_sockets),
		CARRY_TEST(echo_goes_over_ping_sockets),
		CARRY_TEST(echo_without_any_right_is_refused),
	};

	if (private_network() || system("ip address add 1.1.1.1/32 dev lo && ip address add 1.1.1.2/32 dev lo")) {
		printf("1..0 # SKIP needs a network namespace of its own, and ip\n");
		return 77;
	}
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
