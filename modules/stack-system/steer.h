/* SPDX-License-Identifier: MIT
 * stack-system/steer.h - what the shortcut shares with the rules of form "transparent"
 */
#ifndef STACK_SYSTEM_STEER_H
#define STACK_SYSTEM_STEER_H

#include "stack.h"

enum { STEER_NAME = 32 };

/* The name of the group's nft tables, in every family. Returns name. */
const char *steer_table_name(const struct group *g, char name[STEER_NAME]);

/* Sets (or takes away) the policy rules that send what comes in from a device to the group's table of
 * local addresses. */
adit_result steer_rules(const struct adit_place_1 *places, const struct group *g, const char *device,
                        int set, char *why, size_t room);

#endif
