/* SPDX-License-Identifier: MIT
 * siege-live.c - the live flows on the device, learned from the segments that pass
 */
#include "siege.h"

#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, OPTION_SCALE = 3, WINDOW = 32768, MOST = 8192 };

struct heard heard;

static struct live all[MOST];
static unsigned count;
static uint16_t place[2][65536]; /* 1 + index in all */

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* The window scale of a SYN, -1: none. */
static int scale_of(const uint8_t *tcp, unsigned size)
{
	unsigned at = 20;

	while (at + 1 < size && tcp[at]) {
		unsigned n = tcp[at] == 1 ? 1 : tcp[at + 1];

		if (!n || at + n > size)
			return -1;
		if (tcp[at] == OPTION_SCALE && n == 3)
			return tcp[at + 2];
		at += n;
	}
	return -1;
}

static void forget(bool v6, uint16_t port)
{
	uint16_t *at = &place[v6][port];
	struct live *last = &all[count - 1];

	if (!*at)
		return;
	place[last->v6][last->port] = *at;
	all[*at - 1] = *last;
	*at = 0;
	count--;
}

static struct live *add(bool v6, uint16_t port)
{
	if (count == MOST)
		return NULL;
	all[count] = (struct live){.port = port, .v6 = v6};
	place[v6][port] = (uint16_t)++count;
	return &all[count - 1];
}

static void from_near(struct live *f, const uint8_t *tcp, unsigned header, unsigned payload)
{
	uint8_t flags = tcp[13];

	f->near_next = get32(tcp + 4) + payload + !!(flags & SYN) + !!(flags & FIN);
	if (flags & ACK)
		f->near_ack = get32(tcp + 8);
	if (flags & SYN)
		f->near_scales = scale_of(tcp, header) >= 0;
	if (!f->far_heard) { /* a path that does not answer by this device: as if all had arrived */
		f->far_ack = f->near_next;
		f->far_next = f->near_ack;
		f->far_window = WINDOW;
	}
}

static void from_far(struct live *f, const uint8_t *tcp, unsigned header, unsigned payload)
{
	uint8_t flags = tcp[13];
	uint32_t end = get32(tcp + 4) + payload + !!(flags & SYN) + !!(flags & FIN);

	f->far_heard = true;
	heard.segments++;
	heard.bare += !payload && !(flags & (SYN | FIN | RST));
	heard.resets += !!(flags & RST);
	if (flags & SYN) {
		int scale = scale_of(tcp, header);

		f->far_shift = f->near_scales && scale >= 0 ? (uint8_t)(scale > 14 ? 14 : scale) : 0;
		f->far_next = end;
	} else if ((int32_t)(end - f->far_next) > 0) {
		f->far_next = end;
	}
	if (flags & ACK) {
		f->far_ack = get32(tcp + 8);
		f->far_window = get16(tcp + 14) << (flags & SYN ? 0 : f->far_shift);
	}
}

void live_learn(const uint8_t *packet, unsigned size, bool out)
{
	bool v6 = size && packet[0] >> 4 == 6;
	unsigned l4 = v6 ? 40 : 20, header, near = out ? 0 : 2, from = v6 ? 8 : 12, length = v6 ? 16 : 4;
	const uint8_t *tcp = packet + l4;
	const void *client = v6 ? (void *)cast.client6 : (void *)cast.client4;
	struct live *f;
	uint16_t port;

	if (size < l4 + 20 || packet[v6 ? 6 : 9] != 6 || (!v6 && packet[0] != 0x45) ||
	    memcmp(packet + from + (out ? 0 : length), client, length) != 0 || get16(tcp + 2 - near) != cast.port)
		return;
	header = tcp[12] >> 4 << 2;
	if (header < 20 || size < l4 + header)
		return;
	port = (uint16_t)get16(tcp + near);
	f = place[v6][port] ? &all[place[v6][port] - 1] : NULL;
	if (out && (tcp[13] & (SYN | ACK)) == SYN) {
		forget(v6, port); /* an earlier one's */
		f = add(v6, port);
	}
	if (!f)
		return;
	if (out)
		from_near(f, tcp, header, size - l4 - header);
	else
		from_far(f, tcp, header, size - l4 - header);
	if (!out && tcp[13] & (FIN | RST)) /* one that ends proves nothing */
		forget(v6, port);
}

unsigned live_count(void)
{
	return count;
}

const struct live *live_at(unsigned n)
{
	return count ? &all[n % count] : NULL;
}
