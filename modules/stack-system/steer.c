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
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"
#include "nft.h"
#include "stack.h"
#include "steer.h"

enum {
	TAG = 173,             /* "ad": the protocol number of our rules and routes */
	TABLE = 0x61000000,    /* plus serial number and a hash of the device's name */
	SERIALS = 16,          /* groups of one process that may overlap */
	PREFERENCE = 9,        /* before everything but the kernel's own local table */
	ROOM = 4096
};

/* Everything is named after the device, which has one owner at a time in its place. What is there
 * under our names already was left by somebody who was killed, and goes. */
static uint32_t table_number(const struct group *g)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	const char *c;

	for (c = g->device; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	return TABLE | g->serial << 16 | ((hash >> 16 ^ hash) & 0xffff);
}

/* Without a device: of whichever. */
static void put_rule(struct message *m, uint16_t type, uint16_t flags, uint8_t family,
                     const struct group *g, const char *device)
{
	struct fib_rule_hdr h = {.family = family, .action = FR_ACT_TO_TBL};

	message_begin(m, type, (uint16_t)(flags | NLM_F_ACK), &h, sizeof(h));
	if (device)
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
		snprintf(name, STEER_NAME, "adit-%s-%u", g->device, g->serial);
	else
		snprintf(name, STEER_NAME, "adit-%s", g->device);
	return name;
}

/* A serial number that no other group of this process has, in whatever image of this module. */
static adit_result take_serial(struct group *g)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n;

	if (fd < 0)
		return from_errno(errno);
	for (g->serial = 0; g->serial < SERIALS; g->serial++) {
		n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "adit-steer-%ld-%s-%u",
		             (long)getpid(), g->device, g->serial);
		if (bind(fd, (struct sockaddr *)&name,
		         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0) {
			g->lock = fd;
			return ADIT_OK;
		}
	}
	close(fd);
	return ADIT_ELIMIT;
}

/* Both families' rules, of both devices, and routes. */
static void put_undo_routes(struct message *m, const struct group *g, uint32_t loopback)
{
	static const uint8_t families[2] = {AF_INET, AF_INET6};
	int i;

	for (i = 0; i < 2; i++) {
		put_rule(m, RTM_DELRULE, 0, families[i], g, NULL);
		put_rule(m, RTM_DELRULE, 0, families[i], g, NULL);
		put_route(m, RTM_DELROUTE, 0, families[i], g, loopback);
	}
}

static const uint8_t table_families[] = {NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6};
enum { TABLE_FAMILIES = sizeof(table_families) };

static void put_undo_table(struct message *m, const struct group *g, uint8_t family)
{
	char table[STEER_NAME];

	nft_batch(m, NFNL_MSG_BATCH_BEGIN);
	nft_delete(m, family, steer_table_name(g, table));
	nft_batch(m, NFNL_MSG_BATCH_END);
}

/* Takes away all that is named as the group's is. What is not there is refused, which is fine. */
static void purge(const struct adit_place_1 *places, const struct group *g)
{
	uint8_t bytes[ROOM];
	struct message m;
	char why[64];
	int i;

	message_init(&m, bytes, sizeof(bytes));
	put_undo_routes(&m, g, places->index(g->place, "lo"));
	if (message_done(&m))
		places->netlink(g->place, NETLINK_ROUTE, bytes, m.size, why, sizeof(why));
	for (i = 0; i < TABLE_FAMILIES; i++) {
		message_init(&m, bytes, sizeof(bytes));
		put_undo_table(&m, g, table_families[i]);
		if (message_done(&m))
			places->netlink(g->place, NETLINK_NETFILTER, bytes, m.size, why, sizeof(why));
	}
}

/* A place has one last will, so it is that of all groups there. A place without (our own namespace)
 * is cleaned by the next start. */
static void write_will(const struct adit_place_1 *places, const struct module *module,
                       adit_place *place)
{
	uint32_t loopback = places->index(place, "lo");
	uint8_t bytes[ADIT_PLACE_WILL];
	const struct group *g;
	struct message m;
	int i;

	if (!ADIT_HAS(places, adit_place_1, will))
		return;
	message_init(&m, bytes, sizeof(bytes));
	for (g = module->groups; g; g = g->next)
		if (g->steered && g->place == place)
			put_undo_routes(&m, g, loopback);
	if (message_done(&m))
		places->will(place, NETLINK_ROUTE, bytes, m.size);
	message_init(&m, bytes, sizeof(bytes));
	for (g = module->groups; g; g = g->next)
		for (i = 0; g->steered && g->place == place && i < TABLE_FAMILIES; i++)
			put_undo_table(&m, g, table_families[i]);
	if (message_done(&m))
		places->will(place, NETLINK_NETFILTER, bytes, m.size);
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

static adit_result send_nft(struct stack *st, struct group *g, char *why, size_t room)
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
	adit_result result = take_serial(g);

	if (result != ADIT_OK) {
		snprintf(why, room, "%u groups of listeners are there already", SERIALS);
		return result;
	}
	purge(st->places, g);
	g->steered = 1;
	write_will(st->places, st->module, g->place); /* before there is anything to undo */
	result = send_settings(st, g, why, room);
	if (result == ADIT_OK)
		result = send_nft(st, g, why, room);
	if (result == ADIT_OK)
		result = send_routes(st, g, why, room);
	if (result != ADIT_OK)
		steer_undo(st, g);
	return result;
}

void steer_undo(struct stack *st, struct group *g)
{
	if (!g->steered)
		return;
	purge(st->places, g);
	g->steered = 0;
	write_will(st->places, st->module, g->place);
	close(g->lock);
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
