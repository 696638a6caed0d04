/* SPDX-License-Identifier: MIT
 * load/search.h - the directories in which modules are looked for, in order, each with who named it
 */
#ifndef LOAD_SEARCH_H
#define LOAD_SEARCH_H

#include "load/load.h"

struct search_dir {
	char *path;         /* absolute, without symbolic links */
	const char *origin; /* static: "--module-dir", "ADIT_MODULE_PATH", ... */
	char *missing;      /* why it cannot be looked into; null: it can */
};

struct search {
	struct search_dir dirs[LOAD_DIRS_MOST];
	size_t count;
};

/* Fills a zeroed search. Links in a directory's path are resolved here, once. */
int search_init(struct search *search, const struct load_options *options, struct report *report);
void search_fini(struct search *search);

#endif
