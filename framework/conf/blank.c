/* SPDX-License-Identifier: MIT
 * conf/blank.c - comments and trailing commas of a manifest, overwritten with blanks
 */
#include "conf/blank.h"

#include <string.h>

/* The length of the character at s, 0 if it is none (RFC 3629, section 4). */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t length, i;
	unsigned char low = 0x80, high = 0xbf;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (length > left)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return length;
}

bool blank_is_utf8(const char *text, size_t size, size_t *where)
{
	size_t i, length;

	for (i = 0; i < size; i += length) {
		length = utf8_length((const unsigned char *)text + i, size - i);
		if (!length) {
			*where = i;
			return false;
		}
	}
	return true;
}

/* Blanks the comment at `at`; returns where it ends, 0 if it does not. Line ends stay. */
static size_t blank_comment(char *text, size_t size, size_t at)
{
	bool line = text[at + 1] == '/';
	size_t i;

	for (i = at + 2; i < size; i++) {
		if (line && text[i] == '\n')
			break;
		if (!line && text[i] == '/' && text[i - 1] == '*' && i > at + 2) {
			i++;
			break;
		}
	}
	if (!line &&
	    (i == size && !(size - at >= 4 && text[size - 1] == '/' && text[size - 2] == '*')))
		return 0;
	size = i;
	for (i = at; i < size; i++)
		if (text[i] != '\n')
			text[i] = ' ';
	return size;
}

static size_t skip_string(const char *text, size_t size, size_t at)
{
	for (at++; at < size && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < size ? at + 1 : size;
}

enum blank_fault blank(char *text, size_t size, unsigned most_depth, size_t *where)
{
	size_t i = 0, comma = 0;
	unsigned depth = 0;
	char before = 0; /* the last character that counts */
	char before_comma = 0;

	if (!blank_is_utf8(text, size, where))
		return BLANK_UTF8;
	while (i < size) {
		char c = text[i];

		*where = i;
		if (c == '\0')
			return BLANK_NUL;
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			i++;
			continue;
		}
		if (c == '/' && i + 1 < size && (text[i + 1] == '/' || text[i + 1] == '*')) {
			i = blank_comment(text, size, i);
			if (!i)
				return BLANK_OPEN;
			continue;
		}
		if ((c == '{' || c == '[') && ++depth > most_depth)
			return BLANK_DEPTH;
		if (c == '}' || c == ']') {
			depth -= depth > 0;
			if (before == ',' && !strchr("[{,:", before_comma))
				text[comma] = ' ';
		}
		if (c == ',') {
			comma = i;
			before_comma = before ? before : ',';
		}
		before = c;
		i = c == '"' ? skip_string(text, size, i) : i + 1;
	}
	return BLANK_FINE;
}
