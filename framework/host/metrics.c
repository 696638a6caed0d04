/* SPDX-License-Identifier: MIT
 * host/metrics.c - what the host counts itself, family by family, and behind it what modules count
 *
 * The shards' own numbers are read where they are; nothing is kept for who may ask. A family is a table of rows, and
 * each row gives one series a shard.
 */
#include "host/metrics.h"

#include <stdio.h>
#include <string.h>

#include "base/bufpool.h"
#include "host/parts.h"
#include "observe/metrics.h"

enum { NUMBER = 24 };

/* One series a shard: a counter of the shard, under a label. */
struct row {
	enum shard_counter counter;
	const char *value; /* of the family's label */
};

struct family {
	const char *name, *help, *label;
	const struct row *rows;
	unsigned count;
};

struct out {
	struct host *host;
	adit_series_fn fn;
	void *arg;
};

#define ROWS(name) name, sizeof(name) / sizeof(name[0])

static const struct row opened[] = {{COUNT_opened_tcp, "tcp"}, {COUNT_opened_udp, "udp"}, {COUNT_opened_echo, "icmp"}};
static const struct row closed[] = {{COUNT_closed_tcp, "tcp"}, {COUNT_closed_udp, "udp"}, {COUNT_closed_echo, "icmp"}};
static const struct row idle[] = {{COUNT_flows_idle, NULL}};
static const struct row evicted[] = {{COUNT_half_open_evicted, NULL}};
static const struct row packets[] = {{COUNT_packets_up, "up"}, {COUNT_packets_down, "down"}};
static const struct row bytes[] = {{COUNT_bytes_up, "up"}, {COUNT_bytes_down, "down"}};
static const struct row dropped[] = {
	{COUNT_dropped_malformed, "malformed"}, {COUNT_dropped_policy, "policy"},     {COUNT_dropped_unknown, "unknown_protocol"},
	{COUNT_dropped_checksum, "checksum"},   {COUNT_dropped_fragment, "fragment"}, {COUNT_dropped_stray, "stray"},
	{COUNT_dropped_limit, "limit"},         {COUNT_dropped_parked, "parked"},     {COUNT_dropped_refused, "refused"},
	{COUNT_dropped_no_stack, "no_stack"},   {COUNT_dropped_icmp, "icmp_error"},   {COUNT_dropped_half_open, "half_open"},
	{COUNT_dropped_memory, "memory"},
};
static const struct row lost[] = {{COUNT_datagrams_dropped, NULL}};
static const struct row refused[] = {{COUNT_refused_tcp, "tcp"}, {COUNT_refused_udp, "udp"}, {COUNT_refused_echo, "icmp"}};
static const struct row limited[] = {{COUNT_refusals_limited, NULL}};
static const struct row verdicts[] = {
	{COUNT_verdict_accept, "accept"}, {COUNT_verdict_forward, "forward"}, {COUNT_verdict_reject, "reject"},
	{COUNT_verdict_drop, "drop"},     {COUNT_verdict_none, "none"},
};
static const struct row dials[] = {{COUNT_dial_ok, "ok"}, {COUNT_dial_failed, "failed"}};
static const struct row misuse[] = {
	{COUNT_misuse, "refused"}, {COUNT_stale_ops, "stale"}, {COUNT_unknown_events, "unknown_event"}};

static const struct family counted[] = {
	{"adit_flows_opened", "Flows that began.", "protocol", ROWS(opened)},
	{"adit_flows_closed", "Flows that ended.", "protocol", ROWS(closed)},
	{"adit_flows_idle", "Flows that were ended because nothing moved on them for too long.", NULL, ROWS(idle)},
	{"adit_half_open_evicted", "Flows that gave way to new ones before their handshake was done, at the limit.", NULL,
	 ROWS(evicted)},
	{"adit_packets", "Packets read from the device (up) and sent to it (down).", "direction", ROWS(packets)},
	{"adit_packet_bytes", "Bytes in these packets.", "direction", ROWS(bytes)},
	{"adit_dropped_packets", "Packets from the device that went no further, by reason.", "reason", ROWS(dropped)},
	{"adit_lost_datagrams", "Datagrams that a handler, an outbound or a limit left no room for.", NULL, ROWS(lost)},
	{"adit_refusals", "Resets and ICMP errors that were sent to applications.", "protocol", ROWS(refused)},
	{"adit_refusals_limited", "Refusals that were not said because too many were.", NULL, ROWS(limited)},
	{"adit_verdicts", "What handlers decided about flows; none: no handler wanted it.", "verdict", ROWS(verdicts)},
	{"adit_dials", "Attempts to connect past the device.", "result", ROWS(dials)},
	{"adit_module_calls_refused", "Operations and events of modules that were not carried out.", "kind", ROWS(misuse)},
};

