/* SPDX-License-Identifier: MIT
 * conf/entries.h - the modules of a manifest: their settings against their schemas, their matches,
 * their references
 */
#ifndef CONF_ENTRIES_H
#define CONF_ENTRIES_H

#include "conf/conf.h"
#include "conf/node.h"

struct entries {
	struct conf_entry *of[CONF_KINDS];
	size_t count[CONF_KINDS];
};

/* Checks every entry of the root, whose own schema has been applied, and lists them. ADIT_ECONFIG,
 * ADIT_ENOMEM. */
int entries_make(struct arena *a, struct entries *e, struct adit_cfg *root,
                 const struct conf_source *source, struct report *r);

/* Whether a key of an entry is the host's own. */
bool entries_is_host_key(enum conf_kind kind, const char *key);
/* The key of the root under which a kind is found. */
const char *entries_key(enum conf_kind kind);

#endif
