/* SPDX-License-Identifier: MIT
 * conf/match.h - a handler's "match" as numbers
 */
#ifndef CONF_MATCH_H
#define CONF_MATCH_H

#include "conf/conf.h"
#include "conf/node.h"

/* n: null is everything. What the schema has refused already is passed over. ADIT_ECONFIG,
 * ADIT_ENOMEM. */
int match_make(struct arena *a, struct conf_match *out, const struct adit_cfg *n, struct report *r);

#endif
