/* SPDX-License-Identifier: MIT
 * control/rates.c - bytes a second of flows
 *
 * Open addressing, by flow. Flows that have ended are not taken out one by one: what was not seen for a while is left
 * behind when the table is made anew.
 */
#include "control/rates.h"

#include <stdlib.h>
#include <string.h>

#include <adit/abi.h>

#include "os/os.h"

enum { ROOM_LEAST = 1024, MS = 1000000, YOUNG_MS = 3000 };

struct seen {
	adit_flow handle; /* 0: the place is free */
	uint64_t up, down;
	uint64_t rate_up, rate_down;
	uint64_t at;   /* ns; when up and down were so */
	uint64_t last; /* ns; when it was last asked for */
	uint32_t shard;
};

struct rates {
	struct seen *v;
	size_t count, room; /* room is a power of two, at least twice the count */
	uint64_t last;
};

int rates_new(struct rates **out)
{
	struct rates *r = calloc(1, sizeof(*r));

	if (!r)
		return ADIT_ENOMEM;
	*out = r;
	return ADIT_OK;
}

static void forget(struct rates *r)
{
	free(r->v);
	r->v = NULL;
	r->count = r->room = 0;
}

void rates_free(struct rates *r)
{
	if (!r)
		return;
	forget(r);
	free(r);
}

/* Handles are made here, and not by anybody outside: any spread will do. */
static struct seen *place_of(struct seen *v, size_t room, adit_flow handle, uint32_t shard)
{
	size_t i = (size_t)((handle * 0x9e3779b97f4a7c15u) >> 32 ^ shard) & (room - 1);

	while (v[i].handle && (v[i].handle != handle || v[i].shard != shard))
		i = (i + 1) & (room - 1);
	return &v[i];
}

/* A table of at least twice what is in it, without what was not seen for a while. */
static bool make_room(struct rates *r, uint64_t now)
{
	size_t room = ROOM_LEAST, i, kept = 0;
	struct seen *v;

	for (i = 0; i < r->room; i++)
		kept += r->v[i].handle && now - r->v[i].last < RATES_IDLE_SECONDS * OS_SECOND;
	if (kept >= RATES_FLOWS)
		return false;
	while (room < (kept + 1) * 4)
		room *= 2;
	v = calloc(room, sizeof(*v));
	if (!v)
		return false;
	for (i = 0; i < r->room; i++)
		if (r->v[i].handle && now - r->v[i].last < RATES_IDLE_SECONDS * OS_SECOND)
			*place_of(v, room, r->v[i].handle, r->v[i].shard) = r->v[i];
	free(r->v);
	r->v = v;
	r->room = room;
	r->count = kept;
	return true;
}

static uint64_t rate(uint64_t bytes, uint64_t ns)
{
	return (uint64_t)((double)bytes * (double)OS_SECOND / (double)ns);
}

static void begin(struct rates *r, struct seen *s, struct flow_row *row, uint64_t now)
{
	*s = (struct seen){row->handle, row->bytes_up, row->bytes_down, ROW_NO_RATE, ROW_NO_RATE, now, now, row->shard};
	r->count++;
	if (row->age < (uint64_t)YOUNG_MS * MS) {
		uint64_t span = row->age < (uint64_t)RATES_SPAN_MS * MS ? (uint64_t)RATES_SPAN_MS * MS : row->age;

		s->rate_up = rate(row->bytes_up, span);
		s->rate_down = rate(row->bytes_down, span);
	}
}

void rates_fill(struct rates *r, struct flow_row *row, uint64_t now)
{
	struct seen *s;

	r->last = now;
	if ((r->count + 1) * 2 > r->room && !make_room(r, now))
		return;
	s = place_of(r->v, r->room, row->handle, row->shard);
	if (!s->handle) {
		begin(r, s, row, now);
	} else if (now - s->at >= (uint64_t)RATES_SPAN_MS * MS) {
		s->rate_up = row->bytes_up < s->up ? 0 : rate(row->bytes_up - s->up, now - s->at);
		s->rate_down = row->bytes_down < s->down ? 0 : rate(row->bytes_down - s->down, now - s->at);
		s->up = row->bytes_up;
		s->down = row->bytes_down;
		s->at = now;
	}
	s->last = now;
	row->rate_up = s->rate_up;
	row->rate_down = s->rate_down;
}

bool rates_known(const struct rates *r, uint64_t now)
{
	return r->count && now - r->last < 3 * OS_SECOND;
}

void rates_tick(struct rates *r, uint64_t now)
{
	if (r->v && now - r->last > RATES_IDLE_SECONDS * OS_SECOND)
		forget(r);
}
