/* SPDX-License-Identifier: MIT
 * flow/verdict.c - asks the handlers in order, and carries out what they answer
 *
 * A flow that is being asked about is ASKED and its first packet is parked. The answer is an operation that may
 * come at any later time; until then a sweep bounds the wait (timeouts.asked). A handler that ACCEPTs a flow
 * becomes its owner (flow/handled.c).
 */
#include "flow/shard.h"

#include <string.h>

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
	struct part *h;
	uint32_t i;

	for (i = from; (h = shard_handler(s, i)) != NULL; i++) {
		adit_event ev = {.type = ADIT_EV_OPEN, .flow = flow_handle(f)};

		if (!h->started || h->draining || !matches(&h->match, &f->info))
			continue;
		f->handler = h->index;
		h->flows++;
		ev.u.info = &f->info;
		part_event(h, &ev);
		return;
	}
	shard_count(s, COUNT_verdict_none, 1);
	flow_refuse(s, f, ADIT_EADMIN);
}

/* ---- what handlers submit ---- */

static void op_discard(const adit_op *op)
{
	if (op->flags & ADIT_OPF_BUF)
		bufpool_put(&op->u.buf, 1);
}

void shard_misuse(struct part *p, const adit_op *op, const char *what)
{
	shard_count(p->shard, COUNT_misuse, 1);
	log_warn(p->module, "module misuse: %s (operation %u)", what, op->type);
	op_discard(op);
}

static void set_name(struct part *h, struct flow *f, const adit_op *op)
{
	adit_result r = op->u.name ? flow_set_name(f, op->u.name) : ADIT_EINVAL;

	if (r == ADIT_EINVAL)
		shard_misuse(h, op, "NAME without a name of 1 to 253 bytes");
}

/* What is wrong with it shows when the verdict needs a stack: until then the flow has the one it would have had. */
static void set_stack(struct part *h, struct flow *f, const adit_op *op)
{
	struct part *stack;

	if (!op->u.name || !*op->u.name) {
		shard_misuse(h, op, "STACK without a name");
		return;
	}
	stack = shard_stack(h->shard, op->u.name, f->info.proto);
	if (stack) {
		f->stack = stack->index;
		f->flags &= (uint16_t)~FLOW_NO_STACK;
		return;
	}
	f->flags |= FLOW_NO_STACK;
	log_warn("flow", "handler %s wants stack \"%.64s\" for a flow of protocol %u, and no stack of that name is in service "
	                 "that ends it: the flow is refused; give the stack's entry \"standby\": true", h->name, op->u.name,
	         f->info.proto);
}

static void forget_stack(struct shard *s, struct flow *f)
{
	uint8_t stack = s->stack_of[flow_protocol(f->info.proto)];

	f->flags &= (uint16_t)~FLOW_NO_STACK;
	if (stack != NO_STACK)
		f->stack = stack;
}

static void answer(struct part *h, struct flow *f, const adit_op *op)
{
	struct shard *s = h->shard;

	if (f->flags & FLOW_NO_STACK && (op->type == ADIT_OP_ACCEPT || op->type == ADIT_OP_FORWARD)) {
		flow_refuse(s, f, ADIT_EADMIN);
		return;
	}

	switch (op->type) {
	case ADIT_OP_ACCEPT:
		shard_count(s, COUNT_verdict_accept, 1);
		handled_begin(s, f, op->u.num);
		break;
	case ADIT_OP_FORWARD:
		if (!handled_may_forward(h, op)) {
			flow_refuse(s, f, ADIT_EADMIN);
			break;
		}
		shard_count(s, COUNT_verdict_forward, 1);
		f->flags |= FLOW_TOLD;
		s->exits->forward(s, f, (uint8_t)op->code, (uint8_t)op->flags,
		                  op->flags & ADIT_OPF_ADDR ? op->u.addr : &f->info.dst);
		break;
	case ADIT_OP_PASS:
		forget_stack(s, f);
		verdict_ask(s, f, shard_after(h));
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
			shard_misuse(h, &op[i], "an operation on somebody else's flow");
		} else if (is_verdict && f->state == FLOW_ASKED && !f->owner) {
			answer(h, f, &op[i]);
		} else if (op[i].type == ADIT_OP_NAME && (handled_is(f) || (f->state == FLOW_ASKED && !f->owner))) {
			set_name(h, f, &op[i]);
		} else if (op[i].type == ADIT_OP_STACK && f->state == FLOW_ASKED && !f->owner) {
			set_stack(h, f, &op[i]);
		} else if (handled_is(f) && f->state == FLOW_OPEN && (op[i].type == ADIT_OP_FORWARD || !is_verdict)) {
			handled_op(h, f, &op[i]);
		} else if (is_verdict) {
			shard_misuse(h, &op[i], "a second verdict");
		} else {
			shard_misuse(h, &op[i], "an operation on a flow it does not own");
		}
	}
}
