/* SPDX-License-Identifier: MIT
 * platform-linux/device.h - the one device that all instances of the platform share
 *
 * Made by the first instance that opens, kept until the last one is destroyed. Between, it only
 * changes in `gone`.
 */
#ifndef PLATFORM_DEVICE_H
#define PLATFORM_DEVICE_H

#include "place.h"
#include "settings.h"

#include <stdatomic.h>

struct device {
	uint32_t refs; /* instances; [control] only */
	const adit_host *host;
	struct settings settings;
	adit_place *place; /* null before it is open */
	struct tun_made made;
	int fds[TUN_QUEUES];
	uint32_t n_fds;
	uint32_t header;  /* bytes before each packet */
	atomic_uint gone; /* set by the first instance that notices */
};

/* A device that is not open yet, with one reference. */
adit_result device_new(const adit_env *env, struct device **out, struct why *why);
/* Opens it unless it is open. why may hold a remark though the result is 0. */
adit_result device_open(struct device *d, struct why *why);
/* Drops a reference; true when it was the last one and d is gone. Takes null. */
int device_unref(struct device *d);

/* Makes a socket bypass the device. [any] */
adit_result device_protect(const struct device *d, int sock, struct why *why);

#endif
