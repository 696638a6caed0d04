/* SPDX-License-Identifier: MIT
 * stack-system/stream.c - a TCP flow whose bytes go through the stack
 *
 * Up: what the socket has is read into buffers as long as less than the window waits to be
 * consumed. Down: what the handler sends is one chain of buffers, written as far as the socket
 * takes it; the credit given out is the window less what waits. A flow ends with CLOSED once both
 * directions have ended, or at once with the reason. stream_end() frees the stream: nobody may look
 * at it afterwards.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stack.h"

enum {
	READ_ROOM = 61440, /* per buffer */
	READS = 4,     /* buffers per flow and turn, so that one flow does not starve the rest */
	SEGMENTS = 64, /* per write */
	CREDIT_STEP = 65536, /* credit goes back in portions of this, or when nothing waits */
	DISCARD = 1 << 20
};

struct stream {
	struct stack *stack;
	struct slot *slot;
	int fd;
	adit_io *io;
	adit_buf *head, *tail; /* what waits to be sent, one chain */
	uint64_t queued;       /* bytes of it */
	uint64_t credit;       /* what the handler may still send */
	uint64_t owed;         /* sent, not given back as credit yet */
	uint64_t unread;       /* given as DATA, not consumed yet */
	struct stream *dirty, *hungry_next;
	struct stream *next, *previous; /* of those that close */
	uint64_t deadline;
	uint8_t is_dirty, eof, fin_wanted, fin_sent, closing, hungry;
};

static void put_chain(struct stack *st, adit_buf *b)
{
	if (b)
		st->path->put(st->path->end, &b, 1);
}

static void unlink_dirty(struct stream *s)
{
	struct stream **link = &s->stack->dirty;

	while (s->is_dirty && *link) {
		if (*link == s) {
			*link = s->dirty;
			break;
		}
		link = &(*link)->dirty;
	}
	s->is_dirty = 0;
}

static void unlink_hungry(struct stream *s)
{
	struct stream **link = &s->stack->hungry;

	while (s->hungry && *link && *link != s)
		link = &(*link)->hungry_next;
	if (s->hungry && *link)
		*link = s->hungry_next;
	s->hungry = 0;
}

static void unlink_closing(struct stream *s)
{
	if (!s->closing)
		return;
	if (s->previous)
		s->previous->next = s->next;
	else
		s->stack->closing = s->next;
	if (s->next)
		s->next->previous = s->previous;
}

/* Frees it; its socket is the caller's. */
static void stream_free(struct stream *s)
{
	struct stack *st = s->stack;

	unlink_dirty(s);
	unlink_hungry(s);
	unlink_closing(s);
	if (s->io)
		st->loops->io_free(s->io);
	put_chain(st, s->head);
	s->slot->stream = NULL;
	st->host->release(st->host, s);
}

/* The one way out of the life of a stream that does not end with its socket in the host's hands. */
static void stream_end(struct stream *s, int32_t code, int reset, int say_so)
{
	struct stack *st = s->stack;
	struct slot *slot = s->slot;
	adit_flow flow = slot->flow;
	int fd = s->fd;

	stream_free(s);
	slot->state = SLOT_CLOSED;
	if (reset)
		socket_reset(fd);
	else
		close(fd);
	if (say_so)
		emit_one(st, ADIT_EV_CLOSED, flow, code, 0);
}

static void want(struct stream *s)
{
	uint32_t mask = 0;

	if (!s->eof && !s->hungry && (s->closing || s->unread < s->stack->window))
		mask |= ADIT_IO_READ;
	if (s->head)
		mask |= ADIT_IO_WRITE;
	s->stack->loops->io_want(s->io, mask);
}

/* Takes size sent bytes off the queue. */
static void sent(struct stream *s, uint64_t size)
{
	adit_buf *b;

	s->queued -= size;
	s->owed += size;
	while (s->head && size >= s->head->len) {
		b = s->head;
		size -= b->len;
		s->head = b->next;
		b->next = NULL;
		put_chain(s->stack, b);
	}
	if (!s->head)
		s->tail = NULL;
	else if (size) {
		s->head->data += size;
		s->head->len -= (uint32_t)size;
	}
}

