/* SPDX-License-Identifier: MIT
 * conf/parse.c - text to nodes that know their place
 *
 * jansson decides what is JSON, but its values carry no positions. It keeps members in the order of
 * the text and refuses duplicates, so one walk over its tree and the text side by side gives every
 * value its line and column.
 */
#include "conf/parse.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "conf/blank.h"
#include "conf/wiped.h"
#include "os/pages.h"

struct cursor {
	struct arena *arena;
	const struct parse_input *in;
	const char *blanked; /* in->text without comments: what to walk over */
	size_t at;
	unsigned line, column; /* of `at` */
	int err;
};

static void find_place(const char *text, size_t at, unsigned *line, unsigned *column)
{
	size_t i;

	*line = *column = 1;
	for (i = 0; i < at; i++) {
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

__attribute__((format(printf, 5, 6))) static void complain(const struct parse_input *in, size_t at,
                                                           struct report *r, const char *cure,
                                                           const char *format, ...)
{
	struct report_place place = {0};
	char text[256];
	va_list args;

	place.file = in->file;
	find_place(in->text, at < in->size ? at : in->size, &place.line, &place.column);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report_add(r, REPORT_ERROR, &place, cure, "%s", text);
}

/* Moves over bytes of the blanked text; columns are counted in the original. */
static void advance(struct cursor *c, size_t to)
{
	for (; c->at < to; c->at++) {
		unsigned char byte = (unsigned char)c->in->text[c->at];

		if (byte == '\n') {
			c->line++;
			c->column = 1;
		} else if ((byte & 0xc0) != 0x80) {
			c->column++;
		}
	}
}

static void skip_blanks(struct cursor *c)
{
	advance(c, c->at + strspn(c->blanked + c->at, " \t\r\n"));
}

/* Over a number, a word, or a string. */
static void skip_token(struct cursor *c)
{
	size_t to = c->at;

	if (c->blanked[to] == '"') {
		for (to++; c->blanked[to] && c->blanked[to] != '"'; to++)
			if (c->blanked[to] == '\\' && c->blanked[to + 1])
				to++;
		to += c->blanked[to] == '"';
	} else {
		to += strcspn(c->blanked + to, " \t\r\n,]}:");
	}
	advance(c, to);
}

/* Over the expected character and the blanks before it. */
static void skip_mark(struct cursor *c, char mark)
{
	skip_blanks(c);
	if (c->blanked[c->at] != mark)
		c->err = ADIT_EINVAL; /* the two walks disagree: a fault of ours, never a wrong
		                         place */
	else
		advance(c, c->at + 1);
}

static struct adit_cfg *convert(struct cursor *c, json_t *json);

static void convert_list(struct cursor *c, json_t *json, struct adit_cfg *out)
{
	struct adit_cfg *item;
	json_t *value;
	size_t i;

	skip_mark(c, '[');
	json_array_foreach(json, i, value)
	{
		if (i)
			skip_mark(c, ',');
		item = convert(c, value);
		if (item && !c->err)
			c->err = node_append(c->arena, out, NULL, item);
		if (c->err)
			return;
	}
	skip_mark(c, ']');
}

static void convert_object(struct cursor *c, json_t *json, struct adit_cfg *out)
{
	unsigned line, column;
	struct adit_cfg *item;
	const char *key;
	json_t *value;
	bool first = true;

	skip_mark(c, '{');
	json_object_foreach(json, key, value)
	{
		if (!first)
			skip_mark(c, ',');
		first = false;
		skip_blanks(c);
		line = c->line;
		column = c->column;
		skip_token(c);
		skip_mark(c, ':');
		item = convert(c, value);
		if (item && !c->err)
			c->err = node_append(c->arena, out, key, item);
		if (c->err)
			return;
		item->origin.key_line = line;
		item->origin.key_column = column;
	}
	skip_mark(c, '}');
}

static struct adit_cfg *convert_scalar(struct cursor *c, json_t *json,
                                       const struct node_origin *origin)
{
	struct adit_cfg *n;

	if (json_is_string(json))
		return node_text(c->arena, json_string_value(json), json_string_length(json),
		                 origin);
	n = node_new(c->arena, NODE_NULL, origin);
	if (!n)
		return NULL;
	switch (json_typeof(json)) {
	case JSON_INTEGER:
		n->type = NODE_INTEGER;
		n->integer = json_integer_value(json);
		break;
	case JSON_REAL:
		n->type = NODE_REAL;
		n->real = json_real_value(json);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		n->type = NODE_TRUTH;
		n->truth = json_is_true(json);
		break;
	default:
		break;
	}
	return n;
}

static struct adit_cfg *convert(struct cursor *c, json_t *json)
{
	struct node_origin origin = {0};
	struct adit_cfg *n;

	skip_blanks(c);
	origin.from = c->in->from;
	origin.file = c->in->file;
	origin.line = c->line;
	origin.column = c->column;
	if (json_is_object(json) || json_is_array(json)) {
		n = node_new(c->arena, json_is_object(json) ? NODE_OBJECT : NODE_LIST, &origin);
		if (n && json_is_object(json))
			convert_object(c, json, n);
		else if (n)
			convert_list(c, json, n);
	} else {
		n = convert_scalar(c, json, &origin);
		skip_token(c);
	}
	if (!n)
		c->err = ADIT_ENOMEM;
	return c->err ? NULL : n;
}

static int check_text(const struct parse_input *in, char *copy, struct report *r)
{
	size_t where = 0;

	if (in->size > PARSE_MOST_BYTES) {
		complain(in, 0, r, "split it with \"include\"", "the file is larger than %d bytes",
		         PARSE_MOST_BYTES);
		return ADIT_ECONFIG;
	}
	if (in->size >= 3 && !memcmp(in->text, "\xef\xbb\xbf", 3)) {
		complain(in, 0, r, "save it as UTF-8 without a byte order mark",
		         "the file begins with a byte order mark");
		return ADIT_ECONFIG;
	}
	switch (blank(copy, in->size, in->depth, &where)) {
	case BLANK_FINE:
		return 0;
	case BLANK_UTF8:
		complain(in, where, r, "save the file as UTF-8", "byte 0x%02x is not UTF-8",
		         (unsigned char)in->text[where]);
		break;
	case BLANK_NUL:
		complain(in, where, r, "remove it", "a null byte");
		break;
	case BLANK_OPEN:
		complain(in, where, r, "end it with */", "the comment that begins here has no end");
		break;
	case BLANK_DEPTH:
		complain(in, where, r, NULL, "nested deeper than %u levels", in->depth);
		break;
	}
	return ADIT_ECONFIG;
}

/* A key that ends before `end` came a second time. */
static void report_duplicate(const struct parse_input *in, size_t end, struct report *r)
{
	size_t at = end > 1 ? end - 2 : 0, i;

	/* Back to the quote that opens it: the nearest one that no odd number of backslashes stands
	 * before. */
	for (; at; at--) {
		if (in->text[at] != '"')
			continue;
		for (i = at; i && in->text[i - 1] == '\\'; i--)
			;
		if ((at - i) % 2 == 0)
			break;
	}
	complain(in, at, r, "keep one of them", "%.*s is given twice in the same object",
	         (int)(end - at > 80 ? 80 : end - at), in->text + at);
}

/* What jansson found wrong, in our words where that says more. `position` is the byte behind the
 * culprit. */
static void report_syntax(const struct parse_input *in, const json_error_t *error, struct report *r)
{
	size_t at = error->position > 0 ? (size_t)error->position : 0;
	char text[JSON_ERROR_TEXT_LENGTH];
	char *near;

	snprintf(text, sizeof(text), "%s", error->text);
	near = strstr(
		text,
		" near '"); /* what it quotes may be a secret, and the place says it already */
	if (near)
		*near = '\0';
	switch (json_error_code(error)) {
	case json_error_duplicate_key:
		report_duplicate(in, at < in->size ? at : in->size, r);
		break;
	case json_error_premature_end_of_input:
		complain(in, in->size, r, "close what is open", "the file ends too early");
		break;
	default:
		complain(in, at ? at - 1 : 0, r, NULL, "not JSON: %s", text);
	}
}

static void report_conversion(const struct parse_input *in, const struct cursor *c,
                              struct report *r)
{
	if (c->err == ADIT_ELIMIT)
		complain(in, c->at, r, NULL,
		         "more than %d members in an object, or %d items in a list",
		         NODE_MOST_MEMBERS, NODE_MOST_ITEMS);
	else if (c->err == ADIT_ENOMEM)
		complain(in, c->at, r, NULL, "out of memory");
	else
		complain(in, c->at, r, "please report this file",
		         "the place of a value was lost here");
}

/* jansson 2.14 forgets that a buffer could not grow, and then reads beyond it (lex_save() in its
 * load.c has no result). So once an allocation has failed all later ones of the thread fail too,
 * until the parse is over: it then ends by the next allocation, before the short buffer is read.
 * Its allocator is one for the process; it is put back. */
static _Thread_local struct {
	json_malloc_t malloc; /* null: this thread is not parsing */
	bool starved;
} parsing;

static void *malloc_until_starved(size_t size)
{
	void *out;

	if (!parsing.malloc)
		return malloc(size);
	out = parsing.starved ? NULL : parsing.malloc(size);
	parsing.starved |= !out;
	return out;
}

/* Null with *starved: there was no memory. */
static json_t *load(const char *text, size_t size, json_error_t *error, bool *starved)
{
	json_malloc_t before;
	json_free_t free_function;
	json_t *out;

	memset(error, 0, sizeof(*error));
	wiped_json();
	json_get_alloc_funcs(&before, &free_function);
	parsing.malloc = before == malloc_until_starved ? malloc : before;
	parsing.starved = false;
	json_set_alloc_funcs(malloc_until_starved, free_function);
	out = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, error);
	json_set_alloc_funcs(before, free_function);
	parsing.malloc = NULL;
	*starved = parsing.starved;
	if (!*starved)
		return out;
	json_decref(out);
	return NULL;
}

struct adit_cfg *parse_text(struct arena *a, const struct parse_input *in, struct report *r)
{
	struct cursor c = {.arena = a, .in = in, .line = 1, .column = 1};
	struct adit_cfg *out = NULL;
	json_error_t error;
	bool starved;
	json_t *json;
	char *copy = pages_new(in->size + 1, 0);

	if (!copy) {
		complain(in, 0, r, NULL, "out of memory");
		return NULL;
	}
	memcpy(copy, in->text, in->size);
	copy[in->size] = '\0';
	if (check_text(in, copy, r)) {
		pages_free(copy);
		return NULL;
	}
	json = load(copy, in->size, &error, &starved);
	if (starved) {
		complain(in, 0, r, NULL, "out of memory");
	} else if (!json) {
		report_syntax(in, &error, r);
	} else {
		c.blanked = copy;
		out = convert(&c, json);
		if (!out)
			report_conversion(in, &c, r);
	}
	json_decref(json);
	pages_free(copy);
	return out;
}
