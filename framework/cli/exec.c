/* SPDX-License-Identifier: MIT
 * cli/exec.c - adit exec, and adit explain exec, which prints what it stands for
 */
#include "cli/serving.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/members.h"
#include "os/pages.h"

/* ---- the password of --via ---- */

/* A line from the terminal, without an echo. false: there is no terminal, or no line. */
static bool ask(const char *user, const char *server, char *out, size_t room)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	struct termios before, quiet;
	char *line;

	if (!tty)
		return false;
	fprintf(tty, "password of %s at %s: ", user, server);
	fflush(tty);
	if (tcgetattr(fileno(tty), &before)) {
		fclose(tty);
		return false;
	}
	setvbuf(tty, NULL, _IONBF, 0); /* no copy of the line stays in a buffer */
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	line = fgets(out, (int)room, tty);
	tcsetattr(fileno(tty), TCSAFLUSH, &before);
	fputc('\n', tty);
	fclose(tty);
	if (line)
		out[strcspn(out, "\n")] = 0;
	return line != NULL;
}

/* Puts the password where the manifest looks for it: from the word, the environment, or the terminal. *place is the
 * memory that the environment points to then, for forget_password(). setenv() would leave copies. */
static int provide_password(struct via *v, char **place)
{
	static const char name[] = MEMBERS_PASSWORD "=";
	int err;

	if (!*v->user || (!v->has_password && getenv(MEMBERS_PASSWORD)))
		return 0;
	if (!v->has_password && !ask(v->user, v->server, v->password, sizeof(v->password))) {
		fprintf(stderr,
		        "adit exec: no password for %s at %s: set %s, write socks5://USER:PASSWORD@..., or run it in a terminal\n",
		        v->user, v->server, MEMBERS_PASSWORD);
		return -1;
	}
	*place = pages_new(sizeof(name) + sizeof(v->password), PAGES_ALONE);
	if (*place) {
		memcpy(*place, name, sizeof(name));
		strcpy(*place + sizeof(name) - 1, v->password);
	}
	explicit_bzero(v->password, sizeof(v->password));
	err = *place ? putenv(*place) : -1;
	if (err)
		fprintf(stderr, "adit exec: there is no memory for the password of %s\n", v->user);
	return err;
}

/* Neither a list of processes nor the command inside is to see it. */
static void hide_password(char *word)
{
	char *at = strrchr(word, '@'), *begin = strstr(word, "://"), *colon;

	if (!at || !begin || begin + 3 > at)
		return;
	colon = memchr(begin + 3, ':', (size_t)(at - begin - 3));
	if (colon)
		memset(colon + 1, '*', (size_t)(at - colon - 1));
}

static void forget_password(char **place)
{
	char *value = getenv(MEMBERS_PASSWORD);

	if (value)
		explicit_bzero(value, strlen(value));
	unsetenv(MEMBERS_PASSWORD);
	pages_free(*place);
	*place = NULL;
}

/* ---- the commands ---- */

/* Reads --via. False: explained. */
static bool read_via(struct request *r, struct via *v)
{
	char why[160];

	if (!r->via)
		return true;
	if (via_parse(v, r->via, why, sizeof(why)) == ADIT_OK) {
		hide_password(r->via);
		return true;
	}
	hide_password(r->via);
	fprintf(stderr, "adit exec: --via %s: %s\n", words_shown(r->via), why);
	return false;
}

int command_exec(struct request *r)
{
	struct session s;
	struct via v = {0};
	char *text, *place = NULL;
	int status = EXIT_FAILED;

	if (!read_via(r, &v) || provide_password(&v, &place))
		return EXIT_FAILED;
	text = members_text(r, r->via ? &v : NULL, ", ", false);
	if (!text || !members_settings(r))
		return EXIT_FAILED;
	r->session.members = text;
	r->session.inside = true;
	if (!serving_load(&s, &r->session)) {
		forget_password(&place); /* before any process is made */
		status = inside_run(&s, r->words);
	}
	forget_password(&place);
	session_fini(&s);
	free(text);
	return status;
}

/* What --set adds is no text of its own: it stands in a comment. */
static void print_settings(const struct session_options *o)
{
	size_t i;

	for (i = 0; i < o->setting_count; i++)
		printf("  // and --set %s=%s\n", o->settings[i].path, o->settings[i].value);
}

int command_explain(struct request *r)
{
	const struct command *exec = command_find("exec");
	struct command lenient = *exec;
	struct request inner = {0};
	struct via v = {0};
	char *text;
	int argc = 0, status;

	while (r->words[argc])
		argc++;
	if (strcmp(r->words[0], "exec") != 0) {
		fprintf(stderr, "adit explain: %s: only exec stands for a manifest; try: adit explain exec --via direct\n",
		        words_shown(r->words[0]));
		return 2;
	}
	lenient.least = 0;
	status = parse_words(&lenient, argc, (char **)(uintptr_t)r->words, &inner);
	if (status)
		return status < 0 ? 0 : status;
	if (!read_via(&inner, &v))
		return EXIT_FAILED;
	text = members_text(&inner, inner.via ? &v : NULL, ",\n  ", true);
	explicit_bzero(&v, sizeof(v));
	if (!text)
		return EXIT_FAILED;
	printf("{\n  \"adit\": 1,\n  %s\n", text);
	print_settings(&inner.session);
	printf("}\n");
	free(text);
	return 0;
}
