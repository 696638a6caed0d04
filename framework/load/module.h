/* SPDX-License-Identifier: MIT
 * load/module.h - a loaded image with its descriptor; what load/load.h shows of it is in load/module.c
 */
#ifndef LOAD_MODULE_H
#define LOAD_MODULE_H

#include "load/candidate.h"
#include "load/image.h"

struct module {
	struct candidate *c; /* a reference */
	struct image image;
	const adit_module *root;
	unsigned generation;
	bool sealed;
	struct module *shards[LOAD_SHARDS_MOST]; /* private images, by shard; owned */
};

/* Loads what was judged: the file itself, or a sealed copy. Errors as loader_open(). */
int module_new(struct module **out, struct candidate *c, unsigned generation, bool sealed, struct report *report);
/* Frees the record, not the image. */
void module_free(struct module *m);

#endif
