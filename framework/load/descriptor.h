/* SPDX-License-Identifier: MIT
 * load/descriptor.h - the JSON that describes a module, as plain values
 *
 * It lies beside the library (NAME.json) and in it (section .adit.json). Reading it runs no code of the module.
 * Members it does not know are ignored; "x-" is free for all.
 */
#ifndef LOAD_DESCRIPTOR_H
#define LOAD_DESCRIPTOR_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	DESCRIPTOR_SIZE_MOST = 1 << 20,   /* bytes */
	DESCRIPTOR_COMPONENTS_MOST = 32,
	DESCRIPTOR_LIST_MOST = 64,        /* of requires, wants, provides, rights */
	DESCRIPTOR_NAME_MOST = 64         /* bytes of a module's name */
};

struct descriptor_component {
	const char *id;
	const char *iface;
	char *schema; /* of its settings, one line of JSON; owned; null: takes none */
};

struct descriptor_list {
	const char *items[DESCRIPTOR_LIST_MOST];
	size_t count;
};

/* Texts live as long as the descriptor; none is null, what was absent is "". */
struct descriptor {
	struct json_tree *tree; /* owner of the texts */
	const char *name, *version, *license, *summary, *target, *library, *loops;
	unsigned abi_major, abi_minor;
	struct descriptor_component components[DESCRIPTOR_COMPONENTS_MOST];
	size_t component_count;
	struct descriptor_list required, wanted, provided, rights;
};

/* Reads a descriptor. All that is wrong goes to the report, with `file` as its place. ADIT_EINVAL, ADIT_ENOMEM. */
int descriptor_read(struct descriptor **out, const char *text, size_t size, const char *file, struct report *report);
void descriptor_free(struct descriptor *d);

/* The component with that id (null: any) and interface (null: any); null: none, or several. */
const struct descriptor_component *descriptor_component(const struct descriptor *d, const char *iface,
                                                        const char *id);

/* True for [a-z0-9][a-z0-9_.-]*, at most DESCRIPTOR_NAME_MOST bytes, without "..": what may be a file's name. */
bool descriptor_name_valid(const char *name);

#endif
