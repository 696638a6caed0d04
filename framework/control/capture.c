/* SPDX-License-Identifier: MIT
 * control/capture.c - the verbs capture and trace: what passes, as it passes
 *
 * A capture's file comes in pieces, each an item with base64 in it, so that the stream stays one of JSON lines. Who ends its
 * own half of the connection ends the capture in good order.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "conf/format.h"
#include "control/server.h"
#include "control/verbs.h"
#include "flow/flowid.h"
#include "host/capture.h"
#include "host/trace.h"

enum { PIECE = 36000 /* bytes of file in an item: less than CLIENT_LINE_MOST as base64 */ };
_Static_assert(BASE64_SIZE(PIECE) < CLIENT_LINE_MOST - 1024, "an item must fit into a line");

static bool no_host(struct client *c)
{
	if (!c->control->options.host)
		client_failed(c, ADIT_ENOSYS, NULL, NULL);
	return !c->control->options.host;
}

/* False, and answered: the request is wrong. */
static bool read_flow(struct client *c, const struct request *q, uint32_t *shard, adit_flow *flow)
{
	if (flowid_read(q->arg[ARG_FLOW].text, host_shards(c->control->options.host), flow, shard))
		return true;
	client_error(c, "invalid", "\"%.32s\" is no name of a flow; `adit flows` lists them", q->arg[ARG_FLOW].text);
	return false;
}

static const char *why_not(int err, const struct request *q)
{
	if (err == ADIT_ENOENT)
		return q->arg[ARG_STACK].given ? "there is no such stack" : "there is no such flow, or no more";
	return err == ADIT_ELIMIT ? "others look already, as many as may" : NULL;
}

/* ---- capture ---- */

struct capturing {
	struct job job;
	struct capture *capture;
	bool of_stack;
	char text[BASE64_SIZE(PIECE) + 3]; /* between quotes: JSON as it is */
};

static void free_capturing(struct capturing *g)
{
	capture_free(g->capture);
	free(g);
}

static void end_capturing(struct capturing *g, int result)
{
	struct client *c = g->job.client;
	struct capture_counts counts;
	struct jsonw *w;

	if (result) {
		client_failed(c, result, NULL,
		              result != ADIT_ENOENT ? NULL : g->of_stack ? "there is no such stack" : "there is no such flow, or no more");
	} else {
		capture_count(g->capture, &counts);
		w = client_ok(c);
		jsonw_uint(w, "packets", counts.packets);
		jsonw_uint(w, "lost", counts.lost);
		jsonw_uint(w, "bytes", counts.bytes);
		client_send_ok(c);
	}
	free_capturing(g);
}

static void go_on(struct job *j)
{
	struct capturing *g = (struct capturing *)j;
	struct client *c = j->client;
	const uint8_t *bytes;
	size_t n;
	int result;

	if (!c)
		return;
	if (c->ended)
		capture_end(g->capture);
	while (client_has_room(c) && (n = capture_front(g->capture, &bytes)) > 0) {
		n = n < PIECE ? n : PIECE;
		g->text[0] = '"';
		base64_write(g->text + 1, bytes, n);
		strcpy(g->text + 1 + BASE64_SIZE(n), "\"");
		jsonw_raw(client_item(c), "pcapng", g->text);
		if (!client_send_item(c))
			return;
		capture_take(g->capture, n);
	}
	if (capture_over(g->capture, &result) && !capture_front(g->capture, &bytes))
		end_capturing(g, result);
}

static void capture_news(void *arg)
{
	go_on(arg);
}

static void cancel_capturing(struct job *j)
{
	free_capturing((struct capturing *)j);
}

static const struct job_table capture_table = {.name = "capture", .room = go_on, .cancel = cancel_capturing, .follows = true};

