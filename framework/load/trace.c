/* SPDX-License-Identifier: MIT
 * load/trace.c - every place that was looked at for a module, and what became of it
 */
#include "load/trace.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void load_trace_init(struct load_trace *trace)
{
	memset(trace, 0, sizeof(*trace));
}

void load_trace_fini(struct load_trace *trace)
{
	size_t i;

	for (i = 0; i < trace->count; i++) {
		free(trace->items[i].path);
		free(trace->items[i].reason);
	}
	free(trace->items);
	memset(trace, 0, sizeof(*trace));
}

void load_trace_add(struct load_trace *trace, enum load_verdict verdict, const char *path, const char *format, ...)
{
	struct load_trace_item *items, *item;
	char *reason = NULL, *copy;
	va_list args;

	if (!trace)
		return;
	if (trace->count == LOAD_TRACE_MOST) {
		trace->lost++;
		return;
	}
	va_start(args, format);
	if (vasprintf(&reason, format, args) < 0)
		reason = NULL;
	va_end(args);
	copy = strdup(path);
	items = realloc(trace->items, (trace->count + 1) * sizeof(*items));
	if (items)
		trace->items = items;
	if (!items || !reason || !copy) {
		free(reason);
		free(copy);
		trace->lost++;
		return;
	}
	item = &items[trace->count++];
	item->verdict = verdict;
	item->path = copy;
	item->reason = reason;
}

void load_trace_print(const struct load_trace *trace, FILE *out)
{
	static const char *const words[] = {
		[LOAD_TAKEN] = "taken",
		[LOAD_LEFT] = "left",
		[LOAD_SHADOWED] = "shadowed",
		[LOAD_REFUSED] = "refused",
	};
	size_t i;

	for (i = 0; i < trace->count; i++)
		fprintf(out, "%-8s %s: %s\n", words[trace->items[i].verdict], trace->items[i].path,
		        trace->items[i].reason);
	if (trace->lost)
		fprintf(out, "%zu more places are not shown\n", trace->lost);
}
