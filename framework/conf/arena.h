/* SPDX-License-Identifier: MIT
 * conf/arena.h - memory that goes all at once: whatever one manifest is made of
 *
 * Nothing is freed singly, so half-built trees need no cleaning up. Not for concurrent use. Which text of a manifest is
 * a secret is known only once its schema has been applied, so all of it is kept out of core files and wiped at its end.
 */
#ifndef CONF_ARENA_H
#define CONF_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *last;
	size_t used, room; /* of the last block */
	size_t total;      /* of all blocks */
	unsigned pages;    /* PAGES_... of os/pages.h, for its blocks */
};

/* A manifest of 1 MiB full of the smallest values needs about this much; more is refused. */
enum { ARENA_MOST = 128 * 1024 * 1024 };

void arena_fini(struct arena *a);

/* Zeroed, aligned for anything. Null: no memory, or ARENA_MOST is reached. */
void *arena_alloc(struct arena *a, size_t size);

/* A copy with a null byte behind it. */
char *arena_copy(struct arena *a, const char *text, size_t size);

char *arena_format(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
