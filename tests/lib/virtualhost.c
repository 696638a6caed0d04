/* SPDX-License-Identifier: MIT
 * tests/lib/virtualhost.c - the host of virtualhost.h
 */
#include "tests/lib/virtualhost.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/build.h"
#include "packet/checksum.h"

enum { PACKET_MOST = 65536, APP_PORT = 40000, SERVER_PORT = 80 };

struct virtual_timer {
	struct virtual_timer *next;
	struct virtualhost *host;
	adit_fn fn;
	void *arg;
	uint64_t at, every; /* at 0: not set */
};

static void must(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "virtualhost: %s\n", what);
	abort();
}

static struct virtualhost *self; /* one at a time: the tables of the ABI that carry no instance need it */

/* ---- adit.loop/1 ---- */

static uint64_t loop_now(adit_loop *l)
{
	return ((struct virtualhost *)(void *)l)->now;
}

static adit_result loop_timer(adit_loop *l, adit_fn fn, void *arg, adit_timer **out)
{
	struct virtual_timer *t = calloc(1, sizeof(*t));

	must(t != NULL, "no memory");
	t->host = (struct virtualhost *)(void *)l;
	t->fn = fn;
	t->arg = arg;
	t->next = t->host->timers;
	t->host->timers = t;
	*out = (adit_timer *)(void *)t;
	return ADIT_OK;
}

static void loop_timer_set(adit_timer *timer, uint64_t after, uint64_t every)
{
	struct virtual_timer *t = (struct virtual_timer *)(void *)timer;

	t->at = after || every ? t->host->now + (after ? after : every) : 0;
	t->every = every;
}

static void loop_timer_free(adit_timer *timer)
{
	struct virtual_timer *t = (struct virtual_timer *)(void *)timer, **link;

	if (!t)
		return;
	for (link = &t->host->timers; *link != t; link = &(*link)->next)
		;
	*link = t->next;
	free(t);
}

static const adit_loop_1 loop_table = {
	.size = sizeof(adit_loop_1),
	.now = loop_now,
	.timer = loop_timer,
	.timer_set = loop_timer_set,
	.timer_free = loop_timer_free,
};

uint32_t virtualhost_armed(const struct virtualhost *h)
{
	const struct virtual_timer *t;
	uint32_t n = 0;

	for (t = h->timers; t; t = t->next)
		n += t->at != 0;
	return n;
}

void virtualhost_run(struct virtualhost *h, uint64_t ns)
{
	uint64_t end = h->now + ns;

	for (;;) {
		struct virtual_timer *t, *first = NULL;

		for (t = h->timers; t; t = t->next)
			if (t->at && t->at <= end && (!first || t->at < first->at))
				first = t;
		if (!first)
			break;
		if (first->at > h->now)
			h->now = first->at;
		first->at = first->every ? first->at + first->every : 0;
		h->timer_calls++;
		first->fn(first->arg);
	}
	h->now = end;
}

/* ---- adit.config/1, adit.packet/1 ---- */

static adit_result config_integer(const adit_cfg *c, const char *path, int64_t *out)
{
	if (!strcmp(path, "window"))
		*out = self->window;
	else if (!strcmp(path, "memory"))
		*out = self->memory;
	else
		return ADIT_ENOENT;
	return ADIT_OK;
}

static adit_result config_duration(const adit_cfg *c, const char *path, uint64_t *out)
{
	must(!strcmp(path, "keepalive"), "a duration that is not in the schema");
	*out = self->keepalive;
	return ADIT_OK;
}

static const adit_config_1 config_table = {
	.size = sizeof(adit_config_1), .integer = config_integer, .duration = config_duration};

static adit_result packet_push(adit_buf *b, const adit_flow_info *info)
{
	return build_udp(b, info, BUILD_PARTIAL);
}

static const adit_packet_1 packet_table = {.size = sizeof(adit_packet_1), .push = packet_push};

/* ---- adit_host ---- */

