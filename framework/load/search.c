/* SPDX-License-Identifier: MIT
 * load/search.c - the directories in which modules are looked for
 *
 * The environment counts only for a process that nobody gave more rights than its caller has: the kernel's own
 * mark is asked, since a program with file capabilities has equal user ids. Being ignored is said aloud. Neither
 * the current directory nor an empty item ever becomes part of the path.
 */
#include "load/search.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define VARIABLE "ADIT_MODULE_PATH"

static bool known(const struct search *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (strcmp(s->dirs[i].path, path) == 0)
			return true;
	return false;
}

static int add(struct search *s, const char *path, const char *origin, struct report *report)
{
	struct search_dir *dir;
	char *resolved = realpath(path, NULL);
	int number = errno;

	if (known(s, resolved ? resolved : path)) {
		free(resolved);
		return 0;
	}
	if (s->count == LOAD_DIRS_MOST) {
		report_add(report, REPORT_WARNING, NULL, "name fewer directories",
		           "%s: %s is left out: %d directories at most",
		           origin, path, LOAD_DIRS_MOST);
		free(resolved);
		return 0;
	}
	dir = &s->dirs[s->count];
	dir->missing = resolved ? NULL : strdup(strerror(number));
	dir->path = resolved ? resolved : strdup(path);
	dir->origin = origin;
	s->count++;
	return dir->path && (resolved || dir->missing) ? 0 : ADIT_ENOMEM;
}

/* A directory that was named without a human at hand who knows where "." is: must be absolute. */
static int add_absolute(struct search *s, const char *path, const char *origin, struct report *report)
{
	if (path[0] == '/')
		return add(s, path, origin, report);
	report_add(report, REPORT_WARNING, NULL, "write the whole path, from /",
	           "%s: \"%s\" is ignored: it is not absolute",
	           origin, path);
	return 0;
}

static int add_environment(struct search *s, const struct load_options *options, struct report *report)
{
	const char *value = getenv(VARIABLE);
	char *copy, *rest, *item;
	int err = 0;

	if (!value || !*value)
		return 0;
	if (options->secure || getauxval(AT_SECURE)) {
		report_add(report, REPORT_WARNING, NULL, "use --module-dir or the manifest's modules.path",
		           VARIABLE " is ignored: this program runs with more rights than its caller");
		return 0;
	}
	copy = strdup(value);
	if (!copy)
		return ADIT_ENOMEM;
	rest = copy;
	while (!err && (item = strsep(&rest, ":")))
		err = add_absolute(s, item, VARIABLE, report);
	free(copy);
	return err;
}

/* lib/adit/modules/abi-1 beside the program (a build tree), then beside its directory (an installed tree). */
static int add_own_tree(struct search *s, struct report *report)
{
	static const char *const forms[] = {"/lib/adit/modules/abi-1", "/../lib/adit/modules/abi-1"};
	char path[PATH_MAX + 40];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;
	size_t i;
	int err = 0;

	if (n <= 0)
		return 0;
	path[n] = '\0';
	slash = strrchr(path, '/');
	for (i = 0; slash && !err && i < sizeof(forms) / sizeof(forms[0]); i++) {
		strcpy(slash, forms[i]);
		if (access(path, F_OK) == 0)
			err = add(s, path, "the program's own tree", report);
	}
	return err;
}

int search_init(struct search *s, const struct load_options *options, struct report *report)
{
	size_t i;
	int err = 0;

	if (options->builtin_only)
		return add(s, ADIT_MODULE_DIR, "built in", report);
	for (i = 0; !err && i < options->dir_count; i++) {
		const char *path = options->dirs[i];

		/* A relative one was typed by somebody who sees where he is; realpath makes it absolute for good. */
		err = path && *path ? add(s, path, "--module-dir", report) : 0;
	}
	if (!err)
		err = add_environment(s, options, report);
	for (i = 0; !err && i < options->manifest_dir_count; i++)
		err = add_absolute(s, options->manifest_dirs[i], "modules.path of the manifest", report);
	if (!err)
		err = add_own_tree(s, report);
	if (!err)
		err = add(s, ADIT_MODULE_DIR, "built in", report);
	return err;
}

void search_fini(struct search *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		free(s->dirs[i].path);
		free(s->dirs[i].missing);
	}
	memset(s, 0, sizeof(*s));
}
