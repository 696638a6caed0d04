/* SPDX-License-Identifier: MIT
 * host/generation.h - instances that get no new flows any more: watched until nothing refers to them, then taken down
 */
#ifndef HOST_GENERATION_H
#define HOST_GENERATION_H

#include "host/instance.h"

#define DRAIN_DEFAULT (15 * 60 * 1000000000ull) /* ns */

/* [control] What generation_drain() needs; done once. ADIT_ENOMEM. */
int generations_new(struct host *h);
/* [control] i, which is placed on its shards and in no line-up, goes: when no flow refers to it, or after ns; then what is
 * left of its flows is ended with ADIT_ECANCEL, unless wait. It is freed by this file. */
void generation_drain(struct instance *i, uint64_t ns, bool wait);
/* [control] i, which drains and is not being stopped, gets flows again. */
void generation_take_back(struct instance *i);
/* [control] After the shards have ended. */
void generations_end(struct host *h);

#endif
