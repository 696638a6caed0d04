/* SPDX-License-Identifier: MIT
 * flow/refusal.c - says no to a packet from the device, in its protocol's own way and at a limited rate
 */
#include "flow/shard.h"

#include "packet/parse.h"

/* The answer's size, 0: none. */
static uint32_t make(const adit_buf *pkt, const struct packet_view *v, adit_result code, uint8_t *out, uint32_t room)
{
	switch (code) {
	case ADIT_ETIME: /* the network was silent, and so are we */
	case ADIT_ECANCEL:
		return 0;
	case ADIT_EHOST:
	case ADIT_ENET:
	case ADIT_EADMIN:
		return refuse_unreachable(pkt->data, v, refuse_kind_of(code), NULL, out, room);
	default:
		if (v->proto == ADIT_PROTO_TCP)
			return refuse_reset(pkt->data, v, out, room);
		return refuse_unreachable(pkt->data, v, code == ADIT_EREFUSED ? REFUSE_PORT : REFUSE_ADMIN, NULL, out, room);
	}
}

void shard_refuse_packet(struct shard *s, const adit_buf *pkt, adit_result code, enum shard_counter which)
{
	struct packet_view v;
	adit_buf *b;

	if (packet_parse_super(pkt->data, pkt->len, &v) != PACKET_OK)
		return;
	shard_count(s, which, 1);
	if (!refuse_limit_take(&s->refuse_limit, loop_now(s->loop))) {
		shard_count(s, COUNT_refusals_limited, 1);
		return;
	}
	if (bufpool_get(s->bufs, &b, 1, REFUSE_ROOM) != 1)
		return;
	b->len = make(pkt, &v, code, b->data, REFUSE_ROOM);
	if (!b->len) {
		bufpool_put(&b, 1);
		return;
	}
	shard_output(s, &b, 1);
}
