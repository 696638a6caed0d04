/* SPDX-License-Identifier: MIT
 * stack-lwip/timer.c - who ticks, and the deadlines: one timer of the loop, armed only while somebody waits
 *
 * A connection ticks, every 100 ms, while something of it is under way that lwIP counts in ticks: a segment that has
 * not been acknowledged, a closed window, data out of order, a handshake or an end. One that is merely open does not:
 * ten thousand idle connections cost nothing. lwIP's count of ticks follows the loop's clock, whoever ticks. A delayed
 * acknowledgement, the keep-alive of an idle connection and the end of a close have deadlines of equal length each, so
 * their lists are in order by themselves.
 */
#include "lwip/priv/tcp_priv.h"

#include "stack.h"

enum { TICK_NS = TCP_SLOW_INTERVAL * 1000000 };

void timer_sync(struct stack *st)
{
	tcp_ticks = (uint32_t)(st->loops->now(st->loop) / TICK_NS);
	if (tcp_ticks == 0)
		tcp_ticks = 1; /* lwIP takes 0 for "no measurement" */
}

static void due_first(uint64_t *at, const struct list *l, size_t link_at, size_t due_at)
{
	const struct link *k = list_first(l);
	uint64_t due;

	if (!k)
		return;
	due = *(const uint64_t *)(const void *)((const char *)k - link_at + due_at);
	if (!*at || due < *at)
		*at = due;
}

/* The timer goes off when the next thing is due, if it does not before. */
static void arm(struct stack *st)
{
	uint64_t now = st->loops->now(st->loop), at = list_first(&st->ticking) ? st->tick_at : 0;

	due_first(&at, &st->acks, offsetof(struct conn, acks), offsetof(struct conn, ack_due));
	due_first(&at, &st->keeps, offsetof(struct conn, late), offsetof(struct conn, late_due));
	due_first(&at, &st->probes, offsetof(struct conn, late), offsetof(struct conn, late_due));
	due_first(&at, &st->closing, offsetof(struct conn, late), offsetof(struct conn, late_due));
	if (!at || (st->timer_at && st->timer_at <= at))
		return;
	st->timer_at = at;
	st->loops->timer_set(st->timer, at > now ? at - now : 1, 0);
}

static int is_waiting(const struct conn *c)
{
	const struct tcp_pcb *pcb = c->pcb;

	switch (pcb->state) {
	case TIME_WAIT: /* lasts as long as the host keeps the flow */
		return 0;
	case ESTABLISHED:
	case CLOSE_WAIT:
	case FIN_WAIT_2:
		break;
	default:
		return 1;
	}
	return pcb->unacked || pcb->unsent || pcb->persist_backoff || pcb->ooseq || c->next_held ||
	       (pcb->flags & TF_CLOSEPEND) || (c->fin_wanted && !c->fin_sent);
}

void timer_update(struct conn *c)
{
	struct stack *st = c->stack;
	const struct tcp_pcb *pcb = c->pcb;
	uint64_t now = st->loops->now(st->loop);

	if (!pcb) {
		timer_forget(c);
		return;
	}
	if (!is_waiting(c)) {
		link_remove(&c->ticking);
	} else if (!link_used(&c->ticking)) {
		if (!list_first(&st->ticking))
			st->tick_at = (now / TICK_NS + 1) * TICK_NS;
		list_add(&st->ticking, &c->ticking);
	}
	if (!(pcb->flags & TF_ACK_DELAY)) {
		link_remove(&c->acks);
	} else if (!link_used(&c->acks)) {
		c->ack_due = now + ACK_DELAY_NS;
		list_add(&st->acks, &c->acks);
	}
	if (!c->closing || c->closed) { /* closed: TIME-WAIT */
		link_remove(&c->late);
		c->closing = 0;
	}
	if (st->keepalive && !c->closed && !c->closing && (pcb->so_options & SOF_KEEPALIVE)) {
		c->late_due = now + (pcb->keep_cnt_sent ? pcb->keep_intvl * (uint64_t)1000000 : st->keepalive) + TICK_NS;
		list_add(pcb->keep_cnt_sent ? &st->probes : &st->keeps, &c->late);
	}
	arm(st);
}

void timer_closing(struct conn *c)
{
	struct stack *st = c->stack;

	if (c->closing)
		return;
	c->closing = 1;
	link_remove(&c->late);
	c->late_due = st->loops->now(st->loop) + CLOSE_S * 1000000000ull;
	list_add(&st->closing, &c->late);
	arm(st);
}

void timer_forget(struct conn *c)
{
	link_remove(&c->ticking);
	link_remove(&c->acks);
	link_remove(&c->late);
	c->closing = 0;
}

static void tick(struct stack *st, uint64_t now)
{
	struct list round;
	struct link *k;

	if (!list_first(&st->ticking) || now < st->tick_at)
		return;
	st->tick_at = (now / TICK_NS + 1) * TICK_NS;
	/* Those that tick on come back to the list; each has one turn. */
	list_init(&round);
	while ((k = list_first(&st->ticking)) != NULL) {
		link_remove(k);
		list_add(&round, k);
	}
	while ((k = list_first(&round)) != NULL) {
		struct conn *c = LINK_OF(k, struct conn, ticking);

		link_remove(k);
		st->counts.ticks++;
		conn_enter(c);
		lend_slow_tick(c);
		if (tcp_active_pcbs && (c->pcb->flags & TF_CLOSEPEND))
			lend_fast_tick(c);
		conn_settle(c);
	}
}

static void acknowledge(struct stack *st, uint64_t now)
{
	struct link *k;

	while ((k = list_first(&st->acks)) != NULL && LINK_OF(k, struct conn, acks)->ack_due <= now) {
		struct conn *c = LINK_OF(k, struct conn, acks);

		link_remove(k);
		conn_enter(c);
		if (c->pcb->flags & TF_ACK_DELAY) {
			tcp_ack_now(c->pcb);
			tcp_output(c->pcb);
		}
		conn_settle(c);
	}
}

/* lwIP sends the probe itself, and gives the connection up after some, on a slow tick. */
static void keep_alive(const struct list *l, uint64_t now)
{
	struct link *k;

	while ((k = list_first(l)) != NULL && LINK_OF(k, struct conn, late)->late_due <= now) {
		struct conn *c = LINK_OF(k, struct conn, late);

		link_remove(k);
		conn_enter(c);
		lend_slow_tick(c);
		conn_settle(c);
	}
}

static void ADIT_CALL on_timer(void *arg)
{
	struct stack *st = arg;
	uint64_t now = st->loops->now(st->loop);
	struct link *k;

	st->timer_at = 0;
	port_stack = st;
	timer_sync(st);
	tick(st, now);
	acknowledge(st, now);
	keep_alive(&st->keeps, now);
	keep_alive(&st->probes, now);
	while ((k = list_first(&st->closing)) != NULL && LINK_OF(k, struct conn, late)->late_due <= now)
		conn_abort(LINK_OF(k, struct conn, late), ADIT_ETIME);
	arm(st);
	stack_flush(st);
}

adit_result timer_open(struct stack *st)
{
	return st->loops->timer(st->loop, on_timer, st, &st->timer);
}

void timer_close(struct stack *st)
{
	if (st->timer)
		st->loops->timer_free(st->timer);
	st->timer = NULL;
}
