/* SPDX-License-Identifier: MIT
 * stack-system/inner.c - form "private": a namespace of our own, with a device whose other end only
 * we hold
 *
 * The kernel in there sees nothing but our listener and aliases as its peers. Its device takes and
 * gives super-packets whole. The device's MTU is the largest there is: segments are as large as the
 * application's own maximum segment size, which its SYN has carried in.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "message.h"
#include "stack.h"

#include <adit/vnet.h>

enum {
	MTU = 65535,
	WRITE_SEGMENTS = 32,
	STASH = sizeof(((struct stack *)0)->stash) / sizeof(adit_buf *)
};
#define DEVICE "adit-inner"

/* Address space that only this namespace knows: that of RFC 6598, and one of RFC 4193. */
static const char *const spaces[2] = {"100.64.0.1/10", "fd61:6469:7400::1/64"};

static adit_result add_address(struct stack *st, uint32_t device, const adit_addr *a,
                               uint32_t prefix)
{
	struct ifaddrmsg h = {.ifa_family = a->family == 4 ? AF_INET : AF_INET6,
	                      .ifa_prefixlen = (uint8_t)prefix,
	                      .ifa_flags = a->family == 6 ? IFA_F_NODAD : 0,
	                      .ifa_index = device};
	uint8_t bytes[256];
	struct message m;
	char why[128] = "";
	adit_result result;
	size_t size = a->family == 4 ? 4 : 16;

	message_init(&m, bytes, sizeof(bytes));
	message_begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, &h, sizeof(h));
	message_put(&m, IFA_LOCAL, a->ip, size);
	message_put(&m, IFA_ADDRESS, a->ip, size);
	if (!message_done(&m))
		return ADIT_ELIMIT;
	result = st->places->netlink(st->inner_place, NETLINK_ROUTE, bytes, m.size, why,
	                             sizeof(why));
	return result;
}

static adit_result open_family(struct stack *st, int which, uint32_t device)
{
	uint32_t prefix;
	adit_addr own;
	adit_result result = alias_parse(spaces[which], &own, &prefix);

	if (result == ADIT_OK)
		result = alias_init(&st->aliases[which], &own, prefix, st->slot_count);
	if (result == ADIT_OK)
		result = add_address(st, device, &own, prefix);
	if (result == ADIT_OK)
		result = listen_open(st, (uint32_t)which, &own, 0);
	return result;
}

adit_result inner_open(struct stack *st)
{
	adit_result result = st->places->fresh(&st->inner_place);
	uint32_t offloads = 0, device;

	if (result != ADIT_OK)
		return fail(st, result,
		            "no network namespace of our own could be made; allow user namespaces, "
		            "or choose "
		            "another form");
	st->place = st->inner_place;
	result = st->places->tun(st->inner_place, DEVICE, MTU, 1, &st->inner, &offloads);
	if (result != ADIT_OK)
		return fail(st, result,
		            "no device could be made in our own namespace; see whether "
		            "/dev/net/tun may be opened");
	device = st->places->index(st->inner_place, DEVICE);
	/* A backlog that overflows drops, so that no cookie's ACK is mistaken for a stray packet.
	 */
	st->places->sysctl(st->inner_place, "ipv4/tcp_syncookies", "0");
	st->places->sysctl(st->inner_place, "ipv4/tcp_max_syn_backlog", "4096");
	st->places->sysctl(st->inner_place, "ipv4/conf/all/rp_filter", "0");
	st->places->sysctl(st->inner_place, "ipv4/conf/" DEVICE "/rp_filter", "0");
	result = open_family(st, 0, device);
	if (result != ADIT_OK)
		return fail(st, result, "the listener in our own namespace could not be made");
	result = open_family(st, 1, device);
	if (result != ADIT_OK)
		say(st, ADIT_LOG_WARN,
		    "IPv6 is not to be had in our own namespace: TCP over IPv6 will be refused");
	return ADIT_OK;
}

void inner_write(struct stack *st, adit_buf *b)
{
	uint8_t header[ADIT_VNET_SIZE];
	struct iovec v[WRITE_SEGMENTS + 1] = {{header, sizeof(header)}};
	adit_buf *s;
	int n = 1;

	adit_vnet_write(header, b);
	for (s = b; s && n <= WRITE_SEGMENTS; s = s->next)
		v[n++] = (struct iovec){s->data, s->len};
	if (s || writev((int)st->inner, v, n) < 0)
		st->counts.lost++;
	st->path->put(st->path->end, &b, 1);
}

/* One packet from the inner device. 0: none is there; a buffer that is not used stays in the stash.
 */
static int read_one(struct stack *st, adit_buf *b)
{
	uint8_t header[ADIT_VNET_SIZE];
	struct iovec v[2] = {{header, sizeof(header)}, {b->data, PACKET_ROOM}};
	ssize_t n = readv((int)st->inner, v, 2);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		say(st, ADIT_LOG_ERROR,
		    "the inner device is gone (%s): TCP stands still until the stack is started "
		    "again",
		    strerror(errno));
		st->loops->io_want(st->inner_io, 0);
	}
	if (n < (ssize_t)sizeof(header))
		return 0;
	b->len = (uint32_t)(n - (ssize_t)sizeof(header));
	b->flags = 0;
	return adit_vnet_read(header, b) == ADIT_OK ? 1 : -1;
}

static void ADIT_CALL on_ready(void *arg)
{
	struct stack *st = arg;
	adit_buf *out[TURN_MOST];
	uint32_t i, n = 0;
	int got = 1;

	for (i = 0; i < TURN_MOST && got; i++) {
		if (st->stashed == 0)
			st->stashed = st->path->get(st->path->end, st->stash, STASH, PACKET_ROOM);
		if (st->stashed == 0) {
			/* The pool is at its limit; the device holds the packets, and drops some
			 * when it is full. */
			st->inner_hungry = 1;
			st->loops->io_want(st->inner_io, 0);
			st->loops->timer_set(st->sweep, HUNGRY_NS, 0);
			break;
		}
		got = read_one(st, st->stash[st->stashed - 1]);
		if (got > 0 && answer_restore(st, st->stash[st->stashed - 1]) == ADIT_OK)
			out[n++] = st->stash[--st->stashed];
		else if (got > 0 && !probe_answered(st, st->stash[st->stashed - 1]))
			st->counts.lost++;
	}
	if (n)
		st->path->output(st->path->end, out, n);
}

adit_result inner_start(struct stack *st)
{
	adit_result result = st->loops->io(st->loop, st->inner, on_ready, st, &st->inner_io);

	if (result == ADIT_OK)
		st->loops->io_want(st->inner_io, ADIT_IO_READ);
	return result;
}

void inner_close(struct stack *st)
{
	if (st->inner_io)
		st->loops->io_free(st->inner_io);
	st->inner_io = NULL;
	if (st->stashed)
		st->path->put(st->path->end, st->stash, st->stashed);
	st->stashed = 0;
	if (st->inner >= 0)
		close((int)st->inner);
	st->inner = -1;
}
