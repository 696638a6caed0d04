/* SPDX-License-Identifier: MIT
 * dial/carry.c - UDP flows over sockets of our own
 *
 * A mapping is one unconnected socket for all flows of one application endpoint (or, by rule, of that endpoint and
 * one destination). Datagrams going up wait until the end of the turn and leave in batches, equal ones in one send
 * with UDP_SEGMENT; those coming down are read in batches with UDP_GRO, and equal neighbours go to the application
 * as one super-packet. A datagram from a stranger that the filtering rule lets in makes a flow of its own.
 */
#include "dial/carry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "dial/carrier.h"
#include "dial/dialer.h"
#include "dial/echo.h"
#include "observe/log.h"
#include "os/os.h"

/* ---- mappings ---- */

static struct mapping **bucket(struct carrier *c, const struct mapping_key *key)
{
	return &c->buckets[hash_bytes(&c->hash, key, sizeof(*key)) % MAPPING_BUCKETS];
}

static void make_key(const struct carrier *c, const adit_addr *src, const adit_addr *dst, struct mapping_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->src, src->ip, src->family == 4 ? 4 : 16);
	key->sport = src->port;
	key->family = src->family;
	if (c->rules.mapping != CARRY_ENDPOINT_INDEPENDENT)
		memcpy(key->dst, dst->ip, dst->family == 4 ? 4 : 16);
	if (c->rules.mapping == CARRY_ADDRESS_AND_PORT)
		key->dport = dst->port;
}

void carrier_unref(struct mapping *m)
{
	struct mapping **p;

	if (--m->flows)
		return;
	for (p = bucket(m->carrier, &m->key); *p != m; p = &(*p)->next)
		;
	*p = m->next;
	loop_io_fini(&m->io);
	close(m->fd);
	free(m);
}

static struct mapping *mapping_new(struct carrier *c, const struct mapping_key *key, const adit_addr *src, adit_result *err)
{
	struct mapping *m = calloc(1, sizeof(*m)), **p = bucket(c, key);

	if (!m) {
		*err = ADIT_ENOMEM;
		return NULL;
	}
	m->carrier = c;
	m->batch = CARRIER_READ - 1;
	m->key = *key;
	m->src = *src;
	m->fd = carrier_udp_socket(c, src->family, err);
	if (m->fd < 0) {
		free(m);
		return NULL;
	}
	loop_io_init(&m->io, c->shard->loop, m->fd, carrier_readable, m);
	loop_io_want(&m->io, ADIT_IO_READ);
	m->next = *p;
	*p = m;
	return m;
}

static struct mapping *mapping_for(struct carrier *c, const adit_addr *src, const adit_addr *dst, adit_result *err)
{
	struct mapping_key key;
	struct mapping *m;

	make_key(c, src, dst, &key);
	for (m = *bucket(c, &key); m; m = m->next)
		if (!memcmp(&m->key, &key, sizeof(key)))
			return m;
	return mapping_new(c, &key, src, err);
}

/* ---- flows ---- */

static void udp_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	struct carried *u = f->owned;

	switch (ev->type) {
	case ADIT_EV_DGRAM:
		f->bytes_up += ev->u.buf->len;
		carrier_send(s->carrier, u->mapping, ev->u.buf, &u->to);
		break;
	case ADIT_EV_CLOSED:
		flow_end(s, f, ev->code);
		break;
	default:
		if (ev->flags & ADIT_EVF_BUF)
			bufpool_put(&ev->u.buf, 1);
		break;
	}
}

static void udp_end(struct shard *s, struct flow *f, adit_result code)
{
	struct carried *u = f->owned;

	carrier_flush(s->carrier); /* what waits refers to the mapping */
	*u->link = u->next;
	if (u->next)
		u->next->link = u->link;
	if (f->flags & FLOW_INBOUND)
		s->carrier->inbound--;
	carrier_unref(u->mapping);
	f->owned = NULL;
	free(u);
}

static const struct flow_owner carried = {"udp", udp_event, NULL, udp_end, NULL};

static adit_result attach(struct shard *s, struct flow *f, struct mapping *m, const adit_addr *to)
{
	struct carried *u = calloc(1, sizeof(*u));

	if (!u)
		return ADIT_ENOMEM;
	u->mapping = m;
	u->to = *to;
	u->flow = f;
	u->next = m->carried;
	u->link = &m->carried;
	if (u->next)
		u->next->link = &u->next;
	m->carried = u;
	m->flows++;
	f->owner = &carried;
	f->owned = u;
	return ADIT_OK;
}

