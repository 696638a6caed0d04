/* SPDX-License-Identifier: MIT
 * cli/manual.c - the manual page adit(1), made from the table
 *
 * mdoc: one sentence a line, no line begins with a dot by accident. What the table does not know
 * (environment, files, examples) stands here as text.
 */
#include "cli/commands.h"

#include <ctype.h>
#include <string.h>

enum { WIDTH = 76 };

static const char head[] =
	".\\\" SPDX-License-Identifier: MIT\n"
	".\\\" made by `adit help manual` from the table of commands\n"
	".Dd November 20, 2026\n.Dt ADIT 1\n.Os\n"
	".Sh NAME\n.Nm adit\n.Nd hands the flows of a virtual interface to plugins\n"
	".Sh SYNOPSIS\n";

static const char description[] =
	".Sh DESCRIPTION\n.Nm\n"
	"reads IP packets from a TUN device, ends TCP, UDP and ICMP echo there,\n"
	"and hands every flow, with its real destination, to handlers.\n"
	"Device, TCP/IP stacks, handlers and outbounds are modules: shared objects\n"
	"that a manifest names and joins; see\n.Xr adit-manifest 5 .\n"
	".Pp\nEach command knows the options listed with it, and\n.Fl h , Fl -help .\n"
	"Options may stand before, between and after its words, except with\n.Cm exec ,\n"
	"where the first word ends them.\n"
	"A value follows its option as the next word or after\n.Sq = .\n"
	".Nm\n.Fl -version\nprints the version, and the revision of the module ABI.\n";

static const char rest[] =
	".Sh ENVIRONMENT\n.Bl -tag -width indent\n"
	".It Ev ADIT_MODULE_PATH\n"
	"Absolute directories, with colons between,\nwhere modules are looked for after those of\n"
	".Fl -module-dir .\n"
	"Ignored, with a warning, when the program has more rights than its caller.\n"
	".It Ev CREDENTIALS_DIRECTORY\nWhere\n.Li ${cred:NAME}\nin a manifest is looked for.\n.El\n"
	".Sh FILES\nModules are looked for in this order; the first one found is taken:\n"
	".Bl -enum -compact\n.It\n.Fl -module-dir ,\nin the order given\n.It\n.Ev ADIT_MODULE_PATH\n"
	".It\n.Li modules.path\nof the manifest\n.It\n"
	".Pa lib/adit/modules/abi-1\nbeside the program, or beside its directory\n"
	".It\nthe directory that was named when\n.Nm\nwas built\n.El\n.Pp\n"
	"A module is a library\n.Pa NAME.so\nwith its descriptor\n.Pa NAME.json\nbeside it.\n"
	"Neither may be writable by anybody but root and the user of\n.Nm ,\n"
	"nor may any directory on the way.\n"
	".Sh EXIT STATUS\n.Bl -tag -width indent -compact\n"
	".It 0\nAll went well.\n.It 1\nIt failed while it ran, or\n.Cm doctor\nfound that something is missing.\n"
	".It 2\nThe command line or the manifest is wrong.\n.El\n.Pp\nThose of\n.Cm exec\nstand with it.\n"
	".Sh EXAMPLES\nA command without any privilege, and its flows on standard error:\n"
	".Dl adit exec \\-\\-flows \\-\\- curl -sI http://192.0.2.10/\n"
	"A manifest checked, then run:\n"
	".Dl adit check edge.json && sudo adit run edge.json\n"
	"What a manifest amounts to, and where each value comes from:\n"
	".Dl adit show --origin edge.json\n"
	"Why a module is not found:\n.Dl adit modules --why handler-foo\n"
	".Sh SEE ALSO\n.Xr adit-manifest 5 ,\n.Xr ip-netns 8\n";

/* One word of a text, with what troff would take for its own escaped. */
static void text_word(FILE *f, const char *word, size_t len, int first)
{
	size_t i;

	if (first && (*word == '.' || *word == '\''))
		fputs("\\&", f);
	for (i = 0; i < len; i++)
		fputs(word[i] == '\\' ? "\\e" : (char[]){word[i], 0}, f);
}

/* Text with every sentence on a line of its own, and no line longer than WIDTH. */
static void sentences(FILE *f, const char *text)
{
	size_t column = 0, len = 0;

	for (; *text; text += strspn(text, " ")) {
		int ended = len && strchr(".:?", text[-2]) && isupper((unsigned char)*text);

		len = strcspn(text, " ");
		if (column && (ended || column + 1 + len > WIDTH)) {
			fputc('\n', f);
			column = 0;
		} else if (column) {
			fputc(' ', f);
			column++;
		}
		text_word(f, text, len, column == 0);
		column += len;
		text += len;
	}
	fputs(len && text[-1] == '.' ? "\n" : ".\n", f);
}

/* One word of a synopsis: WORD is a placeholder, word is meant as it is. */
static void synopsis_word(FILE *f, const char *word, size_t len)
{
	if (len == 2 && !memcmp(word, "--", 2))
		fputs(" Fl -", f);
	else if (*word == '|' || *word == '.')
		fprintf(f, " %.*s", (int)len, word);
	else
		fprintf(f, " %s %.*s", isupper((unsigned char)*word) ? "Ar" : "Cm", (int)len, word);
}

/* "[--] COMMAND [ARGUMENT ...]" as macros, one line for each bracket and for each word outside. */
static void synopsis(FILE *f, const char *operands)
{
	int inside = 0;

	while (*operands) {
		size_t len = strcspn(operands, " []");

		if (*operands == '[' && !inside) {
			inside = 1;
			fputs(".Op", f);
		} else if (*operands == ']') {
			inside = 0;
			fputc('\n', f);
		} else if (len && inside) {
			synopsis_word(f, operands, len);
		} else if (len) {
			fprintf(f, ".Ar %.*s\n", (int)len, operands);
		}
		operands += len ? len : 1;
	}
}

static void option(FILE *f, const struct option_row *o)
{
	fputs(".It ", f);
	if (o->letter)
		fprintf(f, "Fl %c , ", o->letter);
	fprintf(f, "Fl -%s", o->name);
	if (o->value_name)
		fprintf(f, " Ar %s", o->value_name);
	fputc('\n', f);
	sentences(f, o->help);
}

static void command(FILE *f, const struct command *c)
{
	unsigned i;

	fprintf(f, ".Ss adit %s\n.Nm\n.Cm %s\n.Op Ar option ...\n", c->name, c->name);
	synopsis(f, c->operands);
	fprintf(f, ".Pp\n%c", toupper((unsigned char)c->summary[0]));
	sentences(f, c->summary + 1);
	sentences(f, c->text);
	if (c->options[0] == OPTION_END)
		return;
	fputs(".Bl -tag -width indent\n", f);
	for (i = 0; i < COMMAND_OPTIONS && c->options[i] != OPTION_END; i++)
		option(f, &option_rows[c->options[i]]);
	fputs(".El\n", f);
}

void manual_write(FILE *f)
{
	unsigned i;

	fputs(head, f);
	for (i = 0; i < command_count; i++) {
		fprintf(f, ".Nm\n.Cm %s\n.Op Ar option ...\n", commands[i].name);
		synopsis(f, commands[i].operands);
	}
	fputs(description, f);
	fputs(".Sh COMMANDS\n", f);
	for (i = 0; i < command_count; i++)
		command(f, &commands[i]);
	fputs(rest, f);
}
