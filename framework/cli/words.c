/* SPDX-License-Identifier: MIT
 * cli/words.c - the help texts, made from the table
 */
#include "cli/commands.h"

#include <string.h>

enum { WIDTH = 78, SHOWN = 80 };

const char *words_shown(const char *word)
{
	static char shown[SHOWN + sizeof("...")];
	size_t i;

	for (i = 0; word[i] && i < SHOWN; i++)
		shown[i] = (unsigned char)word[i] < 0x20 || word[i] == 0x7f ? '?' : word[i];
	strcpy(shown + i, word[i] ? "..." : "");
	return shown;
}

/* Text broken at spaces into lines that begin with `indent` blanks. */
static void fill(FILE *f, const char *text, unsigned indent)
{
	unsigned column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > WIDTH) {
			fputc('\n', f);
			column = 0;
		}
		if (!column)
			fprintf(f, "%*s", (int)indent, "");
		else
			fputc(' ', f);
		column = (column ? column + 1 : indent) + (unsigned)len;
		fprintf(f, "%.*s", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', f);
}

void words_overview(FILE *f)
{
	unsigned i;

	fputs("usage: adit COMMAND [OPTION ...] [WORD ...]\n\n", f);
	for (i = 0; i < command_count; i++)
		fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fputs("\n  adit COMMAND --help   more about one\n  adit --version\n", f);
}

static enum option_id option_of(const struct command *c, unsigned i)
{
	if (i < COMMAND_OPTIONS && c->options[i] != OPTION_END)
		return c->options[i];
	return i == 0 || c->options[i - 1] != OPTION_END ? OPTION_HELP : OPTION_END;
}

/* The option's name with its value, as "-s, --set PATH=VALUE". */
static void option_head(const struct option_row *o, char *out, size_t size)
{
	char letter[8] = "    ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(out, size, "%s--%s%s%s", letter, o->name, o->value_name ? " " : "", o->value_name ? o->value_name : "");
}

void words_command(FILE *f, const struct command *c)
{
	unsigned i;

	fprintf(f, "usage: adit %s [OPTION ...]%s%s\n\n%s: %s\n", c->name, *c->operands ? " " : "", c->operands, c->name,
	        c->summary);
	fill(f, c->text, 0);
	fputc('\n', f);
	for (i = 0; i <= COMMAND_OPTIONS; i++) {
		enum option_id id = option_of(c, i);
		char head[64];

		if (id == OPTION_END)
			break;
		option_head(&option_rows[id], head, sizeof(head));
		fprintf(f, "  %s\n", head);
		fill(f, option_rows[id].help, 10);
		if (id == OPTION_HELP)
			break;
	}
}

int command_help(struct request *r)
{
	static const char prefix[] = "completion-";
	const struct command *c;

	if (!r->operand) {
		words_overview(stdout);
		return 0;
	}
	if (!strcmp(r->operand, "manual")) {
		manual_write(stdout);
		return 0;
	}
	if (!strncmp(r->operand, prefix, sizeof(prefix) - 1) &&
	    completion_write(stdout, r->operand + sizeof(prefix) - 1))
		return 0;
	c = command_find(r->operand);
	if (!c) {
		fprintf(stderr, "adit help: no command %s; try: adit help\n", words_shown(r->operand));
		return 2;
	}
	words_command(stdout, c);
	return 0;
}