static bool read_limits(struct client *c, const struct request *q, struct capture_options *o)
{
	o->packets = q->arg[ARG_LIMIT].number;
	o->snap = (uint32_t)q->arg[ARG_SNAP].number;
	if (q->arg[ARG_TIME].given && (!format_duration(q->arg[ARG_TIME].text, &o->ns) || !o->ns)) {
		client_error(c, "invalid", "\"time\" is a duration, such as 10s");
		return false;
	}
	if (q->arg[ARG_SIZE].given && (!format_size(q->arg[ARG_SIZE].text, &o->bytes) || !o->bytes)) {
		client_error(c, "invalid", "\"size\" is a number of bytes, such as 10M");
		return false;
	}
	return true;
}

void verb_capture(struct client *c, const struct request *q)
{
	struct capture_options o = {.kind = TAP_DEVICE, .news = capture_news};
	struct capturing *g;
	int err;

	if (no_host(c))
		return;
	if (q->arg[ARG_FLOW].given && q->arg[ARG_STACK].given) {
		client_error(c, "invalid", "\"flow\" and \"stack\" exclude each other");
		return;
	}
	if (!read_limits(c, q, &o) || (q->arg[ARG_FLOW].given && !read_flow(c, q, &o.shard, &o.flow)))
		return;
	o.kind = q->arg[ARG_FLOW].given ? TAP_FLOW : q->arg[ARG_STACK].given ? TAP_STACK : TAP_DEVICE;
	o.stack = q->arg[ARG_STACK].text;
	g = calloc(1, sizeof(*g));
	o.arg = g;
	err = g ? capture_new(&g->capture, c->control->options.host, &o) : ADIT_ENOMEM;
	if (err) {
		free(g);
		client_failed(c, err, NULL, why_not(err, q));
		return;
	}
	g->job.table = &capture_table;
	g->of_stack = o.kind == TAP_STACK;
	jsonw_text(client_item(c), "note", capture_note());
	client_send_item(c);
	client_give_job(c, &g->job);
}

/* ---- trace ---- */

struct tracing {
	struct job job;
	struct trace *trace;
};

static void free_tracing(struct tracing *g)
{
	trace_free(g->trace);
	free(g);
}

static void write_step(struct jsonw *w, const struct trace_step *s)
{
	jsonw_uint(w, "us", s->ns / 1000);
	jsonw_text(w, "who", s->who);
	jsonw_text(w, "way", s->way);
	jsonw_text(w, "what", s->what);
	if (s->bytes)
		jsonw_uint(w, "bytes", s->bytes);
	if (*s->detail)
		jsonw_text(w, "detail", s->detail);
}

static void trace_on(struct job *j)
{
	struct tracing *g = (struct tracing *)j;
	struct client *c = j->client;
	struct trace_step step;
	int result;

	if (!c)
		return;
	while (client_has_room(c) && trace_next(g->trace, &step)) {
		write_step(client_item(c), &step);
		client_send_item(c);
	}
	if (!trace_over(g->trace, &result) && !c->ended)
		return;
	if (result) {
		client_failed(c, result, NULL, "there is no such flow, or no more");
	} else {
		jsonw_uint(client_ok(c), "lost", trace_lost(g->trace));
		client_send_ok(c);
	}
	free_tracing(g);
}

static void trace_news(void *arg)
{
	trace_on(arg);
}

static void cancel_tracing(struct job *j)
{
	free_tracing((struct tracing *)j);
}

static const struct job_table trace_table = {.name = "trace", .room = trace_on, .cancel = cancel_tracing, .follows = true};

void verb_trace(struct client *c, const struct request *q)
{
	uint32_t shard;
	adit_flow flow;
	struct tracing *g;
	int err;

	if (no_host(c))
		return;
	if (!q->arg[ARG_FLOW].given) {
		client_error(c, "invalid", "\"flow\" is missing: which one?");
		return;
	}
	if (!read_flow(c, q, &shard, &flow))
		return;
	g = calloc(1, sizeof(*g));
	err = g ? trace_new(&g->trace, c->control->options.host, shard, flow, trace_news, g) : ADIT_ENOMEM;
	if (err) {
		free(g);
		client_failed(c, err, NULL, why_not(err, q));
		return;
	}
	g->job.table = &trace_table;
	client_give_job(c, &g->job);
}
