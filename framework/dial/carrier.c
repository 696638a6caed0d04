/* SPDX-License-Identifier: MIT
 * dial/carrier.c - batches of datagrams over the sockets of mappings
 */
#include "dial/carrier.h"

#include <adit/sock.h>

#include <errno.h>
#include <time.h>

#include <linux/errqueue.h> /* needs struct timespec */
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/icmp6.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "dial/dialer.h"
#include "os/os.h"
#include "packet/build.h"

enum { ICMP6_POLICY_FAIL = 5, ICMP6_REJECT_ROUTE = 6 }; /* RFC 4443 section 3.1 */

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
	SEGMENTS = 64,        /* at most in one send or one super-packet (the kernel's UDP_MAX_SEGMENTS) */
	SEGMENT_BYTES = 65000, /* of payload, all segments together */
	SOCKET_BUFFER = 4 * 1024 * 1024
};

int carrier_udp_socket(struct carrier *c, int family, adit_result *err)
{
	static const int one = 1, room = SOCKET_BUFFER;
	int fd = dialer_socket(c->shard, family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, err);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one));
	if (family == 4)
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
	return fd;
}

/* ---- up ---- */

struct message {
	struct sockaddr_storage to;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control;
};

struct sending {
	struct mmsghdr msg[CARRIER_BATCH];
	struct message more[CARRIER_BATCH];
	struct iovec iov[CARRIER_BATCH * 2];
	unsigned msgs, iovs;
};

