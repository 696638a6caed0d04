/* SPDX-License-Identifier: MIT
 * cli/words.c - help, manual page and completions, made from the table
 */
#include "cli/commands.h"

#include <string.h>

enum { WIDTH = 78 };

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

static void manual_option(FILE *f, const struct option_row *o)
{
	fputs(".It ", f);
	if (o->letter)
		fprintf(f, "Fl %c , ", o->letter);
	fprintf(f, "Fl -%s", o->name);
	if (o->value_name)
		fprintf(f, " Ar %s", o->value_name);
	fprintf(f, "\n%s.\n", o->help);
}

static void manual_command(FILE *f, const struct command *c)
{
	unsigned i;

	fprintf(f, ".Ss %s %s\n", c->name, c->operands);
	fprintf(f, "%c%s.\n%s\n", c->summary[0] - 'a' + 'A', c->summary + 1, c->text);
	fputs(".Bl -tag -width indent\n", f);
	for (i = 0; i < COMMAND_OPTIONS && c->options[i] != OPTION_END; i++)
		manual_option(f, &option_rows[c->options[i]]);
	fputs(".El\n", f);
}

void words_manual(FILE *f)
{
	unsigned i;

	fputs(".\\\" SPDX-License-Identifier: MIT\n.\\\" made by `adit help manual`\n"
	      ".Dd November 20, 2026\n.Dt ADIT 1\n.Os\n.Sh NAME\n.Nm adit\n"
	      ".Nd hands the flows of a virtual interface to plugins\n.Sh SYNOPSIS\n",
	      f);
	for (i = 0; i < command_count; i++)
		fprintf(f, ".Nm adit\n.Cm %s\n.Op Ar option ...\n%s%s%s", commands[i].name, *commands[i].operands ? ".Ar " : "",
		        commands[i].operands, *commands[i].operands ? "\n" : "");
	fputs(".Sh DESCRIPTION\n.Nm\nreads IP packets from a TUN device, ends TCP, UDP and ICMP echo there, and hands every flow, with "
	      "its real destination, to handlers. Device, stacks, handlers and outbounds are modules, which a manifest names and "
	      "joins.\n.Sh COMMANDS\n",
	      f);
	for (i = 0; i < command_count; i++)
		manual_command(f, &commands[i]);
	fputs(".Sh ENVIRONMENT\n.Bl -tag -width indent\n.It Ev ADIT_MODULE_PATH\nDirectories, with colons between, where modules are "
	      "looked for after those of\n.Fl -module-dir .\nIgnored, with a warning, when the program has more rights than its "
	      "caller.\n.It Ev CREDENTIALS_DIRECTORY\nWhere\n.Li ${cred:NAME}\nin a manifest is looked for.\n.El\n"
	      ".Sh EXIT STATUS\n0: all went well. 1: it failed while running. 2: the command line or the manifest is wrong. See also\n"
	      ".Cm exec .\n.Sh EXAMPLES\n.Dl adit exec -- curl -sI https://example.org/\n.Dl adit check edge.json && sudo adit run edge.json\n",
	      f);
}

/* ---- completions ---- */

static void bash_command(FILE *f, const struct command *c)
{
	unsigned i;

	fprintf(f, "\t%s) opts='--help", c->name);
	for (i = 0; i < COMMAND_OPTIONS && c->options[i] != OPTION_END; i++)
		fprintf(f, " --%s", option_rows[c->options[i]].name);
	fprintf(f, "'; operand=%s ;;\n",
	        c->most == 0xff                ? "command"
	        : c->operand == VALUE_FILE     ? "file"
	        : c->operand == VALUE_MODULE   ? "module"
	                                       : "none");
}

