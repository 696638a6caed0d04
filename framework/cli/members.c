/* SPDX-License-Identifier: MIT
 * cli/members.c - the manifest that the options of adit exec stand for
 */
#include "cli/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"

enum { MEMBER_MOST = 65536 };

static void named(struct jsonw *w, const char *name, const char *module)
{
	jsonw_object(w, NULL);
	jsonw_text(w, "name", name);
	jsonw_text(w, "module", module);
}

static void platform(struct jsonw *w)
{
	jsonw_object(w, "platform");
	jsonw_text(w, "module", "platform-linux");
	jsonw_text(w, "namespace", "new");
	jsonw_end_object(w);
}

/* The command is the user's own, and so is the machine: its services may be used. */
static void policy(struct jsonw *w)
{
	jsonw_object(w, "policy");
	jsonw_truth(w, "host", true);
	jsonw_end_object(w);
}

static void stacks(struct jsonw *w, const struct request *r)
{
	jsonw_array(w, "stacks");
	named(w, "system", "stack-system");
	jsonw_text(w, "form", r->form);
	jsonw_end_object(w);
	jsonw_end_array(w);
}

/* Those that the options name are asked before the one that lets flows out. */
static void handlers(struct jsonw *w, const struct request *r)
{
	jsonw_array(w, "handlers");
	if (r->rules) {
		named(w, "rules", "handler-rules");
		jsonw_array(w, "files");
		jsonw_text(w, NULL, r->rules);
		jsonw_end_array(w);
		jsonw_end_object(w);
	}
	if (r->handler) {
		named(w, "chosen", r->handler);
		jsonw_end_object(w);
	}
	named(w, "direct", "handler-direct");
	jsonw_end_object(w);
	jsonw_end_array(w);
}

/* The first one is the default; rules may name the other. */
static void outbounds(struct jsonw *w, const struct via *v)
{
	jsonw_array(w, "outbounds");
	named(w, "via", v->module);
	if (*v->server)
		jsonw_text(w, "server", v->server);
	if (v->tls)
		jsonw_truth(w, "tls", true);
	if (*v->user) {
		jsonw_text(w, "username", v->user);
		jsonw_text(w, "password", "${env:" MEMBERS_PASSWORD ":-}");
	}
	jsonw_end_object(w);
	if (strcmp(v->module, "outbound-direct") != 0) {
		named(w, "direct", "outbound-direct");
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

/* Ends the member that w holds; false: it has failed. */
static bool member(FILE *f, struct jsonw *w, const char *between, unsigned *count)
{
	bool good = !w->failed;

	if (good)
		fprintf(f, "%s%.*s", (*count)++ ? between : "", (int)w->used, w->text);
	jsonw_reset(w);
	return good;
}

bool members_settings(struct request *r)
{
	struct session_options *o = &r->session;

	if (o->setting_count + 2 > SESSION_SETTINGS)
		return false;
	if (r->stack || r->form)
		o->settings[o->setting_count++] = (struct conf_setting){"stack", r->stack ? r->stack : "system"};
	if (r->form)
		o->settings[o->setting_count++] = (struct conf_setting){"stacks.system.form", r->form};
	return true;
}

char *members_text(const struct request *r, const struct via *v, const char *between, bool whole)
{
	struct jsonw w;
	char *text = NULL;
	unsigned count = 0;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	bool good = f != NULL;

	if (!good)
		return NULL;
	jsonw_init(&w, MEMBER_MOST);
	platform(&w);
	good = member(f, &w, between, &count);
	policy(&w);
	good = member(f, &w, between, &count) && good;
	if (good && whole && (r->stack || r->form)) {
		jsonw_text(&w, "stack", r->stack ? r->stack : "system");
		good = member(f, &w, between, &count);
	}
	if (good && whole && r->form) {
		stacks(&w, r);
		good = member(f, &w, between, &count);
	}
	if (good && (r->handler || r->rules)) {
		handlers(&w, r);
		good = member(f, &w, between, &count);
	}
	if (good && v) {
		outbounds(&w, v);
		good = member(f, &w, between, &count);
	}
	if (good && !r->session.flows) {
		jsonw_object(&w, "log");
		jsonw_text(&w, "level", "warn");
		jsonw_end_object(&w);
		good = member(f, &w, between, &count);
	}
	jsonw_fini(&w);
	if (!fclose(f) && good)
		return text;
	free(text);
	return NULL;
}
