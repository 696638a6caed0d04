/* SPDX-License-Identifier: MIT
 * observe/metrics.h - the list of what modules count (adit/observe.h): cells, by name and labels
 *
 * Cells belong to an owner (an instance) and are its to write. What has the same name and labels is one series, shown
 * summed. Everything here may be called on any thread; a lock guards the list, not the numbers.
 */
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include <adit/observe.h>

struct metrics;

/* What stands before a metric's own name and labels. Lent. */
struct metrics_place {
	const char *module; /* "-" becomes "_"; null: nothing between "adit_" and the name */
	const char *const *labels; /* as in adit_metric */
};

adit_result metrics_new(struct metrics **out);
/* Takes null. Cells that are left go too. */
void metrics_free(struct metrics *m);

/* As adit_counters_1.add. */
adit_result metrics_add(struct metrics *m, const void *owner, const struct metrics_place *place, const adit_metric *metric,
                        uint64_t **cell);
/* As adit_counters_1.remove: only cells of the same owner. Takes null. */
void metrics_remove(struct metrics *m, const void *owner, uint64_t *cell);
/* All cells of an owner. */
void metrics_remove_all(struct metrics *m, const void *owner);
/* As adit_observe_1.each, in the order of names. */
void metrics_each(struct metrics *m, adit_series_fn fn, void *arg);
/* Cells that are there. */
uint32_t metrics_count(struct metrics *m);

#endif
