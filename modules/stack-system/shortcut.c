/* SPDX-License-Identifier: MIT
 * stack-system/shortcut.c - form "transparent": segments of connections that exist stay in the
 * kernel
 *
 * A SYN goes to user space, where the host decides. What follows needs no decision: a filter on the
 * device's way out hands every TCP segment without SYN to the way in of a second device, made for
 * nothing else, and the kernel finds the connection that the listener has accepted. No byte of it
 * crosses into user space.
 *
 * A segment for which no connection is found there is copied back to the first device, with a mark
 * that makes the filter let it pass, and so reaches user space like any other: strays are judged by
 * the host. This also covers the moment in which the kernel, having taken the handshake's last ACK
 * on one CPU, moves the connection from its request to its socket, and a lookup on another CPU sees
 * neither. (The kernel would answer such a segment with a reset.)
 *
 * Without the shortcut everything works the same, by way of user space: whatever is refused here is
 * noted and left.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "nft.h"
#include "stack.h"
#include "steer.h"

enum {
	MARK = 0x61646974,  /* "adit": came back from the second device */
	NO_LISTENER = 1,    /* a port at which nobody listens transparently */
	MTU = 65535,
	ROOM = 4096
};

/* Takes all of a TCP segment that has no SYN and no mark of ours; offsets from the IP header, as a
 * device without a link layer shows it. */
static const struct sock_filter segments[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 19, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 10),
        /* IPv4: not a later fragment */
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 14),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 12, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 15),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 2, 6, 5),
        /* IPv6: TCP at once behind the header */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 5),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 53),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 2, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
};

static const uint8_t families[2] = {NFPROTO_IPV4, NFPROTO_IPV6};

static adit_result send_tables(struct stack *st, struct group *g, char *why, size_t room)
{
	uint32_t first = st->places->index(g->place, g->device);
	uint8_t bytes[ROOM], tcp = ADIT_PROTO_TCP;
	struct message m;
	char table[STEER_NAME];
	size_t rule;
	int i;

	steer_table_name(g, table);
	message_init(&m, bytes, sizeof(bytes));
	nft_batch(&m, NFNL_MSG_BATCH_BEGIN);
	for (i = 0; i < 2; i++) {
		nft_table(&m, families[i], table);
		rule = nft_rule_open(&m, families[i], table);
		nft_from(&m, g->second);
		nft_match(&m, NFT_META_L4PROTO, &tcp, 1);
		nft_tproxy(&m, families[i], NO_LISTENER);
		nft_verdict(&m, NF_ACCEPT);
		nft_rule_close(&m, rule);
		rule = nft_rule_open(&m, families[i], table);
		nft_from(&m, g->second);
		nft_mark(&m, MARK);
		nft_copy_out(&m, families[i], first);
		nft_verdict(&m, NF_DROP);
		nft_rule_close(&m, rule);
	}
	nft_batch(&m, NFNL_MSG_BATCH_END);
	if (!message_done(&m))
		return ADIT_ELIMIT;
	return st->places->netlink(g->place, NETLINK_NETFILTER, bytes, m.size, why, room);
}

static void put_filter(struct message *m, int first, uint32_t second)
{
	struct tcmsg h = {.tcm_ifindex = first,
	                  .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
	                  .tcm_info = TC_H_MAKE(1u << 16, htons(ETH_P_ALL))};
	struct tc_mirred target = {.action = TC_ACT_STOLEN,
	                           .eaction = TCA_INGRESS_REDIR,
	                           .ifindex = second};
	uint16_t length = sizeof(segments) / sizeof(segments[0]);
	size_t options, actions, action, settings;

	message_begin(m, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &h, sizeof(h));
	message_text(m, TCA_KIND, "bpf");
	options = message_open(m, TCA_OPTIONS);
	message_put(m, TCA_BPF_OPS_LEN, &length, sizeof(length));
	message_put(m, TCA_BPF_OPS, segments, sizeof(segments));
	actions = message_open(m, TCA_BPF_ACT);
	action = message_open(m, 1);
	message_text(m, TCA_ACT_KIND, "mirred");
	settings = message_open(m, TCA_ACT_OPTIONS);
	message_put(m, TCA_MIRRED_PARMS, &target, sizeof(target));
	message_close(m, settings);
	message_close(m, action);
	message_close(m, actions);
	message_close(m, options);
}

