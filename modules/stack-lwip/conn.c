/* SPDX-License-Identifier: MIT
 * stack-lwip/conn.c - one TCP flow: what lwIP says becomes events, operations become calls of lwIP
 *
 * Every call of lwIP stands between conn_enter and conn_settle. lwIP's callbacks only note what they hear; conn_settle
 * then says it, in order, lets go what may go, and looks whether the flow is over. The handshake is lwIP's from the
 * SYN on: the host held that back until the verdict.
 */
#include <string.h>

#include "lwip/priv/tcp_priv.h"

#include "stack.h"

enum {
	MSS_LEAST = 64,         /* an application that says less is not believed */
	WINDOW_SEGMENTS = 10,   /* RFC 6928 */
	RECVED_MOST = 0xffff,   /* per call of lwIP */
	KEEP_PROBES = 5,        /* unanswered ones before the connection is given up */
	KEEP_INTERVAL_MS = 15000
};

/* ---- what lwIP says ---- */

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct conn *c = arg;

	if (c && pcb)
		c->heard |= HEARD_OPEN;
	return ERR_OK;
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct conn *c = arg;

	if (p)
		up_take(c, p);
	else
		c->heard |= HEARD_FIN;
	return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t size)
{
	struct conn *c = arg;

	c->stack->heard.acked += size;
	return ERR_OK;
}

static void on_error(void *arg, err_t err)
{
	struct conn *c = arg;

	c->heard |= HEARD_ERROR;
	if (!c->error)
		c->error = err == ERR_CLSD ? 0 : err == ERR_ABRT ? ADIT_ETIME : ADIT_ERESET;
}

/* ---- what is said of it ---- */

static void emit(struct conn *c, uint16_t type, int32_t code, uint64_t num)
{
	adit_event ev = {.type = type, .code = code, .flow = c->flow};

	ev.u.num = num;
	stack_emit(c->stack, &ev);
}

static void say_open(struct conn *c)
{
	struct tcp_pcb *pcb = c->pcb;

	c->heard &= (uint8_t)~HEARD_OPEN;
	if (c->open)
		return;
	c->open = 1;
	c->stack->counts.opened++;
	pcb->cwnd = LWIP_MAX(pcb->cwnd, (tcpwnd_size_t)pcb->mss * WINDOW_SEGMENTS);
	c->seq_acked = c->seq_end = pcb->snd_lbb;
	c->credit = c->stack->window;
	emit(c, ADIT_EV_CREDIT, 0, c->credit);
}

static void tell_consumed(struct conn *c)
{
	while (c->consumed) {
		uint32_t n = LWIP_MIN(c->consumed, RECVED_MOST);

		tcp_recved(c->pcb, (u16_t)n);
		c->consumed -= n;
	}
}

static void say_data(struct conn *c)
{
	adit_event ev = {.type = ADIT_EV_DATA, .flags = ADIT_EVF_BUF, .flow = c->flow};
	struct stack *st = c->stack;

	if (!st->heard.head)
		return;
	ev.u.buf = st->heard.head;
	st->heard.head = st->heard.tail = NULL;
	if (c->deaf || c->closed) {
		put_buf(st, ev.u.buf);
		c->consumed += st->heard.size;
	} else {
		c->unread += st->heard.size;
		stack_emit(st, &ev);
	}
	st->heard.size = 0;
}

static void say_acked(struct conn *c)
{
	uint32_t size = c->stack->heard.acked;

	c->stack->heard.acked = 0;
	down_acked(c, size);
	c->owed += size;
}

static void say_credit(struct conn *c)
{
	uint32_t size = c->owed;

	if (!size || c->fin_wanted || (c->head && size < CREDIT_STEP))
		return;
	c->owed = 0;
	c->credit += size;
	emit(c, ADIT_EV_CREDIT, 0, size);
}

static void say_closed(struct conn *c, int32_t code)
{
	if (c->closed)
		return;
	c->closed = 1;
	down_drop(c);
	emit(c, ADIT_EV_CLOSED, code, 0);
}

void conn_settle(struct conn *c)
{
	struct tcp_pcb *pcb = tcp_active_pcbs;

	c->pcb = pcb ? pcb : tcp_tw_pcbs;
	if (c->pcb && c->heard & HEARD_OPEN)
		say_open(c);
	if (c->stack->heard.acked)
		say_acked(c);
	say_data(c);
	if (pcb && c->error && !c->closed)
		tcp_abort(pcb);
	pcb = tcp_active_pcbs;
	if (pcb && c->open && !c->closed) {
		tell_consumed(c);
		down_pump(c);
	}
	if (c->heard & HEARD_FIN && !c->deaf && !c->closed)
		emit(c, ADIT_EV_FIN, 0, 0);
	c->heard &= (uint8_t)~HEARD_FIN;
	conn_leave(c);
	if (!c->pcb || c->pcb->state == TIME_WAIT)
		say_closed(c, c->error);
	else
		say_credit(c);
	timer_update(c);
}

