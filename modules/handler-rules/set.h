/* SPDX-License-Identifier: MIT
 * handler-rules/set.h - a set of addresses and host names, read from plain files
 *
 * A line that is no entry is left out and counted, and the first of them is named; a file that is too big, or that
 * cannot be read to its end, makes the whole set fail.
 */
#ifndef RULES_SET_H
#define RULES_SET_H

#include <stdio.h>

#include "entry.h"

enum {
	SET_FILE_MOST = 256 << 20, /* bytes of one file */
	SET_LINE_MOST = 1024,      /* bytes of one line; longer ones are no entries */
	SET_ENTRIES_MOST = 8 << 20 /* of one set: 300 MB of names */
};

struct set {
	struct ranges ranges;
	struct names names;
	uint64_t lines_bad;
	uint32_t line_bad; /* number of the first one in its file, from 1 */
	uint32_t entries;
};

/* [any] Adds one entry. ADIT_ENOMEM, ADIT_ELIMIT. */
adit_result set_add(struct set *s, const struct entry *e);
/* [pool] Adds all entries of a file. ADIT_ENOMEM, ADIT_ELIMIT, ADIT_EIO; the set is then to be freed. */
adit_result set_read(struct set *s, FILE *f);
/* [pool] To be called once all is in it. ADIT_ENOMEM, ADIT_EIO. */
adit_result set_seal(struct set *s);
/* [any] Frees what hangs on s. */
void set_fini(struct set *s);

#endif
