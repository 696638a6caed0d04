/* SPDX-License-Identifier: MIT
 * dial/dialer.c - connects TCP sockets that bypass the device
 *
 * A connect that the system answers at once (the same host, a namespace next door) is settled at the end of the
 * same turn by asking again, without ever watching the descriptor; only what takes longer is watched.
 */
#include "dial/dialer.h"

#include <adit/sock.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "os/os.h"

struct adit_dialing {
	struct dialer *dialer;
	adit_dialing *next, **link; /* in dialer->all, or in dialer->fresh */
	struct loop_edge edge; /* while it is among all */
	int fd;
	uint64_t deadline; /* 0: none */
	adit_dialed done;
	void *arg;
	adit_addr to;
};

struct dialer {
	struct shard *shard;
	adit_dialing *all;   /* watched */
	adit_dialing *fresh; /* to be asked again at the end of the turn */
	unsigned count;
	int scheduled;
	adit_timer clock;
};

enum { CLOCK = 100 * 1000 * 1000 /* ns between looks at the deadlines */ };

static void link_to(adit_dialing **list, adit_dialing *a)
{
	a->next = *list;
	a->link = list;
	if (*list)
		(*list)->link = &a->next;
	*list = a;
}

static void unlink_from(adit_dialing *a)
{
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
}

/* connect(), for the first time or again. */
static int ask(const adit_dialing *a)
{
	struct sockaddr_storage to;
	socklen_t size = adit_to_sockaddr(&a->to, &to);

	return connect(a->fd, (struct sockaddr *)&to, size);
}

/* What the network says to a connect. The system reports "administratively prohibited" as a lack of permission. */
static adit_result answer(int number)
{
	adit_result r = err_from_errno(number);

	return r == ADIT_EPERM ? ADIT_EADMIN : r;
}

/* Frees the attempt and tells its maker. */
static void finish(adit_dialing *a, adit_result result)
{
	struct dialer *d = a->dialer;
	adit_dialed done = a->done;
	void *arg = a->arg;
	int fd = a->fd;

	unlink_from(a);
	loop_edge_leave(&a->edge, fd);
	free(a);
	d->count--;
	if (result != ADIT_OK) {
		close(fd);
		fd = -1;
	}
	shard_count(d->shard, result == ADIT_OK ? COUNT_dial_ok : COUNT_dial_failed, 1);
	done(arg, result, fd);
}

static void on_writable(void *arg)
{
	adit_dialing *a = arg;
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size))
		error = errno;
	finish(a, answer(error));
}

/* At the end of the turn in which connect was called. */
static void settle(void *arg)
{
	struct dialer *d = arg;

	d->scheduled = 0;
	while (d->fresh) {
		adit_dialing *a = d->fresh;

		if (ask(a) == 0 || errno == EISCONN) {
			finish(a, ADIT_OK);
		} else if (errno == EALREADY || errno == EINPROGRESS) {
			adit_result r = loop_edge_init(&a->edge, d->shard->loop, a->fd, on_writable, a);

			unlink_from(a);
			link_to(&d->all, a);
			if (r != ADIT_OK)
				finish(a, r);
		} else {
			finish(a, answer(errno));
		}
	}
}

static void on_clock(void *arg)
{
	struct dialer *d = arg;
	uint64_t now = loop_now(d->shard->loop);
	adit_dialing *a, *next;
	int again;

	/* finish() may end attempts other than its own: start over after each. */
	do {
		again = 0;
		for (a = d->all; a; a = next) {
			next = a->next;
			if (a->deadline && a->deadline <= now) {
				finish(a, ADIT_ETIME);
				again = 1;
				break;
			}
		}
	} while (again);
	if (!d->count)
		loop_timer_set(&d->clock, 0, 0);
}

adit_result dialer_new(struct dialer **out, struct shard *s)
{
	struct dialer *d = calloc(1, sizeof(*d));

	if (!d)
		return ADIT_ENOMEM;
	d->shard = s;
	loop_timer_init(&d->clock, s->loop, on_clock, d);
	*out = d;
	return ADIT_OK;
}

static void drop_all(adit_dialing **list)
{
	while (*list)
		dialer_cancel(*list);
}

void dialer_free(struct dialer *d)
{
	if (!d)
		return;
	drop_all(&d->all);
	drop_all(&d->fresh);
	loop_timer_fini(&d->clock);
	free(d);
}

int dialer_socket(struct shard *s, int family, int type, int proto, adit_result *err)
{
	struct part *platform = s->parts[PART_PLATFORM][0];
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

	if (fd < 0) {
		*err = err_from_errno(errno);
		return -1;
	}
	if (platform && platform->table.platform->protect) {
		*err = platform->table.platform->protect(platform->inst, fd, family == AF_INET ? 4 : 6);
		if (*err != ADIT_OK) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

static int start_connect(adit_dialing *a, const adit_addr *dst, adit_result *err)
{
	static const int one = 1;

	a->fd = dialer_socket(a->dialer->shard, dst->family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, err);
	if (a->fd < 0)
		return -1;
	setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	a->to = policy_target(&a->dialer->shard->policy, dst);
	if (ask(a) == 0 || errno == EINPROGRESS)
		return 0;
	*err = answer(errno);
	close(a->fd);
	return -1;
}

adit_result dialer_connect(adit_loop *l, const adit_addr *dst, uint64_t deadline_ns, adit_dialed done, void *arg,
                           adit_dialing **out)
{
	struct shard *s = loop_owner(l);

	if (!loop_here(l))
		return ADIT_ETHREAD;
	if ((dst->family == 4 || dst->family == 6) && dst->port && policy_dial(&s->policy, ADIT_PROTO_TCP, dst) != PACKET_OK)
		return ADIT_EADMIN;
	return dialer_connect_any(l, dst, deadline_ns, done, arg, out);
}

adit_result dialer_connect_any(adit_loop *l, const adit_addr *dst, uint64_t deadline_ns, adit_dialed done, void *arg,
                               adit_dialing **out)
{
	struct shard *s = loop_owner(l);
	struct dialer *d;
	adit_dialing *a;
	adit_result err = ADIT_OK;

	if (!loop_here(l))
		return ADIT_ETHREAD;
	if ((dst->family != 4 && dst->family != 6) || !dst->port)
		return ADIT_EINVAL;
	d = s->dialer;
	if (d->count >= DIALER_MOST)
		return ADIT_ELIMIT;
	a = calloc(1, sizeof(*a));
	if (!a)
		return ADIT_ENOMEM;
	a->dialer = d;
	a->deadline = deadline_ns;
	if (!deadline_ns && s->timeouts.connect)
		a->deadline = loop_now(l) + s->timeouts.connect * OS_SECOND;
	a->done = done;
	a->arg = arg;
	if (start_connect(a, dst, &err)) {
		free(a);
		shard_count(s, COUNT_dial_failed, 1);
		return err;
	}
	if (!d->scheduled && loop_defer(l, settle, d) != ADIT_OK) {
		close(a->fd);
		free(a);
		return ADIT_ENOMEM;
	}
	d->scheduled = 1;
	link_to(&d->fresh, a);
	if (!d->count++)
		loop_timer_set(&d->clock, CLOCK, CLOCK);
	*out = a;
	return ADIT_OK;
}

void dialer_cancel(adit_dialing *a)
{
	unlink_from(a);
	loop_edge_fini(&a->edge);
	close(a->fd);
	a->dialer->count--;
	free(a);
}
