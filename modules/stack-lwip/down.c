/* SPDX-License-Identifier: MIT
 * stack-lwip/down.c - what waits to be sent and to be acknowledged, and how much of it lwIP gets
 *
 * The bytes of a SEND stay in its buffers, in a queue of the flow, until they have been acknowledged; lwIP refers to
 * them. lwIP gets bytes only when its windows let them go at once, and then in segments of up to 64 kB that leave as
 * super-packets: the control block says a larger MSS than it has, but only while tcp_write cuts segments, so that its
 * congestion control counts in real ones. lwIP sends a segment whole or not at all; one that has grown too large for
 * the window, on a retransmission, is split here, since lwIP would wait for the window to open.
 */
#include "lwip/priv/tcp_priv.h"

#include "stack.h"

enum {
	MSS_ANY = 0xffff,   /* while lwIP cuts segments */
	WORTHWHILE_PART = 4 /* of the window: less is left for the next acknowledgement, if one is to come */
};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void held_release(struct held *h)
{
	if (--h->refs)
		return;
	put_buf(h->stack, h->buf);
	port_free(h);
}

static void ADIT_CALL lent_back(void *arg)
{
	held_release(arg);
}

static adit_result hold(struct conn *c, adit_buf *b)
{
	struct held *h = port_alloc(sizeof(*h));

	if (!h) {
		put_buf(c->stack, b);
		return ADIT_ENOMEM;
	}
	*h = (struct held){.stack = c->stack, .buf = b, .seq = c->seq_end, .refs = 1};
	c->seq_end += b->len;
	if (c->tail)
		c->tail->next = h;
	else
		c->head = h;
	c->tail = h;
	if (!c->next_held)
		c->next_held = h;
	return ADIT_OK;
}

adit_result down_queue(struct conn *c, adit_buf *b)
{
	adit_result result = ADIT_OK;
	adit_buf *next;

	for (; b; b = next) {
		next = b->next;
		b->next = NULL;
		if (b->len == 0 || result != ADIT_OK)
			put_buf(c->stack, b);
		else
			result = hold(c, b);
	}
	return result;
}

static void unqueue(struct conn *c)
{
	struct held *h = c->head;

	c->head = h->next;
	if (!c->head)
		c->tail = NULL;
	if (c->stack->lent == h)
		c->stack->lent = NULL;
	if (c->next_held == h)
		c->next_held = h->next;
	held_release(h);
}

void down_acked(struct conn *c, uint64_t size)
{
	c->seq_acked += (uint32_t)size;
	while (c->head && TCP_SEQ_LEQ(c->head->seq + c->head->buf->len, c->seq_acked))
		unqueue(c);
}

void down_drop(struct conn *c)
{
	while (c->head)
		unqueue(c);
}

/* ---- how much lwIP gets ---- */

/* The real MSS, or half the largest window that the other side has ever offered, as lwIP sees it too. */
static uint32_t segment_least(const struct tcp_pcb *pcb)
{
	uint32_t half = pcb->snd_wnd_max / 2;

	return half ? least(pcb->mss, half) : pcb->mss;
}

/* The size of the next segment, of `waiting` bytes; 0: none now. */
static uint32_t segment_size(const struct tcp_pcb *pcb, uint32_t waiting)
{
	uint32_t window = least(pcb->snd_wnd, pcb->cwnd), flight = pcb->snd_lbb - pcb->lastack, mss = segment_least(pcb);
	uint32_t room = window > flight ? window - flight : 0, most = least(SEGMENT_MOST, pcb->snd_wnd_max / 2), size;

	if (most < mss)
		most = mss;
	size = least(waiting, least(room, most));
	if (size == waiting)
		return size;
	size -= size % mss;
	if (flight)
		return size < most - most % mss && size < window / WORTHWHILE_PART ? 0 : size;
	/* Nothing is under way, so no acknowledgement will open the window: lwIP asks for it (persist timer). */
	return size ? size : least(waiting, mss);
}

