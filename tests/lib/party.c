/* SPDX-License-Identifier: MIT
 * tests/lib/party.c - an end of a TCP flow for tests
 */
#include "tests/lib/party.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct party *at[PART_KINDS];

static int direction(const struct party *p)
{
	return p->kind == PART_STACK ? TAG_UP : TAG_DOWN;
}

static void wrong(struct party *p, const char *why)
{
	p->bad = 1;
	p->why = why;
}

static void verify(struct party *p, const uint8_t *bytes, size_t size)
{
	if (tag_verify(bytes, size, PARTY_TAG, !direction(p), p->got))
		wrong(p, "content");
	p->got += size;
}

static void emit(struct party *p, uint16_t type, uint64_t num, adit_result code)
{
	adit_event ev = {.type = type, .flow = p->flow, .code = code, .u.num = num};
	struct part *part = kit_part(p->k, p->kind, 0);

	part->path.emit(part->path.end, &ev, 1);
}

/* ---- as a module ---- */

static void closed_if_over(struct party *p)
{
	if (p->over || !p->fin_got || !p->fin_sent || p->unread)
		return;
	p->over = 1;
	emit(p, ADIT_EV_CLOSED, 0, 0);
}

static void emit_data(struct party *p)
{
	struct part *part = kit_part(p->k, p->kind, 0);

	while (!p->over && !p->close_got && p->sent < p->most && p->unconsumed < p->window) {
		adit_event ev = {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF, .flow = p->flow};
		uint64_t n = p->most - p->sent;

		n = n < p->piece ? n : p->piece;
		n = n < p->window - p->unconsumed ? n : p->window - p->unconsumed;
		if (bufpool_get(p->k->s.bufs, &ev.u.buf, 1, (uint32_t)n) != 1)
			return;
		ev.u.buf->len = (uint32_t)n;
		tag_fill(ev.u.buf->data, n, PARTY_TAG, direction(p), p->sent);
		p->sent += n;
		p->unconsumed += (uint32_t)n;
		part->path.emit(part->path.end, &ev, 1);
	}
	if (!p->over && p->sent == p->most && p->wants_fin && !p->fin_sent) {
		p->fin_sent = 1;
		emit(p, ADIT_EV_FIN, 0, 0);
	}
	closed_if_over(p);
}

static void read_on(struct party *p)
{
	uint64_t n = p->read_most && p->read_most < p->unread ? p->read_most : p->unread;

	if (p->stopped || !n || p->over)
		return;
	p->unread -= n;
	p->credit += n;
	emit(p, ADIT_EV_CREDIT, n, 0);
	closed_if_over(p);
}

static void on_send(struct party *p, adit_buf *b)
{
	const adit_buf *at_buf;
	uint64_t size = 0;

	for (at_buf = b; at_buf; at_buf = at_buf->next) {
		verify(p, at_buf->data, at_buf->len);
		size += at_buf->len;
	}
	bufpool_put(&b, 1);
	p->sends++;
	if (size > p->credit)
		wrong(p, "SEND beyond the credit");
	if (p->fin_got || p->close_got || p->over)
		wrong(p, "SEND after FIN, CLOSE or CLOSED");
	p->credit -= size;
	p->unread += size;
	if (!p->read_most)
		read_on(p);
}

static void operate(struct party *p, const adit_op *op)
{
	switch (op->type) {
	case ADIT_OP_SEND:
		on_send(p, op->u.buf);
		break;
	case ADIT_OP_CONSUME:
		if (op->u.num > p->unconsumed)
			wrong(p, "CONSUME of more than was given");
		p->unconsumed -= (uint32_t)op->u.num;
		emit_data(p);
		break;
	case ADIT_OP_FIN:
		p->fin_got++;
		closed_if_over(p);
		break;
	case ADIT_OP_CLOSE:
		p->close_got++;
		p->fin_got = p->fin_sent = 1;
		closed_if_over(p);
		break;
	case ADIT_OP_ABORT:
		p->abort_got++;
		p->abort_code = op->code;
		if (!p->over)
			emit(p, ADIT_EV_CLOSED, 0, ADIT_ECANCEL); /* which nobody may mind */
		p->over = 1;
		break;
	case ADIT_OP_SOCKET:
		p->socket_asked++;
		break;
	default:
		if (op->flags & ADIT_OPF_BUF) {
			adit_buf *b = op->u.buf;

			bufpool_put(&b, 1);
		}
		break;
	}
}

