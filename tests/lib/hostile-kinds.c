/* SPDX-License-Identifier: MIT
 * hostile-kinds.c - the ways to be wrong, one function each
 *
 * Each kind counts its own packets, so that what has to be complete (every length, every
 * combination of flags, every urgent pointer) is walked through in order, and the dice decide the
 * rest.
 */
#include "hostile.h"

#include <string.h>

enum { SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void build_any(struct packet *p, bool v6, unsigned which, unsigned payload)
{
	if (which % 3 == 0)
		build_tcp(p, v6, (uint8_t)(which & 8 ? SYN : ACK | PSH), 12, payload);
	else if (which % 3 == 1)
		build_udp(p, v6, payload);
	else
		build_echo(p, v6, payload);
}

/* Every length from nothing to the end of the headers and 8 more; every other one with a length
 * that agrees. */
static void truncated(struct packet *p, unsigned n)
{
	unsigned size = (n / 12) % 82;
	bool lie = n % 12 < 6;

	build_any(p, n & 1, n / 2, 40);
	if (size < p->size)
		p->size = size;
	if (!lie && p->size >= (p->v6 ? 40u : 20u)) {
		if (p->size >= p->l4)
			build_seal(p);
	}
}

static void header_lengths(struct packet *p, unsigned n)
{
	bool v6 = n & 1;

	build_any(p, v6, n, dice_below(200));
	switch (n / 2 % 5) {
	case 0: /* internet header length */
		if (v6)
			put16(p->data + 4, dice());
		else
			p->data[0] = (uint8_t)(0x40 | n / 10 % 16);
		break;
	case 1: /* total length, payload length */
		put16(p->data + (v6 ? 4 : 2), dice_below(2) ? dice_below(100) : dice());
		break;
	case 2: /* data offset */
		build_tcp(p, v6, dice_below(2) ? SYN : ACK, dice_below(11) * 4, dice_below(60));
		p->data[p->l4 + 12] = (uint8_t)(n / 10 % 16 << 4);
		build_seal_l4(p);
		return;
	case 3: /* UDP length */
		build_udp(p, v6, dice_below(200));
		put16(p->data + p->l4 + 4, n / 10 % 2 ? n / 20 % 16 : dice());
		build_seal_l4(p);
		return;
	default: /* version */ p->data[0] = (uint8_t)((p->data[0] & 15) | n / 10 % 16 << 4);
	}
}

static void fragment4(struct packet *p, unsigned n)
{
	unsigned offset = dice_below(4) ? dice_below(24) : dice_below(8192);

	build_any(p, false, n, dice_below(120));
	put16(p->data + 4, dice_below(8)); /* few ids: they meet, overlap, and never get whole */
	put16(p->data + 6, (dice_below(4) ? 0x2000 : 0) | (dice_below(16) ? 0 : 0x8000) | offset);
	build_seal(p);
}

static void fragment6(struct packet *p, unsigned n)
{
	unsigned offset = dice_below(4) ? dice_below(24) : dice_below(8192);
	uint8_t next;

	build_any(p, true, n, dice_below(120));
	next = p->data[6];
	memmove(p->data + 48, p->data + 40, p->size - 40);
	p->size += 8;
	p->data[6] = 44;
	p->data[40] = next;
	p->data[41] = 0;
	put16(p->data + 42, offset << 3 | dice_below(4));
	memset(p->data + 44, 0, 4);
	p->data[47] = (uint8_t)dice_below(8);
	put16(p->data + 4, p->size - 40);
}

static void fragments(struct packet *p, unsigned n)
{
	if (n & 1)
		fragment6(p, n / 2);
	else
		fragment4(p, n / 2);
}

static void tcp_flags(struct packet *p, unsigned n)
{
	build_tcp(p, n & 1, (uint8_t)(n / 2), dice_below(11) * 4,
		  dice_below(3) ? 0 : dice_below(100));
	p->data[p->l4 + 12] |= (uint8_t)dice_below(16);
	build_seal_l4(p);
}

/* Segments of flows that never were, and guesses at the ones that are: the ephemeral ports are
 * walked through. */
static void spoofed_acks(struct packet *p, unsigned n)
{
	build_tcp(p, n & 1,
		  n % 16 == 15	 ? RST
		  : n % 16 == 14 ? RST | ACK
				 : ACK,
		  0, n % 4 ? 0 : dice_below(500));
	put16(p->data + p->l4, 32768 + n / 2 % 28232);
	build_seal_l4(p);
}

static void odd_addresses(struct packet *p, unsigned n)
{
	static const uint8_t v4[][4] = {{127, 0, 0, 1},	      {0, 0, 0, 0},	   {0, 1, 2, 3},
					{255, 255, 255, 255}, {224, 0, 0, 1},	   {240, 0, 0, 1},
					{169, 254, 169, 254}, {127, 255, 255, 254}};
	static const uint8_t v6[][16] = {{[10] = 255, 255, 127, 0, 0, 1},
					 {[10] = 255, 255, 10, 2, 0, 2},
					 {[12] = 127, 0, 0, 1},
					 {[15] = 1},
					 {0},
					 {0, 0x64, 0xff, 0x9b, [12] = 127, 0, 0, 1},
					 {0xff, 2, [15] = 1},
					 {0xff, 1, [15] = 1},
					 {0xfe, 0x80, [15] = 1},
					 {0x20, 2, 127, 0, 0, 1},
					 {0x3f, 0xfe, [15] = 1}};
	unsigned which = n / 4;

	build_any(p, n & 1, dice_below(2) ? 0 : dice(), dice_below(64));
	if (n & 1)
		memcpy(p->data + (n & 2 ? 8 : 24), v6[which % (sizeof(v6) / sizeof(v6[0]))], 16);
	else
		memcpy(p->data + (n & 2 ? 12 : 16), v4[which % (sizeof(v4) / sizeof(v4[0]))], 4);
	if (dice_below(2) && (p->data[p->v6 ? 6 : 9] == 6))
		p->data[p->l4 + 13] = SYN;
	build_seal(p);
}

static void extension_headers(struct packet *p, unsigned n)
{
	static const uint8_t types[] = {0, 43, 60, 44, 51, 135, 139, 140, 59, 253};
	uint8_t chain[1400];
	unsigned count = n % 24, size = 0;
	struct packet inner;
	uint8_t next, first;

	build_any(&inner, true, n, dice_below(64));
	next = first = inner.data[6];
	for (unsigned i = 0; i < count && size < sizeof(chain) - 300; i++) {
		unsigned words = dice_below(8) ? dice_below(3) : dice_below(30),
			 length = (words + 1) * 8;
		uint8_t *h = chain + size;

		dice_fill(h, length);
		h[1] = (uint8_t)(dice_below(16) ? words : dice());
		if (i + 1 < count)
			h[0] = types[dice_below(sizeof(types))];
		else
			h[0] = next;
		if (i == 0)
			first = dice_below(2) ? 0 : types[dice_below(sizeof(types))];
		size += length;
	}
	*p = inner;
	memcpy(p->data + 40, chain, size);
	memcpy(p->data + 40 + size, inner.data + 40, inner.size - 40);
	p->data[6] = first;
	p->size = inner.size + size;
	put16(p->data + 4, p->size - 40);
	if (!dice_below(8))
		p->size = 40 + dice_below(size + 1); /* ends within the chain */
	if (dice_below(2))
		put16(p->data + 4, p->size - 40);
}

static void urgent(struct packet *p, unsigned n)
{
	build_tcp(p, n & 1, URG | ACK | (n & 2 ? PSH : 0) | (n & 4 ? SYN : 0), 0, dice_below(40));
	put16(p->data + p->l4 + 18, n * 37); /* 37 and 65536 share no factor: all values come */
	build_seal_l4(p);
}

static void icmp_errors(struct packet *p, unsigned n)
{
	static const uint8_t types4[] = {3, 3, 3, 4, 5, 11, 12, 13, 17, 0};
	static const uint8_t types6[] = {1, 2, 3, 4, 129, 133, 134, 135, 137, 143};
	struct packet inner;
	unsigned size;

	build_any(&inner, n & 1, n / 2, 32);
	if (n & 4) /* as the answer would be: from the server's side of a flow */
		memmove(inner.data + inner.l4, inner.data + inner.l4 + 2, 2);
	for (unsigned i = dice_below(4); i--;)
		inner.data[dice_below(inner.size)] = (uint8_t)dice();
	size = dice_below(inner.size + 1);
	build_echo(p, n & 1, size);
	p->data[p->l4] = n & 1 ? types6[dice_below(10)] : types4[dice_below(10)];
	p->data[p->l4 + 1] = (uint8_t)dice_below(18);
	put16(p->data + p->l4 + 6, dice_below(2) ? dice_below(1600) : 0); /* the next hop's MTU */
	memcpy(p->data + p->l4 + 8, inner.data, size);
	build_seal(p);
}

static void land(struct packet *p, unsigned n)
{
	bool v6 = n & 1, server = n & 2;
	unsigned src = v6 ? 8 : 12, dst = v6 ? 24 : 16, size = v6 ? 16 : 4;

	build_any(p, v6, n / 4 * 3, 0);
	memcpy(p->data + (server ? src : dst), p->data + (server ? dst : src), size);
	memcpy(p->data + p->l4 + 2, p->data + p->l4, 2);
	build_seal(p);
}

static void damaged(struct packet *p, unsigned n)
{
	build_any(p, n & 1, n / 2, dice_below(300));
	p->data[(n & 2 || p->v6 ? p->l4 : 0) + dice_below(20) % (p->size - p->l4)] ^=
	    (uint8_t)(1u << dice_below(8));
}

static void options(struct packet *p, unsigned n)
{
	static const uint8_t ip[] = {131, 137, 7, 68, 148, 130, 0, 1};
	unsigned room = 4 * (1 + dice_below(10));

	if (n & 1) { /* TCP options: lengths 0, 1, and past the header */
		build_tcp(p, n & 2, n & 4 ? SYN : ACK, room, 10);
		dice_fill(p->data + p->l4 + 20, room);
		p->data[p->l4 + 20] = (uint8_t)dice_below(12);
		p->data[p->l4 + 21] = (uint8_t)dice_below(44);
		build_seal(p);
		return;
	}
	build_any(p, false, n / 2, 20);
	memmove(p->data + 20 + room, p->data + 20, p->size - 20);
	dice_fill(p->data + 20, room);
	p->data[20] = ip[n / 2 % sizeof(ip)];
	p->data[21] = (uint8_t)dice_below(48);
	p->data[0] = (uint8_t)(0x40 | (5 + room / 4));
	p->size += room;
	p->l4 += room;
	build_seal(p);
}

static void noise(struct packet *p, unsigned n)
{
	p->size = 1 + dice_below(1400);
	dice_fill(p->data, p->size);
	p->v6 = n & 1;
	if (n % 8)
		p->data[0] = (uint8_t)((p->data[0] & 15) | (p->v6 ? 0x60 : 0x40));
}

static void protocols(struct packet *p, unsigned n)
{
	build_any(p, n & 1, 1, dice_below(64));
	p->data[n & 1 ? 6 : 9] = (uint8_t)(n / 2);
	if (n % 8 == 0)
		put16(p->data + p->l4 + 2, 0); /* port 0 */
	build_seal(p);
}

struct kind kinds[] = {
    {"truncated", truncated, 0, 0},
    {"header-lengths", header_lengths, 0, 0},
    {"fragments", fragments, 0, 0},
    {"tcp-flags", tcp_flags, 0, 0},
    {"spoofed-acks", spoofed_acks, 0, 0},
    {"odd-addresses", odd_addresses, 0, 0},
    {"extension-headers", extension_headers, 0, 0},
    {"urgent", urgent, 0, 0},
    {"icmp-errors", icmp_errors, 0, 0},
    {"land", land, 0, 0},
    {"damaged", damaged, 0, 0},
    {"options", options, 0, 0},
    {"noise", noise, 0, 0},
    {"protocols", protocols, 0, 0},
};
const unsigned kind_count = sizeof(kinds) / sizeof(kinds[0]);
