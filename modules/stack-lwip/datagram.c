/* SPDX-License-Identifier: MIT
 * stack-lwip/datagram.c - UDP and echo: headers off on the way up, on again on the way down
 *
 * lwIP has no part in it. Nothing is kept per flow but its slot. Equal datagrams that came as one super-packet stay
 * together.
 */
#include "stack.h"

enum { ECHO_KEPT = 2 }; /* the sequence number stays with the data */

void datagram_up(struct stack *st, struct slot *s, adit_buf *b)
{
	uint32_t skip = b->hdr_len;
	adit_event ev = {.type = ADIT_EV_DGRAM, .flags = ADIT_EVF_BUF, .flow = s->flow};

	if (s->proto != ADIT_PROTO_UDP)
		skip -= ECHO_KEPT;
	b->data += skip;
	b->len -= skip;
	/* What belonged to the headers means nothing any more. */
	b->flags &= ADIT_BUF_RDONLY | ADIT_BUF_GSO_UDP;
	b->csum_start = b->csum_off = b->hdr_len = 0;
	ev.u.buf = b;
	stack_emit(st, &ev);
}

void datagram_down(struct stack *st, struct slot *s, adit_buf *b)
{
	b->flow = s->flow;
	if ((s->proto == ADIT_PROTO_UDP || b->len >= ECHO_KEPT) && st->packets->push(b, s->info) == ADIT_OK) {
		stack_output(st, b);
		return;
	}
	st->counts.unbuildable++;
	put_buf(st, b);
}
