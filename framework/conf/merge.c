/* SPDX-License-Identifier: MIT
 * conf/merge.c - several manifests become one
 */
#include "conf/merge.h"

#include <string.h>

struct merge {
	struct arena *arena;
	struct report *report;
	bool wins;
	int err;
};

bool merge_is_named(const char *key, const char **singular)
{
	static const char *const lists[][2] = {
		{"outbounds", "outbound"},
		{"handlers", "handler"},
		{"stacks", "stack"},
		{"services", "service"},
	};
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strcmp(lists[i][0], key))
			continue;
		if (singular)
			*singular = lists[i][1];
		return true;
	}
	return false;
}

struct adit_cfg *merge_find_named(const struct adit_cfg *list, const char *name)
{
	const char *other;
	uint32_t i;

	if (!list || list->type != NODE_LIST)
		return NULL;
	for (i = 0; i < list->count; i++) {
		other = node_find_text(list->items[i], "name");
		if (other && !strcmp(other, name))
			return list->items[i];
	}
	return NULL;
}

static void append(struct merge *m, struct adit_cfg *into, struct adit_cfg *item)
{
	int err = node_append(m->arena, into, NULL, item); /* a member keeps its key */

	if (err == ADIT_ELIMIT) {
		node_report(m->report, REPORT_ERROR, item, AT_KEY, NULL,
		            "too many entries in all files together");
		err = ADIT_ECONFIG;
	}
	if (err)
		m->err = err;
}

/* The entry's "override", taken out of it: it is about merging only. */
static bool take_override(struct adit_cfg *item)
{
	struct adit_cfg *n = node_find(item, "override");
	uint32_t i;

	if (!n || n->type != NODE_TRUTH)
		return false; /* the schema complains about another type */
	for (i = 0; item->items[i] != n; i++)
		;
	memmove(&item->items[i], &item->items[i + 1],
	        (item->count - i - 1) * sizeof(struct adit_cfg *));
	item->count--;
	return n->truth;
}

/* The name of an entry; one that has none is named after its module. Null: it has no module either.
 */
static const char *name_of(struct merge *m, struct adit_cfg *item)
{
	const struct adit_cfg *name = node_find(item, "name");
	const char *module = node_find_text(item, "module");
	struct node_origin origin = item->origin;
	struct adit_cfg *copy;

	if (name || !module)
		return name && name->type == NODE_TEXT ? name->text : NULL;
	origin.from = FROM_DEFAULT;
	copy = node_text(m->arena, module, strlen(module), &origin);
	if (!copy || node_append(m->arena, item, "name", copy)) {
		m->err = ADIT_ENOMEM;
		return NULL;
	}
	return copy->text;
}

static void merge_named(struct merge *m, struct adit_cfg *into, struct adit_cfg *list,
                        const char *singular)
{
	struct adit_cfg *item, *other;
	char place[300], cure[100];
	const char *name;
	bool override;
	uint32_t i;

	for (i = 0; i < list->count && m->err != ADIT_ENOMEM; i++) {
		item = list->items[i];
		override = item->type == NODE_OBJECT && take_override(item);
		name = name_of(m, item);
		other = name ? merge_find_named(into, name) : NULL;
		if (!other) {
			if (override)
				node_report(m->report, REPORT_WARNING, item, AT_VALUE,
				            "remove \"override\", or correct the name",
				            "there is no %s \"%s\" to override", singular,
				            name ? name : "");
			append(m, into, item);
		} else if (override || m->wins) {
			node_replace(other, item);
		} else {
			snprintf(cure, sizeof(cure),
			         "rename one, or say \"override\": true here to replace the other");
			node_report(m->report, REPORT_ERROR, item, AT_VALUE, cure,
			            "the %s \"%s\" is there already (%s)", singular, name,
			            node_origin_text(other, place, sizeof(place)));
			m->err = ADIT_ECONFIG;
		}
	}
}

static void merge_objects(struct merge *m, struct adit_cfg *into, struct adit_cfg *layer);

static void merge_member(struct merge *m, struct adit_cfg *into, struct adit_cfg *item)
{
	struct adit_cfg *there = node_find(into, item->key), *list;
	const char *singular;
	char place[300];

	if (!into->parent && item->type == NODE_LIST && merge_is_named(item->key, &singular) &&
	    (!there || there->type == NODE_LIST)) {
		list = there;
		if (!list) {
			list = node_new(m->arena, NODE_LIST, &item->origin);
			if (!list) {
				m->err = ADIT_ENOMEM;
				return;
			}
			list->key = item->key;
			append(m, into, list);
		}
		merge_named(m, list, item, singular);
	} else if (!there) {
		append(m, into, item);
	} else if (there->type == NODE_OBJECT && item->type == NODE_OBJECT) {
		merge_objects(m, there, item);
	} else if (m->wins) {
		node_replace(there, item);
	} else {
		node_report(m->report, REPORT_ERROR, item, AT_KEY, "keep one of them",
		            "\"%s\" is given already (%s)", item->key,
		            node_origin_text(there, place, sizeof(place)));
		m->err = ADIT_ECONFIG;
	}
}

/* Keys that every file may have without meaning the whole. */
static bool is_of_file(const struct adit_cfg *into, const struct adit_cfg *item)
{
	const struct adit_cfg *there = node_find(into, item->key);

	if (into->parent)
		return false;
	if (!strcmp(item->key, "include"))
		return true;
	if (!strcmp(item->key, "$schema"))
		return there != NULL;
	return !strcmp(item->key, "adit") && there && node_equal(there, item);
}

static void merge_objects(struct merge *m, struct adit_cfg *into, struct adit_cfg *layer)
{
	uint32_t i;

	for (i = 0; i < layer->count && m->err != ADIT_ENOMEM; i++)
		if (!is_of_file(into, layer->items[i]))
			merge_member(m, into, layer->items[i]);
}

int merge_layer(struct arena *a, struct adit_cfg *root, struct adit_cfg *layer, bool wins,
                struct report *r)
{
	struct merge m = {.arena = a, .report = r, .wins = wins};

	merge_objects(&m, root, layer);
	return m.err;
}