/* Refers lwIP to size bytes that wait, in one segment. Nonzero: memory is short, and not all are its. */
static int write_segment(struct conn *c, uint32_t size)
{
	struct tcp_pcb *pcb = c->pcb;
	uint16_t mss = pcb->mss;
	uint32_t pieces = 0;
	err_t err = ERR_OK;

	c->stack->lent = c->next_held; /* lwIP sends it in this call: down_lend need not look for it */
	pcb->mss = MSS_ANY;
	while (size && pieces++ < PIECES_MOST) {
		struct held *h = c->next_held;
		uint32_t at = pcb->snd_lbb - h->seq, n = least(h->buf->len - at, size);
		int last = !h->next && at + n == h->buf->len;

		err = tcp_write(pcb, h->buf->data + at, (uint16_t)n, last ? 0 : TCP_WRITE_FLAG_MORE);
		if (err != ERR_OK)
			break;
		size -= n;
		if (at + n == h->buf->len)
			c->next_held = h->next;
	}
	pcb->mss = mss;
	return err != ERR_OK;
}

/* The first segment of lwIP's queue is larger than the window: what fits goes. */
static void split_segment(struct tcp_pcb *pcb)
{
	struct tcp_seg *seg = pcb->unsent;
	uint32_t window = least(pcb->snd_wnd, pcb->cwnd), mss = segment_least(pcb), sent, fits;
	uint16_t real = pcb->mss;

	if (!seg || seg->len == 0 || (pcb->unacked && TCP_SEQ_GT(lwip_ntohl(seg->tcphdr->seqno), pcb->lastack)))
		return;
	/* What has been acknowledged of it already. */
	sent = pcb->lastack - lwip_ntohl(seg->tcphdr->seqno);
	if (TCP_SEQ_GT(lwip_ntohl(seg->tcphdr->seqno), pcb->lastack) || sent >= seg->len || seg->len - sent <= window)
		return;
	fits = sent + window - window % mss;
	if (window < mss || fits >= seg->len)
		return;
	pcb->mss = MSS_ANY;
	if (tcp_split_unsent_seg(pcb, (uint16_t)fits) == ERR_OK) {
		pcb->mss = real;
		tcp_output(pcb);
	}
	pcb->mss = real;
}

static int may_send(const struct tcp_pcb *pcb)
{
	return pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT;
}

void down_pump(struct conn *c)
{
	uint32_t size = 1;
	int stuck = 0;

	if (c->pcb->unsent)
		split_segment(c->pcb);
	while (size && !stuck && may_send(c->pcb) && c->next_held && !c->pcb->unsent) {
		size = segment_size(c->pcb, c->seq_end - c->pcb->snd_lbb);
		if (!size)
			break;
		stuck = write_segment(c, size);
		tcp_output(c->pcb);
	}
	if (c->fin_wanted && !c->fin_sent && !c->next_held && may_send(c->pcb)) {
		c->fin_sent = 1;
		tcp_shutdown(c->pcb, 0, 1);
	}
}

/* ---- segments on their way out ---- */

static struct held *held_at(struct conn *c, uint32_t seq)
{
	struct held *h = c->stack->lent;

	if (!h || TCP_SEQ_LT(seq, h->seq))
		h = c->head;
	while (h && TCP_SEQ_GEQ(seq, h->seq + h->buf->len))
		h = h->next;
	return h && TCP_SEQ_GEQ(seq, h->seq) ? h : NULL;
}

adit_buf *down_lend(struct conn *c, uint32_t seq, uint32_t size)
{
	struct stack *st = c->stack;
	struct held *h = held_at(c, seq);
	adit_buf *first = NULL, **link = &first;

	for (; size && h; h = h->next) {
		uint32_t at = seq - h->seq, n = least(h->buf->len - at, size);

		*link = st->path->wrap(st->path->end, h->buf->data + at, n, lent_back, h);
		if (!*link)
			break;
		h->refs++;
		st->lent = h;
		link = &(*link)->next;
		seq += n;
		size -= n;
	}
	if (size && first) {
		put_buf(st, first);
		first = NULL;
	}
	return first;
}
