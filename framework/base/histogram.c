/* SPDX-License-Identifier: MIT
 * base/histogram.c - the buckets of times
 */
#include "base/histogram.h"

#define US 1000ull
#define MS 1000000ull

const uint64_t histogram_times[HISTOGRAM_TIMES] = {
	10 * US, 30 * US, 100 * US, 300 * US, MS,        3 * MS,    10 * MS,    25 * MS,
	50 * MS, 100 * MS, 250 * MS, 500 * MS, 1000 * MS, 3000 * MS, 10000 * MS, 30000 * MS,
};