static void submit(void *inst, const adit_op *op, uint32_t n)
{
	struct party *p = at[((struct part *)inst)->kind];
	uint32_t i;

	for (i = 0; i < n; i++)
		operate(p, &op[i]);
}

static void input(void *inst, adit_buf *const *pkt, uint32_t n)
{
	bufpool_put(pkt, n);
}

static void reach(void *inst, const adit_reach *req, uint32_t n)
{
}

static const adit_stack_1 stack_sockets = {.size = sizeof(adit_stack_1),
                                           .flags = ADIT_STACK_TCP | ADIT_STACK_SOCKETS,
                                           .input = input,
                                           .submit = submit};
static const adit_stack_1 stack_bytes = {
	.size = sizeof(adit_stack_1), .flags = ADIT_STACK_TCP, .input = input, .submit = submit};
static const adit_outbound_1 outbound = {
	.size = sizeof(adit_outbound_1), .flags = ADIT_OUTBOUND_TCP, .reach = reach, .submit = submit};

void party_init(struct party *p, struct kit *k, enum part_kind kind, int is_socket)
{
	memset(p, 0, sizeof(*p));
	p->k = k;
	p->kind = kind;
	p->is_socket = is_socket;
	p->fd = -1;
	p->window = p->room = 262144;
	p->piece = 61440;
	at[kind] = p;
	if (kind == PART_STACK)
		kit_part(k, kind, 0)->table.stack = is_socket ? &stack_sockets : &stack_bytes;
	else
		kit_part(k, kind, 0)->table.outbound = &outbound;
}

/* Two connected TCP sockets, not blocking. */
static void tcp_pair(int v[2])
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(l >= 0);
	assert_int_equal(bind(l, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &size), 0);
	v[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(v[0], (struct sockaddr *)&sin, sizeof(sin)), 0);
	v[1] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(v[1] >= 0);
	fcntl(v[0], F_SETFL, O_NONBLOCK);
	close(l);
}

static struct party *now;

static void do_begin(struct kit *k)
{
	struct party *p = now;
	int pair[2];

	if (!p->is_socket) {
		p->credit = p->room;
		emit(p, ADIT_EV_CREDIT, p->room, 0);
		return;
	}
	tcp_pair(pair);
	p->fd = pair[0];
	emit(p, ADIT_EV_SOCKET, (uint64_t)pair[1], 0);
}

void party_begin(struct party *p, adit_flow flow)
{
	p->flow = flow;
	now = p;
	kit_do(p->k, do_begin);
}

static void socket_turn(struct party *p)
{
	static uint8_t bytes[1 << 20];
	uint64_t n = p->most - p->sent;
	ssize_t done;

	n = n < p->piece ? n : p->piece;
	while (n && !p->over) {
		tag_fill(bytes, n, PARTY_TAG, direction(p), p->sent);
		done = send(p->fd, bytes, n, MSG_NOSIGNAL);
		if (done <= 0)
			break;
		p->sent += (uint64_t)done;
		n = p->most - p->sent < p->piece ? p->most - p->sent : p->piece;
	}
	if (p->sent == p->most && p->wants_fin && !p->fin_sent) {
		p->fin_sent = 1;
		shutdown(p->fd, SHUT_WR);
	}
	if (p->stopped)
		return;
	do {
		done = recv(p->fd, bytes, p->read_most ? p->read_most : sizeof(bytes), 0);
		if (done > 0)
			verify(p, bytes, (size_t)done);
	} while (done > 0 && !p->read_most);
	if (done == 0)
		p->fin_got = 1;
	if (done < 0 && errno == ECONNRESET)
		p->reset_got = 1;
}

static void do_turn(struct kit *k)
{
	emit_data(now);
	read_on(now);
}

void party_turn(struct party *p)
{
	if (p->is_socket && p->fd >= 0)
		socket_turn(p);
	now = p;
	if (!p->is_socket && p->flow)
		kit_do(p->k, do_turn);
}

static void do_reset(struct kit *k)
{
	now->over = 1;
	emit(now, ADIT_EV_CLOSED, 0, ADIT_ERESET);
}

void party_reset(struct party *p)
{
	struct linger linger = {1, 0};

	if (!p->is_socket) {
		now = p;
		kit_do(p->k, do_reset);
		return;
	}
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(p->fd);
	p->fd = -1;
}

void party_fini(struct party *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}
