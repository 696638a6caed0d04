/* SPDX-License-Identifier: MIT
 * tests/unit/test_platform_device.c - the Linux device through its ABI, in real namespaces
 *
 * Each case loads the module, makes a device in a namespace, and talks through sockets that the module makes in
 * there, so the test itself stays outside. As root and as an ordinary user.
 */
#include "tests/lib/fakehost.h"
#include "tests/lib/sandbox.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <adit/doctor.h>
#include <adit/exec.h>
#include <adit/place.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static struct rig {
	struct fakehost *f;
	const adit_module *module;
	const adit_platform_1 *platform;
	const adit_place_1 *place;
	void *ctx, *inst;
	uint32_t gone;
	char what[64];
	/* what came up */
	uint32_t packets, bytes, largest, gso, wrong;
	uint8_t seen[65536];
	uint32_t seen_len;
	adit_buf last; /* flags of the packet in seen */
	int answer;    /* answers: 1 TCP as a peer, 2 UDP back to the sender, 3 drop */
	uint32_t answered;
} rig;

static const adit_module *load(void)
{
	const char *path = getenv("ADIT_TEST_PLATFORM");
	void *lib = dlopen(path ? path : "./lib/adit/modules/abi-1/platform-linux.so", RTLD_NOW | RTLD_LOCAL);

	check(lib, "%s", dlerror());
	return dlsym(lib, "adit_module_1");
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		s += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* An empty buffer with `len` bytes of contents. */
static adit_buf *buffer(uint32_t len)
{
	adit_buf *b;
	const adit_path *p = fakehost_path(rig.f);

	check(p->get(p->end, &b, 1, len ? len : 1) == 1);
	b->len = len;
	memset(b->data, 0, len);
	return b;
}

/* Fills the IPv4 header of an answer to the packet in seen, checksum of L4 (at field) still to do. */
static void answer_ip(adit_buf *b, uint32_t l4)
{
	uint8_t *p = b->data;
	uint32_t s;

	p[0] = 0x45;
	p[2] = (uint8_t)(b->len >> 8);
	p[3] = (uint8_t)b->len;
	p[8] = 64;
	p[9] = rig.seen[9];
	p[10] = p[11] = 0;
	memcpy(p + 12, rig.seen + 16, 4);
	memcpy(p + 16, rig.seen + 12, 4);
	s = ~sum(0, p, 20) & 0xffff;
	p[10] = (uint8_t)(s >> 8);
	p[11] = (uint8_t)s;
	memcpy(p + l4, rig.seen + l4 + 2, 2);
	memcpy(p + l4 + 2, rig.seen + l4, 2);
}

static void finish_l4(adit_buf *b, uint32_t field)
{
	uint8_t *p = b->data;
	uint32_t s = sum(sum(p[9] + b->len - 20, p + 12, 8), p + 20, b->len - 20);

	s = ~s & 0xffff;
	p[20 + field] = (uint8_t)(s >> 8);
	p[21 + field] = (uint8_t)s;
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* Answers as a TCP that takes everything: SYN+ACK to SYN, else an acknowledgement of all. */
static void answer_tcp(void)
{
	const uint8_t *t = rig.seen + 20;
	int syn = t[13] & 2;
	uint32_t seq = (uint32_t)t[4] << 24 | (uint32_t)t[5] << 16 | (uint32_t)t[6] << 8 | t[7];
	uint32_t data = rig.seen_len - 20 - (t[12] >> 4) * 4u;
	adit_buf *b;

	if (!syn && !data)
		return;
	b = buffer(syn ? 48 : 40);
	answer_ip(b, 20);
	put32(b->data + 24, syn ? 1000 : 1001);
	put32(b->data + 28, seq + (syn ? 1 : data));
	b->data[32] = syn ? 0x70 : 0x50;
	b->data[33] = syn ? 0x12 : 0x10;
	b->data[34] = b->data[35] = 0xff;
	if (syn)
		memcpy(b->data + 40, "\2\4\5\264\3\3\7", 8); /* MSS 1460, window times 128 */
	finish_l4(b, 16);
	rig.platform->output(rig.inst, &b, 1);
	rig.answered++;
}

static void answer_udp(void)
{
	adit_buf *b = buffer(rig.seen_len);

	memcpy(b->data, rig.seen, rig.seen_len);
	answer_ip(b, 20);
	b->data[26] = b->data[27] = 0;
	finish_l4(b, 6);
	rig.platform->output(rig.inst, &b, 1);
	rig.answered++;
}

static void input(void *arg, adit_buf *const *pkt, uint32_t n)
{
	const adit_path *p = fakehost_path(rig.f);
	uint32_t i;

	check(n && n <= 256);
	for (i = 0; i < n; i++) {
		const adit_buf *b = pkt[i];
		uint32_t total = b->data[0] >> 4 == 4 ? (uint32_t)b->data[2] << 8 | b->data[3] :
		                                        40 + ((uint32_t)b->data[4] << 8 | b->data[5]);

		rig.packets++;
		rig.bytes += b->len;
		if (b->len > rig.largest)
			rig.largest = b->len;
		if (b->flags & ADIT_BUF_GSO)
			rig.gso++;
		if (total != b->len || b->data - b->head < 160)
			rig.wrong++;
		memcpy(rig.seen, b->data, b->len);
		rig.seen_len = b->len;
		rig.last = *b;
		if (rig.answer == 1 && b->data[0] >> 4 == 4 && b->data[9] == 6)
			answer_tcp();
		if (rig.answer == 2 && b->data[0] >> 4 == 4 && b->data[9] == 17)
			answer_udp();
	}
	p->put(p->end, pkt, n);
}

static void ADIT_CALL gone(const adit_host *h, const char *what)
{
	rig.gone++;
	snprintf(rig.what, sizeof(rig.what), "%s", what);
}

static const adit_trouble_1 trouble = {sizeof(trouble), 0, gone};

static void prepare(void)
{
	static const struct fakehost_ends ends = {.input = input};

	memset(&rig, 0, sizeof(rig));
	rig.f = fakehost_new(&ends);
	rig.module = load();
	fakehost_offer(rig.f, ADIT_TROUBLE_1, &trouble);
	check(!rig.module->init(fakehost_host(rig.f), &rig.ctx));
	rig.platform = rig.module->components[0]->table;
	rig.place = rig.module->get(rig.ctx, ADIT_PLACE_1);
	check(rig.place);
}

static void start(void)
{
	const adit_life *life = rig.platform->life;

	check(!life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst), "%s", fakehost_why(rig.f));
	check(!life->open(rig.inst), "%s", fakehost_why(rig.f));
	check(!life->start(rig.inst), "%s", fakehost_why(rig.f));
}

static void prepare_new(void)
{
	prepare();
	fakehost_set(rig.f, "namespace", "new");
	start();
}

static void finish(void)
{
	rig.platform->life->stop(rig.inst);
	rig.platform->life->destroy(rig.inst);
	check(!rig.place->device());
	rig.module->fini(rig.ctx);
	check(!fakehost_buffers(rig.f), "%u buffers are missing", fakehost_buffers(rig.f));
	fakehost_free(rig.f);
}

/* A socket in the place of the device, connected to where only the device leads. */
static int inside(int32_t proto, const char *to, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	adit_addr any = {.family = strchr(to, ':') ? 6 : 4};
	intptr_t fd;

	check(!rig.place->socket(rig.place->device(), proto, &any, 0, &fd), "%s", fakehost_why(rig.f));
	if (any.family == 6) {
		check(inet_pton(AF_INET6, to, &v6.sin6_addr) == 1);
		check(!connect((int)fd, (struct sockaddr *)&v6, sizeof(v6)) || errno == EINPROGRESS, "%s", strerror(errno));
	} else {
		check(inet_pton(AF_INET, to, &v4.sin_addr) == 1);
		check(!connect((int)fd, (struct sockaddr *)&v4, sizeof(v4)) || errno == EINPROGRESS, "%s", strerror(errno));
	}
	return (int)fd;
}

static int some_packet(void *arg)
{
	return rig.packets >= *(uint32_t *)arg;
}

static void test_udp_arrives(void)
{
	uint32_t one = 1, two = 2;
	int fd;

	prepare_new();
	fd = inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
	check(send(fd, "hello", 5, 0) == 5);
	check(fakehost_run(rig.f, 1000, some_packet, &one));
	check(rig.seen[0] == 0x45 && rig.seen[9] == 17 && rig.seen_len == 33);
	check(!memcmp(rig.seen + 12, "\306\22\0\1\300\0\2\7", 8), "from 198.18.0.1 to 192.0.2.7");
	check(!memcmp(rig.seen + 28, "hello", 5));
	check(rig.last.flags & ADIT_BUF_CSUM_NEEDED && rig.last.csum_start == 20 && rig.last.csum_off == 6);
	close(fd);
	fd = inside(ADIT_PROTO_UDP, "2001:db8::7", 53);
	check(send(fd, "hello", 5, 0) == 5);
	check(fakehost_run(rig.f, 1000, some_packet, &two));
	check(rig.seen[0] >> 4 == 6 && rig.seen[6] == 17 && !memcmp(rig.seen + 48, "hello", 5));
	check(!rig.wrong && rig.packets == 2, "%u packets: the device talks by itself", rig.packets);
	check(!strcmp(rig.place->device_name(), "adit0") && rig.place->ours(rig.place->device()));
	check(rig.place->index(rig.place->device(), "adit0") > 1);
	close(fd);
	finish();
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

	prepare_new();
	rig.answer = 2;
	fd = inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
	check(send(fd, "there and back", 14, 0) == 14);
	check(fakehost_run(rig.f, 1000, has_answer, &fd));
	check(recv(fd, text, sizeof(text), 0) == 14 && !memcmp(text, "there and back", 14));
	close(fd);
	finish();
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

	prepare_new();
	rig.answer = 1;
	fd = inside(ADIT_PROTO_TCP, "192.0.2.7", 80);
	check(fakehost_run(rig.f, 1000, connected, NULL));
	for (i = 0; i < 400 && rig.bytes < 400000; i++) {
		while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
			;
		fakehost_run(rig.f, 20, all_taken, NULL);
	}
	check(rig.bytes > 400000 && !rig.wrong, "%u bytes, %u wrong", rig.bytes, rig.wrong);
	check(rig.largest > 20000 && rig.gso > 5, "largest %u, %u super-packets", rig.largest, rig.gso);
	check(rig.packets < rig.bytes / 1460, "%u packets for %u bytes", rig.packets, rig.bytes);
	printf("# %u bytes in %u packets, the largest %u\n", rig.bytes, rig.packets, rig.largest);
	close(fd);
	finish();
}

static void test_no_tso_when_switched_off(void)
{
	static char data[8192];
	int fd, i;

	prepare();
	fakehost_set(rig.f, "namespace", "new");
	fakehost_set(rig.f, "offloads/tso", "false");
	start();
	rig.answer = 1;
	fd = inside(ADIT_PROTO_TCP, "192.0.2.7", 80);
	check(fakehost_run(rig.f, 1000, connected, NULL));
	for (i = 0; i < 400 && rig.bytes < 100000; i++) {
		while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
			;
		fakehost_run(rig.f, 20, all_taken, NULL);
	}
	check(rig.bytes > 100000 && !rig.gso && rig.largest <= 1500, "%u, %u, %u", rig.bytes, rig.gso, rig.largest);
	close(fd);
	finish();
}

/* Sends a UDP super-packet of ten datagrams down; the socket inside must get ten, whoever cuts. */
static void super_packet_down(void)
{
	uint32_t one = 1, i, s;
	char text[200];
	adit_buf *b;
	int fd;

	fd = inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
	check(send(fd, "x", 1, 0) == 1);
	check(fakehost_run(rig.f, 1000, some_packet, &one));
	b = buffer(28 + 1000);
	answer_ip(b, 20);
	for (i = 0; i < 1000; i++)
		b->data[28 + i] = (uint8_t)(i / 100);
	b->data[24] = (uint8_t)(1008 >> 8);
	b->data[25] = (uint8_t)1008;
	s = sum(17 + 1008, b->data + 12, 8);
	b->data[26] = (uint8_t)(s >> 8);
	b->data[27] = (uint8_t)s;
	b->flags = ADIT_BUF_GSO_UDP | ADIT_BUF_CSUM_NEEDED;
	b->gso_size = 100;
	b->csum_start = 20;
	b->csum_off = 6;
	rig.platform->output(rig.inst, &b, 1);
	for (i = 0; i < 10; i++) {
		check(fakehost_run(rig.f, 1000, has_answer, &fd), "datagram %u", i);
		check(recv(fd, text, sizeof(text), MSG_DONTWAIT) == 100 && text[0] == (char)i && text[99] == (char)i);
	}
	check(recv(fd, text, sizeof(text), MSG_DONTWAIT) < 0);
	close(fd);
}

static void test_super_packet_by_kernel(void)
{
	prepare_new();
	super_packet_down();
	finish();
}

static void test_super_packet_by_software(void)
{
	prepare();
	fakehost_set(rig.f, "namespace", "new");
	fakehost_set(rig.f, "offloads/checksum", "false");
	start();
	super_packet_down();
	check(!(rig.last.flags & ADIT_BUF_CSUM_NEEDED));
	finish();
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
	check(!rig.place->netlink(rig.place->device(), NETLINK_ROUTE, &m, sizeof(m), why, sizeof(why)), "%s", why);
}

static void test_deletion_noticed(void)
{
	adit_buf *b;
	uint64_t turns, at;

	prepare_new();
	fakehost_run(rig.f, 50, NULL, NULL);
	delete_device();
	at = fakehost_now();
	check(fakehost_run(rig.f, 100, is_gone, NULL), "not noticed within 100 ms");
	printf("# noticed after %u us\n", (unsigned)((fakehost_now() - at) / 1000));
	check(!strcmp(rig.what, "device adit0"), "%s", rig.what);
	turns = fakehost_turns(rig.f);
	fakehost_run(rig.f, 200, NULL, NULL);
	check(fakehost_turns(rig.f) == turns, "the loop is not idle afterwards");
	b = buffer(40);
	rig.platform->output(rig.inst, &b, 1);
	check(rig.gone == 1 && fakehost_log_lines(rig.f) == 1, "%u lines", fakehost_log_lines(rig.f));
	finish();
}

/* Writing notices too, before the loop has had a turn. */
static void test_deletion_noticed_by_output(void)
{
	adit_buf *b;

	prepare_new();
	delete_device();
	b = buffer(40);
	b->data[0] = 0x45;
	rig.platform->output(rig.inst, &b, 1);
	check(rig.gone == 1);
	fakehost_run(rig.f, 50, NULL, NULL);
	check(rig.gone == 1 && fakehost_log_lines(rig.f) == 1);
	finish();
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
	check(!rig.place->netlink(rig.place->device(), NETLINK_ROUTE, &m, sizeof(m), why, sizeof(why)), "%s", why);
}

static void test_down_is_not_gone(void)
{
	adit_buf *b;

	prepare_new();
	set_link(0);
	b = buffer(40);
	b->data[0] = 0x45;
	rig.platform->output(rig.inst, &b, 1);
	fakehost_run(rig.f, 50, NULL, NULL);
	check(!rig.gone);
	set_link(1);
	finish();
}

static void test_buffers_run_out(void)
{
	uint32_t i, many = 20;
	int fd;

	prepare();
	fakehost_set(rig.f, "namespace", "new");
	fakehost_limit(rig.f, 0);
	start();
	fd = inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
	for (i = 0; i < many; i++)
		check(send(fd, "hello", 5, 0) == 5);
	fakehost_run(rig.f, 60, NULL, NULL);
	check(!rig.packets && fakehost_turns(rig.f) < 30, "%u turns without buffers", (unsigned)fakehost_turns(rig.f));
	fakehost_limit(rig.f, 8);
	check(fakehost_run(rig.f, 500, some_packet, &many), "%u packets", rig.packets);
	close(fd);
	finish();
}

static void test_name_taken(void)
{
	prepare();
	fakehost_set(rig.f, "name", "lo");
	fakehost_set(rig.f, "namespace", "new");
	check(!rig.platform->life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst));
	check(rig.platform->life->open(rig.inst) == ADIT_EINVAL || strstr(fakehost_why(rig.f), "exists already"), "%s",
	      fakehost_why(rig.f));
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

	prepare();
	fakehost_set(rig.f, "namespace", "new");
	life = rig.platform->life;
	check(!life->create(rig.ctx, fakehost_env(rig.f, 0, 2), &rig.inst));
	check(!life->create(rig.ctx, fakehost_env(rig.f, 1, 2), &second));
	check(!life->open(rig.inst) && !life->open(second), "%s", fakehost_why(rig.f));
	check(!life->start(rig.inst) && !life->start(second));
	for (i = 0; i < many; i++) {
		fds[i] = inside(ADIT_PROTO_UDP, "192.0.2.7", (uint16_t)(1000 + i));
		check(send(fds[i], "hello", 5, 0) == 5);
	}
	check(fakehost_run(rig.f, 1000, some_packet, &many), "%u", rig.packets);
	for (i = 0; i < many; i++)
		close(fds[i]);
	life->stop(second);
	life->destroy(second);
	finish();
}

