/* SPDX-License-Identifier: MIT
 * base/utf8.c - one character of a text that may be anything
 */
#include "base/utf8.h"

size_t utf8_character(const char *text, size_t size, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *b = (const unsigned char *)text;
	size_t length, i;
	uint32_t c;

	if (!size)
		return 0;
	length = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
	if (!length || length > size)
		return 0;
	c = length == 1 ? b[0] : b[0] & (0x7fu >> length);
	for (i = 1; i < length; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		c = c * 64 + (b[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*code = c;
	return length;
}
