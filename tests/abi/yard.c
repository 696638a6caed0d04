/* SPDX-License-Identifier: MIT
 * tests/abi/yard.c - a throw-away directory into which a test puts modules
 */
#include "yard.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

void yard_init(struct yard *y)
{
	const char *tmp = getenv("TMPDIR");

	umask(022);
	snprintf(y->dir, sizeof(y->dir), "%.60s/adit-load.XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	must(mkdtemp(y->dir) != NULL, "mkdtemp");
	snprintf(y->mark, sizeof(y->mark), "%s/mark", y->dir);
	setenv("ADIT_TEST_MARK", y->mark, 1);
	unsetenv("ADIT_MODULE_PATH");
	report_init(&y->report);
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

void yard_fini(struct yard *y)
{
	nftw(y->dir, drop, 16, FTW_DEPTH | FTW_PHYS);
	report_fini(&y->report);
}

int yard_setup(void **state)
{
	*state = calloc(1, sizeof(struct yard));
	must(*state, "memory");
	yard_init(*state);
	return 0;
}

int yard_teardown(void **state)
{
	yard_fini(*state);
	free(*state);
	return 0;
}

const char *yard_path(const struct yard *y, const char *name)
{
	static char room[4][PATH_MAX];
	static unsigned turn;
	char *path = room[turn++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", y->dir, name);
	return path;
}

char *yard_read(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	char *bytes;
	long end;

	must(f && fseek(f, 0, SEEK_END) == 0, path);
	end = ftell(f);
	must(end >= 0, path);
	rewind(f);
	bytes = malloc((size_t)end + 1);
	must(bytes && fread(bytes, 1, (size_t)end, f) == (size_t)end, path);
	bytes[end] = '\0';
	fclose(f);
	*size = (size_t)end;
	return bytes;
}

void yard_write(const char *path, const void *bytes, size_t size)
{
	char other[PATH_MAX];
	FILE *f;

	snprintf(other, sizeof(other), "%s.new", path);
	f = fopen(other, "wb");
	must(f && fwrite(bytes, 1, size, f) == size && fclose(f) == 0, other);
	must(rename(other, path) == 0, path);
}

void yard_put(const struct yard *y, const char *form, const char *to)
{
	static const char *const ends[] = {"so", "json"};
	char from[200], name[200];
	size_t i, size;
	char *bytes;

	for (i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), FORMS "/%s.%s", form, ends[i]);
		snprintf(name, sizeof(name), "%s.%s", to, ends[i]);
		bytes = yard_read(from, &size);
		yard_write(yard_path(y, name), bytes, size);
		free(bytes);
	}
}

struct loader *yard_loader(struct yard *y, const struct load_options *options, const struct load_callbacks *callbacks)
{
	const char *dirs[] = {y->dir};
	struct load_options o = {0};
	struct loader *l;

	if (options)
		o = *options;
	if (!o.dir_count) {
		o.dirs = dirs;
		o.dir_count = 1;
	}
	must(loader_new(&l, &o, callbacks, &y->report) == 0, "loader_new");
	return l;
}

int yard_take(struct loader *l, struct yard *y, const char *name, struct module **m)
{
	struct candidate *c = NULL;
	int err = loader_find(l, name, NULL, NULL, &y->report, &c);

	if (!err)
		err = loader_open(l, c, &y->report, m);
	candidate_free(c);
	return err;
}

bool yard_says(const struct yard *y, const char *text)
{
	bool found = false;
	size_t i;

	for (i = 0; i < y->report.count && !found; i++) {
		char *line = report_line(&y->report.items[i]);

		found = line && strstr(line, text);
		free(line);
	}
	for (i = 0; i < y->report.count && !found; i++) {
		char *line = report_line(&y->report.items[i]);

		fprintf(stderr, "  reported: %s\n", line);
		free(line);
	}
	if (!found)
		fprintf(stderr, "  wanted: %s\n", text);
	return found;
}

void yard_forget(struct yard *y)
{
	report_fini(&y->report);
	report_init(&y->report);
}

bool yard_ran(const struct yard *y)
{
	return unlink(y->mark) == 0;
}
