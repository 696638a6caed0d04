/* SPDX-License-Identifier: MIT
 * load/candidate.h - a module's file, opened and judged, none of its code run
 */
#ifndef LOAD_CANDIDATE_H
#define LOAD_CANDIDATE_H

#include "load/descriptor.h"
#include "load/elf.h"
#include "load/load.h"

#include <sys/stat.h>

struct candidate {
	unsigned refs; /* the caller of loader_find, and each module made of it */
	char *path;
	int fd;
	bool kept; /* an image was mapped from fd: it is never closed */
	struct stat st;
	uint64_t hash;    /* of the contents: a copy is known by it and its size */
	char *bytes;      /* the judged contents; null once loaded and not needed any more */
	const char *text; /* the descriptor in bytes, text_size of it */
	size_t text_size;
	struct elf_facts facts;
	bool readable;        /* facts are whole */
	struct descriptor *d; /* of the library, or for a broken library of the file beside it; may be null */
};

struct candidate_wish {
	const char *path; /* of the library, absolute, ending in .so */
	const char *name; /* that the module must have; null: any */
	bool allow_unsafe_owner;
	bool look_anyway; /* for inspection: read on after a finding about owners */
};

/* Judges a file. *out is given whenever there is memory, with what could be read. 0, ADIT_ECONFIG (explained in the
 * report), ADIT_ENOENT (not explained), ADIT_ENOMEM. */
int candidate_judge(struct candidate **out, const struct candidate_wish *wish, struct report *report);

/* True if both have the same contents, as far as size and hash tell. */
bool candidate_same(const struct candidate *a, const struct candidate *b);
/* True while the file has not been written to since it was judged. */
bool candidate_unchanged(const struct candidate *c);

struct candidate *candidate_ref(struct candidate *c);

#endif
