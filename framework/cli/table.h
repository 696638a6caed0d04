/* SPDX-License-Identifier: MIT
 * cli/table.h - aligned columns that fit the terminal, and figures as people read them
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 12, FIGURE_TEXT = 24 };

struct table_column {
	const char *title;
	int right; /* flush right: numbers */
	int gives; /* is cut when the line is too long for the terminal */
};

struct table {
	const struct table_column *columns;
	unsigned count; /* of columns */
	char **cells;   /* row by row */
	size_t used, room;
};

void table_init(struct table *t, const struct table_column *columns, unsigned count);
void table_fini(struct table *t);
/* One row; texts are copied, and what a terminal would obey becomes '?'. A row for which there is no memory is left out. */
void table_add(struct table *t, const char *const *cells);
/* With its titles, cut to so many columns; 0: not cut. */
void table_print(const struct table *t, FILE *f, unsigned width);

/* Columns of the terminal at standard output; 0: it is none. */
unsigned terminal_width(void);
/* A line that is cut like a cell; 0: not cut. */
void print_line(FILE *f, const char *text, unsigned width);

/* "0", "999", "1.2k", "12M": at most five characters. Return out. */
const char *figure_bytes(uint64_t bytes, char out[FIGURE_TEXT]);
/* "0.3s", "12s", "4m05s", "3h12m", "41d3h". */
const char *figure_seconds(double seconds, char out[FIGURE_TEXT]);

#endif
