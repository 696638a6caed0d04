/* SPDX-License-Identifier: MIT
 * packet/reassembly.c - fragments of IPv4 and IPv6 back into packets, within hard limits
 *
 * A datagram under way is a slot of a fixed table with its fragments in a list, in order. Fragments are rare on
 * a device, and the table is short: it is searched from end to end. A dropped datagram keeps its slot without
 * its bytes until it times out, so that its remaining fragments cannot begin it anew.
 */
#include "packet/reassembly.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "packet/checksum.h"
#include "packet/wire.h"

enum {
	MOST_DATAGRAMS = 4096,
	MOST_FRAGMENTS = 160,       /* of one datagram: 65,535 bytes in pieces of 416 */
	LONGEST = 65535,            /* of a datagram, by its 16-bit length */
	FRAGMENT_HEADER = 8         /* of IPv6 */
};

const struct reassembly_limits reassembly_default = {256, 32, 4u << 20, 15000000000u};

struct piece {
	struct piece *next; /* a higher offset */
	uint32_t offset, size;
	uint8_t bytes[];
};

enum state { UNUSED, GATHERING, DEAD };

struct datagram {
	enum state state;
	uint8_t version, proto;
	uint8_t addresses[32];
	uint32_t id;
	uint32_t count;  /* pieces */
	uint32_t have;   /* bytes of data */
	uint32_t end;    /* size of the data once the last fragment is here; 0: unknown */
	uint16_t next_at;
	uint64_t since_ns;
	struct piece *pieces;
	struct piece *head; /* the headers of the first fragment; null: not here yet */
	enum packet_verdict why; /* it is dead */
};

struct reassembly {
	struct reassembly_limits limits;
	struct reassembly_counts counts;
	struct datagram *slots;
	uint8_t whole[WIRE_IPV6_SIZE + LONGEST];
};

struct reassembly *reassembly_new(const struct reassembly_limits *limits)
{
	struct reassembly *r;

	if (!limits)
		limits = &reassembly_default;
	if (limits->datagrams == 0 || limits->datagrams > MOST_DATAGRAMS || limits->per_source == 0 ||
	    limits->bytes == 0 || limits->timeout_ns == 0)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->limits = *limits;
	r->slots = calloc(limits->datagrams, sizeof(*r->slots));
	if (!r->slots) {
		free(r);
		return NULL;
	}
	return r;
}

static void piece_free(struct reassembly *r, struct piece *p)
{
	if (!p)
		return;
	r->counts.bytes -= (uint32_t)sizeof(*p) + p->size;
	free(p);
}

/* A copy of size bytes, charged; null: beyond the limit, or no memory. */
static struct piece *piece_new(struct reassembly *r, const uint8_t *bytes, uint32_t offset, uint32_t size)
{
	uint32_t cost = (uint32_t)sizeof(struct piece) + size;
	struct piece *p;

	if (cost > r->limits.bytes || r->counts.bytes > r->limits.bytes - cost)
		return NULL;
	p = malloc(cost);
	if (!p)
		return NULL;
	p->next = NULL;
	p->offset = offset;
	p->size = size;
	memcpy(p->bytes, bytes, size);
	r->counts.bytes += cost;
	return p;
}

/* Gives the bytes back; the slot stays, dead. */
static void datagram_kill(struct reassembly *r, struct datagram *d)
{
	while (d->pieces) {
		struct piece *p = d->pieces;

		d->pieces = p->next;
		piece_free(r, p);
	}
	piece_free(r, d->head);
	d->head = NULL;
	d->state = DEAD;
}

static void datagram_forget(struct reassembly *r, struct datagram *d)
{
	datagram_kill(r, d);
	memset(d, 0, sizeof(*d));
	r->counts.datagrams--;
}

void reassembly_free(struct reassembly *r)
{
	uint32_t i;

	if (!r)
		return;
	for (i = 0; i < r->limits.datagrams; i++)
		datagram_kill(r, &r->slots[i]);
	free(r->slots);
	free(r);
}

/* Forgets d if it is too old. A clock that went back makes nothing old. */
static bool datagram_expire(struct reassembly *r, struct datagram *d, uint64_t now_ns)
{
	if (d->state == UNUSED || now_ns < d->since_ns || now_ns - d->since_ns < r->limits.timeout_ns)
		return false;
	if (d->state == GATHERING)
		r->counts.timed_out++;
	datagram_forget(r, d);
	return true;
}

uint32_t reassembly_expire(struct reassembly *r, uint64_t now_ns)
{
	uint32_t i, gone = 0;

	for (i = 0; r->counts.datagrams && i < r->limits.datagrams; i++)
		gone += datagram_expire(r, &r->slots[i], now_ns);
	return gone;
}

const struct reassembly_counts *reassembly_count(const struct reassembly *r)
{
	return &r->counts;
}

static bool same_source(const struct datagram *d, const struct packet_view *view, const uint8_t *addresses)
{
	return d->version == view->version && memcmp(d->addresses, addresses, view->version == 4 ? 4 : 8) == 0;
}

/* IPv4 tells datagrams apart by the protocol too, IPv6 does not (RFC 791, RFC 8200 section 4.5). */
static bool same_datagram(const struct datagram *d, const struct packet_view *view, const uint8_t *addresses)
{
	return d->id == view->fragment_id && d->version == view->version &&
	       (view->version == 6 || d->proto == view->proto) &&
	       memcmp(d->addresses, addresses, 2u * view->address_size) == 0;
}