/* Runs a shell command in the device's place; what it wrote. */
static uint32_t shell(const char *script, char *out, size_t room, int32_t *code)
{
	const adit_exec_1 *exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
	const char *argv[] = {"sh", "-c", script, NULL};
	const char *envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "COLOUR=blue", NULL};
	adit_command *c;
	intptr_t wait, fds[3];
	uint32_t state = 0;
	int file = memfd_create("out", MFD_CLOEXEC), i;
	ssize_t n;

	fds[0] = fds[1] = fds[2] = file;
	check(!exec->spawn(rig.place->device(), argv, envp, "/tmp", fds, &c, &wait), "%s", fakehost_why(rig.f));
	for (i = 0; i < 500 && exec->news(c, &state, code) == ADIT_EAGAIN; i++)
		fakehost_run(rig.f, 10, NULL, NULL);
	exec->release(c);
	n = pread(file, out, room - 1, 0);
	out[n > 0 ? n : 0] = '\0';
	close(file);
	return state;
}

static void test_exec(void)
{
	char out[2000], want[100];
	int32_t code = -1;

	prepare_new();
	snprintf(want, sizeof(want), "%u %u /tmp blue\n", (unsigned)getuid(), (unsigned)getgid());
	check(shell("echo $(id -u) $(id -g) $(pwd) $COLOUR; exit 7", out, sizeof(out), &code) == ADIT_EXEC_EXITED);
	check(code == 7 && !strcmp(out, want), "%d: %s", code, out);
	check(shell("kill -9 $$", out, sizeof(out), &code) == ADIT_EXEC_KILLED && code == 9);
	check(shell("cat /proc/self/net/dev; grep Cap /proc/self/status; ls -l /proc/self/fd", out, sizeof(out), &code) ==
	      ADIT_EXEC_EXITED);
	check(strstr(out, "adit0"), "%s", out);
	if (getuid())
		check(strstr(out, "CapEff:\t0000000000000000"), "%s", out);
	check(shell("no-such-command-here 2>/dev/null", out, sizeof(out), &code) == ADIT_EXEC_EXITED && code == 127);
	finish();
}

