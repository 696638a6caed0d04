/* SPDX-License-Identifier: MIT
 * host/call.c - calls from the control thread onto the loops of shards, with an answer on the control loop
 *
 * Nothing here waits. A call has two owners, the control thread and the shard's queue; whoever comes last frees it. Who
 * takes it first, the shard or the deadline, is settled by one exchange of its state, so that a call that was given up is
 * never carried out behind the back of whoever gave it up.
 */
#include <stdlib.h>
#include <string.h>

#include "host/parts.h"
#include "os/os.h"

enum { CALLS_MOST = 4096 };

enum call_state { WAITING, TAKEN, OVER, GIVEN_UP };

struct host_call {
	struct host *host;
	struct host_call *older, *newer; /* in the host's list; [control] */
	struct shard *shard;
	host_call_fn *fn;
	void *arg;
	host_called_fn *done;
	adit_timer deadline;
	atomic_int state; /* enum call_state */
	atomic_int owners;
};

static void unref(struct host_call *c)
{
	if (atomic_fetch_sub(&c->owners, 1) == 1)
		free(c);
}

static void unlink_call(struct host_call *c)
{
	struct host *h = c->host;

	if (c->older)
		c->older->newer = c->newer;
	else
		h->calls = c->newer;
	if (c->newer)
		c->newer->older = c->older;
	h->call_count--;
	loop_timer_fini(&c->deadline);
}

/* [control] */
static void answer(struct host_call *c, adit_result result)
{
	unlink_call(c);
	c->done(c->arg, result);
	unref(c);
}

static void on_over(void *arg)
{
	answer(arg, ADIT_OK);
}

/* [loop] */
static void serve(void *arg)
{
	struct host_call *c = arg;
	int waiting = WAITING;

	if (!atomic_compare_exchange_strong(&c->state, &waiting, TAKEN)) {
		unref(c);
		return;
	}
	c->fn(c->shard, c->arg);
	/* From OVER on host_stop may answer and let go; this reference holds the call until on_over is on its way. Where the
	 * control loop has ended, host_stop answers. */
	atomic_store(&c->state, OVER);
	loop_post(c->host->loop, on_over, c);
	unref(c);
}

static void on_deadline(void *arg)
{
	struct host_call *c = arg;
	int waiting = WAITING;

	if (atomic_compare_exchange_strong(&c->state, &waiting, GIVEN_UP))
		answer(c, ADIT_ETIME);
}

static int begin(struct host *h, struct shard *s, host_call_fn *fn, void *arg, host_called_fn *done, uint64_t deadline)
{
	struct host_call *c;
	adit_result r;

	if (h->call_count == CALLS_MOST)
		return ADIT_ELIMIT;
	c = calloc(1, sizeof(*c));
	if (!c)
		return ADIT_ENOMEM;
	*c = (struct host_call){.host = h, .shard = s, .fn = fn, .arg = arg, .done = done, .newer = h->calls};
	atomic_init(&c->state, WAITING);
	atomic_init(&c->owners, 2);
	loop_timer_init(&c->deadline, h->loop, on_deadline, c);
	r = loop_post(s->loop, serve, c);
	if (r != ADIT_OK) {
		free(c);
		return r;
	}
	loop_timer_set(&c->deadline, deadline, 0);
	if (h->calls)
		h->calls->older = c;
	h->calls = c;
	h->call_count++;
	return ADIT_OK;
}

int host_call(struct host *h, unsigned shard, host_call_fn *fn, void *arg, host_called_fn *done)
{
	if (shard >= h->shard_count || !h->started || h->stopped)
		return ADIT_EINVAL;
	return begin(h, &h->shards[shard]->shard, fn, arg, done, HOST_CALL_SECONDS * OS_SECOND);
}

/* One for all shards: told when the last of its calls is. */
struct round {
	unsigned left;
	adit_result result;
	host_call_fn *fn;
	void *arg;
	host_called_fn *done;
};

static void in_round(struct shard *s, void *arg)
{
	struct round *r = arg;

	r->fn(s, r->arg);
}

static void one_is_back(void *arg, adit_result result)
{
	struct round *r = arg;

	if (result != ADIT_OK && r->result == ADIT_OK)
		r->result = result;
	if (--r->left)
		return;
	r->done(r->arg, r->result);
	free(r);
}

int call_every(struct host *h, host_call_fn *fn, void *arg, host_called_fn *done, bool patient)
{
	struct round *r;
	unsigned i;
	int err = ADIT_OK;

	if (!h->started || h->stopped)
		return ADIT_EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ADIT_ENOMEM;
	*r = (struct round){0, ADIT_OK, fn, arg, done};
	for (i = 0; i < h->shard_count; i++) {
		err = begin(h, &h->shards[i]->shard, in_round, r, one_is_back, patient ? 0 : HOST_CALL_SECONDS * OS_SECOND);
		if (err)
			break;
		r->left++;
	}
	if (!r->left) {
		free(r);
		return err;
	}
	if (err)
		r->result = err; /* some are on their way: the answer says that not all are */
	return ADIT_OK;
}

void calls_end(struct host *h)
{
	while (h->calls) {
		struct host_call *c = h->calls;
		int waiting = WAITING;
		bool never = atomic_compare_exchange_strong(&c->state, &waiting, GIVEN_UP);

		answer(c, never ? ADIT_ECANCEL : ADIT_OK);
	}
}
