/* SPDX-License-Identifier: MIT
 * flow/held.h - what a flow has sent and nobody has taken yet: stretches or datagrams in one chain of buffers
 *
 * It stands where the first packet is parked (flow.parked), so whatever ends a flow puts it back.
 */
#ifndef FLOW_HELD_H
#define FLOW_HELD_H

#include "base/bufpool.h"

/* Takes a stretch or a datagram (a chain is one) in front of, or behind, what *held is. */
void held_before(void **held, adit_buf *chain);
void held_behind(void **held, adit_buf *chain);
/* The foremost one, given; null: there is none. */
adit_buf *held_next(void **held);
/* How many there are. */
uint32_t held_count(const void *held);
/* All of them as one stretch, given; null: there is none. */
adit_buf *held_all(void **held);

#endif
