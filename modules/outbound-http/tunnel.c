/* SPDX-License-Identifier: MIT
 * outbound-http/tunnel.c - a connection in TLS, as a socket
 *
 * The host relays between kernel sockets. What is in the tunnel is given to it as one end of a socket pair; here is the
 * other end, between which and the TLS connection bytes are moved through one buffer of the instance. A direction whose
 * sink takes nothing keeps what it has read, at most TUNNEL_BYTES, and stops its source. A tunnel that is idle holds no
 * buffer. Each direction ends by itself: a half-close becomes close_notify, and close_notify a half-close.
 *
 * TLS in the kernel would save the copy, but a socket with kTLS answers every alert and key update with an error to who
 * reads it as plain bytes, as the relay does.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"

enum { ROUNDS = 8 /* records per direction and call, so that one tunnel does not keep the loop */ };

/* Bytes that a sink did not take. */
struct held {
	uint8_t *bytes; /* null: none */
	uint32_t size, at;
};

struct tunnel {
	struct http *o;
	struct tunnel *next, **link;
	struct tls *tls;
	int far, near;
	adit_io *far_io, *near_io;
	struct held up, down;
	uint8_t up_over, down_over;  /* the source has ended */
	uint8_t up_done, down_done;  /* and the sink was told */
	uint8_t read_wants_write, write_wants_read; /* TLS inside TLS's own reading and writing */
};

static void tunnel_free(struct tunnel *t)
{
	struct http *o = t->o;
	const adit_host *host = o->env->host;

	o->loop->io_free(t->far_io);
	o->loop->io_free(t->near_io);
	tls_free(t->tls);
	if (t->far >= 0)
		close(t->far);
	if (t->near >= 0)
		close(t->near);
	host->release(host, t->up.bytes);
	host->release(host, t->down.bytes);
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	o->tunnel_count--;
	host->release(host, t);
}

/* ---- sinks: 0 for nothing now, negative for broken ---- */

