/* SPDX-License-Identifier: MIT
 * cli/supervised.c - what a service manager is told
 */
#include "cli/supervised.h"

#include <stdlib.h>
#include <unistd.h>

#include "observe/log.h"
#include "os/notify.h"
#include "os/os.h"

enum { STATUS_EVERY = 10 /* s, where no watchdog sets the pace */, SIGNS = 3 /* of life in the time of the watchdog */ };

struct supervised {
	struct host *host;
	adit_timer timer;
	bool watched;
	bool sick;       /* a shard did not come to its call in time */
	unsigned asked;  /* shards that have not answered */
};

static void touch(struct shard *shard, void *arg)
{
}

static void answered(void *arg, adit_result result)
{
	struct supervised *s = arg;

	s->asked--;
	if (result == ADIT_ETIME)
		s->sick = true;
}

static void say_status(struct supervised *s)
{
	notify_send("STATUS=%u flows, stacks %s (tcp) %s (udp) %s (icmp)", host_flows(s->host), host_stack_name(s->host, "tcp"),
	            host_stack_name(s->host, "udp"), host_stack_name(s->host, "icmp"));
}

static void on_time(void *arg)
{
	struct supervised *s = arg;
	unsigned i;

	say_status(s);
	if (!s->watched || s->asked)
		return; /* somebody has not answered yet: no sign of life */
	if (s->sick)
		log_error("host", "a shard hangs; the service manager is not told that all is well");
	else
		notify_send("WATCHDOG=1");
	s->sick = false;
	for (i = 0; i < host_shards(s->host); i++)
		if (host_call(s->host, i, touch, s, answered) == ADIT_OK)
			s->asked++;
}

static void on_reloading(void *arg, bool under_way)
{
	supervised_reloading(arg, under_way);
}

struct supervised *supervised_new(struct host *h)
{
	uint64_t watchdog = notify_watchdog(), every = watchdog ? watchdog / SIGNS : STATUS_EVERY * OS_SECOND;
	struct supervised *s = notify_wanted() ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	s->host = h;
	s->watched = watchdog != 0;
	loop_timer_init(&s->timer, host_loop(h), on_time, s);
	loop_timer_set(&s->timer, every, every);
	host_tell_reloads(h, on_reloading, s);
	notify_send("READY=1\nMAINPID=%d", (int)getpid());
	say_status(s);
	return s;
}

void supervised_reloading(struct supervised *s, bool under_way)
{
	if (!s)
		return;
	if (under_way) { /* both in one datagram, the time by CLOCK_MONOTONIC: sd_notify(3) */
		notify_send("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(os_now() / 1000));
		return;
	}
	notify_send("READY=1");
	say_status(s);
}

void supervised_end(struct supervised *s)
{
	if (!s)
		return;
	notify_send("STOPPING=1\nSTATUS=ending %u flows", host_flows(s->host));
	host_tell_reloads(s->host, NULL, NULL);
	loop_timer_fini(&s->timer);
}

void supervised_free(struct supervised *s)
{
	free(s);
}
