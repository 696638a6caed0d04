/* SPDX-License-Identifier: MIT
 * conf/node.c - one value of a manifest: making it, finding it, comparing it
 */
#include "conf/node.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "os/pages.h"

struct adit_cfg *node_new(struct arena *a, enum node_type type, const struct node_origin *origin)
{
	struct adit_cfg *n = arena_alloc(a, sizeof(*n));

	if (!n)
		return NULL;
	n->type = (unsigned char)type;
	if (origin)
		n->origin = *origin;
	else
		n->origin.from = FROM_DEFAULT;
	return n;
}

struct adit_cfg *node_text(struct arena *a, const char *text, size_t size,
                           const struct node_origin *origin)
{
	struct adit_cfg *n = node_new(a, NODE_TEXT, origin);

	if (!n)
		return NULL;
	n->text = arena_copy(a, text, size);
	n->size = size;
	return n->text ? n : NULL;
}

int node_append(struct arena *a, struct adit_cfg *into, const char *key, struct adit_cfg *item)
{
	struct adit_cfg **items;
	uint32_t room;

	if (into->count >=
	    (uint32_t)(into->type == NODE_OBJECT ? NODE_MOST_MEMBERS : NODE_MOST_ITEMS))
		return ADIT_ELIMIT;
	if (into->count == into->room) {
		room = into->room ? into->room * 2 : 4;
		items = arena_alloc(a, room * sizeof(struct adit_cfg *));
		if (!items)
			return ADIT_ENOMEM;
		if (into->count)
			memcpy(items, into->items, into->count * sizeof(struct adit_cfg *));
		into->items = items;
		into->room = room;
	}
	if (key) {
		item->key = arena_copy(a, key, strlen(key));
		if (!item->key)
			return ADIT_ENOMEM;
	}
	item->parent = into;
	into->items[into->count++] = item;
	return 0;
}

void node_replace(struct adit_cfg *old, struct adit_cfg *item)
{
	struct adit_cfg *parent = old->parent;
	uint32_t i;

	for (i = 0; i < parent->count; i++) {
		if (parent->items[i] == old) {
			parent->items[i] = item;
			item->parent = parent;
			item->key = old->key;
			return;
		}
	}
}

struct adit_cfg *node_copy(struct arena *a, const struct adit_cfg *n,
                           const struct node_origin *origin)
{
	struct adit_cfg *out = node_new(a, n->type, origin ? origin : &n->origin);
	struct adit_cfg *item;
	uint32_t i;

	if (!out)
		return NULL;
	out->truth = n->truth;
	out->secret = n->secret;
	out->loose = n->loose;
	out->size = n->size;
	switch (n->type) {
	case NODE_TEXT:
		out->text = arena_copy(a, n->text, n->size);
		return out->text ? out : NULL;
	case NODE_INTEGER:
		out->integer = n->integer;
		return out;
	case NODE_REAL:
		out->real = n->real;
		return out;
	default:
		break;
	}
	for (i = 0; i < n->count; i++) {
		item = node_copy(a, n->items[i], origin);
		if (!item || node_append(a, out, n->items[i]->key, item))
			return NULL;
	}
	return out;
}

void node_forget(struct adit_cfg *n)
{
	uint32_t i;

	if (!n)
		return;
	pages_free(atomic_exchange(&n->json, NULL));
	for (i = 0; i < n->count; i++)
		node_forget(n->items[i]);
}

struct adit_cfg *node_find(const struct adit_cfg *object, const char *key)
{
	uint32_t i;

	if (!object || object->type != NODE_OBJECT)
		return NULL;
	for (i = 0; i < object->count; i++)
		if (!strcmp(object->items[i]->key, key))
			return object->items[i];
	return NULL;
}

const char *node_find_text(const struct adit_cfg *object, const char *key)
{
	const struct adit_cfg *n = node_find(object, key);

	return n && n->type == NODE_TEXT ? n->text : NULL;
}

