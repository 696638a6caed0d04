/* SPDX-License-Identifier: MIT
 * platform-linux/cidr.h - an address with the length of its prefix
 */
#ifndef PLATFORM_CIDR_H
#define PLATFORM_CIDR_H

#include <adit/flow.h>

struct cidr {
	adit_addr addr; /* port and scope are 0 */
	uint32_t bits;
};

/* Reads "192.0.2.1/24" or "2001:db8::1/64"; without a length the whole address. ADIT_EINVAL. */
adit_result cidr_parse(const char *text, struct cidr *out);

/* Bytes of the address: 4 or 16. */
size_t cidr_size(const struct cidr *c);

/* True when the family is 4 or 6 and the length fits it. */
int cidr_valid(const struct cidr *c);

/* The network: bits behind the prefix cleared. */
void cidr_mask(struct cidr *c);

/* As text, for messages; room of CIDR_TEXT is always enough. */
enum { CIDR_TEXT = 56 };
void cidr_text(const struct cidr *c, char *out, size_t room);

#endif