static void give_credit(struct stream *s)
{
	uint64_t size = s->owed;

	if (s->closing || s->fin_wanted || !size || (s->head && size < CREDIT_STEP))
		return;
	s->owed = 0;
	s->credit += size;
	emit_one(s->stack, ADIT_EV_CREDIT, s->slot->flow, 0, size);
}

static int write_some(struct stream *s)
{
	struct iovec v[SEGMENTS];
	struct msghdr m = {.msg_iov = v};
	adit_buf *b;
	ssize_t n;

	for (b = s->head; b && m.msg_iovlen < SEGMENTS; b = b->next)
		v[m.msg_iovlen++] = (struct iovec){b->data, b->len};
	n = sendmsg(s->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	sent(s, (uint64_t)n);
	return 0;
}

/* Sends as much as the socket takes. Nonzero: the stream has ended. */
static int flush_stream(struct stream *s)
{
	int err = 0;

	while (s->head && !err)
		err = write_some(s);
	if (err && err != -EAGAIN && err != -EINTR && err != -ENOBUFS) {
		stream_end(s, from_errno(-err), 1, 1);
		return 1;
	}
	if (!s->head && s->fin_wanted && !s->fin_sent) {
		s->fin_sent = 1;
		shutdown(s->fd, SHUT_WR);
	}
	if (s->fin_sent && s->eof) {
		stream_end(s, 0, 0, 1);
		return 1;
	}
	give_credit(s);
	want(s);
	return 0;
}

void streams_flush(struct stack *st)
{
	struct stream *s;

	while ((s = st->dirty) != NULL) {
		st->dirty = s->dirty;
		s->is_dirty = 0;
		flush_stream(s);
	}
}

static void mark_dirty(struct stream *s)
{
	if (s->is_dirty)
		return;
	s->is_dirty = 1;
	s->dirty = s->stack->dirty;
	s->stack->dirty = s;
}

/* What the application still says after CLOSE is nobody's. Nonzero: the stream has ended. */
static int discard(struct stream *s)
{
	ssize_t n = recv(s->fd, NULL, DISCARD, MSG_TRUNC | MSG_DONTWAIT);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return 0;
	if (n < 0) {
		stream_end(s, from_errno(errno), 1, 1);
		return 1;
	}
	s->eof = 1;
	return flush_stream(s);
}

/* One buffer's worth. Returns the bytes read, 0 for the end or -errno; *ev is filled for DATA and
 * FIN. */
static ssize_t read_some(struct stream *s, adit_event *ev)
{
	struct stack *st = s->stack;
	uint64_t left = st->window - s->unread;
	size_t room = left < READ_ROOM ? (size_t)left : READ_ROOM;
	adit_buf *b;
	ssize_t n;

	*ev = (adit_event){.type = ADIT_EV_FIN, .flow = s->slot->flow};
	if (st->path->get(st->path->end, &b, 1, (uint32_t)room) != 1)
		return -ENOBUFS;
	n = recv(s->fd, b->data, room, MSG_DONTWAIT);
	if (n <= 0) {
		n = n < 0 ? -errno : 0;
		st->path->put(st->path->end, &b, 1);
		return n;
	}
	b->len = (uint32_t)n;
	ev->type = ADIT_EV_DATA;
	ev->flags = ADIT_EVF_BUF;
	ev->u.buf = b;
	s->unread += (uint64_t)n;
	return n;
}

static void read_turn(struct stream *s)
{
	struct stack *st = s->stack;
	adit_event ev[READS];
	uint32_t count = 0;
	ssize_t n = READ_ROOM;

	while (count < READS && n == READ_ROOM && s->unread < st->window) {
		n = read_some(s, &ev[count]);
		count += n >= 0;
	}
	if (count)
		st->path->emit(st->path->end, ev, count);
	if (n == -ENOBUFS) {
		/* The pool is at its limit; the sweep comes back to this flow. */
		s->hungry = 1;
		s->hungry_next = st->hungry;
		st->hungry = s;
		st->loops->timer_set(st->sweep, HUNGRY_NS, 0);
	} else if (n < 0 && n != -EAGAIN && n != -EINTR) {
		stream_end(s, from_errno((int)-n), 1, 1);
		return;
	}
	s->eof |= n == 0;
	flush_stream(s);
}

static void ADIT_CALL on_ready(void *arg)
{
	struct stream *s = arg;
	uint32_t ready = s->stack->loops->io_ready(s->io);

	if ((ready & ADIT_IO_WRITE) && s->head && flush_stream(s))
		return;
	if (!(ready & ADIT_IO_READ) || s->eof)
		return;
	if (s->closing)
		discard(s);
	else if (s->unread < s->stack->window)
		read_turn(s);
}

void stream_start(struct stack *st, struct slot *slot, int fd)
{
	struct stream *s = st->host->alloc(st->host, sizeof(*s), 0);
	adit_flow flow = slot->flow;

	if (!s || st->loops->io(st->loop, fd, on_ready, s, &s->io) != ADIT_OK) {
		st->host->release(st->host, s);
		socket_reset(fd);
		slot->state = SLOT_CLOSED;
		emit_one(st, ADIT_EV_CLOSED, flow, ADIT_ENOMEM, 0);
		return;
	}
	s->stack = st;
	s->slot = slot;
	s->fd = fd;
	s->credit = st->window;
	slot->stream = s;
	emit_one(st, ADIT_EV_CREDIT, flow, 0, s->credit);
	want(s);
}

void stream_send(struct stream *s, adit_buf *b)
{
	adit_buf *last = b;
	uint64_t size = b->len;

	while (last->next) {
		last = last->next;
		size += last->len;
	}
	if (s->fin_wanted || size > s->credit) {
		s->stack->counts.credit++;
		put_chain(s->stack, b);
		stream_abort(s, ADIT_EINVAL);
		return;
	}
	s->credit -= size;
	s->queued += size;
	if (s->tail)
		s->tail->next = b;
	else
		s->head = b;
	s->tail = last;
	mark_dirty(s);
}

void stream_consume(struct stream *s, uint64_t size)
{
	s->unread -= size < s->unread ? size : s->unread;
	want(s);
}

void stream_fin(struct stream *s)
{
	s->fin_wanted = 1;
	mark_dirty(s);
}

/* Flows that end in good order have CLOSE_S for it; those that found no buffer try again. */
static void ADIT_CALL on_sweep(void *arg)
{
	struct stack *st = arg;
	uint64_t now = st->loops->now(st->loop);
	struct stream *s, *next;

	for (s = st->closing; s; s = next) {
		next = s->next;
		if (now >= s->deadline)
			stream_end(s, ADIT_ETIME, 1, 1);
	}
	while ((s = st->hungry) != NULL) {
		st->hungry = s->hungry_next;
		s->hungry = 0;
		want(s);
	}
	if (st->inner_hungry) {
		st->inner_hungry = 0;
		st->loops->io_want(st->inner_io, ADIT_IO_READ);
	}
	if (st->closing)
		st->loops->timer_set(st->sweep, 1000000000, 0);
}

adit_result streams_start(struct stack *st)
{
	return st->loops->timer(st->loop, on_sweep, st, &st->sweep);
}

void stream_close(struct stream *s)
{
	struct stack *st = s->stack;

	if (s->closing)
		return;
	s->closing = 1;
	s->fin_wanted = 1;
	unlink_hungry(s);
	s->deadline = st->loops->now(st->loop) + CLOSE_S * 1000000000ull;
	s->next = st->closing;
	if (s->next)
		s->next->previous = s;
	st->closing = s;
	st->loops->timer_set(st->sweep, 1000000000, 0);
	mark_dirty(s);
}

void stream_give(struct stream *s)
{
	struct stack *st = s->stack;
	struct slot *slot = s->slot;
	adit_flow flow = slot->flow;
	int fd = s->fd;

	if (s->head || s->fin_wanted) {
		/* What is still to be sent would be lost. */
		stream_abort(s, ADIT_EINVAL);
		return;
	}
	stream_free(s);
	slot->state = SLOT_GIVEN;
	/* A FIN that has been read here is read again from the socket: every read says so. */
	emit_one(st, ADIT_EV_SOCKET, flow, 0, (uint64_t)fd);
}

void stream_abort(struct stream *s, int32_t code)
{
	stream_end(s, code, 1, code != 0);
}
