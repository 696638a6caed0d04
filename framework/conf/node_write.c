/* SPDX-License-Identifier: MIT
 * conf/node_write.c - a tree as JSON text, with secrets hidden and origins as comments where asked
 */
#include "conf/node.h"

#include <stdlib.h>
#include <string.h>

void node_write_text(const char *text, size_t size, FILE *f, unsigned flags)
{
	size_t i;

	fputc('"', f);
	for (i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((flags & WRITE_ESCAPE) && c == '$' && i + 1 < size && text[i + 1] == '{')
			fputs("$$", f);
		else if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", f);
		else if (c == '\t')
			fputs("\\t", f);
		else if (c < ' ' || c == 0x7f)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

/* The shortest form that reads back as the same number. */
static void write_real(double real, FILE *f)
{
	char buf[40];
	int digits;

	for (digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*g", digits, real);
		if (strtod(buf, NULL) == real)
			break;
	}
	fputs(buf, f);
	if (!strpbrk(buf, ".e"))
		fputs(".0", f);
}

static void write_scalar(const struct adit_cfg *n, FILE *f, unsigned flags)
{
	switch (n->type) {
	case NODE_NULL:
		fputs("null", f);
		break;
	case NODE_TRUTH:
		fputs(n->truth ? "true" : "false", f);
		break;
	case NODE_INTEGER:
		fprintf(f, "%lld", (long long)n->integer);
		break;
	case NODE_REAL:
		write_real(n->real, f);
		break;
	case NODE_TEXT:
		node_write_text(n->text, n->size, f, flags);
		break;
	default:
		fputs(n->type == NODE_LIST ? "[]" : "{}", f);
	}
}

static void write_tabs(FILE *f, unsigned depth, unsigned flags)
{
	if (flags & WRITE_COMPACT)
		return;
	fputc('\n', f);
	while (depth--)
		fputc('\t', f);
}

/* A value with what stands behind it: the comma, then the comment. */
static void write_value(const struct adit_cfg *n, FILE *f, unsigned flags, unsigned depth,
                        bool comma)
{
	bool hidden = (flags & WRITE_REDACT) && n->secret, list = n->type == NODE_LIST;
	char buf[512];
	uint32_t i;

	if (!hidden && n->count) {
		fputc(list ? '[' : '{', f);
		for (i = 0; i < n->count; i++) {
			write_tabs(f, depth + 1, flags);
			if (!list) {
				node_write_text(n->items[i]->key, strlen(n->items[i]->key), f, 0);
				fputs(flags & WRITE_COMPACT ? ":" : ": ", f);
			}
			write_value(n->items[i], f, flags, depth + 1, i + 1 < n->count);
		}
		write_tabs(f, depth, flags);
		fputc(list ? ']' : '}', f);
		if (comma)
			fputc(',', f);
		return;
	}
	if (hidden)
		fputs("\"<redacted>\"", f);
	else
		write_scalar(n, f, flags);
	if (comma)
		fputc(',', f);
	if ((flags & WRITE_ORIGINS) && !(flags & WRITE_COMPACT))
		fprintf(f, " // %s", node_origin_text(n, buf, sizeof(buf)));
}

void node_write(const struct adit_cfg *n, FILE *f, unsigned flags)
{
	write_value(n, f, flags, 0, false);
	if (!(flags & WRITE_COMPACT))
		fputc('\n', f);
}
