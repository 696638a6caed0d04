/* SPDX-License-Identifier: MIT
 * control/status.c - the verbs hello, status and counters
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "control/server.h"
#include "control/verbs.h"
#include "observe/log.h"
#include "os/os.h"

enum { PROTOCOL = 1, MS = 1000000 };

static void write_self(struct jsonw *w, const struct control *c)
{
	jsonw_text(w, "name", c->name);
	jsonw_text(w, "version", ADIT_VERSION);
	jsonw_int(w, "process", getpid());
	jsonw_uint(w, "uid", geteuid());
}

void verb_hello(struct client *c, const struct request *q)
{
	struct jsonw *w = client_ok(c);
	unsigned i;

	(void)q;
	jsonw_uint(w, "protocol", PROTOCOL);
	write_self(w, c->control);
	jsonw_truth(w, "may_write", c->writes);
	jsonw_array(w, "verbs");
	for (i = 0; i < verb_count; i++)
		jsonw_text(w, NULL, verbs[i].name);
	jsonw_end_array(w);
	client_send_ok(c);
}

/* ---- counters ---- */

void verb_counters(struct client *c, const struct request *q)
{
	struct host *h = c->control->options.host;
	struct jsonw *w;
	const char *name;
	uint64_t value;
	unsigned i;

	(void)q;
	if (!h) {
		client_failed(c, ADIT_ENOSYS, NULL, NULL);
		return;
	}
	w = client_ok(c);
	for (i = 0; (name = host_counter(h, i, &value)) != NULL; i++)
		jsonw_uint(w, name, value);
	jsonw_uint(w, "flows_now", host_flows(h));
	client_send_ok(c);
}

/* ---- status ---- */

/* Instances are lines of their own, written as there is room. */
struct status {
	struct job job;
	struct control *control;
	unsigned next;
};

static uint64_t counter(struct host *h, const char *wanted)
{
	const char *name;
	uint64_t value;
	unsigned i;

	for (i = 0; (name = host_counter(h, i, &value)) != NULL; i++)
		if (!strcmp(name, wanted))
			return value;
	return 0;
}

static void write_flows(struct jsonw *w, struct host *h)
{
	static const char *const names[][3] = {
		{"tcp", "opened_tcp", "closed_tcp"}, {"udp", "opened_udp", "closed_udp"}, {"icmp", "opened_echo", "closed_echo"}};
	uint64_t opened, closed;
	size_t i;

	jsonw_object(w, "flows");
	jsonw_uint(w, "now", host_flows(h));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		/* Read in this order: a flow that ends in between is not counted as one too few. */
		closed = counter(h, names[i][2]);
		opened = counter(h, names[i][1]);
		jsonw_uint(w, names[i][0], opened > closed ? opened - closed : 0);
	}
	jsonw_uint(w, "opened", counter(h, "flows_opened"));
	jsonw_uint(w, "refused", counter(h, "verdict_reject") + counter(h, "verdict_drop") + counter(h, "verdict_none"));
	jsonw_end_object(w);
}

static void write_stacks(struct jsonw *w, struct host *h)
{
	static const char *const protos[] = {"tcp", "udp", "icmp"};
	size_t i;

	jsonw_object(w, "stack");
	for (i = 0; i < 3; i++) {
		jsonw_object(w, protos[i]);
		jsonw_text(w, "name", host_stack_name(h, protos[i]));
		jsonw_text(w, "reason", host_stack_reason(h, protos[i]));
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

static void write_instance(struct jsonw *w, const struct host_instance *i, uint64_t now)
{
	jsonw_text(w, "kind", conf_kind_name(i->kind));
	jsonw_text(w, "name", i->name);
	jsonw_text(w, "module", i->module);
	jsonw_text(w, "version", i->version);
	jsonw_uint(w, "generation", i->generation);
	jsonw_truth(w, "draining", i->draining);
	if (i->kind == CONF_STACK) {
		jsonw_array(w, "protos");
		if (i->protos & CONF_TCP)
			jsonw_text(w, NULL, "tcp");
		if (i->protos & CONF_UDP)
			jsonw_text(w, NULL, "udp");
		if (i->protos & CONF_ICMP)
			jsonw_text(w, NULL, "icmp");
		jsonw_end_array(w);
	}
	if (!i->draining)
		return;
	jsonw_uint(w, "flows", i->flows);
	if (i->drain_end)
		jsonw_thousandths(w, "drain_left", i->drain_end > now ? (i->drain_end - now) / MS : 0);
}

static void end_status(struct status *s)
{
	struct control *c = s->control;
	struct host *h = c->options.host;
	uint64_t now = server_now(c);
	struct jsonw *w = client_ok(s->job.client);

	write_self(w, c);
	jsonw_text(w, "manifest", c->options.manifest);
	jsonw_thousandths(w, "up", (os_now() - c->started) / MS);
	jsonw_uint(w, "shards", host_shards(h));
	write_flows(w, h);
	write_stacks(w, h);
	jsonw_text(w, "log_level", log_level_name(log_level));
	jsonw_uint(w, "clients", c->client_count);
	if (*c->change) {
		jsonw_object(w, "change");
		jsonw_text(w, "what", c->change);
		jsonw_thousandths(w, "ago", now > c->change_at ? (now - c->change_at) / MS : 0);
		jsonw_uint(w, "uid", c->change_by);
		jsonw_end_object(w);
	}
	client_send_ok(s->job.client);
	free(s);
}

static void on_room(struct job *j)
{
	struct status *s = (struct status *)j;
	struct host_instance i;

	for (; host_instance(s->control->options.host, s->next, &i); s->next++) {
		if (!client_has_room(j->client))
			return;
		write_instance(client_item(j->client), &i, server_now(s->control));
		client_send_item(j->client);
	}
	end_status(s);
}

static void cancel_status(struct job *j)
{
	free(j);
}

static const struct job_table status_table = {.name = "status", .room = on_room, .cancel = cancel_status};

void verb_status(struct client *c, const struct request *q)
{
	struct status *s = c->control->options.host ? calloc(1, sizeof(*s)) : NULL;

	(void)q;
	if (!s) {
		client_failed(c, c->control->options.host ? ADIT_ENOMEM : ADIT_ENOSYS, NULL, NULL);
		return;
	}
	s->control = c->control;
	s->job.table = &status_table;
	client_give_job(c, &s->job);
	on_room(&s->job);
}