static void set_segment(struct msghdr *h, struct message *m, uint16_t size)
{
	struct cmsghdr *c;

	memset(&m->control, 0, sizeof(m->control)); /* its padding goes to the kernel as well */
	h->msg_control = &m->control;
	h->msg_controllen = sizeof(m->control);
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

static int simple(const adit_buf *b)
{
	return !b->next && !(b->flags & ADIT_BUF_GSO_UDP);
}

/* How many of the waiting datagrams from i on are equal neighbours on one way, so that one send carries them. */
static unsigned run_length(const struct carrier *c, unsigned i)
{
	const struct outgoing *first = &c->out[i];
	uint32_t size = first->buf->len, total = size;
	unsigned n;

	if (c->no_segment || !simple(first->buf) || !size)
		return 1;
	for (n = 1; i + n < c->waiting && n < SEGMENTS; n++) {
		const struct outgoing *o = &c->out[i + n];

		if (o->mapping != first->mapping || !simple(o->buf) || o->buf->len > size || !o->buf->len ||
		    total + o->buf->len > SEGMENT_BYTES || !endpoint_same(&o->to, &first->to))
			break;
		total += o->buf->len;
		if (o->buf->len < size)
			return n + 1; /* only the last may be shorter */
	}
	return n;
}

static void add_message(struct sending *s, const struct outgoing *o, unsigned n)
{
	struct message *m = &s->more[s->msgs];
	struct msghdr *h = &s->msg[s->msgs++].msg_hdr;
	unsigned i;

	memset(h, 0, sizeof(*h));
	h->msg_name = &m->to;
	h->msg_namelen = adit_to_sockaddr(&o->to, &m->to);
	h->msg_iov = &s->iov[s->iovs];
	for (i = 0; i < n; i++) {
		s->iov[s->iovs].iov_base = o[i].buf->data;
		s->iov[s->iovs++].iov_len = o[i].buf->len;
	}
	h->msg_iovlen = n;
	if (n > 1)
		set_segment(h, m, (uint16_t)o->buf->len);
	else if (o->buf->flags & ADIT_BUF_GSO_UDP && o->buf->gso_size && o->buf->gso_size < o->buf->len)
		set_segment(h, m, o->buf->gso_size);
}

/* One datagram at a time, without UDP_SEGMENT. */
static void send_singly(struct carrier *c, const struct outgoing *o)
{
	struct sockaddr_storage to;
	socklen_t size = adit_to_sockaddr(&o->to, &to);
	uint32_t step = o->buf->flags & ADIT_BUF_GSO_UDP && o->buf->gso_size ? o->buf->gso_size : o->buf->len, at = 0, n;

	do {
		n = o->buf->len - at < step ? o->buf->len - at : step;
		if (sendto(o->mapping->fd, o->buf->data + at, n, MSG_NOSIGNAL, (struct sockaddr *)&to, size) < 0)
			shard_count(c->shard, COUNT_datagrams_dropped, 1);
		at += n;
	} while (at < o->buf->len);
}

/* Sends what has been gathered for one socket; firsts[] and counts[] say which waiting datagrams each message is. */
static void send_messages(struct carrier *c, struct sending *s, int fd, const unsigned *firsts, const unsigned *counts)
{
	unsigned at = 0;

	while (at < s->msgs) {
		int n = sendmmsg(fd, s->msg + at, s->msgs - at, MSG_NOSIGNAL);
		unsigned i;

		if (n > 0) {
			at += (unsigned)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* The message at `at` failed: without segmentation it may pass; a full socket buffer drops, as on
		 * any path; an error that an earlier datagram has left is over with this report of it. */
		if (errno == EIO)
			c->no_segment = 1;
		if (errno == EAGAIN || errno == ENOBUFS) {
			shard_count(c->shard, COUNT_datagrams_dropped, counts[at]);
		} else {
			for (i = 0; i < counts[at]; i++)
				send_singly(c, &c->out[firsts[at] + i]);
		}
		at++;
	}
	s->msgs = s->iovs = 0;
}

void carrier_flush(struct carrier *c)
{
	struct sending s;
	unsigned firsts[CARRIER_BATCH], counts[CARRIER_BATCH], i, n;

	s.msgs = s.iovs = 0;
	for (i = 0; i < c->waiting; i += n) {
		n = run_length(c, i);
		if (s.msgs && c->out[i].mapping != c->out[firsts[0]].mapping)
			send_messages(c, &s, c->out[firsts[0]].mapping->fd, firsts, counts);
		firsts[s.msgs] = i;
		counts[s.msgs] = n;
		add_message(&s, &c->out[i], n);
	}
	if (s.msgs)
		send_messages(c, &s, c->out[firsts[0]].mapping->fd, firsts, counts);
	for (i = 0; i < c->waiting; i++)
		bufpool_put(&c->out[i].buf, 1);
	c->waiting = 0;
}

static void flush_later(void *arg)
{
	struct carrier *c = arg;

	c->scheduled = 0;
	carrier_flush(c);
}

void carrier_send(struct carrier *c, struct mapping *m, adit_buf *buf, const adit_addr *to)
{
	if (buf->next) { /* no stack makes chains going up */
		shard_count(c->shard, COUNT_datagrams_dropped, 1);
		bufpool_put(&buf, 1);
		return;
	}
	if (c->waiting == CARRIER_BATCH)
		carrier_flush(c);
	c->out[c->waiting++] = (struct outgoing){m, buf, *to};
	if (!c->scheduled && loop_defer(c->shard->loop, flush_later, c) == ADIT_OK)
		c->scheduled = 1;
	if (!c->scheduled)
		carrier_flush(c);
}

/* ---- down ---- */

struct incoming {
	struct mmsghdr msg[CARRIER_READ];
	struct iovec iov[CARRIER_READ];
	struct sockaddr_storage from[CARRIER_READ];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int)) * 2];
	} control[CARRIER_READ];
};

static uint16_t segment_size(struct msghdr *h)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int size;

			memcpy(&size, CMSG_DATA(c), sizeof(size));
			return size > 0 && size < 65536 ? (uint16_t)size : 0;
		}
	}
	return 0;
}

