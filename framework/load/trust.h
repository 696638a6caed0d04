/* SPDX-License-Identifier: MIT
 * load/trust.h - opens a file only if nobody but root and ourselves could have put it there
 *
 * The path is walked one component at a time from the root, each opened once and judged by what was opened: no
 * symbolic link is followed, no directory on the way and not the file itself may belong to, or be writable by,
 * anybody but root and the process's own user. A directory like /tmp, sticky and root's, is passed through, but
 * no file directly in it is taken.
 */
#ifndef LOAD_TRUST_H
#define LOAD_TRUST_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct trust_rules {
	bool allow_unsafe_owner; /* what is wrong with owners, modes and links becomes a warning */
	size_t size_most;        /* bytes */
};

/* Opens the file at an absolute path for reading. ADIT_ENOENT (says nothing), ADIT_EPERM, ADIT_ELIMIT, ADIT_EIO:
 * the reason is in the report. */
int trust_open(const char *path, const struct trust_rules *rules, struct report *report, int *fd, struct stat *st);

/* The whole file, malloc'd, one zero byte behind it. ADIT_EIO when it did not have `size` bytes. */
int trust_read(int fd, size_t size, char **out);

#endif
