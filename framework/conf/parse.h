/* SPDX-License-Identifier: MIT
 * conf/parse.h - text to nodes that know their place
 *
 * The one file that sees the JSON library.
 */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "conf/node.h"

enum {
	PARSE_MOST_BYTES = 1024 * 1024,
	PARSE_MANIFEST_DEPTH = 16,
	PARSE_SCHEMA_DEPTH =
		64 /* a schema needs about three levels for each of what it describes */
};

struct parse_input {
	const char *file; /* for findings and origins; lives as long as the arena */
	const char *text;
	size_t size;
	unsigned depth;
	enum node_from from; /* FROM_FILE, or FROM_COMMAND for text made of the command line */
};

/* The tree, or null with the reason in r. JSON with comments and one trailing comma per container.
 */
struct adit_cfg *parse_text(struct arena *a, const struct parse_input *in, struct report *r);

#endif
