/* SPDX-License-Identifier: MIT
 * load/load.h - finds, checks and loads modules; the whole of the loader that other folders see
 *
 * Two steps. loader_find() looks a name up in the search path and judges the file without running any of its
 * code: who could have written it, what its ELF headers ask for, whether its descriptor fits this host.
 * loader_open() then loads from the very descriptor that was judged, whatever the path means by now, and checks
 * the tables that the module exports.
 *
 * A loaded image is never unmapped and its descriptor never closed: a number used again would make the dynamic
 * loader answer with the older image. Replace a module by renaming a new file over it: the next find and open give
 * a new generation beside the old one.
 *
 * Not safe for concurrent use: one control thread owns a loader. What it hands out may be read from any thread.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include "base/report.h"

#include <adit/module.h>

#include <stdbool.h>
#include <stdio.h>

struct loader;    /* owns all candidates' settings and all modules */
struct candidate; /* a judged file, not loaded; owned by the caller */
struct module;    /* a loaded image; owned by the loader */

struct load_options {
	const char *const *dirs; /* of --module-dir, in order */
	size_t dir_count;
	const char *const *manifest_dirs; /* of the manifest's modules.path; absolute */
	size_t manifest_dir_count;
	bool builtin_only;       /* --safe-mode: only the directory that was compiled in */
	bool secure;             /* ignore the environment, as under secure execution */
	bool allow_unsafe_owner; /* owners, modes and links of files become warnings */
	bool sealed;             /* load each module from a sealed copy in memory, out of reach of later writes */
};

struct load_callbacks {
	void *arg;
	/* True when the host or the platform offers the interface. Null: nothing is asked. */
	bool (*offered)(void *arg, const char *iface);
};

enum {
	LOAD_DIRS_MOST = 64,
	LOAD_TRACE_MOST = 256,
	LOAD_FILE_MOST = 64 << 20, /* bytes of a library */
	LOAD_MODULES_MOST = 256,   /* images of one loader, all generations */
	LOAD_SHARDS_MOST = 64
};

/* --why: every place that was looked at, and what became of it. */
enum load_verdict {
	LOAD_TAKEN,   /* this one */
	LOAD_LEFT,    /* nothing of that name there, or the directory is not used */
	LOAD_SHADOWED, /* there is one, but an earlier place has one too */
	LOAD_REFUSED  /* the first one there is, and unfit: no later place is tried in its stead */
};
struct load_trace_item {
	enum load_verdict verdict;
	char *path;
	char *reason;
};
struct load_trace {
	struct load_trace_item *items;
	size_t count;
	size_t lost; /* items beyond LOAD_TRACE_MOST, or without memory */
};
void load_trace_init(struct load_trace *trace);
void load_trace_fini(struct load_trace *trace);
/* One line each: "taken    PATH: REASON". */
void load_trace_print(const struct load_trace *trace, FILE *out);

/* Settles the search path: --module-dir, ADIT_MODULE_PATH, the manifest's, the executable's own tree, the directory
 * that was compiled in. Options are copied. What is left out (the environment under secure execution, a relative
 * directory) is a warning in the report. ADIT_ENOMEM. */
int loader_new(struct loader **out, const struct load_options *options, const struct load_callbacks *callbacks,
               struct report *report);
/* Frees what the loader knows. The images stay mapped; modules of it must not be used any more. */
void loader_free(struct loader *loader);

/* Finds and judges a module, running none of its code. library, when not null, is the one file to take, by its
 * absolute path; otherwise the search path decides. trace may be null. ADIT_ENOENT: there is none of that name;
 * ADIT_ECONFIG: there is, but it is refused; ADIT_ENOMEM. All but the last are explained in the report. */
int loader_find(struct loader *loader, const char *name, const char *library, struct load_trace *trace,
                struct report *report, struct candidate **out);
void candidate_free(struct candidate *candidate);
const char *candidate_name(const struct candidate *candidate);
const char *candidate_version(const struct candidate *candidate);
const char *candidate_path(const struct candidate *candidate);
/* The schema of the settings of the component with that interface and id (null: whichever is the only one). "{}" when
 * it has none; null: there is no such component, or there are several. Lives as long as the candidate. */
const char *candidate_schema(const struct candidate *candidate, const char *iface, const char *id);
/* Declared rights ("net.dial"), null past the end. */
const char *candidate_right(const struct candidate *candidate, size_t index);

/* Loads a judged file. The candidate stays the caller's. A file that is loaded already, or a copy of one of the same name,
 * gives the same module.
 * ADIT_ECONFIG (explained in the report), ADIT_ELIMIT, ADIT_ENOMEM. */
int loader_open(struct loader *loader, struct candidate *candidate, struct report *report, struct module **out);

const adit_module *module_root(const struct module *module);
const char *module_name(const struct module *module);
const char *module_version(const struct module *module);
const char *module_path(const struct module *module);
/* 1 for the first image of that name in this loader, 2 for the next, ... */
unsigned module_generation(const struct module *module);
/* Whether the candidate's file is the one that the module was loaded from, or has the same contents. */
bool module_is(const struct module *module, const struct candidate *candidate);
/* The component with that interface and id (null: whichever is the only one); null: none, or several. Its table is at
 * least as large as the kind's first revision and its hot functions are there; later members: ADIT_HAS. */
const adit_component *module_component(const struct module *module, const char *iface, const char *id);
/* As candidate_schema(). */
const char *module_schema(const struct module *module, const char *iface, const char *id);
const char *module_right(const struct module *module, size_t index);

/* The image for a shard. A module without ADIT_MODULE_PRIVATE has one for all, as has shard 0; the others get a copy of
 * their own, from sealed memory, made at the first call. It wants its own init(). Errors as loader_open(). */
int module_image(struct module *module, unsigned shard, struct report *report, struct module **out);

/* A module that the search path offers. All is lent. */
struct load_entry {
	const char *name;
	const char *path;
	const char *version; /* "" when unfit */
	const char *summary; /* "" when unfit */
	const char *reason;  /* why it is not used, null when it is fit */
	const char *origin;  /* of the directory: "--module-dir" and the like */
	bool shadowed;
	size_t component_count;
	const struct candidate *candidate; /* null when unfit */
};
/* Calls fn for each module that lies in the search path, shadowed and unfit ones too, by directory and then by name,
 * until fn returns something else than 0; returns that. */
int loader_list(struct loader *loader, int (*fn)(void *arg, const struct load_entry *entry), void *arg);
/* Component `index` of a candidate; false past the end. schema may be null: it takes no settings. */
bool candidate_component(const struct candidate *candidate, size_t index, const char **id, const char **iface,
                         const char **schema);

/* Writes what is known about the module file at path, without running it, as text or as one JSON object: components,
 * settings with types and defaults, needs, rights, ELF facts, and whether this host could load it and if not why.
 * Works on broken files. 0: it could be loaded; ADIT_ECONFIG: it could not; ADIT_ENOENT; ADIT_ENOMEM. */
int module_inspect(struct loader *loader, const char *path, FILE *out, bool json);

#endif
