/* SPDX-License-Identifier: MIT
 * tests/unit/test_platform_device.c - the Linux device through its ABI, in real namespaces
 *
 * Each case loads the module, makes a device in a namespace, and talks through sockets that the
 * module makes in there, so the test itself stays outside. As root and as an ordinary user.
 */
#include "tests/lib/platform-rig.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_udp_arrives(void)
{
	uint32_t one = 1, two = 2;
	int fd;

	rig_prepare_new();
	fd = rig_inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
	check(send(fd, "hello", 5, 0) == 5);
	check(fakehost_run(rig.f, 1000, rig_packets, &one));
	check(rig.seen[0] == 0x45 && rig.seen[9] == 17 && rig.seen_len == 33);
	check(!memcmp(rig.seen + 12, "\306\22\0\1\300\0\2\7", 8), "from 198.18.0.1 to 192.0.2.7");
	check(!memcmp(rig.seen + 28, "hello", 5));
	check(rig.last.flags & ADIT_BUF_CSUM_NEEDED && rig.last.csum_start == 20 &&
	      rig.last.csum_off == 6);
	close(fd);
	fd = rig_inside(ADIT_PROTO_UDP, "2001:db8::7", 53);
	check(send(fd, "hello", 5, 0) == 5);
	check(fakehost_run(rig.f, 1000, rig_packets, &two));
	check(rig.seen[0] >> 4 == 6 && rig.seen[6] == 17 && !memcmp(rig.seen + 48, "hello", 5));
	check(!rig.wrong && rig.packets == 2, "%u packets: the device talks by itself",
	      rig.packets);
	check(!strcmp(rig.place->device_name(), "adit0") && rig.place->ours(rig.place->device()));
	check(rig.place->index(rig.place->device(), "adit0") > 1);
	close(fd);
	rig_finish();
}

