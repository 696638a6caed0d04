/* SPDX-License-Identifier: MIT
 * cli/serve.c - adit run: serves a manifest until a signal or trouble ends it
 */
#include "cli/serving.h"
#include "cli/supervised.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void print_counters(struct host *h)
{
	unsigned i;
	uint64_t v;
	const char *name;

	for (i = 0; (name = host_counter(h, i, &v)) != NULL; i++)
		if (v)
			fprintf(stderr, "adit: counter %s %llu\n", name, (unsigned long long)v);
	fprintf(stderr, "adit: flows now %u\n", host_flows(h));
}

static void on_trouble(void *arg)
{
	struct serving *sv = arg;

	fprintf(stderr, "adit: %s is gone; ending\n", host_trouble(sv->session->host));
	sv->status = 1;
	loop_io_want(&sv->trouble_io, 0);
	loop_stop(sv->loop);
}

/* ---- SIGHUP ---- */

static void print_report(const struct report *r)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		char *line = report_line(&r->items[i]);

		fprintf(stderr, "adit: %s\n", line ? line : "out of memory");
		free(line);
	}
}

static void on_reloaded(void *arg, adit_result result, const struct host_plan *plan, const struct report *r)
{
	struct serving *sv = arg;
	size_t i;

	print_report(r);
	for (i = 0; i < plan->count && !result; i++) {
		const struct host_step *s = &plan->steps[i];

		fprintf(stderr, "adit: reload: %s %s%s%s%s%s\n", host_change_name(s->change),
		        s->kind < CONF_KINDS ? conf_kind_name(s->kind) : "setting", " ", s->name, *s->why ? ": " : "", s->why);
	}
	if (result)
		fprintf(stderr, "adit: reload: nothing was changed\n");
	else
		fprintf(stderr, "adit: reload: done, %zu entries as they were\n", plan->kept);
	if (!result)
		session_took(sv->session, sv->reloading);
	conf_unref(sv->reloading);
	sv->reloading = NULL;
}

static void reload(struct serving *sv)
{
	int err;

	if (sv->reloading) {
		fprintf(stderr, "adit: reload: one is under way; ask again when it is done\n");
		return;
	}
	err = session_read_again(sv->session, &sv->reloading);
	session_print(sv->session);
	if (!err)
		err = host_reload(sv->session->host, sv->reloading, NULL, on_reloaded, sv);
	if (!err)
		return;
	/* Who has sent the signal may wait for both. */
	supervised_reloading(sv->supervised, true);
	supervised_reloading(sv->supervised, false);
	fprintf(stderr, "adit: reload: nothing was changed%s\n", err == ADIT_EAGAIN ? ": another change is being made" : "");
	conf_unref(sv->reloading);
	sv->reloading = NULL;
}

static void on_signal(void *arg)
{
	struct serving *sv = arg;
	int number = serving_next_signal(sv->signals);

	if (number == SIGUSR1)
		print_counters(sv->session->host);
	else if (number == SIGHUP)
		reload(sv);
	else if (number == SIGTERM || number == SIGINT || number == SIGQUIT)
		loop_stop(sv->loop);
}

static int serve(struct session *s)
{
	struct serving sv = {.status = 0};
	int fd = serving_signals();

	if (fd < 0 || serving_init(&sv, s, fd, on_signal, on_trouble, &sv))
		return 1;
	fprintf(stderr, "adit: running: %u shard%s, stack %s (tcp) %s (udp) %s (icmp)\n", host_shards(s->host),
	        host_shards(s->host) == 1 ? "" : "s", host_stack_name(s->host, "tcp"), host_stack_name(s->host, "udp"),
	        host_stack_name(s->host, "icmp"));
	sv.supervised = supervised_new(s->host);
	loop_run(sv.loop);
	supervised_end(sv.supervised);
	serving_fini(&sv);
	supervised_free(sv.supervised);
	return sv.status;
}

int command_run(struct request *r)
{
	struct session s;
	int status;

	r->session.manifest = r->operand;
	status = serving_load(&s, &r->session) ? 2 : serve(&s);
	session_fini(&s);
	return status;
}
