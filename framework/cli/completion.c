/* SPDX-License-Identifier: MIT
 * cli/completion.c - completions of bash, zsh and fish, made from the table
 *
 * Each is a plain script that needs no package of completions. Texts of the table go between
 * single quotes; whatever a shell would take for its own in there is escaped on the way.
 */
#include "cli/commands.h"

#include <string.h>

/* ---- bash ---- */

/* Two options of different commands may have one name. */
static bool comes_again(enum option_id id)
{
	unsigned i;

	for (i = OPTION_END + 1; i < (unsigned)id; i++)
		if (!strcmp(option_rows[i].name, option_rows[id].name))
			return true;
	return false;
}

static void bash_values(FILE *f)
{
	unsigned i;

	for (i = OPTION_END + 1; i < OPTION_IDS; i++) {
		const struct option_row *o = &option_rows[i];

		if (o->value == VALUE_NONE || comes_again((enum option_id)i))
			continue;
		fprintf(f, "\t--%s", o->name);
		if (o->letter)
			fprintf(f, "|-%c", o->letter);
		fprintf(f, ") value='%s' ;;\n",
		        o->value == VALUE_FILE     ? "file"
		        : o->value == VALUE_DIR    ? "dir"
		        : o->value == VALUE_MODULE ? "module"
		        : o->value == VALUE_HOST   ? "host"
		                                   : "word");
	}
}

static void bash_command(FILE *f, const struct command *c)
{
	unsigned i;

	fprintf(f, "\t%s) opts='--help", c->name);
	for (i = 0; i < COMMAND_OPTIONS && c->options[i] != OPTION_END; i++)
		fprintf(f, " --%s", option_rows[c->options[i]].name);
	fprintf(f, "' operand='%s' ;;\n",
	        c->most == WORDS_END_OPTIONS        ? "command"
	        : c->operand == VALUE_FILE   ? "file"
	        : c->operand == VALUE_MODULE ? "module"
	        : c->run == command_help     ? "topic"
	                                     : "word");
}

static void bash_topics(FILE *f)
{
	unsigned i;

	for (i = 0; i < command_count; i++)
		fprintf(f, "%s ", commands[i].name);
}

static void bash(FILE *f)
{
	unsigned i;

	fputs("# SPDX-License-Identifier: MIT\n"
	      "# bash completion of adit; made by `adit help completion-bash`\n\n"
	      "# Completes $cur as what the word $1 says it is.\n_adit_as()\n{\n\tcase $1 in\n"
	      "\tfile) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	      "\tdir) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
	      "\tcommand) mapfile -t COMPREPLY < <(compgen -c -- \"$cur\") ;;\n"
	      "\tmodule) mapfile -t COMPREPLY < <(compgen -W \"$(\"${COMP_WORDS[0]}\" modules 2>/dev/null |\n"
	      "\t\tcut -d' ' -f1)\" -- \"$cur\") ;;\n"
	      "\thost) mapfile -t COMPREPLY < <(compgen -W \"$(\"${COMP_WORDS[0]}\" hosts 2>/dev/null |\n"
	      "\t\tcut -d' ' -f1)\" -- \"$cur\") ;;\n"
	      "\ttopic) mapfile -t COMPREPLY < <(compgen -W '",
	      f);
	bash_topics(f);
	fputs("manual completion-bash completion-zsh completion-fish' \\\n\t\t-- \"$cur\") ;;\n\tesac\n}\n\n"
	      "# What the value of the option $1 is, in $value; empty if it takes none.\n"
	      "_adit_value()\n{\n\tvalue=\n\tcase $1 in\n",
	      f);
	bash_values(f);
	fputs("\tesac\n}\n\n_adit()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} opts='' operand=word value='' i\n\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W '--version --help ",
	      f);
	bash_topics(f);
	fputs("' -- \"$cur\")\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n", f);
	for (i = 0; i < command_count; i++)
		bash_command(f, &commands[i]);
	fputs("\t*) return ;;\n\tesac\n"
	      "\t# Behind the command of exec everything is that command's.\n"
	      "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n\t\t_adit_value \"${COMP_WORDS[i]}\"\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n\t\t--) opts= ;;\n"
	      "\t\t-*) [ -z \"$value\" ] || i=$((i + 1)) ;;\n"
	      "\t\t*) [ \"$operand\" != command ] || { _adit_as file; return; } ;;\n\t\tesac\n\tdone\n"
	      "\t_adit_value \"${COMP_WORDS[COMP_CWORD - 1]}\"\n"
	      "\tif [ -n \"$value\" ] && [ -n \"$opts\" ]; then\n\t\t_adit_as \"$value\"\n"
	      "\telif [ \"${cur#-}\" != \"$cur\" ] && [ -n \"$opts\" ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$opts\" -- \"$cur\")\n"
	      "\telse\n\t\t_adit_as \"$operand\"\n\tfi\n}\ncomplete -F _adit adit\n",
	      f);
}

/* ---- zsh ---- */

/* Text inside '...' of an _arguments or _describe specification. */
static void zsh_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", f);
		else if (strchr("[]:\\", *text))
			fprintf(f, "\\%c", *text);
		else
			fputc(*text, f);
	}
}

static void zsh_option(FILE *f, const struct option_row *o, const char *form)
{
	fprintf(f, " \\\n\t\t'*%s[", form);
	zsh_text(f, o->help);
	fprintf(f, "]%s'",
	        o->value == VALUE_NONE     ? ""
	        : o->value == VALUE_FILE   ? ":file:_files"
	        : o->value == VALUE_DIR    ? ":directory:_files -/"
	        : o->value == VALUE_MODULE ? ":module:_adit_modules"
	        : o->value == VALUE_HOST   ? ":host:_adit_hosts"
	                                   : ":value: ");
}