/* ---- packets ---- */

/* lwIP has made a control block of the SYN. */
static void begin(struct conn *c, struct tcp_pcb *pcb)
{
	struct stack *st = c->stack;

	tcp_arg(pcb, c);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_error);
	tcp_nagle_disable(pcb); /* what is sent in one turn of the loop goes as one stretch */
	if (pcb->mss < MSS_LEAST)
		pcb->mss = MSS_LEAST;
	if (st->keepalive) {
		ip_set_option(pcb, SOF_KEEPALIVE);
		pcb->keep_idle = (u32_t)(st->keepalive / 1000000);
		pcb->keep_intvl = KEEP_INTERVAL_MS;
		pcb->keep_cnt = KEEP_PROBES;
	}
}

static void first_packet(struct conn *c, const struct slot *s, struct pbuf *p)
{
	conn_enter_syn(c, s->info->dst.port);
	tcp_input(p, ip_device());
	c->begun = 1;
	if (tcp_active_pcbs) {
		begin(c, tcp_active_pcbs);
	} else {
		c->error = ADIT_ENOMEM;
		c->stack->counts.refused++;
	}
}

/* lwIP does not believe a window that becomes smaller while nothing new is acknowledged. RFC 9293 section 3.10.7.4
 * does, of the newest segment. */
