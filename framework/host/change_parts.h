/* SPDX-License-Identifier: MIT
 * host/change_parts.h - between the two files of a change. All [control] where not said
 */
#ifndef HOST_CHANGE_PARTS_H
#define HOST_CHANGE_PARTS_H

#include "host/change.h"

/* Calls fn on every shard; `then` follows when all have answered, in c->results. */
void change_over_shards(struct change *c, host_call_fn *fn, host_called_fn *then);
/* Whether a shard did not come back in time: then the change goes the way back, and this has begun it. */
bool change_is_given_up(struct change *c);
/* [loop] A shard's result, with the words of the module that said it. */
void change_note(struct change *c, struct shard *s, struct instance *i, adit_result r);
/* The first shard that failed; null: none. */
const struct change_result *change_failed(const struct change *c);

/* The steps; each goes on to the next. */
void change_make(struct change *c);
void change_update(struct change *c);
/* Takes back what was done before the switch, and finishes with err. */
void change_undo(struct change *c, int err);
/* Tells the end, and frees c. */
void change_finish(struct change *c, int err);

#endif
