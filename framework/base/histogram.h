/* SPDX-License-Identifier: MIT
 * base/histogram.h - times, counted in fixed buckets; one thread adds, any reads
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_TIMES = 16 };

/* Ascending upper ends in ns, 10 us to 30 s. */
extern const uint64_t histogram_times[HISTOGRAM_TIMES];

/* As a cell of adit/observe.h: one number a bucket, one for what is above all, and the sum. */
struct histogram {
	uint64_t cell[HISTOGRAM_TIMES + 2];
};

/* On the writing thread. */
static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	unsigned i = 0;

	while (i < HISTOGRAM_TIMES && ns > histogram_times[i])
		i++;
	__atomic_store_n(&h->cell[i], h->cell[i] + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&h->cell[HISTOGRAM_TIMES + 1], h->cell[HISTOGRAM_TIMES + 1] + ns, __ATOMIC_RELAXED);
}

#endif
