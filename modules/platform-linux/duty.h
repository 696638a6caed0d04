/* SPDX-License-Identifier: MIT
 * platform-linux/duty.h - what is done in a place on request, in the calling thread's own
 * namespaces
 *
 * The agent of a place calls these for its owner; for the place "here" the owner calls them itself.
 * Every argument is checked here, whoever calls.
 */
#ifndef PLATFORM_DUTY_H
#define PLATFORM_DUTY_H

#include "why.h"

#include <adit/flow.h>

enum {
	DUTY_BACKLOG = 4096, /* connections that wait to be accepted */
	DUTY_PATH = 128,     /* bytes of a path below /proc/sys/net */
	DUTY_VALUE = 256     /* bytes of what is written there */
};

/* A bound socket as adit/place.h describes it. ADIT_SOCK_... in flags. */
adit_result duty_socket(int32_t proto, const adit_addr *bind, uint32_t flags, int *out,
                        struct why *why);

/* A netlink socket that tells of the sockets here (NETLINK_SOCK_DIAG), blocking. */
adit_result duty_diag(int *out, struct why *why);

/* Only NETLINK_ROUTE and NETLINK_NETFILTER. */
adit_result duty_netlink(int32_t proto, const void *request, size_t size, struct why *why);

/* path is relative to /proc/sys/net and stays below it. */
adit_result duty_sysctl(const char *path, const char *value, struct why *why);

#endif