static const void *host_get(const adit_host *h, const char *iface)
{
	if (!strcmp(iface, ADIT_LOOP_1))
		return &loop_table;
	if (!strcmp(iface, ADIT_CONFIG_1))
		return &config_table;
	return !strcmp(iface, ADIT_PACKET_1) ? &packet_table : NULL;
}

static void *host_alloc(const adit_host *h, size_t size, size_t align)
{
	return calloc(1, size);
}

static void host_release(const adit_host *h, void *mem)
{
	free(mem);
}

static void host_log(const adit_host *h, int32_t level, const char *msg, size_t len)
{
	if (level >= ADIT_LOG_ERROR) {
		self->asserts++;
		fprintf(stderr, "# %.*s\n", (int)len, msg);
	}
}

static adit_result host_fail(const adit_host *h, adit_result code, const char *why, size_t len)
{
	fprintf(stderr, "# %.*s\n", (int)len, why);
	return code;
}

/* ---- the wires ---- */

static uint32_t path_get(void *end, adit_buf **v, uint32_t n, uint32_t room)
{
	struct virtualhost *h = end;

	if (h->starve_after && h->starve_after-- == 1) {
		h->starve_after = 1;
		return 0;
	}
	return bufpool_get(h->bufs, v, n, room);
}

static void path_put(void *end, adit_buf *const *v, uint32_t n)
{
	bufpool_put(v, n);
}

static adit_buf *path_wrap(void *end, void *mem, uint32_t len, adit_fn done, void *arg)
{
	return bufpool_wrap(((struct virtualhost *)end)->bufs, mem, len, done, arg);
}