static int near_write(struct tunnel *t, const uint8_t *bytes, uint32_t size)
{
	ssize_t n = send(t->near, bytes, size, MSG_NOSIGNAL);

	if (n >= 0)
		return (int)n;
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static int far_write(struct tunnel *t, const uint8_t *bytes, uint32_t size)
{
	int n = tls_write(t->tls, bytes, size);

	t->write_wants_read = n == TLS_MORE_READ;
	return n == TLS_MORE_READ || n == TLS_MORE_WRITE ? 0 : n;
}

typedef int (*sink_fn)(struct tunnel *t, const uint8_t *bytes, uint32_t size);

/* Writes all of it or keeps the rest; negative: broken. */
static int pass(struct tunnel *t, struct held *h, sink_fn sink, const uint8_t *bytes, uint32_t size)
{
	const adit_host *host = t->o->env->host;
	uint32_t at = 0;
	int n = 1;

	while (at < size && n > 0) {
		n = sink(t, bytes + at, size - at);
		if (n > 0)
			at += (uint32_t)n;
	}
	if (n < 0)
		return -1;
	if (at == size)
		return 0;
	h->bytes = host->alloc(host, size - at, 0);
	if (!h->bytes)
		return -1;
	memcpy(h->bytes, bytes + at, size - at);
	h->size = size - at;
	h->at = 0;
	return 0;
}

/* Goes on with what was kept; negative: broken. */
static int pass_held(struct tunnel *t, struct held *h, sink_fn sink)
{
	int n = 1;

	while (h->at < h->size && n > 0) {
		n = sink(t, h->bytes + h->at, h->size - h->at);
		if (n > 0)
			h->at += (uint32_t)n;
	}
	if (n < 0)
		return -1;
	if (h->at == h->size) {
		t->o->env->host->release(t->o->env->host, h->bytes);
		*h = (struct held){0};
	}
	return 0;
}

/* ---- directions ---- */

static int move_up(struct tunnel *t)
{
	ssize_t n = 1;
	int round;

	if (t->up.bytes && pass_held(t, &t->up, far_write) < 0)
		return -1;
	for (round = 0; round < ROUNDS && !t->up.bytes && !t->up_over && n > 0; round++) {
		n = recv(t->near, t->o->scratch, TUNNEL_BYTES, 0);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		t->up_over = n == 0;
		if (n > 0 && pass(t, &t->up, far_write, t->o->scratch, (uint32_t)n) < 0)
			return -1;
	}
	if (t->up_over && !t->up.bytes && !t->up_done) {
		t->up_done = 1; /* of a close_notify that does not fit into the socket nobody needs to know */
		tls_finish(t->tls);
	}
	return 0;
}

static int move_down(struct tunnel *t)
{
	int n = 1, round;

	if (t->down.bytes && pass_held(t, &t->down, near_write) < 0)
		return -1;
	for (round = 0; round < ROUNDS && !t->down.bytes && !t->down_over; round++) {
		n = tls_read(t->tls, t->o->scratch, TUNNEL_BYTES);
		t->read_wants_write = n == TLS_MORE_WRITE;
		if (n == TLS_MORE_READ || n == TLS_MORE_WRITE)
			break;
		if (n == TLS_BROKEN)
			return -1;
		t->down_over = n <= 0;
		if (n > 0 && pass(t, &t->down, near_write, t->o->scratch, (uint32_t)n) < 0)
			return -1;
	}
	if (t->down_over && !t->down.bytes && !t->down_done) {
		t->down_done = 1;
		shutdown(t->near, SHUT_WR);
	}
	return 0;
}

static void watch(struct tunnel *t)
{
	uint32_t far = 0, near = 0;

	if ((!t->down.bytes && !t->down_over) || t->write_wants_read)
		far |= ADIT_IO_READ;
	if ((t->up.bytes && !t->write_wants_read) || t->read_wants_write)
		far |= ADIT_IO_WRITE;
	if (!t->up.bytes && !t->up_over)
		near |= ADIT_IO_READ;
	if (t->down.bytes)
		near |= ADIT_IO_WRITE;
	t->o->loop->io_want(t->far_io, far);
	t->o->loop->io_want(t->near_io, near);
}

static void on_ready(void *arg)
{
	struct tunnel *t = arg;

	if (move_up(t) < 0 || move_down(t) < 0 || (t->up_done && t->down_done))
		tunnel_free(t);
	else
		watch(t);
}

adit_result tunnel_start(struct http *o, int sock, struct tls *tls, const void *bytes, size_t size, int *out)
{
	const adit_host *host = o->env->host;
	struct tunnel *t;
	int pair[2];

	if (o->tunnel_count >= TUNNELS_MOST)
		return ADIT_ELIMIT;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return ADIT_ELIMIT;
	t = host->alloc(host, sizeof(*t), 0);
	if (!t) {
		close(pair[0]);
		close(pair[1]);
		return ADIT_ENOMEM;
	}
	t->o = o;
	t->far = -1; /* sock and tls are the caller's until nothing can fail any more */
	t->near = pair[1];
	t->next = o->tunnels;
	t->link = &o->tunnels;
	if (t->next)
		t->next->link = &t->next;
	o->tunnels = t;
	o->tunnel_count++;
	if (o->loop->io(o->env->loop, sock, on_ready, t, &t->far_io) < 0 ||
	    o->loop->io(o->env->loop, t->near, on_ready, t, &t->near_io) < 0 ||
	    pass(t, &t->down, near_write, bytes, (uint32_t)size) < 0) {
		tunnel_free(t);
		close(pair[0]);
		return ADIT_ENOMEM;
	}
	t->far = sock;
	t->tls = tls;
	move_down(t); /* what TLS has decrypted already does not show at the socket; trouble does, in the next turn */
	watch(t);
	*out = pair[0];
	return ADIT_OK;
}

void tunnels_stop(struct http *o)
{
	while (o->tunnels)
		tunnel_free(o->tunnels);
}
