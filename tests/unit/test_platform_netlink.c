/* SPDX-License-Identifier: MIT
 * tests/unit/test_platform_netlink.c - the netlink codec: golden bytes, every truncation, the
 * kernel's own answers
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cidr.h"
#include "netlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { PAGE = 4096 };

/* Bytes after which nothing may be read. */
static uint8_t *at_the_edge(const void *bytes, size_t size)
{
	static uint8_t *pages;

	if (!pages) {
		pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		             -1, 0);
		assert_true(pages != MAP_FAILED);
		assert_int_equal(mprotect(pages + PAGE, PAGE, PROT_NONE), 0);
	}
	memcpy(pages + PAGE - size, bytes, size);
	return pages + PAGE - size;
}

/* What "ip address add 198.18.0.1/16 dev <3>" sends, by the headers of the kernel (little endian).
 */
static const uint8_t add_address[] = {
	40, 0,  0, 0, 20,  0,  5, 6,
	7,  0,  0, 0, 0,   0,  0, 0, /* length, RTM_NEWADDR, flags, serial, port */
	2,  16, 0, 0, 3,   0,  0, 0, /* AF_INET, /16, index 3 */
	8,  0,  2, 0, 198, 18, 0, 1, /* IFA_LOCAL */
	8,  0,  1, 0, 198, 18, 0, 1, /* IFA_ADDRESS */
};

static void test_writes_golden_bytes(void **state)
{
	const struct ifaddrmsg head = {.ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = 3};
	const uint8_t address[4] = {198, 18, 0, 1};
	uint8_t data[sizeof(add_address)];
	struct nl_writer w;

	nl_init(&w, data, sizeof(data));
	nl_begin(&w, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 7, &head,
	         sizeof(head));
	nl_put(&w, IFA_LOCAL, address, 4);
	nl_put(&w, IFA_ADDRESS, address, 4);
	assert_int_equal(nl_done(&w), sizeof(add_address));
	assert_memory_equal(data, add_address, sizeof(data));
}

static void test_nests_and_pads(void **state)
{
	static const uint8_t want[] = {
		40, 0, 0,  0,   16,  0,   5,  0, 1, 0, 0, 0, 0, 0, 0, 0, /* no header of its own */
		12, 0, 26, 128, 6,   0,   10, 0, 1, 2, 0, 0, /* nested: an attribute of two bytes,
	                                                        padded */
		7,  0, 3,  0,   'l', 'o', 0,  0, 4, 0, 5, 0, /* three bytes, padded; none */
	};
	uint8_t data[64];
	struct nl_writer w;
	size_t mark;

	memset(data, 0xaa, sizeof(data));
	nl_init(&w, data, sizeof(data));
	nl_begin(&w, 16, 5, 1, NULL, 0);
	mark = nl_nest(&w, 26);
	nl_put(&w, 10, "\1\2", 2);
	nl_leave(&w, mark);
	nl_put(&w, 3, "lo", 3);
	nl_put(&w, 5, NULL, 0);
	assert_int_equal(nl_done(&w), sizeof(want));
	assert_memory_equal(data, want, sizeof(want));
}

static void test_writer_never_overruns(void **state)
{
	const struct ifaddrmsg head = {.ifa_family = AF_INET};
	size_t room;

	for (room = 0; room <= sizeof(add_address); room++) {
		uint8_t *data = at_the_edge(add_address, room);
		struct nl_writer w;
		size_t mark;

		nl_init(&w, data, room);
		nl_begin(&w, RTM_NEWADDR, 0, 7, &head, sizeof(head));
		mark = nl_nest(&w, 1);
		nl_put_u32(&w, IFA_LOCAL, 1);
		nl_leave(&w, mark);
		assert_int_equal(nl_done(&w), room < 36 ? ADIT_ELIMIT : 36);
	}
}

