/* SPDX-License-Identifier: MIT
 * stack-system/datagram.c - UDP and echo: headers off on the way up, on again on the way down
 *
 * Nothing is kept per flow but its slot. Equal datagrams that came as one super-packet stay
 * together.
 */
#include <sys/socket.h>

#include "stack.h"

enum { ECHO_KEPT = 2 }; /* the sequence number stays with the data */

void datagram_up(struct stack *st, struct slot *s, adit_buf *b, adit_event *out)
{
	uint32_t skip = b->hdr_len;

	if (s->proto != ADIT_PROTO_UDP)
		skip -= ECHO_KEPT;
	b->data += skip;
	b->len -= skip;
	/* What belonged to the headers means nothing any more. */
	b->flags &= ADIT_BUF_RDONLY | ADIT_BUF_GSO_UDP;
	b->csum_start = b->csum_off = b->hdr_len = 0;
	*out = (adit_event){.type = ADIT_EV_DGRAM, .flags = ADIT_EVF_BUF, .flow = s->flow};
	out->u.buf = b;
}

adit_result datagram_down(struct stack *st, struct slot *s, adit_buf *b)
{
	if (s->proto != ADIT_PROTO_UDP && b->len < ECHO_KEPT)
		return ADIT_EINVAL;
	if (!st->packets)
		return ADIT_ENOSYS;
	b->flow = s->flow;
	return st->packets->push(b, s->info);
}
