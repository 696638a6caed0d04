/* SPDX-License-Identifier: MIT
 * control/list.c - the verbs flows, flow and close
 *
 * Unsorted, rows are written as the walk finds them, at the pace of the client. Sorted, the first `limit` of all are kept
 * and written at the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "control/owners.h"
#include "control/rates.h"
#include "control/server.h"
#include "control/top.h"
#include "control/verbs.h"
#include "control/walk.h"
#include "flow/flow.h"
#include "flow/flowid.h"

/* ---- flows ---- */

struct list {
	struct job job;
	struct control *control;
	struct walk *walk; /* null when it is over */
	struct filter filter;
	struct top top;
	enum sort sort;
	bool rates;
	uint32_t limit, written;
	struct flow_row *batch;
	struct owners_question *question; /* about the batch, under way */
	unsigned at, count; /* of the batch, or of the top rows */
	uint32_t found, by_proto[3];
	uint64_t rate_up, rate_down;
};

static void free_list(struct list *l)
{
	owners_cancel(l->question);
	walk_cancel(l->walk);
	top_fini(&l->top);
	free(l);
}

static void end_list(struct list *l, int result)
{
	struct client *c = l->job.client;
	struct jsonw *w;

	if (result) {
		client_failed(c, result, NULL, "a shard of the host did not answer");
		free_list(l);
		return;
	}
	w = client_ok(c);
	jsonw_uint(w, "flows", l->found);
	jsonw_uint(w, "shown", l->written);
	jsonw_uint(w, "tcp", l->by_proto[0]);
	jsonw_uint(w, "udp", l->by_proto[1]);
	jsonw_uint(w, "icmp", l->by_proto[2]);
	if (l->rates) {
		jsonw_uint(w, "up_rate", l->rate_up);
		jsonw_uint(w, "down_rate", l->rate_down);
	}
	client_send_ok(c);
	free_list(l);
}

static bool send_row(struct list *l, struct flow_row *row)
{
	if (!client_has_room(l->job.client))
		return false;
	owners_fill(l->control->owners, row);
	row_write(client_item(l->job.client), row);
	if (client_send_item(l->job.client))
		l->written++;
	return true;
}

static void on_room(struct job *j)
{
	struct list *l = (struct list *)j;

	if (!l->batch || l->question)
		return; /* the next one, or whose they are, is on its way */
	for (; l->at < l->count; l->at++)
		if (l->written < l->limit && !send_row(l, &l->batch[l->at]))
			return;
	l->batch = NULL;
	if (l->walk)
		walk_next(l->walk);
	else
		end_list(l, ADIT_OK);
}

static void on_owners(void *arg)
{
	struct list *l = arg;

	l->question = NULL;
	on_room(&l->job);
}

/* Writes these rows, once it is known whose they are. */
static void begin_batch(struct list *l, struct flow_row *rows, unsigned count)
{
	unsigned left = l->limit - l->written;

	l->batch = rows;
	l->at = 0;
	l->count = count;
	if (l->written < l->limit)
		l->question = owners_ask(l->control->owners, rows, count < left ? count : left, on_owners, l);
	on_room(&l->job);
}

static void count_row(struct list *l, const struct flow_row *row)
{
	l->found++;
	l->by_proto[flow_protocol(row->proto)]++;
	if (row->rate_up != ROW_NO_RATE) {
		l->rate_up += row->rate_up;
		l->rate_down += row->rate_down;
	}
}

static void on_batch(void *arg, struct flow_row *rows, unsigned count)
{
	struct list *l = arg;
	uint64_t now = server_now(l->control);
	unsigned i, fit = 0;

	for (i = 0; i < count; i++) {
		if (l->rates)
			rates_fill(l->control->rates, &rows[i], now);
		if (!filter_fits(&l->filter, &rows[i]))
			continue;
		count_row(l, &rows[i]);
		/* Out of memory it has fewer rows, as its last line then says. */
		if (l->sort != SORT_NONE)
			top_add(&l->top, &rows[i]);
		else
			rows[fit++] = rows[i];
	}
	if (l->sort != SORT_NONE) {
		walk_next(l->walk);
		return;
	}
	begin_batch(l, rows, fit);
}

static void on_walked(void *arg, int result)
{
	struct list *l = arg;

	l->walk = NULL;
	if (result || l->sort == SORT_NONE) {
		end_list(l, result);
		return;
	}
	top_order(&l->top);
	if (l->top.count)
		begin_batch(l, l->top.rows, l->top.count);
	else
		end_list(l, ADIT_OK);
}