static void test_reads_what_it_wrote(void **state)
{
	struct nl_span rest = {add_address, sizeof(add_address)}, body, value;
	struct nl_message m;
	uint16_t type;

	assert_int_equal(nl_message(&rest, &m), 1);
	assert_int_equal(m.type, RTM_NEWADDR);
	assert_int_equal(m.serial, 7);
	body = m.body;
	assert_int_equal(nl_skip(&body, sizeof(struct ifaddrmsg)), 0);
	assert_int_equal(nl_attribute(&body, &type, &value), 1);
	assert_int_equal(type, IFA_LOCAL);
	assert_memory_equal(value.data, "\306\22\0\1", 4);
	assert_int_equal(nl_attribute(&body, &type, &value), 1);
	assert_int_equal(nl_attribute(&body, &type, &value), 0);
	assert_int_equal(nl_message(&rest, &m), 0);
}

/* A refusal with the kernel's words, as it comes with NETLINK_EXT_ACK and CAP_ACK. */
static const uint8_t refusal[] = {
	52,   0,    0,    0,    2,   0,   0,   3,
	1,    0,    0,    0,    9,   0,   0,   0, /* NLMSG_ERROR, CAPPED | ACK_TLVS */
	0xef, 0xff, 0xff, 0xff,                   /* -17 */
	40,   0,    0,    0,    20,  0,   5,   6,
	1,    0,    0,    0,    0,   0,   0,   0, /* of the request, its header */
	16,   0,    1,    0,    'n', 'o', ' ', 's',
	'u',  'c',  'h',  ' ',  'x', 0,   0,   0,
};

static void test_reads_the_kernels_words(void **state)
{
	struct nl_span rest = {refusal, sizeof(refusal)};
	struct nl_message m;
	struct why why;
	int number;

	assert_int_equal(nl_message(&rest, &m), 1);
	assert_int_equal(nl_ack(&m, &number, &why), 0);
	assert_int_equal(number, EEXIST);
	assert_string_equal(why.text, "no such x");
}

static void test_every_truncation_is_refused(void **state)
{
	size_t size;

	for (size = 1; size < sizeof(refusal); size++) {
		struct nl_span rest = {at_the_edge(refusal, size), size};
		struct nl_message m;

		assert_int_equal(nl_message(&rest, &m), ADIT_EINVAL);
	}
	/* The same, with a length that fits: the parts inside must not be looked for beyond it. */
	for (size = 16; size < sizeof(refusal); size++) {
		uint8_t *data = at_the_edge(refusal, size);
		struct nl_span rest = {data, size};
		struct nl_message m;
		struct why why;
		int number, result;

		data[0] = (uint8_t)size;
		assert_int_equal(nl_message(&rest, &m), 1);
		result = nl_ack(&m, &number, &why);
		assert_int_equal(result, size < 36 ? ADIT_EINVAL : 0);
		if (!result)
			assert_string_equal(why.text, "");
	}
}

static void test_wrong_lengths_are_refused(void **state)
{
	uint32_t length;

	for (length = 0; length < 70; length++) {
		uint8_t *data = at_the_edge(refusal, sizeof(refusal));
		struct nl_span rest = {data, sizeof(refusal)};
		struct nl_message m;

		data[0] = (uint8_t)length;
		assert_int_equal(nl_message(&rest, &m),
		                 length >= 16 && length <= sizeof(refusal) ? 1 : ADIT_EINVAL);
	}
	for (length = 0; length < 24; length++) {
		uint8_t data[16] = {(uint8_t)length};
		struct nl_span rest = {data, sizeof(data)}, value;
		uint16_t type;

		assert_int_equal(nl_attribute(&rest, &type, &value),
		                 length >= 4 && length <= 16 ? 1 : ADIT_EINVAL);
	}
}

struct dump {
	uint32_t links, loopback;
};

static void each_link(void *arg, const struct nl_message *m)
{
	struct nl_span rest = m->body, value;
	struct dump *d = arg;
	uint16_t type;

	assert_int_equal(m->type, RTM_NEWLINK);
	assert_int_equal(nl_skip(&rest, sizeof(struct ifinfomsg)), 0);
	d->links++;
	while (nl_attribute(&rest, &type, &value) == 1)
		if (type == 3 && value.size == 3 && !memcmp(value.data, "lo", 3))
			d->loopback++;
}

