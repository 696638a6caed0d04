/* SPDX-License-Identifier: MIT
 * host/metrics.h - what the host counts itself, and all figures together, for adit.observe/1
 */
#ifndef HOST_METRICS_H
#define HOST_METRICS_H

#include <adit/observe.h>

#include "host/host.h"

/* [control] As adit_observe_1.each. */
void host_metrics_each(struct host *h, adit_series_fn fn, void *arg);

struct part;

/* Registers what the host counts for a part, under its env: outbounds have a histogram. Without it the part works all the
 * same. */
void host_metrics_part(struct host *h, struct part *p);

extern const adit_counters_1 metrics_counters_table;
extern const adit_observe_1 metrics_observe_table;

#endif
