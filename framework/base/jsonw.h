/* SPDX-License-Identifier: MIT
 * base/jsonw.h - JSON written into memory, one value after another
 *
 * Commas and escapes are the writer's: the text is valid JSON whatever bytes it is given, as long as begins and ends pair.
 * Control characters are escaped, and what is not UTF-8 becomes U+FFFD. The text has a limit; when it or memory is used
 * up the writer has failed, and stays so.
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonw {
	char *text; /* used bytes; not terminated */
	size_t used, room, most;
	bool failed;
	bool comma; /* a value stands before the next one */
};

/* No more than `most` bytes. Allocates nothing yet. */
void jsonw_init(struct jsonw *w, size_t most);
void jsonw_fini(struct jsonw *w);
/* Forgets the text and a failure; keeps the memory. */
void jsonw_reset(struct jsonw *w);

/* All of these: key null inside an array or for the outermost value. */
void jsonw_object(struct jsonw *w, const char *key);
void jsonw_array(struct jsonw *w, const char *key);
void jsonw_end_object(struct jsonw *w);
void jsonw_end_array(struct jsonw *w);
/* A null text is null. */
void jsonw_text(struct jsonw *w, const char *key, const char *text);
void jsonw_text_of(struct jsonw *w, const char *key, const char *text, size_t size);
void jsonw_uint(struct jsonw *w, const char *key, uint64_t value);
void jsonw_int(struct jsonw *w, const char *key, int64_t value);
/* With three decimals. */
void jsonw_thousandths(struct jsonw *w, const char *key, uint64_t value);
void jsonw_truth(struct jsonw *w, const char *key, bool value);
void jsonw_null(struct jsonw *w, const char *key);
/* A value that is JSON already, such as one that was read. */
void jsonw_raw(struct jsonw *w, const char *key, const char *json);
/* The end of a line; the next value is an outermost one. */
void jsonw_line(struct jsonw *w);

#endif
