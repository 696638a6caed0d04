/* SPDX-License-Identifier: MIT
 * platform-linux/netlink-ask.c - one netlink request and its answers over a socket of its own
 *
 * The kernel answers inside send(), so all acknowledgements wait in the socket when it returns;
 * only a dump goes on while it is read.
 */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct exchange {
	int fd;
	uint32_t acks;  /* still owed */
	uint32_t dumps; /* still running */
	uint32_t answers;
	nl_each each;
	void *arg;
	adit_result result; /* the first refusal */
	struct why *why;
};

/* What the request will be answered with; refuses what is not netlink or asks for no answer. */
static adit_result expect(struct exchange *x, const void *request, size_t size)
{
	struct nl_span rest = {request, size};
	struct nl_message m;
	uint32_t count = 0;
	int more;

	while ((more = nl_message(&rest, &m)) == 1) {
		if (++count > NL_MESSAGES)
			return why_set(x->why, ADIT_ELIMIT,
			               "a netlink request of more than %d messages", NL_MESSAGES);
		if ((m.flags & NLM_F_DUMP) == NLM_F_DUMP)
			x->dumps++;
		else if (m.flags & NLM_F_ACK)
			x->acks++;
	}
	if (more || !count || !(x->acks + x->dumps))
		return why_set(x->why, ADIT_EINVAL,
		               "the netlink request is malformed or asks for no acknowledgement");
	return 0;
}

static adit_result connect_kernel(struct exchange *x, int proto)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int one = 1;

	x->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, proto);
	if (x->fd < 0)
		return why_errno(x->why, errno, "cannot open a netlink socket of protocol %d",
		                 proto);
	/* Older kernels lack these; answers are then merely wordless or fuller. */
	setsockopt(x->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(x->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(x->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	if (connect(x->fd, (struct sockaddr *)&kernel, sizeof(kernel)))
		return why_errno(x->why, errno, "cannot connect a netlink socket");
	return 0;
}

static adit_result take(struct exchange *x, const struct nl_message *m)
{
	struct why words;
	int number;

	if (++x->answers > NL_ANSWERS)
		return why_set(x->why, ADIT_ELIMIT, "the kernel's answer has more than %d messages",
		               NL_ANSWERS);
	if (m->flags & NLM_F_DUMP_INTR)
		return why_set(x->why, ADIT_EAGAIN, "what was listed changed meanwhile");
	if (m->type != NLMSG_ERROR && m->type != NLMSG_DONE) {
		if (x->each)
			x->each(x->arg, m);
		return 0;
	}
	if (nl_ack(m, &number, &words))
		return why_set(x->why, ADIT_EIO, "the kernel's netlink answer is malformed");
	if (m->type == NLMSG_DONE && x->dumps)
		x->dumps--;
	else if (x->acks)
		x->acks--;
	if (number && !x->result) {
		x->dumps = 0;
		x->result = words.text[0] ? why_errno(x->why, number, "%s", words.text)
		                          : why_errno(x->why, number, "the kernel refused");
	}
	return 0;
}

/* One datagram of answers. ADIT_ETIME: none came. */
static adit_result hear(struct exchange *x, uint8_t *buf)
{
	struct pollfd p = {.fd = x->fd, .events = POLLIN};
	struct nl_span rest;
	struct nl_message m;
	ssize_t n;
	int more;

	/* Refused batches leave acknowledgements unsent: after a refusal only what is there already
	 * is read. */
	if (poll(&p, 1, x->result ? 0 : NL_WAIT_MS) <= 0)
		return x->result ? x->result
		                 : why_set(x->why, ADIT_ETIME, "the kernel did not answer in time");
	n = recv(x->fd, buf, NL_MOST, MSG_TRUNC | MSG_DONTWAIT);
	if (n < 0)
		return why_errno(x->why, errno, "cannot read the kernel's netlink answer");
	if (n > NL_MOST)
		return why_set(x->why, ADIT_ELIMIT, "a netlink answer of %zd bytes", n);
	rest.data = buf;
	rest.size = (size_t)n;
	while ((more = nl_message(&rest, &m)) == 1) {
		adit_result result = take(x, &m);

		if (result)
			return result;
	}
	return more ? why_set(x->why, ADIT_EIO, "the kernel's netlink answer is malformed") : 0;
}

adit_result nl_ask(int proto, const void *request, size_t size, nl_each each, void *arg,
                   struct why *why)
{
	struct exchange x = {.fd = -1, .each = each, .arg = arg, .why = why};
	uint8_t *buf = NULL;
	adit_result result = expect(&x, request, size);

	if (!result)
		result = connect_kernel(&x, proto);
	if (!result && !(buf = malloc(NL_MOST)))
		result = why_set(why, ADIT_ENOMEM, "no memory for the kernel's answer");
	if (!result && send(x.fd, request, size, MSG_NOSIGNAL) != (ssize_t)size)
		result = why_errno(why, errno, "cannot send a netlink request of %zu bytes", size);
	while (!result && x.acks + x.dumps)
		result = hear(&x, buf);
	free(buf);
	if (x.fd >= 0)
		close(x.fd);
	return x.result ? x.result : result;
}
