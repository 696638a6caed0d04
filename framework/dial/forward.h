/* SPDX-License-Identifier: MIT
 * dial/forward.h - forwarded flows: the outbound is asked to reach the destination, and what it answers is begun
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

/* Both ends of a TCP flow have given their sockets, which are taken; a relay owns the flow from now on. first is a chain that
 * the near end has sent before, given, or null. The flow is closed if it cannot be. */
void forward_relay(struct shard *s, struct flow *f, int near, int far, adit_buf *first);

#endif
