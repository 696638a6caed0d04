/* SPDX-License-Identifier: MIT
 * load/image.h - a file's code in memory: mapped from a descriptor, never by a name that could mean something else
 */
#ifndef LOAD_IMAGE_H
#define LOAD_IMAGE_H

#include "base/report.h"
#include "load/elf.h"

struct image {
	void *handle; /* never closed */
	uintptr_t low, high;
};

/* Maps the file behind fd, binding all symbols, visible to nobody else. The caller keeps fd open for ever once this
 * has succeeded. ADIT_ECONFIG, explained in the report with `path`. */
int image_open(struct image *out, int fd, const struct elf_facts *facts, const char *path, struct report *report);

/* Makes a copy of size bytes in memory that nobody can change any more, with a telling name for debuggers.
 * ADIT_EPERM, ADIT_ENOMEM, ADIT_ENOSYS, explained in the report. */
int image_copy(int *fd, const char *bytes, size_t size, const char *label, const char *path, struct report *report);

/* The root that it exports; null: none, or not inside the image. */
const void *image_root(const struct image *image);

/* True when size bytes at p lie inside the image. */
bool image_holds(const struct image *image, const void *p, size_t size);

/* True when p is a null-terminated text inside the image that equals the size bytes of text. */
bool image_says(const struct image *image, const char *p, const char *text, size_t size);

#endif
