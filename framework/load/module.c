/* SPDX-License-Identifier: MIT
 * load/module.c - a loaded image with its descriptor
 */
#include "load/module.h"

#include "load/verify.h"

#include <stdlib.h>
#include <string.h>

/* Maps the judged bytes; kept: a descriptor that was made here and now belongs to the image. */
static int map_copy(struct module *m, unsigned shard, struct report *report)
{
	struct candidate *c = m->c;
	char label[200];
	int fd, err;

	snprintf(label, sizeof(label), "adit:%.64s-%.64s.%u.%u", c->d->name, c->d->version, m->generation, shard);
	err = image_copy(&fd, c->bytes, (size_t)c->st.st_size, label, c->path, report);
	if (!err) /* from here on fd stays open: should the mapping fail, so does the start */
		err = image_open(&m->image, fd, &c->facts, c->path, report);
	return err;
}

static int map_file(struct module *m, struct report *report)
{
	struct candidate *c = m->c;
	const struct report_place place = {c->path, 0, 0, NULL};
	bool same = candidate_unchanged(c);
	int err;

	if (same) {
		err = image_open(&m->image, c->fd, &c->facts, c->path, report);
		if (err)
			return err;
		c->kept = true;
		same = candidate_unchanged(c);
	}
	if (same)
		return 0;
	report_add(report, REPORT_ERROR, &place, "replace a module by renaming a whole file over it",
	           "it was written to after it had been judged");
	return ADIT_ECONFIG;
}

static int make(struct module **out, struct candidate *c, unsigned generation, bool copy, unsigned shard,
                struct report *report)
{
	struct module *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return ADIT_ENOMEM;
	m->c = candidate_ref(c);
	m->generation = generation;
	m->sealed = copy;
	err = copy ? map_copy(m, shard, report) : map_file(m, report);
	if (!err)
		err = verify_image(&m->image, c, report, &m->root);
	if (err) {
		module_free(m);
		return err;
	}
	*out = m;
	return 0;
}

int module_new(struct module **out, struct candidate *c, unsigned generation, bool sealed, struct report *report)
{
	struct module *m;
	int err = make(&m, c, generation, sealed, 0, report);

	if (err)
		return err;
	if (!(m->root->flags & ADIT_MODULE_PRIVATE)) {
		free(c->bytes);
		c->bytes = NULL;
		c->text = NULL;
	}
	*out = m;
	return 0;
}

void module_free(struct module *m)
{
	size_t i;

	if (!m)
		return;
	for (i = 0; i < LOAD_SHARDS_MOST; i++)
		module_free(m->shards[i]);
	candidate_free(m->c);
	free(m);
}

int module_image(struct module *m, unsigned shard, struct report *report, struct module **out)
{
	int err;

	if (shard >= LOAD_SHARDS_MOST) {
		report_add(report, REPORT_ERROR, NULL, "use fewer shards", "shard %u: %d at most", shard,
		           LOAD_SHARDS_MOST);
		return ADIT_ELIMIT;
	}
	if (!shard || !(m->root->flags & ADIT_MODULE_PRIVATE)) {
		*out = m;
		return 0;
	}
	if (!m->shards[shard]) {
		err = make(&m->shards[shard], m->c, m->generation, true, shard, report);
		if (err)
			return err;
	}
	*out = m->shards[shard];
	return 0;
}

const adit_module *module_root(const struct module *m)
{
	return m->root;
}

const char *module_name(const struct module *m)
{
	return m->c->d->name;
}

const char *module_version(const struct module *m)
{
	return m->c->d->version;
}

bool module_is(const struct module *m, const struct candidate *c)
{
	return candidate_same(m->c, c);
}

const char *module_path(const struct module *m)
{
	return m->c->path;
}

unsigned module_generation(const struct module *m)
{
	return m->generation;
}

const adit_component *module_component(const struct module *m, const char *iface, const char *id)
{
	const struct descriptor_component *d = descriptor_component(m->c->d, iface, id);
	size_t i;

	for (i = 0; d && m->root->components[i]; i++)
		if (strcmp(m->root->components[i]->id, d->id) == 0)
			return m->root->components[i];
	return NULL;
}

const char *module_schema(const struct module *m, const char *iface, const char *id)
{
	return candidate_schema(m->c, iface, id);
}

const char *module_right(const struct module *m, size_t index)
{
	return candidate_right(m->c, index);
}
