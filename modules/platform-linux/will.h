/* SPDX-License-Identifier: MIT
 * platform-linux/will.h - an agent's last will: requests kept until its end
 */
#ifndef PLATFORM_WILL_H
#define PLATFORM_WILL_H

#include "why.h"

#include <adit/place.h>

enum { WILL_PROTOCOLS = 2 };

/* All zero: nothing is willed. */
struct will {
	struct {
		size_t size;
		uint8_t data[ADIT_PLACE_WILL];
	} part[WILL_PROTOCOLS];
};

/* Replaces what is willed for the protocol; size 0 withdraws it. On failure all is as it was. */
adit_result will_set(struct will *w, int32_t proto, const void *msg, size_t size, struct why *why);

/* Sends all, and forgets it. Refusals are left: most of it may be gone already. */
void will_execute(struct will *w);

#endif