/* Reads only: a dump of the links changes nothing. */
static void test_the_kernel_answers_a_dump(void **state)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	uint8_t data[64];
	struct nl_writer w;
	struct dump d = {0, 0};
	struct why why = {""};

	nl_init(&w, data, sizeof(data));
	nl_begin(&w, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, &head, sizeof(head));
	assert_int_equal(nl_ask(NETLINK_ROUTE, data, (size_t)nl_done(&w), each_link, &d, &why), 0);
	assert_true(d.links >= 1);
	assert_int_equal(d.loopback, 1);
}

static void test_the_kernels_refusal_is_a_result(void **state)
{
	const struct ifinfomsg head = {.ifi_index = 0x7fffff00};
	uint8_t data[64];
	struct nl_writer w;
	struct why why = {""};

	nl_init(&w, data, sizeof(data));
	nl_begin(&w, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 1, &head, sizeof(head));
	assert_int_equal(nl_ask(NETLINK_ROUTE, data, (size_t)nl_done(&w), NULL, NULL, &why),
	                 ADIT_EGONE);
	assert_non_null(strstr(why.text, "No such device"));
}

static void test_requests_without_answer_are_refused(void **state)
{
	uint8_t data[sizeof(add_address)];
	struct why why = {""};

	memcpy(data, add_address, sizeof(data));
	data[6] = 1; /* no NLM_F_ACK */
	assert_int_equal(nl_ask(NETLINK_ROUTE, data, sizeof(data), NULL, NULL, &why), ADIT_EINVAL);
	assert_int_equal(nl_ask(NETLINK_ROUTE, data, 0, NULL, NULL, &why), ADIT_EINVAL);
	assert_int_equal(nl_ask(NETLINK_ROUTE, data, 15, NULL, NULL, &why), ADIT_EINVAL);
}

static void test_prefixes(void **state)
{
	static const struct {
		const char *text, *back, *net; /* back null: refused */
	} cases[] = {
		{"198.18.0.1/16", "198.18.0.1/16", "198.18.0.0/16"},
		{"10.255.255.255/9", "10.255.255.255/9", "10.128.0.0/9"},
		{"0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0"},
		{"192.0.2.1", "192.0.2.1/32", "192.0.2.1/32"},
		{"fd00:61:6469:74::1/64", "fd00:61:6469:74::1/64", "fd00:61:6469:74::/64"},
		{"2001:db8::ffff/121", "2001:db8::ffff/121", "2001:db8::ff80/121"},
		{"::/0", "::/0", "::/0"},
		{"192.0.2.1/33", NULL, NULL},
		{"::1/129", NULL, NULL},
		{"192.0.2.1/", NULL, NULL},
		{"192.0.2.1/-1", NULL, NULL},
		{"192.0.2.1/+1", NULL, NULL},
		{"192.0.2.1/0x8", NULL, NULL},
		{"192.0.2.1/0008", NULL, NULL},
		{"192.0.2/24", NULL, NULL},
		{"/24", NULL, NULL},
		{"", NULL, NULL},
		{"fd00::1::2/64", NULL, NULL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/1", NULL, NULL},
	};
	char text[CIDR_TEXT];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cidr c;
		adit_result result = cidr_parse(cases[i].text, &c);

		assert_int_equal(result, cases[i].back ? 0 : ADIT_EINVAL);
		if (result)
			continue;
		cidr_text(&c, text, sizeof(text));
		assert_string_equal(text, cases[i].back);
		cidr_mask(&c);
		cidr_text(&c, text, sizeof(text));
		assert_string_equal(text, cases[i].net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_golden_bytes),
		cmocka_unit_test(test_nests_and_pads),
		cmocka_unit_test(test_writer_never_overruns),
		cmocka_unit_test(test_reads_what_it_wrote),
		cmocka_unit_test(test_reads_the_kernels_words),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_wrong_lengths_are_refused),
		cmocka_unit_test(test_the_kernel_answers_a_dump),
		cmocka_unit_test(test_the_kernels_refusal_is_a_result),
		cmocka_unit_test(test_requests_without_answer_are_refused),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