static void take_window(struct tcp_pcb *pcb, const struct tcp_hdr *tcp)
{
	if ((TCPH_FLAGS(tcp) & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK && pcb->state >= ESTABLISHED &&
	    pcb->snd_wl1 == lwip_ntohl(tcp->seqno) && pcb->snd_wl2 == lwip_ntohl(tcp->ackno))
		pcb->snd_wnd = SND_WND_SCALE(pcb, lwip_ntohs(tcp->wnd));
}

/* What reaches beyond the window is cut off here: lwIP keeps a segment that comes out of order as it is, and subtracts
 * it from a window that is smaller. */
static void trim_to_window(struct tcp_pcb *pcb, struct pbuf *p, uint32_t header)
{
	struct tcp_hdr *tcp = p->payload;
	uint32_t size = p->tot_len - header, fin = (TCPH_FLAGS(tcp) & TCP_FIN) != 0;
	uint32_t end = lwip_ntohl(tcp->seqno) + size + fin, over = end - (pcb->rcv_nxt + pcb->rcv_wnd);

	if (!TCP_SEQ_GT(end, pcb->rcv_nxt + pcb->rcv_wnd) || !(size + fin))
		return;
	TCPH_UNSET_FLAG(tcp, TCP_FIN);
	over = LWIP_MIN(over - fin, size);
	if (over)
		pbuf_realloc(p, (u16_t)(header + size - over));
	tcp_ack_now(pcb); /* it may be a probe of a closed window */
}

/* In slow start lwIP's window grows by two segments per acknowledgement at most (RFC 3465 section 2.2). One for a
 * super-packet stands for dozens, so all bytes count, as on Linux; not after a timeout. */
static void grow_window(struct tcp_pcb *pcb, uint32_t acked, uint32_t before)
{
	uint32_t grown = pcb->cwnd - before;

	if (before >= pcb->ssthresh || pcb->cwnd < before || pcb->flags & (TF_RTO | TF_INFR) || acked <= grown)
		return;
	pcb->cwnd = LWIP_MIN(before + acked, LWIP_MAX(pcb->ssthresh, pcb->cwnd));
}

void conn_packet(struct conn *c, const struct slot *s, adit_buf *b)
{
	int scarce = (b->flags & ADIT_BUF_SCARCE) && b->hdr_len < b->len;
	uint32_t headers = b->hdr_len, skip = b->csum_start, size = 0, cwnd;
	struct tcp_hdr tcp;
	const adit_buf *q;
	struct pbuf *p;

	for (q = b; q; q = q->next)
		size += q->len;
	p = up_wrap(c->stack, b);
	if (!p) {
		c->stack->counts.lost++;
		return;
	}
	memcpy(&tcp, p->payload, sizeof(tcp)); /* lwIP changes the packet's own */
	ip_current(s->info);
	if (!c->begun) {
		first_packet(c, s, p);
	} else if (conn_enter(c), !challenge_believes(c, &tcp) || (scarce && challenge_early(c, &tcp))) {
		pbuf_free(p);
	} else {
		/* What is more than one segment's worth, or fills a gap, is acknowledged at once (RFC 5681 section 4.2). */
		if (tcp_active_pcbs && (size - headers > c->pcb->mss || (c->pcb->ooseq && size > headers)))
			tcp_set_flags(c->pcb, TF_ACK_DELAY);
		if (tcp_active_pcbs)
			trim_to_window(c->pcb, p, headers - skip);
		cwnd = c->pcb ? c->pcb->cwnd : 0;
		tcp_input(p, ip_device());
		if (tcp_active_pcbs) {
			take_window(tcp_active_pcbs, &tcp);
			grow_window(tcp_active_pcbs, c->stack->heard.acked, cwnd);
		}
	}
	conn_settle(c);
}

/* ---- operations ---- */

static void later(struct conn *c)
{
	struct stack *st = c->stack;

	if (c->next_dirty)
		return;
	c->next_dirty = st->dirty ? st->dirty : c;
	st->dirty = c;
}

static void not_later(struct conn *c)
{
	struct conn *d = c->stack->dirty;

	if (!c->next_dirty)
		return;
	if (d == c) {
		c->stack->dirty = c->next_dirty == c ? NULL : c->next_dirty;
	} else {
		while (d->next_dirty != c)
			d = d->next_dirty;
		d->next_dirty = c->next_dirty == c ? d : c->next_dirty;
	}
	c->next_dirty = NULL;
}

void conn_abort(struct conn *c, int32_t code)
{
	if (c->closed)
		return;
	conn_enter(c);
	if (c->pcb)
		tcp_abandon(c->pcb, 1);
	c->error = code;
	conn_settle(c);
}

static void send_op(struct conn *c, adit_buf *b)
{
	const adit_buf *q;
	uint64_t size = 0;

	for (q = b; q; q = q->next)
		size += q->len;
	if (!c->open || c->fin_wanted || size > c->credit) {
		c->stack->counts.credit++;
		put_buf(c->stack, b);
		conn_abort(c, ADIT_EINVAL);
		return;
	}
	c->credit -= (uint32_t)size;
	if (down_queue(c, b) != ADIT_OK)
		conn_abort(c, ADIT_ENOMEM);
	else
		later(c);
}

static void consume_op(struct conn *c, uint64_t size)
{
	uint32_t n = (uint32_t)LWIP_MIN(size, c->unread);

	c->unread -= n;
	c->consumed += n;
	later(c);
}

static void close_op(struct conn *c)
{
	if (!c->open) {
		conn_abort(c, 0);
		return;
	}
	c->deaf = 1;
	c->fin_wanted = 1;
	consume_op(c, c->unread);
	timer_closing(c);
}

void conn_op(struct conn *c, const adit_op *op)
{
	if (c->closed) {
		if (op->type == ADIT_OP_SEND || op->flags & ADIT_OPF_BUF)
			put_buf(c->stack, op->u.buf);
		return;
	}
	switch (op->type) {
	case ADIT_OP_SEND:
		send_op(c, op->u.buf);
		break;
	case ADIT_OP_CONSUME:
		consume_op(c, op->u.num);
		break;
	case ADIT_OP_FIN:
		c->fin_wanted = 1;
		later(c);
		break;
	case ADIT_OP_CLOSE:
		close_op(c);
		break;
	case ADIT_OP_ABORT:
		conn_abort(c, ADIT_ECANCEL);
		break;
	default:
		if (op->flags & ADIT_OPF_BUF)
			put_buf(c->stack, op->u.buf);
		break;
	}
}

void conns_flush(struct stack *st)
{
	struct conn *c;

	while ((c = st->dirty) != NULL) {
		st->dirty = c->next_dirty == c ? NULL : c->next_dirty;
		c->next_dirty = NULL;
		if (c->closed || !c->pcb)
			continue;
		conn_enter(c);
		conn_settle(c);
	}
}

/* ---- life ---- */

struct conn *conn_new(struct stack *st, adit_flow flow)
{
	struct conn *c = port_has_room(st) ? port_alloc_array(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	c->stack = st;
	c->flow = flow;
	return c;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	conn_enter(c);
	if (c->pcb)
		tcp_abandon(c->pcb, !c->closed);
	conn_leave(c);
	timer_forget(c);
	not_later(c);
	down_drop(c);
	port_free(c);
}

adit_result conn_listen(struct stack *st)
{
	struct tcp_pcb *pcb, *listener = NULL;

	tcp_active_pcbs = tcp_tw_pcbs = tcp_bound_pcbs = NULL;
	tcp_listen_pcbs.listen_pcbs = NULL;
	pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);
	/* Any port: the one of a SYN is written in when there is one. */
	if (pcb && tcp_bind(pcb, IP_ANY_TYPE, 1) == ERR_OK)
		listener = tcp_listen(pcb);
	if (!listener) {
		if (pcb)
			tcp_abort(pcb);
		return ADIT_ENOMEM;
	}
	tcp_accept(listener, on_accept);
	st->listener = (struct tcp_pcb_listen *)listener;
	tcp_listen_pcbs.listen_pcbs = NULL;
	return ADIT_OK;
}

void conn_unlisten(struct stack *st)
{
	if (!st->listener)
		return;
	port_stack = st;
	tcp_listen_pcbs.listen_pcbs = st->listener;
	st->listener->next = NULL;
	tcp_close((struct tcp_pcb *)st->listener);
	st->listener = NULL;
}