static void cancel_list(struct job *j)
{
	free_list((struct list *)j);
}

static const struct job_table list_table = {.name = "flows", .room = on_room, .cancel = cancel_list};
static const struct walk_calls list_calls = {on_batch, on_walked};

void verb_flows(struct client *c, const struct request *q)
{
	char why[REQUEST_WHY];
	struct list *l;
	enum sort sort = q->arg[ARG_SORT].given ? sort_named(q->arg[ARG_SORT].text) : SORT_NONE;
	int err;

	if (sort == SORT_KEYS) {
		client_error(c, "invalid", "\"sort\" is %s", sort_names());
		return;
	}
	l = calloc(1, sizeof(*l));
	if (!l) {
		client_failed(c, ADIT_ENOMEM, NULL, NULL);
		return;
	}
	err = filter_read(&l->filter, q, why);
	if (err) {
		client_error(c, "invalid", "%s", why);
		free(l);
		return;
	}
	l->control = c->control;
	l->sort = sort;
	l->limit = q->arg[ARG_LIMIT].given ? (uint32_t)q->arg[ARG_LIMIT].number : UINT32_MAX;
	l->rates = q->arg[ARG_RATES].number != 0 || sort == SORT_UP_RATE || sort == SORT_DOWN_RATE || sort == SORT_RATE;
	top_init(&l->top, sort, l->limit);
	l->job.table = &list_table;
	err = walk_new(&l->walk, c->control->options.host, &list_calls, l);
	if (err) {
		client_failed(c, err, NULL, NULL);
		free(l);
		return;
	}
	client_give_job(c, &l->job);
}

/* ---- one flow ---- */

struct one {
	struct job job;
	struct control *control;
	adit_flow handle;
	bool close; /* ends it */
	bool found;
	char owner[ROW_PART_NAME];
	struct flow_row row;
};

static void cancel_later(struct job *j)
{
	(void)j; /* it is with a shard, and freed when it comes back */
}

static const struct job_table one_table = {.name = "flow", .cancel = cancel_later};

static void take_one(struct shard *s, void *arg)
{
	struct one *o = arg;
	struct flow *f = flowtable_get(s->flows, o->handle);

	if (!f)
		return;
	o->found = true;
	row_take(&o->row, s, f);
	snprintf(o->owner, sizeof(o->owner), "%s", f->owner ? f->owner->name : "");
	if (o->close && f->state != FLOW_CLOSED)
		flow_end(s, f, ADIT_ECANCEL);
}

static void answer_one(void *arg)
{
	struct one *o = arg;
	struct client *c = o->job.client;
	struct jsonw *w;

	if (c) {
		owners_fill(o->control->owners, &o->row);
		if (!o->close)
			rates_fill(o->control->rates, &o->row, server_now(o->control));
		w = client_ok(c);
		if (o->close)
			jsonw_uint(w, "closed", o->row.state != FLOW_CLOSED);
		row_write(w, &o->row);
		jsonw_text(w, "owner", *o->owner ? o->owner : NULL);
		client_send_ok(c);
	}
	free(o);
}

static void on_one(void *arg, adit_result result)
{
	struct one *o = arg;
	struct client *c = o->job.client;

	if (c && result) {
		client_failed(c, result, NULL, "the shard of the flow did not answer");
	} else if (c && !o->found) {
		client_error(c, "unknown", "there is no such flow any more");
	} else if (c) {
		if (o->close || !owners_ask(o->control->owners, &o->row, 1, answer_one, o))
			answer_one(o);
		return;
	}
	free(o);
}

static void ask_one(struct client *c, const char *name, bool close)
{
	struct host *h = c->control->options.host;
	struct one *o = calloc(1, sizeof(*o));
	uint32_t shard;
	int err;

	if (!o || !h) {
		client_failed(c, h ? ADIT_ENOMEM : ADIT_ENOSYS, NULL, NULL);
		free(o);
		return;
	}
	if (!flowid_read(name, host_shards(h), &o->handle, &shard)) {
		client_error(c, "invalid", "\"%.32s\" is no flow; \"flows\" names them", name);
		free(o);
		return;
	}
	o->control = c->control;
	o->close = close;
	o->job.table = &one_table;
	err = host_call(h, shard, take_one, o, on_one);
	if (err) {
		client_failed(c, err, NULL, NULL);
		free(o);
		return;
	}
	client_give_job(c, &o->job);
}

void verb_flow(struct client *c, const struct request *q)
{
	if (q->arg[ARG_FLOW].given)
		ask_one(c, q->arg[ARG_FLOW].text, false);
	else
		client_error(c, "invalid", "\"flow\" is missing: which one?");
}

