/* SPDX-License-Identifier: MIT
 * cli/look.c - the commands that only look: check, show, schema, modules, inspect
 */
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

enum { STATUS_FAILED = 1, STATUS_WRONG = 2 };

static void json_text(FILE *f, const char *text)
{
	fputc('"', f);
	for (; text && *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(f, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, f);
	}
	fputc('"', f);
}

/* ---- check ---- */

static void print_json(const struct report *r)
{
	static const char *const levels[] = {"note", "warning", "error"};
	size_t i;

	fputs("[", stdout);
	for (i = 0; i < r->count; i++) {
		const struct report_item *it = &r->items[i];

		printf("%s\n  {\"level\": \"%s\", \"file\": ", i ? "," : "", levels[it->level]);
		json_text(stdout, it->file);
		printf(", \"line\": %u, \"column\": %u, \"pointer\": ", it->line, it->column);
		json_text(stdout, it->pointer);
		fputs(", \"text\": ", stdout);
		json_text(stdout, it->text);
		fputs(", \"cure\": ", stdout);
		json_text(stdout, it->cure);
		fputs("}", stdout);
	}
	puts("\n]");
}

int command_check(struct request *r)
{
	struct session s;
	int err;

	r->session.manifest = r->operand;
	err = session_init(&s, &r->session);
	if (!err)
		err = session_load(&s);
	if (!err && r->load)
		err = session_make(&s);
	if (!err)
		err = session_modules(&s);
	if (r->json) {
		print_json(&s.report);
	} else {
		session_print(&s);
		if (!err)
			printf("%s: good\n", r->operand);
	}
	session_fini(&s);
	return err ? STATUS_WRONG : 0;
}

/* ---- show, schema ---- */

int command_show(struct request *r)
{
	struct session s;
	int err;

	r->session.manifest = r->operand;
	err = session_init(&s, &r->session);
	if (!err)
		err = session_load(&s);
	session_print(&s);
	if (!err) /* main() sees whether standard output took it */
		(void)conf_dump(s.conf, stdout, r->origin ? CONF_DUMP_ORIGINS : 0);
	session_fini(&s);
	return err ? STATUS_WRONG : 0;
}

struct component_list {
	struct conf_component *v;
	size_t count;
};

static const char *const kinds[] = {"platform", "stack", "handler", "outbound", "service"};

static const char *kind_of(const char *iface)
{
	size_t i;
	char want[64];

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(want, sizeof(want), "adit.%s/1", kinds[i]);
		if (!strcmp(want, iface))
			return kinds[i];
	}
	return NULL;
}

static int collect(void *arg, const struct load_entry *e)
{
	struct component_list *list = arg;
	const char *id, *iface, *schema;
	size_t i;

	if (e->shadowed || !e->candidate)
		return 0;
	for (i = 0; candidate_component(e->candidate, i, &id, &iface, &schema); i++) {
		struct conf_component *v;
		const char *kind = kind_of(iface);

		if (!kind)
			continue;
		v = realloc(list->v, (list->count + 1) * sizeof(*v));
		if (!v)
			return 1;
		list->v = v;
		v[list->count++] = (struct conf_component){strdup(e->name), kind, e->summary ? strdup(e->summary) : NULL,
		                                           schema ? strdup(schema) : NULL};
	}
	return 0;
}

static int component_at(void *arg, size_t index, struct conf_component *out)
{
	const struct component_list *list = arg;

	if (index >= list->count)
		return ADIT_ENOENT;
	*out = list->v[index];
	return ADIT_OK;
}

int command_schema(struct request *r)
{
	struct component_list list = {0};
	struct session s;
	size_t i;
	int err = session_init(&s, &r->session);

	if (!err && loader_list(s.loader, collect, &list))
		err = ADIT_ENOMEM;
	if (!err)
		err = conf_schema_joined(stdout, component_at, &list, &s.report);
	session_print(&s);
	for (i = 0; i < list.count; i++) {
		free((void *)(uintptr_t)list.v[i].module);
		free((void *)(uintptr_t)list.v[i].summary);
		free((void *)(uintptr_t)list.v[i].json_text);
	}
	free(list.v);
	session_fini(&s);
	return err ? STATUS_FAILED : 0;
}

