/* SPDX-License-Identifier: MIT
 * base/report.c - findings about what somebody wrote
 */
#include "base/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_init(struct report *r)
{
	memset(r, 0, sizeof(*r));
}

void report_fini(struct report *r)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		free(r->items[i].file);
		free(r->items[i].pointer);
		free(r->items[i].text);
		free(r->items[i].cure);
	}
	free(r->items);
	memset(r, 0, sizeof(*r));
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

void report_add(struct report *r, enum report_level level, const struct report_place *place, const char *cure,
                const char *format, ...)
{
	struct report_item *items, *item;
	va_list args;
	char *text = NULL;

	if (level == REPORT_ERROR)
		r->errors++;
	if (r->count == REPORT_MOST) {
		r->lost++;
		return;
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	items = realloc(r->items, (r->count + 1) * sizeof(*items));
	if (items)
		r->items = items;
	if (!items || !text) {
		free(text);
		r->lost++;
		return;
	}
	item = &items[r->count++];
	memset(item, 0, sizeof(*item));
	item->level = level;
	item->text = text;
	item->cure = copy(cure);
	if (place) {
		item->file = copy(place->file);
		item->line = place->line;
		item->column = place->column;
		item->pointer = copy(place->pointer);
	}
}

char *report_line(const struct report_item *item)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	if (item->file) {
		fputs(item->file, f);
		if (item->line)
			fprintf(f, ":%u:%u", item->line, item->column);
		fputs(": ", f);
	}
	if (item->pointer && *item->pointer)
		fprintf(f, "%s: ", item->pointer);
	if (item->level != REPORT_ERROR)
		fputs(item->level == REPORT_WARNING ? "warning: " : "note: ", f);
	fputs(item->text, f);
	if (item->cure)
		fprintf(f, "; %s", item->cure);
	if (fclose(f) != 0) {
		free(out);
		return NULL;
	}
	return out;
}
