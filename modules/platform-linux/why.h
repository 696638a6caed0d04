/* SPDX-License-Identifier: MIT
 * platform-linux/why.h - the reason of a failure in words, beside its result
 *
 * Handed down by whoever will report the failure, so that the place that knows the cause writes it
 * once. Passed between processes as it is: no pointers.
 */
#ifndef PLATFORM_WHY_H
#define PLATFORM_WHY_H

#include <adit/abi.h>

struct why {
	char text[400]; /* thing, place and cure; empty: no more is known than the result */
};

/* Writes the reason and returns code. why may be null. */
adit_result why_set(struct why *why, adit_result code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for an errno value: its words are appended, its result is returned. */
adit_result why_errno(struct why *why, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The result for an errno value; ADIT_EIO for what has none of its own, 0 for 0. */
adit_result why_result(int number);

#endif
