/* SPDX-License-Identifier: MIT
 * conf/subst.c - ${env:...}, ${file:...} and ${cred:...} inside the texts of a tree
 */
#include "conf/subst.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/blank.h"
#include "conf/file.h"

struct subst {
	struct arena *arena;
	const char *file;
	struct report *report;
	struct adit_cfg *node; /* whose text is being made */
	char *out;    /* what there is of it; in the arena, and so are its shorter forms */
	size_t size, room;
	struct node_origin origin;
	bool secret;
};

static int complain(struct subst *s, const char *cure, const char *what, const char *name,
                    const char *why)
{
	node_report(s->report, REPORT_ERROR, s->node, AT_VALUE, cure, "%s%s%s", what, name, why);
	return ADIT_ECONFIG;
}

/* The graver of two results: no memory, then the first. */
static int keep(int err, int other)
{
	return other == ADIT_ENOMEM || !err ? other : err;
}

/* ADIT_ELIMIT, ADIT_ENOMEM. A null byte stands behind the text. */
static int add(struct subst *s, const char *text, size_t size)
{
	size_t room = s->room ? s->room : 128;
	char *out;

	if (size > SUBST_MOST_TEXT - s->size)
		return ADIT_ELIMIT;
	while (room < s->size + size + 1)
		room *= 2;
	if (room > s->room) {
		out = arena_alloc(s->arena, room);
		if (!out)
			return ADIT_ENOMEM;
		if (s->size)
			memcpy(out, s->out, s->size);
		s->out = out;
		s->room = room;
	}
	memcpy(s->out + s->size, text, size);
	s->size += size;
	s->out[s->size] = '\0';
	return 0;
}

/* The first substitution names the origin, but a secret one wins. */
static int set_origin(struct subst *s, enum node_from from, const char *name, bool secret)
{
	if (s->origin.from == FROM_FILE || s->origin.from == FROM_COMMAND ||
	    (secret && !s->secret)) {
		s->origin.from = from;
		s->origin.name = arena_copy(s->arena, name, strlen(name));
		if (!s->origin.name)
			return ADIT_ENOMEM;
	}
	s->secret |= secret;
	return 0;
}

