/* SPDX-License-Identifier: MIT
 * control/walk.c - a walk over all flows of the host
 */
#include "control/walk.h"

#include <stdlib.h>

#include <adit/abi.h>

struct walk {
	struct host *host;
	const struct walk_calls *calls; /* null: cancelled */
	void *arg;
	unsigned shard;
	uint32_t from;
	bool away;   /* the shard has it */
	bool inside; /* in a call of batch */
	bool wanted; /* walk_next was called inside */
	unsigned count;
	struct flow_row rows[WALK_SLOTS];
};

struct step {
	struct walk *w;
	struct shard *shard;
};

static void copy(void *arg, struct flow *f)
{
	struct step *step = arg;

	row_take(&step->w->rows[step->w->count++], step->shard, f);
}

/* [loop] */
static void take_batch(struct shard *s, void *arg)
{
	struct walk *w = arg;
	struct step step = {w, s};

	w->count = 0;
	w->from = flowtable_walk(s->flows, w->from, WALK_SLOTS, copy, &step);
}

static void finish(struct walk *w, int result)
{
	const struct walk_calls *calls = w->calls;
	void *arg = w->arg;

	free(w);
	if (calls)
		calls->end(arg, result);
}

static void go_on(struct walk *w);

static void on_batch(void *arg, adit_result result)
{
	struct walk *w = arg;

	w->away = false;
	if (!w->calls || result) {
		finish(w, result);
		return;
	}
	if (!w->from)
		w->shard++;
	w->inside = true;
	w->wanted = !w->count;
	if (w->count)
		w->calls->batch(w->arg, w->rows, w->count);
	w->inside = false;
	if (!w->calls)
		finish(w, ADIT_OK);
	else if (w->wanted)
		go_on(w);
}

static void go_on(struct walk *w)
{
	int err;

	if (w->shard >= host_shards(w->host)) {
		finish(w, ADIT_OK);
		return;
	}
	err = host_call(w->host, w->shard, take_batch, w, on_batch);
	w->away = err == 0;
	if (err)
		finish(w, err);
}

void walk_next(struct walk *w)
{
	if (w->inside)
		w->wanted = true;
	else if (!w->away)
		go_on(w);
}

int walk_new(struct walk **out, struct host *host, const struct walk_calls *calls, void *arg)
{
	struct walk *w = host ? malloc(sizeof(*w)) : NULL;
	int err;

	if (!w)
		return host ? ADIT_ENOMEM : ADIT_EINVAL;
	w->host = host;
	w->calls = calls;
	w->arg = arg;
	w->shard = 0;
	w->from = 0;
	w->inside = w->wanted = false;
	w->away = true;
	err = host_call(host, 0, take_batch, w, on_batch);
	if (err) {
		free(w);
		return err;
	}
	*out = w;
	return ADIT_OK;
}

void walk_cancel(struct walk *w)
{
	if (!w)
		return;
	w->calls = NULL;
	if (!w->away && !w->inside)
		free(w);
}
