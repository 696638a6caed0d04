/* SPDX-License-Identifier: MIT
 * dial/datagram.c - forwarded UDP and echo flows whose outbound stays in the data path
 *
 * Nothing hangs on such a flow: what comes up goes to the outbound as SEND, what it emits as DGRAM goes to the stack. Only
 * until the outbound has answered are datagrams kept (flow/held.h), as few as a resolver or a QUIC client sends at once.
 */
#include "dial/datagram.h"

#include <string.h>
#include <unistd.h>

#include "dial/carry.h"
#include "flow/held.h"
#include "observe/log.h"
#include "os/os.h"

enum { HELD_MOST = 16 /* datagrams that wait for an answer */ };

static const struct flow_owner waiting, passed;

static struct part *outbound_of(struct shard *s, const struct flow *f)
{
	return s->parts[PART_OUTBOUND][f->outbound];
}

static void drop(struct shard *s, adit_buf *b)
{
	shard_count(s, COUNT_datagrams_dropped, 1);
	bufpool_put(&b, 1);
}

static uint32_t chain_size(const adit_buf *b)
{
	uint32_t size = 0;

	for (; b; b = b->next)
		size += b->len;
	return size;
}

static void send_on(struct part *p, struct flow *f, adit_buf *b)
{
	adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = flow_handle(f), .u.buf = b};

	part_op_later(p, &op); /* what cannot go on is counted there */
}

/* One datagram each, for an outbound that does not take super-packets. */
static void send_split(struct shard *s, struct flow *f, adit_buf *b)
{
	uint32_t at, size;

	for (at = 0; at < b->len; at += size) {
		adit_buf *one;

		size = b->len - at < b->gso_size ? b->len - at : b->gso_size;
		if (bufpool_get(s->bufs, &one, 1, size) != 1) {
			shard_count(s, COUNT_datagrams_dropped, 1);
			continue;
		}
		memcpy(one->data, b->data + at, size);
		one->len = size;
		send_on(outbound_of(s, f), f, one);
	}
	bufpool_put(&b, 1);
}

static void up(struct shard *s, struct flow *f, adit_buf *b)
{
	struct part *out = outbound_of(s, f);

	if (!(b->flags & ADIT_BUF_GSO_UDP) || !b->gso_size || out->table.outbound->flags & ADIT_OUTBOUND_GSO)
		send_on(out, f, b);
	else if (b->next)
		drop(s, b); /* no stack makes chains going up */
	else
		send_split(s, f, b);
}

static void end_far(struct shard *s, struct flow *f, adit_result code)
{
	adit_op op = {.type = ADIT_OP_ABORT, .code = code, .flow = flow_handle(f)};

	f->owner = NULL;
	f->flags &= (uint16_t)~FLOW_WAITING;
	part_op(outbound_of(s, f), &op);
}

static void discard(const adit_event *ev)
{
	if (ev->flags & ADIT_EVF_BUF)
		bufpool_put(&ev->u.buf, 1);
	else if (ev->type == ADIT_EV_SOCKET)
		close((int)ev->u.num);
}

static void misuse(struct shard *s, struct flow *f, struct part *p, const adit_event *ev)
{
	shard_count(s, COUNT_misuse, 1);
	log_warn(p->module, "module misuse: event %u on a datagram flow, or without its buffer; the flow is ended", ev->type);
	discard(ev);
	if (f->state == FLOW_OPEN) {
		flow_end(s, f, ADIT_EINVAL);
	} else {
		end_far(s, f, ADIT_EINVAL);
		flow_refuse(s, f, ADIT_EADMIN);
	}
}

static int is_datagram(const adit_event *ev)
{
	return ev->type == ADIT_EV_DGRAM && ev->flags & ADIT_EVF_BUF && ev->u.buf;
}

/* ---- what the stack says ---- */

static void on_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	if (is_datagram(ev)) {
		f->bytes_up += chain_size(ev->u.buf);
		f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
		if (f->owner == &passed)
			up(s, f, ev->u.buf);
		else if (held_count(f->parked) < HELD_MOST)
			held_behind(&f->parked, ev->u.buf);
		else
			drop(s, ev->u.buf);
	} else if (ev->type == ADIT_EV_CLOSED) {
		flow_end(s, f, ev->code);
	} else if (ev->type == ADIT_EV_CREDIT) {
		/* A stack says so once, and a datagram may be sent at any time. */
	} else {
		misuse(s, f, flow_stack(s, f), ev);
	}
}

/* ---- what the outbound says ---- */

static void on_closed(struct shard *s, struct flow *f, adit_result code)
{
	f->owner = NULL;
	f->flags &= (uint16_t)~FLOW_WAITING;
	if (f->state != FLOW_OPEN) {
		flow_refuse(s, f, code < 0 ? code : ADIT_OK);
		return;
	}
	if (code < 0 && f->info.proto == ADIT_PROTO_UDP)
		carry_tell(s, f, code);
	flow_close(s, f, code);
}

static void answered(struct shard *s, struct flow *f)
{
	adit_buf *b;

	f->owner = &passed;
	f->flags &= (uint16_t)~FLOW_WAITING;
	if (f->state == FLOW_ASKED) {
		flow_admit(s, f, 0);
		return;
	}
	while ((b = held_next(&f->parked)) != NULL)
		up(s, f, b);
}

static void far_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	if (ev->type == ADIT_EV_CLOSED) {
		on_closed(s, f, ev->code);
	} else if (ev->type == ADIT_EV_CREDIT) {
		if (f->owner == &waiting)
			answered(s, f);
	} else if (f->owner == &passed && is_datagram(ev)) {
		f->bytes_down += chain_size(ev->u.buf);
		f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
		send_on(flow_stack(s, f), f, ev->u.buf);
	} else {
		misuse(s, f, outbound_of(s, f), ev);
	}
}

static void on_end(struct shard *s, struct flow *f, adit_result code)
{
	if (f->flags & FLOW_WAITING && code == ADIT_ETIME && f->info.proto == ADIT_PROTO_UDP)
		carry_tell(s, f, ADIT_EHOST);
	end_far(s, f, code);
}

static const struct flow_owner waiting = {"datagram, waiting", on_event, far_event, on_end, NULL};
static const struct flow_owner passed = {"datagram", on_event, far_event, on_end, NULL};

/* ---- */

void datagram_begin(struct shard *s, struct flow *f)
{
	f->owner = &waiting;
	f->owned = NULL;
}

int datagram_waits(const struct flow *f)
{
	return f->owner == &waiting;
}

void datagram_go_on(struct shard *s, struct flow *f)
{
	f->flags |= FLOW_WAITING;
	if (f->state == FLOW_ASKED)
		flow_admit(s, f, 0);
}

void datagram_replay(struct shard *s, struct flow *f)
{
	adit_flow handle = flow_handle(f);
	adit_buf *b;

	while (f && f->owner && (b = held_next(&f->parked)) != NULL) {
		adit_event ev = {.type = ADIT_EV_DGRAM, .flags = ADIT_EVF_BUF, .flow = handle, .u.buf = b};

		f->owner->event(s, f, &ev);
		f = flowtable_look(s->flows, handle);
	}
}
