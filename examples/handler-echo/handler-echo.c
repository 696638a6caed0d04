/* SPDX-License-Identifier: MIT
 * handler-echo/handler-echo.c - answers TCP and UDP with what was said
 *
 * Shows a handler that owns its flows. A stretch of a stream is sent back in the buffers it came
 * in, as far as the credit goes; the rest waits in a queue. CONSUME follows what was sent, never
 * what arrived, so the queue is no longer than the window that the stack offers, and a peer that
 * does not read stops itself. Half-close: the end of what comes is passed on once the queue is
 * empty. A datagram goes back as it came.
 */
#include <adit/callbacks.h>

struct echo_flow {
	struct echo_flow *next, *prev;
	adit_buf *head, *tail; /* what waits for credit */
	uint64_t credit;       /* bytes that may be sent now */
	adit_flow flow;
	int fin; /* everything has come; FIN is owed once the queue is empty */
};

struct echo {
	struct echo_flow *flows;
};

static struct echo_flow *echo_flow_of(uint64_t user)
{
	return (struct echo_flow *)(uintptr_t)user; /* NULL for a flow that we did not take */
}

static void echo_flow_free(adit_handler *h, struct echo_flow *e)
{
	struct echo *all = h->own;

	if (e->next)
		e->next->prev = e->prev;
	if (e->prev)
		e->prev->next = e->next;
	else
		all->flows = e->next;
	adit_put(h, e->head);
	adit_release(h, e);
}

/* Sends size bytes, which buf's chain holds, and opens the window by as much. */
static void echo_send(adit_handler *h, struct echo_flow *e, adit_buf *buf, uint64_t size)
{
	e->credit -= size;
	adit_send(h, e->flow, buf);
	adit_consume(h, e->flow, size);
}

/* Sends the buffers at the head of the queue that the credit covers whole. */
static void echo_send_whole(adit_handler *h, struct echo_flow *e)
{
	adit_buf *first = e->head, *last = NULL, *b;
	uint64_t size = 0;

	for (b = first; b && size + b->len <= e->credit; b = b->next) {
		size += b->len;
		last = b;
	}
	if (!last)
		return;
	e->head = last->next;
	last->next = NULL;
	echo_send(h, e, first, size);
}

/* Sends as much of the first buffer as the credit covers, copied, since a buffer has one owner. */
static void echo_send_part(adit_handler *h, struct echo_flow *e)
{
	uint32_t size = (uint32_t)e->credit; /* less than head->len */
	adit_buf *part = adit_get(h, size);

	if (!part) { /* nothing would wake us later: end it rather than hang */
		e->credit = 0;
		adit_abort(h, e->flow);
		return;
	}
	memcpy(part->data, e->head->data, size);
	part->len = size;
	e->head->data += size;
	e->head->len -= size;
	echo_send(h, e, part, size);
}

static void echo_pump(adit_handler *h, struct echo_flow *e)
{
	echo_send_whole(h, e);
	if (e->head && e->credit)
		echo_send_part(h, e);
	if (!e->head && e->fin) {
		e->fin = 0;
		adit_fin(h, e->flow);
	}
}

static void echo_open(adit_handler *h, adit_flow flow, const adit_flow_info *info)
{
	struct echo *all = h->own;
	struct echo_flow *e;

	if (info->proto == ADIT_PROTO_UDP) {
		adit_accept(h, flow, 0); /* nothing to remember */
		return;
	}
	if (info->proto != ADIT_PROTO_TCP) {
		adit_pass(h, flow);
		return;
	}
	e = adit_alloc(h, sizeof(*e));
	if (!e) {
		adit_reject(h, flow, ADIT_EREFUSED);
		return;
	}
	e->flow = flow;
	e->next = all->flows;
	if (e->next)
		e->next->prev = e;
	all->flows = e;
	adit_accept(h, flow, (uint64_t)(uintptr_t)e);
}

static void echo_data(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf)
{
	struct echo_flow *e = echo_flow_of(user);

	if (!e) {
		adit_put(h, buf);
		return;
	}
	if (e->head)
		e->tail->next = buf;
	else
		e->head = buf;
	for (e->tail = buf; e->tail->next;)
		e->tail = e->tail->next;
	echo_pump(h, e);
}

static void echo_dgram(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf)
{
	adit_send(h, flow, buf);
}

static void echo_fin(adit_handler *h, adit_flow flow, uint64_t user)
{
	struct echo_flow *e = echo_flow_of(user);

	if (e) {
		e->fin = 1;
		echo_pump(h, e);
	}
}

static void echo_credit(adit_handler *h, adit_flow flow, uint64_t user, uint64_t bytes)
{
	struct echo_flow *e = echo_flow_of(user);

	if (e) {
		e->credit += bytes;
		echo_pump(h, e);
	}
}

static void echo_closed(adit_handler *h, adit_flow flow, uint64_t user, adit_result code)
{
	if (user)
		echo_flow_free(h, echo_flow_of(user));
}

static void echo_stop(adit_handler *h)
{
	struct echo *all = h->own;

	while (all->flows)
		echo_flow_free(h, all->flows);
}

static const adit_callbacks echo_calls = {
	.own = sizeof(struct echo),
	.stop = echo_stop,
	.open = echo_open,
	.data = echo_data,
	.dgram = echo_dgram,
	.fin = echo_fin,
	.credit = echo_credit,
	.closed = echo_closed,
};
ADIT_HANDLER_MODULE("echo", echo_calls)
