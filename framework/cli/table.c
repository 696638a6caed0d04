/* SPDX-License-Identifier: MIT
 * cli/table.c - aligned columns that fit the terminal, and figures as people read them
 */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"

enum { GAP = 2, GIVES_LEAST = 8, ROOM_LEAST = 256 };

void table_init(struct table *t, const struct table_column *columns, unsigned count)
{
	memset(t, 0, sizeof(*t));
	t->columns = columns;
	t->count = count;
}

void table_fini(struct table *t)
{
	size_t i;

	for (i = 0; i < t->used; i++)
		free(t->cells[i]);
	free(t->cells);
	memset(t, 0, sizeof(*t));
}

/* A copy that a terminal shows as it is. Every character counts as one column. */
static char *shown(const char *text)
{
	size_t size = strlen(text), i = 0;
	char *out = malloc(size + 1), *at = out;
	uint32_t code = 0;

	while (out && i < size) {
		size_t n = utf8_character(text + i, size - i, &code);

		if (!n || utf8_is_control(code)) {
			*at++ = '?';
			i += n ? n : 1;
		} else {
			memcpy(at, text + i, n);
			at += n;
			i += n;
		}
	}
	if (out)
		*at = 0;
	return out;
}

void table_add(struct table *t, const char *const *cells)
{
	unsigned i;

	if (t->used + t->count > t->room) {
		size_t room = t->room ? t->room * 2 : ROOM_LEAST;
		char **more = realloc(t->cells, room * sizeof(*more));

		if (!more)
			return;
		t->cells = more;
		t->room = room;
	}
	for (i = 0; i < t->count; i++)
		t->cells[t->used + i] = shown(cells[i]);
	t->used += t->count;
}

static unsigned columns_of(const char *text)
{
	unsigned n = 0;

	for (; text && *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first so many characters. */
static size_t bytes_of(const char *text, unsigned columns)
{
	size_t i = 0;

	while (text[i]) {
		if ((text[i] & 0xc0) != 0x80 && !columns--)
			break;
		i++;
	}
	return i;
}

static void print_cell(FILE *f, const char *text, unsigned width, int right, int last)
{
	unsigned is = columns_of(text);

	if (is > width) {
		fprintf(f, "%.*s~", (int)bytes_of(text, width - 1), text);
		is = width;
	} else {
		fprintf(f, "%*s%s", right ? (int)(width - is) : 0, "", text);
	}
	if (!last)
		fprintf(f, "%*s", (int)(right ? 0 : width - is) + GAP, "");
}

static void measure(const struct table *t, unsigned width, unsigned out[TABLE_COLUMNS])
{
	unsigned i, total = GAP * (t->count - 1);
	size_t cell;

	for (i = 0; i < t->count; i++)
		out[i] = columns_of(t->columns[i].title);
	for (cell = 0; cell < t->used; cell++) {
		unsigned is = columns_of(t->cells[cell]);

		if (is > out[cell % t->count])
			out[cell % t->count] = is;
	}
	for (i = 0; i < t->count; i++)
		total += out[i];
	/* Whoever is widest gives, a character at a time. */
	for (; width && total > width; total--) {
		unsigned widest = t->count;

		for (i = 0; i < t->count; i++)
			if (t->columns[i].gives && out[i] > GIVES_LEAST && (widest == t->count || out[i] > out[widest]))
				widest = i;
		if (widest == t->count)
			return;
		out[widest]--;
	}
}

void table_print(const struct table *t, FILE *f, unsigned width)
{
	unsigned widths[TABLE_COLUMNS], i;
	size_t cell;

	measure(t, width, widths);
	for (i = 0; i < t->count; i++)
		print_cell(f, t->columns[i].title, widths[i], t->columns[i].right, i + 1 == t->count);
	fputc('\n', f);
	for (cell = 0; cell < t->used; cell++) {
		i = (unsigned)(cell % t->count);
		print_cell(f, t->cells[cell] ? t->cells[cell] : "?", widths[i], t->columns[i].right, i + 1 == t->count);
		if (i + 1 == t->count)
			fputc('\n', f);
	}
}

unsigned terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? 80 : size.ws_col;
}

void print_line(FILE *f, const char *text, unsigned width)
{
	char *line = shown(text);

	if (line)
		print_cell(f, line, width ? width : columns_of(line) + 1, 0, 1);
	fputc('\n', f);
	free(line);
}

const char *figure_bytes(uint64_t bytes, char out[FIGURE_TEXT])
{
	static const char units[] = "kMGTPE";
	double v = (double)bytes;
	int unit = -1;

	if (bytes < 1000) {
		snprintf(out, FIGURE_TEXT, "%u", (unsigned)bytes);
		return out;
	}
	while (v >= 999.5 && unit < 5) {
		v /= 1000;
		unit++;
	}
	snprintf(out, FIGURE_TEXT, v < 9.95 ? "%.1f%c" : "%.0f%c", v, units[unit < 0 ? 0 : unit]);
	return out;
}

const char *figure_seconds(double seconds, char out[FIGURE_TEXT])
{
	uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;

	if (s < 10)
		snprintf(out, FIGURE_TEXT, "%.1fs", seconds > 0 ? seconds : 0);
	else if (s < 60)
		snprintf(out, FIGURE_TEXT, "%us", (unsigned)s);
	else if (s < 3600)
		snprintf(out, FIGURE_TEXT, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
	else if (s < 86400)
		snprintf(out, FIGURE_TEXT, "%uh%02um", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
	else
		snprintf(out, FIGURE_TEXT, "%ud%uh", (unsigned)(s / 86400), (unsigned)(s / 3600 % 24));
	return out;
}
