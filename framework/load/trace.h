/* SPDX-License-Identifier: MIT
 * load/trace.h - writing the trace that load/load.h shows
 */
#ifndef LOAD_TRACE_H
#define LOAD_TRACE_H

#include "load/load.h"

/* Adds a line; trace may be null. Strings are copied. */
void load_trace_add(struct load_trace *trace, enum load_verdict verdict, const char *path, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

#endif
