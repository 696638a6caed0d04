/* SPDX-License-Identifier: MIT
 * conf/file.c - reads regular files, once and with a limit
 */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/pages.h"

/* The size that fstat() gives is not believed (files under /proc say 0): read until the end or the
 * limit. */
static enum file_fault read_all(int fd, size_t most, struct file_text *out)
{
	size_t room = 0;
	char *more;
	ssize_t n;

	for (;;) {
		if (out->size + 1 >= room) {
			more = pages_new(room ? 2 * room : 4000, 0);
			if (!more)
				return FILE_MEMORY;
			if (out->size)
				memcpy(more, out->text, out->size);
			pages_free(out->text);
			out->text = more;
			room = pages_room(more);
		}
		n = read(fd, out->text + out->size, room - 1 - out->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			out->number = errno;
			return FILE_SYSTEM;
		}
		if (n == 0)
			break;
		out->size += (size_t)n;
		if (out->size > most)
			return FILE_SIZE;
	}
	out->text[out->size] = '\0';
	return FILE_FINE;
}

enum file_fault file_read(const char *path, size_t most, struct file_text *out)
{
	enum file_fault fault = FILE_FINE;
	struct stat st;
	int fd;

	memset(out, 0, sizeof(*out));
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		out->number = errno;
		if (fd >= 0)
			close(fd);
		return out->number == ENXIO ? FILE_KIND : FILE_SYSTEM;
	}
	if (!S_ISREG(st.st_mode)) {
		fault = FILE_KIND;
	} else {
		out->device = st.st_dev;
		out->inode = st.st_ino;
		fault = read_all(fd, most, out);
	}
	close(fd);
	if (fault)
		file_free(out);
	return fault;
}

void file_free(struct file_text *f)
{
	pages_free(f->text);
	f->text = NULL;
}

const char *file_fault_text(enum file_fault fault, const struct file_text *f)
{
	switch (fault) {
	case FILE_KIND:
		return "not a regular file";
	case FILE_SIZE:
		return "the file is too large";
	case FILE_MEMORY:
		return "out of memory";
	default:
		return strerror(f->number);
	}
}

const char *file_fault_cure(enum file_fault fault, const struct file_text *f)
{
	if (fault == FILE_KIND)
		return "name an ordinary file";
	if (fault == FILE_SYSTEM && f->number == ENOENT)
		return "create it, or correct the path";
	if (fault == FILE_SYSTEM && f->number == EACCES)
		return "let the user who runs adit read it";
	return NULL;
}

char *file_beside(const char *from, const char *name)
{
	const char *slash = from && name[0] != '/' ? strrchr(from, '/') : NULL;
	size_t dir = slash ? (size_t)(slash - from) + 1 : 0;
	char *out = malloc(dir + strlen(name) + 1);

	if (!out)
		return NULL;
	memcpy(out, from ? from : "", dir);
	strcpy(out + dir, name);
	return out;
}
