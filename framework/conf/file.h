/* SPDX-License-Identifier: MIT
 * conf/file.h - reads regular files, once and with a limit
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include <stddef.h>
#include <sys/stat.h>

enum file_fault { FILE_FINE, FILE_SYSTEM, FILE_KIND, FILE_SIZE, FILE_MEMORY };

struct file_text {
	char *text; /* a null byte behind it; null after a fault */
	size_t size;
	dev_t device;
	ino_t inode;
	int number; /* errno of FILE_SYSTEM */
};

/* Never waits for a FIFO, never reads a device or a directory. */
enum file_fault file_read(const char *path, size_t most, struct file_text *out);
/* Wipes the text. */
void file_free(struct file_text *f);

/* What is wrong, and what to do about it (may be null). */
const char *file_fault_text(enum file_fault fault, const struct file_text *f);
const char *file_fault_cure(enum file_fault fault, const struct file_text *f);

/* The path of name as seen from the file `from` (null: the working directory), malloc'd; null: no
 * memory. */
char *file_beside(const char *from, const char *name);

#endif
