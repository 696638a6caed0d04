/* SPDX-License-Identifier: MIT
 * conf/config.c - the table adit.config/1 over the nodes of a conf
 *
 * Nothing changes after loading but the cached JSON texts, which are put in place atomically.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/node.h"
#include "os/pages.h"

/* Bytes: an effective manifest that is longer does not come as one text. */
enum { JSON_MOST = 64 * 1024 * 1024 };

static adit_result get_text(const adit_cfg *c, const char *path, const char **out, size_t *len)
{
	const adit_cfg *n = node_at(c, path);

	if (!n || n->type != NODE_TEXT)
		return n ? ADIT_EINVAL : ADIT_ENOENT;
	*out = n->text;
	if (len)
		*len = n->size;
	return 0;
}

static adit_result get_integer(const adit_cfg *c, const char *path, int64_t *out)
{
	const adit_cfg *n = node_at(c, path);

	if (!n)
		return ADIT_ENOENT;
	return node_whole(n, out) ? 0 : ADIT_EINVAL;
}

static bool is_number(const adit_cfg *n)
{
	return n->type == NODE_INTEGER || n->type == NODE_REAL;
}

static adit_result get_number(const adit_cfg *c, const char *path, double *out)
{
	const adit_cfg *n = node_at(c, path);

	if (!n || !is_number(n))
		return n ? ADIT_EINVAL : ADIT_ENOENT;
	*out = node_number(n);
	return 0;
}

static adit_result get_truth(const adit_cfg *c, const char *path, int32_t *out)
{
	const adit_cfg *n = node_at(c, path);

	if (!n || n->type != NODE_TRUTH)
		return n ? ADIT_EINVAL : ADIT_ENOENT;
	*out = n->truth;
	return 0;
}

static const adit_cfg *get_item(const adit_cfg *c, const char *path, uint32_t index)
{
	const adit_cfg *n = node_at(c, path);

	return n && index < n->count ? n->items[index] : NULL;
}

/* The text may hold secrets: it is written straight into pages of its own, in twice as many when they are too few. */
static char *make_json(const adit_cfg *n)
{
	size_t room = 4000;
	char *text;
	bool whole;
	FILE *f;

	for (;;) {
		text = pages_new(room, 0);
		room = text ? pages_room(text) : 0;
		f = text ? fmemopen(text, room - 1, "w") : NULL;
		if (!f)
			break;
		setvbuf(f, NULL, _IONBF, 0);
		node_write(n, f, WRITE_COMPACT);
		whole = !ferror(f);
		if (fclose(f) == 0 && whole)
			return text;
		pages_free(text);
		text = NULL;
		if (room > JSON_MOST)
			break;
		room *= 2;
	}
	pages_free(text);
	return NULL;
}

static adit_result get_json(const adit_cfg *c, const char *path, const char **out, size_t *len)
{
	/* The cache is the one thing in a node that may change; the const of the tree does not
	 * cover it. */
	adit_cfg *n = (adit_cfg *)(uintptr_t)node_at(c, path);
	char *there, *made;

	if (!n)
		return ADIT_ENOENT;
	there = atomic_load_explicit(&n->json, memory_order_acquire);
	if (!there) {
		made = make_json(n);
		if (!made)
			return ADIT_ENOMEM;
		if (atomic_compare_exchange_strong(&n->json, &there, made))
			there = made;
		else
			pages_free(made); /* another thread was first */
	}
	*out = there;
	if (len)
		*len = strlen(there);
	return 0;
}

static adit_result get_duration(const adit_cfg *c, const char *path, uint64_t *out)
{
	const adit_cfg *n = node_at(c, path);

	if (!n)
		return ADIT_ENOENT;
	if (n->type == NODE_TEXT)
		return format_duration(n->text, out) ? 0 : ADIT_EINVAL;
	return is_number(n) && format_seconds(node_number(n), out) ? 0 : ADIT_EINVAL;
}

static const char *get_key(const adit_cfg *c)
{
	return c->key;
}

const adit_config_1 conf_config_1 = {
	.size = sizeof(adit_config_1),
	.text = get_text,
	.integer = get_integer,
	.number = get_number,
	.truth = get_truth,
	.item = get_item,
	.json = get_json,
	.duration = get_duration,
	.key = get_key,
};

int conf_size(const adit_cfg *c, const char *path, uint64_t *out)
{
	const adit_cfg *n = node_at(c, path);
	int64_t whole;

	if (!n)
		return ADIT_ENOENT;
	if (n->type == NODE_TEXT)
		return format_size(n->text, out) ? 0 : ADIT_EINVAL;
	if (!node_whole(n, &whole) || whole < 0)
		return ADIT_EINVAL;
	*out = (uint64_t)whole;
	return 0;
}

bool conf_is_secret(const adit_cfg *c)
{
	for (; c; c = c->parent)
		if (c->secret)
			return true;
	return false;
}

const char *conf_origin(const adit_cfg *c, char *buf, size_t size)
{
	return node_origin_text(c, buf, size);
}
