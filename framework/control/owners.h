/* SPDX-License-Identifier: MIT
 * control/owners.h - whose flows are: asked of the platform for flows that are shown, and remembered
 *
 * What the platform says of a flow (adit.owner/1) is asked once, on the pool, and kept for OWNERS_KEPT flows; a flow that
 * nobody looks at costs nothing. Where the platform cannot tell, nothing is ever known. All [control].
 */
#ifndef CONTROL_OWNERS_H
#define CONTROL_OWNERS_H

#include "control/row.h"

enum {
	OWNERS_KEPT = 4096, /* flows; a power of two */
	OWNERS_ASKED = 256, /* flows of one question; the others stay unknown until they are shown again */
	OWNERS_MS = 500     /* that a question may take; what is not known by then stays unknown until it is shown again */
};

struct host;
struct owners;
struct owners_question;

/* Null: no memory. */
struct owners *owners_new(struct host *host);
/* Questions under way are forgotten. Takes null. */
void owners_free(struct owners *o);
/* Fills in whose the flow is, if that is known. */
void owners_fill(const struct owners *o, struct flow_row *row);
/* Asks for those of the rows that are not known. Null: there is nothing to ask, or it cannot be asked; else done(arg)
 * follows once, never from inside, unless owners_cancel() comes first. Rows are lent. */
struct owners_question *owners_ask(struct owners *o, const struct flow_row *rows, unsigned count, void (*done)(void *arg),
                                   void *arg);
/* Takes null. */
void owners_cancel(struct owners_question *q);

#endif