/* ---- modules, inspect ---- */

/* What of the list is printed, and how much of it has been. */
struct listing {
	const char *only; /* a name, or null: all */
	bool json;
	unsigned count;
};

static void list_text(const struct load_entry *e)
{
	printf("%-20s %-9s %s%s%s\n", e->name, *e->version ? e->version : "-", e->reason ? "unfit: " : e->summary,
	       e->reason ? e->reason : "", e->shadowed ? "  (shadowed by one found earlier)" : "");
}

static void list_json(const struct load_entry *e, bool first)
{
	printf("%s\n  {\"name\": ", first ? "" : ",");
	json_text(stdout, e->name);
	fputs(", \"version\": ", stdout);
	json_text(stdout, e->version);
	fputs(", \"path\": ", stdout);
	json_text(stdout, e->path);
	fputs(", \"origin\": ", stdout);
	json_text(stdout, e->origin);
	fputs(", \"summary\": ", stdout);
	json_text(stdout, e->summary);
	if (e->reason) {
		fputs(", \"unfit\": ", stdout);
		json_text(stdout, e->reason);
	}
	printf(", \"shadowed\": %s}", e->shadowed ? "true" : "false");
}

static int list_entry(void *arg, const struct load_entry *e)
{
	struct listing *l = arg;

	if (l->only && strcmp(l->only, e->name))
		return 0;
	if (l->json)
		list_json(e, l->count == 0);
	else
		list_text(e);
	l->count++;
	return 0;
}

static int list(struct session *s, const char *only, bool json)
{
	struct listing l = {only, json, 0};

	if (json)
		fputs("[", stdout);
	loader_list(s->loader, list_entry, &l);
	if (json)
		puts("\n]");
	if (!only || l.count)
		return ADIT_OK;
	only = words_shown(only);
	fprintf(stderr, "adit: there is no module %s; adit modules --why %s tells where it was looked for\n", only, only);
	return ADIT_ENOENT;
}

static int why(struct session *s, const char *name)
{
	struct load_trace trace;
	struct candidate *c = NULL;
	int err;

	load_trace_init(&trace);
	err = loader_find(s->loader, name, NULL, &trace, &s->report, &c);
	printf("%s\n", name);
	load_trace_print(&trace, stdout);
	load_trace_fini(&trace);
	candidate_free(c);
	return err;
}

static int why_each(void *arg, const struct load_entry *e)
{
	if (!e->shadowed)
		why(arg, e->name);
	return 0;
}

int command_modules(struct request *r)
{
	struct session s;
	int err = session_init(&s, &r->session);

	if (!err && r->why && r->operand)
		err = why(&s, r->operand);
	else if (!err && r->why)
		loader_list(s.loader, why_each, &s);
	else if (!err)
		err = list(&s, r->operand, r->json);
	session_print(&s);
	session_fini(&s);
	return err ? STATUS_FAILED : 0;
}

int command_inspect(struct request *r)
{
	struct session s;
	struct candidate *c = NULL;
	int err = session_init(&s, &r->session);

	if (!err && strchr(r->operand, '/')) {
		err = module_inspect(s.loader, r->operand, stdout, r->json);
		if (err == ADIT_ENOENT)
			fprintf(stderr, "adit: %s: there is no such file\n", words_shown(r->operand));
	} else if (!err) {
		err = loader_find(s.loader, r->operand, NULL, NULL, &s.report, &c);
		if (!err)
			err = module_inspect(s.loader, candidate_path(c), stdout, r->json);
		candidate_free(c);
	}
	session_print(&s);
	session_fini(&s);
	return err ? STATUS_FAILED : 0;
}
