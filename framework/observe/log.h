/* SPDX-License-Identifier: MIT
 * observe/log.h - one line per event, with a level and the part it is about
 *
 * Lines go to standard error, as text or as JSON, whole lines in one write. Every part (a module, "host",
 * "flow") may write LOG_RATE lines a second; what is beyond is counted, and said with the part's next line.
 */
#ifndef OBSERVE_LOG_H
#define OBSERVE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <adit/module.h>

enum { LOG_RATE = 10, LOG_LINE = 2048 /* bytes; longer lines are cut */ };

/* Lowest level that is written; adit_host.log_level points at it. */
extern int32_t log_level;

enum log_format { LOG_TEXT, LOG_JSON };
void log_configure(int32_t level, enum log_format format, int to);

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
