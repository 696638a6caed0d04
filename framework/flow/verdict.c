/* SPDX-License-Identifier: MIT
 * flow/verdict.c - asks the handlers in order, and carries out what they answer
 *
 * A flow that is being asked about is ASKED and its first packet is parked. The answer is an operation that may
 * come at any later time; until then a sweep bounds the wait (timeouts.asked). A handler that ACCEPTs a flow
 * becomes its owner: the stack's events go to it and its operations to the stack.
 */
#include "flow/shard.h"

#include <string.h>
#include <unistd.h>

#include "observe/log.h"

/* ---- asking ---- */

static int port_matches(const struct match *m, uint16_t port)
{
	uint32_t i;

	for (i = 0; i < m->port_count; i++)
		if (port >= m->ports[i].from && port <= m->ports[i].to)
			return 1;
	return m->port_count == 0;
}

static int in_prefix(const struct match_prefix *p, const adit_addr *a)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (p->family != a->family || memcmp(p->ip, a->ip, whole))
		return 0;
	return !rest || (p->ip[whole] ^ a->ip[whole]) >> (8 - rest) == 0;
}

static int address_matches(const struct match *m, const adit_addr *a)
{
	uint32_t i;

	for (i = 0; i < m->prefix_count; i++)
		if (in_prefix(&m->prefixes[i], a))
			return 1;
	return m->prefix_count == 0;
}

static int matches(const struct match *m, const adit_flow_info *info)
{
	uint8_t proto = info->proto == ADIT_PROTO_TCP ? MATCH_TCP : info->proto == ADIT_PROTO_UDP ? MATCH_UDP : MATCH_ECHO;

	if (m->protos && !(m->protos & proto))
		return 0;
	/* Echo flows have no port: a list of ports leaves them out. */
	if (proto == MATCH_ECHO && m->port_count)
		return 0;
	return port_matches(m, info->dst.port) && address_matches(m, &info->dst);
}

void verdict_ask(struct shard *s, struct flow *f, uint32_t from)
{
	uint32_t i;

	for (i = from; i < s->part_count[PART_HANDLER]; i++) {
		struct part *h = s->parts[PART_HANDLER][i];
		adit_event ev = {.type = ADIT_EV_OPEN, .flow = flow_handle(f)};

		if (!h->started || h->draining || !matches(&h->match, &f->info))
			continue;
		f->handler = (uint8_t)i;
		h->flows++;
		ev.u.info = &f->info;
		part_event(h, &ev);
		return;
	}
	shard_count(s, COUNT_verdict_none, 1);
	flow_refuse(s, f, ADIT_EADMIN);
}

/* ---- a handler as the owner ---- */

static uint64_t chain_size(const adit_buf *b)
{
	uint64_t size = 0;

	for (; b; b = b->next)
		size += b->len;
	return size;
}

/* Takes size bytes in that go to f's handler. 0: they would be more than limits.flow_memory. A stream's stack holds back
 * what is not consumed (adit_env.flow_memory); one that does not is stopped here. One datagram always passes. */
static int may_wait(struct shard *s, struct flow *f, uint64_t size)
{
	const struct part *h = s->parts[PART_HANDLER][f->handler];

	if (f->info.proto != ADIT_PROTO_TCP && f->batch != h->batches) {
		f->batch = h->batches;
		f->waiting = 0;
	}
	if (s->flow_memory && f->waiting + size > s->flow_memory && (f->waiting || f->info.proto == ADIT_PROTO_TCP))
		return 0;
	f->waiting += size;
	return 1;
}

static void too_much(struct shard *s, struct flow *f, const adit_event *ev)
{
	adit_buf *b = ev->u.buf;

	bufpool_put(&b, 1);
	if (ev->type == ADIT_EV_DGRAM) {
		shard_count(s, COUNT_datagrams_dropped, 1);
		return;
	}
	shard_count(s, COUNT_misuse, 1);
	log_warn(flow_stack(s, f)->module, "module misuse: more than limits.flow_memory (%llu bytes) of one flow wait to be "
	                                   "consumed", (unsigned long long)s->flow_memory);
	flow_end(s, f, ADIT_ELIMIT);
}

static void to_handler(struct shard *s, struct flow *f, const adit_event *ev)
{
	adit_event copy = *ev;

	switch (ev->type) {
	case ADIT_EV_SOCKET: /* was not asked for */
		close((int)ev->u.num);
		shard_count(s, COUNT_misuse, 1);
		return;
	case ADIT_EV_DATA:
	case ADIT_EV_DGRAM:
		if (!(ev->flags & ADIT_EVF_BUF) || !ev->u.buf) {
			shard_count(s, COUNT_misuse, 1);
			return;
		}
		if (!may_wait(s, f, chain_size(ev->u.buf))) {
			too_much(s, f, ev);
			return;
		}
		f->bytes_up += chain_size(ev->u.buf);
		break;
	case ADIT_EV_CREDIT:
		if (f->info.proto == ADIT_PROTO_TCP && !(f->flags & FLOW_ESTABLISHED))
			flowtable_established(s->flows, f);
		break;
	case ADIT_EV_CLOSED:
		flow_close(s, f, ev->code);
		return;
	default:
		break;
	}
	f->last = (uint32_t)(loop_now(s->loop) / 1000000000u);
	copy.user = f->user;
	part_event(s->parts[PART_HANDLER][f->handler], &copy);
}