static void test_exec_refused(void)
{
	const adit_exec_1 *exec;
	const char *argv[] = {"/no/such/command", NULL};
	const char *envp[] = {NULL};
	intptr_t fds[3] = {0, 1, 2}, wait;
	adit_command *c;

	prepare_new();
	exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
	check(exec->spawn(rig.place->device(), argv, envp, "/", fds, &c, &wait) == ADIT_ENOENT);
	check(strstr(fakehost_why(rig.f), "/no/such/command"), "%s", fakehost_why(rig.f));
	finish();
}

/* Ends by SIGKILL with a device, an agent and a command that ignores SIGHUP; sandbox_run() looks for what stays. */
static void test_killed(void)
{
	const adit_exec_1 *exec;
	const char *argv[] = {"sh", "-c", "trap '' HUP TERM; sleep 1000 & wait; sleep 1000", NULL};
	const char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	intptr_t fds[3] = {0, 1, 2}, wait;
	adit_command *c;
	pid_t pid = fork();
	int status;

	if (!pid) {
		prepare_new();
		exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
		check(!exec->spawn(rig.place->device(), argv, envp, "/", fds, &c, &wait));
		fakehost_run(rig.f, 100, NULL, NULL);
		raise(SIGKILL);
	}
	check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_agent_killed(void)
{
	adit_addr any = {.family = 4};
	char path[64];
	intptr_t fd;
	int child = 0;
	FILE *f;

	prepare_new();
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	check(f && fscanf(f, "%d", &child) == 1 && child > 1);
	fclose(f);
	check(!kill(child, SIGKILL), "%s", strerror(errno));
	check(rig.place->socket(rig.place->device(), ADIT_PROTO_UDP, &any, 0, &fd) == ADIT_EGONE);
	check(strstr(fakehost_why(rig.f), "agent"), "%s", fakehost_why(rig.f));
	finish();
}

static void test_requests_checked(void)
{
	adit_addr any = {.family = 4}, odd = {.family = 9};
	uint8_t junk[64];
	char why[100];
	intptr_t fd;
	adit_place *p;

	prepare_new();
	p = rig.place->device();
	check(rig.place->socket(p, 1, &any, 0, &fd) == ADIT_EINVAL);
	check(rig.place->socket(p, 6, &odd, 0, &fd) == ADIT_EINVAL);
	check(rig.place->socket(p, 6, &any, 0x100, &fd) == ADIT_EINVAL);
	check(rig.place->sysctl(p, "../kernel/hostname", "x") == ADIT_EINVAL);
	check(rig.place->sysctl(p, "/etc/passwd", "x") == ADIT_EINVAL);
	check(rig.place->sysctl(p, "ipv4/conf/adit0/no_such", "1") == ADIT_ENOENT);
	check(!rig.place->sysctl(p, "ipv4/conf/adit0/accept_local", "1"), "%s", fakehost_why(rig.f));
	memset(junk, 0xff, sizeof(junk));
	check(rig.place->netlink(p, NETLINK_ROUTE, junk, sizeof(junk), why, sizeof(why)) == ADIT_EINVAL);
	check(rig.place->netlink(p, NETLINK_AUDIT, junk, sizeof(junk), why, sizeof(why)) == ADIT_EINVAL);
	check(!rig.place->index(p, "none"));
	check(!rig.place->socket(p, 6, &any, ADIT_SOCK_TRANSPARENT | ADIT_SOCK_REUSEPORT | ADIT_SOCK_LISTEN, &fd), "%s",
	      fakehost_why(rig.f));
	close((int)fd);
	finish();
}

/* A descriptor made by somebody else, as a service manager passes it. */
static int foreign_device(const char *name)
{
	struct ifreq req;
	int fd = open("/dev/net/tun", O_RDWR);

	memset(&req, 0, sizeof(req));
	strcpy(req.ifr_name, name);
	req.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
	check(fd >= 0 && !ioctl(fd, TUNSETIFF, &req), "%s", strerror(errno));
	return fd;
}

/* Only root may make a device where we are; an ordinary user goes to a namespace of its own first. */
static void be_somewhere(void)
{
	char map[40];
	unsigned uid = getuid();

	if (!uid)
		return;
	check(!unshare(CLONE_NEWUSER | CLONE_NEWNET), "%s", strerror(errno));
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	check(write_text("/proc/self/uid_map", map));
}

static void test_adopts_by_number_and_name(void)
{
	char number[16], pid[16];
	int fd, round;

	be_somewhere();
	for (round = 0; round < 2; round++) {
		fd = foreign_device("passed0");
		check(fd < 10 && dup2(fd, round ? 4 : 20) >= 0);
		close(fd);
		prepare();
		snprintf(number, sizeof(number), "%d", 20);
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDNAMES", "control:tun", 1);
		fakehost_set(rig.f, "fd", round ? "tun" : number);
		start();
		check(!strcmp(rig.place->device_name(), "passed0"));
		check(!rig.place->ours(rig.place->device()));
		finish();
	}
	prepare();
	fakehost_set(rig.f, "fd", "nobody");
	check(rig.platform->life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst) == ADIT_ECONFIG);
	check(strstr(fakehost_why(rig.f), "LISTEN_FDNAMES"), "%s", fakehost_why(rig.f));
	fakehost_free(rig.f);
	prepare();
	fakehost_set(rig.f, "fd", "0");
	check(!rig.platform->life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst));
	check(rig.platform->life->open(rig.inst) < 0 && strstr(fakehost_why(rig.f), "no TUN device"), "%s", fakehost_why(rig.f));
}

