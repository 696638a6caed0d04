/* SPDX-License-Identifier: MIT
 * stack-system/nft.c - nf_tables messages
 */
#include "nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

enum {
	CHAIN_PRIORITY = -150, /* that of "mangle", where tproxy belongs */
	DESTINATION_4 = 16,    /* offset of the destination address in the header */
	DESTINATION_6 = 24
};

void nft_batch(struct message *m, uint16_t type)
{
	struct nfgenmsg h = {.nfgen_family = AF_UNSPEC,
	                     .version = NFNETLINK_V0,
	                     .res_id = htons(NFNL_SUBSYS_NFTABLES)};

	message_begin(m, type, 0, &h, sizeof(h));
}

static void begin(struct message *m, uint8_t family, unsigned type, uint16_t flags)
{
	struct nfgenmsg h = {.nfgen_family = family, .version = NFNETLINK_V0};

	message_begin(m, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
	              (uint16_t)(flags | NLM_F_ACK), &h, sizeof(h));
}

void nft_table(struct message *m, uint8_t family, const char *table)
{
	size_t nest;

	begin(m, family, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	message_text(m, NFTA_TABLE_NAME, table);
	begin(m, family, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	message_text(m, NFTA_CHAIN_TABLE, table);
	message_text(m, NFTA_CHAIN_NAME, "up");
	message_text(m, NFTA_CHAIN_TYPE, "filter");
	nest = message_open(m, NFTA_CHAIN_HOOK);
	message_be32(m, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
	message_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)CHAIN_PRIORITY);
	message_close(m, nest);
}

void nft_delete(struct message *m, uint8_t family, const char *table)
{
	begin(m, family, NFT_MSG_DELTABLE, 0);
	message_text(m, NFTA_TABLE_NAME, table);
}

size_t nft_rule_open(struct message *m, uint8_t family, const char *table)
{
	begin(m, family, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	message_text(m, NFTA_RULE_TABLE, table);
	message_text(m, NFTA_RULE_CHAIN, "up");
	return message_open(m, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_close(struct message *m, size_t rule)
{
	message_close(m, rule);
}

struct expression {
	size_t element, data;
};

static struct expression open_expression(struct message *m, const char *name)
{
	struct expression e;

	e.element = message_open(m, NFTA_LIST_ELEM);
	message_text(m, NFTA_EXPR_NAME, name);
	e.data = message_open(m, NFTA_EXPR_DATA);
	return e;
}

static void close_expression(struct message *m, struct expression e)
{
	message_close(m, e.data);
	message_close(m, e.element);
}

void nft_match(struct message *m, uint32_t key, const void *value, size_t size)
{
	struct expression e = open_expression(m, "meta");
	size_t nest;

	message_be32(m, NFTA_META_KEY, key);
	message_be32(m, NFTA_META_DREG, NFT_REG_1);
	close_expression(m, e);
	e = open_expression(m, "cmp");
	message_be32(m, NFTA_CMP_SREG, NFT_REG_1);
	message_be32(m, NFTA_CMP_OP, NFT_CMP_EQ);
	nest = message_open(m, NFTA_CMP_DATA);
	message_put(m, NFTA_DATA_VALUE, value, size);
	message_close(m, nest);
	close_expression(m, e);
}

void nft_from(struct message *m, const char *device)
{
	char name[16] = {0};

	memcpy(name, device, strnlen(device, sizeof(name) - 1));
	nft_match(m, NFT_META_IIFNAME, name, sizeof(name));
}

static void put_immediate(struct message *m, uint32_t reg, const void *value, size_t size)
{
	struct expression e = open_expression(m, "immediate");
	size_t nest;

	message_be32(m, NFTA_IMMEDIATE_DREG, reg);
	nest = message_open(m, NFTA_IMMEDIATE_DATA);
	message_put(m, NFTA_DATA_VALUE, value, size);
	message_close(m, nest);
	close_expression(m, e);
}

void nft_tproxy(struct message *m, uint8_t family, uint16_t port)
{
	uint16_t net = htons(port);
	struct expression e;

	put_immediate(m, NFT_REG_1, &net, sizeof(net));
	e = open_expression(m, "tproxy");
	message_be32(m, NFTA_TPROXY_FAMILY, family);
	message_be32(m, NFTA_TPROXY_REG_PORT, NFT_REG_1);
	close_expression(m, e);
}

void nft_mark(struct message *m, uint32_t mark)
{
	struct expression e;

	put_immediate(m, NFT_REG_1, &mark, sizeof(mark));
	e = open_expression(m, "meta");
	message_be32(m, NFTA_META_KEY, NFT_META_MARK);
	message_be32(m, NFTA_META_SREG, NFT_REG_1);
	close_expression(m, e);
}

void nft_copy_out(struct message *m, uint8_t family, uint32_t index)
{
	struct expression e = open_expression(m, "payload");
	int six = family == NFPROTO_IPV6;

	message_be32(m, NFTA_PAYLOAD_DREG, NFT_REG_1);
	message_be32(m, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	message_be32(m, NFTA_PAYLOAD_OFFSET, six ? DESTINATION_6 : DESTINATION_4);
	message_be32(m, NFTA_PAYLOAD_LEN, six ? 16 : 4);
	close_expression(m, e);
	put_immediate(m, NFT_REG_2, &index, sizeof(index));
	e = open_expression(m, "dup");
	message_be32(m, NFTA_DUP_SREG_ADDR, NFT_REG_1);
	message_be32(m, NFTA_DUP_SREG_DEV, NFT_REG_2);
	close_expression(m, e);
}

void nft_verdict(struct message *m, uint32_t verdict)
{
	struct expression e = open_expression(m, "immediate");
	size_t data, nest;

	message_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = message_open(m, NFTA_IMMEDIATE_DATA);
	nest = message_open(m, NFTA_DATA_VERDICT);
	message_be32(m, NFTA_VERDICT_CODE, verdict);
	message_close(m, nest);
	message_close(m, data);
	close_expression(m, e);
}
