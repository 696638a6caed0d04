/* SPDX-License-Identifier: MIT
 * observe/pcapng.c - writes captures
 *
 * A block is type, length, body, and the length again; a body ends with options, each padded to 32 bits.
 */
#include "observe/pcapng.h"

#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	ORDER = 0x1a2b3c4d,
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	PACKET_FLAGS = 2,
	STATISTICS_BEGAN = 2,
	STATISTICS_ENDED = 3,
	STATISTICS_RECEIVED = 4,
	STATISTICS_DROPPED = 5,
	NANOSECONDS = 9,
	TEXT_MOST = 1024,
	FIRST_ROOM = 65536
};

static int room_for(struct pcapng *p, size_t n)
{
	size_t room = p->room ? p->room : FIRST_ROOM;
	uint8_t *bytes;

	if (p->failed)
		return 0;
	while (room < p->used + n)
		room *= 2;
	if (room == p->room)
		return 1;
	bytes = room > PCAPNG_MOST ? NULL : realloc(p->bytes, room);
	if (!bytes) {
		p->failed = 1;
		return 0;
	}
	p->bytes = bytes;
	p->room = room;
	return 1;
}

static void put(struct pcapng *p, const void *data, size_t n)
{
	static const uint8_t zeros[4];
	size_t pad = (4 - n % 4) % 4;

	if (!room_for(p, n + pad))
		return;
	if (n)
		memcpy(p->bytes + p->used, data, n);
	memcpy(p->bytes + p->used + n, zeros, pad);
	p->used += n + pad;
}

static void put32(struct pcapng *p, uint32_t v)
{
	put(p, &v, sizeof(v));
}

static void put16s(struct pcapng *p, uint16_t a, uint16_t b)
{
	uint16_t v[2] = {a, b};

	put(p, v, sizeof(v));
}

/* Times stand as their high half, then their low one. */
static void put_time(struct pcapng *p, uint64_t ns)
{
	put32(p, (uint32_t)(ns >> 32));
	put32(p, (uint32_t)ns);
}

/* Where as much has gone as waits, moving that is cheap. Not inside a block: its place is known by number. */
static void compact(struct pcapng *p)
{
	if (!p->taken || p->taken < p->used - p->taken)
		return;
	p->used -= p->taken;
	memmove(p->bytes, p->bytes + p->taken, p->used);
	p->taken = 0;
}

/* Where the block's length goes. */
static size_t begin(struct pcapng *p, uint32_t type)
{
	compact(p);
	put32(p, type);
	put32(p, 0);
	return p->used - 4;
}

static void end(struct pcapng *p, size_t at)
{
	uint32_t size;

	if (p->failed)
		return;
	size = (uint32_t)(p->used - at + 8);
	put32(p, size);
	if (!p->failed)
		memcpy(p->bytes + at, &size, sizeof(size));
}

static void option(struct pcapng *p, uint16_t code, const void *data, size_t n)
{
	put16s(p, code, (uint16_t)n);
	put(p, data, n);
}

static void option_text(struct pcapng *p, uint16_t code, const char *text)
{
	if (text && *text)
		option(p, code, text, strnlen(text, TEXT_MOST));
}

static void option64(struct pcapng *p, uint16_t code, uint64_t v)
{
	option(p, code, &v, sizeof(v));
}

void pcapng_section(struct pcapng *p, const char *application, const char *comment)
{
	size_t at = begin(p, BLOCK_SECTION);

	put32(p, ORDER);
	put16s(p, 1, 0);           /* version 1.0 */
	put32(p, UINT32_MAX);      /* the length of the section is not known */
	put32(p, UINT32_MAX);
	option_text(p, OPTION_COMMENT, comment);
	option_text(p, SECTION_APPLICATION, application);
	put32(p, OPTION_END);
	end(p, at);
}

void pcapng_interface(struct pcapng *p, uint16_t link, uint32_t snap, const char *name, const char *description)
{
	static const uint8_t resolution = NANOSECONDS;
	size_t at = begin(p, BLOCK_INTERFACE);

	put16s(p, link, 0);
	put32(p, snap);
	option_text(p, INTERFACE_NAME, name);
	option_text(p, INTERFACE_DESCRIPTION, description);
	option(p, INTERFACE_RESOLUTION, &resolution, 1);
	put32(p, OPTION_END);
	end(p, at);
}

void pcapng_packet(struct pcapng *p, uint32_t interface, uint64_t ns, const uint8_t *data, uint32_t kept, uint32_t len,
                   uint32_t flags, const char *comment)
{
	size_t at = begin(p, BLOCK_PACKET);

	put32(p, interface);
	put_time(p, ns);
	put32(p, kept);
	put32(p, len);
	put(p, data, kept);
	option_text(p, OPTION_COMMENT, comment);
	option(p, PACKET_FLAGS, &flags, sizeof(flags));
	put32(p, OPTION_END);
	end(p, at);
}

void pcapng_statistics(struct pcapng *p, uint32_t interface, uint64_t began, uint64_t ended, uint64_t received,
                       uint64_t dropped, const char *comment)
{
	size_t at = begin(p, BLOCK_STATISTICS);
	uint32_t when[2];

	put32(p, interface);
	put_time(p, ended);
	option_text(p, OPTION_COMMENT, comment);
	when[0] = (uint32_t)(began >> 32), when[1] = (uint32_t)began;
	option(p, STATISTICS_BEGAN, when, sizeof(when));
	when[0] = (uint32_t)(ended >> 32), when[1] = (uint32_t)ended;
	option(p, STATISTICS_ENDED, when, sizeof(when));
	option64(p, STATISTICS_RECEIVED, received);
	option64(p, STATISTICS_DROPPED, dropped);
	put32(p, OPTION_END);
	end(p, at);
}

void pcapng_taken(struct pcapng *p, size_t n)
{
	p->taken += n;
	if (p->taken == p->used)
		p->taken = p->used = 0;
}
