/* SPDX-License-Identifier: MIT
 * base/base64.h - bytes inside texts (RFC 4648 section 4)
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of text for n bytes, without the zero that ends it. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_SIZE(n) characters and a zero. */
void base64_write(char *out, const uint8_t *data, size_t n);
/* Reads the whole text; out has room for length / 4 * 3 bytes. Returns how many; -1: it is not base64. */
ptrdiff_t base64_read(uint8_t *out, const char *text, size_t length);

#endif
