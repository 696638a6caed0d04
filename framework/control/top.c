/* SPDX-License-Identifier: MIT
 * control/top.c - the first so many rows of an order
 */
#include "control/top.h"

#include <stdlib.h>
#include <string.h>

#include <adit/abi.h>

enum { ROOM_LEAST = 64 };

void top_init(struct top *t, enum sort by, unsigned most)
{
	memset(t, 0, sizeof(*t));
	t->by = by;
	t->most = most && most < TOP_MOST ? most : TOP_MOST;
}

void top_fini(struct top *t)
{
	free(t->rows);
	memset(t, 0, sizeof(*t));
}

static void swap(struct flow_row *a, struct flow_row *b)
{
	struct flow_row c = *a;

	*a = *b;
	*b = c;
}

static void sink(struct top *t, unsigned at, unsigned count)
{
	for (;;) {
		unsigned last = at, child = 2 * at + 1;

		if (child < count && sort_compare(t->by, &t->rows[child], &t->rows[last]) > 0)
			last = child;
		if (child + 1 < count && sort_compare(t->by, &t->rows[child + 1], &t->rows[last]) > 0)
			last = child + 1;
		if (last == at)
			return;
		swap(&t->rows[at], &t->rows[last]);
		at = last;
	}
}

static int grow(struct top *t)
{
	unsigned room = t->room ? t->room * 2 : ROOM_LEAST;
	struct flow_row *rows;

	if (room > t->most)
		room = t->most;
	rows = realloc(t->rows, room * sizeof(*rows));
	if (!rows)
		return ADIT_ENOMEM;
	t->rows = rows;
	t->room = room;
	return ADIT_OK;
}

int top_add(struct top *t, const struct flow_row *row)
{
	unsigned at;

	if (t->count == t->most) {
		if (sort_compare(t->by, row, &t->rows[0]) < 0) {
			t->rows[0] = *row;
			sink(t, 0, t->count);
		}
		return ADIT_OK;
	}
	if (t->count == t->room && grow(t))
		return ADIT_ENOMEM;
	at = t->count++;
	t->rows[at] = *row;
	while (at && sort_compare(t->by, &t->rows[at], &t->rows[(at - 1) / 2]) > 0) {
		swap(&t->rows[at], &t->rows[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	return ADIT_OK;
}

void top_order(struct top *t)
{
	unsigned left;

	for (left = t->count; left > 1; left--) {
		swap(&t->rows[0], &t->rows[left - 1]);
		sink(t, 0, left - 1);
	}
}
