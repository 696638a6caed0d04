/* SPDX-License-Identifier: MIT
 * host/trace.h - what is said about one flow, part by part, as it happens
 *
 * Everything here is [control].
 */
#ifndef HOST_TRACE_H
#define HOST_TRACE_H

#include "host/tapping.h"

struct trace;

/* One step. Texts are lent until trace_next. */
struct trace_step {
	uint64_t ns; /* since the trace began; nothing is known of before */
	const char *who;  /* kind and name of a part ("handler web"), "device", "flow" */
	const char *way;  /* "says", "hears", "up", "down", "ends" */
	const char *what; /* "DATA", "FORWARD", "packet", ... */
	const char *detail; /* for people; may be "" */
	bool packet;
	uint64_t bytes;
	int32_t code;
};

/* As tapping_new, for the words and the packets' heads of one flow. */
int trace_new(struct trace **out, struct host *h, uint32_t shard, adit_flow flow, void (*news)(void *arg), void *arg);
/* The next step, oldest first; false: none now. */
bool trace_next(struct trace *t, struct trace_step *out);
/* True when no more will come: the flow has ended, or was not there (*result ADIT_ENOENT). */
bool trace_over(const struct trace *t, int *result);
uint64_t trace_lost(const struct trace *t);
/* Takes null. */
void trace_free(struct trace *t);

#endif
