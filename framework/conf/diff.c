/* SPDX-License-Identifier: MIT
 * conf/diff.c - what differs between two manifests
 *
 * Entries with names are compared by name, wherever they stand; other lists item by item.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/node.h"

struct diff {
	conf_diff_fn *changed;
	void *arg;
	char *path; /* malloc'd */
	size_t size, room;
	int err;
};

/* Puts "/part" behind the path, escaped; the old size is for shorten(). */
static void lengthen(struct diff *d, const char *part)
{
	size_t need = d->size + 2 * strlen(part) + 2;
	char *more;

	if (need > d->room) {
		more = realloc(d->path, need * 2);
		if (!more) {
			d->err = ADIT_ENOMEM;
			return;
		}
		d->path = more;
		d->room = need * 2;
	}
	d->path[d->size++] = '/';
	for (; *part; part++) {
		if (*part == '~' || *part == '/') {
			d->path[d->size++] = '~';
			d->path[d->size++] = *part == '~' ? '0' : '1';
		} else {
			d->path[d->size++] = *part;
		}
	}
	d->path[d->size] = '\0';
}

static void shorten(struct diff *d, size_t size)
{
	d->size = size;
	if (d->path)
		d->path[size] = '\0';
}

static void compare(struct diff *d, const struct adit_cfg *a, const struct adit_cfg *b);

/* a or b may be null, not both. */
static void compare_part(struct diff *d, const char *part, const struct adit_cfg *a,
                         const struct adit_cfg *b)
{
	size_t size = d->size;

	lengthen(d, part);
	if (d->err)
		return;
	if (a && b)
		compare(d, a, b);
	else
		d->changed(d->arg, a ? CONF_REMOVED : CONF_ADDED, d->path, a, b);
	shorten(d, size);
}

static bool is_named(const struct adit_cfg *n)
{
	uint32_t i;

	for (i = 0; i < n->count; i++)
		if (!node_find_text(n->items[i], "name"))
			return false;
	return n->type == NODE_LIST;
}

static const char *part_of(const struct adit_cfg *n, uint32_t i, char *number, size_t size)
{
	if (n->type == NODE_OBJECT)
		return n->items[i]->key;
	if (is_named(n))
		return node_find_text(n->items[i], "name");
	snprintf(number, size, "%u", (unsigned)i);
	return number;
}

static const struct adit_cfg *partner(const struct adit_cfg *n, const char *part, uint32_t i)
{
	const char *name;
	uint32_t k;

	if (n->type == NODE_OBJECT)
		return node_find(n, part);
	if (!is_named(n))
		return i < n->count ? n->items[i] : NULL;
	for (k = 0; k < n->count; k++) {
		name = node_find_text(n->items[k], "name");
		if (!strcmp(name, part))
			return n->items[k];
	}
	return NULL;
}

/* Whether the names that both lists have come in another order. */
static bool is_moved(const struct adit_cfg *a, const struct adit_cfg *b)
{
	uint32_t i, k = 0;
	const char *name, *other;

	for (i = 0; i < a->count; i++) {
		name = node_find_text(a->items[i], "name");
		if (!partner(b, name, 0))
			continue;
		for (; k < b->count; k++) {
			other = node_find_text(b->items[k], "name");
			if (partner(a, other, 0))
				break;
		}
		if (k == b->count || strcmp(name, node_find_text(b->items[k++], "name")))
			return true;
	}
	return false;
}

static void compare(struct diff *d, const struct adit_cfg *a, const struct adit_cfg *b)
{
	bool containers = a->type == b->type && (a->type == NODE_OBJECT || a->type == NODE_LIST);
	char number[16];
	const char *part;
	uint32_t i;

	if (!containers || (a->type == NODE_LIST && is_named(a) != is_named(b))) {
		if (!node_equal(a, b))
			d->changed(d->arg, CONF_CHANGED, d->path ? d->path : "", a, b);
		return;
	}
	for (i = 0; i < a->count && !d->err; i++) {
		part = part_of(a, i, number, sizeof(number));
		compare_part(d, part, a->items[i], partner(b, part, i));
	}
	for (i = 0; i < b->count && !d->err; i++) {
		part = part_of(b, i, number, sizeof(number));
		if (!partner(a, part, i))
			compare_part(d, part, NULL, b->items[i]);
	}
	if (a->type == NODE_LIST && a->count && is_named(a) && is_moved(a, b))
		d->changed(d->arg, CONF_MOVED, d->path ? d->path : "", a, b);
}

int conf_diff(const struct conf *before, const struct conf *after, conf_diff_fn *changed, void *arg)
{
	struct diff d = {.changed = changed, .arg = arg};

	compare(&d, conf_root(before), conf_root(after));
	free(d.path);
	return d.err;
}

bool conf_same(const adit_cfg *a, const adit_cfg *b)
{
	return node_equal(a, b);
}
