/* SPDX-License-Identifier: MIT
 * adit/observe.h - figures: what a module counts, and all of them for who shows them
 *
 * A module registers a metric for an instance and gets a cell of plain numbers, which the instance's loop alone writes
 * and which others read at any time. The host owns list and cells; a cell lives until remove(), or until the
 * instance's destroy() has returned. Cells of the same instance name, shard and labels (an instance and the one that
 * takes its place) are shown as one, summed, so that counters never fall.
 *
 * A metric NAME of module handler-rules is shown as adit_handler_rules_NAME, with the labels shard and part (the
 * instance's name) before its own. Counters get the suffix _total where that is custom, so it is no part of a name.
 */
#ifndef ADIT_OBSERVE_H
#define ADIT_OBSERVE_H

#include "life.h"

ADIT_BEGIN_DECLS

enum {
	ADIT_METRIC_COUNTER = 1, /* one number, which only grows */
	ADIT_METRIC_GAUGE,       /* one number */
	ADIT_METRIC_HISTOGRAM    /* bound_count + 2 numbers: how many values were at most bounds[i], and above bounds[i-1];
	                          * how many were above all; the sum of all values. See adit_histogram_add() */
};

enum {
	ADIT_METRIC_NAME = 64,     /* bytes of the whole name, with "adit_" and the module's */
	ADIT_METRIC_HELP = 256,    /* bytes */
	ADIT_METRIC_LABELS = 6,    /* of one metric */
	ADIT_METRIC_LABEL = 256,   /* bytes of one label's value */
	ADIT_METRIC_BOUNDS = 32,   /* of one histogram */
	ADIT_METRICS_PART = 8192,  /* cells of one instance */
	ADIT_METRICS_HOST = 65535 /* cells of all */
};

/* Lent. */
typedef struct adit_metric {
	uint32_t size;
	uint32_t kind;             /* ADIT_METRIC_... */
	const char *name;          /* [a-z][a-z0-9_]*, with the unit at its end: "rule_hits", "wait_seconds" */
	const char *help;          /* one line for people */
	const char *const *labels; /* name, value, name, value, ..., null; null: none */
	const uint64_t *bounds;    /* ascending, of a histogram */
	uint32_t bound_count;
	uint32_t zero;
	uint64_t per; /* the numbers are counted in 1/per of the unit (nanoseconds for "_seconds": 1000000000); 0: 1 */
} adit_metric;

#define ADIT_COUNTERS_1 "adit.counters/1"
/* Offered by the host. */
typedef struct adit_counters_1 {
	uint32_t size;
	uint32_t zero;
	/* [any] Registers m for the instance that env was given to. 0 with *cell, of zeros; negative with *cell untouched:
	 * ADIT_EINVAL (name, label, kind or bounds are out of their range), ADIT_EEXIST (the name is there with another kind,
	 * unit or bounds), ADIT_ELIMIT, ADIT_ENOMEM. Takes a lock that readers hold for milliseconds: not per packet. */
	adit_result(ADIT_CALL *add)(const adit_env *env, const adit_metric *m, uint64_t **cell);
	/* [any] Ends a cell. What it counted stays in what is shown while another of the same labels is there: add the new
	 * before removing the old. Takes null. */
	void(ADIT_CALL *remove)(const adit_env *env, uint64_t *cell);
} adit_counters_1;

/* One metric with one set of labels, as it is now. Lent, with all it points to. */
typedef struct adit_series {
	uint32_t size;
	uint32_t kind;
	const char *name; /* whole, without _total */
	const char *help;
	const char *const *labels; /* as in adit_metric, never null */
	const uint64_t *bounds;
	uint32_t bound_count;
	uint32_t zero;
	uint64_t per;           /* never 0 */
	const uint64_t *values; /* as in a cell */
} adit_series;
/* [control] What each() calls. */
typedef void(ADIT_CALL *adit_series_fn)(void *arg, const adit_series *series);

#define ADIT_OBSERVE_1 "adit.observe/1"
/* Offered by the host, for services. */
typedef struct adit_observe_1 {
	uint32_t size;
	uint32_t zero;
	/* [control] Calls fn for everything that is counted, the host's own first. Those of one name follow each other, and
	 * no name with the same labels comes twice. fn must not call adit.counters/1. */
	void(ADIT_CALL *each)(const adit_host *h, adit_series_fn fn, void *arg);
} adit_observe_1;

/* [loop] Adds n to a number of a cell; does nothing for null. */
ADIT_INLINE void adit_count(uint64_t *number, uint64_t n)
{
	if (!number)
		return;
#if defined(__GNUC__)
	__atomic_store_n(number, *number + n, __ATOMIC_RELAXED);
#else
	*(volatile uint64_t *)number += n;
#endif
}

/* [loop] Sets a gauge; does nothing for null. */
ADIT_INLINE void adit_gauge(uint64_t *number, uint64_t n)
{
	if (!number)
		return;
#if defined(__GNUC__)
	__atomic_store_n(number, n, __ATOMIC_RELAXED);
#else
	*(volatile uint64_t *)number = n;
#endif
}

/* [loop] Counts a value in a histogram's cell of n bounds; does nothing for null. */
ADIT_INLINE void adit_histogram_add(uint64_t *cell, const uint64_t *bounds, uint32_t n, uint64_t value)
{
	uint32_t i = 0;

	if (!cell)
		return;
	while (i < n && value > bounds[i])
		i++;
	adit_count(&cell[i], 1);
	adit_count(&cell[n + 1], value);
}

ADIT_END_DECLS

#endif
