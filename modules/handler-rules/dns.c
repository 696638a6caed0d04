/* SPDX-License-Identifier: MIT
 * handler-rules/dns.c - the name that a DNS query asks for
 */
#include <string.h>

#include "look.h"

enum { HEAD = 12, ANSWER_BIT = 0x80, POINTER = 0xc0 };

enum look dns_look(const uint8_t *data, size_t size, struct host_name *out)
{
	char text[NAME_MOST + 1];
	size_t at = HEAD, n = 0, label;

	/* A query, with one question. */
	if (size < HEAD || data[2] & ANSWER_BIT || data[4] || data[5] != 1)
		return LOOK_NONE;
	while (at < size && (label = data[at]) != 0) {
		if (label & POINTER || label >= size - at || n + label + 1 > NAME_MOST + 1)
			return LOOK_NONE;
		memcpy(text + n, data + at + 1, label);
		if (memchr(text + n, '.', label))
			return LOOK_NONE; /* a dot inside a label would look like two of them */
		n += label;
		text[n++] = '.';
		at += 1 + label;
	}
	if (at >= size || !n)
		return LOOK_NONE;
	out->size = name_clean(text, n, out->text);
	return out->size ? LOOK_NAME : LOOK_NONE;
}
