/* SPDX-License-Identifier: MIT
 * base/utf8.h - one character of a text that may be anything
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that text begins with, and its number in *code; 0: it begins with none (RFC 3629: no long forms,
 * no surrogates, nothing above U+10FFFF; size is 0), and *code is untouched. */
size_t utf8_character(const char *text, size_t size, uint32_t *code);

/* Control characters (C0, DEL, C1), which must not reach a terminal. */
static inline int utf8_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

#endif
