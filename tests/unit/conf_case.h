/* SPDX-License-Identifier: MIT
 * unit/conf_case.h - what the tests of framework/conf share: a directory of small files, and
 * findings as one text
 */
#ifndef UNIT_CONF_CASE_H
#define UNIT_CONF_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"

static char case_dir[64];

/* Every test begins in an empty directory of its own. */
static int case_begin(void **state)
{
	(void)state;
	strcpy(case_dir, "/tmp/adit-conf-XXXXXX");
	return mkdtemp(case_dir) && !chdir(case_dir) ? 0 : -1;
}

static int case_end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", case_dir);
	return chdir("/") || system(command) ? -1 : 0;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

/* The findings, one per line. */
static char *lines_of(const struct report *r)
{
	char *out = NULL, *line;
	size_t size, i;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	for (i = 0; i < r->count; i++) {
		line = report_line(&r->items[i]);
		assert_non_null(line);
		fprintf(f, "%s\n", line);
		free(line);
	}
	fclose(f);
	return out;
}

/* Loads a source; the findings must be exactly these lines. Null: it was refused. */
static __attribute__((unused)) struct conf *load_source(const struct conf_source *source,
                                                        const char *expected)
{
	struct conf *c = NULL;
	struct report r;
	char *lines;
	int err;

	report_init(&r);
	err = conf_load(&c, source, &r);
	lines = lines_of(&r);
	assert_string_equal(lines, expected);
	assert_int_equal(err, r.errors ? ADIT_ECONFIG : 0);
	assert_int_equal(!c, err != 0);
	free(lines);
	report_fini(&r);
	return c;
}

/* The same for a file m.json with this text. */
static __attribute__((unused)) struct conf *load_text(const char *text, const char *expected)
{
	struct conf_source source = {.path = "m.json"};

	write_file("m.json", text);
	return load_source(&source, expected);
}

static __attribute__((unused)) void refuse(const char *text, const char *expected)
{
	assert_null(load_text(text, expected));
}

static __attribute__((unused)) char *dump_of(const struct conf *c, unsigned flags)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	assert_int_equal(conf_dump(c, f, flags), 0);
	fclose(f);
	return out;
}

#endif