static int has_answer(void *arg)
{
	char c;

	return recv(*(int *)arg, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void test_output_delivers(void)
{
	char text[32];
	int fd;

	rig_prepare_new();
	rig.answer = 2;
	fd = rig_inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
	check(send(fd, "there and back", 14, 0) == 14);
	check(fakehost_run(rig.f, 1000, has_answer, &fd));
	check(recv(fd, text, sizeof(text), 0) == 14 && !memcmp(text, "there and back", 14));
	close(fd);
	rig_finish();
}

static int all_taken(void *arg)
{
	return rig.bytes > 400000;
}

static int connected(void *arg)
{
	return rig.answered > 0;
}

static void test_tso_whole(void)
{
	static char data[8192];
	int fd, i;

	rig_prepare_new();
	rig.answer = 1;
	fd = rig_inside(ADIT_PROTO_TCP, "192.0.2.7", 80);
	check(fakehost_run(rig.f, 1000, connected, NULL));
	for (i = 0; i < 400 && rig.bytes < 400000; i++) {
		while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
			;
		fakehost_run(rig.f, 20, all_taken, NULL);
	}
	check(rig.bytes > 400000 && !rig.wrong, "%u bytes, %u wrong", rig.bytes, rig.wrong);
	check(rig.largest > 20000 && rig.gso > 5, "largest %u, %u super-packets", rig.largest,
	      rig.gso);
	check(rig.packets < rig.bytes / 1460, "%u packets for %u bytes", rig.packets, rig.bytes);
	printf("# %u bytes in %u packets, the largest %u\n", rig.bytes, rig.packets, rig.largest);
	close(fd);
	rig_finish();
}

static void test_no_tso_when_switched_off(void)
{
	static char data[8192];
	int fd, i;

	rig_prepare();
	fakehost_set(rig.f, "namespace", "new");
	fakehost_set(rig.f, "offloads/tso", "false");
	rig_start();
	rig.answer = 1;
	fd = rig_inside(ADIT_PROTO_TCP, "192.0.2.7", 80);
	check(fakehost_run(rig.f, 1000, connected, NULL));
	for (i = 0; i < 400 && rig.bytes < 100000; i++) {
		while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
			;
		fakehost_run(rig.f, 20, all_taken, NULL);
	}
	check(rig.bytes > 100000 && !rig.gso && rig.largest <= 1500, "%u, %u, %u", rig.bytes,
	      rig.gso, rig.largest);
	close(fd);
	rig_finish();
}

/* Sends a UDP super-packet of ten datagrams down; the socket inside must get ten, whoever cuts. */
static void super_packet_down(void)
{
	uint32_t one = 1, i, s;
	char text[200];
	adit_buf *b;
	int fd;

	fd = rig_inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
	check(send(fd, "x", 1, 0) == 1);
	check(fakehost_run(rig.f, 1000, rig_packets, &one));
	b = rig_buffer(28 + 1000);
	rig_answer(b, 20);
	for (i = 0; i < 1000; i++)
		b->data[28 + i] = (uint8_t)(i / 100);
	b->data[24] = (uint8_t)(1008 >> 8);
	b->data[25] = (uint8_t)1008;
	s = rig_sum(17 + 1008, b->data + 12, 8);
	b->data[26] = (uint8_t)(s >> 8);
	b->data[27] = (uint8_t)s;
	b->flags = ADIT_BUF_GSO_UDP | ADIT_BUF_CSUM_NEEDED;
	b->gso_size = 100;
	b->csum_start = 20;
	b->csum_off = 6;
	rig.platform->output(rig.inst, &b, 1);
	for (i = 0; i < 10; i++) {
		check(fakehost_run(rig.f, 1000, has_answer, &fd), "datagram %u", i);
		check(recv(fd, text, sizeof(text), MSG_DONTWAIT) == 100 && text[0] == (char)i &&
		      text[99] == (char)i);
	}
	check(recv(fd, text, sizeof(text), MSG_DONTWAIT) < 0);
	close(fd);
}

static void test_super_packet_by_kernel(void)
{
	rig_prepare_new();
	super_packet_down();
	rig_finish();
}

static void test_super_packet_by_software(void)
{
	rig_prepare();
	fakehost_set(rig.f, "namespace", "new");
	fakehost_set(rig.f, "offloads/checksum", "false");
	rig_start();
	super_packet_down();
	check(!(rig.last.flags & ADIT_BUF_CSUM_NEEDED));
	rig_finish();
}

static int is_gone(void *arg)
{
	return rig.gone > 0;
}

static void delete_device(void)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} m = {.head = {sizeof(m), RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0}};
	char why[100];

	m.link.ifi_index = (int)rig.place->index(rig.place->device(), rig.place->device_name());
	check(m.link.ifi_index);
	check(!rig.place->netlink(rig.place->device(), NETLINK_ROUTE, &m, sizeof(m), why,
	                          sizeof(why)),
	      "%s", why);
}

static void test_deletion_noticed(void)
{
	adit_buf *b;
	uint64_t turns, at;

	rig_prepare_new();
	fakehost_run(rig.f, 50, NULL, NULL);
	delete_device();
	at = fakehost_now();
	check(fakehost_run(rig.f, 100, is_gone, NULL), "not noticed within 100 ms");
	printf("# noticed after %u us\n", (unsigned)((fakehost_now() - at) / 1000));
	check(!strcmp(rig.what, "device adit0"), "%s", rig.what);
	turns = fakehost_turns(rig.f);
	fakehost_run(rig.f, 200, NULL, NULL);
	check(fakehost_turns(rig.f) == turns, "the loop is not idle afterwards");
	b = rig_buffer(40);
	rig.platform->output(rig.inst, &b, 1);
	check(rig.gone == 1 && fakehost_log_lines(rig.f) == 1, "%u lines",
	      fakehost_log_lines(rig.f));
	rig_finish();
}

/* Writing notices too, before the loop has had a turn. */
static void test_deletion_noticed_by_output(void)
{
	adit_buf *b;

	rig_prepare_new();
	delete_device();
	b = rig_buffer(40);
	b->data[0] = 0x45;
	rig.platform->output(rig.inst, &b, 1);
	check(rig.gone == 1);
	fakehost_run(rig.f, 50, NULL, NULL);
	check(rig.gone == 1 && fakehost_log_lines(rig.f) == 1);
	rig_finish();
}

static void set_link(int up)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} m = {.head = {sizeof(m), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0}};
	char why[100];

	m.link.ifi_index = (int)rig.place->index(rig.place->device(), rig.place->device_name());
	m.link.ifi_change = 1;
	m.link.ifi_flags = up ? 1 : 0;
	check(!rig.place->netlink(rig.place->device(), NETLINK_ROUTE, &m, sizeof(m), why,
	                          sizeof(why)),
	      "%s", why);
}

