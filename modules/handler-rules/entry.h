/* SPDX-License-Identifier: MIT
 * handler-rules/entry.h - one line of a set, or one word of a rule's list: an address, a prefix or a host name
 *
 *     192.0.2.1   192.0.2.0/24   2001:db8::/32   example.org   .example.org
 *
 * A name stands for itself alone; with a dot before it for itself and everything below it. Bits of a prefix beyond its
 * length do not count. Allocates nothing.
 */
#ifndef RULES_ENTRY_H
#define RULES_ENTRY_H

#include "names.h"
#include "ranges.h"

enum entry_kind { ENTRY_NONE, ENTRY_PREFIX, ENTRY_NAME };

struct entry {
	enum entry_kind kind;
	struct prefix prefix;
	uint32_t size; /* of the name */
	int below;
	char name[NAME_MOST + 1];
};

/* [any] Reads size bytes without white space around them. ADIT_EINVAL: it is none of these. */
adit_result entry_read(const char *text, size_t size, struct entry *out);
/* [any] The same of a line: white space around it and a comment (# at the beginning or after white space) are left out;
 * kind NONE: there is nothing else on it. */
adit_result entry_read_line(const char *line, size_t size, struct entry *out);

#endif
