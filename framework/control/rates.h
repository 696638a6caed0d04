/* SPDX-License-Identifier: MIT
 * control/rates.h - bytes a second of flows, from what they had moved when they were last looked at
 *
 * Lives on the control loop: flows themselves keep no rates. The table is there only while somebody asks, and has a limit;
 * beyond it flows have no rate.
 */
#ifndef CONTROL_RATES_H
#define CONTROL_RATES_H

#include "control/row.h"

enum {
	RATES_FLOWS = 1 << 18,  /* flows that are remembered at most */
	RATES_SPAN_MS = 500,    /* of a rate, at least: what is asked sooner gets the last one */
	RATES_IDLE_SECONDS = 10 /* nobody asks: all is forgotten */
};

struct rates;

int rates_new(struct rates **out);
/* Takes null. */
void rates_free(struct rates *r);
/* Fills in the row's rates, and remembers what it has moved. A flow that is seen for the first time has the rate of its
 * whole life when that is short, else none yet. now in ns. */
void rates_fill(struct rates *r, struct flow_row *row, uint64_t now);
/* Whether flows were looked at within the last seconds, so that most have a rate. */
bool rates_known(const struct rates *r, uint64_t now);
/* Once a second: forgets what is old. */
void rates_tick(struct rates *r, uint64_t now);

#endif
