/* SPDX-License-Identifier: MIT
 * observe/log.h - one line per event, with a level and the part it is about
 *
 * Lines go to standard error, as text or as JSON, whole lines in one write, or to the journal. Of every cause (lines of one
 * part that differ in numbers alone) LOG_RATE lines a second are written, and of every part (a module, "host", "flow")
 * LOG_PART_RATE; what is beyond is counted, and said with the part's next line.
 */
#ifndef OBSERVE_LOG_H
#define OBSERVE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <adit/module.h>

enum { LOG_RATE = 10, LOG_PART_RATE = 50, LOG_LINE = 2048 /* bytes; longer lines are cut */ };

/* Lowest level that any part is written with; adit_host.log_level points at it. */
extern int32_t log_level;

enum log_format { LOG_TEXT, LOG_JSON };
void log_configure(int32_t level, enum log_format format, int to);

/* The level of one part, which holds whatever that of the others is; -1: as the others. ADIT_ELIMIT: too many parts. */
int log_part_level(const char *part, int32_t level);
/* No part has a level of its own any more. */
void log_parts_forget(void);
/* Entries go to the journal, by a descriptor of journal_open() that is given; -1: they do not. What the journal does not take
 * goes where log_configure said. */
void log_to_journal(int fd);

/* A level by its name ("trace" .. "error"); -1: no such level. */
int32_t log_level_named(const char *name);

/* [any] The level from now on. */
void log_set_level(int32_t level);
/* The name of a level, ADIT_LOG_TRACE to ADIT_LOG_ERROR. Static. */
const char *log_level_name(int32_t level);

/* [any] One place that is told of every line that is written, from whatever thread writes it and under the log's lock: it
 * must be quick and must not log. Null: none; when this returns the one before is not inside. */
typedef void log_tap_fn(void *arg, const char *part, int32_t level, const char *text, size_t size);
void log_tap(log_tap_fn *fn, void *arg);

/* [any] */
void log_line(const char *part, int32_t level, const char *text, size_t len);
void log_printf(const char *part, int32_t level, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_error(part, ...) log_printf(part, ADIT_LOG_ERROR, __VA_ARGS__)
#define log_warn(part, ...) log_printf(part, ADIT_LOG_WARN, __VA_ARGS__)
#define log_info(part, ...)                                                                                            \
	do {                                                                                                           \
		if (log_level <= ADIT_LOG_INFO)                                                                        \
			log_printf(part, ADIT_LOG_INFO, __VA_ARGS__);                                                  \
	} while (0)
#define log_debug(part, ...)                                                                                           \
	do {                                                                                                           \
		if (log_level <= ADIT_LOG_DEBUG)                                                                       \
			log_printf(part, ADIT_LOG_DEBUG, __VA_ARGS__);                                                 \
	} while (0)

#endif
