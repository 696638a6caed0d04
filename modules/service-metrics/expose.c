/* SPDX-License-Identifier: MIT
 * service-metrics/expose.c - series as text
 */
#include "expose.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int room_for(struct expose *e, size_t len)
{
	size_t room = e->room ? e->room : 16384;
	char *text;

	if (e->failed)
		return 0;
	while (room < e->used + len + 1)
		room *= 2;
	if (room > EXPOSE_MOST) {
		e->failed = 1;
		return 0;
	}
	if (room == e->room)
		return 1;
	text = realloc(e->text, room);
	if (!text) {
		e->failed = 1;
		return 0;
	}
	e->text = text;
	e->room = room;
	return 1;
}

static void put(struct expose *e, const char *text)
{
	size_t len = strlen(text);

	if (!room_for(e, len))
		return;
	memcpy(e->text + e->used, text, len + 1);
	e->used += len;
}

/* In help a line end and a backslash are escaped, in a label's value the quote too. */
static void put_escaped(struct expose *e, const char *text, int quoted)
{
	char out[3] = "\\";

	for (; *text; text++) {
		if (*text == '\n') {
			put(e, "\\n");
		} else if (*text == '\\' || (*text == '"' && quoted)) {
			out[1] = *text;
			put(e, out);
		} else {
			char one[2] = {*text, 0};

			put(e, one);
		}
	}
}

static void put_number(struct expose *e, uint64_t v, uint64_t per)
{
	char text[32];

	if (per == 1)
		snprintf(text, sizeof(text), "%" PRIu64, v);
	else
		snprintf(text, sizeof(text), "%.15g", (double)v / (double)per);
	put(e, text);
}

/* The unit of a name, which OpenMetrics wants to be told; null: it has none. */
static const char *unit_of(const char *name)
{
	static const char *const units[] = {"seconds", "bytes"};
	size_t i, len = strlen(name), n;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		n = strlen(units[i]);
		if (len > n && name[len - n - 1] == '_' && !strcmp(name + len - n, units[i]))
			return units[i];
	}
	return NULL;
}

static const char *suffix_of(const struct expose *e, const adit_series *s, int head)
{
	if (s->kind != ADIT_METRIC_COUNTER)
		return "";
	return head && e->format == EXPOSE_OPENMETRICS ? "" : "_total";
}

static void put_words(struct expose *e, const char *a, const char *b, const char *c, const char *d)
{
	put(e, a);
	put(e, b);
	put(e, c);
	put(e, d);
}

static void put_head(struct expose *e, const adit_series *s)
{
	static const char *const types[] = {"", " counter\n", " gauge\n", " histogram\n"};
	const char *suffix = suffix_of(e, s, 1), *unit = unit_of(s->name);

	if (!strcmp(e->family, s->name))
		return;
	snprintf(e->family, sizeof(e->family), "%s", s->name);
	put_words(e, "# HELP ", s->name, suffix, " ");
	put_escaped(e, s->help, e->format == EXPOSE_OPENMETRICS);
	put_words(e, "\n# TYPE ", s->name, suffix, types[s->kind]);
	if (unit && e->format == EXPOSE_OPENMETRICS) {
		put_words(e, "# UNIT ", s->name, " ", unit);
		put(e, "\n");
	}
}

/* le null: none. */
static void put_labels(struct expose *e, const adit_series *s, const char *le)
{
	size_t i;

	if (!s->labels[0] && !le)
		return;
	put(e, "{");
	for (i = 0; s->labels[i]; i += 2) {
		put_words(e, i ? "," : "", s->labels[i], "=\"", "");
		put_escaped(e, s->labels[i + 1], 1);
		put(e, "\"");
	}
	if (le)
		put_words(e, i ? "," : "", "le=\"", le, "\"");
	put(e, "}");
}

static void put_sample(struct expose *e, const adit_series *s, const char *suffix, const char *le, uint64_t v, uint64_t per)
{
	put(e, s->name);
	put(e, suffix);
	put_labels(e, s, le);
	put(e, " ");
	put_number(e, v, per);
	put(e, "\n");
}

static void put_histogram(struct expose *e, const adit_series *s)
{
	uint64_t count = 0;
	char le[32];
	uint32_t i;

	for (i = 0; i <= s->bound_count; i++) {
		count += s->values[i];
		if (i < s->bound_count)
			snprintf(le, sizeof(le), "%.15g", (double)s->bounds[i] / (double)s->per);
		else
			strcpy(le, "+Inf");
		/* OpenMetrics has canonical numbers: 1.0, not 1. */
		if (e->format == EXPOSE_OPENMETRICS && i < s->bound_count && !strpbrk(le, ".e"))
			strcat(le, ".0");
		put_sample(e, s, "_bucket", le, count, 1);
	}
	put_sample(e, s, "_sum", NULL, s->values[s->bound_count + 1], s->per);
	put_sample(e, s, "_count", NULL, count, 1);
}

void ADIT_CALL expose_series(void *arg, const adit_series *s)
{
	struct expose *e = arg;

	if (s->kind < ADIT_METRIC_COUNTER || s->kind > ADIT_METRIC_HISTOGRAM)
		return; /* of a later host */
	put_head(e, s);
	if (s->kind == ADIT_METRIC_HISTOGRAM)
		put_histogram(e, s);
	else
		put_sample(e, s, suffix_of(e, s, 0), NULL, s->values[0], s->per);
}

void expose_end(struct expose *e)
{
	if (e->format == EXPOSE_OPENMETRICS)
		put(e, "# EOF\n");
}

enum expose_format expose_accepted(const char *accept)
{
	return accept && strstr(accept, "application/openmetrics-text") ? EXPOSE_OPENMETRICS : EXPOSE_PROMETHEUS;
}

const char *expose_type(enum expose_format format)
{
	return format == EXPOSE_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	                                    : "text/plain; version=0.0.4; charset=utf-8";
}
