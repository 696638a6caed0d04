/* SPDX-License-Identifier: MIT
 * conf/blank.h - comments and trailing commas of a manifest, overwritten with blanks so that all
 * places stay true
 */
#ifndef CONF_BLANK_H
#define CONF_BLANK_H

#include <stdbool.h>
#include <stddef.h>

enum blank_fault {
	BLANK_FINE,
	BLANK_UTF8, /* not UTF-8 at *where */
	BLANK_NUL,  /* a null byte at *where */
	BLANK_OPEN, /* the comment that begins at *where has no end */
	BLANK_DEPTH /* containers within containers beyond the limit at *where */
};

/* Checks text and blanks it in place. Strings are left alone; what is wrong JSON stays wrong. */
enum blank_fault blank(char *text, size_t size, unsigned most_depth, size_t *where);

/* Whether the bytes are UTF-8 (RFC 3629: no surrogates, no long forms); *where is the first that is
 * not. */
bool blank_is_utf8(const char *text, size_t size, size_t *where);

#endif
