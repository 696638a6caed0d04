/* SPDX-License-Identifier: MIT
 * load/image.c - a file's code in memory
 *
 * The dynamic loader knows an image by the name it was opened with and by its inode. The name here is that of a
 * descriptor, so the file that was judged is the file that is mapped. It stays true only while the descriptor stays
 * open: under a number used again for another file, the older image would be found.
 */
#include "load/image.h"

#include "base/err.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

int image_open(struct image *out, int fd, const struct elf_facts *facts, const char *path, struct report *report)
{
	const struct report_place place = {path, 0, 0, NULL};
	char name[40];
	struct link_map *map;
	struct image image;
	const char *why;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	image.handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!image.handle) {
		why = dlerror();
		if (why && strncmp(why, name, strlen(name)) == 0)
			why += strlen(name);
		while (why && (*why == ':' || *why == ' '))
			why++;
		report_add(report, REPORT_ERROR, &place,
		           access("/proc/self/fd", X_OK) == 0 ? "install the library it names, or rebuild the module"
		                                              : "mount /proc",
		           "the system's loader refuses it: %s", why ? why : "no reason given");
		return ADIT_ECONFIG;
	}
	if (dlinfo(image.handle, RTLD_DI_LINKMAP, &map) != 0) {
		report_add(report, REPORT_ERROR, &place, NULL, "the system's loader does not say where it is");
		return ADIT_ECONFIG;
	}
	image.low = (uintptr_t)map->l_addr + (uintptr_t)facts->low;
	image.high = (uintptr_t)map->l_addr + (uintptr_t)facts->high;
	*out = image;
	return 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	ssize_t n;

	while (size) {
		n = write(fd, bytes, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

int image_copy(int *out, const char *bytes, size_t size, const char *label, const char *path, struct report *report)
{
	const struct report_place place = {path, 0, 0, NULL};
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd, number = 0;

	fd = memfd_create(label, flags | MFD_EXEC);
	if (fd < 0 && errno == EINVAL) /* a kernel before 6.3, where every such file may be executed */
		fd = memfd_create(label, flags);
	if (fd < 0) {
		number = errno;
	} else {
		number = -write_all(fd, bytes, size);
		if (!number && (fchmod(fd, 0500) != 0 ||
		                fcntl(fd, F_ADD_SEALS,
		                      F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0))
			number = errno;
	}
	if (!number) {
		*out = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	report_add(report, REPORT_ERROR, &place,
	           number == EACCES ? "set the sysctl vm.memfd_noexec to 0 or 1, or run with one shard and no sealed copies"
	                            : "run with one shard and no sealed copies",
	           "a copy in memory that may be executed cannot be made: %s", strerror(number));
	return err_from_errno(number);
}

const void *image_root(const struct image *image)
{
	const void *root = dlsym(image->handle, "adit_module_1");

	/* dlsym also looks into the libraries that the module wants. */
	return image_holds(image, root, 8) ? root : NULL;
}

bool image_holds(const struct image *image, const void *p, size_t size)
{
	uintptr_t at = (uintptr_t)p;

	return at >= image->low && at <= image->high && image->high - at >= size;
}

bool image_says(const struct image *image, const char *p, const char *text, size_t size)
{
	return image_holds(image, p, size + 1) && memcmp(p, text, size) == 0 && !p[size];
}
