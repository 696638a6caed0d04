/* SPDX-License-Identifier: MIT
 * tests/lib/stackhost.c - the least host that a stack module runs on
 */
#include "stackhost.h"

#include <adit/vnet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stackconf.h"
#include "stackecho.h"
#include "stackplace.h"

int stackhost_run(const char *command)
{
	return system(command);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

int stackhost_isolate(void)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();

	if (access("/dev/net/tun", R_OK | W_OK) != 0)
		return 0;
	if (uid == 0 ? unshare(CLONE_NEWNET) != 0 : unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return 0;
	if (uid) {
		write_file("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", uid);
		write_file("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "0 %u 1", gid);
		write_file("/proc/self/gid_map", map);
	}
	return stackhost_run("ip link set lo up") == 0;
}

/* ---- adit_path ---- */

static void ADIT_CALL path_output(void *end, adit_buf *const *pkt, uint32_t n)
{
	struct stackhost_shard *s = end;
	uint8_t header[ADIT_VNET_SIZE];
	struct iovec v[32] = {{header, sizeof(header)}};
	adit_buf *b;
	uint32_t i;
	int count;

	for (i = 0; i < n; i++) {
		adit_vnet_write(header, pkt[i]);
		for (b = pkt[i], count = 1; b && count < 32; b = b->next)
			v[count++] = (struct iovec){b->data, b->len};
		s->supers_down += (pkt[i]->flags & ADIT_BUF_GSO) != 0;
		if (writev(s->tun, v, count) < 0)
			fprintf(stderr, "device refuses a packet of %u bytes: %s\n", pkt[i]->len,
			        strerror(errno));
	}
	s->packets_down += n;
	bufpool_put(pkt, n);
}

static uint32_t ADIT_CALL path_get(void *end, adit_buf **v, uint32_t n, uint32_t room)
{
	return bufpool_get(((struct stackhost_shard *)end)->bufs, v, n, room);
}

static void ADIT_CALL path_put(void *end, adit_buf *const *v, uint32_t n)
{
	bufpool_put(v, n);
}

static struct stackhost_flow *flow_of(struct stackhost_shard *s, adit_flow handle)
{
	struct stackhost_flow *f = &s->flows[ADIT_FLOW_SLOT(handle) % STACKHOST_FLOWS];

	return f->used && f->handle == handle ? f : NULL;
}

static const adit_flow_info *ADIT_CALL path_info(void *end, adit_flow handle)
{
	struct stackhost_flow *f = flow_of(end, handle);

	return f ? &f->info : NULL;
}

static void ADIT_CALL path_emit(void *end, const adit_event *ev, uint32_t n)
{
	struct stackhost_shard *s = end;
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct stackhost_flow *f = flow_of(s, ev[i].flow);

		if (f)
			stackecho_event(s, f, &ev[i]);
		else if (ev[i].flags & ADIT_EVF_BUF)
			bufpool_put(&ev[i].u.buf, 1);
	}
}

/* ---- flows ---- */

static uint32_t bucket_of(const adit_addr *src)
{
	return src->port % STACKHOST_FLOWS;
}

static int same_endpoints(const struct stackhost_flow *f, uint8_t proto, const adit_addr *src,
                          const adit_addr *dst)
{
	return f->info.proto == proto && memcmp(&f->info.src, src, sizeof(*src)) == 0 &&
	       memcmp(&f->info.dst, dst, sizeof(*dst)) == 0;
}

static struct stackhost_flow *find(struct stackhost_shard *s, uint8_t proto, const adit_addr *src,
                                   const adit_addr *dst)
{
	uint32_t i = s->buckets[bucket_of(src)];

	while (i && !same_endpoints(&s->flows[i - 1], proto, src, dst))
		i = s->flows[i - 1].next;
	return i ? &s->flows[i - 1] : NULL;
}

static void forget(struct stackhost_shard *s, struct stackhost_flow *f)
{
	adit_op op = {.type = ADIT_OP_RELEASE, .flow = f->handle};
	uint32_t *link = &s->buckets[bucket_of(&f->info.src)],
	         number = (uint32_t)(f - s->flows) + 1;

	stackecho_submit(s, &op);
	while (*link != number)
		link = &s->flows[*link - 1].next;
	*link = f->next;
	f->used = 0;
}

static struct stackhost_flow *add(struct stackhost_shard *s, uint8_t proto, const adit_addr *src,
                                  const adit_addr *dst)
{
	adit_op op = {.type = ADIT_OP_ACCEPT,
	              .flags = s->host->mode == ECHO_SOCKET ? ADIT_OPF_SOCKET : 0};
	struct stackhost_flow *f = NULL;
	uint32_t i;

	for (i = 0; i < STACKHOST_FLOWS && !f; i++) {
		struct stackhost_flow *candidate = &s->flows[s->oldest++ % STACKHOST_FLOWS];

		if (candidate->used && candidate->closed)
			forget(s, candidate);
		if (!candidate->used)
			f = candidate;
	}
	if (!f)
		return NULL;
	i = f->generation + 1;
	memset(f, 0, sizeof(*f));
	f->generation = i;
	f->handle = (uint64_t)i << 32 | (uint32_t)(f - s->flows);
	f->info = (adit_flow_info){
	        .size = sizeof(f->info), .proto = proto, .src = *src, .dst = *dst};
	f->used = 1;
	f->fd = -1;
	f->shard = s;
	f->next = s->buckets[bucket_of(src)];
	s->buckets[bucket_of(src)] = (uint32_t)(f - s->flows) + 1;
	s->opened++;
	op.flow = f->handle;
	stackecho_submit(s, &op);
	return f;
}

/* ---- packets from the device ---- */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* What the framework's parser does, for the well-formed packets of this machine's kernel. */
static int read_headers(adit_buf *b, uint8_t *proto, adit_addr *src, adit_addr *dst)
{
	const uint8_t *p = b->data, *l4;
	int six = p[0] >> 4 == 6;

	memset(src, 0, sizeof(*src));
	memset(dst, 0, sizeof(*dst));
	*proto = six ? p[6] : p[9];
	src->family = dst->family = six ? 6 : 4;
	memcpy(src->ip, p + (six ? 8 : 12), six ? 16 : 4);
	memcpy(dst->ip, p + (six ? 24 : 16), six ? 16 : 4);
	b->csum_start = (uint16_t)(six ? 40 : (p[0] & 15) * 4);
	l4 = p + b->csum_start;
	src->port = get16(l4);
	dst->port = get16(l4 + 2);
	if (*proto == ADIT_PROTO_TCP) {
		b->hdr_len = (uint16_t)(b->csum_start + (l4[12] >> 4) * 4);
		b->csum_off = 16;
		return 1;
	}
	b->hdr_len = (uint16_t)(b->csum_start + 8);
	b->csum_off = *proto == ADIT_PROTO_UDP ? 6 : 2;
	if (*proto == ADIT_PROTO_ICMP || *proto == ADIT_PROTO_ICMPV6) {
		src->port = get16(l4 + 4);
		dst->port = 0;
		return l4[0] == (six ? 128 : 8);
	}
	return *proto == ADIT_PROTO_UDP;
}

static void packet_up(struct stackhost_shard *s, adit_buf *b)
{
	adit_addr src, dst;
	struct stackhost_flow *f;
	struct stackhost_shard *by;
	uint8_t proto, flags;

	if (!read_headers(b, &proto, &src, &dst)) {
		bufpool_put(&b, 1);
		return;
	}
	s->packets_up++;
	s->supers_up += (b->flags & ADIT_BUF_GSO) != 0;
	b->flow = 0;
	by = s->host->misled ? s->host->shard[(s->index + 1) % s->host->shards] : s;
	if (stackecho_table()->claims(by->inst, &src, &dst)) {
		stackecho_table()->input(by->inst, &b, 1);
		return;
	}
	flags = proto == ADIT_PROTO_TCP ? b->data[b->csum_start + 13] & 0x17 : 2;
	f = find(s, proto, &src, &dst);
	if (f && f->closed && flags == 2) {
		forget(s, f);
		f = NULL;
	}
	if (!f && flags == 2)
		f = add(s, proto, &src, &dst);
	if (!f) {
		bufpool_put(&b, 1);
		return;
	}
	b->flow = f->handle;
	stackecho_table()->input(s->inst, &b, 1);
	if (s->host->mode == FORGET_AT_ACK && flags == 0x10)
		forget(s, f);
}

static void ADIT_CALL on_device(void *arg)
{
	struct stackhost_shard *s = arg;
	uint8_t header[ADIT_VNET_SIZE];
	struct iovec v[2] = {{header, sizeof(header)}};
	adit_buf *b;
	ssize_t n;
	int i;

	for (i = 0; i < 64; i++) {
		if (bufpool_get(s->bufs, &b, 1, 65536) != 1)
			return;
		v[1] = (struct iovec){b->data, 65536};
		n = readv(s->tun, v, 2);
		if (n < (ssize_t)sizeof(header) + 20) {
			bufpool_put(&b, 1);
			return;
		}
		b->len = (uint32_t)n - ADIT_VNET_SIZE;
		b->flags = 0;
		if (adit_vnet_read(header, b) != 0)
			fprintf(stderr, "the kernel's virtio header is refused\n");
		packet_up(s, b);
	}
}

/* ---- life ---- */

static adit_result start_shard(struct stackhost *h, uint32_t i, int tun)
{
	struct stackhost_shard *s = calloc(1, sizeof(*s));
	adit_result result;

	h->shard[i] = s;
	s->host = h;
	s->index = i;
	s->tun = tun;
	s->path = (adit_path){.size = sizeof(s->path),
	                      .end = s,
	                      .output = path_output,
	                      .emit = path_emit,
	                      .get = path_get,
	                      .put = path_put,
	                      .info = path_info};
	s->env = (adit_env){.size = sizeof(s->env),
	                    .shard = i,
	                    .shards = h->shards,
	                    .flows = STACKHOST_FLOWS,
	                    .name = "system",
	                    .host = &h->host,
	                    .loop = h->loop,
	                    .cfg = (const adit_cfg *)h,
	                    .path = &s->path};
	result = bufpool_new(&s->bufs, 256u << 20);
	if (!result)
		result = loop_table.io(h->loop, tun, on_device, s, &s->io);
	if (!result)
		result = stackecho_table()->life->create(h->ctx, &s->env, &s->inst);
	if (!result)
		result = stackecho_table()->life->open(s->inst);
	return result;
}

static void ADIT_CALL do_start(void *arg)
{
	struct stackhost_shard *s = arg;

	if (stackecho_table()->life->start(s->inst) != 0)
		fprintf(stderr, "start failed\n");
	loop_table.io_want(s->io, ADIT_IO_READ);
}

adit_result stackhost_start(struct stackhost *h, uint32_t shards, enum stackhost_mode mode,
                            const struct stackhost_setting *settings)
{
	int fds[STACKHOST_SHARDS];
	adit_result result;
	uint32_t i;
	const adit_place_1 *places = h->places ? h->places : &stackplace_table;

	memset(h, 0, sizeof(*h));
	h->places = places;
	stackconf_init(h);
	h->shards = shards;
	h->mode = mode;
	h->settings = settings;
	if (stackplace_tun("t0", (int)shards, fds) != 0 ||
	    stackhost_run(
	            "ip addr add 198.18.0.1/16 dev t0 && ip -6 addr add fd00::1/64 dev t0 nodad && "
	            "ip link set t0 up && ip route add default dev t0 && ip -6 route add default "
	            "dev t0"))
		return ADIT_EIO;
	result = loop_new(&h->loop);
	if (!result)
		result = adit_module_1.init(&h->host, &h->ctx);
	for (i = 0; i < shards && !result; i++)
		result = start_shard(h, i, fds[i]);
	for (i = 0; i < shards && !result; i++)
		result = loop_post(h->loop, do_start, h->shard[i]);
	return result;
}

struct work {
	struct stackhost *host;
	void (*fn)(void *arg);
	void *arg;
	int done;
};

static void *worker(void *arg)
{
	struct work *w = arg;

	w->fn(w->arg);
	__atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
	usleep(50000); /* what the applications have just said still reaches the host */
	loop_stop(w->host->loop);
	return NULL;
}

static void ADIT_CALL on_late(void *arg)
{
	struct stackhost *h = arg;

	fprintf(stderr, "the test took too long\n%s", h->log);
	_exit(1);
}

int stackhost_serve(struct stackhost *h, void (*fn)(void *arg), void *arg)
{
	struct work w = {h, fn, arg, 0};
	pthread_t thread;

	if (loop_table.timer(h->loop, on_late, h, &h->end) != 0)
		return 0;
	loop_table.timer_set(h->end, 20000000000ull, 0);
	pthread_create(&thread, NULL, worker, &w);
	loop_run(h->loop);
	pthread_join(thread, NULL);
	loop_table.timer_free(h->end);
	return w.done;
}

static void ADIT_CALL do_stop(void *arg)
{
	struct stackhost *h = arg;
	uint32_t i;

	for (i = 0; i < h->shards; i++)
		if (h->shard[i] && h->shard[i]->inst)
			stackecho_table()->life->stop(h->shard[i]->inst);
	loop_stop(h->loop);
}

void stackhost_stop(struct stackhost *h)
{
	uint32_t i, j;

	if (loop_post(h->loop, do_stop, h) == 0)
		loop_run(h->loop);
	for (i = 0; i < h->shards; i++) {
		struct stackhost_shard *s = h->shard[i];

		if (!s)
			continue;
		for (j = 0; j < STACKHOST_FLOWS; j++)
			stackecho_forget(&s->flows[j]);
		if (s->inst)
			stackecho_table()->life->destroy(s->inst);
		if (s->io)
			loop_table.io_free(s->io);
		close(s->tun);
		if (bufpool_out(s->bufs))
			fprintf(stderr, "%zu buffers are still out\n", bufpool_out(s->bufs));
		h->leaked += bufpool_out(s->bufs);
		bufpool_free(s->bufs);
		free(s);
		h->shard[i] = NULL;
	}
	adit_module_1.fini(h->ctx);
	loop_free(h->loop);
}
