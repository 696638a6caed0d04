/* SPDX-License-Identifier: MIT
 * conf/json.c - JSON text as a read-only tree, over jansson
 *
 * A node is jansson's json_t under another name: the tree owns the one reference that there is.
 */
#include "conf/json.h"

#include <adit/abi.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/wiped.h"

struct json_tree {
	json_t *root;
};

static json_t *value(const struct json_node *node)
{
	return (json_t *)(uintptr_t)node;
}

static const struct json_node *node_of(const json_t *v)
{
	return (const struct json_node *)v;
}

static int fault(struct json_fault *why, int code, int line, int column, const char *text)
{
	if (why) {
		why->line = line > 0 ? (unsigned)line : 0;
		why->column = column > 0 ? (unsigned)column : 0;
		snprintf(why->text, sizeof(why->text), "%s", text);
	}
	return code;
}

/* Nesting outside of strings, before any recursion happens. Counts brackets only: what does not match is the
 * library's business. */
static bool too_deep(const char *text, size_t size)
{
	size_t i, depth = 0;
	bool quoted = false;

	for (i = 0; i < size; i++) {
		if (quoted) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = false;
		} else if (text[i] == '"') {
			quoted = true;
		} else if (text[i] == '{' || text[i] == '[') {
			if (++depth > JSON_TREE_DEPTH_MOST)
				return true;
		} else if ((text[i] == '}' || text[i] == ']') && depth) {
			depth--;
		}
	}
	return false;
}

int json_tree_read(struct json_tree **out, const char *text, size_t size, struct json_fault *why)
{
	struct json_tree *tree;
	json_error_t error;

	if (size > JSON_TREE_SIZE_MOST)
		return fault(why, ADIT_ELIMIT, 0, 0, "the text is longer than 1 MiB");
	if (too_deep(text, size))
		return fault(why, ADIT_ELIMIT, 0, 0, "objects and arrays are nested more than 32 deep");
	tree = calloc(1, sizeof(*tree));
	if (!tree)
		return fault(why, ADIT_ENOMEM, 0, 0, "out of memory");
	memset(&error, 0, sizeof(error));
	wiped_json();
	tree->root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!tree->root) {
		free(tree);
		if (json_error_code(&error) == json_error_out_of_memory)
			return fault(why, ADIT_ENOMEM, 0, 0, "out of memory");
		return fault(why, ADIT_EINVAL, error.line, error.column, error.text);
	}
	*out = tree;
	return 0;
}

void json_tree_free(struct json_tree *tree)
{
	if (!tree)
		return;
	json_decref(tree->root);
	free(tree);
}

const struct json_node *json_tree_root(const struct json_tree *tree)
{
	return tree ? node_of(tree->root) : NULL;
}

bool json_node_is_object(const struct json_node *node)
{
	return json_is_object(value(node));
}

bool json_node_is_array(const struct json_node *node)
{
	return json_is_array(value(node));
}

const struct json_node *json_node_member(const struct json_node *node, const char *key)
{
	return node_of(json_object_get(value(node), key));
}

size_t json_node_count(const struct json_node *node)
{
	return json_node_is_object(node) ? json_object_size(value(node)) : json_array_size(value(node));
}

const struct json_node *json_node_item(const struct json_node *node, size_t index)
{
	return node_of(json_array_get(value(node), index));
}

const char *json_node_text(const struct json_node *node)
{
	return json_string_value(value(node));
}

bool json_node_integer(const struct json_node *node, int64_t *out)
{
	if (!json_is_integer(value(node)))
		return false;
	*out = json_integer_value(value(node));
	return true;
}

bool json_node_number(const struct json_node *node, double *out)
{
	if (!json_is_number(value(node)))
		return false;
	*out = json_number_value(value(node));
	return true;
}

bool json_node_truth(const struct json_node *node, bool *out)
{
	if (!json_is_boolean(value(node)))
		return false;
	*out = json_is_true(value(node));
	return true;
}

int json_node_each(const struct json_node *node,
                   int (*fn)(void *arg, const char *key, const struct json_node *value), void *arg)
{
	const char *key;
	json_t *member;
	int err;

	json_object_foreach(value(node), key, member) {
		err = fn(arg, key, node_of(member));
		if (err)
			return err;
	}
	return 0;
}

char *json_node_dump(const struct json_node *node)
{
	char *text, *out;

	text = json_dumps(value(node), JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	out = text ? strdup(text) : NULL;
	wiped_free(text);
	return out;
}
