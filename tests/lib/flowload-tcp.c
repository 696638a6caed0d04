/* SPDX-License-Identifier: MIT
 * flowload-tcp.c - tagged TCP flows, both ends
 *
 * The client sends a head (which flow, how much each way), its tagged bytes, and closes its
 * direction; the server meanwhile sends its own tagged bytes, and when it has seen the client's end
 * a verdict on what it received. So both directions, their ends, and both observers are part of
 * every flow.
 */
#include "flowload.h"
#include "tag.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CHUNK = 65536, EVENTS = 256, BACKLOG = 4096, SAY_ERRORS = 5, PACED_EVERY = 50000000 /* ns */ };
static const uint64_t HEAD_MAGIC = 0x3144414f4c574f46u;

struct head {
	uint64_t magic;
	uint64_t up, down;
	uint32_t flow;
	uint32_t pace;  /* of both ends */
	uint32_t stall; /* ms that the server does not read */
	uint32_t zero;
};

struct verdict {
	uint64_t received;
	uint32_t flow;
	uint32_t fault; /* 0 all right, else as tag_verify() */
};

struct conn {
	int fd;
	bool server, head_done, finished, eof;
	uint32_t flow, fault;
	uint64_t send_size, sent;
	uint64_t take_size, taken;
	uint32_t pace;			   /* bytes a second; 0: no limit */
	uint64_t began;
	uint64_t open_at;		   /* when it may say its last */
	uint8_t part[sizeof(struct head)]; /* of the head or the verdict that arrives */
	uint32_t part_size, tail_sent;
	uint64_t read_at; /* when it may read */
	bool stalled;
	struct conn *next, *next_stalled;
	struct conn *next_paced;
};

static struct {
	unsigned started, done, failed, damaged, crossed, refused, reset, timeout, unreachable,
	    said;
	uint64_t up, down;
} count;

static int poller = -1;
static unsigned hold_ms, stall_ms;
static uint32_t pace_of_all;
static bool quiet;
static struct conn *paced;   /* that send at a limited rate */
static struct conn *waiting; /* clients that stay open for a while */
static struct conn *stalled; /* those that do not read for a while */
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

static void watch(struct conn *c, bool writing)
{
	struct epoll_event e = {.events = (c->eof || c->stalled ? 0 : EPOLLIN) | (writing ? EPOLLOUT : 0),
				.data.ptr = c};

	if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e))
		epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
}

static uint64_t allowance(const struct conn *c);

static bool wants_to_write(const struct conn *c)
{
	return !c->finished && (allowance(c) || (c->server && c->eof));
}

static void stall(struct conn *c, unsigned ms)
{
	if (!ms || c->stalled)
		return;
	c->read_at = load_now() + ms * 1000000ull;
	c->stalled = true;
	c->next_stalled = stalled;
	stalled = c;
}

static void end_stalls(void)
{
	struct conn **at = &stalled;

	while (*at) {
		struct conn *c = *at;

		if (c->fd >= 0 && c->read_at > load_now()) {
			at = &c->next_stalled;
			continue;
		}
		*at = c->next_stalled;
		c->stalled = false;
		if (c->fd >= 0)
			watch(c, wants_to_write(c));
	}
}

static void end(struct conn *c)
{
	close(c->fd);
	c->fd = -1;
}

static void fail(struct conn *c, const char *what, int err)
{
	count.failed++;
	if (c->fault == 2)
		count.crossed++;
	else if (c->fault == 1)
		count.damaged++;
	if (err == ECONNREFUSED)
		count.refused++;
	else if (err == ECONNRESET || err == EPIPE)
		count.reset++;
	else if (err == ETIMEDOUT)
		count.timeout++;
	else if (err == EHOSTUNREACH || err == ENETUNREACH)
		count.unreachable++;
	if (!quiet && count.said++ < SAY_ERRORS)
		fprintf(stderr, "flowload: flow %u: %s%s%s (sent %llu of %llu, got %llu of %llu)\n",
			c->flow, what, err ? ": " : "", err ? strerror(err) : "",
			(unsigned long long)c->sent, (unsigned long long)c->send_size,
			(unsigned long long)c->taken, (unsigned long long)c->take_size);
	end(c);
}

/* The bytes after the payload: the server's verdict, once the client's end was seen. 1 when all is
 * sent. */
static int send_tail(struct conn *c)
{
	struct verdict v = {.received = c->taken, .flow = c->flow, .fault = c->fault};
	ssize_t n;

	if (!c->server) {
		if (c->open_at > load_now())
			return 0;
		shutdown(c->fd, SHUT_WR);
		return 1;
	}
	if (!c->eof)
		return 0;
	if (c->taken != c->take_size && !v.fault)
		v.fault = 1;
	n = send(c->fd, (const uint8_t *)&v + c->tail_sent, sizeof(v) - c->tail_sent, 0);
	if (n > 0)
		c->tail_sent += (uint32_t)n;
	return c->tail_sent == sizeof(v);
}

