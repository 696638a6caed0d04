/* SPDX-License-Identifier: MIT
 * stack-system/steer.c - form "transparent": the rules that bring packets from the device to the
 * listener
 *
 * Three things, all tagged as ours and undone in the end: a policy rule that sends what comes in
 * from the device to a table in which every address is local, that table, and an nft table whose
 * prerouting chain gives TCP from the device to the listener. Answers leave by ordinary local
 * routing and never see the device.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"
#include "nft.h"
#include "stack.h"
#include "steer.h"

enum {
	TAG = 173,             /* "ad": the protocol number of our rules and routes */
	TABLE = 0x61000000,    /* plus serial number and the low half of the process id */
	SERIALS = 16,          /* groups of one process that may overlap */
	PREFERENCE = 9,        /* before everything but the kernel's own local table */
	ROOM = 4096
};

static uint32_t table_number(const struct group *g)
{
	return TABLE | g->serial << 16 | ((uint32_t)getpid() & 0xffff);
}

static void put_rule(struct message *m, uint16_t type, uint16_t flags, uint8_t family,
                     const struct group *g, const char *device)
{
	struct fib_rule_hdr h = {.family = family, .action = FR_ACT_TO_TBL};

	message_begin(m, type, (uint16_t)(flags | NLM_F_ACK), &h, sizeof(h));
	message_text(m, FRA_IIFNAME, device);
	message_u32(m, FRA_TABLE, table_number(g));
	message_u32(m, FRA_PRIORITY, PREFERENCE);
	message_u8(m, FRA_PROTOCOL, TAG);
}

static void put_route(struct message *m, uint16_t type, uint16_t flags, uint8_t family,
                      const struct group *g, uint32_t loopback)
{
	struct rtmsg h = {.rtm_family = family,
	                  .rtm_protocol = TAG,
	                  .rtm_scope = RT_SCOPE_HOST,
	                  .rtm_type = RTN_LOCAL};

	message_begin(m, type, (uint16_t)(flags | NLM_F_ACK), &h, sizeof(h));
	message_u32(m, RTA_TABLE, table_number(g));
	message_u32(m, RTA_OIF, loopback);
}

const char *steer_table_name(const struct group *g, char name[STEER_NAME])
{
	if (g->serial)
		snprintf(name, STEER_NAME, "adit-%ld-%u", (long)getpid(), g->serial);
	else
		snprintf(name, STEER_NAME, "adit-%ld", (long)getpid());
	return name;
}

static void put_nft_rule(struct message *m, const char *table, const char *device, uint8_t family,
                         uint16_t port)
{
	uint8_t tcp = ADIT_PROTO_TCP;
	size_t rule = nft_rule_open(m, NFPROTO_INET, table);

	nft_from(m, device);
	nft_match(m, NFT_META_NFPROTO, &family, 1);
	nft_match(m, NFT_META_L4PROTO, &tcp, 1);
	nft_tproxy(m, family, port);
	nft_rule_close(m, rule);
}

static adit_result send_nft_once(struct stack *st, struct group *g, char *why, size_t room)
{
	uint8_t bytes[ROOM];
	struct message m;
	char table[STEER_NAME];

	steer_table_name(g, table);
	message_init(&m, bytes, sizeof(bytes));
	nft_batch(&m, NFNL_MSG_BATCH_BEGIN);
	nft_table(&m, NFPROTO_INET, table);
	if (g->port[0])
		put_nft_rule(&m, table, g->device, NFPROTO_IPV4, g->port[0]);
	if (g->port[1])
		put_nft_rule(&m, table, g->device, NFPROTO_IPV6, g->port[1]);
	nft_batch(&m, NFNL_MSG_BATCH_END);
	if (!message_done(&m))
		return ADIT_ELIMIT;
	return st->places->netlink(g->place, NETLINK_NETFILTER, bytes, m.size, why, room);
}

/* The name may be that of another group of this process, or of a dead process whose id we have got.
 */
static adit_result send_nft(struct stack *st, struct group *g, char *why, size_t room)
{
	adit_result result = ADIT_EEXIST;

	for (g->serial = 0; g->serial < SERIALS && result == ADIT_EEXIST; g->serial++)
		result = send_nft_once(st, g, why, room);
	g->serial--;
	return result;
}

