/* SPDX-License-Identifier: MIT
 * dial/echo.c - ICMP echo flows over ping sockets, or raw sockets where those are closed
 *
 * One socket a flow, connected to the destination. What crosses to and from the stack begins at the echo header's
 * sequence number (adit/flow.h); type, code, checksum and identifier are put here. A ping socket's identifier is the
 * kernel's; a raw socket's is drawn at random and answers with another one are passed over.
 */
#include "dial/echo.h"

#include <adit/sock.h>

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "dial/dialer.h"
#include "observe/log.h"
#include "os/os.h"
#include "packet/checksum.h"

enum {
	ECHO_HEADER = 8,
	ECHO_TO_SEQUENCE = 6, /* bytes of the header before the sequence number */
	ECHO_READ = 8         /* answers read at a time */
};

struct echo {
	struct shard *shard;
	adit_flow flow;
	adit_io io;
	int fd;
	uint8_t raw, family;
	uint16_t identifier; /* raw: as on the wire */
};

static int open_socket(struct shard *s, int family, uint8_t *raw, adit_result *err)
{
	int domain = family == 4 ? AF_INET : AF_INET6, proto = family == 4 ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6;
	int fd = dialer_socket(s, domain, SOCK_DGRAM, proto, err);

	*raw = 0;
	if (fd < 0 && *err == ADIT_EPERM) {
		fd = dialer_socket(s, domain, SOCK_RAW, proto, err);
		*raw = fd >= 0;
		if (fd < 0)
			log_warn("echo", "neither ping sockets nor raw sockets are allowed here, so echo requests are refused; "
			                 "widen net.ipv4.ping_group_range, or grant CAP_NET_RAW");
	}
	return fd;
}

/* Offset of the echo header in an answer; 0 with *ok unset when it is not one of ours. */
static uint32_t answer_at(const struct echo *e, const uint8_t *p, uint32_t len, int *ok)
{
	uint32_t at = 0;
	uint8_t reply = e->family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;

	*ok = 0;
	if (e->raw && e->family == 4) {
		if (len < 20)
			return 0;
		at = p[0] % 16u * 4u;
	}
	if (len < at + ECHO_HEADER || p[at] != reply || p[at + 1] != 0)
		return 0;
	if (e->raw && memcmp(p + at + 4, &e->identifier, 2))
		return 0;
	*ok = 1;
	return at;
}

static void on_readable(void *arg)
{
	struct echo *e = arg;
	struct shard *s = e->shard;
	struct flow *f = flowtable_get(s->flows, e->flow);
	unsigned i;

	for (i = 0; f && i < ECHO_READ; i++) {
		adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = e->flow};
		adit_buf *b;
		ssize_t n;
		uint32_t at;
		int ok;

		if (bufpool_get(s->bufs, &b, 1, 65536) != 1)
			return;
		n = recv(e->fd, b->data, 65536, 0);
		if (n <= 0) {
			bufpool_put(&b, 1);
			/* An ICMP error: the host or the network says no, and it is passed on as silence is: the
			 * application's own wait ends it. Reading it has cleared it. */
			if (n < 0 && errno != EAGAIN && errno != EINTR)
				continue;
			return;
		}
		at = answer_at(e, b->data, (uint32_t)n, &ok);
		if (!ok) {
			bufpool_put(&b, 1);
			continue;
		}
		b->data += at + ECHO_TO_SEQUENCE;
		b->len = (uint32_t)n - at - ECHO_TO_SEQUENCE;
		f->bytes_down += b->len;
		f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
		op.u.buf = b;
		part_op(flow_stack(s, f), &op);
		f = flowtable_get(s->flows, e->flow);
	}
}

static void send_request(struct echo *e, adit_buf *b)
{
	uint8_t *p = b->data - ECHO_TO_SEQUENCE;

	/* Headroom is there: the packet's own headers have been taken off. */
	if (b->next || b->len < 2 || b->data - b->head < ECHO_TO_SEQUENCE) {
		shard_count(e->shard, COUNT_datagrams_dropped, 1);
		return;
	}
	p[0] = e->family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	p[1] = 0;
	memset(p + 2, 0, 2);
	memcpy(p + 4, &e->identifier, 2);
	if (e->raw && e->family == 4) {
		uint16_t sum = checksum_finish(checksum_add(0, p, b->len + ECHO_TO_SEQUENCE));

		p[2] = (uint8_t)(sum / 256);
		p[3] = (uint8_t)(sum % 256);
	}
	if (send(e->fd, p, b->len + ECHO_TO_SEQUENCE, MSG_NOSIGNAL) < 0)
		shard_count(e->shard, COUNT_datagrams_dropped, 1);
}

static void on_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	switch (ev->type) {
	case ADIT_EV_DGRAM:
		f->bytes_up += ev->u.buf->len;
		send_request(f->owned, ev->u.buf);
		bufpool_put(&ev->u.buf, 1);
		break;
	case ADIT_EV_CLOSED:
		flow_end(s, f, ev->code);
		break;
	default:
		if (ev->flags & ADIT_EVF_BUF)
			bufpool_put(&ev->u.buf, 1);
		break;
	}
}

static void on_end(struct shard *s, struct flow *f, adit_result code)
{
	struct echo *e = f->owned;

	loop_io_fini(&e->io);
	close(e->fd);
	free(e);
	f->owned = NULL;
}

static const struct flow_owner echoed = {"echo", on_event, NULL, on_end, NULL};

adit_result echo_flow(struct shard *s, struct flow *f, const adit_addr *dst)
{
	struct sockaddr_storage to;
	adit_addr host = *dst;
	socklen_t size;
	adit_result err = ADIT_OK;
	struct echo *e = calloc(1, sizeof(*e));

	if (!e)
		return ADIT_ENOMEM;
	e->shard = s;
	e->flow = flow_handle(f);
	e->family = dst->family;
	e->fd = open_socket(s, dst->family, &e->raw, &err);
	if (e->fd < 0) {
		free(e);
		return err;
	}
	os_random(&e->identifier, sizeof(e->identifier));
	host.port = 0;
	size = adit_to_sockaddr(&host, &to);
	if (connect(e->fd, (struct sockaddr *)&to, size)) {
		err = err_from_errno(errno);
		close(e->fd);
		free(e);
		return err;
	}
	loop_io_init(&e->io, s->loop, e->fd, on_readable, e);
	loop_io_want(&e->io, ADIT_IO_READ);
	f->owner = &echoed;
	f->owned = e;
	if (f->state == FLOW_ASKED)
		flow_admit(s, f, 0);
	return ADIT_OK;
}
