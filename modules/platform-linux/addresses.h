/* SPDX-License-Identifier: MIT
 * platform-linux/addresses.h - the addresses of this network namespace, from the kernel
 */
#ifndef PLATFORM_ADDRESSES_H
#define PLATFORM_ADDRESSES_H

#include "netlink.h"

#include <adit/addresses.h>

extern const adit_addresses_1 addresses_table;

/* Reads one message of a dump of addresses. 1: *out is an address; 0: it tells of none; ADIT_EINVAL: malformed. */
int addresses_read(const struct nl_message *m, adit_addr *out);

#endif
