/* SPDX-License-Identifier: MIT
 * tests/lib/platform-rig.c - the platform module on the fake host, with an end that looks at
 * packets and answers
 */
#include "tests/lib/platform-rig.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig rig;

static const adit_module *load(void)
{
	const char *path = getenv("ADIT_TEST_PLATFORM");
	void *lib = dlopen(path ? path : "./lib/adit/modules/abi-1/platform-linux.so",
	                   RTLD_NOW | RTLD_LOCAL);

	check(lib, "%s", dlerror());
	return dlsym(lib, "adit_module_1");
}

int rig_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

uint32_t rig_sum(uint32_t s, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		s += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* An empty buffer with `len` bytes of contents. */
adit_buf *rig_buffer(uint32_t len)
{
	adit_buf *b;
	const adit_path *p = fakehost_path(rig.f);

	check(p->get(p->end, &b, 1, len ? len : 1) == 1);
	b->len = len;
	memset(b->data, 0, len);
	return b;
}

/* Fills the IPv4 header of an answer to the packet in seen, checksum of L4 (at field) still to do.
 */
void rig_answer(adit_buf *b, uint32_t l4)
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
	s = ~rig_sum(0, p, 20) & 0xffff;
	p[10] = (uint8_t)(s >> 8);
	p[11] = (uint8_t)s;
	memcpy(p + l4, rig.seen + l4 + 2, 2);
	memcpy(p + l4 + 2, rig.seen + l4, 2);
}

static void finish_l4(adit_buf *b, uint32_t field)
{
	uint8_t *p = b->data;
	uint32_t s = rig_sum(rig_sum(p[9] + b->len - 20, p + 12, 8), p + 20, b->len - 20);

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
	b = rig_buffer(syn ? 48 : 40);
	rig_answer(b, 20);
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
	adit_buf *b = rig_buffer(rig.seen_len);

	memcpy(b->data, rig.seen, rig.seen_len);
	rig_answer(b, 20);
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
		uint32_t total = b->data[0] >> 4 == 4
		                         ? (uint32_t)b->data[2] << 8 | b->data[3]
		                         : 40 + ((uint32_t)b->data[4] << 8 | b->data[5]);

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

void rig_prepare(void)
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

void rig_start(void)
{
	const adit_life *life = rig.platform->life;

	check(!life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst), "%s",
	      fakehost_why(rig.f));
	check(!life->open(rig.inst), "%s", fakehost_why(rig.f));
	check(!life->start(rig.inst), "%s", fakehost_why(rig.f));
}

void rig_prepare_new(void)
{
	rig_prepare();
	fakehost_set(rig.f, "namespace", "new");
	rig_start();
}

void rig_finish(void)
{
	rig.platform->life->stop(rig.inst);
	rig.platform->life->destroy(rig.inst);
	check(!rig.place->device());
	rig.module->fini(rig.ctx);
	check(!fakehost_buffers(rig.f), "%u buffers are missing", fakehost_buffers(rig.f));
	fakehost_free(rig.f);
}

/* A socket in the place of the device, connected to where only the device leads. */
int rig_inside(int32_t proto, const char *to, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	adit_addr any = {.family = strchr(to, ':') ? 6 : 4};
	intptr_t fd;

	check(!rig.place->socket(rig.place->device(), proto, &any, 0, &fd), "%s",
	      fakehost_why(rig.f));
	if (any.family == 6) {
		check(inet_pton(AF_INET6, to, &v6.sin6_addr) == 1);
		check(!connect((int)fd, (struct sockaddr *)&v6, sizeof(v6)) || errno == EINPROGRESS,
		      "%s", strerror(errno));
	} else {
		check(inet_pton(AF_INET, to, &v4.sin_addr) == 1);
		check(!connect((int)fd, (struct sockaddr *)&v4, sizeof(v4)) || errno == EINPROGRESS,
		      "%s", strerror(errno));
	}
	return (int)fd;
}

int rig_packets(void *arg)
{
	return rig.packets >= *(uint32_t *)arg;
}

void rig_be_somewhere(void)
{
	char map[40];
	unsigned uid = getuid();

	if (!uid)
		return;
	check(!unshare(CLONE_NEWUSER | CLONE_NEWNET), "%s", strerror(errno));
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	check(rig_write("/proc/self/uid_map", map));
}

pid_t rig_other_namespace(int *hold)
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
		check(!uid || rig_write("/proc/self/uid_map", map));
		check(write(ready[1], "x", 1) == 1);
		check(!read(stay[0], &c, 1));
		_exit(0);
	}
	close(stay[0]);
	check(read(ready[0], &c, 1) == 1);
	*hold = stay[1];
	return pid;
}
