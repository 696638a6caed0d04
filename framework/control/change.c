/* SPDX-License-Identifier: MIT
 * control/change.c - the verbs diff, reload and swap: what the host can change while it runs
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "control/server.h"
#include "control/verbs.h"
#include "os/os.h"

enum { MS = 1000000 };

/* ---- diff and reload ---- */

static void write_step(struct jsonw *w, const struct host_step *step)
{
	jsonw_text(w, "change", host_change_name(step->change));
	if (step->kind != CONF_KINDS)
		jsonw_text(w, "kind", conf_kind_name(step->kind));
	jsonw_text(w, "name", step->name);
	if (*step->module)
		jsonw_text(w, "module", step->module);
	if (step->generation)
		jsonw_uint(w, "generation", step->generation);
	jsonw_text(w, "why", step->why);
}

static void answer_plan(struct client *c, const struct host_plan *plan)
{
	struct jsonw *w;
	size_t i;

	c->lost = 0;
	for (i = 0; i < plan->count; i++) {
		write_step(client_item(c), &plan->steps[i]);
		client_send_item(c);
	}
	w = client_ok(c);
	jsonw_uint(w, "changes", plan->count);
	jsonw_uint(w, "kept", plan->kept);
	if (c->lost)
		jsonw_uint(w, "lost", c->lost);
	client_send_ok(c);
}

/* The manifest as it is now, or an answer that says what is wrong with it. */
static struct conf *load(struct client *c)
{
	const struct control_options *o = &c->control->options;
	struct report findings;
	struct conf *conf = NULL;
	int err;

	if (!o->host || !o->load) {
		client_failed(c, ADIT_ENOSYS, NULL, "this host has no manifest that could be read again");
		return NULL;
	}
	report_init(&findings);
	err = o->load(o->arg, &conf, &findings);
	if (err) {
		client_failed(c, err, &findings, "the manifest cannot be used; nothing has changed");
		conf = NULL;
	}
	report_fini(&findings);
	return conf;
}

void verb_diff(struct client *c, const struct request *q)
{
	struct conf *conf = load(c);
	struct host_plan *plan = NULL;
	struct report findings;
	int err;

	(void)q;
	if (!conf)
		return;
	report_init(&findings);
	err = host_diff(c->control->options.host, conf, &findings, &plan);
	conf_unref(conf);
	if (err)
		client_failed(c, err, &findings, NULL);
	else
		answer_plan(c, plan);
	host_plan_free(plan);
	report_fini(&findings);
}

struct change {
	struct job job;
	struct control *control;
	struct conf *conf; /* reload: the new one */
};

static void cancel_reload(struct job *j)
{
	(void)j; /* it goes on, and is freed when it is done */
}

static const struct job_table reload_table = {.name = "reload", .cancel = cancel_reload};

static void on_reloaded(void *arg, adit_result result, const struct host_plan *plan, const struct report *r)
{
	struct change *g = arg;
	struct client *c = g->job.client;

	if (!result && g->control->options.took)
		g->control->options.took(g->control->options.arg, g->conf);
	if (c && result) {
		client_failed(c, result, r, "nothing has changed");
	} else if (c) {
		server_changed(g->control, c, "reload");
		answer_plan(c, plan);
	}
	conf_unref(g->conf);
	free(g);
}

static int read_drain(struct client *c, const struct request *q, struct host_drain *out)
{
	uint64_t ns;

	memset(out, 0, sizeof(*out));
	if (!q->arg[ARG_DRAIN].given)
		return 0;
	if (!strcmp(q->arg[ARG_DRAIN].text, "wait")) {
		out->wait = true;
		return 0;
	}
	if (!format_duration(q->arg[ARG_DRAIN].text, &ns) || !ns) {
		client_error(c, "invalid", "\"drain\" is a time such as 15m, or wait");
		return -1;
	}
	out->ns = ns;
	return 0;
}

static struct change *new_change(struct client *c, const struct job_table *table)
{
	struct change *g = calloc(1, sizeof(*g));

	if (!g) {
		client_failed(c, ADIT_ENOMEM, NULL, NULL);
		return NULL;
	}
	g->control = c->control;
	g->job.table = table;
	return g;
}

void verb_reload(struct client *c, const struct request *q)
{
	struct host_drain drain;
	struct conf *conf;
	struct change *g;
	int err;

	if (read_drain(c, q, &drain) || !(conf = load(c)))
		return;
	g = new_change(c, &reload_table);
	if (g) {
		g->conf = conf_ref(conf);
		err = host_reload(c->control->options.host, conf, &drain, on_reloaded, g);
		if (!err) {
			client_give_job(c, &g->job);
		} else {
			client_failed(c, err, NULL, err == ADIT_EAGAIN ? "another change is being made; try again" : NULL);
			conf_unref(g->conf);
			free(g);
		}
	}
	conf_unref(conf);
}

/* ---- swap ---- */

static void cancel_swap(struct job *j)
{
	struct change *g = (struct change *)j;

	host_swap_leave(g->control->options.host, g);
	free(g);
}

static const struct job_table swap_table = {.name = "swap", .cancel = cancel_swap};

static void write_progress(struct jsonw *w, const struct host_swap_progress *p)
{
	jsonw_text(w, "step", host_swap_step_name(p->step));
	jsonw_text(w, "text", p->text);
	jsonw_uint(w, "flows", p->flows);
	if (p->step == HOST_SWAP_RETIRE)
		jsonw_uint(w, "ended", p->ended);
	jsonw_thousandths(w, "after", p->age_ns / MS);
}

static void on_progress(void *arg, const struct host_swap_progress *p)
{
	struct change *g = arg;
	struct client *c = g->job.client;

	if (p->step == HOST_SWAP_SHIFT)
		server_changed(g->control, c, "swap");
	if (p->step == HOST_SWAP_FAILED && p->last) {
		client_failed(c, p->result ? p->result : ADIT_EIO, NULL, p->text);
		free(g);
		return;
	}
	write_progress(client_item(c), p);
	client_send_item(c);
	if (!p->last)
		return;
	client_done(c);
	free(g);
}

void verb_swap(struct client *c, const struct request *q)
{
	struct host_swap_options o = {.undo = q->arg[ARG_UNDO].number != 0};
	const char *proto = q->arg[ARG_PROTO].given ? q->arg[ARG_PROTO].text : "";
	struct report findings;
	struct change *g;
	int err;

	o.protos = !strcmp(proto, "tcp") ? CONF_TCP : !strcmp(proto, "udp") ? CONF_UDP : !strcmp(proto, "icmp") ? CONF_ICMP : 0;
	if (*proto && !o.protos) {
		client_error(c, "invalid", "\"proto\" is tcp, udp or icmp");
	} else if (o.undo == q->arg[ARG_STACK].given) {
		client_error(c, "invalid", "either a \"stack\", or \"undo\": true");
	} else if (!c->control->options.host) {
		client_failed(c, ADIT_ENOSYS, NULL, NULL);
	} else if (!read_drain(c, q, &o.drain) && (g = new_change(c, &swap_table)) != NULL) {
		report_init(&findings);
		err = host_swap(c->control->options.host, o.undo ? "" : q->arg[ARG_STACK].text, &o, &findings, on_progress, g);
		if (!err) {
			client_give_job(c, &g->job);
		} else {
			client_failed(c, err, &findings, findings.count ? "nothing has changed" : NULL);
			free(g);
		}
		report_fini(&findings);
	}
}
