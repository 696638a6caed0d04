/* SPDX-License-Identifier: MIT
 * stack-system/listen.c - the listeners: sockets in, joined to their flows
 *
 * A socket is taken only when a flow of its endpoints waits for one; all others are reset at once.
 * When descriptors run out the listener rests, and connections wait in its backlog; when that
 * lasts, they are reset one by one with a descriptor held in reserve, so that no application waits
 * for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stack.h"

#define REST_NS 100000000ull   /* between attempts while descriptors are short */
#define SHED_NS 5000000000ull  /* from here on waiting connections are reset */
#define WORD_NS 10000000000ull /* between two log lines about the same trouble */

enum { MISSES_MOST = 6 }; /* vain looks at the backlog right after a SYN: up to 63 SYNs are let go by without one */

void socket_reset(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* A connection that died in the backlog, or a network error that accept(2) passes on from it: the
 * next one may be well. Everything else (no descriptor, no memory, what nobody has foreseen) makes
 * the listener rest. */
static int is_passing(int number)
{
	switch (number) {
	case ECONNABORTED:
	case EINTR:
	case EPROTO:
	case EPERM:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
		return 1;
	default:
		return 0;
	}
}

static int32_t reserve_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Both ends of an accepted socket, as slot_accept() wants them. 0: it has none any more. */
static int endpoints(const struct stack *st, int fd, adit_addr *src, adit_addr *dst)
{
	struct sockaddr_storage peer = {0}, local = {0};
	socklen_t peer_size = sizeof(peer), local_size = sizeof(local);

	if (getpeername(fd, (struct sockaddr *)&peer, &peer_size) != 0 ||
	    getsockname(fd, (struct sockaddr *)&local, &local_size) != 0)
		return 0;
	adit_from_sockaddr((struct sockaddr *)&peer, src);
	adit_from_sockaddr((struct sockaddr *)&local, dst);
	return 1;
}

/* How many connections wait to be accepted. */
static unsigned backlog(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_unacked : 1;
}

/* Resets half of what waits, with the one descriptor that is left. The flows hear of it: what the host
 * holds for them (a connected socket each) is what the other half needs. */
static void shed(struct listener *l)
{
	struct stack *st = l->stack;
	unsigned i, most = (backlog((int)l->fd) + 1) / 2;
	adit_addr src, dst;
	struct slot *s;
	int fd;

	for (i = 0; i < most && i < TURN_MOST; i++) {
		if (st->reserve >= 0)
			close(st->reserve);
		st->reserve = -1;
		fd = accept4((int)l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		s = fd >= 0 && endpoints(st, fd, &src, &dst) ? slot_accept(st, &src, &dst) : NULL;
		if (fd >= 0) {
			socket_reset(fd);
			st->counts.shed++;
		}
		st->reserve = reserve_open();
		if (s) {
			s->state = SLOT_CLOSED;
			emit_one(st, ADIT_EV_CLOSED, s->flow, ADIT_ELIMIT, 0);
		}
		if (fd < 0)
			return;
	}
}

static void rest(struct listener *l, int number)
{
	struct stack *st = l->stack;
	uint64_t now = st->loops->now(st->loop);

	st->counts.starved++;
	if (!l->starved)
		l->starved = now ? now : 1;
	else if (now - l->starved >= SHED_NS)
		shed(l);
	st->loops->io_want(l->io, 0);
	st->loops->timer_set(l->retry, REST_NS, 0);
	if (st->last_word && now - st->last_word < WORD_NS)
		return;
	st->last_word = now ? now : 1;
	say(st, ADIT_LOG_WARN,
	    "accepting rests: %s (%llu times so far, %llu connections reset); raise the limit of "
	    "open files "
	    "(ulimit -n, LimitNOFILE) or lower limits.flows",
	    number == EMFILE || number == ENFILE ? "no file descriptor is left" : strerror(number),
	    (unsigned long long)st->counts.starved, (unsigned long long)st->counts.shed);
}

static void ADIT_CALL on_retry(void *arg)
{
	struct listener *l = arg;

	l->stack->loops->io_want(l->io, ADIT_IO_READ);
}

/* Joins a socket to the flow that waits for it. */
static void join(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	struct stack *st = l->stack;
	struct sockaddr_storage local = {0};
	socklen_t size = sizeof(local);
	adit_addr src, dst = {0};
	struct slot *s;

	adit_from_sockaddr((const struct sockaddr *)peer, &src);
	if (st->form == FORM_TRANSPARENT) {
		if (getsockname(fd, (struct sockaddr *)&local, &size) != 0) {
			socket_reset(fd);
			return;
		}
		adit_from_sockaddr((struct sockaddr *)&local, &dst);
	}
	if (probe_accepted(st, fd, &src, &dst))
		return;
	s = slot_accept(st, &src, &dst);
	if (!s) {
		st->counts.unknown++;
		socket_reset(fd);
		return;
	}
	st->counts.accepted++;
	if (!s->wants_socket) {
		stream_start(st, s, fd);
		return;
	}
	s->state = SLOT_GIVEN;
	emit_one(st, ADIT_EV_SOCKET, s->flow, 0, (uint64_t)fd);
}

/* Accepts so many at most; returns how many there were. It ends where no flow waits any more: what else is there the
 * loop tells again, and nobody asks in vain. */
static unsigned accept_some(struct listener *l, unsigned most)
{
	struct sockaddr_storage peer;
	unsigned i, got = 0;
	socklen_t size;
	int fd;

	for (i = 0; i < most; i++) {
		size = sizeof(peer);
		fd = accept4((int)l->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			got++;
			l->starved = 0;
			join(l, fd, &peer);
			if (!l->stack->pending)
				return got;
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return got;
		if (!is_passing(errno)) {
			rest(l, errno);
			return got;
		}
	}
	return got;
}

static void ADIT_CALL on_ready(void *arg)
{
	accept_some(arg, TURN_MOST);
}

void listen_expect(struct stack *st)
{
	struct listener *l;

	for (l = st->listeners; l < st->listeners + 2; l++) {
		unsigned most = l->expected, got;

		l->expected = 0;
		if (!most || !l->io || l->starved)
			continue;
		if (l->skip) {
			l->skip--;
			continue;
		}
		got = accept_some(l, most);
		l->misses = got ? 0 : l->misses + (l->misses < MISSES_MOST);
		l->skip = (1u << l->misses) - 1;
	}
}

adit_result listen_open(struct stack *st, uint32_t which, const adit_addr *bind_to, uint32_t flags)
{
	struct listener *l = &st->listeners[which];
	struct sockaddr_storage local = {0};
	socklen_t size = sizeof(local);
	int on = 1, idle = 120, interval = 30, count = 4;
	adit_result result;
	intptr_t fd = -1;

	if (bind_to->family == 6)
		flags |= ADIT_SOCK_V6ONLY;
	result = st->places->socket(st->place, ADIT_PROTO_TCP, bind_to, flags | ADIT_SOCK_LISTEN,
	                            &fd);
	if (result != ADIT_OK)
		return result;
	if (st->reserve < 0)
		st->reserve = reserve_open();
	l->stack = st;
	l->fd = fd;
	if (getsockname((int)fd, (struct sockaddr *)&local, &size) != 0)
		return from_errno(errno);
	adit_from_sockaddr((struct sockaddr *)&local, &l->addr);
	st->bound[which] = l->addr;
	/* What an accepted socket takes over from its listener need not be set per connection. */
	setsockopt((int)fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt((int)fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt((int)fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt((int)fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt((int)fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	return ADIT_OK;
}

adit_result listen_start(struct stack *st)
{
	adit_result result = ADIT_OK;
	struct listener *l;

	for (l = st->listeners; l < st->listeners + 2 && result == ADIT_OK; l++) {
		if (l->addr.family == 0)
			continue;
		result = st->loops->timer(st->loop, on_retry, l, &l->retry);
		if (result == ADIT_OK)
			result = st->loops->io(st->loop, l->fd, on_ready, l, &l->io);
		if (result == ADIT_OK)
			st->loops->io_want(l->io, ADIT_IO_READ);
	}
	return result;
}

void listen_close(struct stack *st)
{
	struct listener *l;

	for (l = st->listeners; l < st->listeners + 2; l++) {
		if (l->retry)
			st->loops->timer_free(l->retry);
		if (l->io)
			st->loops->io_free(l->io);
		if (l->fd >= 0)
			close((int)l->fd);
		l->retry = NULL;
		l->io = NULL;
		l->fd = -1;
		l->addr.family = 0;
	}
	if (st->reserve >= 0)
		close(st->reserve);
	st->reserve = -1;
}