static void handler_let_go(struct shard *s, struct flow *f, adit_result code)
{
	adit_op op = {.type = ADIT_OP_ABORT, .code = code, .flow = flow_handle(f)};

	f->owner = NULL;
	if (f->flags & FLOW_ACCEPTED)
		part_op(flow_stack(s, f), &op);
}

static const struct flow_owner handled = {"handler", to_handler, NULL, handler_let_go};

/* ---- what handlers submit ---- */

static void op_discard(const adit_op *op)
{
	if (op->flags & ADIT_OPF_BUF)
		bufpool_put(&op->u.buf, 1);
}

static void misuse(struct part *h, const adit_op *op, const char *what)
{
	shard_count(h->shard, COUNT_misuse, 1);
	log_warn(h->module, "module misuse: %s (operation %u)", what, op->type);
	op_discard(op);
}

static void answer(struct part *h, struct flow *f, const adit_op *op)
{
	struct shard *s = h->shard;

	switch (op->type) {
	case ADIT_OP_ACCEPT:
		shard_count(s, COUNT_verdict_accept, 1);
		f->owner = &handled;
		f->user = op->u.num;
		f->flags |= FLOW_HANDLED;
		flow_admit(s, f, 0);
		break;
	case ADIT_OP_FORWARD:
		if (op->code < 0 || (uint32_t)op->code > s->part_count[PART_OUTBOUND] ||
		    (op->flags & ADIT_OPF_ADDR && !op->u.addr)) {
			misuse(h, op, "FORWARD to an outbound or an address that does not exist");
			flow_refuse(s, f, ADIT_EADMIN);
			break;
		}
		shard_count(s, COUNT_verdict_forward, 1);
		f->flags |= FLOW_TOLD;
		s->exits->forward(s, f, (uint8_t)op->code, (uint8_t)op->flags,
		                  op->flags & ADIT_OPF_ADDR ? op->u.addr : &f->info.dst);
		break;
	case ADIT_OP_PASS:
		verdict_ask(s, f, f->handler + 1u);
		break;
	case ADIT_OP_REJECT:
		shard_count(s, COUNT_verdict_reject, 1);
		flow_refuse(s, f, op->code < 0 ? op->code : ADIT_EADMIN);
		break;
	default:
		shard_count(s, COUNT_verdict_drop, 1);
		flow_refuse(s, f, ADIT_OK);
		break;
	}
}

static void owned_op(struct part *h, struct flow *f, const adit_op *op)
{
	struct shard *s = h->shard;

	switch (op->type) {
	case ADIT_OP_IDLE:
		f->idle = (uint32_t)(op->u.num / 1000000000u);
		return;
	case ADIT_OP_SEND:
		if (!(op->flags & ADIT_OPF_BUF) || !op->u.buf) {
			misuse(h, op, "SEND without a buffer");
			return;
		}
		f->bytes_down += chain_size(op->u.buf);
		f->last = (uint32_t)(loop_now(s->loop) / 1000000000u);
		break;
	case ADIT_OP_CONSUME:
		f->waiting -= op->u.num < f->waiting ? op->u.num : f->waiting;
		break;
	case ADIT_OP_FIN:
		break;
	case ADIT_OP_CLOSE:
	case ADIT_OP_ABORT:
		if (f->info.proto != ADIT_PROTO_TCP) {
			/* Nothing has to be brought to an end on the wire. */
			flow_close(s, f, op->type == ADIT_OP_ABORT ? ADIT_ECANCEL : ADIT_OK);
			return;
		}
		break;
	default:
		misuse(h, op, "not an operation on a flow it owns");
		return;
	}
	part_op(flow_stack(s, f), op);
}

void verdict_ops(struct part *h, const adit_op *op, uint32_t n)
{
	struct shard *s = h->shard;
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct flow *f = flowtable_get(s->flows, op[i].flow);
		int is_verdict = op[i].type == ADIT_OP_ACCEPT || op[i].type == ADIT_OP_FORWARD || op[i].type == ADIT_OP_PASS ||
		                 op[i].type == ADIT_OP_REJECT || op[i].type == ADIT_OP_DROP;

		if (!f) {
			shard_count(s, COUNT_stale_ops, 1);
			op_discard(&op[i]);
		} else if (f->handler != h->index) {
			misuse(h, &op[i], "an operation on somebody else's flow");
		} else if (is_verdict && f->state == FLOW_ASKED && !f->owner) {
			answer(h, f, &op[i]);
		} else if (is_verdict) {
			misuse(h, &op[i], "a second verdict");
		} else if (f->owner == &handled && f->state == FLOW_OPEN) {
			owned_op(h, f, &op[i]);
		} else {
			misuse(h, &op[i], "an operation on a flow it does not own");
		}
	}
}
