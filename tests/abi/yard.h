/* SPDX-License-Identifier: MIT
 * tests/abi/yard.h - a throw-away directory into which a test puts modules, and a loader that looks there only
 */
#ifndef TESTS_YARD_H
#define TESTS_YARD_H

#include "load/load.h"

#include <limits.h>

struct yard {
	char dir[80];
	char mark[120]; /* made by the constructor of a form that is mapped */
	struct report report;
};

/* Where tests/abi/build.sh has put the forms. */
#define FORMS "tests/abi/forms"

void yard_init(struct yard *y);
void yard_fini(struct yard *y); /* removes everything */
/* Both as cmocka calls them: *state is the yard. */
int yard_setup(void **state);
int yard_teardown(void **state);
/* "DIR/name" in one of four buffers that are used in turn. */
const char *yard_path(const struct yard *y, const char *name);
/* Copies form FORM.so and FORM.json to TO.so and TO.json, each under its final name by rename. */
void yard_put(const struct yard *y, const char *form, const char *to);
void yard_write(const char *path, const void *bytes, size_t size);
char *yard_read(const char *path, size_t *size); /* malloc'd */
/* A loader with the yard as its first directory and no environment. */
struct loader *yard_loader(struct yard *y, const struct load_options *options,
                           const struct load_callbacks *callbacks);
/* Finds and opens; the first error, or 0. */
int yard_take(struct loader *l, struct yard *y, const char *name, struct module **m);
/* True when the report has a line that contains text; prints the report otherwise. */
bool yard_says(const struct yard *y, const char *text);
/* Forgets the findings. */
void yard_forget(struct yard *y);
/* True when some code of a form has run since the last asking. */
bool yard_ran(const struct yard *y);

#endif
