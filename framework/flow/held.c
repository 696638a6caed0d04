/* SPDX-License-Identifier: MIT
 * flow/held.c - what a flow has sent and nobody has taken yet
 *
 * A bit that no module knows marks the buffer with which each stretch or datagram begins.
 */
#include "flow/held.h"

#include <stddef.h>

#define BEGINS (1u << 31)

static adit_buf *last_of(adit_buf *b)
{
	while (b->next)
		b = b->next;
	return b;
}

static void mark(adit_buf *chain)
{
	adit_buf *b;

	for (b = chain; b; b = b->next)
		b->flags &= ~BEGINS;
	chain->flags |= BEGINS;
}

void held_before(void **held, adit_buf *chain)
{
	mark(chain);
	last_of(chain)->next = *held;
	*held = chain;
}

void held_behind(void **held, adit_buf *chain)
{
	mark(chain);
	if (*held)
		last_of(*held)->next = chain;
	else
		*held = chain;
}

adit_buf *held_next(void **held)
{
	adit_buf *first = *held, *last = first;

	if (!first)
		return NULL;
	while (last->next && !(last->next->flags & BEGINS))
		last = last->next;
	*held = last->next;
	last->next = NULL;
	first->flags &= ~BEGINS;
	return first;
}

uint32_t held_count(const void *held)
{
	const adit_buf *b;
	uint32_t n = 0;

	for (b = held; b; b = b->next)
		n += (b->flags & BEGINS) != 0;
	return n;
}

adit_buf *held_all(void **held)
{
	adit_buf *first = *held, *b;

	for (b = first; b; b = b->next)
		b->flags &= ~BEGINS;
	*held = NULL;
	return first;
}
