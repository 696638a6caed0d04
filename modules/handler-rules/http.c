/* SPDX-License-Identifier: MIT
 * handler-rules/http.c - the Host of an HTTP/1 request
 */
#include <string.h>
#include <strings.h>

#include "look.h"

enum { METHOD_MOST = 20 };

/* A line of the head, without its end. NONE: there is no further one; MORE: its end is not there yet. */
static enum look next_line(const char **at, const char *end, const char **line, size_t *size)
{
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));

	if (!stop)
		return LOOK_MORE;
	*line = *at;
	*size = (size_t)(stop - *at);
	if (*size && (*line)[*size - 1] == '\r')
		--*size;
	*at = stop + 1;
	return *size ? LOOK_NAME : LOOK_NONE;
}

/* METHOD SP target SP HTTP/1.x; so far as it is there. */
static enum look check_request(const char *line, size_t size, int whole)
{
	size_t i;

	for (i = 0; i < size && line[i] != ' '; i++)
		if (line[i] < 'A' || line[i] > 'Z' || i == METHOD_MOST)
			return LOOK_NONE;
	if (!whole)
		return LOOK_MORE;
	return i && size - i >= 11 && !memcmp(line + size - 9, " HTTP/1.", 8) ? LOOK_NAME : LOOK_NONE;
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static enum look read_host(const char *value, size_t size, struct host_name *out)
{
	const char *colon;

	for (; size && is_blank(*value); value++)
		size--;
	while (size && is_blank(value[size - 1]))
		size--;
	colon = memchr(value, ':', size);
	if (colon)
		size = (size_t)(colon - value);
	out->size = name_clean(value, size, out->text);
	return out->size ? LOOK_NAME : LOOK_NONE;
}

enum look http_look(const uint8_t *data, size_t size, struct host_name *out)
{
	const char *at = (const char *)data, *end = at + size, *line;
	size_t length;
	enum look look = next_line(&at, end, &line, &length);

	if (look == LOOK_MORE)
		look = check_request(at, size, 0);
	else if (look == LOOK_NAME)
		look = check_request(line, length, 1);
	while (look == LOOK_NAME) {
		look = next_line(&at, end, &line, &length);
		if (look == LOOK_NAME && length > 5 && !strncasecmp(line, "host:", 5))
			return read_host(line + 5, length - 5, out);
	}
	return look == LOOK_MORE && size >= LOOK_MOST ? LOOK_NONE : look;
}
