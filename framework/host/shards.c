/* SPDX-License-Identifier: MIT
 * host/shards.c - the threads: one loop each, and calls from the control thread onto them
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dial/carry.h"
#include "dial/forward.h"
#include "host/parts.h"
#include "observe/log.h"
#include "os/os.h"

enum { FLOW_MEMORY_LEAST = 65536, CALL_SECONDS = 10, REFUSALS_PER_SECOND = 1000, REFUSALS_AT_ONCE = 200 };

static uint32_t number(const adit_cfg *c, const char *path, uint32_t otherwise)
{
	int64_t v;

	if (conf_config_1.integer(c, path, &v) != ADIT_OK || v < 0 || v > UINT32_MAX)
		return otherwise;
	return (uint32_t)v;
}

static uint32_t seconds(const adit_cfg *c, const char *path, uint32_t otherwise)
{
	uint64_t ns;

	if (conf_config_1.duration(c, path, &ns) != ADIT_OK)
		return otherwise;
	return (uint32_t)((ns + OS_SECOND - 1) / OS_SECOND);
}

static enum carry_rule rule(const adit_cfg *c, const char *path)
{
	const char *text = "";

	conf_config_1.text(c, path, &text, NULL);
	if (!strcmp(text, "address"))
		return CARRY_ADDRESS;
	return !strcmp(text, "address-and-port") ? CARRY_ADDRESS_AND_PORT : CARRY_ENDPOINT_INDEPENDENT;
}

static struct reassembly *new_reassembly(const adit_cfg *c)
{
	struct reassembly_limits limits = reassembly_default;
	uint64_t bytes = limits.bytes;

	limits.datagrams = number(c, "limits/reassembly/datagrams", limits.datagrams);
	conf_size(c, "limits/reassembly/memory", &bytes);
	limits.bytes = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
	conf_config_1.duration(c, "limits/reassembly/timeout", &limits.timeout_ns);
	if (limits.per_source > limits.datagrams)
		limits.per_source = limits.datagrams;
	if (!limits.timeout_ns)
		limits.timeout_ns = reassembly_default.timeout_ns;
	return reassembly_new(&limits);
}

void shards_live_limits(const adit_cfg *c, struct shard_timeouts *timeouts, uint32_t *half_open, uint32_t *datagram)
{
	*half_open = number(c, "limits/half_open", 4096);
	*datagram = number(c, "limits/udp", 16384);
	*timeouts = (struct shard_timeouts){
		.asked = 30,
		.connect = seconds(c, "limits/connect", 30),
		.tcp_idle = seconds(c, "limits/idle_tcp", 7440),
		.udp_idle = seconds(c, "udp/timeout", seconds(c, "limits/idle_udp", 300)),
		.echo_idle = seconds(c, "limits/idle_echo", 30),
		.closed = 10,
	};
}

static int set_limits(struct shard *s, const adit_cfg *c)
{
	struct flow_limits limits = {.flows = number(c, "limits/flows", 65536)};
	struct carry_rules rules = {rule(c, "udp/mapping"), rule(c, "udp/filtering")};
	uint64_t memory = 256u << 20;
	int err;

	limits.closed = limits.flows / 8 ? limits.flows / 8 : 1;
	if (limits.closed > 8192)
		limits.closed = 8192;
	shards_live_limits(c, &s->timeouts, &limits.half_open, &limits.datagram);
	s->flow_memory = 4u << 20;
	conf_size(c, "limits/flow_memory", &s->flow_memory);
	if (s->flow_memory < FLOW_MEMORY_LEAST)
		s->flow_memory = FLOW_MEMORY_LEAST;
	conf_size(c, "limits/memory", &memory);
	err = flowtable_new(&s->flows, &limits);
	if (!err)
		err = policy_read(&s->policy, c);
	if (!err)
		err = bufpool_new(&s->bufs, memory);
	if (!err) {
		s->reassembly = new_reassembly(c);
		err = s->reassembly ? forward_shard_init(s) : ADIT_ENOMEM;
	}
	if (!err)
		carrier_rules(s, &rules);
	refuse_limit_init(&s->refuse_limit, REFUSALS_PER_SECOND, REFUSALS_AT_ONCE);
	return err;
}

int shards_new(struct host *h, unsigned index, struct host_shard **out)
{
	struct host_shard *hs = calloc(1, sizeof(*hs));
	int err;

	if (!hs)
		return ADIT_ENOMEM;
	hs->host = h;
	hs->shard.index = index;
	hs->shard.count = h->shard_count;
	memset(hs->shard.stack_of, NO_STACK, sizeof(hs->shard.stack_of));
	err = loop_new(&hs->shard.loop);
	if (!err) {
		loop_set_owner(hs->shard.loop, &hs->shard);
		err = set_limits(&hs->shard, conf_root(h->options.conf));
	}
	if (err) {
		shards_free(hs);
		return err;
	}
	*out = hs;
	return ADIT_OK;
}

void shards_free(struct host_shard *hs)
{
	struct shard *s;

	if (!hs)
		return;
	s = &hs->shard;
	loop_timer_fini(&s->sweep);
	if (s->relays)
		forward_shard_fini(s);
	flowtable_free(s->flows);
	reassembly_free(s->reassembly);
	if (s->bufs && bufpool_out(s->bufs))
		log_warn("host", "%zu buffers of shard %u were not put back", bufpool_out(s->bufs), s->index);
	bufpool_free(s->bufs);
	loop_free(s->loop);
	free(hs);
}

static void *run(void *arg)
{
	struct host_shard *hs = arg;
	char name[16];

	snprintf(name, sizeof(name), "adit-shard-%u", hs->shard.index);
	pthread_setname_np(pthread_self(), name);
	loop_run(hs->shard.loop);
	return NULL;
}

int shards_run(struct host_shard *hs)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&hs->thread, NULL, run, hs);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	hs->running = err == 0;
	return err ? ADIT_ENOMEM : ADIT_OK;
}

void shards_halt(struct host_shard *hs)
{
	if (!hs->running)
		return;
	loop_stop(hs->shard.loop);
	pthread_join(hs->thread, NULL);
	hs->running = false;
}

/* Two owners, the caller and the loop: whoever comes last frees it. */
struct request {
	void (*fn)(void *arg);
	void *arg;
	sem_t done;
	atomic_int finished; /* what fn has written is seen by whoever reads 1 here */
	atomic_int owners;
};

static void request_unref(struct request *q)
{
	if (atomic_fetch_sub(&q->owners, 1) != 1)
		return;
	sem_destroy(&q->done);
	free(q);
}

static void serve(void *arg)
{
	struct request *q = arg;

	q->fn(q->arg);
	atomic_store(&q->finished, 1);
	sem_post(&q->done);
	request_unref(q);
}

int shards_call(struct host_shard *hs, void (*fn)(void *arg), void *arg)
{
	struct request *q;
	struct timespec until;
	int err;

	if (!hs->running) {
		fn(arg);
		return ADIT_OK;
	}
	q = calloc(1, sizeof(*q));
	if (!q)
		return ADIT_ENOMEM;
	q->fn = fn;
	q->arg = arg;
	sem_init(&q->done, 0, 0);
	atomic_init(&q->owners, 2);
	err = loop_post(hs->shard.loop, serve, q);
	if (err) {
		request_unref(q);
		request_unref(q);
		return err;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += CALL_SECONDS;
	do
		err = sem_clockwait(&q->done, CLOCK_MONOTONIC, &until);
	while (err && errno == EINTR);
	err = atomic_load(&q->finished) ? ADIT_OK : ADIT_ETIME;
	request_unref(q);
	return err;
}