static void test_here(void)
{
	prepare();
	be_somewhere();
	fakehost_set(rig.f, "name", "here%d");
	fakehost_set(rig.f, "routes/0", "203.0.113.0/24");
	start();
	check(!strcmp(rig.place->device_name(), "here0"));
	check(if_nametoindex("here0") == rig.place->index(rig.place->device(), "here0") && if_nametoindex("here0"));
	check(!rig.place->ours(rig.place->device()));
	finish();
	check(!if_nametoindex("here0"), "the device outlives its descriptors");
}

/* A process with a network namespace, which the device shall be made in. */
static pid_t other_namespace(int *hold)
{
	unsigned uid = getuid();
	int ready[2], stay[2];
	char c, map[40];
	pid_t pid;

	check(!pipe(ready) && !pipe(stay));
	pid = fork();
	if (!pid) {
		close(stay[1]);
		check(!unshare(uid ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET));
		snprintf(map, sizeof(map), "%u %u 1", uid, uid);
		check(!uid || write_text("/proc/self/uid_map", map));
		check(write(ready[1], "x", 1) == 1);
		check(!read(stay[0], &c, 1));
		_exit(0);
	}
	close(stay[0]);
	check(read(ready[0], &c, 1) == 1);
	*hold = stay[1];
	return pid;
}