static uint64_t counter(const struct shard *s, enum shard_counter which)
{
	return __atomic_load_n(&s->counters[which], __ATOMIC_RELAXED);
}

static void say(const struct out *o, adit_series *s, const char *const *labels, const uint64_t *values)
{
	static const char *const none[] = {NULL};

	s->size = sizeof(*s);
	s->labels = labels ? labels : none;
	s->values = values;
	if (!s->kind)
		s->kind = ADIT_METRIC_GAUGE;
	if (!s->per)
		s->per = 1;
	o->fn(o->arg, s);
}

/* One number of each shard, under a further label if there is one. */
static void say_shard(const struct out *o, adit_series *series, unsigned shard, const char *label, const char *value,
                      const uint64_t *values)
{
	char number[NUMBER];
	const char *const labels[] = {"shard", number, value ? label : NULL, value, NULL};

	snprintf(number, sizeof(number), "%u", shard);
	say(o, series, labels, values);
}

static void say_counted(const struct out *o, const struct family *f)
{
	adit_series series = {.kind = ADIT_METRIC_COUNTER, .name = f->name, .help = f->help};
	unsigned i, k;

	for (i = 0; i < o->host->shard_count; i++) {
		for (k = 0; k < f->count; k++) {
			uint64_t v = counter(&o->host->shards[i]->shard, f->rows[k].counter);

			say_shard(o, &series, i, f->label, f->rows[k].value, &v);
		}
	}
}

/* ---- what is there now ---- */

static void say_flows(const struct out *o)
{
	adit_series series = {.name = "adit_flows", .help = "Flows that are there now."};
	unsigned i, k;

	for (i = 0; i < o->host->shard_count; i++) {
		const struct shard *s = &o->host->shards[i]->shard;

		for (k = 0; k < 3; k++) {
			uint64_t ended = counter(s, closed[k].counter), v = counter(s, opened[k].counter);

			v = v > ended ? v - ended : 0;
			say_shard(o, &series, i, "protocol", opened[k].value, &v);
		}
	}
}

static void say_table(const struct out *o)
{
	static const char *const kinds[] = {"all", "half_open", "datagram", "closed"};
	adit_series fill = {.name = "adit_flow_table_entries", .help = "Places of the flow table that are taken."};
	adit_series most = {.name = "adit_flow_table_limit", .help = "Places that the flow table has."};
	adit_series none = {.kind = ADIT_METRIC_COUNTER, .name = "adit_flow_table_refused",
	                    .help = "Flows for which a table had no place."};
	struct flow_counts c;
	unsigned i, k;

	for (i = 0; i < o->host->shard_count; i++) {
		uint64_t v[4];

		flowtable_count(o->host->shards[i]->shard.flows, &c);
		v[0] = c.flows, v[1] = c.half_open, v[2] = c.datagram, v[3] = c.closed;
		for (k = 0; k < 4; k++)
			say_shard(o, &fill, i, "kind", kinds[k], &v[k]);
	}
	for (i = 0; i < o->host->shard_count; i++) {
		const struct flow_limits *l = flowtable_limits(o->host->shards[i]->shard.flows);
		uint64_t v[4] = {l->flows, l->half_open, l->datagram, l->closed};

		for (k = 0; k < 4; k++)
			say_shard(o, &most, i, "kind", kinds[k], &v[k]);
	}
	for (i = 0; i < o->host->shard_count; i++) {
		flowtable_count(o->host->shards[i]->shard.flows, &c);
		say_shard(o, &none, i, NULL, NULL, &c.refused);
	}
}

static void say_buffers(const struct out *o)
{
	static const char *const names[] = {"adit_buffers", "adit_buffer_bytes", "adit_buffer_limit_bytes"};
	static const char *const helps[] = {"Buffers in use.", "Room in the buffers in use.",
	                                    "Room that buffers may take at most."};
	unsigned i, k;

	for (k = 0; k < 3; k++) {
		adit_series series = {.name = names[k], .help = helps[k]};

		for (i = 0; i < o->host->shard_count; i++) {
			struct bufpool_counts c;
			uint64_t v;

			bufpool_count(o->host->shards[i]->shard.bufs, &c);
			v = k == 0 ? c.out : k == 1 ? c.bytes : c.most;
			say_shard(o, &series, i, NULL, NULL, &v);
		}
	}
}

