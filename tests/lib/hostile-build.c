/* SPDX-License-Identifier: MIT
 * hostile-build.c - the dice, and well-formed packets for hostile-kinds.c to spoil
 */
#include "hostile.h"

#include <string.h>

struct cast cast;
static uint64_t state = 1;

void dice_seed(uint64_t seed)
{
	state = (seed + 1) * 0x9e3779b97f4a7c15u;
	for (int i = 0; i < 8; i++)
		dice();
}

uint32_t dice(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 2685821657736338717u) >> 32);
}

uint32_t dice_below(uint32_t n)
{
	return (uint32_t)(((uint64_t)dice() * n) >> 32);
}

void dice_fill(void *to, unsigned size)
{
	for (uint8_t *p = to; size--; p++)
		*p = (uint8_t)dice();
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t sum(const uint8_t *p, unsigned size, uint32_t s)
{
	for (unsigned i = 0; i < size; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void ip_begin(struct packet *p, bool v6, uint8_t protocol)
{
	uint8_t *d = p->data;

	memset(p, 0, sizeof(*p));
	p->v6 = v6;
	if (v6) {
		d[0] = 0x60;
		d[6] = protocol;
		d[7] = 64;
		memcpy(d + 8, cast.client6, 16);
		memcpy(d + 24, cast.server6, 16);
		p->l4 = 40;
	} else {
		d[0] = 0x45;
		put16(d + 4, dice());
		d[8] = 64;
		d[9] = protocol;
		memcpy(d + 12, cast.client4, 4);
		memcpy(d + 16, cast.server4, 4);
		p->l4 = 20;
	}
}

/* Where the checksum of the L4 header stands, or 0. */
static unsigned checksum_place(const struct packet *p)
{
	switch (p->v6 ? p->data[6] : p->data[9]) {
	case 6: return 16;
	case 17: return 6;
	case 1:
	case 58: return 2;
	default: return 0;
	}
}

void build_seal_l4(struct packet *p)
{
	unsigned place = checksum_place(p), size = p->size - p->l4;
	uint8_t protocol = p->v6 ? p->data[6] : p->data[9], *at = p->data + p->l4 + place;
	uint32_t s = 0;

	if (!place || size < place + 2)
		return;
	if (protocol != 1)
		s = sum(p->data + (p->v6 ? 8 : 12), p->v6 ? 32 : 8, size + protocol);
	put16(at, 0);
	put16(at, fold(sum(p->data + p->l4, size, s)));
}

void build_seal(struct packet *p)
{
	build_seal_l4(p);
	if (p->v6) {
		put16(p->data + 4, p->size - 40);
		return;
	}
	put16(p->data + 2, p->size);
	put16(p->data + 10, 0);
	put16(p->data + 10, fold(sum(p->data, (p->data[0] & 15u) * 4, 0)));
}

void build_tcp(struct packet *p, bool v6, uint8_t flags, unsigned options, unsigned payload)
{
	uint8_t *t;

	ip_begin(p, v6, 6);
	t = p->data + p->l4;
	put16(t, 1024 + dice_below(64000));
	put16(t + 2, cast.port);
	dice_fill(t + 4, 8);
	t[12] = (uint8_t)((20 + options) / 4 << 4);
	t[13] = flags;
	put16(t + 14, dice());
	memset(t + 20, 1, options);
	dice_fill(t + 20 + options, payload);
	p->size = p->l4 + 20 + options + payload;
	build_seal(p);
}

void build_udp(struct packet *p, bool v6, unsigned payload)
{
	uint8_t *u;

	ip_begin(p, v6, 17);
	u = p->data + p->l4;
	put16(u, 1024 + dice_below(64000));
	put16(u + 2, cast.port);
	put16(u + 4, 8 + payload);
	dice_fill(u + 8, payload);
	p->size = p->l4 + 8 + payload;
	build_seal(p);
}

void build_echo(struct packet *p, bool v6, unsigned payload)
{
	uint8_t *e;

	ip_begin(p, v6, v6 ? 58 : 1);
	e = p->data + p->l4;
	e[0] = v6 ? 128 : 8;
	dice_fill(e + 4, 4 + payload);
	p->size = p->l4 + 8 + payload;
	build_seal(p);
}
