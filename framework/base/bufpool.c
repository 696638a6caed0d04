/* SPDX-License-Identifier: MIT
 * base/bufpool.c - the buffers of one shard
 */
#include "base/bufpool.h"

#include <stdlib.h>
#include <string.h>

/* Parts of the whole. */
enum { SHARED_PART = 8, SHARED_REST = 8, PASSING_PART = 16 };

enum size { TINY, SMALL, LARGE, SIZES, WRAPPED };

struct item {
	adit_buf buf;
	struct bufpool *pool;
	struct item *free_next;
	enum size size;
	adit_fn done; /* WRAPPED */
	void *arg;
	uint8_t bytes[]; /* not there when WRAPPED */
};

static const uint32_t rooms[SIZES] = {BUFPOOL_TINY, BUFPOOL_SMALL, BUFPOOL_LARGE};
static const unsigned kept_most[SIZES] = {BUFPOOL_KEPT_TINY, BUFPOOL_KEPT_SMALL,
                                             BUFPOOL_KEPT_LARGE};

struct bufpool {
	struct item *free[SIZES];
	unsigned kept[SIZES];
	size_t out, out_bytes, most;
	int dead;
};

adit_result bufpool_new(struct bufpool **out, size_t most)
{
	struct bufpool *p = calloc(1, sizeof(*p));

	if (!p)
		return ADIT_ENOMEM;
	p->most = most;
	*out = p;
	return ADIT_OK;
}

void bufpool_free(struct bufpool *p)
{
	unsigned i;

	if (!p)
		return;
	for (i = 0; i < SIZES; i++) {
		while (p->free[i]) {
			struct item *it = p->free[i];

			p->free[i] = it->free_next;
			free(it);
		}
		p->kept[i] = 0;
	}
	p->dead = 1;
	if (!p->out)
		free(p);
}

static struct item *take(struct bufpool *p, enum size size)
{
	struct item *it = p->free[size];

	if (p->out_bytes + rooms[size] > p->most)
		return NULL;
	if (it) {
		p->free[size] = it->free_next;
		p->kept[size]--;
	} else {
		it = malloc(sizeof(*it) + ADIT_BUF_HEADROOM + rooms[size]);
		if (!it)
			return NULL;
		it->pool = p;
		it->size = size;
	}
	memset(&it->buf, 0, sizeof(it->buf));
	it->buf.head = it->bytes;
	it->buf.data = it->bytes + ADIT_BUF_HEADROOM;
	it->buf.end = it->buf.data + rooms[size];
	it->buf.priv = it;
	p->out++;
	p->out_bytes += rooms[size];
	return it;
}

uint32_t bufpool_get(struct bufpool *p, adit_buf **v, uint32_t n, uint32_t room)
{
	enum size size = room <= BUFPOOL_TINY ? TINY : room <= BUFPOOL_SMALL ? SMALL : LARGE;
	uint32_t i;

	if (room > BUFPOOL_LARGE)
		return 0;
	for (i = 0; i < n; i++) {
		struct item *it = take(p, size);

		if (!it)
			break;
		v[i] = &it->buf;
	}
	return i;
}

static void give_back(struct item *it)
{
	struct bufpool *p = it->pool;

	if (it->size == WRAPPED) {
		it->done(it->arg); /* may put back others, so this one still counts */
		free(it);
	} else {
		p->out_bytes -= rooms[it->size];
		if (!p->dead && p->kept[it->size] < kept_most[it->size]) {
			it->free_next = p->free[it->size];
			p->free[it->size] = it;
			p->kept[it->size]++;
		} else {
			free(it);
		}
	}
	p->out--;
	if (p->dead && !p->out)
		free(p);
}

uint32_t bufpool_share(const struct bufpool *p, uint64_t waiting)
{
	size_t most = p->most - p->most / SHARED_REST, free = p->out_bytes < most ? most - p->out_bytes : 0;
	uint64_t share = free / SHARED_PART;

	if (waiting < share)
		return share - waiting < UINT32_MAX ? (uint32_t)(share - waiting) : UINT32_MAX;
	return !waiting && p->out_bytes + BUFPOOL_LARGE <= p->most - p->most / PASSING_PART ? BUFPOOL_LARGE : 0;
}

int bufpool_scarce(const struct bufpool *p)
{
	return p->out_bytes > p->most / 2;
}

int bufpool_short(const struct bufpool *p)
{
	return p->out_bytes > p->most - p->most / SHARED_REST;
}

void bufpool_put(adit_buf *const *v, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		adit_buf *b = v[i];

		while (b) {
			adit_buf *next = b->next;

			give_back(b->priv);
			b = next;
		}
	}
}

adit_buf *bufpool_wrap(struct bufpool *p, void *mem, uint32_t len, adit_fn done, void *arg)
{
	struct item *it = calloc(1, sizeof(*it));

	if (!it)
		return NULL;
	it->pool = p;
	it->size = WRAPPED;
	it->done = done;
	it->arg = arg;
	it->buf.head = it->buf.data = mem;
	it->buf.len = len;
	it->buf.end = it->buf.data + len;
	it->buf.flags = ADIT_BUF_RDONLY;
	it->buf.priv = it;
	p->out++;
	return &it->buf;
}

size_t bufpool_out(const struct bufpool *p)
{
	return p->out;
}

void bufpool_count(const struct bufpool *p, struct bufpool_counts *out)
{
	out->out = __atomic_load_n(&p->out, __ATOMIC_RELAXED);
	out->bytes = __atomic_load_n(&p->out_bytes, __ATOMIC_RELAXED);
	out->most = p->most;
}