static adit_result send_routes(struct stack *st, struct group *g, char *why, size_t room)
{
	static const uint8_t families[2] = {AF_INET, AF_INET6};
	uint32_t loopback = st->places->index(g->place, "lo");
	adit_result result = ADIT_OK;
	uint8_t bytes[ROOM];
	struct message m;
	int i;

	for (i = 0; i < 2 && result == ADIT_OK; i++) {
		if (!g->port[i])
			continue;
		message_init(&m, bytes, sizeof(bytes));
		put_route(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, families[i], g, loopback);
		put_rule(&m, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, families[i], g, g->device);
		result = message_done(&m) ? st->places->netlink(g->place, NETLINK_ROUTE, bytes,
		                                                m.size, why, room)
		                          : ADIT_ELIMIT;
	}
	return result;
}

adit_result steer_rules(const struct adit_place_1 *places, const struct group *g, const char *device,
                        int set, char *why, size_t room)
{
	static const uint8_t families[2] = {AF_INET, AF_INET6};
	adit_result result = ADIT_OK;
	uint8_t bytes[ROOM];
	struct message m;
	int i;

	for (i = 0; i < 2 && result == ADIT_OK; i++) {
		if (!g->port[i])
			continue;
		message_init(&m, bytes, sizeof(bytes));
		put_rule(&m, set ? RTM_NEWRULE : RTM_DELRULE,
		         set ? NLM_F_CREATE | NLM_F_EXCL : 0, families[i], g, device);
		result = message_done(&m) ? places->netlink(g->place, NETLINK_ROUTE, bytes, m.size,
		                                            why, room)
		                          : ADIT_ELIMIT;
	}
	return result;
}

/* The device hands us packets whose source is an address of this very place. */
static adit_result send_settings(struct stack *st, struct group *g, char *why, size_t room)
{
	char path[64];
	adit_result result;

	snprintf(path, sizeof(path), "ipv4/conf/%s/accept_local", g->device);
	result = st->places->sysctl(g->place, path, "1");
	if (result == ADIT_OK) {
		snprintf(path, sizeof(path), "ipv4/conf/%s/rp_filter", g->device);
		result = st->places->sysctl(g->place, path, "0");
	}
	if (result != ADIT_OK) {
		snprintf(why, room, "net.%s cannot be written", path);
		return result;
	}
	if (ADIT_HAS(st->places, adit_place_1, ours) && st->places->ours(g->place)) {
		/* The stricter of this and the device's counts. A backlog that overflows shall
		 * drop, not send cookies: their last ACK would look like a stray packet. */
		st->places->sysctl(g->place, "ipv4/conf/all/rp_filter", "0");
		st->places->sysctl(g->place, "ipv4/tcp_max_syn_backlog", "4096");
	}
	return ADIT_OK;
}

adit_result steer_set(struct stack *st, struct group *g, char *why, size_t room)
{
	adit_result result = send_settings(st, g, why, room);

	if (result == ADIT_OK)
		result = send_nft(st, g, why, room);
	if (result != ADIT_OK)
		return result;
	g->steered = 1;
	result = send_routes(st, g, why, room);
	if (result != ADIT_OK)
		steer_undo(st->places, g);
	return result;
}

void steer_undo(const struct adit_place_1 *places, struct group *g)
{
	static const uint8_t families[2] = {AF_INET, AF_INET6};
	uint32_t loopback;
	uint8_t bytes[ROOM];
	struct message m;
	char why[64], table[STEER_NAME];
	int i;

	if (!g->steered)
		return;
	g->steered = 0;
	loopback = places->index(g->place, "lo");
	for (i = 0; i < 2; i++) {
		message_init(&m, bytes, sizeof(bytes));
		put_rule(&m, RTM_DELRULE, 0, families[i], g, g->device);
		if (message_done(&m))
			places->netlink(g->place, NETLINK_ROUTE, bytes, m.size, why, sizeof(why));
		message_init(&m, bytes, sizeof(bytes));
		put_route(&m, RTM_DELROUTE, 0, families[i], g, loopback);
		if (message_done(&m))
			places->netlink(g->place, NETLINK_ROUTE, bytes, m.size, why, sizeof(why));
	}
	message_init(&m, bytes, sizeof(bytes));
	nft_batch(&m, NFNL_MSG_BATCH_BEGIN);
	nft_delete(&m, NFPROTO_INET, steer_table_name(g, table));
	nft_batch(&m, NFNL_MSG_BATCH_END);
	if (message_done(&m))
		places->netlink(g->place, NETLINK_NETFILTER, bytes, m.size, why, sizeof(why));
}

adit_result steer_queues(intptr_t listener)
{
	/* A queue is counted from 1 here, 0 being none; the sockets of the group from 0, in the
	 * order in which they began to listen. A number without a socket makes the kernel choose by
	 * hash. */
	struct sock_filter code[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_QUEUE)),
	        BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1),
	        BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (setsockopt((int)listener, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
	               sizeof(program)) != 0)
		return from_errno(errno);
	return ADIT_OK;
}
