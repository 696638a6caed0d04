/* SPDX-License-Identifier: MIT
 * load/trust.c - opens a file only if nobody but root and ourselves could have put it there
 */
#include "load/trust.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef SYS_openat2
#include <linux/openat2.h>
#endif

/* One walk. */
struct walk {
	const char *path;
	const struct trust_rules *rules;
	struct report *report;
	size_t errors;
};

static void find_fault(struct walk *w, bool hard, const char *cure, const char *place, const char *text)
{
	const struct report_place at = {place, 0, 0, NULL};
	bool warn = !hard && w->rules->allow_unsafe_owner;

	w->errors += !warn;
	report_add(w->report, warn ? REPORT_WARNING : REPORT_ERROR, &at, cure, "%s", text);
}

/* Opens one component. Without openat2 the same rule holds: a single component has only itself to be a link. */
static int open_component(int dir, const char *name, int flags)
{
#ifdef SYS_openat2
	struct open_how how = {.flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
	                       .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH};
	long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return (int)fd;
#endif
	return openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
}

/* True in a user namespace into which the machine's root is not mapped: there root's files show the overflow
 * number, and the process has no more rights than the user who made the namespace. /proc/sys/kernel is root's on
 * every machine, so its owner tells. */
static bool owner_is_veiled(uid_t uid)
{
	struct stat st;

	return uid == 65534 && stat("/proc/sys/kernel", &st) == 0 && st.st_uid == uid;
}

static bool owner_is_safe(uid_t uid)
{
	return uid == 0 || uid == geteuid() || owner_is_veiled(uid);
}

static void judge_directory(struct walk *w, const struct stat *st, const char *place, bool last)
{
	char text[160], cure[PATH_MAX + 64];

	if (!owner_is_safe(st->st_uid)) {
		snprintf(text, sizeof(text), "the directory belongs to user %u, who could replace the module",
		         (unsigned)st->st_uid);
		snprintf(cure, sizeof(cure), "chown root %s, or move the module", place);
		find_fault(w, false, cure, place, text);
	}
	if (!(st->st_mode & (S_IWGRP | S_IWOTH)))
		return;
	if (!last && st->st_mode & S_ISVTX && (st->st_uid == 0 || owner_is_veiled(st->st_uid)))
		return;
	snprintf(text, sizeof(text), "the directory is writable by %s (mode %04o)",
	         st->st_mode & S_IWOTH ? "everybody" : "its group", (unsigned)(st->st_mode & 07777));
	snprintf(cure, sizeof(cure), "chmod go-w %s, or move the module", place);
	find_fault(w, false, cure, place, text);
}

static void judge_file(struct walk *w, const struct stat *st)
{
	char text[160], cure[PATH_MAX + 64];

	if (!owner_is_safe(st->st_uid)) {
		snprintf(text, sizeof(text), "the file belongs to user %u, who could change it",
		         (unsigned)st->st_uid);
		snprintf(cure, sizeof(cure), "chown root %s, or run as that user", w->path);
		find_fault(w, false, cure, w->path, text);
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(text, sizeof(text), "the file is writable by %s (mode %04o)",
		         st->st_mode & S_IWOTH ? "everybody" : "its group", (unsigned)(st->st_mode & 07777));
		snprintf(cure, sizeof(cure), "chmod go-w %s", w->path);
		find_fault(w, false, cure, w->path, text);
	}
}

/* What a refused open means. dir and name are still at hand to look without opening. */
static int explain_open(struct walk *w, int dir, const char *name, int number, bool last)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
		find_fault(w, true, "put the file itself there, or name what the link points to", w->path,
		           last ? "it is a symbolic link" : "there is a symbolic link in the path");
		return ADIT_EPERM;
	}
	if (number == ENOENT)
		return ADIT_ENOENT;
	find_fault(w, true, last ? "make it readable for this user" : "make every directory above it searchable",
	           w->path,
	           strerror(number));
	return err_from_errno(number);
}

/* Opens what is no directory on the way. A type that blocks or acts on being opened is told before. */
static int open_file(struct walk *w, int dir, const char *name, int *out, struct stat *st)
{
	char text[96];
	int fd;

	if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISLNK(st->st_mode))
		return explain_open(w, dir, name, errno, true);
	fd = S_ISREG(st->st_mode) ? open_component(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY) : -1;
	if (fd < 0 && S_ISREG(st->st_mode))
		return explain_open(w, dir, name, errno, true);
	if (fd < 0 || fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
		if (fd >= 0)
			close(fd);
		find_fault(w, true, "put the file itself there", w->path,
		           S_ISDIR(st->st_mode) ? "it is a directory" : "it is not a regular file");
		return ADIT_EPERM;
	}
	judge_file(w, st);
	if ((uint64_t)st->st_size > w->rules->size_most) {
		snprintf(text, sizeof(text), "the file has %lld bytes; %zu at most", (long long)st->st_size,
		         w->rules->size_most);
		find_fault(w, true, "strip it", w->path, text);
		close(fd);
		return ADIT_ELIMIT;
	}
	*out = fd;
	return 0;
}

/* Walks down to the file's own directory. name gets the last component. */
static int walk_down(struct walk *w, char *place, const char **name, int *out)
{
	char *at = place + 1, *slash;
	int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), next;
	struct stat st;
	int err;

	if (dir < 0 || fstat(dir, &st) != 0) {
		err = err_from_errno(errno);
		if (dir >= 0)
			close(dir);
		return err;
	}
	judge_directory(w, &st, "/", !strchr(at, '/'));
	while ((slash = strchr(at, '/'))) {
		*slash = '\0';
		next = open_component(dir, at, O_PATH | O_DIRECTORY);
		if (next < 0 || fstat(next, &st) != 0) {
			err = explain_open(w, dir, at, errno, false);
			if (next >= 0)
				close(next);
			close(dir);
			return err;
		}
		close(dir);
		dir = next;
		judge_directory(w, &st, place, !strchr(slash + 1, '/'));
		*slash = '/';
		at = slash + 1;
	}
	*name = at;
	*out = dir;
	return 0;
}

int trust_open(const char *path, const struct trust_rules *rules, struct report *report, int *fd, struct stat *st)
{
	struct walk w = {path, rules, report, 0};
	char place[PATH_MAX];
	const char *name = "";
	int dir = -1, got = -1, err;

	if (path[0] != '/' || strlen(path) >= sizeof(place) || strstr(path, "//") || strstr(path, "/./") ||
	    strstr(path, "/../")) {
		find_fault(&w, true, "write the whole path, from / and without . and ..", path,
		           "the path is not absolute");
		return ADIT_EINVAL;
	}
	memcpy(place, path, strlen(path) + 1);
	err = walk_down(&w, place, &name, &dir);
	if (err)
		return err;
	err = open_file(&w, dir, name, &got, st);
	close(dir);
	if (!err && w.errors) {
		close(got);
		err = ADIT_EPERM;
	}
	if (!err)
		*fd = got;
	return err;
}

int trust_read(int fd, size_t size, char **out)
{
	char *bytes = malloc(size + 1);
	size_t got = 0;
	ssize_t n;

	if (!bytes)
		return ADIT_ENOMEM;
	while (got < size) {
		n = pread(fd, bytes + got, size - got, (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(bytes);
			return ADIT_EIO;
		}
		got += (size_t)n;
	}
	bytes[size] = '\0';
	*out = bytes;
	return 0;
}
