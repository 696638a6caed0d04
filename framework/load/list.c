/* SPDX-License-Identifier: MIT
 * load/list.c - all modules that the search path offers
 */
#include "load/candidate.h"
#include "load/loader.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MOST = 4096 }; /* of one directory and of all together */

struct names {
	char *items[NAMES_MOST];
	size_t count;
};

static void free_names(struct names *names)
{
	size_t i;

	if (!names)
		return;
	for (i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names);
}

static bool has_name(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

static int add_name(struct names *names, const char *name, size_t size)
{
	char *copy = strndup(name, size);

	if (!copy)
		return ADIT_ENOMEM;
	if (names->count == NAMES_MOST || has_name(names, copy) || !descriptor_name_valid(copy)) {
		free(copy);
		return 0;
	}
	names->items[names->count++] = copy;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The modules' names in a directory, sorted: NAME.so, or NAME.json whose library is lost. No descending. */
static int read_names(struct names *names, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return 0;
	while (!err && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);

		if (n > 3 && strcmp(entry->d_name + n - 3, ".so") == 0)
			err = add_name(names, entry->d_name, n - 3);
		else if (n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0)
			err = add_name(names, entry->d_name, n - 5);
	}
	closedir(dir);
	qsort(names->items, names->count, sizeof(names->items[0]), by_name);
	return err;
}

static const char *reason_of(const struct report *report, int err)
{
	size_t i;

	for (i = 0; i < report->count; i++)
		if (report->items[i].level == REPORT_ERROR)
			return report->items[i].text;
	return err == ADIT_ENOENT ? "the library is missing beside its descriptor" : "out of memory";
}

/* Judges one file and tells about it. */
static int tell(struct loader *l, const struct search_dir *dir, const char *name, bool shadowed,
                int (*fn)(void *arg, const struct load_entry *entry), void *arg)
{
	char path[PATH_MAX];
	const struct candidate_wish wish = {path, name, l->allow_unsafe_owner, false};
	struct load_entry entry = {name, path, "", "", NULL, dir->origin, shadowed, 0, NULL};
	struct candidate *c = NULL;
	struct report report;
	int err, n = snprintf(path, sizeof(path), "%s/%s.so", dir->path, name);

	if (n < 0 || (size_t)n >= sizeof(path) - 8)
		return 0;
	report_init(&report);
	err = candidate_judge(&c, &wish, &report);
	if (err) {
		entry.reason = reason_of(&report, err);
	} else {
		entry.version = c->d->version;
		entry.summary = c->d->summary;
		entry.component_count = c->d->component_count;
		entry.candidate = c;
	}
	err = fn(arg, &entry);
	candidate_free(c);
	report_fini(&report);
	return err;
}

static int list_directory(struct loader *l, const struct search_dir *dir, struct names *seen,
                          int (*fn)(void *arg, const struct load_entry *entry), void *arg)
{
	struct names *names = calloc(1, sizeof(*names));
	size_t i;
	int err;

	if (!names)
		return ADIT_ENOMEM;
	err = read_names(names, dir->path);
	for (i = 0; !err && i < names->count; i++) {
		err = tell(l, dir, names->items[i], has_name(seen, names->items[i]), fn, arg);
		if (!err)
			err = add_name(seen, names->items[i], strlen(names->items[i]));
	}
	free_names(names);
	return err;
}

int loader_list(struct loader *l, int (*fn)(void *arg, const struct load_entry *entry), void *arg)
{
	struct names *seen = calloc(1, sizeof(*seen));
	size_t i;
	int err = seen ? 0 : ADIT_ENOMEM;

	for (i = 0; !err && i < l->search.count; i++)
		err = list_directory(l, &l->search.dirs[i], seen, fn, arg);
	free_names(seen);
	return err;
}