/* The datagram of this fragment, begun if need be; null: no room. */
static struct datagram *datagram_find(struct reassembly *r, const struct packet_view *view, const uint8_t *addresses,
                                      uint64_t now_ns)
{
	struct datagram *unused = NULL, *oldest = NULL, *d;
	uint32_t i, of_source = 0;

	for (i = 0; i < r->limits.datagrams; i++) {
		d = &r->slots[i];
		datagram_expire(r, d, now_ns);
		if (d->state == UNUSED) {
			unused = unused ? unused : d;
			continue;
		}
		if (same_datagram(d, view, addresses))
			return d;
		if (!same_source(d, view, addresses))
			continue;
		of_source++;
		if (!oldest || d->since_ns < oldest->since_ns)
			oldest = d;
	}
	if (of_source >= r->limits.per_source) {
		datagram_forget(r, oldest);
		r->counts.evicted++;
		unused = oldest;
	}
	if (!unused)
		return NULL;
	unused->state = GATHERING;
	unused->version = view->version;
	unused->proto = view->proto;
	unused->id = view->fragment_id;
	unused->since_ns = now_ns;
	memcpy(unused->addresses, addresses, 2u * view->address_size);
	r->counts.datagrams++;
	return unused;
}

/* Puts the fragment's bytes in their place. PACKET_FRAGMENT, or why not. */
static enum packet_verdict datagram_insert(struct reassembly *r, struct datagram *d, const struct packet_view *view,
                                           const uint8_t *data)
{
	uint32_t offset = view->fragment_offset, size = view->total - view->fragment_data, end = offset + size;
	struct piece **at = &d->pieces, *before = NULL, *p;

	while (*at && (*at)->offset < offset) {
		before = *at;
		at = &before->next;
	}
	if ((before && before->offset + before->size > offset) || (*at && (*at)->offset < end))
		return PACKET_FRAGMENT_OVERLAP;
	if (view->fragment_more ? d->end && end > d->end : d->end || *at)
		return PACKET_FRAGMENT_OVERLAP;
	if (d->count == MOST_FRAGMENTS)
		return PACKET_FRAGMENT_LIMIT;
	p = piece_new(r, data + view->fragment_data, offset, size);
	if (!p)
		return PACKET_FRAGMENT_LIMIT;
	p->next = *at;
	*at = p;
	d->count++;
	d->have += size;
	if (!view->fragment_more)
		d->end = end;
	return PACKET_FRAGMENT;
}

/* Keeps what stands in front of the data, without the fragment header. */
static enum packet_verdict datagram_keep_header(struct reassembly *r, struct datagram *d,
                                                const struct packet_view *view, const uint8_t *data)
{
	uint32_t size = view->version == 4 ? view->fragment_data : view->fragment_data - (uint32_t)FRAGMENT_HEADER;

	d->head = piece_new(r, data, 0, size);
	if (!d->head)
		return PACKET_FRAGMENT_LIMIT;
	d->next_at = view->fragment_next;
	if (view->version == 6)
		d->head->bytes[d->next_at] = data[size]; /* now names what the fragment header named */
	return PACKET_FRAGMENT;
}

/* Lays headers and pieces end to end in r->whole; gives the size, 0 when it would be too long. */
static uint32_t datagram_join(struct reassembly *r, const struct datagram *d)
{
	uint32_t header = d->head->size, total = header + d->end;
	const struct piece *p;

	if ((d->version == 4 ? total : total - WIRE_IPV6_SIZE) > LONGEST)
		return 0;
	memcpy(r->whole, d->head->bytes, header);
	for (p = d->pieces; p; p = p->next)
		memcpy(r->whole + header + p->offset, p->bytes, p->size);
	if (d->version == 6) {
		wire_put16(r->whole + WIRE_IPV6_PAYLOAD, (uint16_t)(total - WIRE_IPV6_SIZE));
		return total;
	}
	wire_put16(r->whole + WIRE_IPV4_TOTAL, (uint16_t)total);
	wire_put16(r->whole + WIRE_IPV4_FRAGMENT, 0);
	wire_put16(r->whole + WIRE_IPV4_CHECKSUM, 0);
	wire_put16(r->whole + WIRE_IPV4_CHECKSUM, checksum_finish(checksum_add(0, r->whole, header)));
	return total;
}

enum packet_verdict reassembly_add(struct reassembly *r, const struct packet_view *view, const uint8_t *data,
                                   uint64_t now_ns, uint8_t **packet, uint32_t *size)
{
	struct datagram *d = datagram_find(r, view, data + view->addresses, now_ns);
	enum packet_verdict verdict;
	uint32_t total;

	if (!d)
		return PACKET_FRAGMENT_LIMIT;
	if (d->state == DEAD)
		return d->why;
	verdict = datagram_insert(r, d, view, data);
	if (verdict == PACKET_FRAGMENT && view->fragment_offset == 0)
		verdict = datagram_keep_header(r, d, view, data);
	if (verdict != PACKET_FRAGMENT) {
		datagram_kill(r, d);
		d->why = verdict;
		return verdict;
	}
	/* No two pieces overlap and none lies beyond the end: enough bytes are all bytes. */
	if (!d->head || !d->end || d->have != d->end)
		return PACKET_FRAGMENT;
	total = datagram_join(r, d);
	datagram_forget(r, d);
	if (!total)
		return PACKET_BAD_FRAGMENT;
	r->counts.completed++;
	*packet = r->whole;
	*size = total;
	return PACKET_OK;
}
