/* SPDX-License-Identifier: MIT
 * cli/commands.h - the one table of commands and options
 *
 * Parsing, --help, the manual page and the shells' completions all come from it (cli/parse.c,
 * words.c, manual.c, completion.c), so what one says the others say too.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/session.h"

/* What the words on the command line amount to. */
struct request {
	struct session_options session;
	const char *manifest; /* the operand of commands that take one */
	const char *operand;
	const char *const *words; /* what follows the options of exec; null-terminated */
	const char *const *word_list; /* all operands of other commands */
	unsigned word_count;
	const char *socket; /* of the host that is meant; its name is session.name */
	const char *sort, *limit, *drain, *level;
	const char *flow, *size, *time, *snap, *write; /* of capture */
	bool device, follow, rates, yes, undo;
	const char *handler, *rules, *stack, *form;
	char *via; /* its password is struck out once it has been read */
	bool json, origin, effective, why, load;
	int shards;
};

/* What a value is, for completion. */
enum option_value { VALUE_NONE, VALUE_FILE, VALUE_DIR, VALUE_MODULE, VALUE_HOST, VALUE_WORD };

enum option_id {
	OPTION_END,
	OPTION_SET,
	OPTION_MODULE_DIR,
	OPTION_SAFE_MODE,
	OPTION_FLOWS,
	OPTION_STACK,
	OPTION_FORM,
	OPTION_HANDLER,
	OPTION_RULES,
	OPTION_VIA,
	OPTION_CONFIG,
	OPTION_LOG,
	OPTION_JSON,
	OPTION_WHY,
	OPTION_EFFECTIVE,
	OPTION_ORIGIN,
	OPTION_LOAD,
	OPTION_HOST,
	OPTION_NAME,
	OPTION_SOCKET,
	OPTION_FOLLOW,
	OPTION_SORT,
	OPTION_LIMIT,
	OPTION_RATES,
	OPTION_YES,
	OPTION_DRAIN,
	OPTION_UNDO,
	OPTION_LEVEL,
	OPTION_OF_DEVICE,
	OPTION_OF_STACK,
	OPTION_OF_FLOW,
	OPTION_COUNT,
	OPTION_SIZE,
	OPTION_TIME,
	OPTION_SNAP,
	OPTION_WRITE,
	OPTION_HELP,
	OPTION_IDS
};

struct option_row {
	enum option_id id;
	char letter; /* 0: none */
	const char *name;
	enum option_value value;
	const char *value_name;
	const char *help; /* one sentence, without the full stop */
};

enum { COMMAND_OPTIONS = 16, WORDS_END_OPTIONS = 0xff, WORDS_ANY = 0xfe };

struct command {
	const char *name;
	const char *operands; /* as in a synopsis */
	const char *summary;  /* what it does, in a few words */
	const char *text;     /* more, for the manual page and for --help of the command */
	unsigned least, most; /* operands; WORDS_ANY: any number; WORDS_END_OPTIONS: the first one also ends the options */
	enum option_value operand; /* what an operand is */
	int (*run)(struct request *r);
	enum option_id options[COMMAND_OPTIONS]; /* ends with OPTION_END; OPTION_HELP is everybody's */
};

extern const struct option_row option_rows[OPTION_IDS];
extern const struct command commands[];
extern const unsigned command_count;

/* Null: none of that name. */
const struct command *command_find(const char *name);

/* Reads argv[1..] (argv[0] is the command's name) into *r. 0, or the exit status after an explanation on stderr, or
 * -1 when help was asked for and given. */
int parse_words(const struct command *c, int argc, char **argv, struct request *r);

/* A word of the command line as a message may show it: cut, control characters replaced. Lent until the next call. */
const char *words_shown(const char *word);
/* The list of commands; the help of one command (cli/words.c). */
void words_overview(FILE *f);
void words_command(FILE *f, const struct command *c);
/* The manual page in mdoc (cli/manual.c). */
void manual_write(FILE *f);
/* The completion of "bash", "zsh" or "fish"; false for another shell (cli/completion.c). */
bool completion_write(FILE *f, const char *shell);

/* The commands (cli/serve.c, cli/exec.c, cli/look.c, cli/doctor.c; of hosts that run: cli/status.c, cli/flows.c,
 * cli/change.c). Each returns the exit status. */
int command_run(struct request *r);
int command_exec(struct request *r);
int command_explain(struct request *r);
int command_check(struct request *r);
int command_show(struct request *r);
int command_schema(struct request *r);
int command_modules(struct request *r);
int command_inspect(struct request *r);
int command_doctor(struct request *r);
int command_hosts(struct request *r);
int command_status(struct request *r);
int command_counters(struct request *r);
int command_top(struct request *r);
int command_flows(struct request *r);
int command_close(struct request *r);
int command_diff(struct request *r);
int command_reload(struct request *r);
int command_swap(struct request *r);
int command_log(struct request *r);
int command_capture(struct request *r); /* cli/capture.c */
int command_trace(struct request *r);
int command_help(struct request *r);

#endif
