/* SPDX-License-Identifier: MIT
 * cli/supervised.h - a service manager is told that the host is ready, how it is, and that it ends
 *
 * The sign of life that a watchdog wants is given only when the control loop and every shard's loop have answered since the
 * last one, so a host that hangs anywhere is noticed.
 */
#ifndef CLI_SUPERVISED_H
#define CLI_SUPERVISED_H

#include "host/host.h"
#include "loop/loop.h"

struct supervised;

/* [control] The host has started. Null where nobody wants to know, or without memory. */
struct supervised *supervised_new(struct host *h);
/* [control] A reload begins, or has ended, whatever its result; the host's own are told without this. Takes null. */
void supervised_reloading(struct supervised *s, bool under_way);
/* [control] The host is going to stop; before host_stop(). Takes null. */
void supervised_end(struct supervised *s);
/* [control] After host_stop(). Takes null. */
void supervised_free(struct supervised *s);

#endif
