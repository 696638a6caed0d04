/* SPDX-License-Identifier: MIT
 * conf/merge.h - several manifests become one
 *
 * Objects are joined; lists of named things (outbounds, handlers, stacks, services) are put one
 * behind the other; a value given twice is an error that names both places. An entry with
 * "override": true takes the place of the one with its name.
 */
#ifndef CONF_MERGE_H
#define CONF_MERGE_H

#include "conf/node.h"

/* Moves what layer has into root. wins: what layer says replaces what is there. ADIT_ECONFIG,
 * ADIT_ENOMEM. */
int merge_layer(struct arena *a, struct adit_cfg *root, struct adit_cfg *layer, bool wins,
                struct report *r);

/* Whether the member of the root with this key is a list of named things; singular: "outbound". */
bool merge_is_named(const char *key, const char **singular);
/* The entry of a list with this name; null: none. */
struct adit_cfg *merge_find_named(const struct adit_cfg *list, const char *name);

#endif
