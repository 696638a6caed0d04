/* SPDX-License-Identifier: MIT
 * control/top.h - the first so many rows of an order, out of any number that pass by
 */
#ifndef CONTROL_TOP_H
#define CONTROL_TOP_H

#include "control/row.h"

enum { TOP_MOST = 4096 };

/* A heap whose root is the row that goes next. */
struct top {
	struct flow_row *rows;
	unsigned count, room, most;
	enum sort by;
};

/* Keeps up to `most` rows, at most TOP_MOST. Allocates nothing yet. */
void top_init(struct top *t, enum sort by, unsigned most);
void top_fini(struct top *t);
/* Keeps the row if it is among the first. ADIT_ENOMEM. */
int top_add(struct top *t, const struct flow_row *row);
/* Puts the rows in order; none is added from here on. */
void top_order(struct top *t);

#endif