/* Whether the escaped segment of size bytes says key. */
static bool segment_is(const char *segment, size_t size, const char *key)
{
	const char *end = segment + size;

	while (segment < end && *key) {
		char c = *segment++;

		if (c == '~' && segment < end && (*segment == '0' || *segment == '1'))
			c = *segment++ == '0' ? '~' : '/';
		if (c != *key++)
			return false;
	}
	return segment == end && !*key;
}

static const struct adit_cfg *step(const struct adit_cfg *n, const char *segment, size_t size)
{
	unsigned long index = 0;
	uint32_t i;

	if (n->type == NODE_OBJECT) {
		for (i = 0; i < n->count; i++)
			if (segment_is(segment, size, n->items[i]->key))
				return n->items[i];
		return NULL;
	}
	if (n->type != NODE_LIST || !size || size > 9 || (size > 1 && *segment == '0'))
		return NULL;
	for (i = 0; i < size; i++) {
		if (!isdigit((unsigned char)segment[i]))
			return NULL;
		index = index * 10 + (unsigned long)(segment[i] - '0');
	}
	return index < n->count ? n->items[index] : NULL;
}

const struct adit_cfg *node_at(const struct adit_cfg *n, const char *path)
{
	size_t size;

	if (!path || !*path)
		return n;
	for (;;) {
		size = strcspn(path, "/");
		n = step(n, path, size);
		if (!n || !path[size])
			return n;
		path += size + 1;
	}
}

static bool is_number(const struct adit_cfg *n)
{
	return n->type == NODE_INTEGER || n->type == NODE_REAL;
}

double node_number(const struct adit_cfg *n)
{
	return n->type == NODE_INTEGER ? (double)n->integer : n->real;
}

bool node_whole(const struct adit_cfg *n, int64_t *out)
{
	if (n->type == NODE_INTEGER) {
		*out = n->integer;
		return true;
	}
	if (n->type != NODE_REAL || n->real < -0x1p63 || n->real >= 0x1p63 ||
	    (double)(int64_t)n->real != n->real)
		return false;
	*out = (int64_t)n->real;
	return true;
}

static bool containers_equal(const struct adit_cfg *a, const struct adit_cfg *b)
{
	const struct adit_cfg *other;
	uint32_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		other = a->type == NODE_LIST ? b->items[i] : node_find(b, a->items[i]->key);
		if (!other || !node_equal(a->items[i], other))
			return false;
	}
	return true;
}

bool node_equal(const struct adit_cfg *a, const struct adit_cfg *b)
{
	int64_t x, y;

	if (is_number(a) && is_number(b)) {
		if (node_whole(a, &x) && node_whole(b, &y))
			return x == y;
		return node_number(a) == node_number(b);
	}
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case NODE_TRUTH:
		return a->truth == b->truth;
	case NODE_TEXT:
		return a->size == b->size && !memcmp(a->text, b->text, a->size);
	case NODE_LIST:
	case NODE_OBJECT:
		return containers_equal(a, b);
	default:
		return true;
	}
}

bool node_tighten(const struct adit_cfg *n, struct adit_cfg *out)
{
	long long integer;
	double real;
	char *end;

	if (n->type != NODE_TEXT || !n->loose || !n->size)
		return false;
	memset(out, 0, sizeof(*out));
	out->secret = n->secret;
	out->key = n->key;
	out->parent = n->parent;
	out->origin = n->origin;
	if (!strcmp(n->text, "true") || !strcmp(n->text, "false")) {
		out->type = NODE_TRUTH;
		out->truth = n->text[0] == 't';
		return true;
	}
	/* The characters of a JSON number only: no blanks, no hexadecimal, no "inf". */
	if (strspn(n->text, "0123456789+-.eE") != n->size || n->text[0] == '+')
		return false;
	errno = 0;
	integer = strtoll(n->text, &end, 10);
	if (!*end && !errno) {
		out->type = NODE_INTEGER;
		out->integer = integer;
		return true;
	}
	errno = 0;
	real = strtod(n->text, &end);
	if (*end || !isfinite(real))
		return false;
	out->type = NODE_REAL;
	out->real = real;
	return true;
}
