/* SPDX-License-Identifier: MIT
 * stack-lwip/up.c - a packet rides through lwIP in a pbuf of its own, and leaves it as the buffer of a DATA event
 *
 * Nothing is copied but what would hold far more memory than it is worth: the device reads every packet into a buffer
 * with room for a super-packet, and small payloads may wait for long, out of order or unread.
 */
#include <string.h>

#include "lwip/mem.h"
#include "lwip/pbuf.h"

#include "stack.h"

enum {
	SMALL = 2048, /* packets that fit into such a buffer do not keep a larger one */
	TCP_SIZE = 20,
	OPTION_END = 0,
	OPTION_NOTHING = 1,
	OPTION_MSS = 2,
	FLAGS_AT = 13,
	FLAG_SYN = 2
};

struct ride {
	struct pbuf_custom custom; /* first: lwIP knows it by this address */
	struct stack *stack;
	adit_buf *buf; /* null: it has been taken out */
};

static void ride_free(struct pbuf *p)
{
	struct ride *r = (struct ride *)(void *)p;

	if (r->buf)
		put_buf(r->stack, r->buf);
	mem_free(r);
}

/* A buffer that lwIP may write the header of, and that is not much larger than what it holds. Takes b. */
static adit_buf *fitted(struct stack *st, adit_buf *b)
{
	size_t room = (size_t)(b->end - b->head);
	adit_buf *copy;

	if (!(b->flags & ADIT_BUF_RDONLY) && (b->len > SMALL || room <= SMALL + ADIT_BUF_HEADROOM || b->len == b->hdr_len))
		return b;
	if (st->path->get(st->path->end, &copy, 1, b->len) != 1) {
		if (!(b->flags & ADIT_BUF_RDONLY))
			return b;
		put_buf(st, b);
		return NULL;
	}
	memcpy(copy->data, b->data, b->len);
	copy->len = b->len;
	copy->csum_start = b->csum_start;
	copy->hdr_len = b->hdr_len;
	copy->next = b->next;
	b->next = NULL;
	put_buf(st, b);
	return copy;
}

/* lwIP 2.2.1 reads the length of an option without looking whether the header ends before it, and believes an MSS in any
 * segment, before it looks at the sequence number. From the first option that does not fit into the header on, there is
 * none; and an MSS counts in a SYN alone (RFC 9293 section 3.7.1). */
static void trim_options(uint8_t *tcp, uint32_t size)
{
	uint32_t at = TCP_SIZE;

	while (at < size && tcp[at] != OPTION_END) {
		uint32_t n = tcp[at] == OPTION_NOTHING ? 1 : at + 1 < size ? tcp[at + 1] : 0;

		if (n == 0 || n > size - at || (n == 1 && tcp[at] != OPTION_NOTHING)) {
			memset(tcp + at, OPTION_END, size - at);
			return;
		}
		if (tcp[at] == OPTION_MSS && !(tcp[FLAGS_AT] & FLAG_SYN))
			memset(tcp + at, OPTION_NOTHING, n);
		at += n;
	}
}

static struct pbuf *ride_new(struct stack *st, adit_buf *b, uint32_t skip)
{
	struct ride *r = mem_malloc(sizeof(*r));
	uint16_t size = (uint16_t)(b->len - skip);
	struct pbuf *p;

	if (!r) {
		put_buf(st, b);
		return NULL;
	}
	r->custom.custom_free_function = ride_free;
	r->stack = st;
	r->buf = b;
	p = pbuf_alloced_custom(PBUF_RAW, size, PBUF_REF, &r->custom, b->data + skip, size);
	return p;
}

struct pbuf *up_wrap(struct stack *st, adit_buf *b)
{
	struct pbuf *all = NULL, *p;
	uint32_t skip = b->csum_start, total = 0;
	adit_buf *next;

	for (next = b; next; next = next->next)
		total += next->len;
	if (total - skip > UINT16_MAX || b->len < b->hdr_len || b->hdr_len < skip + TCP_SIZE) {
		put_buf(st, b);
		return NULL;
	}
	b = fitted(st, b);
	if (b)
		trim_options(b->data + skip, b->hdr_len - skip);
	for (; b; b = next) {
		next = b->next;
		b->next = NULL;
		p = ride_new(st, b, skip);
		skip = 0;
		if (p && all)
			pbuf_cat(all, p);
		else if (p)
			all = p;
		if (p)
			continue;
		if (next)
			put_buf(st, next);
		if (all)
			pbuf_free(all);
		return NULL;
	}
	return all;
}

static void add(struct stack *st, adit_buf *b)
{
	if (st->heard.tail)
		st->heard.tail->next = b;
	else
		st->heard.head = b;
	st->heard.tail = b;
	st->heard.size += b->len;
}

/* The buffer of a pbuf that nobody else has, its contents what is left of the pbuf. Null: it is not to be had. */
static adit_buf *unload(struct stack *st, struct pbuf *p)
{
	struct ride *r = (struct ride *)(void *)p;
	adit_buf *b = NULL;

	if (p->ref == 1 && (p->flags & PBUF_FLAG_IS_CUSTOM)) {
		b = r->buf;
		r->buf = NULL;
		b->data = p->payload;
	} else if (st->path->get(st->path->end, &b, 1, p->len) == 1) {
		memcpy(b->data, p->payload, p->len);
	} else {
		return NULL;
	}
	b->len = p->len;
	b->flags = 0;
	b->csum_start = b->csum_off = b->hdr_len = b->gso_size = 0;
	b->next = NULL;
	return b;
}

void up_take(struct conn *c, struct pbuf *p)
{
	struct pbuf *q;

	for (q = p; q; q = q->next) {
		adit_buf *b = q->len ? unload(c->stack, q) : NULL;

		if (b)
			add(c->stack, b);
		else if (q->len)
			c->error = ADIT_ENOMEM; /* a stretch of the stream is gone: so is the flow */
	}
	pbuf_free(p);
}
