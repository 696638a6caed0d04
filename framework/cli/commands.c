/* SPDX-License-Identifier: MIT
 * cli/commands.c - the one table of commands and options
 */
#include "cli/commands.h"

#include <string.h>

/* The first column is both index and id. */
#define ROW(ID, letter, name, value, value_name, help) \
	[OPTION_##ID] = {OPTION_##ID, letter, name, value, value_name, help}

const struct option_row option_rows[OPTION_IDS] = {
	ROW(SET, 's', "set", VALUE_WORD, "PATH=VALUE",
	    "Sets a value of the manifest, such as limits.flows=1000"),
	ROW(MODULE_DIR, 0, "module-dir", VALUE_DIR, "DIR",
	    "Looks for modules in DIR first; may be given several times"),
	ROW(SAFE_MODE, 0, "safe-mode", VALUE_NONE, NULL, "Uses installed modules only"),
	ROW(FLOWS, 'f', "flows", VALUE_NONE, NULL, "Prints every flow at its end"),
	ROW(STACK, 0, "stack", VALUE_WORD, "NAME", "The TCP/IP stack to use"),
	ROW(FORM, 0, "form", VALUE_WORD, "FORM",
	    "The form of the system stack: auto, transparent, private or portable"),
	ROW(HANDLER, 0, "handler", VALUE_MODULE, "MODULE",
	    "The module that is asked about each flow, before the default one"),
	ROW(RULES, 'r', "rules", VALUE_FILE, "FILE",
	    "A file of rules that decide flows first, one per line, such as: reject domain .ads.example"),
	ROW(CONFIG, 'c', "config", VALUE_FILE, "MANIFEST", "A manifest to start from"),
	ROW(LOG, 0, "log", VALUE_WORD, "LEVEL",
	    "What is logged: trace, debug, info, warn or error"),
	ROW(JSON, 0, "json", VALUE_NONE, NULL, "Prints JSON, for programs"),
	ROW(WHY, 0, "why", VALUE_NONE, NULL,
	    "Prints every place that was looked at, and the reason it was taken or "
	    "left"),
	ROW(EFFECTIVE, 0, "effective", VALUE_NONE, NULL,
	    "Prints what the manifest amounts to, defaults and included files in "
	    "place (this is the default)"),
	ROW(ORIGIN, 0, "origin", VALUE_NONE, NULL, "Says for each value where it comes from"),
	ROW(LOAD, 0, "load", VALUE_NONE, NULL,
	    "Also loads the modules and makes their instances, opening nothing"),
	ROW(HELP, 'h', "help", VALUE_NONE, NULL, "Prints this help"),
};
#undef ROW

const struct command commands[] = {
	{"exec", "[--] COMMAND [ARGUMENT ...]", "runs a command whose only way out is adit",
	 "COMMAND gets a network namespace of its own, whose only way out is a "
	 "device that adit reads. No privilege is needed where the system lets "
	 "users make namespaces (adit doctor tells). The exit status is the command's, 128 "
	 "and its number if a signal ended it, 2 if adit's own command line is "
	 "wrong, 125 if adit failed, 126 if the command cannot be run, 127 if "
	 "there is no such command. What the command has sent on streams goes "
	 "out after its end; adit waits for that, but not for a peer that is "
	 "silent for five seconds.",
	 1, 0xff, VALUE_WORD, command_exec,
	 {OPTION_FLOWS, OPTION_CONFIG, OPTION_STACK, OPTION_FORM, OPTION_HANDLER, OPTION_RULES,
	  OPTION_SET, OPTION_LOG, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"run", "MANIFEST", "runs what a manifest describes until it is told to end",
	 "SIGTERM and SIGINT end it in good order; SIGUSR1 prints the counters. It "
	 "also ends, with status 1, when the device is deleted.",
	 1, 1, VALUE_FILE, command_run,
	 {OPTION_FLOWS, OPTION_SET, OPTION_LOG, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"check", "MANIFEST", "checks a manifest and prints all that is wrong",
	 "Every finding has its place in the file and says what would be right. "
	 "The exit status is 0 if the manifest can be run, 2 if not.",
	 1, 1, VALUE_FILE, command_check,
	 {OPTION_LOAD, OPTION_JSON, OPTION_SET, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"show", "[MANIFEST]", "prints what a manifest amounts to",
	 "Secrets are not printed. Without a manifest it prints the defaults.",
	 0, 1, VALUE_FILE, command_show,
	 {OPTION_EFFECTIVE, OPTION_ORIGIN, OPTION_SET, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"schema", "", "prints the JSON Schema of manifests, for editors",
	 "It joins the host's schema with those of all modules that can be found.",
	 0, 0, VALUE_NONE, command_schema,
	 {OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"modules", "[NAME]", "lists the modules that can be found",
	 "With NAME, that one alone; with --why, where each was searched for.",
	 0, 1, VALUE_MODULE, command_modules,
	 {OPTION_WHY, OPTION_JSON, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"inspect", "MODULE", "prints all that is known of a module without running it",
	 "MODULE is a name, or the path of a file (with a slash in it). Works on "
	 "broken files too.",
	 1, 1, VALUE_MODULE, command_inspect,
	 {OPTION_JSON, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"doctor", "", "tells whether this machine has what adit needs, and the cure where not",
	 "The exit status is 1 if something that is needed is missing.",
	 0, 0, VALUE_NONE, command_doctor,
	 {OPTION_JSON, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"help", "[COMMAND | manual | completion-SHELL]", "prints help",
	 "\"manual\" is the manual page in mdoc; completion-bash, completion-zsh "
	 "and completion-fish are the shells' completions.",
	 0, 1, VALUE_WORD, command_help,
	 {OPTION_END}},
};
const unsigned command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
	unsigned i;

	for (i = 0; i < command_count; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}