static const adit_flow_info *path_info(void *end, adit_flow flow)
{
	return &((struct virtualhost *)end)->info[ADIT_FLOW_SLOT(flow)];
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static void read_options(struct segment *s, const uint8_t *o, const uint8_t *end)
{
	s->scale = -1;
	while (o < end && *o) {
		if (*o == 1) {
			o++;
			continue;
		}
		must(o + 1 < end && o[1] >= 2 && o + o[1] <= end, "an option that is longer than the header");
		if (*o == 2)
			s->mss = (uint16_t)get16(o + 2);
		else if (*o == 3)
			s->scale = o[2];
		else if (*o == 4)
			s->sack_permitted = 1;
		else if (*o == 5) {
			s->has_sack = 1;
			s->sack_from = get32(o + 2);
			s->sack_to = get32(o + 6);
		}
		o += o[1];
	}
}

/* What every packet down must be: IP lengths, the addresses of its flow, a partial checksum. */
static uint32_t check_packet(const struct virtualhost *h, const adit_buf *b, const uint8_t *p, uint32_t size)
{
	const adit_flow_info *info = &h->info[ADIT_FLOW_SLOT(b->flow)];
	uint32_t ip = p[0] >> 4 == 4 ? 20 : 40, address = ip == 20 ? 4 : 16, at = ip == 20 ? 12 : 8;
	uint64_t pseudo;

	must(b->flags & ADIT_BUF_CSUM_NEEDED, "a packet whose checksum is not owed");
	must(b->csum_start == ip && b->hdr_len >= ip + 8u && b->hdr_len <= b->len, "offsets that are none");
	must(ip == 20 ? get16(p + 2) == size && p[9] == info->proto : get16(p + 4) == size - 40 && p[6] == info->proto,
	     "an IP header with a wrong length or protocol");
	must(!memcmp(p + at, info->dst.ip, address) && !memcmp(p + at + address, info->src.ip, address),
	     "a packet with wrong addresses");
	must(ip != 20 || checksum_finish(checksum_add(0, p, 20)) == 0, "a wrong header checksum");
	must(get16(p + ip) == info->dst.port && get16(p + ip + 2) == info->src.port, "wrong ports");
	pseudo = checksum_pseudo(0, p + at, address, info->proto, size - ip);
	must(get16(p + ip + b->csum_off) == checksum_fold(pseudo), "a partial checksum that is none");
	return ip;
}

static void note_segment(struct virtualhost *h, const adit_buf *b)
{
	static uint8_t p[PACKET_MOST];
	struct segment *s = &h->sent[h->sent_count++];
	uint32_t size = 0, ip, header;
	const adit_buf *q;

	must(h->sent_count < VIRTUALHOST_SEGMENTS, "too many segments for one test");
	for (q = b; q; q = q->next) {
		must(size + q->len <= PACKET_MOST, "a packet that is longer than a packet can be");
		memcpy(p + size, q->data, q->len);
		size += q->len;
	}
	ip = check_packet(h, b, p, size);
	memset(s, 0, sizeof(*s));
	s->slot = ADIT_FLOW_SLOT(b->flow);
	s->at = h->now;
	if (h->info[s->slot].proto != ADIT_PROTO_TCP) {
		header = 8;
	} else {
		header = (uint32_t)(p[ip + 12] >> 4) * 4;
		s->seq = get32(p + ip + 4);
		s->ack = get32(p + ip + 8);
		s->flags = p[ip + 13];
		s->window = get16(p + ip + 14);
		read_options(s, p + ip + 20, p + ip + header);
	}
	must(b->hdr_len == ip + header, "hdr_len is not where the payload begins");
	s->size = size - ip - header;
	s->gso_size = b->flags & ADIT_BUF_GSO ? b->gso_size : 0;
	must(!(b->flags & ADIT_BUF_GSO_TCP4) || ip == 20, "a super-packet of the wrong family");
	must(!(b->flags & ADIT_BUF_GSO_TCP6) || ip == 40, "a super-packet of the wrong family");
	s->payload = malloc(s->size + 1);
	must(s->payload != NULL, "no memory");
	memcpy(s->payload, p + ip + header, s->size);
}

static void path_output(void *end, adit_buf *const *pkt, uint32_t n)
{
	struct virtualhost *h = end;
	uint32_t i;

	for (i = 0; i < n; i++)
		note_segment(h, pkt[i]);
	bufpool_put(pkt, n);
}

static void note_data(struct virtualhost *h, uint32_t slot, struct event *e, adit_buf *b)
{
	const adit_buf *q;

	for (q = b; q; q = q->next) {
		h->data[slot] = realloc(h->data[slot], h->data_size[slot] + q->len + 1);
		must(h->data[slot] != NULL, "no memory");
		memcpy(h->data[slot] + h->data_size[slot], q->data, q->len);
		h->data_size[slot] += q->len;
		e->num += q->len;
	}
	bufpool_put(&b, 1);
}

static void path_emit(void *end, const adit_event *ev, uint32_t n)
{
	struct virtualhost *h = end;
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct event *e = &h->events[h->event_count++];

		must(h->event_count < VIRTUALHOST_EVENTS, "too many events for one test");
		*e = (struct event){.type = ev[i].type, .code = ev[i].code, .slot = ADIT_FLOW_SLOT(ev[i].flow), .at = h->now};
		must(ev[i].flow == virtualhost_handle(h, e->slot), "an event of a stale flow");
		must(!h->generation[e->slot] || virtualhost_heard(h, e->slot, ADIT_EV_CLOSED, NULL) <= 1,
		     "an event after CLOSED");
		if (ev[i].flags & ADIT_EVF_BUF)
			note_data(h, e->slot, e, ev[i].u.buf);
		else
			e->num = ev[i].u.num;
	}
}

/* ---- the test's side ---- */

struct virtualhost *virtualhost_new(const adit_module *m, int64_t window, int64_t memory, uint64_t keepalive)
{
	static const int32_t level = ADIT_LOG_WARN;
	struct virtualhost *h = calloc(1, sizeof(*h));

