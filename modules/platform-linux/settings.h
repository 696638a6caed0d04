/* SPDX-License-Identifier: MIT
 * platform-linux/settings.h - what the manifest says about the device
 */
#ifndef PLATFORM_SETTINGS_H
#define PLATFORM_SETTINGS_H

#include "tun.h"

#include <adit/facts.h>
#include <adit/life.h>

struct settings {
	char place[256];
	struct tun_wish wish;
	int fd; /* adopt this one; -1: make a device */
	uint32_t mark;
	char bypass[TUN_NAME];
	adit_facts facts; /* that the manifest states; empty where it does not */
};

/* Reads and checks all; queues that are not given are as many as shards. */
adit_result settings_read(struct settings *out, const adit_env *env, struct why *why);

#endif
