/* SPDX-License-Identifier: MIT
 * handler-rules/limit.h - how many new flows each source makes per second
 *
 * A token bucket for each pair of rule and source, in a table of fixed size: four places for each hash, of which the
 * one that was quiet for longest is used again. A source that others push out begins with a full bucket, so crowding
 * can let flows through, and never keeps one out. One table per shard; a source's flows may be spread over several.
 */
#ifndef RULES_LIMIT_H
#define RULES_LIMIT_H

#include <adit/flow.h>

enum { LIMIT_WAYS = 4, LIMIT_SETS = 1024 };

struct bucket {
	uint64_t tag;  /* hash of rule and source; 0: empty */
	uint64_t time; /* when `left` held, in ns */
	uint64_t left; /* flows, in billionths */
};

struct limit {
	uint64_t key; /* random, so that nobody can choose sources that meet */
	struct bucket buckets[LIMIT_SETS][LIMIT_WAYS];
};

/* [loop] One more flow of a source at time now: 1 if it goes beyond `rate` flows per second, of which a second's worth
 * may come at once. */
int limit_over(struct limit *l, uint32_t rule, const adit_addr *src, uint32_t rate, uint64_t now);

#endif
