/* SPDX-License-Identifier: MIT
 * cli/exec.c - adit exec: the manifest that its options stand for
 */
#include "cli/serving.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The manifest that the options of exec stand for: its members. */
static char *members_of(struct request *r)
{
	struct session_options *o = &r->session;
	char *text = NULL;

	if (r->stack || r->form) {
		if (o->setting_count + 2 > SESSION_SETTINGS)
			return NULL;
		o->settings[o->setting_count++] = (struct conf_setting){"stack", r->stack ? r->stack : "system"};
		if (r->form)
			o->settings[o->setting_count++] = (struct conf_setting){"stacks.system.form", r->form};
	}
	if (asprintf(&text, "\"platform\": {\"module\": \"platform-linux\", \"namespace\": \"new\"}, \"policy\": {\"host\": true}%s%s%s%s",
	             o->flows ? "" : ", \"log\": {\"level\": \"warn\"}",
	             r->handler ? ", \"handlers\": [{\"name\": \"chosen\", \"module\": \"" : "", r->handler ? r->handler : "",
	             r->handler ? "\"}, {\"name\": \"direct\", \"module\": \"handler-direct\"}]" : "") < 0)
		return NULL;
	return text;
}

/* The name goes into JSON as it is. */
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
	text = members_of(r);
	if (!text)
		return EXIT_FAILED;
	r->session.members = text;
	status = serving_load(&s, &r->session) ? EXIT_FAILED : inside_run(&s, r->words);
	session_fini(&s);
	free(text);
	return status;
}
