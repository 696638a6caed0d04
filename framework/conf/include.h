/* SPDX-License-Identifier: MIT
 * conf/include.h - a manifest file and the files it includes
 */
#ifndef CONF_INCLUDE_H
#define CONF_INCLUDE_H

#include "conf/node.h"

enum {
	INCLUDE_MOST_DEPTH = 16, /* files that include files */
	INCLUDE_MOST_FILES = 256
};

/* Reads path and what it includes (each file before those it includes, matches of a pattern by
 * name) and merges all into root. ADIT_ECONFIG, ADIT_ENOMEM; as much as can be is read in any case.
 */
int include_file(struct arena *a, struct adit_cfg *root, const char *path, struct report *r);

/* The same for a text; file is its name, null: the command line. */
int include_text(struct arena *a, struct adit_cfg *root, const char *text, const char *file,
                 struct report *r);

#endif