static void say_loops(const struct out *o)
{
	adit_series turn = {.name = "adit_loop_turn_seconds",
	                    .help = "Time from the end of a loop's sleep to the next; one turn of sixteen is looked at."};
	adit_series late = {.name = "adit_loop_timer_lateness_seconds", .help = "How late a timer of one second was."};
	unsigned i, k, n;

	turn.kind = late.kind = ADIT_METRIC_HISTOGRAM;
	turn.bounds = late.bounds = histogram_times;
	turn.bound_count = late.bound_count = HISTOGRAM_TIMES;
	turn.per = late.per = 1000000000u;
	for (k = 0; k < 2; k++) {
		for (i = 0; i < o->host->shard_count; i++) {
			const struct shard *s = &o->host->shards[i]->shard;
			const struct histogram *h = k ? &s->lateness : loop_turns(s->loop);
			uint64_t v[HISTOGRAM_TIMES + 2];

			for (n = 0; n < HISTOGRAM_TIMES + 2; n++)
				v[n] = __atomic_load_n(&h->cell[n], __ATOMIC_RELAXED);
			say_shard(o, k ? &late : &turn, i, NULL, NULL, v);
		}
	}
}

/* Images of one module are shown as one. */
static void say_modules(const struct out *o)
{
	adit_series series = {.name = "adit_module_memory_bytes", .help = "Memory that a module holds by the host's leave."};
	struct host *h = o->host;
	unsigned i, k;

	for (i = 0; i < h->module_count; i++) {
		const char *labels[] = {"module", module_name(h->modules[i]->module), NULL};
		uint64_t v = 0;

		for (k = 0; k < i && strcmp(module_name(h->modules[k]->module), labels[1]); k++)
			;
		if (k < i)
			continue;
		for (k = i; k < h->module_count; k++)
			if (!strcmp(module_name(h->modules[k]->module), labels[1]))
				v += __atomic_load_n(&h->modules[k]->allocated_bytes, __ATOMIC_RELAXED);
		say(o, &series, labels, &v);
	}
}

static void say_host(const struct out *o)
{
	static const char *const protocols[] = {"tcp", "udp", "icmp"};
	adit_series build = {.name = "adit_build_info", .help = "The version that runs; always 1."};
	adit_series start = {.name = "adit_start_time_seconds", .help = "When it was started, since 1970.", .per = 1000000000u};
	adit_series shards = {.name = "adit_shards", .help = "Loops that share the work."};
	adit_series stack = {.name = "adit_stack_info", .help = "Which stack gets new flows; always 1."};
	const char *const version[] = {"version", ADIT_VERSION, NULL};
	uint64_t one = 1, count = o->host->shard_count;
	unsigned i;

	say(o, &build, version, &one);
	say(o, &start, NULL, &o->host->made_at);
	say(o, &shards, NULL, &count);
	for (i = 0; i < 3; i++) {
		const char *const labels[] = {"protocol", protocols[i], "stack", host_stack_name(o->host, protocols[i]), NULL};

		say(o, &stack, labels, &one);
	}
}

void host_metrics_each(struct host *h, adit_series_fn fn, void *arg)
{
	struct out o = {h, fn, arg};
	size_t i;

	say_host(&o);
	say_flows(&o);
	for (i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		say_counted(&o, &counted[i]);
	say_table(&o);
	say_buffers(&o);
	say_loops(&o);
	say_modules(&o);
	metrics_each(h->metrics, fn, arg);
}

void host_metrics_part(struct host *h, struct part *p)
{
	static const adit_metric dial = {
		.size = sizeof(dial),
		.kind = ADIT_METRIC_HISTOGRAM,
		.name = "dial_seconds",
		.help = "Time until an outbound has reached the destination of a TCP flow; those that fail are not in it.",
		.bounds = histogram_times,
		.bound_count = HISTOGRAM_TIMES,
		.per = 1000000000u,
	};
	char shard[NUMBER];
	const char *const labels[] = {"shard", shard, "outbound", p->name, NULL};
	const struct metrics_place place = {NULL, labels};

	snprintf(shard, sizeof(shard), "%u", p->shard->index);
	if (p->kind == PART_OUTBOUND)
		metrics_add(h->metrics, p->env, &place, &dial, &p->reach_times);
}

/* ---- the SDK's tables ---- */

static struct host_module *of(const adit_host *h)
{
	return h->priv;
}

static adit_result counters_add(const adit_env *env, const adit_metric *m, uint64_t **cell)
{
	struct host_module *module = of(env->host);
	char shard[NUMBER];
	const char *const labels[] = {"shard", shard, "part", env->name, NULL};
	struct metrics_place place = {module_name(module->module), labels};

	snprintf(shard, sizeof(shard), "%u", env->shard);
	return metrics_add(module->host->metrics, env, &place, m, cell);
}

static void counters_remove(const adit_env *env, uint64_t *cell)
{
	metrics_remove(of(env->host)->host->metrics, env, cell);
}

static void observe_each(const adit_host *h, adit_series_fn fn, void *arg)
{
	host_metrics_each(of(h)->host, fn, arg);
}

const adit_counters_1 metrics_counters_table = {sizeof(metrics_counters_table), 0, counters_add, counters_remove};
const adit_observe_1 metrics_observe_table = {sizeof(metrics_observe_table), 0, observe_each};
