/* SPDX-License-Identifier: MIT
 * cli/serve.c - adit run: serves a manifest until a signal or trouble ends it
 */
#include "cli/serving.h"
#include "cli/supervised.h"

#include <signal.h>
#include <stdio.h>

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

static void on_signal(void *arg)
{
	struct serving *sv = arg;
	int number = serving_next_signal(sv->signals);

	if (number == SIGUSR1)
		print_counters(sv->session->host);
	else if (number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP)
		loop_stop(sv->loop);
}

static int serve(struct session *s)
{
	struct serving sv = {.status = 0};
	struct supervised *supervised;
	int fd = serving_signals();

	if (fd < 0 || serving_init(&sv, s, fd, on_signal, on_trouble, &sv))
		return 1;
	fprintf(stderr, "adit: running: %u shard%s, stack %s (tcp) %s (udp) %s (icmp)\n", host_shards(s->host),
	        host_shards(s->host) == 1 ? "" : "s", host_stack_name(s->host, "tcp"), host_stack_name(s->host, "udp"),
	        host_stack_name(s->host, "icmp"));
	supervised = supervised_new(s->host);
	loop_run(sv.loop);
	supervised_end(supervised);
	serving_fini(&sv);
	supervised_free(supervised);
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