static void test_namespace_of_a_process(void)
{
	char name[64];
	int hold, round;
	pid_t pid = other_namespace(&hold);
	uint32_t one = 1;
	int fd;

	for (round = 0; round < 2; round++) {
		snprintf(name, sizeof(name), round ? "/proc/%d/ns/net" : "pid:%d", (int)pid);
		prepare();
		fakehost_set(rig.f, "namespace", name);
		start();
		check(!if_nametoindex("adit0") && rig.place->ours(rig.place->device()));
		fd = inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
		check(send(fd, "hello", 5, 0) == 5);
		check(fakehost_run(rig.f, 1000, some_packet, &one));
		close(fd);
		finish();
	}
	close(hold);
	check(waitpid(pid, NULL, 0) == pid);
}

static void test_namespace_that_is_none(void)
{
	static const char *const names[] = {"/no/such/namespace", "/proc/self/status", "elsewhere", "pid:0", "pid:-1", "pid:4194304"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		prepare();
		fakehost_set(rig.f, "namespace", names[i]);
		check(!rig.platform->life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst));
		check(rig.platform->life->open(rig.inst) < 0 && strstr(fakehost_why(rig.f), "namespace"), "%s: %s", names[i],
		      fakehost_why(rig.f));
		rig.platform->life->destroy(rig.inst);
		rig.module->fini(rig.ctx);
		fakehost_free(rig.f);
	}
}

