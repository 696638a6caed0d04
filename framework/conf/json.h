/* SPDX-License-Identifier: MIT
 * conf/json.h - JSON text as a read-only tree, within limits
 *
 * For small documents that strangers wrote, such as the descriptor of a module. Duplicate keys, a byte after the
 * document's end, invalid UTF-8 and U+0000 are refused. Nodes live as long as their tree. No type of the JSON
 * library behind it is seen here.
 */
#ifndef CONF_JSON_H
#define CONF_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	JSON_TREE_SIZE_MOST = 1 << 20, /* bytes of text */
	JSON_TREE_DEPTH_MOST = 32      /* objects and arrays inside one another */
};

struct json_tree;
struct json_node;

/* Why a text was refused, and where; line and column count from 1, 0 when unknown. */
struct json_fault {
	unsigned line, column;
	char text[160];
};

/* Reads size bytes of text. ADIT_EINVAL (with *why filled), ADIT_ELIMIT (the same), ADIT_ENOMEM. why may be null. */
int json_tree_read(struct json_tree **out, const char *text, size_t size, struct json_fault *why);
void json_tree_free(struct json_tree *tree);
const struct json_node *json_tree_root(const struct json_tree *tree);

/* All of these take a null node, and answer null, 0 or false for a node of another type. */
bool json_node_is_object(const struct json_node *node);
bool json_node_is_array(const struct json_node *node);
const struct json_node *json_node_member(const struct json_node *node, const char *key);
size_t json_node_count(const struct json_node *node); /* items of an array, members of an object */
const struct json_node *json_node_item(const struct json_node *node, size_t index);
const char *json_node_text(const struct json_node *node); /* of a string; null-terminated */
bool json_node_integer(const struct json_node *node, int64_t *out);
bool json_node_number(const struct json_node *node, double *out); /* whole ones too */
bool json_node_truth(const struct json_node *node, bool *out);

/* Calls fn for each member of an object, in the text's order, until it returns something else than 0; returns that. */
int json_node_each(const struct json_node *node,
                   int (*fn)(void *arg, const char *key, const struct json_node *value), void *arg);

/* The subtree as one line of JSON, malloc'd; null: no memory. */
char *json_node_dump(const struct json_node *node);

#endif
