/* SPDX-License-Identifier: MIT
 * control/walk.h - a walk over all flows of the host that costs the data path little
 *
 * A shard copies WALK_SLOTS slots in one turn of its loop; everything else happens on the control loop. The walk goes on
 * only when it is told to, so that whoever writes the rows down sets the pace, and a table of any size needs the memory of
 * one batch. Flows that come and go meanwhile may be in it or not; none is in it twice.
 */
#ifndef CONTROL_WALK_H
#define CONTROL_WALK_H

#include "control/row.h"
#include "host/host.h"

enum { WALK_SLOTS = 256 };

struct walk;

struct walk_calls {
	/* [control] Rows of one shard, which are lent until walk_next(); that may be called inside. They may be filled in. */
	void (*batch)(void *arg, struct flow_row *rows, unsigned count);
	/* [control] All have been seen (0), or a shard did not answer: ADIT_ETIME, ADIT_ECANCEL. The walk is gone. */
	void (*end)(void *arg, int result);
};

/* [control] Begins a walk; the first batch comes later. ADIT_ENOMEM, ADIT_EINVAL (the host is not running). */
int walk_new(struct walk **out, struct host *host, const struct walk_calls *calls, void *arg);
/* [control] Goes on. */
void walk_next(struct walk *w);
/* [control] Nothing is called any more. Takes null. */
void walk_cancel(struct walk *w);

#endif
