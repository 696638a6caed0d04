/* SPDX-License-Identifier: MIT
 * handler-rules/entry.c - one line of a set, or one word of a rule's list: an address, a prefix or a host name
 */
#include "entry.h"

#include <arpa/inet.h>
#include <string.h>

enum { PREFIX_TEXT = INET6_ADDRSTRLEN + 4 };

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "24" of "/24". */
static int read_bits(const char *text, unsigned most, uint8_t *out)
{
	unsigned bits = 0, i;

	for (i = 0; is_digit(text[i]) && i < 3; i++)
		bits = bits * 10 + (unsigned)(text[i] - '0');
	if (!i || text[i] || bits > most)
		return 0;
	*out = (uint8_t)bits;
	return 1;
}

static adit_result read_prefix(const char *text, size_t size, struct prefix *out)
{
	char copy[PREFIX_TEXT], *slash;
	unsigned most;

	if (size >= sizeof(copy) || memchr(text, 0, size))
		return ADIT_EINVAL;
	memcpy(copy, text, size);
	copy[size] = '\0';
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	out->family = strchr(copy, ':') ? 6 : 4;
	most = out->family == 6 ? 128 : 32;
	out->bits = (uint8_t)most;
	memset(out->ip, 0, sizeof(out->ip));
	if (inet_pton(out->family == 6 ? AF_INET6 : AF_INET, copy, out->ip) != 1 ||
	    (slash && !read_bits(slash, most, &out->bits)))
		return ADIT_EINVAL;
	return 0;
}

adit_result entry_read(const char *text, size_t size, struct entry *out)
{
	if (size && (memchr(text, ':', size) || (is_digit(text[0]) && read_prefix(text, size, &out->prefix) == 0))) {
		out->kind = ENTRY_PREFIX;
		return read_prefix(text, size, &out->prefix);
	}
	out->kind = ENTRY_NAME;
	out->below = size && text[0] == '.';
	out->size = name_clean(text + out->below, size - (size_t)out->below, out->name);
	return out->size ? 0 : ADIT_EINVAL;
}

static int is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

adit_result entry_read_line(const char *line, size_t size, struct entry *out)
{
	size_t from = 0, end;

	while (from < size && is_white(line[from]))
		from++;
	for (end = from; end < size && !is_white(line[end]); end++)
		if (line[end] == '#' && end == from)
			break;
	out->kind = ENTRY_NONE;
	if (end == from)
		return 0;
	while (size > end && is_white(line[size - 1]))
		size--;
	/* Behind the entry only a comment may follow. */
	for (size_t rest = end; rest < size; rest++)
		if (!is_white(line[rest])) {
			if (line[rest] != '#')
				return ADIT_EINVAL;
			break;
		}
	return entry_read(line + from, end - from, out);
}