static uint32_t wait_news(const adit_exec_1 *exec, adit_command *c, int32_t *code)
{
	uint32_t state = 0;
	int i;

	for (i = 0; i < 300 && exec->news(c, &state, code) == ADIT_EAGAIN; i++)
		fakehost_run(rig.f, 10, NULL, NULL);
	return state;
}

/* A command with a terminal of ours: reads from it, stops, goes on, and gives it back. */
static void test_terminal(void)
{
	const adit_exec_1 *exec;
	const char *argv[] = {"sh", "-c", "read line && test \"$line\" = hello || exit 1; kill -STOP $$; read line; exit 5", NULL};
	const char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	intptr_t fds[3], wait;
	adit_command *c;
	int32_t code = 0;
	int master, slave;
	pid_t pid;

	check(setsid() == getpid());
	master = posix_openpt(O_RDWR | O_NOCTTY);
	check(master >= 0 && !grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR);
	check(slave >= 0 && !ioctl(slave, TIOCSCTTY, 0) && tcgetpgrp(slave) == getpgrp());
	prepare_new();
	fds[0] = fds[1] = fds[2] = slave;
	exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
	check(write(master, "hello\n", 6) == 6);
	check(!exec->spawn(rig.place->device(), argv, envp, "/", fds, &c, &wait), "%s", fakehost_why(rig.f));
	check(tcgetpgrp(slave) != getpgrp(), "the command has no terminal");
	check(wait_news(exec, c, &code) == ADIT_EXEC_STOPPED && code == SIGSTOP);
	pid = fork();
	if (!pid) {
		usleep(200000);
		check(tcgetpgrp(slave) == getpgrp(), "who is stopped has no terminal");
		check(!kill(getppid(), SIGCONT));
		_exit(0);
	}
	exec->suspend(c);
	check(waitpid(pid, &code, 0) == pid && !code);
	check(wait_news(exec, c, &code) == ADIT_EXEC_CONTINUED);
	check(tcgetpgrp(slave) != getpgrp());
	check(write(master, "\n", 1) == 1);
	check(wait_news(exec, c, &code) == ADIT_EXEC_EXITED && code == 5, "%d", code);
	check(tcgetpgrp(slave) == getpgrp(), "the terminal did not come back");
	check(exec->signal(c, SIGTERM) == ADIT_ENOENT);
	exec->release(c);
	finish();
}

