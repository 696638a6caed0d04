/* SPDX-License-Identifier: MIT
 * conf/node_words.c - a node in words: its pointer, its value in brief, its origin, findings about
 * it
 */
#include "conf/node.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void write_segments(const struct adit_cfg *n, FILE *f)
{
	const char *c;
	uint32_t i;

	if (!n->parent)
		return;
	write_segments(n->parent, f);
	fputc('/', f);
	if (!n->key) {
		for (i = 0; i < n->parent->count && n->parent->items[i] != n; i++)
			;
		fprintf(f, "%u", (unsigned)i);
		return;
	}
	for (c = n->key; *c; c++) {
		if (*c == '~' || *c == '/')
			fputs(*c == '~' ? "~0" : "~1", f);
		else
			fputc((unsigned char)*c < ' ' ? '?' : *c, f);
	}
}

char *node_pointer(const struct adit_cfg *n)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	write_segments(n, f);
	if (fclose(f)) {
		free(out);
		return NULL;
	}
	return out;
}

/* At most `most` bytes of text in quotes, cut at a character, control characters as '?'. */
static void quote(const char *text, size_t most, char *buf, size_t size)
{
	size_t length = strlen(text), i;
	bool cut = length > most;

	if (cut) {
		length = most;
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	snprintf(buf, size, "\"%.*s%s\"", (int)length, text, cut ? "..." : "");
	for (i = 0; buf[i]; i++)
		if ((unsigned char)buf[i] < ' ')
			buf[i] = '?';
}

const char *node_brief(const struct adit_cfg *n, char *buf, size_t size)
{
	if (n->secret)
		return "<redacted>";
	switch (n->type) {
	case NODE_NULL:
		return "null";
	case NODE_TRUTH:
		return n->truth ? "true" : "false";
	case NODE_INTEGER:
		snprintf(buf, size, "%lld", (long long)n->integer);
		return buf;
	case NODE_REAL:
		snprintf(buf, size, "%.15g", n->real);
		return buf;
	case NODE_TEXT:
		quote(n->text, 48, buf, size);
		return buf;
	case NODE_LIST:
		return "a list";
	default:
		return "an object";
	}
}

const char *node_origin_text(const struct adit_cfg *n, char *buf, size_t size)
{
	const struct node_origin *o = &n->origin;
	size_t i;

	switch (o->from) {
	case FROM_FILE:
		snprintf(buf, size, "%s:%u:%u", o->file, o->line, o->column);
		break;
	case FROM_DEFAULT:
		return "default";
	case FROM_ENV:
		snprintf(buf, size, "env %s", o->name);
		break;
	case FROM_OTHER:
		snprintf(buf, size, "file %s", o->name);
		break;
	case FROM_CRED:
		snprintf(buf, size, "credential %s", o->name);
		break;
	case FROM_COMMAND:
		return "command line";
	}
	for (i = 0; buf[i]; i++)
		if ((unsigned char)buf[i] < ' ')
			buf[i] = '?';
	return buf;
}

void node_report(struct report *r, enum report_level level, const struct adit_cfg *n,
                 enum node_spot spot, const char *cure, const char *format, ...)
{
	struct report_place place = {0};
	const struct node_origin *o = &n->origin;
	char *pointer, *text = NULL;
	va_list args;

	if (!r)
		return;
	pointer = node_pointer(n);
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	place.pointer = pointer;
	if (o->from == FROM_COMMAND) {
		place.file = "command line";
	} else if (o->from == FROM_DEFAULT) {
		place.file = "default";
	} else {
		place.file = o->file;
		place.line = spot == AT_KEY && o->key_line ? o->key_line : o->line;
		place.column = spot == AT_KEY && o->key_line ? o->key_column : o->column;
	}
	report_add(r, level, &place, cure, "%s",
	           text ? text : "out of memory while saying what is wrong");
	free(text);
	free(pointer);
}
