/* SPDX-License-Identifier: MIT
 * stack-lwip/lend.c - one control block at a time on lwIP's lists
 *
 * lwIP looks for the control block of a segment in a list of all, and its timers walk the same lists. The host has
 * found the flow already, so the lists stay empty, and hold the one control block that the call is about while the call
 * lasts: what a packet or a tick costs does not grow with the number of flows. A control block's state says which of
 * lwIP's lists it belongs to. What lwIP does to the list (a new control block for a SYN, one that moves to TIME-WAIT,
 * one that is freed) is read off it afterwards.
 */
#include "lwip/priv/tcp_priv.h"

#include "stack.h"

/* What lwIP's count of timer calls is: a control block whose mark is the same has been worked on already. */
static uint8_t calls;

void conn_enter(struct conn *c)
{
	struct tcp_pcb *pcb = c->pcb;

	port_stack = c->stack;
	port_window = c->stack->window;
	c->stack->current = c;
	c->stack->lent = NULL;
	tcp_listen_pcbs.listen_pcbs = NULL;
	tcp_active_pcbs = tcp_tw_pcbs = NULL;
	if (!pcb)
		return;
	pcb->next = NULL;
	if (pcb->state == TIME_WAIT)
		tcp_tw_pcbs = pcb;
	else
		tcp_active_pcbs = pcb;
}

void conn_enter_syn(struct conn *c, uint16_t port)
{
	conn_enter(c);
	c->stack->listener->next = NULL;
	c->stack->listener->local_port = port;
	tcp_listen_pcbs.listen_pcbs = c->stack->listener;
}

void conn_leave(struct conn *c)
{
	c->pcb = tcp_active_pcbs ? tcp_active_pcbs : tcp_tw_pcbs;
	tcp_listen_pcbs.listen_pcbs = NULL;
	tcp_active_pcbs = tcp_tw_pcbs = NULL;
	c->stack->current = NULL;
}

void lend_slow_tick(struct conn *c)
{
	uint32_t now = tcp_ticks;

	c->pcb->last_timer = calls++;
	tcp_ticks = now - 1; /* the call counts it up */
	tcp_slowtmr();
}

void lend_fast_tick(struct conn *c)
{
	c->pcb->last_timer = calls++;
	tcp_fasttmr();
}
