/* SPDX-License-Identifier: MIT
 * base/base64.c - bytes inside texts
 */
#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(char *out, const uint8_t *data, size_t n)
{
	size_t i;

	for (i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0u);

		*out++ = letters[v >> 18];
		*out++ = letters[v >> 12 & 63];
		*out++ = left > 1 ? letters[v >> 6 & 63] : '=';
		*out++ = left > 2 ? letters[v & 63] : '=';
	}
	*out = 0;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ptrdiff_t base64_read(uint8_t *out, const char *text, size_t length)
{
	uint8_t *begin = out;
	size_t i, k, pad = 0;

	if (length % 4)
		return -1;
	while (pad < 2 && pad < length && text[length - 1 - pad] == '=')
		pad++;
	for (i = 0; i < length; i += 4) {
		size_t digits = i + 4 == length ? 4 - pad : 4;
		uint32_t v = 0;

		for (k = 0; k < 4; k++) {
			int d = k < digits ? digit(text[i + k]) : 0;

			if (d < 0)
				return -1;
			v = v << 6 | (uint32_t)d;
		}
		*out++ = (uint8_t)(v >> 16);
		if (digits > 2)
			*out++ = (uint8_t)(v >> 8);
		if (digits > 3)
			*out++ = (uint8_t)v;
	}
	return out - begin;
}
