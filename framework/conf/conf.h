/* SPDX-License-Identifier: MIT
 * conf/conf.h - the manifest: read, joined, checked, filled in, and handed out
 *
 * A manifest is JSON with comments and one trailing comma. Files name others with "include"; texts
 * may hold ${env:NAME}, ${env:NAME:-default}, ${file:PATH}, ${cred:NAME} ("$${" stands for "${").
 * What a conf holds is the effective manifest: includes merged, settings of the command line
 * applied, substitutions made, defaults filled in, everything checked against the schemas of the
 * host and of the modules. It never changes after conf_load().
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <adit/config.h>

#include "base/report.h"
#include "conf/format.h"

struct conf;

enum conf_kind { CONF_PLATFORM, CONF_STACK, CONF_HANDLER, CONF_OUTBOUND, CONF_SERVICE, CONF_KINDS };

/* "platform", "stack", "handler", "outbound", "service" */
const char *conf_kind_name(enum conf_kind kind);

/* One --set: path is "platform.mtu", "outbounds.NAME.server" or a JSON pointer. A value that begins
 * with {, [ or " is JSON; any other is a text, or the number or truth value that it spells where
 * the schema wants one. */
struct conf_setting {
	const char *path, *value;
};

struct conf_source {
	/* The manifest; null: none. */
	const char *path;
	/* A manifest as text, under the file: what the file says wins. Null: none. */
	const char *text;
	/* Its name in places; null: its values come from the command line. */
	const char *text_name;
	const struct conf_setting *settings; /* over both, in order */
	size_t setting_count;
	/* The schema of what module's component of that kind takes, as JSON text that lives until
	 * conf_load() returns. ADIT_ENOENT: no such module; ADIT_EINVAL: it has no component of
	 * that kind. Null: keys of modules pass unchecked. */
	int (*schema_of)(void *arg, const char *module, const char *kind, const char **json_text);
	void *arg;
};

/* ADIT_ECONFIG with the reasons in r, or ADIT_ENOMEM. r may have warnings on success. Not for
 * concurrent use with setenv(). The conf has one reference. */
int conf_load(struct conf **out, const struct conf_source *source, struct report *r);

/* Nodes live as long as their conf. From any thread. conf_unref() takes null. */
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c);

/* The root, to be read through conf_config_1. */
const adit_cfg *conf_root(const struct conf *c);

/* The table that modules get; all of it from any thread. */
extern const adit_config_1 conf_config_1;

/* What the table has no room for. ADIT_ENOENT, ADIT_EINVAL. */
int conf_size(const adit_cfg *c, const char *path, uint64_t *out);
bool conf_is_secret(const adit_cfg *c);
/* "edge.json:2:84", "default", "env NAME", "file PATH", "credential NAME", "command line"; in buf,
 * or static. */
const char *conf_origin(const adit_cfg *c, char *buf, size_t size);

/* What a handler wants to be asked about; nothing said is everything. */
enum { CONF_TCP = 1, CONF_UDP = 2, CONF_ICMP = 4 };
struct conf_ports {
	uint16_t from, to;
};
struct conf_match {
	unsigned protos;                /* CONF_TCP ...; never 0 */
	const struct conf_ports *ports; /* of the destination; judged for TCP and UDP only */
	size_t port_count;
	const struct format_prefix *prefixes; /* of the destination */
	size_t prefix_count;
};

/* A module in the manifest. */
struct conf_entry {
	enum conf_kind kind;
	const char *name, *module;
	const char *library; /* a shared object to load in place of the installed one; null: none */
	const char *outbound;    /* handlers: the outbound to use; null: not said */
	bool standby;            /* stacks: kept ready although no protocol of "stack" names it */
	const adit_cfg *cfg;     /* the whole entry: the module's settings and the host's keys */
	struct conf_match match; /* handlers */
};

/* In the order of the manifest. The platform is the one entry of its kind. */
const struct conf_entry *conf_entries(const struct conf *c, enum conf_kind kind, size_t *count);
const struct conf_entry *conf_entry_find(const struct conf *c, enum conf_kind kind,
                                         const char *name);

/* The name of the stack for "tcp", "udp" or "icmp": "" (choose), "system", "lwip", "mixed", or
 * another. */
const char *conf_stack_for(const struct conf *c, const char *proto);

/* The effective manifest as JSON, secrets as "<redacted>"; it can be loaded again. With
 * CONF_DUMP_ORIGINS each value is followed by a comment that says where it came from. ADIT_EIO. */
enum { CONF_DUMP_ORIGINS = 1 };
int conf_dump(const struct conf *c, FILE *f, unsigned flags);

/* What differs, as pointers in which entries with names are named: "/outbounds/proxy/server".
 * before and after are null where there is no such node. CONF_MOVED: the entries of a list have
 * another order. */
enum conf_change { CONF_ADDED, CONF_REMOVED, CONF_CHANGED, CONF_MOVED };
typedef void conf_diff_fn(void *arg, enum conf_change change, const char *pointer,
                          const adit_cfg *before, const adit_cfg *after);
int conf_diff(const struct conf *before, const struct conf *after, conf_diff_fn *changed,
              void *arg);

/* Whether two nodes, of any confs, hold the same. From any thread. */
bool conf_same(const adit_cfg *a, const adit_cfg *b);

/* One installed component for the joined schema. */
struct conf_component {
	const char *module, *kind, *summary; /* summary may be null */
	const char *json_text;               /* its schema; null: takes nothing */
};
/* Component number index, ADIT_ENOENT past the end. */
typedef int conf_component_fn(void *arg, size_t index, struct conf_component *out);
/* Writes one JSON Schema for editors: the host's, with the modules' as alternatives by "module". A
 * component whose schema has faults is reported and left out. ADIT_ECONFIG (after writing the
 * rest), ADIT_ENOMEM, ADIT_EIO. */
int conf_schema_joined(FILE *f, conf_component_fn *component, void *arg, struct report *r);

/* Whether a text is a schema of the subset that adit knows; name is for the findings. */
int conf_schema_check(const char *json_text, const char *name, struct report *r);

#endif
