/* SPDX-License-Identifier: MIT
 * service-metrics/expose.h - series as text: Prometheus' format 0.0.4, and OpenMetrics 1.0.0
 */
#ifndef SERVICE_METRICS_EXPOSE_H
#define SERVICE_METRICS_EXPOSE_H

#include <stddef.h>

#include <adit/observe.h>

enum expose_format { EXPOSE_PROMETHEUS, EXPOSE_OPENMETRICS };
enum { EXPOSE_MOST = 32 << 20 /* bytes of text */ };

struct expose {
	char *text; /* malloc'ed; the caller's in the end */
	size_t used, room;
	enum expose_format format;
	char family[ADIT_METRIC_NAME]; /* whose head has been written */
	int failed;                    /* no memory, or more than EXPOSE_MOST */
};

/* As an adit_series_fn; arg is the struct expose, zeroed but for its format. */
void ADIT_CALL expose_series(void *arg, const adit_series *s);
/* What ends a text. */
void expose_end(struct expose *e);

/* The format that an Accept header asks for; null: there was none. */
enum expose_format expose_accepted(const char *accept);
/* The Content-Type of a format. Static. */
const char *expose_type(enum expose_format format);

#endif