static void zsh_command(FILE *f, const struct command *c)
{
	char form[40];
	unsigned i;

	fprintf(f, "%s)\n\t_arguments -S '(- *)'{-h,--help}'[Prints this help]'", c->name);
	for (i = 0; i < COMMAND_OPTIONS && c->options[i] != OPTION_END; i++) {
		const struct option_row *o = &option_rows[c->options[i]];

		snprintf(form, sizeof(form), "--%s%s", o->name, o->value == VALUE_NONE ? "" : "=");
		zsh_option(f, o, form);
		if (!o->letter)
			continue;
		snprintf(form, sizeof(form), "-%c%s", o->letter, o->value == VALUE_NONE ? "" : "+");
		zsh_option(f, o, form);
	}
	fprintf(f, "%s\n\t;;\n",
	        c->most == WORDS_END_OPTIONS        ? " \\\n\t\t'(-)*::command: _normal'"
	        : c->operand == VALUE_FILE   ? " \\\n\t\t':manifest:_files'"
	        : c->operand == VALUE_MODULE ? " \\\n\t\t':module:_adit_modules'"
	        : c->run == command_help     ? " \\\n\t\t':topic:($names manual completion-{bash,zsh,fish})'"
	                                     : "");
}

static void zsh(FILE *f)
{
	unsigned i;

	fputs("#compdef adit\n# SPDX-License-Identifier: MIT\n"
	      "# zsh completion of adit; made by `adit help completion-zsh`\n\n"
	      "_adit_modules() {\n\tlocal -a found\n"
	      "\tfound=(${${(f)\"$(_call_program modules adit modules 2>/dev/null)\"}%% *})\n"
	      "\tcompadd -a found\n}\n\n"
	      "_adit_hosts() {\n\tlocal -a found\n"
	      "\tfound=(${${(f)\"$(_call_program hosts adit hosts 2>/dev/null)\"}%% *})\n"
	      "\tcompadd -a found\n}\n\nlocal -a commands\nlocal names\ncommands=(\n",
	      f);
	for (i = 0; i < command_count; i++) {
		fprintf(f, "\t'%s:", commands[i].name);
		zsh_text(f, commands[i].summary);
		fputs("'\n", f);
	}
	fputs(")\nnames=\"${commands[*]%%:*}\"\n"
	      "if ((CURRENT == 2)); then\n\t_describe command commands\n"
	      "\tcompadd -- --version --help\n\treturn\nfi\n"
	      "shift words\n((CURRENT--))\ncase $words[1] in\n",
	      f);
	for (i = 0; i < command_count; i++)
		zsh_command(f, &commands[i]);
	fputs("esac\n", f);
}

/* ---- fish ---- */

static void fish_text(FILE *f, const char *text)
{
	fputc('\'', f);
	for (; *text; text++)
		fprintf(f, *text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
	fputc('\'', f);
}

static void fish_option(FILE *f, const char *command, const struct option_row *o)
{
	fprintf(f, "complete -c adit -n '__fish_seen_subcommand_from %s'", command);
	if (o->letter)
		fprintf(f, " -s %c", o->letter);
	fprintf(f, " -l %s%s -d ", o->name,
	        o->value == VALUE_NONE     ? ""
	        : o->value == VALUE_FILE   ? " -rF"
	        : o->value == VALUE_DIR    ? " -xa '(__fish_complete_directories)'"
	        : o->value == VALUE_MODULE ? " -xa '(__adit_modules)'"
	        : o->value == VALUE_HOST   ? " -xa '(__adit_hosts)'"
	                                   : " -x");
	fish_text(f, o->help);
	fputc('\n', f);
}

static void fish_command(FILE *f, const struct command *c)
{
	unsigned i;

	fprintf(f, "complete -c adit -n __fish_use_subcommand -f -a %s -d ", c->name);
	fish_text(f, c->summary);
	fputc('\n', f);
	fish_option(f, c->name, &option_rows[OPTION_HELP]);
	for (i = 0; i < COMMAND_OPTIONS && c->options[i] != OPTION_END; i++)
		fish_option(f, c->name, &option_rows[c->options[i]]);
	if (c->operand == VALUE_FILE)
		return;
	fprintf(f, "complete -c adit -n '__fish_seen_subcommand_from %s' -f%s\n", c->name,
	        c->most == WORDS_END_OPTIONS        ? " -a '(__fish_complete_subcommand)'"
	        : c->operand == VALUE_MODULE ? " -a '(__adit_modules)'"
	        : c->run == command_help     ? " -a 'manual completion-bash completion-zsh completion-fish'"
	                                     : "");
}

static void fish(FILE *f)
{
	unsigned i;

	fputs("# SPDX-License-Identifier: MIT\n"
	      "# fish completion of adit; made by `adit help completion-fish`\n\n"
	      "function __adit_modules\n\tadit modules 2>/dev/null | string replace -r ' .*' ''\nend\n\n"
	      "function __adit_hosts\n\tadit hosts 2>/dev/null | string replace -r ' .*' ''\nend\n\n"
	      "complete -c adit -n __fish_use_subcommand -l version -d 'Prints the version'\n"
	      "complete -c adit -n __fish_use_subcommand -s h -l help -d 'Prints the commands'\n",
	      f);
	for (i = 0; i < command_count; i++)
		fish_command(f, &commands[i]);
}

bool completion_write(FILE *f, const char *shell)
{
	static const struct {
		const char *name;
		void (*write)(FILE *f);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
	size_t i;

	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, shell))
			continue;
		shells[i].write(f);
		return true;
	}
	return false;
}
