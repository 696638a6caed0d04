/* SPDX-License-Identifier: MIT
 * outbound-socks5/datagrams.c - datagrams of flows to the relay of a proxy and back, in batches
 */
#include "association.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* ---- up ---- */

struct sending {
	struct mmsghdr msg[DATAGRAM_BATCH];
	struct iovec iov[DATAGRAM_BATCH * (1 + DATAGRAM_PARTS)];
};

/* Sends what has been gathered for one socket. What the socket has no room for is dropped, as on any path. */
static void send_messages(struct associations *v, int fd, struct sending *s, unsigned count)
{
	unsigned at = 0;
	int n, tries = 0;

	while (at < count) {
		n = sendmmsg(fd, s->msg + at, count - at, MSG_NOSIGNAL);
		if (n > 0) {
			at += (unsigned)n;
			tries = 0;
		} else if (errno == EINTR || (errno != EAGAIN && errno != ENOBUFS && !tries++)) {
			continue; /* an error that an earlier datagram has left is over with this report of it */
		} else {
			adit_count(v->dropped[DROP_SOCKET], 1);
			at++;
			tries = 0;
		}
	}
}

static void add_message(struct sending *s, unsigned at, struct udp_flow *f, adit_buf *buf)
{
	struct iovec *iov = &s->iov[at * (1 + DATAGRAM_PARTS)];
	struct msghdr *h = &s->msg[at].msg_hdr;
	size_t n = 1;

	iov[0] = (struct iovec){f->header, f->header_size};
	for (; buf; buf = buf->next)
		iov[n++] = (struct iovec){buf->data, buf->len};
	memset(h, 0, sizeof(*h));
	h->msg_iov = iov;
	h->msg_iovlen = n;
}

void datagrams_flush(struct associations *v)
{
	struct sending s;
	const adit_path *path = v->o->env->path;
	struct association *a = NULL;
	unsigned i, count = 0;

	for (i = 0; i < v->up_count; i++) {
		if (count && v->up[i].flow->association != a) {
			send_messages(v, (int)a->sock, &s, count);
			count = 0;
		}
		a = v->up[i].flow->association;
		add_message(&s, count++, v->up[i].flow, v->up[i].buf);
	}
	if (count)
		send_messages(v, (int)a->sock, &s, count);
	for (i = 0; i < v->up_count; i++)
		path->put(path->end, &v->up[i].buf, 1);
	v->up_count = 0;
}

void datagrams_send(struct associations *v, struct udp_flow *f, adit_buf *buf)
{
	const adit_path *path = v->o->env->path;
	const adit_buf *part;
	unsigned parts = 0;

	for (part = buf; part; part = part->next)
		parts++;
	if (parts > DATAGRAM_PARTS || f->association->sock < 0 || buf->flags & ADIT_BUF_GSO_UDP) {
		adit_count(v->dropped[f->association->sock < 0 ? DROP_WAITING : DROP_SHAPE], 1);
		path->put(path->end, &buf, 1);
		return;
	}
	if (v->up_count == DATAGRAM_BATCH)
		datagrams_flush(v);
	v->up[v->up_count].flow = f;
	v->up[v->up_count++].buf = buf;
}

/* ---- down ---- */

struct receiving {
	struct mmsghdr msg[DATAGRAM_BATCH];
	struct iovec iov[DATAGRAM_BATCH];
	adit_event events[DATAGRAM_BATCH];
	unsigned count;
};

static int receive(struct associations *v, int fd, struct receiving *r)
{
	const adit_path *path = v->o->env->path;
	uint8_t byte;
	unsigned i;

	v->stash_count += path->get(path->end, v->stash + v->stash_count, DATAGRAM_BATCH - v->stash_count, DATAGRAM_ROOM);
	for (i = 0; i < v->stash_count; i++) {
		/* The last of the stash first: what is not filled stays at its front. */
		r->iov[i] = (struct iovec){v->stash[v->stash_count - 1 - i]->data, DATAGRAM_ROOM};
		memset(&r->msg[i].msg_hdr, 0, sizeof(r->msg[i].msg_hdr));
		r->msg[i].msg_hdr.msg_iov = &r->iov[i];
		r->msg[i].msg_hdr.msg_iovlen = 1;
	}
	if (!v->stash_count) {
		/* The loop must not spin over what there is no buffer for. */
		adit_count(v->dropped[DROP_BUFFERS], recv(fd, &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0);
		return 0;
	}
	return recvmmsg(fd, r->msg, v->stash_count, MSG_DONTWAIT, NULL);
}

static void take(struct association *a, struct receiving *r, adit_buf *buf)
{
	struct associations *v = a->all;
	const adit_path *path = v->o->env->path;
	adit_addr from;
	size_t header = message_datagram(buf->data, buf->len, &from);
	struct udp_flow *f = header ? association_flow(a, &from) : NULL;

	if (!f) {
		adit_count(v->dropped[header ? DROP_STRANGER : DROP_HEADER], 1);
		path->put(path->end, &buf, 1);
		return;
	}
	buf->data += header;
	buf->len -= (uint32_t)header;
	r->events[r->count++] = (adit_event){.type = ADIT_EV_DGRAM, .flags = ADIT_EVF_BUF, .flow = f->end.flow, .u.buf = buf};
}

void datagrams_readable(void *arg)
{
	struct association *a = arg;
	struct associations *v = a->all;
	const adit_path *path = v->o->env->path;
	struct receiving r;
	int n = receive(v, (int)a->sock, &r), i;

	r.count = 0;
	for (i = 0; i < n; i++) {
		adit_buf *buf = v->stash[--v->stash_count];

		buf->len = r.msg[i].msg_len;
		take(a, &r, buf);
	}
	if (r.count)
		path->emit(path->end, r.events, r.count);
}
