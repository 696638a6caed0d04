/* SPDX-License-Identifier: MIT
 * cli/exec.c - adit exec: the manifest that its options stand for
 */
#include "cli/serving.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who is asked about each flow: rules, the chosen module, and in the end who lets everything out. Null: no memory. */
static char *handlers_of(const struct request *r)
{
	char *text = NULL;

	if (!r->rules && !r->handler)
		return strdup("");
	if (asprintf(&text, ", \"handlers\": [%s%s%s%s%s%s{\"name\": \"direct\", \"module\": \"handler-direct\"}]",
	             r->rules ? "{\"name\": \"rules\", \"module\": \"handler-rules\", \"files\": [\"" : "",
	             r->rules ? r->rules : "", r->rules ? "\"]}, " : "",
	             r->handler ? "{\"name\": \"chosen\", \"module\": \"" : "", r->handler ? r->handler : "",
	             r->handler ? "\"}, " : "") < 0)
		return NULL;
	return text;
}

/* The manifest that the options of exec stand for: its members. */
static char *members_of(struct request *r)
{
	struct session_options *o = &r->session;
	char *text = NULL, *handlers;

	if (r->stack || r->form) {
		if (o->setting_count + 2 > SESSION_SETTINGS)
			return NULL;
		o->settings[o->setting_count++] = (struct conf_setting){"stack", r->stack ? r->stack : "system"};
		if (r->form)
			o->settings[o->setting_count++] = (struct conf_setting){"stacks.system.form", r->form};
	}
	handlers = handlers_of(r);
	if (!handlers ||
	    asprintf(&text, "\"platform\": {\"module\": \"platform-linux\", \"namespace\": \"new\"}, \"policy\": {\"host\": true}%s%s",
	             o->flows ? "" : ", \"log\": {\"level\": \"warn\"}", handlers) < 0)
		text = NULL;
	free(handlers);
	return text;
}

/* Names go into JSON as they are. */
static int plain(const char *word)
{
	return !word || !word[strcspn(word, "\"\\\n")];
}

int command_exec(struct request *r)
{
	struct session s;
	char *text;
	int status;

	if (!plain(r->handler)) {
		fprintf(stderr, "adit exec: the handler's name holds a quote or a backslash; names are [a-z0-9_.-]\n");
		return EXIT_FAILED;
	}
	if (!plain(r->rules)) {
		fprintf(stderr, "adit exec: the name of the file of rules holds a quote, a backslash or a line end; call it otherwise\n");
		return EXIT_FAILED;
	}
	text = members_of(r);
	if (!text)
		return EXIT_FAILED;
	r->session.members = text;
	r->session.inside = true;
	status = serving_load(&s, &r->session) ? EXIT_FAILED : inside_run(&s, r->words);
	session_fini(&s);
	free(text);
	return status;
}