static int receive(struct carrier *c, struct mapping *m, struct incoming *in)
{
	unsigned i, n = m->batch + 1u;

	if (c->stashed < n)
		c->stashed += bufpool_get(c->shard->bufs, c->stash + c->stashed, n - c->stashed, 65536);
	if (n > c->stashed)
		n = c->stashed;
	for (i = 0; i < n; i++) {
		struct msghdr *h = &in->msg[i].msg_hdr;

		/* The last of the stash first: what is not filled stays at its front. */
		in->iov[i].iov_base = c->stash[c->stashed - 1 - i]->data;
		in->iov[i].iov_len = 65536;
		memset(h, 0, sizeof(*h));
		h->msg_name = &in->from[i];
		h->msg_namelen = sizeof(in->from[i]);
		h->msg_iov = &in->iov[i];
		h->msg_iovlen = 1;
		h->msg_control = &in->control[i];
		h->msg_controllen = sizeof(in->control[i]);
	}
	return n ? recvmmsg(m->fd, in->msg, n, 0, NULL) : 0;
}

/* How many to ask for next time. The kernel looks once more than there are messages, and each that is asked for has to
 * be prepared, so conversations are read one by one and floods in batches. */
static void adapt(struct mapping *m, unsigned got)
{
	unsigned asked = m->batch + 1u;

	if (got < asked) {
		m->batch = (uint8_t)(got ? got - 1 : 0);
		m->full = 0;
	} else if (++m->full == CARRIER_FULL) {
		m->batch = (uint8_t)((asked * 2 > CARRIER_READ ? CARRIER_READ : asked * 2) - 1);
		m->full = 0;
	}
}

/* Datagrams that go to one flow together. */
struct bundle {
	adit_flow flow;
	adit_buf *first, *last;
	uint32_t total;
	unsigned count;
};

static void bundle_send(struct carrier *c, struct bundle *b)
{
	struct shard *s = c->shard;
	adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = b->flow, .u.buf = b->first};
	struct flow *f;

	if (!b->first)
		return;
	f = flowtable_get(s->flows, b->flow);
	if (!f) { /* it has ended while the others of this batch were sorted */
		bufpool_put(&b->first, 1);
		b->first = NULL;
		return;
	}
	if (b->count > 1) {
		b->first->flags |= ADIT_BUF_GSO_UDP;
		b->first->gso_size = (uint16_t)b->first->len;
	}
	f->bytes_down += b->total;
	f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
	part_op(flow_stack(s, f), &op);
	b->first = NULL;
}

static void bundle_add(struct carrier *c, struct bundle *b, struct flow *f, adit_buf *buf)
{
	int whole = (buf->flags & ADIT_BUF_GSO_UDP) != 0;

	if (b->first && (b->flow != flow_handle(f) || whole || b->first->flags & ADIT_BUF_GSO_UDP || b->last->len < b->first->len ||
	                 buf->len > b->first->len || !buf->len || b->count == SEGMENTS ||
	                 b->total + buf->len > SEGMENT_BYTES))
		bundle_send(c, b);
	if (!b->first) {
		*b = (struct bundle){flow_handle(f), buf, buf, buf->len, 1};
		return;
	}
	b->last->next = buf;
	b->last = buf;
	b->total += buf->len;
	b->count++;
}

/* The code with which an application hears of an ICMP error; ADIT_OK: it does not ("fragmentation needed" is for the
 * kernel, which sends smaller packets from then on). */