static void test_signals_are_forwarded(void)
{
	const adit_exec_1 *exec;
	const char *argv[] = {"sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.05; done", NULL};
	const char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	intptr_t fds[3] = {0, 1, 2}, wait;
	adit_command *c;
	int32_t code = 0;

	prepare_new();
	exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
	check(!exec->spawn(rig.place->device(), argv, envp, "/", fds, &c, &wait), "%s", fakehost_why(rig.f));
	fakehost_run(rig.f, 200, NULL, NULL);
	check(!exec->signal(c, SIGUSR1), "%s", fakehost_why(rig.f));
	/* The sleep of the loop is in the same group and may end the shell's wait by the signal: either way 9. */
	check(wait_news(exec, c, &code) == ADIT_EXEC_EXITED && code == 9, "%d", code);
	exec->release(c);
	finish();
}

static void ADIT_CALL finding(void *arg, int32_t level, const char *name, const char *text, const char *cure)
{
	printf("# doctor %d %s: %s%s%s\n", level, name, text, cure ? "; " : "", cure ? cure : "");
	if (level == ADIT_DOCTOR_BAD)
		++*(uint32_t *)arg;
}

static void test_doctor(void)
{
	const adit_doctor_1 *doctor;
	uint32_t bad = 0;

	prepare();
	doctor = rig.module->get(rig.ctx, ADIT_DOCTOR_1);
	doctor->run(finding, &bad);
	check(!bad);
	rig.module->fini(rig.ctx);
	fakehost_free(rig.f);
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
	{"a command runs in the place as its user", test_exec},
	{"a command that is not there is an error", test_exec_refused},
	{"nothing is left after SIGKILL", test_killed},
	{"a killed agent is an error", test_agent_killed},
	{"the agent checks its requests", test_requests_checked},
	{"a passed descriptor is adopted by number and by name", test_adopts_by_number_and_name},
	{"a device where we are", test_here},
	{"a device in the namespace of a process", test_namespace_of_a_process},
	{"a namespace that is none is an error", test_namespace_that_is_none},
	{"a command has the terminal, stops and goes on", test_terminal},
	{"signals reach the command", test_signals_are_forwarded},
	{"the doctor finds nothing bad", test_doctor},
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
