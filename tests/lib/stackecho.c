/* SPDX-License-Identifier: MIT
 * tests/lib/stackecho.c - the handler of stackhost: sends back what it gets, as a stream or over
 * the socket
 *
 * Every event is checked against the life of a flow as adit/flow.h tells it; what must not be
 * aborts the test.
 */
#include "stackecho.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "the stack broke its contract: %s\n", what);
	abort();
}

const adit_stack_1 *stackecho_table(void)
{
	return adit_module_1.components[0]->table;
}

/* ---- the host's own packets ---- */

static uint32_t sum(const uint8_t *p, uint32_t size, uint32_t s)
{
	uint32_t i;

	for (i = 0; i + 1 < size; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	if (i < size)
		s += (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static adit_result ADIT_CALL push(adit_buf *b, const adit_flow_info *info)
{
	int six = info->src.family == 6, udp = info->proto == ADIT_PROTO_UDP;
	uint32_t l4 = udp ? 8 : 6, ip = six ? 40 : 20, payload = b->len + l4, width = six ? 16 : 4,
	         pseudo;
	uint8_t *p = b->data - l4 - ip, *t = p + ip;

	if (b->next || b->data - b->head < (ptrdiff_t)(l4 + ip))
		return ADIT_EINVAL;
	memset(p, 0, l4 + ip);
	p[0] = six ? 0x60 : 0x45;
	put16(p + (six ? 4 : 2), six ? payload : payload + ip);
	p[six ? 6 : 9] = info->proto;
	p[six ? 7 : 8] = 64;
	memcpy(p + (six ? 8 : 12), info->dst.ip, width);
	memcpy(p + (six ? 24 : 16), info->src.ip, width);
	if (!six)
		put16(p + 10, ~sum(p, 20, 0) & 0xffff);
	pseudo = sum(p + (six ? 8 : 12), 2 * width, info->proto + payload);
	if (udp) {
		put16(t, info->dst.port);
		put16(t + 2, info->src.port);
		put16(t + 4, payload);
		put16(t + 6, pseudo);
	} else {
		t[0] = six ? 129 : 0;
		put16(t + 4, info->src.port);
		put16(t + 2, six ? pseudo : 0);
	}
	b->data = p;
	b->len += l4 + ip;
	b->flags |= ADIT_BUF_CSUM_NEEDED;
	b->csum_start = (uint16_t)ip;
	b->csum_off = udp ? 6 : 2;
	b->hdr_len = (uint16_t)(ip + 8);
	return 0;
}

const adit_packet_1 stackecho_packets = {.size = sizeof(stackecho_packets), .push = push};

/* ---- operations: never into a stack that is inside a call ---- */

struct later {
	struct stackhost_shard *shard;
	adit_op op;
};

static void ADIT_CALL do_later(void *arg)
{
	struct later *l = arg;

	stackecho_table()->submit(l->shard->inst, &l->op, 1);
	free(l);
}

static void submit_later(struct stackhost_shard *s, const adit_op *op)
{
	struct later *l = malloc(sizeof(*l));

	l->shard = s;
	l->op = *op;
	must(loop_defer(s->host->loop, do_later, l) == 0, "defer");
}

void stackecho_submit(struct stackhost_shard *s, const adit_op *op)
{
	stackecho_table()->submit(s->inst, op, 1);
}

static void simple_op(struct stackhost_shard *s, struct stackhost_flow *f, uint16_t type,
                      uint64_t num)
{
	adit_op op = {.type = type, .flow = f->handle};

	op.u.num = num;
	submit_later(s, &op);
}

/* ---- the socket, when the stack gave it ---- */

void stackecho_forget(struct stackhost_flow *f)
{
	if (f->io)
		loop_table.io_free(f->io);
	if (f->fd >= 0 && f->io)
		close(f->fd);
	f->io = NULL;
	f->fd = -1;
}

static void ADIT_CALL on_socket(void *arg)
{
	struct stackhost_flow *f = arg;
	ssize_t n;

	/* One buffer: it is filled when it is empty, and emptied as the socket has room. */
	if (f->pending == 0) {
		n = recv(f->fd, f->bytes, sizeof(f->bytes), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			stackecho_forget(f);
			simple_op(f->shard, f, ADIT_OP_CLOSE, 0);
			return;
		}
		f->pending = (size_t)n;
		f->sent = 0;
	}
	n = send(f->fd, f->bytes + f->sent, f->pending, MSG_NOSIGNAL);
	if (n > 0) {
		f->sent += (size_t)n;
		f->pending -= (size_t)n;
	}
	loop_table.io_want(f->io, f->pending ? ADIT_IO_WRITE : ADIT_IO_READ);
}

static void take_socket(struct stackhost_shard *s, struct stackhost_flow *f, int fd)
{
	must(s->host->mode == ECHO_SOCKET, "SOCKET only when asked for");
	must(!f->connected, "SOCKET once");
	f->connected = 1;
	f->fd = fd;
	s->accepted++;
	must(loop_table.io(s->host->loop, fd, on_socket, f, &f->io) == 0, "io");
	loop_table.io_want(f->io, ADIT_IO_READ);
}

/* ---- events ---- */

static void echo(struct stackhost_shard *s, struct stackhost_flow *f, adit_buf *b)
{
	adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = f->handle};
	uint64_t size = b->len;

	must(f->connected, "DATA after CREDIT");
	must(f->credit >= size, "credit of the window allows to echo what the window holds");
	f->credit -= size;
	op.u.buf = b;
	submit_later(s, &op);
}

static void on_data(struct stackhost_shard *s, struct stackhost_flow *f, adit_buf *b)
{
	must(b->len > 0 && !f->far_fin, "DATA is not empty and not after FIN");
	if (s->host->mode == ABORT_AT_DATA || s->host->mode == CLOSE_AT_DATA) {
		bufpool_put(&b, 1);
		simple_op(s, f, s->host->mode == ABORT_AT_DATA ? ADIT_OP_ABORT : ADIT_OP_CLOSE, 0);
		return;
	}
	echo(s, f, b);
}

void stackecho_event(struct stackhost_shard *s, struct stackhost_flow *f, const adit_event *ev)
{
	must(!f->closed, "nothing after CLOSED");
	switch (ev->type) {
	case ADIT_EV_CREDIT:
		s->accepted += !f->connected;
		/* What has been sent back has been dealt with. */
		if (f->connected && f->info.proto == ADIT_PROTO_TCP)
			simple_op(s, f, ADIT_OP_CONSUME, ev->u.num);
		f->connected = 1;
		f->credit += ev->u.num;
		break;
	case ADIT_EV_DATA:
		on_data(s, f, ev->u.buf);
		break;
	case ADIT_EV_DGRAM:
		echo(s, f, ev->u.buf);
		break;
	case ADIT_EV_FIN:
		must(!f->far_fin, "FIN once");
		f->far_fin = 1;
		if (s->host->mode == ECHO_STREAM)
			simple_op(s, f, ADIT_OP_FIN, 0);
		break;
	case ADIT_EV_SOCKET:
		take_socket(s, f, (int)ev->u.num);
		break;
	case ADIT_EV_CLOSED:
		f->closed = 1;
		s->closed_well += ev->code == 0;
		s->closed_reset += ev->code == ADIT_ERESET;
		s->closed_else += ev->code != 0 && ev->code != ADIT_ERESET;
		break;
	default:
		must(0, "a known event");
	}
}