static void pace(struct conn *c, uint32_t rate)
{
	c->pace = rate;
	c->began = load_now();
	if (!rate)
		return;
	c->next_paced = paced;
	paced = c;
}

/* Bytes that may be sent at this moment. */
static uint64_t allowance(const struct conn *c)
{
	uint64_t left = c->send_size - c->sent, due;

	if (!c->pace)
		return left;
	due = (load_now() - c->began) / 1000000 * c->pace / 1000;
	due = due > c->sent ? due - c->sent : 0;
	return due < left ? due : left;
}

/* Returns false when the connection is over. */
static bool conn_send(struct conn *c)
{
	static uint8_t chunk[CHUNK];
	int direction = c->server ? TAG_DOWN : TAG_UP;

	if (c->finished || (c->server && !c->head_done))
		return true;
	for (int turn = 0; turn < 4 && c->sent < c->send_size; turn++) {
		uint64_t left = allowance(c);
		size_t size = left < CHUNK ? (size_t)left : CHUNK;
		ssize_t n;

		if (!size)
			return true;
		tag_fill(chunk, size, c->flow, direction, c->sent);
		n = send(c->fd, chunk, size, 0);
		if (n < 0 && errno != EAGAIN) {
			fail(c, "sending", errno);
			return false;
		}
		if (n <= 0)
			return true;
		c->sent += (uint64_t)n;
	}
	if (c->sent == c->send_size && send_tail(c)) {
		c->finished = true;
		if (c->server) {
			end(c);
			return false;
		}
	}
	return true;
}

static bool take_head(struct conn *c)
{
	struct head h;

	if (c->part_size < sizeof(h))
		return true;
	memcpy(&h, c->part, sizeof(h));
	if (h.magic != HEAD_MAGIC)
		return false;
	c->flow = h.flow;
	c->take_size = h.up;
	c->send_size = h.down;
	c->head_done = true;
	pace(c, h.pace);
	stall(c, h.stall);
	return true;
}

/* Sorts what arrived into head, payload and verdict. Returns false for bytes that may not be there.
 */
static bool take(struct conn *c, const uint8_t *p, size_t size)
{
	while (size) {
		uint64_t left = c->take_size - c->taken;
		size_t n = left < size ? (size_t)left : size;
		size_t want = c->server ? sizeof(struct head) : sizeof(struct verdict);
		bool part = c->server ? !c->head_done : !left;

		if (part) {
			n = want - c->part_size < size ? want - c->part_size : size;
			if (!n)
				return false;
			memcpy(c->part + c->part_size, p, n);
			c->part_size += (uint32_t)n;
			if (c->server && !take_head(c))
				return false;
		} else {
			if (!n)
				return false;
			if (!c->fault)
				c->fault = (uint32_t)tag_verify(
				    p, n, c->flow, c->server ? TAG_UP : TAG_DOWN, c->taken);
			c->taken += n;
		}
		p += n;
		size -= n;
	}
	return true;
}

/* The client has everything: its own view and the server's verdict have to agree. */
static void conclude(struct conn *c)
{
	struct verdict v;

	memcpy(&v, c->part, sizeof(v));
	if (!c->fault && c->taken == c->take_size && c->part_size == sizeof(v) && v.flow != c->flow)
		c->fault = 2;
	if (c->taken != c->take_size || c->part_size != sizeof(v)) {
		fail(c, "ended early", 0);
	} else if (c->fault || v.fault) {
		c->fault = c->fault ? c->fault : v.fault;
		fail(c, c->fault == 2 ? "bytes of another flow" : "damaged bytes", 0);
	} else if (v.received != c->send_size) {
		fail(c, "the server received another number of bytes", 0);
	} else {
		count.done++;
		count.up += c->sent;
		count.down += c->taken;
		end(c);
	}
}

static bool conn_take(struct conn *c)
{
	static uint8_t chunk[CHUNK];

	for (int turn = 0; turn < 4 && !c->eof && !c->stalled; turn++) {
		ssize_t n = recv(c->fd, chunk, sizeof(chunk), 0);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			fail(c, "receiving", errno);
			return false;
		}
		if (n == 0)
			c->eof = true;
		else if (!take(c, chunk, (size_t)n)) {
			c->fault = 1;
			fail(c, "bytes that nobody sent", 0);
			return false;
		}
	}
	if (c->eof && !c->server) {
		conclude(c);
		return false;
	}
	return true;
}

static void conn_turn(struct conn *c, uint32_t events)
{
	if ((events & EPOLLERR) && !(events & EPOLLIN)) {
		int err = 0;
		socklen_t size = sizeof(err);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &size);
		fail(c, "connecting", err);
		return;
	}
	if ((events & (EPOLLIN | EPOLLHUP)) && !conn_take(c))
		return;
	if (!c->server && !c->head_done) {
		struct head h = {
		    .magic = HEAD_MAGIC, .up = c->send_size, .down = c->take_size, .flow = c->flow, .pace = pace_of_all,
		    .stall = stall_ms};

		if (!(events & EPOLLOUT))
			return;
		if (send(c->fd, &h, sizeof(h), 0) != sizeof(h)) {
			fail(c, "sending the head", errno);
			return;
		}
		c->head_done = true;
		pace(c, pace_of_all);
		c->open_at = load_now() + hold_ms * 1000000ull;
		stall(c, stall_ms);
	}
	if (!conn_send(c))
		return;
	if (!c->server && !c->finished && c->sent == c->send_size) {
		c->next = waiting;
		waiting = c;
		c->finished = true; /* until wake() */
	}
	watch(c, wants_to_write(c));
}

