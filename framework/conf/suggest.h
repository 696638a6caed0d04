/* SPDX-License-Identifier: MIT
 * conf/suggest.h - what somebody may have meant
 */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include <stddef.h>

/* Keeps the nearest of the words offered. Set up with {.word = word}. */
struct suggest {
	const char *word;
	const char *best; /* null: none is near */
	size_t distance;
};

/* word lives as long as s. Near: at most a third of the letters differ (but one always may). */
void suggest_offer(struct suggest *s, const char *word);

#endif
