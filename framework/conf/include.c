/* SPDX-License-Identifier: MIT
 * conf/include.c - a manifest file and the files it includes
 */
#include "conf/include.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "conf/file.h"
#include "conf/merge.h"
#include "conf/parse.h"
#include "conf/subst.h"

/* A file that is being read, and the one that included it. */
struct link {
	const struct link *by;
	dev_t device;
	ino_t inode;
	const char *path;
	unsigned depth;
};

struct include {
	struct arena *arena;
	struct adit_cfg *root;
	struct report *report;
	unsigned files;
	int err;
};

static void fail(struct include *i, int err)
{
	if (err && i->err != ADIT_ENOMEM)
		i->err = err;
}

/* A finding about a file that cannot be read: at the include that names it, or about the file
 * itself. */
static void fail_file(struct include *i, const struct adit_cfg *at, const char *path,
                      const char *cure, const char *why)
{
	struct report_place place = {.file = path};

	if (at)
		node_report(i->report, REPORT_ERROR, at, AT_VALUE, cure, "%s: %s", path, why);
	else
		report_add(i->report, REPORT_ERROR, &place, cure, "%s", why);
	fail(i, ADIT_ECONFIG);
}

static void read_layer(struct include *i, const struct parse_input *in, const struct link *link);

static void read_file(struct include *i, const char *name, const struct adit_cfg *at,
                      const struct link *by)
{
	struct link link = {.by = by, .depth = by ? by->depth + 1 : 0};
	char *path = arena_copy(i->arena, name, strlen(name));
	struct parse_input in = {.depth = PARSE_MANIFEST_DEPTH, .from = FROM_FILE};
	const struct link *l;
	struct file_text f;
	enum file_fault fault;

	if (!path) {
		fail(i, ADIT_ENOMEM);
		return;
	}
	if (link.depth > INCLUDE_MOST_DEPTH || i->files++ >= INCLUDE_MOST_FILES) {
		fail_file(i, at, path, "at most 16 levels and 256 files", "too many includes");
		return;
	}
	fault = file_read(path, PARSE_MOST_BYTES, &f);
	if (fault) {
		fail_file(i, at, path,
		          fault == FILE_SIZE ? "at most 1 MiB; split it with \"include\""
		                             : file_fault_cure(fault, &f),
		          file_fault_text(fault, &f));
		return;
	}
	for (l = by; l && !(l->device == f.device && l->inode == f.inode); l = l->by)
		;
	if (l) {
		fail_file(i, at, path, "break the circle", "this file includes itself");
	} else {
		link.device = f.device;
		link.inode = f.inode;
		link.path = path;
		in.file = path;
		in.text = f.text;
		in.size = f.size;
		read_layer(i, &in, &link);
	}
	file_free(&f);
}

/* The pattern as seen from the including file, whose own directory is no pattern. malloc'd. */
static char *pattern_beside(const char *from, const char *pattern)
{
	const char *slash = from && pattern[0] != '/' ? strrchr(from, '/') : NULL;
	size_t dir = slash ? (size_t)(slash - from) + 1 : 0, i;
	char *out = malloc(2 * dir + strlen(pattern) + 1), *end = out;

	if (!out)
		return NULL;
	for (i = 0; i < dir; i++) {
		if (strchr("*?[]\\", from[i]))
			*end++ = '\\';
		*end++ = from[i];
	}
	strcpy(end, pattern);
	return out;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_pattern(struct include *i, const struct adit_cfg *at, const struct link *by)
{
	char *pattern = pattern_beside(by ? by->path : NULL, at->text);
	glob_t found;
	size_t k;
	int err;

	if (!pattern) {
		fail(i, ADIT_ENOMEM);
		return;
	}
	memset(&found, 0, sizeof(found));
	err = glob(pattern, GLOB_NOSORT, NULL, &found);
	if (!err) {
		qsort(found.gl_pathv, found.gl_pathc, sizeof(char *), by_name);
		for (k = 0; k < found.gl_pathc && k < INCLUDE_MOST_FILES + 1; k++)
			read_file(i, found.gl_pathv[k], at, by);
	} else if (err == GLOB_NOSPACE) {
		fail(i, ADIT_ENOMEM);
	} else if (err != GLOB_NOMATCH) {
		fail_file(i, at, at->text, NULL, "a directory on the way cannot be read");
	} else if (!strpbrk(at->text, "*?[")) {
		fail_file(i, at, at->text, "create it, or correct the path",
		          "there is no such file");
	}
	globfree(&found);
	free(pattern);
}

static void read_includes(struct include *i, struct adit_cfg *layer, const struct link *by)
{
	struct adit_cfg *list = node_find(layer, "include");
	uint32_t k;

	if (!list)
		return;
	if (list->type == NODE_TEXT) {
		read_pattern(i, list, by);
		return;
	}
	for (k = 0; k < list->count; k++)
		if (list->items[k]->type == NODE_TEXT)
			read_pattern(i, list->items[k], by);
	for (k = 0; k < list->count && list->items[k]->type == NODE_TEXT; k++)
		;
	if (list->type == NODE_LIST && k == list->count)
		return;
	node_report(i->report, REPORT_ERROR, list, AT_VALUE, "must be a path or a list of paths",
	            "\"include\" cannot be used");
	fail(i, ADIT_ECONFIG);
}

static void read_layer(struct include *i, const struct parse_input *in, const struct link *link)
{
	struct adit_cfg *layer = parse_text(i->arena, in, i->report);

	if (!layer) {
		fail(i, ADIT_ECONFIG);
		return;
	}
	if (layer->type != NODE_OBJECT) {
		node_report(i->report, REPORT_ERROR, layer, AT_VALUE, "write { \"adit\": 1, ... }",
		            "a manifest must be an object");
		fail(i, ADIT_ECONFIG);
		return;
	}
	layer->key = NULL;
	fail(i, subst_tree(i->arena, layer, link ? link->path : NULL, i->report));
	if (i->err == ADIT_ENOMEM)
		return;
	if (i->root->origin.from == FROM_DEFAULT)
		i->root->origin = layer->origin;
	fail(i, merge_layer(i->arena, i->root, layer, false, i->report));
	if (i->err != ADIT_ENOMEM)
		read_includes(i, layer, link);
}

int include_file(struct arena *a, struct adit_cfg *root, const char *path, struct report *r)
{
	struct include i = {.arena = a, .root = root, .report = r};

	read_file(&i, path, NULL, NULL);
	return i.err;
}

int include_text(struct arena *a, struct adit_cfg *root, const char *text, const char *file,
                 struct report *r)
{
	struct include i = {.arena = a, .root = root, .report = r};
	struct parse_input in = {
		.file = file,
		.text = text,
		.size = strlen(text),
		.depth = PARSE_MANIFEST_DEPTH,
		.from = FROM_FILE,
	};

	if (!file) {
		in.file = "command line";
		in.from = FROM_COMMAND;
	}
	read_layer(&i, &in, NULL);
	return i.err;
}
