/* SPDX-License-Identifier: MIT
 * base/jsonw.c - JSON written into memory
 */
#include "base/jsonw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { ROOM_LEAST = 512 };

void jsonw_init(struct jsonw *w, size_t most)
{
	memset(w, 0, sizeof(*w));
	w->most = most;
}

void jsonw_fini(struct jsonw *w)
{
	free(w->text);
	jsonw_init(w, 0);
}

void jsonw_reset(struct jsonw *w)
{
	w->used = 0;
	w->failed = w->comma = false;
}

static bool reserve(struct jsonw *w, size_t size)
{
	size_t room = w->room ? w->room : ROOM_LEAST;
	char *text;

	if (w->failed || size > w->most - w->used) {
		w->failed = true;
		return false;
	}
	if (size <= w->room - w->used)
		return true;
	while (room < w->used + size)
		room *= 2;
	text = realloc(w->text, room);
	if (!text) {
		w->failed = true;
		return false;
	}
	w->text = text;
	w->room = room;
	return true;
}

static void put(struct jsonw *w, const char *text, size_t size)
{
	if (!size || !reserve(w, size))
		return;
	memcpy(w->text + w->used, text, size);
	w->used += size;
}

static void put_quoted(struct jsonw *w, const char *text, size_t size)
{
	size_t i = 0, length, plain = 0;
	uint32_t code = 0;
	char unit[8];
	int n;

	put(w, "\"", 1);
	while (i < size && !w->failed) {
		length = utf8_character(text + i, size - i, &code);
		if (length && !utf8_is_control(code) && code != '"' && code != '\\') {
			i += length;
			continue;
		}
		put(w, text + plain, i - plain);
		if (!length)
			n = snprintf(unit, sizeof(unit), "\\ufffd");
		else if (utf8_is_control(code))
			n = snprintf(unit, sizeof(unit), "\\u%04x", (unsigned)code);
		else
			n = snprintf(unit, sizeof(unit), "\\%c", (char)code);
		put(w, unit, (size_t)n);
		i += length ? length : 1;
		plain = i;
	}
	put(w, text + plain, size - plain);
	put(w, "\"", 1);
}

static void begin(struct jsonw *w, const char *key)
{
	if (w->comma)
		put(w, ",", 1);
	w->comma = true;
	if (!key)
		return;
	put_quoted(w, key, strlen(key));
	put(w, ":", 1);
}

void jsonw_object(struct jsonw *w, const char *key)
{
	begin(w, key);
	put(w, "{", 1);
	w->comma = false;
}

void jsonw_array(struct jsonw *w, const char *key)
{
	begin(w, key);
	put(w, "[", 1);
	w->comma = false;
}

void jsonw_end_object(struct jsonw *w)
{
	put(w, "}", 1);
	w->comma = true;
}

void jsonw_end_array(struct jsonw *w)
{
	put(w, "]", 1);
	w->comma = true;
}

void jsonw_text_of(struct jsonw *w, const char *key, const char *text, size_t size)
{
	begin(w, key);
	put_quoted(w, text, size);
}

void jsonw_text(struct jsonw *w, const char *key, const char *text)
{
	if (text)
		jsonw_text_of(w, key, text, strlen(text));
	else
		jsonw_null(w, key);
}

static void number(struct jsonw *w, const char *key, const char *digits)
{
	begin(w, key);
	put(w, digits, strlen(digits));
}

void jsonw_uint(struct jsonw *w, const char *key, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	number(w, key, digits);
}

void jsonw_int(struct jsonw *w, const char *key, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, value);
	number(w, key, digits);
}

void jsonw_thousandths(struct jsonw *w, const char *key, uint64_t value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%" PRIu64 ".%03u", value / 1000, (unsigned)(value % 1000));
	number(w, key, digits);
}

void jsonw_truth(struct jsonw *w, const char *key, bool value)
{
	number(w, key, value ? "true" : "false");
}

void jsonw_null(struct jsonw *w, const char *key)
{
	number(w, key, "null");
}

void jsonw_raw(struct jsonw *w, const char *key, const char *json)
{
	number(w, key, json);
}

void jsonw_line(struct jsonw *w)
{
	put(w, "\n", 1);
	w->comma = false;
}
