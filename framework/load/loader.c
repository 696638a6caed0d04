/* SPDX-License-Identifier: MIT
 * load/loader.c - finds and loads modules
 */
#include "load/loader.h"

#include "load/module.h"
#include "load/policy.h"
#include "load/trace.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int loader_new(struct loader **out, const struct load_options *options, const struct load_callbacks *callbacks,
               struct report *report)
{
	struct loader *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return ADIT_ENOMEM;
	l->allow_unsafe_owner = options->allow_unsafe_owner;
	l->sealed = options->sealed;
	if (callbacks)
		l->callbacks = *callbacks;
	err = search_init(&l->search, options, report);
	if (err) {
		loader_free(l);
		return err;
	}
	*out = l;
	return 0;
}

void loader_free(struct loader *l)
{
	size_t i;

	if (!l)
		return;
	for (i = 0; i < l->count; i++)
		module_free(l->modules[i]);
	search_fini(&l->search);
	free(l);
}

/* The first error since there were `before` items, for the trace. */
static const char *first_error(const struct report *report, size_t before)
{
	size_t i;

	for (i = before; i < report->count; i++)
		if (report->items[i].level == REPORT_ERROR)
			return report->items[i].text;
	return "see the findings";
}

/* Judges one file that is there. */
static int judge(struct loader *l, const char *name, const char *path, const char *origin, struct load_trace *trace,
                 struct report *report, struct candidate **out)
{
	const struct candidate_wish wish = {path, name, l->allow_unsafe_owner, false};
	const struct report_place place = {path, 0, 0, NULL};
	struct candidate *c = NULL;
	size_t before = report->count;
	int err = candidate_judge(&c, &wish, report);

	if (err == ADIT_ENOENT) {
		report_add(report, REPORT_ERROR, &place, "install the library",
		           "it is missing beside its descriptor");
		err = ADIT_ECONFIG;
	}
	if (err) {
		load_trace_add(trace, LOAD_REFUSED, path, "%s (from %s)",
		               err == ADIT_ENOMEM ? "out of memory" : first_error(report, before), origin);
		candidate_free(c);
		return err;
	}
	load_trace_add(trace, LOAD_TAKEN, path, "%s %s (from %s)", c->d->name, c->d->version, origin);
	*out = c;
	return 0;
}

/* 0: the library or its descriptor is in the directory; else the reason why not, as an errno. */
static int present(const char *path)
{
	char other[PATH_MAX];
	size_t n = strlen(path);
	struct stat st;
	int number;

	if (lstat(path, &st) == 0)
		return 0;
	number = errno;
	memcpy(other, path, n - 3);
	strcpy(other + n - 3, ".json");
	return lstat(other, &st) == 0 ? 0 : number;
}

static int find_named(struct loader *l, const char *name, struct load_trace *trace, struct report *report,
                      struct candidate **out)
{
	char path[PATH_MAX - 8], first[PATH_MAX - 8] = "";
	int err = ADIT_ENOENT, number;
	size_t i;

	for (i = 0; i < l->search.count; i++) {
		const struct search_dir *dir = &l->search.dirs[i];
		int n = snprintf(path, sizeof(path), "%s/%s.so", strcmp(dir->path, "/") ? dir->path : "", name);

		if (n < 0 || (size_t)n >= sizeof(path)) {
			load_trace_add(trace, LOAD_LEFT, dir->path, "the path is too long (from %s)", dir->origin);
			continue;
		}
		number = present(path);
		if (number) {
			load_trace_add(trace, LOAD_LEFT, path, "%s (from %s)",
			               dir->missing ? dir->missing : strerror(number), dir->origin);
		} else if (*first) {
			const struct report_place place = {path, 0, 0, NULL};

			load_trace_add(trace, LOAD_SHADOWED, path, "%s comes before it (from %s)", first,
			               dir->origin);
			report_add(report, REPORT_NOTE, &place, NULL, "it is shadowed by %s", first);
		} else {
			strcpy(first, path);
			err = judge(l, name, path, dir->origin, trace, report, out);
		}
	}
	return err;
}

