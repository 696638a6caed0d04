/* SPDX-License-Identifier: MIT
 * conf/conf.c - the manifest: loading it, holding it
 */
#include "conf/conf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "conf/entries.h"
#include "conf/include.h"
#include "conf/manifest.h"
#include "conf/merge.h"
#include "conf/parse.h"
#include "conf/schema.h"
#include "conf/setting.h"
#include "os/pages.h"

struct conf {
	atomic_uint refs;
	struct arena arena;
	struct arena vault; /* texts that are secrets */
	struct adit_cfg *root;
	struct entries entries;
};

struct adit_cfg *manifest_schema(struct arena *a, struct report *r)
{
	struct parse_input in = {
		.file = "manifest.schema.json",
		.text = manifest_schema_text,
		.size = strlen(manifest_schema_text),
		.depth = PARSE_SCHEMA_DEPTH,
		.from = FROM_FILE,
	};

	return parse_text(a, &in, r);
}

static int keep(int err, int other)
{
	return err == ADIT_ENOMEM || !other ? err : other;
}

/* Text, then file, then settings. */
static int collect(struct conf *c, const struct conf_source *source, struct report *r)
{
	struct node_origin nowhere = {.from = FROM_DEFAULT};
	struct adit_cfg *file;
	int err = 0;
	size_t i;

	c->root = node_new(&c->arena, NODE_OBJECT, &nowhere);
	file = node_new(&c->arena, NODE_OBJECT, &nowhere);
	if (!c->root || !file)
		return ADIT_ENOMEM;
	if (source->text)
		err = include_text(&c->arena, c->root, source->text, source->text_name, r);
	if (source->path && err != ADIT_ENOMEM) {
		err = keep(err, include_file(&c->arena, file, source->path, r));
		if (err && !file->count) {
			c->root->count = 0; /* what lies under it is not what was meant */
			return err;
		}
		if (err != ADIT_ENOMEM) {
			c->root->origin = file->origin;
			err = keep(err, merge_layer(&c->arena, c->root, file, true, r));
		}
	}
	for (i = 0; i < source->setting_count && err != ADIT_ENOMEM; i++)
		err = keep(err, setting_apply(&c->arena, c->root, &source->settings[i], r));
	return err;
}

static int check(struct conf *c, const struct conf_source *source, struct report *r)
{
	struct schema_run run = {
		.arena = &c->arena,
		.name = "the manifest",
		.report = r,
		.flags = SCHEMA_FILL | SCHEMA_CLOSED | SCHEMA_FORMATS,
	};
	int err = 0;

	run.root = manifest_schema(&c->arena, r);
	if (!run.root)
		return ADIT_ENOMEM;
	if (!schema_validate(&run, c->root, run.root))
		err = run.err ? run.err : ADIT_ECONFIG;
	return err == ADIT_ENOMEM
	               ? err
	               : keep(err, entries_make(&c->arena, &c->entries, c->root, source, r));
}

/* Secrets move to where no child process has them. */
static int lock_away(struct arena *vault, struct adit_cfg *n)
{
	uint32_t i;
	char *text;
	int err = 0;

	if (n->type == NODE_LIST || n->type == NODE_OBJECT) {
		for (i = 0; i < n->count && !err; i++)
			err = lock_away(vault, n->items[i]);
		return err;
	}
	if (n->type != NODE_TEXT || !conf_is_secret(n) || !n->size)
		return 0;
	text = arena_copy(vault, n->text, n->size);
	if (!text)
		return ADIT_ENOMEM;
	explicit_bzero((char *)(uintptr_t)n->text, n->size); /* of this arena, whose texts are never constants */
	n->text = text;
	return 0;
}

int conf_load(struct conf **out, const struct conf_source *source, struct report *r)
{
	struct conf *c = calloc(1, sizeof(*c));
	size_t errors = r->errors;
	int err;

	if (!c)
		return ADIT_ENOMEM;
	atomic_init(&c->refs, 1);
	c->vault.pages = PAGES_ALONE;
	err = collect(c, source, r);
	/* A file that could not be read would make all else look wrong. */
	if (!err || (err != ADIT_ENOMEM && c->root->count))
		err = keep(err, check(c, source, r));
	if (!err && r->errors > errors)
		err = ADIT_ECONFIG;
	if (!err)
		err = lock_away(&c->vault, c->root);
	if (err) {
		conf_unref(c);
		return err;
	}
	*out = c;
	return 0;
}

struct conf *conf_ref(struct conf *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void conf_unref(struct conf *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	node_forget(c->root);
	arena_fini(&c->arena);
	arena_fini(&c->vault);
	free(c);
}

const adit_cfg *conf_root(const struct conf *c)
{
	return c->root;
}

const struct conf_entry *conf_entries(const struct conf *c, enum conf_kind kind, size_t *count)
{
	*count = c->entries.count[kind];
	return c->entries.of[kind];
}

const struct conf_entry *conf_entry_find(const struct conf *c, enum conf_kind kind,
                                         const char *name)
{
	size_t i;

	for (i = 0; i < c->entries.count[kind]; i++)
		if (!strcmp(c->entries.of[kind][i].name, name))
			return &c->entries.of[kind][i];
	return NULL;
}

const char *conf_stack_for(const struct conf *c, const char *proto)
{
	const struct adit_cfg *stack = node_find(c->root, "stack");
	const char *name = stack->type == NODE_TEXT ? stack->text : node_find_text(stack, proto);

	return name ? name : "";
}

int conf_dump(const struct conf *c, FILE *f, unsigned flags)
{
	unsigned how = WRITE_REDACT | WRITE_ESCAPE;

	node_write(c->root, f, flags & CONF_DUMP_ORIGINS ? how | WRITE_ORIGINS : how);
	return fflush(f) || ferror(f) ? ADIT_EIO : 0;
}

int conf_schema_check(const char *json_text, const char *name, struct report *r)
{
	struct parse_input in = {
		.file = name,
		.text = json_text,
		.size = strlen(json_text),
		.depth = PARSE_SCHEMA_DEPTH,
		.from = FROM_FILE,
	};
	struct arena arena = {0};
	struct adit_cfg *schema = parse_text(&arena, &in, r);
	bool fine = schema && schema_check(schema, name, r);

	arena_fini(&arena);
	return fine ? 0 : ADIT_ECONFIG;
}
