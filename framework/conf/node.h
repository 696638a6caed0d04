/* SPDX-License-Identifier: MIT
 * conf/node.h - one value of a manifest or of a schema, and where it came from
 *
 * Nodes lie in an arena and are changed only while a manifest is loaded; after that they are read
 * from any thread.
 */
#ifndef CONF_NODE_H
#define CONF_NODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include <adit/abi.h>

#include "base/report.h"
#include "conf/arena.h"

enum node_type {
	NODE_NULL,
	NODE_TRUTH,
	NODE_INTEGER,
	NODE_REAL,
	NODE_TEXT,
	NODE_LIST,
	NODE_OBJECT
};

enum node_from {
	FROM_FILE,    /* file, line, column */
	FROM_DEFAULT, /* a schema's default */
	FROM_ENV,     /* ${env:name} inside the text at file, line, column */
	FROM_OTHER,   /* ${file:name} */
	FROM_CRED,    /* ${cred:name} */
	FROM_COMMAND  /* the command line */
};

struct node_origin {
	enum node_from from;
	unsigned line, column;         /* of the value; from 1 */
	unsigned key_line, key_column; /* of its key; 0: it has none */
	const char *file;
	const char *name;
};

struct adit_cfg {
	unsigned char type; /* enum node_type */
	bool truth;
	bool secret; /* never shown */
	bool loose; /* a text that may stand for a number or a truth value: substituted, or from the
	               command line */
	uint32_t count, room;
	union {
		int64_t integer;
		double real;
		const char *text;
		struct adit_cfg **items;
	};
	size_t size;     /* of text */
	const char *key; /* null: not a member of an object */
	struct adit_cfg *parent;
	struct node_origin origin;
	_Atomic(char *) json; /* made by the first who asks; freed by node_forget() */
};

/* Limits per container; a list of prefixes may be long. */
enum { NODE_MOST_MEMBERS = 4096, NODE_MOST_ITEMS = 65536 };

/* Null: no memory. origin may be null (default). */
struct adit_cfg *node_new(struct arena *a, enum node_type type, const struct node_origin *origin);
struct adit_cfg *node_text(struct arena *a, const char *text, size_t size,
                           const struct node_origin *origin);

/* Takes item as the last of list or (with key, which is copied) object. ADIT_ENOMEM, ADIT_ELIMIT.
 */
int node_append(struct arena *a, struct adit_cfg *into, const char *key, struct adit_cfg *item);
/* Puts item where old is. */
void node_replace(struct adit_cfg *old, struct adit_cfg *item);
/* A deep copy. With origin, every node of it is said to come from there. */
struct adit_cfg *node_copy(struct arena *a, const struct adit_cfg *n,
                           const struct node_origin *origin);
/* Frees the JSON texts of the tree. */
void node_forget(struct adit_cfg *n);

/* The member of an object; null: none, or not an object. */
struct adit_cfg *node_find(const struct adit_cfg *object, const char *key);
/* The text of a member; null: no such member, or not a text. */
const char *node_find_text(const struct adit_cfg *object, const char *key);
/* Follows "a/b/0" (~1 is '/', ~0 is '~'); an empty path is n. Null: no such node. */
const struct adit_cfg *node_at(const struct adit_cfg *n, const char *path);
/* Equal as JSON Schema has it: 1 equals 1.0, the order of members does not matter. */
bool node_equal(const struct adit_cfg *a, const struct adit_cfg *b);
/* True for a whole number that fits. */
bool node_whole(const struct adit_cfg *n, int64_t *out);
double node_number(const struct adit_cfg *n);
/* A loose text as a number or truth value in *out. False: it is neither. */
bool node_tighten(const struct adit_cfg *n, struct adit_cfg *out);

/* The JSON pointer of n, malloc'd; null: no memory. */
char *node_pointer(const struct adit_cfg *n);
/* The value in a few characters, for a message; secrets are not shown. */
const char *node_brief(const struct adit_cfg *n, char *buf, size_t size);
/* "edge.json:2:84", "default", "env NAME", "file", "credential NAME", "command line". */
const char *node_origin_text(const struct adit_cfg *n, char *buf, size_t size);

/* Adds a finding about n, at its value or, if it has one, at its key. r may be null. */
enum node_spot { AT_VALUE, AT_KEY };
void node_report(struct report *r, enum report_level level, const struct adit_cfg *n,
                 enum node_spot spot, const char *cure, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* Writes JSON. WRITE_ESCAPE: "${" becomes "$${", so that reading it again gives the same text. */
enum { WRITE_REDACT = 1, WRITE_ORIGINS = 2, WRITE_COMPACT = 4, WRITE_ESCAPE = 8 };
void node_write(const struct adit_cfg *n, FILE *f, unsigned flags);
void node_write_text(const char *text, size_t size, FILE *f, unsigned flags);

#endif
