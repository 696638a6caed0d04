/* SPDX-License-Identifier: MIT
 * base/report.h - findings about what somebody wrote: all of them at once, each with its place and its cure
 *
 * Collected by the manifest reader and by the module loader, printed by the command line as text or JSON.
 */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stddef.h>

enum report_level { REPORT_NOTE, REPORT_WARNING, REPORT_ERROR };

/* Where a finding is. Any member may be null or 0. */
struct report_place {
	const char *file;
	unsigned line, column; /* from 1, columns count characters; 0: unknown */
	const char *pointer;   /* JSON pointer */
};

struct report_item {
	enum report_level level;
	char *file;
	unsigned line, column;
	char *pointer;
	char *text; /* what is wrong */
	char *cure; /* what would be right, or null */
};

struct report {
	struct report_item *items;
	size_t count;
	size_t errors; /* items of level REPORT_ERROR */
	size_t lost;   /* findings beyond REPORT_MOST, or for which there was no memory; never silently 0 */
};
enum { REPORT_MOST = 200 };

void report_init(struct report *r);
void report_fini(struct report *r);

/* Adds a finding; place and cure may be null. All strings are copied. */
void report_add(struct report *r, enum report_level level, const struct report_place *place, const char *cure,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* "edge.json:2:84: /platform/mtu: 100000 is above 65535; at most 65535" as one malloc'd line; null: no memory. */
char *report_line(const struct report_item *item);

#endif
