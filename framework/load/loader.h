/* SPDX-License-Identifier: MIT
 * load/loader.h - what the loader's own parts know of it
 */
#ifndef LOAD_LOADER_H
#define LOAD_LOADER_H

#include "load/search.h"

struct loader {
	struct search search;
	bool allow_unsafe_owner, sealed;
	struct load_callbacks callbacks;
	struct module *modules[LOAD_MODULES_MOST];
	size_t count;
};

#endif
