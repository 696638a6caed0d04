/* SPDX-License-Identifier: MIT
 * platform-linux/enter.h - going into a network namespace for good, or making one
 *
 * For single-threaded processes that will stay there: the agents.
 */
#ifndef PLATFORM_ENTER_H
#define PLATFORM_ENTER_H

#include "why.h"

/* A fresh network namespace, loopback up. With the right to it (CAP_SYS_ADMIN) alone; else together
 * with a user namespace in which the caller keeps its own user and group numbers, and no others
 * exist. */
adit_result enter_new(struct why *why);

/* The namespace that a file stands for ("/run/netns/x", "/proc/123/ns/net"); with the user
 * namespace that owns it, where that is what takes to be let in. */
adit_result enter_file(const char *path, struct why *why);

#endif
