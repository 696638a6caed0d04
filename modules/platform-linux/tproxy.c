/* SPDX-License-Identifier: MIT
 * platform-linux/tproxy.c - does the kernel take a firewall rule that hands packets to a
 * transparent listener?
 *
 * One batch: table, chain at prerouting, rule "meta l4proto tcp tproxy to :1". Numbers are in
 * network order throughout nfnetlink.
 */
#include "tproxy.h"

#include "netlink.h"
#include "place.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

#define TABLE "adit-probe"

static void begin(struct nl_writer *w, uint16_t type, uint16_t flags, uint16_t resource)
{
	struct nfgenmsg head = {
		.nfgen_family = resource == NFNL_SUBSYS_NFTABLES ? AF_UNSPEC : NFPROTO_INET,
		.version = NFNETLINK_V0,
		.res_id = htons(resource),
	};

	nl_begin(w, type, NLM_F_REQUEST | flags, 1, &head, sizeof(head));
}

static void table_message(struct nl_writer *w, uint16_t message, uint16_t flags)
{
	begin(w, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message), NLM_F_ACK | flags, 0);
}

static void put_text(struct nl_writer *w, uint16_t type, const char *s)
{
	nl_put(w, type, s, strlen(s) + 1);
}

/* An expression of the rule: its name, and room for its data until close_expression(). */
struct expression {
	size_t element, data;
};

static struct expression open_expression(struct nl_writer *w, const char *name)
{
	struct expression e;

	e.element = nl_nest(w, NFTA_LIST_ELEM);
	put_text(w, NFTA_EXPR_NAME, name);
	e.data = nl_nest(w, NFTA_EXPR_DATA);
	return e;
}

static void close_expression(struct nl_writer *w, struct expression e)
{
	nl_leave(w, e.data);
	nl_leave(w, e.element);
}

static void put_value(struct nl_writer *w, uint16_t type, const void *value, size_t size)
{
	size_t nest = nl_nest(w, type);

	nl_put(w, NFTA_DATA_VALUE, value, size);
	nl_leave(w, nest);
}

static void put_rule(struct nl_writer *w)
{
	const uint8_t tcp = 6;
	const uint16_t port = htons(1);
	struct expression e;
	size_t list = nl_nest(w, NFTA_RULE_EXPRESSIONS);

	e = open_expression(w, "meta");
	nl_put_u32(w, NFTA_META_DREG, htonl(NFT_REG_1));
	nl_put_u32(w, NFTA_META_KEY, htonl(NFT_META_L4PROTO));
	close_expression(w, e);
	e = open_expression(w, "cmp");
	nl_put_u32(w, NFTA_CMP_SREG, htonl(NFT_REG_1));
	nl_put_u32(w, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
	put_value(w, NFTA_CMP_DATA, &tcp, sizeof(tcp));
	close_expression(w, e);
	e = open_expression(w, "immediate");
	nl_put_u32(w, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_1));
	put_value(w, NFTA_IMMEDIATE_DATA, &port, sizeof(port));
	close_expression(w, e);
	e = open_expression(w, "tproxy");
	nl_put_u32(w, NFTA_TPROXY_FAMILY, htonl(NFPROTO_UNSPEC));
	nl_put_u32(w, NFTA_TPROXY_REG_PORT, htonl(NFT_REG_1));
	close_expression(w, e);
	nl_leave(w, list);
}

static void put_chain(struct nl_writer *w)
{
	size_t hook;

	put_text(w, NFTA_CHAIN_TABLE, TABLE);
	put_text(w, NFTA_CHAIN_NAME, "up");
	hook = nl_nest(w, NFTA_CHAIN_HOOK);
	nl_put_u32(w, NFTA_HOOK_HOOKNUM, htonl(NF_INET_PRE_ROUTING));
	nl_put_u32(w, NFTA_HOOK_PRIORITY, htonl((uint32_t)-150));
	nl_leave(w, hook);
	put_text(w, NFTA_CHAIN_TYPE, "filter");
}

adit_result tproxy_probe(adit_place *p, struct why *why)
{
	uint8_t data[2048];
	struct nl_writer w;
	int64_t size;

	nl_init(&w, data, sizeof(data));
	begin(&w, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES);
	table_message(&w, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	put_text(&w, NFTA_TABLE_NAME, TABLE);
	table_message(&w, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	put_chain(&w);
	table_message(&w, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	put_text(&w, NFTA_RULE_TABLE, TABLE);
	put_text(&w, NFTA_RULE_CHAIN, "up");
	put_rule(&w);
	table_message(&w, NFT_MSG_DELTABLE, 0);
	put_text(&w, NFTA_TABLE_NAME, TABLE);
	begin(&w, NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES);
	size = nl_done(&w);
	if (size < 0)
		return why_set(why, ADIT_ELIMIT, "the probe does not fit %zu bytes", sizeof(data));
	return place_table.netlink(p, NETLINK_NETFILTER, data, (size_t)size, why->text,
	                           sizeof(why->text));
}