static void test_down_is_not_gone(void)
{
	adit_buf *b;

	rig_prepare_new();
	set_link(0);
	b = rig_buffer(40);
	b->data[0] = 0x45;
	rig.platform->output(rig.inst, &b, 1);
	fakehost_run(rig.f, 50, NULL, NULL);
	check(!rig.gone);
	set_link(1);
	rig_finish();
}

static void test_buffers_run_out(void)
{
	uint32_t i, many = 20;
	int fd;

	rig_prepare();
	fakehost_set(rig.f, "namespace", "new");
	fakehost_limit(rig.f, 0);
	rig_start();
	fd = rig_inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
	for (i = 0; i < many; i++)
		check(send(fd, "hello", 5, 0) == 5);
	fakehost_run(rig.f, 60, NULL, NULL);
	check(!rig.packets && fakehost_turns(rig.f) < 30, "%u turns without buffers",
	      (unsigned)fakehost_turns(rig.f));
	fakehost_limit(rig.f, 8);
	check(fakehost_run(rig.f, 500, rig_packets, &many), "%u packets", rig.packets);
	close(fd);
	rig_finish();
}

static void test_name_taken(void)
{
	rig_prepare();
	fakehost_set(rig.f, "name", "lo");
	fakehost_set(rig.f, "namespace", "new");
	check(!rig.platform->life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst));
	check(rig.platform->life->open(rig.inst) == ADIT_EINVAL ||
	              strstr(fakehost_why(rig.f), "exists already"),
	      "%s", fakehost_why(rig.f));
	rig.platform->life->destroy(rig.inst);
	rig.module->fini(rig.ctx);
	fakehost_free(rig.f);
}

static void test_two_queues(void)
{
	const adit_life *life;
	void *second;
	uint32_t many = 64, i;
	int fds[64];

	rig_prepare();
	fakehost_set(rig.f, "namespace", "new");
	life = rig.platform->life;
	check(!life->create(rig.ctx, fakehost_env(rig.f, 0, 2), &rig.inst));
	check(!life->create(rig.ctx, fakehost_env(rig.f, 1, 2), &second));
	check(!life->open(rig.inst) && !life->open(second), "%s", fakehost_why(rig.f));
	check(!life->start(rig.inst) && !life->start(second));
	for (i = 0; i < many; i++) {
		fds[i] = rig_inside(ADIT_PROTO_UDP, "192.0.2.7", (uint16_t)(1000 + i));
		check(send(fds[i], "hello", 5, 0) == 5);
	}
	check(fakehost_run(rig.f, 1000, rig_packets, &many), "%u", rig.packets);
	for (i = 0; i < many; i++)
		close(fds[i]);
	life->stop(second);
	life->destroy(second);
	rig_finish();
}

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
	{"datagrams of both families arrive", test_udp_arrives},
	{"output delivers", test_output_delivers},
	{"TCP super-packets arrive whole", test_tso_whole},
	{"no super-packets when switched off", test_no_tso_when_switched_off},
	{"the kernel cuts a super-packet", test_super_packet_by_kernel},
	{"software cuts a super-packet", test_super_packet_by_software},
	{"a deleted device is noticed at once, and the loop is idle", test_deletion_noticed},
	{"a deleted device is noticed by output", test_deletion_noticed_by_output},
	{"a device that is down is not gone", test_down_is_not_gone},
	{"reading pauses without buffers", test_buffers_run_out},
	{"a taken name is an error", test_name_taken},
	{"two queues serve one device", test_two_queues},
};

int main(void)
{
	int skipped = sandbox_enter(), failed = 0;
	size_t i, n = sizeof(cases) / sizeof(cases[0]);

	if (skipped)
		return skipped;
	printf("1..%zu\n", getuid() ? n : 2 * n);
	for (i = 0; i < n; i++) {
		failed |= sandbox_run(cases[i].name, cases[i].fn, getuid(), 20);
		if (!getuid())
			failed |= sandbox_run(cases[i].name, cases[i].fn, SANDBOX_NOBODY, 20);
	}
	return failed;
}
