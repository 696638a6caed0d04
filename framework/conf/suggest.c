/* SPDX-License-Identifier: MIT
 * conf/suggest.c - what somebody may have meant
 */
#include "conf/suggest.h"

#include <string.h>

enum { MOST = 48 }; /* longer words are not compared */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters inserted, left out, changed, or swapped with their neighbour (optimal string alignment).
 */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t rows[3][MOST + 1], i, j, cost;
	size_t *before = rows[0], *last = rows[1], *now = rows[2], *spare;

	for (j = 0; j <= b_size; j++)
		last[j] = before[j] = j;
	for (i = 1; i <= a_size; i++) {
		now[0] = i;
		for (j = 1; j <= b_size; j++) {
			cost = a[i - 1] != b[j - 1];
			now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b_size];
}

void suggest_offer(struct suggest *s, const char *word)
{
	size_t a = strlen(s->word), b = strlen(word), d, most;

	if (!a || a > MOST || b > MOST)
		return;
	most = a / 3 ? a / 3 : 1;
	d = distance(s->word, a, word, b);
	if (d > most || (s->best && d >= s->distance))
		return;
	s->best = word;
	s->distance = d;
}