int loader_find(struct loader *l, const char *name, const char *library, struct load_trace *trace,
                struct report *report, struct candidate **out)
{
	struct candidate *c = NULL;
	int err;

	if (!descriptor_name_valid(name)) {
		report_add(report, REPORT_ERROR, NULL,
		           "lower case letters, digits, '-', '_' and '.', 64 bytes at most",
		           "\"%.80s\" cannot be a module's name", name);
		return ADIT_ECONFIG;
	}
	if (library && library[0] != '/') {
		report_add(report, REPORT_ERROR, NULL, "write the whole path, from /",
		           "library \"%.200s\" is not absolute", library);
		return ADIT_ECONFIG;
	}
	if (library && (strlen(library) > PATH_MAX - 16 || strlen(library) < 4 || present(library))) {
		err = ADIT_ENOENT;
		load_trace_add(trace, LOAD_LEFT, library, "there is no such file (named by the manifest)");
	} else if (library) {
		err = judge(l, name, library, "the manifest", trace, report, &c);
	} else {
		err = find_named(l, name, trace, report, &c);
	}
	if (err == ADIT_ENOENT && library)
		report_add(report, REPORT_ERROR, NULL, "correct the path, or install the module",
		           "there is no file %.400s for the module %s", library, name);
	else if (err == ADIT_ENOENT)
		report_add(report, REPORT_ERROR, NULL,
		           "install it, or name its directory with --module-dir; --why lists the places",
		           "there is no module %s in %zu directories", name, l->search.count);
	if (!err)
		*out = c;
	else
		candidate_free(c); /* a shadowed one cannot spoil it */
	return err;
}

/* A module of this very file that is loaded already, whatever the file holds by now. */
static struct module *same_file(const struct loader *l, const struct candidate *c)
{
	size_t i = l->count;

	while (i--)
		if (l->modules[i]->c->st.st_dev == c->st.st_dev && l->modules[i]->c->st.st_ino == c->st.st_ino)
			return l->modules[i];
	return NULL;
}

/* A module of that name with these contents: the file, or one that it has been copied to or from. */
static struct module *same_contents(const struct loader *l, const struct candidate *c)
{
	size_t i = l->count;

	while (i--)
		if (!strcmp(module_name(l->modules[i]), c->d->name) && module_is(l->modules[i], c))
			return l->modules[i];
	return NULL;
}

static unsigned next_generation(const struct loader *l, const char *name)
{
	unsigned n = 1;
	size_t i;

	for (i = 0; i < l->count; i++)
		n += strcmp(module_name(l->modules[i]), name) == 0;
	return n;
}

int loader_open(struct loader *l, struct candidate *c, struct report *report, struct module **out)
{
	const struct report_place place = {c->path, 0, 0, NULL};
	struct module *m = same_contents(l, c);
	int err;

	if (policy_judge_needs(c->d, &l->callbacks, c->path, report))
		return ADIT_ECONFIG;
	if (m) {
		*out = m;
		return 0;
	}
	if (same_file(l, c) && !l->sealed) {
		report_add(report, REPORT_ERROR, &place,
		           "copy the new file beside it and rename it over the old one, then try again",
		           "it was written over in place after it had been loaded");
		return ADIT_ECONFIG;
	}
	if (l->count == LOAD_MODULES_MOST) {
		report_add(report, REPORT_ERROR, &place, "restart: images are never unmapped",
		           "%d modules have been loaded already", LOAD_MODULES_MOST);
		return ADIT_ELIMIT;
	}
	err = module_new(&m, c, next_generation(l, c->d->name), l->sealed, report);
	if (err)
		return err;
	l->modules[l->count++] = m;
	*out = m;
	return 0;
}
