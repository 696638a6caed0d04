/* SPDX-License-Identifier: MIT
 * host/probe.h - a started stack is tried before it gets its first flow
 */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

#include "host/instance.h"

/* err 0: every shard's part has done all that was asked; text says what, or what went wrong. Lent. */
typedef void probe_done_fn(void *arg, int err, const char *text);

/* [control] Tries every part of a stack that is placed and started: by its own probe(), or by flows that are made in memory;
 * with ADIT_PROBE_START in flags by its own or not at all. done follows exactly once, on the control loop, never from inside
 * this call, within 15 s. ADIT_ENOMEM. */
int probe_begin(struct instance *stack, uint32_t flags, probe_done_fn *done, void *arg);

/* After the shards have ended. */
void probes_end(struct host *h);

/* ---- the flows in memory (host/trial.c) ---- */

struct trial;
/* [loop] err and why of a trial that is over; the trial has been freed. why is lent. */
typedef void trial_over_fn(void *arg, int err, const char *why);
/* [loop] A TCP flow through a stack's part (connect, 64 KiB echoed, both ends closed), and a UDP flow (one datagram echoed),
 * as far as the part ends such; from src, which no application has. over follows exactly once, perhaps from inside.
 * ADIT_ENOMEM. */
int trial_begin(struct part *stack, const adit_addr *src, trial_over_fn *over, void *arg);
/* [loop] Ends a trial that is under way (ADIT_ECANCEL): the part is about to be stopped. */
void trial_end(struct part *stack);

#endif
