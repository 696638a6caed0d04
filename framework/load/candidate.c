/* SPDX-License-Identifier: MIT
 * load/candidate.c - a module's file, opened and judged, none of its code run
 */
#include "load/candidate.h"

#include "base/hash.h"
#include "load/policy.h"
#include "load/trust.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No secret: who may write modules needs no collision. */
static const struct hash_key contents;

static void complain(struct report *report, const char *path, const char *cure, const char *text)
{
	const struct report_place place = {path, 0, 0, NULL};

	report_add(report, REPORT_ERROR, &place, cure, "%s", text);
}

/* Opens and reads the library. */
static int take_bytes(struct candidate *c, const struct candidate_wish *wish, struct report *report)
{
	const struct trust_rules rules = {wish->allow_unsafe_owner, LOAD_FILE_MOST};
	const struct trust_rules lax = {true, LOAD_FILE_MOST};
	struct report quiet;
	int err, again;

	err = trust_open(wish->path, &rules, report, &c->fd, &c->st);
	if (err == ADIT_EPERM && wish->look_anyway) {
		report_init(&quiet);
		again = trust_open(wish->path, &lax, &quiet, &c->fd, &c->st);
		report_fini(&quiet);
		if (again)
			return err;
	} else if (err) {
		return err;
	}
	if (trust_read(c->fd, (size_t)c->st.st_size, &c->bytes) || !candidate_unchanged(c)) {
		complain(report, wish->path, "replace a module by renaming a whole file over it",
		         "it changed while it was being read");
		return ADIT_EIO;
	}
	c->hash = hash_bytes(&contents, c->bytes, (size_t)c->st.st_size);
	return err;
}

/* Reads the descriptor beside the library: NAME.json for NAME.so. */
static int read_beside(const struct candidate_wish *wish, char **path, char **text, size_t *size,
                       struct report *report)
{
	const struct trust_rules rules = {wish->allow_unsafe_owner, DESCRIPTOR_SIZE_MOST};
	size_t n = strlen(wish->path);
	struct stat st;
	int fd, err;

	*path = malloc(n + 3);
	if (!*path)
		return ADIT_ENOMEM;
	memcpy(*path, wish->path, n - 3);
	strcpy(*path + n - 3, ".json");
	err = trust_open(*path, &rules, report, &fd, &st);
	if (err)
		return err;
	*size = (size_t)st.st_size;
	err = trust_read(fd, *size, text);
	close(fd);
	if (err)
		complain(report, *path, "replace it by renaming a whole file over it",
		         "it changed while it was being read");
	return err;
}

/* Compares the descriptor in the library with the one beside it; for a library without any, takes the latter so that
 * an inspection has something to show. */
static int judge_beside(struct candidate *c, const struct candidate_wish *wish, struct report *report)
{
	const struct report_place place = {wish->path, 0, 0, NULL};
	char *path = NULL, *text = NULL;
	size_t size = 0;
	int err = read_beside(wish, &path, &text, &size, report);

	if (err == ADIT_ENOENT) {
		report_add(report, REPORT_NOTE, &place, NULL, "there is no %s beside it", path ? path : "descriptor");
		err = 0;
	} else if (!err && c->text && (size != c->text_size || memcmp(text, c->text, size) != 0)) {
		complain(report, path, "install both files from one build",
		         "it is not the descriptor that is in the library beside it");
		err = ADIT_ECONFIG;
	} else if (!err && !c->text) {
		struct report quiet;

		report_init(&quiet);
		descriptor_read(&c->d, text, size, path, &quiet);
		report_fini(&quiet);
	}
	free(text);
	free(path);
	return err;
}

static int judge_contents(struct candidate *c, const struct candidate_wish *wish, struct report *report)
{
	const char *why = NULL;
	size_t errors = 0;
	int err;

	c->readable = elf_read(&c->facts, (const uint8_t *)c->bytes, (size_t)c->st.st_size, &why) == 0;
	if (!c->readable) {
		complain(report, wish->path, "install the file again", why);
		return ADIT_ECONFIG;
	}
	errors += policy_judge_elf(&c->facts, wish->path, report);
	if (!c->facts.described)
		return ADIT_ECONFIG;
	c->text = c->bytes + c->facts.descriptor;
	c->text_size = c->facts.descriptor_size;
	err = descriptor_read(&c->d, c->text, c->text_size, wish->path, report);
	if (err)
		return err == ADIT_ENOMEM ? err : ADIT_ECONFIG;
	errors += policy_judge_descriptor(c->d, wish->name, wish->path, report);
	return errors ? ADIT_ECONFIG : 0;
}

int candidate_judge(struct candidate **out, const struct candidate_wish *wish, struct report *report)
{
	struct candidate *c = calloc(1, sizeof(*c));
	size_t n = strlen(wish->path);
	int opened, judged = 0, beside = 0;

	if (!c)
		return ADIT_ENOMEM;
	c->refs = 1;
	c->fd = -1;
	c->path = strdup(wish->path);
	if (!c->path) {
		free(c);
		return ADIT_ENOMEM;
	}
	*out = c;
	if (n < 4 || strcmp(wish->path + n - 3, ".so") != 0) {
		complain(report, wish->path, "name the library itself", "a module's file name ends in .so");
		return ADIT_ECONFIG;
	}
	opened = take_bytes(c, wish, report);
	if (opened == ADIT_ENOENT || opened == ADIT_ENOMEM)
		return opened;
	if (c->bytes)
		judged = judge_contents(c, wish, report);
	beside = judge_beside(c, wish, report);
	if (judged == ADIT_ENOMEM || beside == ADIT_ENOMEM)
		return ADIT_ENOMEM;
	return opened || judged || beside ? ADIT_ECONFIG : 0;
}

bool candidate_unchanged(const struct candidate *c)
{
	struct stat now;

	/* Not the change time and not the link count: the name may be given to a newer file at any moment. */
	return fstat(c->fd, &now) == 0 && now.st_size == c->st.st_size &&
	       now.st_mtim.tv_sec == c->st.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == c->st.st_mtim.tv_nsec;
}

bool candidate_same(const struct candidate *a, const struct candidate *b)
{
	return a->st.st_size == b->st.st_size && a->hash == b->hash;
}

struct candidate *candidate_ref(struct candidate *c)
{
	c->refs++;
	return c;
}

void candidate_free(struct candidate *c)
{
	if (!c || --c->refs)
		return;
	if (c->fd >= 0 && !c->kept)
		close(c->fd);
	descriptor_free(c->d);
	free(c->bytes);
	free(c->path);
	free(c);
}

const char *candidate_name(const struct candidate *c)
{
	return c->d ? c->d->name : "";
}

const char *candidate_version(const struct candidate *c)
{
	return c->d ? c->d->version : "";
}

const char *candidate_path(const struct candidate *c)
{
	return c->path;
}

const char *candidate_schema(const struct candidate *c, const char *iface, const char *id)
{
	const struct descriptor_component *component = c->d ? descriptor_component(c->d, iface, id) : NULL;

	if (!component)
		return NULL;
	return component->schema ? component->schema : "{}";
}

const char *candidate_right(const struct candidate *c, size_t index)
{
	return c->d && index < c->d->rights.count ? c->d->rights.items[index] : NULL;
}

bool candidate_component(const struct candidate *c, size_t index, const char **id, const char **iface,
                         const char **schema)
{
	if (!c->d || index >= c->d->component_count)
		return false;
	*id = c->d->components[index].id;
	*iface = c->d->components[index].iface;
	*schema = c->d->components[index].schema;
	return true;
}