	must(h != NULL, "no memory");
	self = h;
	h->module = m;
	h->stack = m->components[0]->table;
	h->now = 1000000000;
	h->window = window;
	h->memory = memory;
	h->keepalive = keepalive;
	must(bufpool_new(&h->bufs, (size_t)1 << 30) == ADIT_OK, "no memory");
	h->host = (adit_host){.size = sizeof(adit_host), .abi_major = ADIT_ABI_MAJOR, .log_level = &level, .get = host_get,
	                      .alloc = host_alloc, .release = host_release, .log = host_log, .fail = host_fail};
	h->path = (adit_path){.size = sizeof(adit_path), .end = h, .output = path_output, .emit = path_emit,
	                      .get = path_get, .put = path_put, .wrap = path_wrap, .info = path_info};
	h->env = (adit_env){.size = sizeof(adit_env), .shards = 1, .flows = VIRTUALHOST_FLOWS, .name = "test",
	                    .host = &h->host, .loop = (adit_loop *)(void *)h, .path = &h->path};
	must(h->stack->life->create(NULL, &h->env, &h->inst) == ADIT_OK, "create failed");
	must(!h->stack->life->start || h->stack->life->start(h->inst) == ADIT_OK, "start failed");
	return h;
}

void virtualhost_forget(struct virtualhost *h)
{
	while (h->sent_count)
		free(h->sent[--h->sent_count].payload);
	h->event_count = 0;
}

size_t virtualhost_free(struct virtualhost *h)
{
	size_t leaked;
	uint32_t i;

	h->stack->life->stop(h->inst);
	h->stack->life->destroy(h->inst);
	must(h->timers == NULL, "a timer that was not freed");
	virtualhost_forget(h);
	leaked = bufpool_out(h->bufs);
	bufpool_free(h->bufs);
	for (i = 0; i < VIRTUALHOST_FLOWS; i++)
		free(h->data[i]);
	free(h);
	return leaked;
}

adit_flow virtualhost_handle(const struct virtualhost *h, uint32_t slot)
{
	return (uint64_t)h->generation[slot] << 32 | slot;
}

adit_flow virtualhost_flow(struct virtualhost *h, uint32_t slot, uint8_t proto, uint8_t family)
{
	adit_flow_info *info = &h->info[slot];

	h->generation[slot]++;
	h->data_size[slot] = 0;
	*info = (adit_flow_info){.size = sizeof(*info), .proto = proto};
	info->src.family = info->dst.family = family;
	info->src.port = (uint16_t)(APP_PORT + slot);
	info->dst.port = SERVER_PORT;
	memcpy(info->src.ip, family == 4 ? "\x0a\x01\0\x02" : "\xfd\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x02", family == 4 ? 4 : 16);
	memcpy(info->dst.ip, family == 4 ? "\x01\x02\x03\x04" : "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09",
	       family == 4 ? 4 : 16);
	return virtualhost_handle(h, slot);
}

void virtualhost_op(struct virtualhost *h, uint32_t slot, uint16_t type, uint64_t num)
{
	adit_op op = {.type = type, .flow = virtualhost_handle(h, slot)};

	op.u.num = num;
	h->stack->submit(h->inst, &op, 1);
}

void virtualhost_send(struct virtualhost *h, uint32_t slot, const void *data, size_t size, size_t piece)
{
	adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = virtualhost_handle(h, slot)};
	adit_buf **link = &op.u.buf;
	size_t at, n;

	op.u.buf = NULL;
	for (at = 0; at < size; at += n) {
		n = size - at < piece ? size - at : piece;
		must(bufpool_get(h->bufs, link, 1, (uint32_t)n) == 1, "no buffer");
		memcpy((*link)->data, (const uint8_t *)data + at, n);
		(*link)->len = (uint32_t)n;
		link = &(*link)->next;
	}
	h->stack->submit(h->inst, &op, 1);
}