adit_result carry_flow(struct shard *s, struct flow *f, const adit_addr *dst)
{
	adit_addr to = policy_target(&s->policy, dst);
	adit_result err = ADIT_OK;
	struct mapping *m;

	if (policy_dial(&s->policy, f->info.proto, dst) != PACKET_OK)
		return ADIT_EADMIN;
	if (f->info.proto != ADIT_PROTO_UDP)
		return echo_flow(s, f, &to);
	if (dst->family != f->info.src.family)
		return ADIT_EINVAL;
	m = mapping_for(s->carrier, &f->info.src, dst, &err);
	if (!m)
		return err;
	m->flows++; /* held while attaching */
	err = attach(s, f, m, &to);
	m->flows--;
	if (err != ADIT_OK) {
		m->flows++;
		carrier_unref(m);
		return err;
	}
	if (f->state == FLOW_ASKED)
		flow_admit(s, f, 0);
	return ADIT_OK;
}

/* ---- who may send to a mapping ---- */

struct flow *carrier_flow_to(struct mapping *m, const adit_addr *to)
{
	struct carried *u = m->carried;
	struct flow *f;

	/* Most mappings have one flow: no need to look it up. */
	if (u && endpoint_same(&u->to, to) && endpoint_same(&u->flow->info.dst, to))
		return u->flow;
	f = flowtable_find(m->carrier->shard->flows, ADIT_PROTO_UDP, &m->src, to);
	if (f && f->owner == &carried && ((struct carried *)f->owned)->mapping == m &&
	    endpoint_same(&((struct carried *)f->owned)->to, to))
		return f;
	/* Rare: only handlers that redirect, and strangers, get here. */
	for (u = m->carried; u; u = u->next)
		if (endpoint_same(&u->to, to))
			return u->flow;
	return NULL;
}

static int lets_in(const struct carrier *c, const struct mapping *m, const adit_addr *from)
{
	const struct carried *u;

	if (c->rules.filtering == CARRY_ENDPOINT_INDEPENDENT)
		return 1;
	if (c->rules.filtering == CARRY_ADDRESS_AND_PORT)
		return 0;
	for (u = m->carried; u; u = u->next)
		if (!(u->flow->flags & FLOW_INBOUND) && endpoint_same_ip(&u->to, from))
			return 1;
	return 0;
}

/* Strangers may take a quarter of the places for datagram flows, so that they cannot keep applications out. */
static int too_many_strangers(const struct carrier *c)
{
	return c->inbound >= flowtable_limits(c->shard->flows)->datagram / 4;
}

struct flow *carrier_flow_from(struct mapping *m, const adit_addr *from)
{
	struct carrier *c = m->carrier;
	struct shard *s = c->shard;
	struct flow *f = carrier_flow_to(m, from);

	if (f)
		return f;
	if (s->draining || too_many_strangers(c) || !lets_in(c, m, from))
		return NULL;
	/* What the application answers goes there without being judged again. */
	if (policy_dial(&s->policy, ADIT_PROTO_UDP, from) != PACKET_OK)
		return NULL;
	/* Of another mapping, or on its way elsewhere: no second one with these endpoints can be. */
	if (flowtable_find(s->flows, ADIT_PROTO_UDP, &m->src, from))
		return NULL;
	/* The mapping is here because flows are, so this is their home. */
	if (!home_take(s, &m->src))
		return NULL;
	f = flowtable_add(s->flows, ADIT_PROTO_UDP, &m->src, from);
	if (!f) {
		home_leave(s, &m->src);
		return NULL;
	}
	f->stack = s->stack_of[1];
	f->opened = loop_now(s->loop);
	f->last = (uint32_t)(f->opened / OS_SECOND);
	if (attach(s, f, m, from) != ADIT_OK) {
		home_leave(s, &m->src);
		flowtable_remove(s->flows, f);
		return NULL;
	}
	f->flags |= FLOW_INBOUND;
	c->inbound++;
	shard_count(s, COUNT_flows_opened, 1);
	shard_count_flow(s, COUNT_opened_tcp, f);
	flow_admit(s, f, 0);
	return f;
}

/* ---- life ---- */

adit_result carrier_new(struct shard *s)
{
	struct carrier *c = calloc(1, sizeof(*c));

	if (!c)
		return ADIT_ENOMEM;
	c->shard = s;
	os_random(&c->hash, sizeof(c->hash));
	s->carrier = c;
	return ADIT_OK;
}

void carrier_rules(struct shard *s, const struct carry_rules *rules)
{
	s->carrier->rules = *rules;
}

void carrier_free(struct shard *s)
{
	struct carrier *c = s->carrier;
	unsigned i;

	if (!c)
		return;
	carrier_flush(c);
	for (i = 0; i < MAPPING_BUCKETS; i++) {
		while (c->buckets[i]) {
			struct mapping *m = c->buckets[i];

			m->flows = 1;
			carrier_unref(m);
		}
	}
	bufpool_put(c->stash, c->stashed);
	free(c);
	s->carrier = NULL;
}