static void bash(FILE *f)
{
	unsigned i;

	fputs("# bash completion of adit; made by `adit help completion-bash`\n_adit()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} opts= operand=none\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\tCOMPREPLY=($(compgen -W '--version --help",
	      f);
	for (i = 0; i < command_count; i++)
		fprintf(f, " %s", commands[i].name);
	fputs("' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase $prev in\n", f);
	for (i = OPTION_END + 1; i < OPTION_IDS; i++) {
		const struct option_row *o = &option_rows[i];

		if (o->value == VALUE_FILE)
			fprintf(f, "\t--%s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", o->name);
		else if (o->value == VALUE_DIR)
			fprintf(f, "\t--%s) COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n", o->name);
		else if (o->value != VALUE_NONE)
			fprintf(f, "\t--%s) return ;;\n", o->name);
	}
	fputs("\tesac\n\tcase ${COMP_WORDS[1]} in\n", f);
	for (i = 0; i < command_count; i++)
		bash_command(f, &commands[i]);
	fputs("\tesac\n\tcase $cur in\n\t-*) COMPREPLY=($(compgen -W \"$opts\" -- \"$cur\")) ;;\n\t*) case $operand in\n"
	      "\t\tfile) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	      "\t\tmodule) COMPREPLY=($(compgen -W \"$(adit modules 2>/dev/null | cut -d' ' -f1)\" -- \"$cur\")) ;;\n"
	      "\t\tcommand) COMPREPLY=($(compgen -c -- \"$cur\")) ;;\n\t\tesac ;;\n\tesac\n}\ncomplete -F _adit adit\n",
	      f);
}

static void zsh(FILE *f)
{
	unsigned i, k;

	fputs("#compdef adit\n# zsh completion of adit; made by `adit help completion-zsh`\nlocal -a commands\ncommands=(\n", f);
	for (i = 0; i < command_count; i++)
		fprintf(f, "\t'%s:%s'\n", commands[i].name, commands[i].summary);
	fputs(")\nif (( CURRENT == 2 )); then\n\t_describe command commands\n\treturn\nfi\ncase $words[2] in\n", f);
	for (i = 0; i < command_count; i++) {
		fprintf(f, "%s) shift words; (( CURRENT-- )); _arguments", commands[i].name);
		for (k = 0; k < COMMAND_OPTIONS && commands[i].options[k] != OPTION_END; k++) {
			const struct option_row *o = &option_rows[commands[i].options[k]];

			fprintf(f, " '*--%s[%s]%s'", o->name, o->help,
			        o->value == VALUE_NONE   ? ""
			        : o->value == VALUE_FILE ? ":file:_files"
			        : o->value == VALUE_DIR  ? ":directory:_files -/"
			                                 : ":value:");
		}
		fputs(commands[i].most == 0xff ? " '*::command:_normal' ;;\n" : " '*:file:_files' ;;\n", f);
	}
	fputs("esac\n", f);
}

static void fish(FILE *f)
{
	unsigned i, k;

	fputs("# fish completion of adit; made by `adit help completion-fish`\ncomplete -c adit -n __fish_use_subcommand -l version\n", f);
	for (i = 0; i < command_count; i++) {
		fprintf(f, "complete -c adit -n __fish_use_subcommand -f -a %s -d '%s'\n", commands[i].name, commands[i].summary);
		for (k = 0; k < COMMAND_OPTIONS && commands[i].options[k] != OPTION_END; k++) {
			const struct option_row *o = &option_rows[commands[i].options[k]];

			fprintf(f, "complete -c adit -n '__fish_seen_subcommand_from %s' -l %s%s -d '%s'\n", commands[i].name, o->name,
			        o->value == VALUE_NONE ? "" : " -r", o->help);
		}
	}
}

bool words_completion(FILE *f, const char *shell)
{
	if (!strcmp(shell, "bash"))
		bash(f);
	else if (!strcmp(shell, "zsh"))
		zsh(f);
	else if (!strcmp(shell, "fish"))
		fish(f);
	else
		return false;
	return true;
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
		words_manual(stdout);
		return 0;
	}
	if (!strncmp(r->operand, prefix, sizeof(prefix) - 1) && words_completion(stdout, r->operand + sizeof(prefix) - 1))
		return 0;
	c = command_find(r->operand);
	if (!c) {
		fprintf(stderr, "adit help: no command %s; try: adit help\n", word_shown(r->operand));
		return 2;
	}
	words_command(stdout, c);
	return 0;
}
