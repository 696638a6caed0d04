/* SPDX-License-Identifier: MIT
 * load/inspect.c - what is known about a module's file, without running it, as text or JSON
 *
 * One story for both forms: sections, lists and facts, written by a small printer that knows the form.
 */
#include "load/candidate.h"
#include "load/loader.h"
#include "load/machine.h"
#include "load/policy.h"
#include "load/settings.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct printer {
	FILE *out;
	bool json;
	bool first; /* in its object or list: no comma before the next */
	unsigned indent;
};

/* A JSON string. Control bytes are escaped; so is what would steer a terminal. */
static void put_quoted(FILE *out, const char *text)
{
	const unsigned char *p;

	fputc('"', out);
	for (p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\u%04x", *p);
		else
			fputc(*p, out);
	}
	fputc('"', out);
}

static void put_plain(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text, out);
}

static void separate(struct printer *p)
{
	if (p->json && !p->first)
		fputc(',', p->out);
	p->first = false;
}

static void begin(struct printer *p, const char *key, char bracket)
{
	separate(p);
	if (p->json && key) {
		put_quoted(p->out, key);
		fputc(':', p->out);
	}
	if (p->json)
		fputc(bracket, p->out);
	else if (key)
		fprintf(p->out, "%*s%s\n", (int)p->indent, "", key);
	p->first = true;
	p->indent += 2;
}

static void end(struct printer *p, char bracket)
{
	if (p->json)
		fputc(bracket, p->out);
	p->first = false;
	p->indent -= 2;
}

/* A named text; raw: is JSON already. */
static void put(struct printer *p, const char *key, const char *value, bool raw)
{
	separate(p);
	if (p->json) {
		put_quoted(p->out, key);
		fputc(':', p->out);
		if (raw)
			fputs(value, p->out);
		else
			put_quoted(p->out, value);
		return;
	}
	fprintf(p->out, "%*s%-*s ", (int)p->indent, "", 20 - (int)p->indent, key);
	put_plain(p->out, value);
	fputc('\n', p->out);
}

static void put_number(struct printer *p, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	put(p, key, text, true);
}

static void put_item(struct printer *p, const char *value)
{
	separate(p);
	if (p->json) {
		put_quoted(p->out, value);
		return;
	}
	fprintf(p->out, "%*s", (int)p->indent, "");
	put_plain(p->out, value);
	fputc('\n', p->out);
}

static void put_list(struct printer *p, const char *key, const struct descriptor_list *list)
{
	size_t i;

	if (!list->count && !p->json)
		return;
	begin(p, key, '[');
	for (i = 0; i < list->count; i++)
		put_item(p, list->items[i]);
	end(p, ']');
}

static void put_setting(void *arg, const struct setting *s)
{
	struct printer *p = arg;

	if (!p->json) {
		fprintf(p->out, "%*s", (int)p->indent, "");
		put_plain(p->out, s->path);
		fprintf(p->out, " (");
		put_plain(p->out, s->type);
		if (s->choices)
			fprintf(p->out, " %s", s->choices);
		if (s->preset)
			fprintf(p->out, ", default %s", s->preset);
		fprintf(p->out, "%s)%s", s->required ? ", required" : "", *s->description ? ": " : "");
		put_plain(p->out, s->description);
		fputc('\n', p->out);
		return;
	}
	begin(p, NULL, '{');
	put(p, "path", s->path, false);
	put(p, "type", s->type, false);
	if (s->choices)
		put(p, "choices", s->choices, true);
	if (s->preset)
		put(p, "default", s->preset, true);
	put(p, "required", s->required ? "true" : "false", true);
	if (*s->description)
		put(p, "description", s->description, false);
	end(p, '}');
}

static void put_descriptor(struct printer *p, const struct descriptor *d)
{
	char abi[24];
	size_t i;

	snprintf(abi, sizeof(abi), "%u.%u", d->abi_major, d->abi_minor);
	put(p, "name", d->name, false);
	put(p, "version", d->version, false);
	put(p, "summary", d->summary, false);
	put(p, "license", d->license, false);
	put(p, "abi", abi, false);
	put(p, "target", d->target, false);
	put(p, "loops", d->loops, false);
	begin(p, "components", '[');
	for (i = 0; i < d->component_count; i++) {
		const struct descriptor_component *c = &d->components[i];
		char *about;

		begin(p, NULL, '{');
		put(p, "id", c->id, false);
		put(p, "interface", c->iface, false);
		about = c->schema ? settings_about(c->schema) : NULL;
		if (about)
			put(p, "about", about, false);
		free(about);
		begin(p, "settings", '[');
		if (c->schema)
			settings_each(c->schema, put_setting, p);
		end(p, ']');
		end(p, '}');
	}
	end(p, ']');
	put_list(p, "requires", &d->required);
	put_list(p, "wants", &d->wanted);
	put_list(p, "provides", &d->provided);
	put_list(p, "rights", &d->rights);
}

