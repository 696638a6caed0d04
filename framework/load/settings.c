/* SPDX-License-Identifier: MIT
 * load/settings.c - the settings that a schema allows, one by one
 */
#include "load/settings.h"

#include "conf/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEST_MOST = 8 };

struct walk {
	void (*fn)(void *arg, const struct setting *setting);
	void *arg;
	char path[256];
	unsigned depth;
	const struct json_node *required; /* of the object at hand */
};

static int each_property(struct walk *w, const struct json_node *schema);

static int is_required(const struct json_node *list, const char *key)
{
	size_t i;

	for (i = 0; i < json_node_count(list); i++) {
		const char *item = json_node_text(json_node_item(list, i));

		if (item && strcmp(item, key) == 0)
			return 1;
	}
	return 0;
}

static int property(void *arg, const char *key, const struct json_node *value)
{
	struct walk *w = arg;
	const struct json_node *preset = json_node_member(value, "default");
	const struct json_node *choices = json_node_member(value, "enum");
	const char *type = json_node_text(json_node_member(value, "type"));
	const char *description = json_node_text(json_node_member(value, "description"));
	size_t n = strlen(w->path);
	char *preset_text = preset ? json_node_dump(preset) : NULL;
	char *choices_text = choices ? json_node_dump(choices) : NULL;
	struct setting s = {w->path, type ? type : choices ? "one of" : "any", preset_text, choices_text,
	                    description ? description : "", is_required(w->required, key)};

	snprintf(w->path + n, sizeof(w->path) - n, "%s%s", n ? "/" : "", key);
	w->fn(w->arg, &s);
	free(preset_text);
	free(choices_text);
	if (w->depth < NEST_MOST)
		each_property(w, value);
	w->path[n] = '\0';
	return 0;
}

static int each_property(struct walk *w, const struct json_node *schema)
{
	const struct json_node *outer = w->required;
	int err;

	w->required = json_node_member(schema, "required");
	w->depth++;
	err = json_node_each(json_node_member(schema, "properties"), property, w);
	w->depth--;
	w->required = outer;
	return err;
}

void settings_each(const char *schema, void (*fn)(void *arg, const struct setting *setting), void *arg)
{
	struct walk w = {fn, arg, "", 0, NULL};
	struct json_tree *tree;

	if (json_tree_read(&tree, schema, strlen(schema), NULL))
		return;
	each_property(&w, json_tree_root(tree));
	json_tree_free(tree);
}

char *settings_about(const char *schema)
{
	struct json_tree *tree;
	const char *text;
	char *copy = NULL;

	if (json_tree_read(&tree, schema, strlen(schema), NULL))
		return NULL;
	text = json_node_text(json_node_member(json_tree_root(tree), "description"));
	if (text)
		copy = strdup(text);
	json_tree_free(tree);
	return copy;
}