/* ---- close by a filter ---- */

struct closing {
	struct job job;
	struct control *control;
	struct walk *walk;
	struct filter filter;
	uint32_t limit, closed;
	uint32_t ended; /* of the batch that is with a shard */
	unsigned count;
	bool away;
	adit_flow handles[WALK_SLOTS];
};

static void free_closing(struct closing *g)
{
	walk_cancel(g->walk);
	free(g);
}

static void on_closed_all(void *arg, int result)
{
	struct closing *g = arg;
	struct client *c = g->job.client;
	char what[SERVER_WHAT];

	g->walk = NULL;
	snprintf(what, sizeof(what), "close of %u flows", g->closed);
	server_changed(g->control, c, what);
	if (result) {
		client_failed(c, result, NULL, "a shard of the host did not answer");
	} else {
		jsonw_uint(client_ok(c), "closed", g->closed);
		client_send_ok(c);
	}
	free_closing(g);
}

static void end_them(struct shard *s, void *arg)
{
	struct closing *g = arg;
	unsigned i;

	for (i = 0; i < g->count; i++) {
		struct flow *f = flowtable_get(s->flows, g->handles[i]);

		if (!f || f->state == FLOW_CLOSED)
			continue;
		flow_end(s, f, ADIT_ECANCEL);
		g->ended++;
	}
}

static void on_ended(void *arg, adit_result result)
{
	struct closing *g = arg;

	g->away = false;
	g->closed += g->ended;
	if (!g->job.client) {
		free_closing(g);
	} else if (result || g->closed >= g->limit) {
		walk_cancel(g->walk);
		on_closed_all(g, result);
	} else {
		walk_next(g->walk);
	}
}

static void on_to_close(void *arg, struct flow_row *rows, unsigned count)
{
	struct closing *g = arg;
	unsigned i;

	g->count = 0;
	g->ended = 0;
	for (i = 0; i < count && g->closed + g->count < g->limit; i++)
		if (filter_fits(&g->filter, &rows[i]) && rows[i].state != FLOW_CLOSED)
			g->handles[g->count++] = rows[i].handle;
	if (!g->count) {
		walk_next(g->walk);
		return;
	}
	g->away = host_call(g->control->options.host, rows[0].shard, end_them, g, on_ended) == ADIT_OK;
	if (!g->away) {
		walk_cancel(g->walk);
		on_closed_all(g, ADIT_ENOMEM);
	}
}

static void cancel_closing(struct job *j)
{
	struct closing *g = (struct closing *)j;

	if (!g->away)
		free_closing(g);
}

static const struct job_table closing_table = {.name = "close", .cancel = cancel_closing};
static const struct walk_calls closing_calls = {on_to_close, on_closed_all};

static void close_by_filter(struct client *c, const struct request *q)
{
	struct closing *g = calloc(1, sizeof(*g));
	char why[REQUEST_WHY] = "";
	int err;

	if (!g) {
		client_failed(c, ADIT_ENOMEM, NULL, NULL);
		return;
	}
	err = filter_read(&g->filter, q, why);
	if (!err && (!q->arg[ARG_CONFIRM].number || !q->arg[ARG_LIMIT].given)) {
		err = ADIT_EINVAL;
		snprintf(why, sizeof(why), "to close flows by a filter, say \"confirm\": true and a \"limit\"");
	}
	if (err) {
		client_error(c, "invalid", "%s", why);
		free(g);
		return;
	}
	g->control = c->control;
	g->limit = (uint32_t)q->arg[ARG_LIMIT].number;
	g->job.table = &closing_table;
	err = walk_new(&g->walk, c->control->options.host, &closing_calls, g);
	if (err) {
		client_failed(c, err, NULL, NULL);
		free(g);
		return;
	}
	client_give_job(c, &g->job);
}

void verb_close(struct client *c, const struct request *q)
{
	struct filter f;
	char why[REQUEST_WHY], what[SERVER_WHAT];

	if (!q->arg[ARG_FLOW].given) {
		close_by_filter(c, q);
		return;
	}
	if (filter_read(&f, q, why) || !filter_is_empty(&f)) {
		client_error(c, "invalid", "either a \"flow\", or a filter");
		return;
	}
	snprintf(what, sizeof(what), "close of flow %.20s", q->arg[ARG_FLOW].text);
	server_changed(c->control, c, what);
	ask_one(c, q->arg[ARG_FLOW].text, true);
}