static void put_elf(struct printer *p, const struct candidate *c)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{ELF_STACK_NONE, "no stack header"},    {ELF_STACK_EXEC, "executable stack"},
		{ELF_WRITE_EXEC, "writable code"},      {ELF_TEXTREL, "text relocations"},
		{ELF_RPATH, "rpath"},                   {ELF_RUNPATH, "runpath"},
		{ELF_STATIC_TLS, "initial-exec tls"},   {ELF_NOW, "binds at load"},
		{ELF_NODELETE, "never unmapped"},       {ELF_NOOPEN, "not to be opened"},
		{ELF_GLOBAL, "global symbols"},         {ELF_PROGRAM, "program"},
		{ELF_AUDIT, "auditor or filter"},       {ELF_CONSTRUCTORS, "own constructors"},
	};
	const struct elf_facts *f = &c->facts;
	char room[24];
	unsigned i;

	begin(p, "elf", '{');
	put_number(p, "bytes", (uint64_t)c->st.st_size);
	put(p, "machine", machine_name(f->machine, room), false);
	put(p, "class", f->wide ? "64" : "32", true);
	begin(p, "needed", '[');
	for (i = 0; i < f->needed_count; i++)
		put_item(p, f->needed[i]);
	end(p, ']');
	put_number(p, "export_count", f->export_count);
	begin(p, "exports", '[');
	for (i = 0; i < f->export_count && i < ELF_EXPORTS_MOST; i++)
		put_item(p, f->exports[i]);
	end(p, ']');
	begin(p, "marks", '[');
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (f->flags & names[i].flag)
			put_item(p, names[i].name);
	end(p, ']');
	if (f->path[0])
		put(p, "run_path", f->path, false);
	end(p, '}');
}

static void put_findings(struct printer *p, const struct report *report)
{
	static const char *const levels[] = {
		[REPORT_NOTE] = "note", [REPORT_WARNING] = "warning", [REPORT_ERROR] = "error"};
	size_t i;
	char *line;

	if (!report->count && !p->json)
		return;
	begin(p, "findings", '[');
	for (i = 0; i < report->count; i++) {
		const struct report_item *item = &report->items[i];

		if (!p->json) {
			line = report_line(item);
			put_item(p, line ? line : item->text);
			free(line);
			continue;
		}
		begin(p, NULL, '{');
		put(p, "level", levels[item->level], false);
		if (item->file)
			put(p, "file", item->file, false);
		if (item->pointer)
			put(p, "pointer", item->pointer, false);
		put(p, "text", item->text, false);
		if (item->cure)
			put(p, "cure", item->cure, false);
		end(p, '}');
	}
	end(p, ']');
}

static void put_all(struct printer *p, const char *path, const struct candidate *c, bool fit,
                    const struct report *report)
{
	begin(p, NULL, '{');
	p->indent = 0;
	put(p, "path", path, false);
	if (c->d)
		put_descriptor(p, c->d);
	if (c->readable)
		put_elf(p, c);
	if (p->json)
		put(p, "loadable", fit ? "true" : "false", true);
	else
		put(p, "loadable", fit ? "yes" : "no", false);
	put_findings(p, report);
	p->indent = 2;
	end(p, '}');
	if (p->json)
		fputc('\n', p->out);
}

int module_inspect(struct loader *l, const char *path, FILE *out, bool json)
{
	struct printer p = {out, json, true, 0};
	struct candidate_wish wish = {NULL, NULL, l->allow_unsafe_owner, true};
	char dir[PATH_MAX], whole[PATH_MAX + 260];
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	struct candidate *c = NULL;
	struct report report;
	int err;

	/* The directory's links are resolved, as those of a search path are; the file's own are not. */
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	wish.path = realpath(dir, whole);
	if (!wish.path || strlen(path) >= PATH_MAX - 8 || strlen(file) > 255)
		return ADIT_ENOENT;
	if (strcmp(whole, "/") != 0)
		strcat(whole, "/");
	strcat(whole, file);
	report_init(&report);
	err = candidate_judge(&c, &wish, &report);
	if (c && c->d && policy_judge_needs(c->d, &l->callbacks, whole, &report) && !err)
		err = ADIT_ECONFIG;
	if (c && err != ADIT_ENOENT && err != ADIT_ENOMEM)
		put_all(&p, whole, c, !err, &report);
	candidate_free(c);
	report_fini(&report);
	return err;
}
