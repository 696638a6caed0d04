/* SPDX-License-Identifier: MIT
 * stack-system/nft.h - nf_tables messages: the few expressions that the stack's rules are made of
 *
 * Written in the order in which the kernel reads them; see message.h. Families are NFPROTO_...
 */
#ifndef STACK_SYSTEM_NFT_H
#define STACK_SYSTEM_NFT_H

#include "message.h"

/* A batch's first and last message: NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END. */
void nft_batch(struct message *m, uint16_t type);
/* A table that must not be there yet, with one chain, "up", in prerouting where tproxy belongs. */
void nft_table(struct message *m, uint8_t family, const char *table);
void nft_delete(struct message *m, uint8_t family, const char *table);

/* A rule at the end of the chain; its expressions come between the two. */
size_t nft_rule_open(struct message *m, uint8_t family, const char *table);
void nft_rule_close(struct message *m, size_t rule);

/* meta KEY == value, or the rule does not hold */
void nft_match(struct message *m, uint32_t key, const void *value, size_t size);
/* The packet came from the device. */
void nft_from(struct message *m, const char *device);
/* The packet is given the connection it belongs to, or the listener at port; without either the
 * rule does not hold. */
void nft_tproxy(struct message *m, uint8_t family, uint16_t port);
void nft_mark(struct message *m, uint32_t mark);
/* A copy of the packet leaves by the device of that index, towards the packet's destination. */
void nft_copy_out(struct message *m, uint8_t family, uint32_t index);
void nft_verdict(struct message *m, uint32_t verdict); /* NF_ACCEPT, NF_DROP */

#endif