static void put_clsact(struct message *m, uint16_t type, uint16_t flags, int first)
{
	struct tcmsg h = {.tcm_ifindex = first,
	                  .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
	                  .tcm_parent = TC_H_CLSACT};

	message_begin(m, type, (uint16_t)(flags | NLM_F_ACK), &h, sizeof(h));
	message_text(m, TCA_KIND, "clsact");
}

/* The last step: from here on segments take the shortcut. Two requests, for the kernel works off all
 * messages of one, and a filter must not be added to another group's. */
static adit_result send_filter(struct stack *st, struct group *g, char *why, size_t room)
{
	int first = (int)st->places->index(g->place, g->device);
	adit_result result;
	uint8_t bytes[ROOM];
	struct message m;

	message_init(&m, bytes, sizeof(bytes));
	put_clsact(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, first);
	if (!message_done(&m))
		return ADIT_ELIMIT;
	result = st->places->netlink(g->place, NETLINK_ROUTE, bytes, m.size, why, room);
	if (result != ADIT_OK)
		return result;
	g->filtered = 1;
	message_init(&m, bytes, sizeof(bytes));
	put_filter(&m, first, st->places->index(g->place, g->second));
	if (!message_done(&m))
		return ADIT_ELIMIT;
	return st->places->netlink(g->place, NETLINK_ROUTE, bytes, m.size, why, room);
}

static adit_result make_device(struct stack *st, struct group *g, char *why, size_t room)
{
	adit_result result = ADIT_EEXIST;
	uint32_t offloads, i;
	char path[64];

	for (i = 0; i < 16 && result == ADIT_EEXIST; i++) {
		snprintf(g->second, sizeof(g->second), "adit-in%u", i);
		result = st->places->tun(g->place, g->second, MTU, 1, &g->second_fd, &offloads);
	}
	if (result != ADIT_OK) {
		g->second_fd = -1;
		snprintf(why, room, "no second device could be made");
		return result;
	}
	snprintf(path, sizeof(path), "ipv4/conf/%s/accept_local", g->second);
	result = st->places->sysctl(g->place, path, "1");
	snprintf(path, sizeof(path), "ipv4/conf/%s/rp_filter", g->second);
	if (result == ADIT_OK)
		result = st->places->sysctl(g->place, path, "0");
	if (result != ADIT_OK)
		snprintf(why, room, "the second device could not be set up");
	return result;
}

adit_result shortcut_set(struct stack *st, struct group *g, char *why, size_t room)
{
	adit_result result;

	snprintf(why, room, "the rules were refused");
	result = make_device(st, g, why, room);
	if (result == ADIT_OK)
		result = steer_rules(st->places, g, g->second, 1, why, room);
	if (result == ADIT_OK)
		result = send_tables(st, g, why, room);
	if (result == ADIT_OK)
		result = send_filter(st, g, why, room);
	if (result != ADIT_OK)
		shortcut_undo(st->places, g);
	return result;
}

void shortcut_undo(const struct adit_place_1 *places, struct group *g)
{
	uint8_t bytes[ROOM];
	struct message m;
	char why[64], table[STEER_NAME];
	int i;

	if (g->second_fd < 0)
		return;
	/* Another group's filter, which serves our connections as well, stays. */
	message_init(&m, bytes, sizeof(bytes));
	put_clsact(&m, RTM_DELQDISC, 0, (int)places->index(g->place, g->device));
	if (g->filtered && message_done(&m))
		places->netlink(g->place, NETLINK_ROUTE, bytes, m.size, why, sizeof(why));
	g->filtered = 0;
	steer_rules(places, g, g->second, 0, why, sizeof(why));
	for (i = 0; i < 2; i++) {
		message_init(&m, bytes, sizeof(bytes));
		nft_batch(&m, NFNL_MSG_BATCH_BEGIN);
		nft_delete(&m, families[i], steer_table_name(g, table));
		nft_batch(&m, NFNL_MSG_BATCH_END);
		if (message_done(&m))
			places->netlink(g->place, NETLINK_NETFILTER, bytes, m.size, why, sizeof(why));
	}
	close((int)g->second_fd);
	g->second_fd = -1;
}