static uint32_t write_options(uint8_t *o, const struct segment *s)
{
	uint8_t *start = o;

	if (!(s->flags & TCP_SYN_FLAG))
		return 0;
	if (s->mss) {
		o[0] = 2, o[1] = 4;
		put16(o + 2, s->mss);
		o += 4;
	}
	if (s->scale >= 0) {
		o[0] = 1, o[1] = 3, o[2] = 3, o[3] = (uint8_t)s->scale;
		o += 4;
	}
	if (s->sack_permitted) {
		o[0] = o[1] = 1, o[2] = 4, o[3] = 2;
		o += 4;
	}
	return (uint32_t)(o - start);
}

/* A buffer with an IP header and room for l4 bytes; the kernel reads every packet into a large one. */
static adit_buf *packet_begin(struct virtualhost *h, uint32_t slot, uint32_t l4, uint32_t header)
{
	const adit_flow_info *info = &h->info[slot];
	uint32_t ip = info->src.family == 4 ? 20 : 40;
	adit_buf *b;

	must(bufpool_get(h->bufs, &b, 1, BUFPOOL_LARGE) == 1, "no buffer");
	memset(b->data, 0, ip + header);
	b->len = ip + l4;
	b->flags = ADIT_BUF_CSUM_OK;
	b->csum_start = (uint16_t)ip;
	b->hdr_len = (uint16_t)(ip + header);
	b->gso_size = 0;
	b->flow = virtualhost_handle(h, slot);
	b->data[0] = ip == 20 ? 0x45 : 0x60;
	if (ip == 20) {
		put16(b->data + 2, b->len);
		b->data[9] = info->proto;
		memcpy(b->data + 12, info->src.ip, 4);
		memcpy(b->data + 16, info->dst.ip, 4);
	} else {
		put16(b->data + 4, l4);
		b->data[6] = info->proto;
		memcpy(b->data + 8, info->src.ip, 16);
		memcpy(b->data + 24, info->dst.ip, 16);
	}
	put16(b->data + ip, info->src.port);
	put16(b->data + ip + 2, info->dst.port);
	return b;
}

void virtualhost_segment(struct virtualhost *h, uint32_t slot, const struct segment *s, const void *payload)
{
	uint8_t options[40];
	uint32_t n = write_options(options, s), header = 20 + n;
	adit_buf *b = packet_begin(h, slot, header + s->size, header);
	uint8_t *tcp = b->data + b->csum_start;

	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->window);
	memcpy(tcp + 20, options, n);
	if (s->size)
		memcpy(tcp + header, payload, s->size);
	b->csum_off = 16;
	if (s->gso_size && s->size > s->gso_size) {
		b->flags = ADIT_BUF_CSUM_NEEDED | (b->csum_start == 20 ? ADIT_BUF_GSO_TCP4 : ADIT_BUF_GSO_TCP6);
		b->gso_size = s->gso_size;
	}
	h->stack->input(h->inst, &b, 1);
}

void virtualhost_options(struct virtualhost *h, uint32_t slot, uint32_t seq, uint32_t ack, const uint8_t *options,
                         uint32_t size)
{
	adit_buf *b = packet_begin(h, slot, 20 + size, 20 + size);
	uint8_t *tcp = b->data + b->csum_start;

	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = (uint8_t)((20 + size) / 4 << 4);
	tcp[13] = TCP_ACK_FLAG;
	put16(tcp + 14, 512);
	memcpy(tcp + 20, options, size);
	b->csum_off = 16;
	h->stack->input(h->inst, &b, 1);
}

void virtualhost_datagram(struct virtualhost *h, uint32_t slot, const void *payload, size_t size)
{
	adit_buf *b = packet_begin(h, slot, 8 + (uint32_t)size, 8);

	memcpy(b->data + b->hdr_len, payload, size);
	b->csum_off = 6;
	h->stack->input(h->inst, &b, 1);
}

uint32_t virtualhost_heard(const struct virtualhost *h, uint32_t slot, uint16_t type, struct event *last)
{
	uint32_t i, n = 0;

	for (i = 0; i < h->event_count; i++) {
		if (h->events[i].slot != slot || h->events[i].type != type)
			continue;
		n++;
		if (last)
			*last = h->events[i];
	}
	return n;
}
