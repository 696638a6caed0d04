/* SPDX-License-Identifier: MIT
 * load/settings.h - the settings that a schema allows, one by one, for printing
 */
#ifndef LOAD_SETTINGS_H
#define LOAD_SETTINGS_H

/* All lent. */
struct setting {
	const char *path; /* "server/port" */
	const char *type; /* of the schema's "type"; else "one of" for an enumeration, or "any" */
	const char *preset; /* the default as JSON, null: none */
	const char *choices; /* of an enumeration, as a JSON list; null: none */
	const char *description; /* "" if none */
	int required;
};

/* Calls fn for each setting, nested objects' too, in the schema's order. Text that is no schema has none. */
void settings_each(const char *schema, void (*fn)(void *arg, const struct setting *setting), void *arg);

/* What the schema says of the whole, its "description"; the caller's to free. Null: nothing, or no memory. */
char *settings_about(const char *schema);

#endif