/* Lets the clients whose time has come say their last. */
static void wake(void)
{
	struct conn **at = &waiting;

	while (*at) {
		struct conn *c = *at;

		if (c->fd >= 0 && c->open_at > load_now()) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		if (c->fd >= 0)
			shutdown(c->fd, SHUT_WR);
	}
}

/* The slow ones have their turn by the clock, not by their sockets. */
static void paced_turn(void)
{
	static uint64_t last;
	struct conn **at = &paced;

	if (load_now() - last < PACED_EVERY)
		return;
	last = load_now();
	while (*at) {
		struct conn *c = *at;

		if (c->fd < 0 || c->finished || c->sent == c->send_size) {
			*at = c->next_paced;
			continue;
		}
		at = &c->next_paced;
		conn_turn(c, EPOLLOUT);
	}
}

static int dial(const struct load_conf *conf, struct conn *c)
{
	c->fd = socket(conf->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	if (connect(c->fd, (const struct sockaddr *)&conf->to, conf->to_size) &&
	    errno != EINPROGRESS) {
		fail(c, "connecting", errno);
		return 0;
	}
	watch(c, true);
	return 0;
}

int load_tcp(const struct load_conf *conf)
{
	struct conn *all = calloc(conf->flows, sizeof(*all));
	uint64_t began = load_now(), deadline = began + conf->deadline * 1000000000ull;
	struct epoll_event events[EVENTS];

	poller = epoll_create1(EPOLL_CLOEXEC);
	hold_ms = conf->hold;
	pace_of_all = conf->pace;
	stall_ms = conf->stall;
	if (!all || poller < 0)
		return 1;
	while (count.done + count.failed < conf->flows && load_now() < deadline) {
		while (count.started < conf->flows &&
		       count.started - count.done - count.failed < conf->parallel) {
			struct conn *c = &all[count.started];

			*c = (struct conn){.fd = -1,
					   .flow = conf->first + count.started,
					   .send_size = conf->up,
					   .take_size = conf->down};
			count.started++;
			if (dial(conf, c)) {
				perror("flowload: socket");
				return 1;
			}
		}
		int n = epoll_wait(poller, events, EVENTS, waiting || paced || stalled ? 5 : 100);

		for (int i = 0; i < n; i++)
			conn_turn(events[i].data.ptr, events[i].events);
		wake();
		paced_turn();
		end_stalls();
	}
	for (unsigned i = 0; i < count.started; i++)
		if (all[i].fd >= 0)
			fail(&all[i], "not ended by the deadline", ETIMEDOUT);
	printf("tcp flows=%u done=%u failed=%u crossed=%u damaged=%u refused=%u reset=%u "
	       "unreachable=%u timeout=%u up=%llu down=%llu "
	       "ms=%llu\n",
	       conf->flows, count.done, count.failed, count.crossed, count.damaged, count.refused,
	       count.reset, count.unreachable, count.timeout, (unsigned long long)count.up,
	       (unsigned long long)count.down,
	       (unsigned long long)((load_now() - began) / 1000000));
	free(all);
	return count.done == conf->flows ? 0 : 1;
}

static int listener(int type, uint16_t port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int one = 1, zero = 0, fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	if (type == SOCK_DGRAM)
		load_room(fd);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG))) {
		perror("flowload: listening");
		exit(1);
	}
	return fd;
}

static void accept_all(int fd)
{
	for (;;) {
		int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct conn *c;

		if (got < 0)
			return;
		c = calloc(1, sizeof(*c)); /* never freed: a test's server lives for seconds */
		if (!c)
			exit(1);
		c->fd = got;
		c->server = true;
		watch(c, false);
	}
}

int load_serve(uint16_t port)
{
	static struct conn tcp, udp;
	struct sigaction act = {.sa_handler = on_signal};
	struct epoll_event events[EVENTS];

	sigaction(SIGTERM, &act, NULL);
	quiet = true;
	poller = epoll_create1(EPOLL_CLOEXEC);
	tcp.fd = listener(SOCK_STREAM, port);
	udp.fd = listener(SOCK_DGRAM, port);
	watch(&tcp, false);
	watch(&udp, false);
	while (!stop) {
		int n = epoll_wait(poller, events, EVENTS, stalled ? 5 : paced ? 20 : 1000);

		end_stalls();

		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c == &tcp)
				accept_all(tcp.fd);
			else if (c == &udp)
				load_udp_echo(udp.fd);
			else
				conn_turn(c, events[i].events);
		}
		paced_turn();
	}
	printf("served failed=%u reset=%u\n", count.failed, count.reset);
	return 0;
}
