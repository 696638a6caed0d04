/* SPDX-License-Identifier: MIT
 * platform-linux/link.c - a network interface of the calling thread's namespace
 */
#include "link.h"

#include "netlink.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

enum { REQUEST = 512 };

uint32_t link_index(const char *name)
{
	return if_nametoindex(name);
}

static adit_result ask(struct nl_writer *w, struct why *why)
{
	int64_t size = nl_done(w);

	if (size < 0)
		return why_set(why, ADIT_ELIMIT, "a link request does not fit %d bytes", REQUEST);
	return nl_ask(NETLINK_ROUTE, w->data, (size_t)size, NULL, NULL, why);
}

/* Says no to an address made by the kernel. A kernel without IPv6 refuses, which is as good. */
static void no_own_address(uint32_t index)
{
	struct ifinfomsg head = {.ifi_index = (int)index};
	const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	uint8_t data[REQUEST];
	struct nl_writer w;
	size_t spec, family;

	nl_init(&w, data, sizeof(data));
	nl_begin(&w, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, &head, sizeof(head));
	spec = nl_nest(&w, IFLA_AF_SPEC);
	family = nl_nest(&w, AF_INET6);
	nl_put(&w, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	nl_leave(&w, family);
	nl_leave(&w, spec);
	ask(&w, NULL);
}

/* Packets that a queue of the device holds. More than a few sockets' send buffers do, so that a sender
 * of datagrams is slowed down by its own buffer before the queue overflows; TCP holds itself back
 * long before. */
enum { QUEUE_LENGTH = 16384 };

adit_result link_up(uint32_t index, uint32_t mtu, struct why *why)
{
	struct ifinfomsg head = {
		.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	uint8_t data[REQUEST];
	struct nl_writer w;

	no_own_address(index);
	nl_init(&w, data, sizeof(data));
	nl_begin(&w, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, &head, sizeof(head));
	if (mtu)
		nl_put_u32(&w, IFLA_MTU, mtu);
	nl_put_u32(&w, IFLA_TXQLEN, QUEUE_LENGTH);
	return ask(&w, why);
}

adit_result link_address(uint32_t index, const struct cidr *c, struct why *why)
{
	struct ifaddrmsg head = {
		.ifa_family = c->addr.family == 4 ? AF_INET : AF_INET6,
		.ifa_prefixlen = (uint8_t)c->bits,
		.ifa_flags = IFA_F_NODAD,
		.ifa_index = index,
	};
	uint8_t data[REQUEST];
	struct nl_writer w;

	nl_init(&w, data, sizeof(data));
	nl_begin(&w, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, 1,
	         &head, sizeof(head));
	nl_put(&w, IFA_LOCAL, c->addr.ip, cidr_size(c));
	nl_put(&w, IFA_ADDRESS, c->addr.ip, cidr_size(c));
	return ask(&w, why);
}

adit_result link_route(uint32_t index, const struct cidr *c, struct why *why)
{
	struct cidr net = *c;
	struct rtmsg head = {
		.rtm_family = c->addr.family == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = (uint8_t)c->bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = c->addr.family == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	uint8_t data[REQUEST];
	struct nl_writer w;

	cidr_mask(&net);
	nl_init(&w, data, sizeof(data));
	nl_begin(&w, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 1, &head,
	         sizeof(head));
	if (c->bits)
		nl_put(&w, RTA_DST, net.addr.ip, cidr_size(c));
	nl_put_u32(&w, RTA_OIF, index);
	return ask(&w, why);
}
