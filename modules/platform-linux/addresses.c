/* SPDX-License-Identifier: MIT
 * platform-linux/addresses.c - the addresses of this network namespace, from the kernel
 *
 * Both functions work in the namespace of the thread that calls, which is where the process's sockets are made: nobody
 * but agents, which are processes of their own, goes elsewhere.
 */
#include "addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 3 /* a dump that something changed under is made again */ };

int addresses_read(const struct nl_message *m, adit_addr *out)
{
	struct nl_span rest = m->body, value, local = {0}, address = {0};
	struct ifaddrmsg head;
	uint16_t type;
	size_t size;
	int more;

	if (m->type != RTM_NEWADDR)
		return 0;
	if (nl_skip(&rest, sizeof(head)))
		return ADIT_EINVAL;
	memcpy(&head, m->body.data, sizeof(head));
	while ((more = nl_attribute(&rest, &type, &value)) == 1) {
		if (type == IFA_LOCAL)
			local = value;
		else if (type == IFA_ADDRESS)
			address = value;
	}
	if (more)
		return ADIT_EINVAL;
	if (head.ifa_family != AF_INET && head.ifa_family != AF_INET6)
		return 0;
	size = head.ifa_family == AF_INET ? 4 : 16;
	/* With a peer, IFA_ADDRESS is the peer's and IFA_LOCAL ours. */
	if (!local.data)
		local = address;
	if (!local.data || local.size != size)
		return ADIT_EINVAL;
	memset(out, 0, sizeof(*out));
	out->family = size == 4 ? 4 : 6;
	memcpy(out->ip, local.data, size);
	return 1;
}

struct listing {
	adit_addr *out;
	uint32_t room, count;
};

static void take(void *arg, const struct nl_message *m)
{
	struct listing *l = arg;
	adit_addr a;

	if (addresses_read(m, &a) != 1)
		return;
	if (l->count < l->room)
		l->out[l->count] = a;
	l->count++;
}

static int32_t ADIT_CALL list(adit_addr *out, uint32_t room)
{
	struct ifaddrmsg head = {.ifa_family = AF_UNSPEC};
	struct listing l;
	struct nl_writer w;
	struct why why;
	uint8_t data[64];
	int64_t size;
	adit_result result;
	int i;

	nl_init(&w, data, sizeof(data));
	nl_begin(&w, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 1, &head, sizeof(head));
	size = nl_done(&w);
	for (i = 0, result = ADIT_EAGAIN; i < TRIES && result == ADIT_EAGAIN; i++) {
		l = (struct listing){out, room, 0};
		result = nl_ask(NETLINK_ROUTE, data, (size_t)size, take, &l, &why);
	}
	return result ? result : (int32_t)l.count;
}

static adit_result ADIT_CALL watch(intptr_t *out)
{
	struct sockaddr_nl kernel = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? ADIT_ELIMIT : ADIT_EIO;
	if (bind(fd, (struct sockaddr *)&kernel, sizeof(kernel))) {
		close(fd);
		return ADIT_EIO;
	}
	*out = fd;
	return ADIT_OK;
}

const adit_addresses_1 addresses_table = {sizeof(adit_addresses_1), 0, list, watch};
