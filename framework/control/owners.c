/* SPDX-License-Identifier: MIT
 * control/owners.c - whose flows are
 *
 * A question outlives whoever asked: it is with the pool, and what it finds out is kept all the same. A place of the table
 * belongs to the flow that was asked for last; handles are never used twice.
 */
#include "control/owners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <adit/owner.h>

#include "host/host.h"
#include "loop/pool.h"
#include "os/os.h"

struct known {
	adit_flow handle; /* 0: a place that is free */
	uint32_t shard;
	struct flow_user user;
};

struct owners {
	struct host *host;
	const adit_owner_1 *table; /* null: the platform cannot tell */
	struct owners_question *first;
	struct known known[OWNERS_KEPT];
};

struct asked {
	adit_flow handle;
	uint32_t shard;
	bool answered;
	adit_flow_info info;
	struct flow_user user;
};

struct owners_question {
	struct owners *owners; /* null: they are gone */
	struct owners_question *next, **link;
	const adit_owner_1 *table;
	void (*done)(void *arg); /* null: nobody waits any more */
	void *arg;
	unsigned count;
	struct asked asked[OWNERS_ASKED];
};

struct owners *owners_new(struct host *host)
{
	struct owners *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->host = host;
	o->table = host ? host_platform_interface(host, ADIT_OWNER_1) : NULL;
	if (!ADIT_HAS(o->table, adit_owner_1, find))
		o->table = NULL;
	return o;
}

void owners_free(struct owners *o)
{
	struct owners_question *q;

	if (!o)
		return;
	for (q = o->first; q; q = q->next) {
		q->owners = NULL;
		q->done = NULL;
	}
	free(o);
}

static unsigned place_of(adit_flow handle, uint32_t shard)
{
	return (unsigned)(ADIT_FLOW_SLOT(handle) * 61 + shard) % OWNERS_KEPT;
}

static const struct known *find(const struct owners *o, adit_flow handle, uint32_t shard)
{
	const struct known *k = &o->known[place_of(handle, shard)];

	return k->handle == handle && k->shard == shard ? k : NULL;
}

void owners_fill(const struct owners *o, struct flow_row *row)
{
	const struct known *k = find(o, row->handle, row->shard);

	if (k)
		row->user = k->user;
}

/* ---- asking ---- */

static void work(void *arg)
{
	struct owners_question *q = arg;
	uint64_t end = os_now() + OWNERS_MS * 1000000ull;
	unsigned i;

	for (i = 0; i < q->count && os_now() < end; i++) {
		struct asked *a = &q->asked[i];
		adit_owner owner = {.size = sizeof(owner)};
		adit_result r = q->table->find(&a->info, &owner);

		a->answered = r != ADIT_ETIME;
		if (r != ADIT_OK)
			continue;
		a->user.known = true;
		a->user.uid = owner.uid;
		a->user.pid = owner.pid;
		snprintf(a->user.process, sizeof(a->user.process), "%.31s", owner.name);
	}
}

static void on_done(void *arg)
{
	struct owners_question *q = arg;
	void (*done)(void *arg) = q->done;
	void *whom = q->arg;
	unsigned i;

	for (i = 0; i < q->count && q->owners; i++) {
		const struct asked *a = &q->asked[i];

		if (a->answered)
			q->owners->known[place_of(a->handle, a->shard)] = (struct known){a->handle, a->shard, a->user};
	}
	if (q->owners) {
		*q->link = q->next;
		if (q->next)
			q->next->link = q->link;
	}
	free(q);
	if (done)
		done(whom);
}

struct owners_question *owners_ask(struct owners *o, const struct flow_row *rows, unsigned count, void (*done)(void *arg),
                                   void *arg)
{
	struct owners_question *q = o->table && count ? malloc(sizeof(*q)) : NULL;
	unsigned i;

	if (!q)
		return NULL;
	memset(q, 0, offsetof(struct owners_question, asked));
	for (i = 0; i < count && q->count < OWNERS_ASKED; i++) {
		const struct flow_row *row = &rows[i];

		/* Only of TCP and UDP the system tells; of a connection that is over it tells no more. */
		if (row->state == FLOW_CLOSED || (row->proto != ADIT_PROTO_TCP && row->proto != ADIT_PROTO_UDP) ||
		    find(o, row->handle, row->shard))
			continue;
		q->asked[q->count++] = (struct asked){
			.handle = row->handle,
			.shard = row->shard,
			.info = {.size = sizeof(adit_flow_info), .proto = row->proto, .src = row->src, .dst = row->dst},
		};
	}
	q->table = o->table;
	if (!q->count || pool_run(host_loop(o->host), work, on_done, q) != ADIT_OK) {
		free(q);
		return NULL;
	}
	q->owners = o;
	q->done = done;
	q->arg = arg;
	q->link = &o->first;
	q->next = o->first;
	if (q->next)
		q->next->link = &q->next;
	o->first = q;
	return q;
}

void owners_cancel(struct owners_question *q)
{
	if (q)
		q->done = NULL;
}