static adit_result code_of(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP && e->ee_type == ICMP_DEST_UNREACH) {
		switch (e->ee_code) {
		case ICMP_PORT_UNREACH:
		case ICMP_PROT_UNREACH:
			return ADIT_EREFUSED;
		case ICMP_NET_UNREACH:
		case ICMP_NET_UNKNOWN:
		case ICMP_NET_UNR_TOS:
			return ADIT_ENET;
		case ICMP_NET_ANO:
		case ICMP_HOST_ANO:
		case ICMP_PKT_FILTERED:
			return ADIT_EADMIN;
		case ICMP_FRAG_NEEDED:
			return ADIT_OK;
		default:
			return ADIT_EHOST;
		}
	}
	if (e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMP6_DST_UNREACH) {
		switch (e->ee_code) {
		case ICMP6_DST_UNREACH_NOPORT:
			return ADIT_EREFUSED;
		case ICMP6_DST_UNREACH_NOROUTE:
			return ADIT_ENET;
		case ICMP6_DST_UNREACH_ADMIN:
		case ICMP6_POLICY_FAIL:
		case ICMP6_REJECT_ROUTE:
			return ADIT_EADMIN;
		default:
			return ADIT_EHOST;
		}
	}
	return ADIT_OK;
}

void carry_tell(struct shard *s, struct flow *f, adit_result code)
{
	adit_flow_info back = f->info;
	adit_buf *b;

	if (bufpool_get(s->bufs, &b, 1, 64) != 1)
		return;
	back.src = f->info.dst; /* build_udp makes packets from dst to src */
	back.dst = f->info.src;
	b->len = 0;
	if (build_udp(b, &back, 0) == ADIT_OK)
		shard_refuse_packet(s, b, code, COUNT_refused_udp);
	bufpool_put(&b, 1);
}

/* Empties the error queue, which is bounded by the socket's buffer; returns how many there were. */
static int take_errors(struct carrier *c, struct mapping *m)
{
	int n;

	for (n = 0; n < CARRIER_BATCH; n++) {
		struct sockaddr_storage to;
		char control[512], byte;
		struct iovec iov = {&byte, 1};
		struct msghdr h = {&to, sizeof(to), &iov, 1, control, sizeof(control), 0};
		struct cmsghdr *cm;

		if (recvmsg(m->fd, &h, MSG_ERRQUEUE) < 0)
			break;
		for (cm = CMSG_FIRSTHDR(&h); cm; cm = CMSG_NXTHDR(&h, cm)) {
			struct sock_extended_err e;
			adit_addr dst;
			struct flow *f;

			if (!((cm->cmsg_level == IPPROTO_IP && cm->cmsg_type == IP_RECVERR) ||
			      (cm->cmsg_level == IPPROTO_IPV6 && cm->cmsg_type == IPV6_RECVERR)))
				continue;
			memcpy(&e, CMSG_DATA(cm), sizeof(e));
			adit_from_sockaddr((struct sockaddr *)&to, &dst);
			f = carrier_flow_to(m, &dst);
			if (f && f->state == FLOW_OPEN && code_of(&e) != ADIT_OK)
				carry_tell(c->shard, f, code_of(&e)); /* the same kind of error */
		}
	}
	return n;
}

void carrier_readable(void *arg)
{
	struct mapping *m = arg;
	struct carrier *c = m->carrier;
	struct incoming in;
	struct bundle bundle = {0};
	int n = receive(c, m, &in), i;

	if (n < 0) {
		take_errors(c, m);
		return;
	}
	adapt(m, (unsigned)n);
	m->flows++; /* a flow's end must not take the mapping away under this loop */
	for (i = 0; i < n; i++) {
		adit_buf *b = c->stash[--c->stashed];
		adit_addr from;
		struct flow *f;

		b->len = in.msg[i].msg_len;
		b->gso_size = segment_size(&in.msg[i].msg_hdr);
		if (b->gso_size && b->gso_size < b->len)
			b->flags |= ADIT_BUF_GSO_UDP;
		else
			b->gso_size = 0;
		adit_from_sockaddr((struct sockaddr *)&in.from[i], &from);
		f = carrier_flow_from(m, &from);
		if (!f || f->state != FLOW_OPEN) {
			shard_count(c->shard, COUNT_datagrams_dropped, 1);
			bufpool_put(&b, 1);
			continue;
		}
		bundle_add(c, &bundle, f, b);
	}
	bundle_send(c, &bundle);
	carrier_unref(m);
}
