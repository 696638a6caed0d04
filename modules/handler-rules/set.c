/* SPDX-License-Identifier: MIT
 * handler-rules/set.c - a set of addresses and host names, read from plain files
 */
#include "set.h"

adit_result set_add(struct set *s, const struct entry *e)
{
	if (s->entries == SET_ENTRIES_MOST)
		return ADIT_ELIMIT;
	s->entries++;
	return e->kind == ENTRY_PREFIX ? ranges_add(&s->ranges, &e->prefix)
	                               : names_add(&s->names, e->name, e->size, e->below);
}

static void count_bad(struct set *s, uint32_t number)
{
	if (!s->lines_bad++)
		s->line_bad = number;
}

/* The next line without its end, its first SET_LINE_MOST + 1 bytes at most; returns its size, negative at the end of the
 * file. */
static int64_t next_line(FILE *f, char *line)
{
	int64_t size = 0;
	int c;

	while ((c = getc_unlocked(f)) != EOF && c != '\n') {
		if (size <= SET_LINE_MOST)
			line[size] = (char)c;
		size++;
	}
	return c == EOF && !size ? -1 : size;
}

static adit_result read_line(struct set *s, const char *line, size_t size, uint32_t number)
{
	struct entry e;

	if (entry_read_line(line, size, &e) < 0) {
		count_bad(s, number);
		return 0;
	}
	return e.kind == ENTRY_NONE ? 0 : set_add(s, &e);
}

adit_result set_read(struct set *s, FILE *f)
{
	char line[SET_LINE_MOST + 1];
	uint32_t number = 0;
	int64_t size, total = 0;
	adit_result result;

	while ((size = next_line(f, line)) >= 0) {
		number++;
		total += size + 1;
		if (total > SET_FILE_MOST)
			return ADIT_ELIMIT;
		if (size > SET_LINE_MOST) {
			count_bad(s, number);
			continue;
		}
		result = read_line(s, line, (size_t)size, number);
		if (result < 0)
			return result;
	}
	return ferror(f) ? ADIT_EIO : 0;
}

adit_result set_seal(struct set *s)
{
	adit_result result = ranges_seal(&s->ranges);

	return result < 0 ? result : names_seal(&s->names);
}

void set_fini(struct set *s)
{
	ranges_fini(&s->ranges);
	names_fini(&s->names);
}
