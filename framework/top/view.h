/* SPDX-License-Identifier: MIT
 * top/view.h - what adit-top shows: the flows that are first in an order, asked for once a second
 */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/connect.h"

enum { VIEW_ROWS = 500, VIEW_TEXT = 256, VIEW_CELL = 80, VIEW_FLOW = 24, VIEW_WAIT_MS = 3000 };

struct view_row {
	char flow[VIEW_FLOW], proto[8], from[VIEW_CELL], to[VIEW_TEXT + 8], via[40], state[40];
	bool rated;
	uint64_t up, down, up_rate, down_rate;
	double age;
};

struct view {
	struct connection *host;
	unsigned sort; /* number of the order */
	char filter[VIEW_TEXT];
	struct view_row rows[VIEW_ROWS];
	unsigned count;
	uint64_t all, tcp, udp, icmp, up_rate, down_rate; /* of what fits the filter */
	char head[VIEW_TEXT]; /* name, version, time, stack */
	char trouble[VIEW_TEXT]; /* why the last question had no answer; "": it had one */
	bool gone;               /* the host has ended */
};

/* The name of an order; null past the last. */
const char *view_order(unsigned sort);
/* Asks for the first `most` flows, and how the host does. */
void view_ask(struct view *v, unsigned most);
/* The members of one flow as lines "key  value"; how many were written. 0: see v->trouble. */
unsigned view_flow(struct view *v, const char *flow, char lines[][VIEW_TEXT], unsigned most);
/* Ends a flow; what came of it is in out. */
void view_close(struct view *v, const char *flow, char out[VIEW_TEXT]);
/* A row as it is shown in so many columns; its titles with row null. */
void view_line(const struct view_row *row, int columns, char out[VIEW_TEXT * 2]);

#endif
