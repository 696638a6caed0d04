/* SPDX-License-Identifier: MIT
 * dial/datagram.h - forwarded UDP and echo flows whose outbound stays in the data path
 */
#ifndef DIAL_DATAGRAM_H
#define DIAL_DATAGRAM_H

#include "flow/shard.h"

/* The flow waits for its outbound's answer from now on, and is its own owner for the time being; f->outbound is set. */
void datagram_begin(struct shard *s, struct flow *f);
/* Whether it still does. */
int datagram_waits(const struct flow *f);
/* The outbound has been asked and has not answered, nor has the flow ended: an ASKED one is admitted. */
void datagram_go_on(struct shard *s, struct flow *f);
/* Somebody else carries it from now on: gives its owner what waits. */
void datagram_replay(struct shard *s, struct flow *f);

#endif
