/* SPDX-License-Identifier: MIT
 * siege-attacks.c - segments that are well-formed and forged: what somebody can send who knows a live flow's
 * endpoints, or guesses at its window, but has not got its exact numbers
 *
 * None of them may change anything: each is beyond what RFC 9293 and RFC 5961 have an end believe.
 */
#include "siege.h"

#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, FAR_OFF = 1 << 30 };

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* A segment of the flow with these numbers. */
static bool forge(struct packet *p, const struct live *f, uint8_t flags, uint32_t seq, uint32_t ack, unsigned payload)
{
	if (!f)
		return false;
	build_tcp(p, f->v6, flags, 0, payload);
	put16(p->data + p->l4, f->port);
	put32(p->data + p->l4 + 4, seq);
	put32(p->data + p->l4 + 8, ack);
	put16(p->data + p->l4 + 14, dice_below(2) ? 0 : dice());
	build_seal_l4(p);
	return true;
}

/* In the far end's window, and not its left edge; nor near enough to the right one that a moving window matters. */
static uint32_t inside(const struct live *f)
{
	uint32_t room = f->far_window > 4096 ? f->far_window / 2 : 64;

	return f->far_ack + 1 + dice_below(room - 1);
}

static uint32_t outside(const struct live *f)
{
	return f->far_ack + FAR_OFF + dice_below(FAR_OFF);
}

/* Beyond what the far end has sent, or older than any window. */
static uint32_t wrong_ack(const struct live *f)
{
	return f->far_next + FAR_OFF + dice_below(FAR_OFF);
}

#define FLOW(n) const struct live *f = live_at(n); if (!f) return false

static bool ack_outside(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, ACK, outside(f), n & 1 ? f->far_next : dice(), 0);
}

static bool ack_inside(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, ACK, inside(f), wrong_ack(f), 0);
}

static bool ack_unsent(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, ACK, f->far_ack, f->far_next + FAR_OFF / 2, 0);
}

static bool data_outside(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, ACK | PSH, outside(f), f->far_next, 1 + dice_below(600));
}

static bool data_inside(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, ACK | PSH, n % 3 ? inside(f) : f->far_ack, wrong_ack(f), 1 + dice_below(600));
}

static bool fin_outside(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, FIN | ACK, outside(f), f->far_next, 0);
}

static bool fin_inside(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, FIN | ACK, n & 1 ? inside(f) : f->far_ack, wrong_ack(f), 0);
}

static bool reset_outside(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, n & 1 ? RST : RST | ACK, outside(f), f->far_next, 0);
}

static bool reset_inside(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, n & 1 ? RST : RST | ACK, inside(f), f->far_next, 0);
}

static bool syn_of_live(struct packet *p, unsigned n)
{
	FLOW(n);
	return forge(p, f, n & 1 ? SYN : SYN | ACK, n & 2 ? inside(f) : outside(f), f->far_next, 0);
}

/* Segments of flows that never were. */
static bool stray(struct packet *p, unsigned n)
{
	static const uint8_t flags[] = {ACK, ACK | PSH, FIN | ACK, RST, RST | ACK, SYN | ACK, 0};

	build_tcp(p, n & 1, flags[n / 2 % sizeof(flags)], 0, n % 4 ? 0 : dice_below(500));
	put16(p->data + p->l4, 1024 + dice_below(31000)); /* below the ephemeral ones: no live flow is hit */
	if (n & 16)
		dice_fill(p->data + (p->v6 ? 40 - 8 : 20 - 2), p->v6 ? 8 : 2);
	build_seal(p);
	return true;
}

static bool syn_in_prefix(struct packet *p, unsigned n)
{
	build_tcp(p, n & 1, SYN, 0, 0);
	p->data[p->v6 ? 23 : 15] = (uint8_t)(3 + dice_below(250));
	build_seal(p);
	return true;
}

static bool syn_from_anywhere(struct packet *p, unsigned n)
{
	build_tcp(p, n & 1, SYN, 0, 0);
	dice_fill(p->data + (p->v6 ? 8 : 12), p->v6 ? 16 : 4);
	if (p->v6)
		p->data[8] = 0x20 | (p->data[8] & 15);
	else
		p->data[12] = (uint8_t)(11 + dice_below(90));
	build_seal(p);
	return true;
}

struct attack attacks[] = {
    {"acks", "ack-outside", ack_outside, 0, 0},	    {"acks", "ack-inside", ack_inside, 0, 0},
    {"acks", "ack-unsent", ack_unsent, 0, 0},	    {"data", "data-outside", data_outside, 0, 0},
    {"data", "data-inside", data_inside, 0, 0},	    {"data", "fin-outside", fin_outside, 0, 0},
    {"data", "fin-inside", fin_inside, 0, 0},	    {"resets", "reset-outside", reset_outside, 0, 0},
    {"resets", "reset-inside", reset_inside, 0, 0}, {"resets", "syn-of-live", syn_of_live, 0, 0},
    {"strays", "stray", stray, 0, 0},		    {"syns", "syn-in-prefix", syn_in_prefix, 0, 0},
    {"syns", "syn-from-anywhere", syn_from_anywhere, 0, 0},
};
const unsigned attack_count = sizeof(attacks) / sizeof(attacks[0]);
