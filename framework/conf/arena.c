/* SPDX-License-Identifier: MIT
 * conf/arena.c - memory that goes all at once
 */
#include "conf/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/pages.h"

/* Whole pages together with what stands before it. */
enum { BLOCK = 64 * 1024 - 64 };

struct arena_block {
	struct arena_block *before;
	alignas(max_align_t) char data[];
};

void arena_fini(struct arena *a)
{
	struct arena_block *b, *before;

	for (b = a->last; b; b = before) {
		before = b->before;
		pages_free(b);
	}
	*a = (struct arena){.pages = a->pages};
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b;
	size_t room;
	void *out;

	if (size > ARENA_MOST)
		return NULL;
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (size > a->room - a->used) {
		room = size > BLOCK ? size : BLOCK;
		if (a->total + room > ARENA_MOST)
			return NULL;
		b = pages_new(sizeof(*b) + room, a->pages);
		if (!b)
			return NULL;
		b->before = a->last;
		a->last = b;
		a->used = 0;
		a->room = room;
		a->total += room;
	}
	out = a->last->data + a->used;
	a->used += size;
	return out;
}

char *arena_copy(struct arena *a, const char *text, size_t size)
{
	char *out = arena_alloc(a, size + 1);

	if (out)
		memcpy(out, text, size);
	return out;
}

char *arena_format(struct arena *a, const char *format, ...)
{
	va_list args;
	char *out;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	out = size < 0 ? NULL : arena_alloc(a, (size_t)size + 1);
	if (!out)
		return NULL;
	va_start(args, format);
	vsnprintf(out, (size_t)size + 1, format, args);
	va_end(args);
	return out;
}
