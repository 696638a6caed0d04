/* SPDX-License-Identifier: MIT
 * dial/forward.h - forwarded flows: reaches the outbound, waits for both ends, starts the relay
 */
#ifndef DIAL_FORWARD_H
#define DIAL_FORWARD_H

#include <adit/dial.h>

#include "flow/shard.h"

extern const struct shard_exits forward_exits;

/* The part of adit.dial/1 that is about flows; the rest is in dial/dialer.h. */
extern const adit_dial_1 forward_dial_table;

/* What forwarding needs on a shard; forward_shard_fini also ends what is under way. */
adit_result forward_shard_init(struct shard *s);
void forward_shard_fini(struct shard *s);

#endif
