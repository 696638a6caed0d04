/* SPDX-License-Identifier: MIT
 * stack-lwip/challenge.c - segments that lwIP does not get to see, and the acknowledgement that some are answered with
 *
 * lwIP believes the data, the window and the FIN of any segment whose sequence number lies in the window, whatever it
 * acknowledges. RFC 5961 and RFC 9293 section 3.10.7.4 ask for more: an acknowledgement of what was sent, and not long
 * ago; a reset with exactly the next number; no SYN. What is not believed is answered with an acknowledgement that
 * tells the real numbers, at a limited rate per flow, so that forged segments are neither amplified nor a way to learn
 * of other flows. A segment that merely comes again, a probe of the window or of whether we live is lwIP's, and
 * answered always.
 */
#include "lwip/priv/tcp_priv.h"

#include "stack.h"

enum {
	CHALLENGES = 10, /* per flow and CHALLENGE_NS (RFC 5961 section 7) */
	WINDOW_LEAST = 65535
};

static const uint64_t CHALLENGE_NS = 5000000000;

enum belief { BELIEVED, CHALLENGED, IGNORED };

/* Nothing older than a window can be under way still, and nothing new is beyond its right edge. */
static int in_reach(const struct tcp_pcb *pcb, uint32_t seq)
{
	uint32_t window = LWIP_MAX(TCP_WND, WINDOW_LEAST), edge = pcb->rcv_nxt + pcb->rcv_wnd;

	if (TCP_SEQ_LT(edge, pcb->rcv_ann_right_edge))
		edge = pcb->rcv_ann_right_edge;
	return TCP_SEQ_BETWEEN(seq, pcb->rcv_nxt - window, edge);
}

static enum belief judge_reset(const struct tcp_pcb *pcb, uint32_t seq)
{
	if (seq == pcb->rcv_nxt)
		return BELIEVED;
	return TCP_SEQ_BETWEEN(seq, pcb->rcv_nxt, pcb->rcv_nxt + pcb->rcv_wnd) ? CHALLENGED : IGNORED;
}

static enum belief judge(const struct tcp_pcb *pcb, const struct tcp_hdr *tcp)
{
	uint32_t seq = lwip_ntohl(tcp->seqno), ack = lwip_ntohl(tcp->ackno);
	uint8_t flags = TCPH_FLAGS(tcp);

	if (flags & TCP_RST)
		return judge_reset(pcb, seq);
	if (pcb->state == SYN_RCVD) /* the SYN again, or what acknowledges a number that nobody can guess */
		return BELIEVED;
	if (flags & TCP_SYN)
		return CHALLENGED;
	if (!(flags & TCP_ACK))
		return IGNORED;
	if (!in_reach(pcb, seq) || !TCP_SEQ_BETWEEN(ack, pcb->lastack - pcb->snd_wnd_max, pcb->snd_nxt))
		return CHALLENGED;
	return BELIEVED;
}

static void answer(struct conn *c)
{
	uint8_t round = (uint8_t)(c->stack->loops->now(c->stack->loop) / CHALLENGE_NS);

	if (round != c->challenge_round) {
		c->challenge_round = round;
		c->challenges = 0;
	}
	if (c->challenges == CHALLENGES) {
		c->stack->counts.unanswered++;
		return;
	}
	c->challenges++;
	c->stack->counts.challenges++;
	tcp_ack_now(c->pcb);
	tcp_output(c->pcb);
}

int challenge_believes(struct conn *c, const struct tcp_hdr *tcp)
{
	enum belief belief = c->pcb && c->pcb->state != TIME_WAIT ? judge(c->pcb, tcp) : BELIEVED;

	if (belief == CHALLENGED)
		answer(c);
	if (belief != BELIEVED)
		c->stack->counts.unbelieved++;
	return belief == BELIEVED;
}

int challenge_early(struct conn *c, const struct tcp_hdr *tcp)
{
	if (!c->pcb || c->pcb->state < ESTABLISHED || c->pcb->state == TIME_WAIT ||
	    !TCP_SEQ_GT(lwip_ntohl(tcp->seqno), c->pcb->rcv_nxt))
		return 0;
	c->stack->counts.early++;
	tcp_ack_now(c->pcb);
	tcp_output(c->pcb);
	return 1;
}
