/* SPDX-License-Identifier: MIT
 * conf/subst.h - ${env:...}, ${file:...} and ${cred:...} inside the texts of a tree
 *
 * Made after parsing, so what is put in cannot change the structure. What comes from files and
 * credentials is secret.
 */
#ifndef CONF_SUBST_H
#define CONF_SUBST_H

#include "conf/node.h"

/* The largest file that may be put in, and the largest text that may become of one. */
enum { SUBST_MOST = 64 * 1024, SUBST_MOST_TEXT = 256 * 1024 };

/* Paths are as seen from `file` (null: the working directory). ADIT_ECONFIG (findings in r),
 * ADIT_ENOMEM. */
int subst_tree(struct arena *a, struct adit_cfg *n, const char *file, struct report *r);

#endif
