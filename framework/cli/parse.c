/* SPDX-License-Identifier: MIT
 * cli/parse.c - the words on the command line, read by the table
 */
#include "cli/commands.h"

#include <string.h>

#include "conf/format.h"

enum { STATUS_USAGE = 2 };

static int has(const struct command *c, enum option_id id)
{
	unsigned i;

	for (i = 0; i < COMMAND_OPTIONS && c->options[i] != OPTION_END; i++)
		if (c->options[i] == id)
			return 1;
	return id == OPTION_HELP;
}

static int usage(const struct command *c, const char *what, const char *word)
{
	fprintf(stderr, "adit %s: %s %s; try: adit %s --help\n", c->name, what,
	        words_shown(word), c->name);
	return STATUS_USAGE;
}

static const struct option_row *by_name(const struct command *c, const char *name, size_t len)
{
	unsigned i;

	for (i = OPTION_END + 1; i < OPTION_IDS; i++)
		if (has(c, (enum option_id)i) && strlen(option_rows[i].name) == len && !memcmp(option_rows[i].name, name, len))
			return &option_rows[i];
	return NULL;
}

static const struct option_row *by_letter(const struct command *c, char letter)
{
	unsigned i;

	for (i = OPTION_END + 1; i < OPTION_IDS; i++)
		if (has(c, (enum option_id)i) && option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

/* "path=value": the first '=' parts them. The word is ours to cut: it lives as long as argv. */
static int add_setting(const struct command *c, struct request *r, char *word)
{
	struct session_options *o = &r->session;
	char *equals = strchr(word, '=');

	if (!equals || equals == word)
		return usage(c, "--set wants PATH=VALUE, not", word);
	if (o->setting_count == SESSION_SETTINGS)
		return usage(c, "too many settings, at", word);
	*equals = 0;
	o->settings[o->setting_count++] = (struct conf_setting){word, equals + 1};
	return 0;
}

static int take(const struct command *c, struct request *r, const struct option_row *row, char *value)
{
	struct session_options *o = &r->session;

	switch (row->id) {
	case OPTION_SET:
		return add_setting(c, r, value);
	case OPTION_MODULE_DIR:
		if (o->dir_count == SESSION_DIRS)
			return usage(c, "too many module directories, at", value);
		o->dirs[o->dir_count++] = value;
		return 0;
	case OPTION_LOG:
		if (o->setting_count == SESSION_SETTINGS)
			return usage(c, "too many settings, at", value);
		o->settings[o->setting_count++] = (struct conf_setting){"log.level", value};
		return 0;
	case OPTION_SAFE_MODE:
		o->safe_mode = true;
		return 0;
	case OPTION_FLOWS:
		o->flows = true;
		return 0;
	case OPTION_STACK:
		r->stack = value;
		return 0;
	case OPTION_FORM:
		r->form = value;
		return 0;
	case OPTION_HANDLER:
		r->handler = value;
		return 0;
	case OPTION_RULES:
		r->rules = value;
		return 0;
	case OPTION_VIA:
		r->via = value;
		return 0;
	case OPTION_CONFIG:
		o->manifest = value;
		return 0;
	case OPTION_JSON:
		r->json = true;
		return 0;
	case OPTION_WHY:
		r->why = true;
		return 0;
	case OPTION_EFFECTIVE:
		r->effective = true;
		return 0;
	case OPTION_ORIGIN:
		r->origin = true;
		return 0;
	case OPTION_LOAD:
		r->load = true;
		return 0;
	case OPTION_NAME:
	case OPTION_HOST:
		if (!format_name(value))
			return usage(c, "a name is up to 32 of a-z 0-9 _ . -, not", value);
		o->name = value;
		return 0;
	case OPTION_SOCKET:
		r->socket = value;
		return 0;
	case OPTION_FOLLOW:
		r->follow = true;
		return 0;
	case OPTION_SORT:
		r->sort = value;
		return 0;
	case OPTION_LIMIT:
		r->limit = value;
		return 0;
	case OPTION_RATES:
		r->rates = true;
		return 0;
	case OPTION_YES:
		r->yes = true;
		return 0;
	case OPTION_DRAIN:
		r->drain = value;
		return 0;
	case OPTION_UNDO:
		r->undo = true;
		return 0;
	case OPTION_OF_DEVICE:
		r->device = true;
		return 0;
	case OPTION_OF_STACK:
		r->stack = value;
		return 0;
	case OPTION_OF_FLOW:
		r->flow = value;
		return 0;
	case OPTION_COUNT:
		r->limit = value;
		return 0;
	case OPTION_SIZE:
		r->size = value;
		return 0;
	case OPTION_TIME:
		r->time = value;
		return 0;
	case OPTION_SNAP:
		r->snap = value;
		return 0;
	case OPTION_WRITE:
		r->write = value;
		return 0;
	case OPTION_LEVEL:
		r->level = value;
		return 0;
	default:
		words_command(stdout, c);
		return -1;
	}
}

/* One option at argv[*at]; moves *at past its value. */
static int one_option(const struct command *c, int argc, char **argv, int *at, struct request *r)
{
	char *word = argv[*at], *value = NULL;
	const struct option_row *row;

	if (word[1] == '-') {
		size_t len = strcspn(word + 2, "=");

		row = by_name(c, word + 2, len);
		if (word[2 + len])
			value = word + 3 + len;
	} else {
		row = by_letter(c, word[1]);
		if (word[2])
			value = word + 2;
	}
	if (!row)
		return usage(c, "no option", word);
	if (row->value == VALUE_NONE) {
		if (value)
			return usage(c, "an option that takes no value:", word);
	} else if (!value) {
		if (*at + 1 >= argc)
			return usage(c, "a value is missing after", word);
		value = argv[++*at];
	}
	return take(c, r, row, value);
}

int parse_words(const struct command *c, int argc, char **argv, struct request *r)
{
	unsigned operands = 0;
	bool only_operands = false;
	int at, status;

	for (at = 1; at < argc; at++) {
		char *word = argv[at];

		if (!only_operands && word[0] == '-' && word[1]) {
			if (!strcmp(word, "--")) {
				only_operands = true;
				continue;
			}
			status = one_option(c, argc, argv, &at, r);
			if (status)
				return status;
			continue;
		}
		operands++;
		if (c->most == WORDS_END_OPTIONS) {
			r->words = (const char *const *)argv + at;
			break;
		}
		if (c->most != WORDS_ANY && operands > c->most)
			return usage(c, "too many words, at", word);
		r->operand = word;
		/* Words move together, over options that have been read. */
		argv[operands] = word;
		r->word_list = (const char *const *)argv + 1;
		r->word_count = operands;
	}
	if (operands < c->least)
		return usage(c, "a word is missing:", c->operands);
	return 0;
}
