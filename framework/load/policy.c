/* SPDX-License-Identifier: MIT
 * load/policy.c - what a module's file may ask for
 */
#include "config.h"

#include "load/policy.h"

#include "load/machine.h"

#include <string.h>

#ifdef ADIT_SANITIZED
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* Facts of which none is allowed, each with its reason and its cure. */
static const struct {
	uint32_t flag;
	const char *text, *cure;
} refused[] = {
	{ELF_PROGRAM, "it is a program, not a library", "link it with -shared"},
	{ELF_STACK_NONE, "it does not say that its stack is not executable, so the whole host's would become so",
	 "link it with -z noexecstack"},
	{ELF_STACK_EXEC, "it wants an executable stack, which the whole host would get",
	 "link it with -z noexecstack; look for assembly without .note.GNU-stack"},
	{ELF_WRITE_EXEC, "it has a segment both writable and executable",
	 "link it without -N; look for a section \"awx\""},
	{ELF_TEXTREL, "it has relocations in its code", "compile all of it with -fPIC"},
	{ELF_RPATH, "it has an RPATH, which pulls in unchecked files", "link it without -rpath"},
	{ELF_RUNPATH, "it has a RUNPATH, which pulls in unchecked files", "link it without -rpath"},
	{ELF_STATIC_TLS, "its thread-local storage is of the initial-exec model, for which there may be no room",
	 "compile it without -ftls-model=initial-exec"},
	{ELF_NOOPEN, "it is marked as not to be opened at run time", "link it without -z nodlopen"},
	{ELF_GLOBAL, "it puts its symbols in front of everybody's", "link it without -z global and -z interpose"},
	{ELF_AUDIT, "it pulls in an auditor, a filter or an auxiliary library", "link it without --audit, -f and -F"},
};

static size_t judge_flags(const struct elf_facts *facts, const struct report_place *place, struct report *report)
{
	size_t i, errors = 0;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (!(facts->flags & refused[i].flag))
			continue;
		if (facts->path[0] && refused[i].flag & (ELF_RPATH | ELF_RUNPATH))
			report_add(report, REPORT_ERROR, place, refused[i].cure, "%s (%s)", refused[i].text,
			           facts->path);
		else
			report_add(report, REPORT_ERROR, place, refused[i].cure, "%s", refused[i].text);
		errors++;
	}
	return errors;
}

static size_t judge_exports(const struct elf_facts *facts, const struct report_place *place, struct report *report)
{
	unsigned i, most = facts->export_count;
	const char *other = "";

	if (!facts->root) {
		report_add(report, REPORT_ERROR, place, "define it with the SDK's adit/module.h",
		           "it does not export adit_module_1, so it is no module of ABI 1");
		return 1;
	}
	if (most == 1)
		return 0;
	for (i = 0; i < most && i < ELF_EXPORTS_MOST; i++)
		if (strcmp(facts->exports[i], "adit_module_1") != 0)
			other = facts->exports[i];
	/* The sanitizers' run-time needs some of its own. */
	report_add(report, SANITIZED ? REPORT_NOTE : REPORT_ERROR, place,
	           "compile it with -fvisibility=hidden, link it with -export-symbols-regex '^adit_module_1$'",
	           "it exports %u symbols besides adit_module_1, such as %s", most - 1, other);
	return SANITIZED ? 0 : 1;
}

size_t policy_judge_elf(const struct elf_facts *facts, const char *path, struct report *report)
{
	const struct report_place place = {path, 0, 0, NULL};
	size_t errors = 0;
	char room[24];
	unsigned i;

	if (!machine_is_native(facts)) {
		report_add(report, REPORT_ERROR, &place, "install the module for this machine",
		           "it is for %s, %s bit; this host is %s",
		           machine_name(facts->machine, room), facts->wide ? "64" : "32", machine_target());
		return 1;
	}
	errors += judge_flags(facts, &place, report);
	errors += judge_exports(facts, &place, report);
	for (i = 0; i < facts->needed_count; i++) {
		if (!strpbrk(facts->needed[i], "/$"))
			continue;
		report_add(report, REPORT_ERROR, &place, "link by name, against a library of the system",
		           "it wants the library %s by its path", facts->needed[i]);
		errors++;
	}
	if (!facts->described) {
		report_add(report, REPORT_ERROR, &place,
		           "make it with the SDK's descriptor.sh and let adit_module_1 point at adit_descriptor",
		           "it has no descriptor in it (section .adit.json)");
		errors++;
	}
	return errors;
}

size_t policy_judge_descriptor(const struct descriptor *d, const char *name, const char *path, struct report *report)
{
	const struct report_place place = {path, 0, 0, NULL};
	const char *file = strrchr(path, '/');
	size_t errors = 0;

	file = file ? file + 1 : path;
	if (d->abi_major != ADIT_ABI_MAJOR) {
		report_add(report, REPORT_ERROR, &place,
		           "build it with this host's SDK, or install the host it is for",
		           "it is for ABI %u.%u; this host has %d.%d", d->abi_major, d->abi_minor, ADIT_ABI_MAJOR,
		           ADIT_ABI_MINOR);
		errors++;
	} else if (d->abi_minor > ADIT_ABI_MINOR) {
		report_add(report, REPORT_NOTE, &place, NULL,
		           "it is for ABI %u.%u, newer than this host's %d.%d: what it has beyond that is not used",
		           d->abi_major, d->abi_minor, ADIT_ABI_MAJOR, ADIT_ABI_MINOR);
	}
	if (!machine_same_target(d->target, machine_target())) {
		report_add(report, REPORT_ERROR, &place, "install the module for this target",
		           "it is for %.80s; this host is %s",
		           d->target, machine_target());
		errors++;
	}
	if (name && strcmp(name, d->name) != 0) {
		report_add(report, REPORT_ERROR, &place, "ask for it by that name, or rename the file",
		           "the module in it is called \"%s\", not \"%s\"", d->name, name);
		errors++;
	}
	if (strcmp(file, d->library) != 0) {
		report_add(report, REPORT_ERROR, &place, "keep the name it was built with",
		           "its descriptor calls the file %s",
		           d->library);
		errors++;
	}
	return errors;
}

size_t policy_judge_needs(const struct descriptor *d, const struct load_callbacks *callbacks, const char *path,
                          struct report *report)
{
	const struct report_place place = {path, 0, 0, NULL};
	size_t i, errors = 0;

	if (!callbacks->offered)
		return 0;
	for (i = 0; i < d->required.count; i++) {
		if (callbacks->offered(callbacks->arg, d->required.items[i]))
			continue;
		report_add(report, REPORT_ERROR, &place, "use a platform module that offers it, or a newer host",
		           "module %s needs %.80s, which neither this host nor its platform module offers", d->name,
		           d->required.items[i]);
		errors++;
	}
	for (i = 0; i < d->wanted.count; i++)
		if (!callbacks->offered(callbacks->arg, d->wanted.items[i]))
			report_add(report, REPORT_NOTE, &place, NULL,
			           "module %s could use %.80s, which neither this host nor its platform module offers", d->name,
			           d->wanted.items[i]);
	return errors;
}