static bool is_variable(const char *name)
{
	size_t i;

	if (!isalpha((unsigned char)name[0]) && name[0] != '_')
		return false;
	for (i = 1; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

static int put_env(struct subst *s, char *name)
{
	char *standard = strstr(name, ":-");
	const char *value;
	char cure[160];
	size_t where;

	if (standard) {
		*standard = '\0';
		standard += 2;
	}
	if (!is_variable(name))
		return complain(s, "write ${env:NAME} or ${env:NAME:-default}", "\"", name,
		                "\" is not the name of an environment variable");
	value = getenv(name);
	if (standard && (!value || !*value)) {
		return add(s, standard, strlen(standard));
	}
	snprintf(cure, sizeof(cure), "set it, or write ${env:%.50s:-default}", name);
	if (!value)
		return complain(s, cure, "environment variable ", name, " is not set");
	if (!blank_is_utf8(value, strlen(value), &where))
		return complain(s, NULL, "environment variable ", name, " is not UTF-8");
	return keep(add(s, value, strlen(value)), set_origin(s, FROM_ENV, name, false));
}

/* The text of a file without one line end behind it. */
static int put_file(struct subst *s, const char *path, const char *name, enum node_from from)
{
	const char *what = from == FROM_CRED ? "credential " : "file ";
	struct file_text f;
	enum file_fault fault = file_read(path, SUBST_MOST, &f);
	char why[160];
	size_t where;
	int err = 0;

	if (fault) {
		snprintf(why, sizeof(why), ": %s", file_fault_text(fault, &f));
		return complain(s,
		                fault == FILE_SIZE ? "at most 64 KiB" : file_fault_cure(fault, &f),
		                what, path, why);
	}
	if (f.size && f.text[f.size - 1] == '\n')
		f.size--;
	if (f.size && f.text[f.size - 1] == '\r')
		f.size--;
	if (memchr(f.text, 0, f.size) || !blank_is_utf8(f.text, f.size, &where))
		err = complain(s, "only UTF-8 text without null bytes can be put in", what, path,
		               " is not text");
	else
		err = add(s, f.text, f.size);
	file_free(&f);
	return err ? err : set_origin(s, from, name, true);
}

static int put_beside(struct subst *s, const char *name)
{
	char *path = file_beside(s->file, name);
	int err;

	if (!path)
		return ADIT_ENOMEM;
	err = put_file(s, path, name, FROM_OTHER);
	free(path);
	return err;
}

static int put_credential(struct subst *s, const char *name)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path;
	int err;

	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return complain(s, "write ${cred:NAME}", "\"", name,
		                "\" is not the name of a credential");
	if (!dir || dir[0] != '/')
		return complain(
			s,
			"run adit as a service with LoadCredential=, or set $CREDENTIALS_DIRECTORY",
			"credential ", name, ": there is no credentials directory");
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return ADIT_ENOMEM;
	err = put_file(s, path, name, FROM_CRED);
	free(path);
	return err;
}

/* One ${...}; inside is what stands between the braces. */
static int put(struct subst *s, char *inside)
{
	if (!strncmp(inside, "env:", 4))
		return put_env(s, inside + 4);
	if (!strncmp(inside, "cred:", 5))
		return put_credential(s, inside + 5);
	if (!strncmp(inside, "file:", 5) && inside[5])
		return put_beside(s, inside + 5);
	return complain(s, "write ${env:NAME}, ${file:PATH} or ${cred:NAME}, or $${ for ${ itself",
	                "\"${", inside, "}\" means nothing");
}

static int put_all(struct subst *s, const char *text)
{
	const char *next, *end;
	char *inside;
	int err = 0, other;

	while ((next = strstr(text, "${"))) {
		if (next > text && next[-1] == '$') {
			other = add(s, text, (size_t)(next - text) - 1);
			other = other ? other : add(s, "${", 2);
			if (other)
				return other;
			text = next + 2;
			continue;
		}
		other = add(s, text, (size_t)(next - text));
		if (other)
			return other;
		end = strchr(next, '}');
		if (!end)
			return complain(s, "close it with }, or write $${ for ${ itself", "",
			                "\"${\"", " without its end");
		inside = arena_copy(s->arena, next + 2, (size_t)(end - next) - 2);
		if (!inside)
			return ADIT_ENOMEM;
		other = put(s, inside);
		if (other == ADIT_ENOMEM || other == ADIT_ELIMIT)
			return other;
		err = err ? err : other;
		text = end + 1;
	}
	return keep(err, add(s, text, strlen(text)));
}

static int subst_text(struct subst *s, struct adit_cfg *n)
{
	int err;

	if (!strstr(n->text, "${"))
		return 0;
	s->node = n;
	s->origin = n->origin;
	s->secret = n->secret;
	s->out = NULL;
	s->size = s->room = 0;
	err = add(s, "", 0);
	if (!err)
		err = put_all(s, n->text);
	if (err == ADIT_ELIMIT)
		err = complain(s, "at most 256 KiB", "", "the text", " grows too large");
	if (!err) {
		n->text = s->out;
		n->size = s->size;
		n->origin = s->origin;
		n->secret = s->secret;
		n->loose = true;
	}
	return err;
}

static int walk(struct subst *s, struct adit_cfg *n)
{
	int err = 0, other;
	uint32_t i;

	if (n->type == NODE_TEXT)
		return subst_text(s, n);
	for (i = 0; i < n->count; i++) {
		other = walk(s, n->items[i]);
		if (other == ADIT_ENOMEM)
			return other;
		err = err ? err : other;
	}
	return err;
}

int subst_tree(struct arena *a, struct adit_cfg *n, const char *file, struct report *r)
{
	struct subst s = {.arena = a, .file = file, .report = r};

	return walk(&s, n);
}
