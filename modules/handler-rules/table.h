/* SPDX-License-Identifier: MIT
 * handler-rules/table.h - the rules in their order, and the sets that they name
 *
 * Made once, then read by all shards at the same time; the last one who lets go of it frees it. Making has two parts:
 * what may block for long, reading the sets, stands alone in table_load().
 */
#ifndef RULES_TABLE_H
#define RULES_TABLE_H

#include "rule.h"

enum {
	TABLE_RULES_MOST = 4096,
	TABLE_SETS_MOST = 256,
	TABLE_FILES_MOST = 64,      /* of one set */
	TABLE_FILE_MOST = 4 << 20, /* bytes of a file of rules */
	TABLE_WHY = RULE_WHY + 256,
	TABLE_TEXT = 200 /* bytes of a rule's text that are kept, for its counter */
};

struct table;

/* What rules name in the manifest. */
enum table_kind { TABLE_OUTBOUND, TABLE_STACK };
/* Finds the number of an outbound, or whether there is a stack (0); negative: there is none of that name. */
typedef int32_t (*table_find)(void *arg, enum table_kind kind, const char *name);

/* [control] An empty table, whose default is pass; it is the caller's. Null: no memory. */
struct table *table_new(void);
/* [any] */
struct table *table_ref(struct table *t);
/* [any] Takes null. */
void table_unref(struct table *t);

/* The four below are [control], before anybody else has the table. ADIT_ECONFIG, ADIT_ELIMIT, ADIT_ENOMEM, ADIT_ENOENT,
 * with the reason and its place in why (TABLE_WHY bytes). */

/* Adds a line of rules, or a default ("default reject"), or a set ("set NAME FILE"). place is for messages; files are
 * relative to the directory of `file`, if that is given. */
adit_result table_line(struct table *t, const char *line, const char *place, const char *file, char *why);
/* Adds all lines of a file. */
adit_result table_file(struct table *t, const char *path, char *why);
/* Adds a file to a set, which is made if it is new. */
adit_result table_set(struct table *t, const char *name, const char *path, char *why);
/* Resolves the names of sets, outbounds and stacks, and opens the files of the sets. */
adit_result table_finish(struct table *t, table_find find, void *arg, char *why);

/* [pool] Reads the sets, once; a second call waits for the first and has its result. ADIT_ENOMEM, ADIT_EIO, ADIT_ELIMIT,
 * with the reason in why. */
adit_result table_load(struct table *t, char *why);
/* [any] How often lines of sets were no entries; for the first set with such lines, words about it, else null. */
uint64_t table_bad_lines(const struct table *t, const char **words);

/* [any] Rules without the default. */
uint32_t table_count(const struct table *t);
/* [any] Rule number i, from 0; table_count(): the default. */
const struct rule *table_rule(const struct table *t, uint32_t i);
/* [any] How the rule was written, cut to TABLE_TEXT bytes. */
const char *table_text(const struct table *t, uint32_t i);
/* [any] KNOWN_... that some rule needs. */
uint32_t table_needs(const struct table *t);
/* [any] Bytes that the sets take. */
uint64_t table_size(const struct table *t);

#endif
