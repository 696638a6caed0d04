/* SPDX-License-Identifier: MIT
 * conf/schema.h - a subset of JSON Schema 2020-12, with places, cures and defaults
 *
 * Keywords: type enum const, required properties additionalProperties patternProperties, items
 * minProperties maxProperties, minItems maxItems uniqueItems, minimum maximum exclusiveMinimum exclusiveMaximum, minLength
 * maxLength pattern format, allOf anyOf oneOf not if then else, $ref (within the same text: "#",
 * "#/..."), $defs, default, deprecated. Lengths count characters. pattern and patternProperties are
 * POSIX extended regular expressions. Formats: cidr duration endpoint ip name size (conf/format.h);
 * duration and size also judge numbers. Ours: "x-secret": true (never shown), "x-replaced-by":
 * "key" (beside deprecated). Any other keyword is an error of schema_check(), never silently
 * ignored.
 */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include "conf/node.h"

enum {
	SCHEMA_FILL = 1, /* put defaults in, turn loose texts into what is wanted */
	/* An object with "properties" but no word about others refuses them (unless a combining
	 * keyword is beside them), and "$schema" and keys that begin with "x-" are free everywhere.
	 */
	SCHEMA_CLOSED = 2,
	SCHEMA_FORMATS = 4 /* format is a demand, not an annotation */
};

struct schema_run {
	struct arena *arena;
	const struct adit_cfg *root; /* what "#" means */
	const char *name;            /* whose schema: "the manifest", "module handler-x" */
	struct report *report;       /* null: only the answer is wanted; nothing is changed then */
	unsigned flags;
	unsigned depth;  /* of schemas within schemas */
	unsigned *steps; /* work done so far, against schemas that multiply; null at first */
	int err;         /* ADIT_ENOMEM: the answer means nothing */
};

/* Beyond these a schema is refused: steps, and schemas within schemas (a $ref that leads to
 * itself). */
enum { SCHEMA_MOST_STEPS = 5000000, SCHEMA_MOST_DEPTH = 128 };

/* Whether n fits schema; findings are in run->report. */
bool schema_validate(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema);

/* Looks for faults of a schema itself: unknown keywords, values of the wrong type, patterns that do
 * not compile, references to nowhere. */
bool schema_check(const struct adit_cfg *root, const char *name, struct report *r);

/* What a schema wants in a few words: "an integer", "one of \"a\", \"b\"". */
const char *schema_words(const struct adit_cfg *root, const struct adit_cfg *schema, char *buf,
                         size_t size);

/* The schema that a local reference names; null: nowhere. */
const struct adit_cfg *schema_resolve(const struct adit_cfg *root, const char *ref);

#endif
