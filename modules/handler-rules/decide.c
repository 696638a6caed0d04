/* SPDX-License-Identifier: MIT
 * handler-rules/decide.c - a flow and the rules: the verdict, or what has to be found out first
 *
 * The first rule that holds decides. Where a rule may hold, depending on what is not known, that is found out and the
 * walk goes on from there; a flow of which nothing has to be found out is decided at once.
 */
#include "own.h"

/* How long a flow of datagrams that was refused after a look is kept, since the last of them. */
#define REFUSED_NS 30000000000u

static uint64_t now(const struct own *o)
{
	return o->loop->now(o->h->env->loop);
}

/* Goes on from *at. YES: rule *at decides, or, past the last one, the default. */
static enum rule_answer walk(struct own *o, const struct subject *s, uint32_t *at)
{
	uint32_t count = table_count(o->table);

	for (; *at < count; ++*at) {
		const struct rule *r = table_rule(o->table, *at);
		enum rule_answer answer = rule_holds(r, s);
		const struct term *over = answer == RULE_YES ? rule_over(r) : NULL;

		if (over && !limit_over(o->limit, *at, &s->info->src, over->u.rate, now(o)))
			continue;
		if (answer != RULE_NO)
			return answer;
	}
	return RULE_YES;
}

/* ---- the verdict ---- */

static uint32_t forward_flags(const struct own *o, const struct rule *r)
{
	int first = r->connect_first == 2 ? o->connect_first : r->connect_first;

	return first ? ADIT_OPF_CONNECT_FIRST : 0;
}

static void tell_name(struct own *o, struct waiting *w)
{
	adit_op *op = adit_op_next(o->h, ADIT_OP_NAME, w->flow);

	op->u.name = w->name.text;
	adit_flush(o->h); /* the name is lent until here */
}

/* The application has been connected to us already. */
static void apply_accepted(struct own *o, struct waiting *w, const struct rule *r, int datagrams)
{
	adit_handler *h = o->h;

	if ((r->action == RULE_REJECT || r->action == RULE_DROP) && datagrams) {
		/* Ended here it would be asked about again with its next datagram, which may have no name in it: it
		 * stays ours, and what comes is put back. */
		adit_idle(h, w->flow, REFUSED_NS);
		return;
	}
	if (r->action == RULE_REJECT || r->action == RULE_DROP) {
		adit_abort(h, w->flow);
		return;
	}
	if (r->stack[0])
		adit_count(o->stack_late, 1);
	if (w->name.size)
		tell_name(o, w);
	wait_unread(o, w);
	/* There is no way back to the next handler: what passes goes to the default outbound. */
	adit_forward(h, w->flow, r->action == RULE_VIA ? r->outbound : 0, 0, 0);
}

static void apply(struct own *o, adit_flow flow, struct waiting *w, const struct rule *r)
{
	adit_handler *h = o->h;

	switch (r->action) {
	case RULE_REJECT:
		adit_reject(h, flow, r->code);
		break;
	case RULE_DROP:
		adit_drop(h, flow);
		break;
	case RULE_PASS:
		adit_pass(h, flow);
		break;
	default:
		if (w && w->name.size)
			tell_name(o, w);
		if (r->stack[0])
			adit_stack(h, flow, r->stack);
		adit_forward(h, flow, r->outbound, forward_flags(o, r), 0);
	}
}

static const struct rule *hit(struct own *o, uint32_t at)
{
	if (at < o->counts.n)
		adit_count(o->counts.hits[at], 1);
	return table_rule(o->table, at);
}

/* ---- finding out ---- */

/* 1: it is on its way, and decide_on() follows. 0: it cannot be found out, which is now known. */
static int find_out(struct own *o, struct waiting *w, enum rule_answer what, const adit_flow_info *info)
{
	if (what == RULE_ASK_OWNER) {
		if (info->proto != ADIT_PROTO_ICMP && info->proto != ADIT_PROTO_ICMPV6 && wait_ask(o, w))
			return 1;
		w->known |= KNOWN_OWNER;
		return 0;
	}
	if (o->look && (info->proto == ADIT_PROTO_TCP || info->proto == ADIT_PROTO_UDP)) {
		wait_look(o, w);
		return 1;
	}
	w->known |= KNOWN_NAME;
	return 0;
}

void decide_on(struct own *o, struct waiting *w)
{
	struct subject s = {.info = o->h->env->path->info(o->h->env->path->end, w->flow)};
	enum rule_answer answer;

	if (!s.info) { /* it has ended meanwhile */
		wait_free(o, w);
		return;
	}
	if (w->table != o->table) { /* the rules are others now */
		table_unref(w->table);
		w->table = table_ref(o->table);
		w->at = 0;
	}
	for (;;) {
		s.known = w->known;
		s.owner = w->owner;
		s.name = w->name.size ? w->name.text : NULL;
		s.name_size = w->name.size;
		answer = walk(o, &s, &w->at);
		if (answer == RULE_YES)
			break;
		if (find_out(o, w, answer, s.info))
			return;
	}
	if (w->accepted)
		apply_accepted(o, w, hit(o, w->at), s.info->proto != ADIT_PROTO_TCP);
	else
		apply(o, w->flow, w, hit(o, w->at));
	wait_free(o, w);
}

void decide_open(adit_handler *h, adit_flow flow, const adit_flow_info *info)
{
	struct own *o = h->own;
	struct subject s = {.info = info};
	struct waiting *w;
	uint32_t at = 0;

	if (walk(o, &s, &at) == RULE_YES) {
		apply(o, flow, NULL, hit(o, at));
		return;
	}
	w = wait_new(o, flow);
	if (w) {
		w->at = at;
		decide_on(o, w);
		return;
	}
	adit_count(o->crowded, 1);
	s.known = KNOWN_NAME | KNOWN_OWNER; /* too many wait: with what is known */
	walk(o, &s, &at);
	apply(o, flow, NULL, hit(o, at));
}
