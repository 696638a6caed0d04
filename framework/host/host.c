/* SPDX-License-Identifier: MIT
 * host/host.c - the order of life
 */
#include "host/host.h"

#include <adit/adit.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "host/change.h"
#include "host/generation.h"
#include "host/parts.h"
#include "host/probe.h"
#include "host/prove.h"
#include "host/swap.h"
#include "host/tapping.h"
#include "loop/pool.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "os/os.h"

static unsigned shard_count_of(const struct conf *c)
{
	int64_t n = 0;

	conf_config_1.integer(conf_root(c), "shards", &n);
	if (n <= 0)
		n = os_processors();
	return n > HOST_SHARDS_MOST ? HOST_SHARDS_MOST : (unsigned)n;
}

static const char *name_of(const struct shard *s, enum part_kind kind, uint8_t index)
{
	const struct part *p = index < s->part_count[kind] ? s->parts[kind][index] : NULL;

	return p ? p->name : "";
}

static void tell_end(void *arg, struct shard *s, const struct flow *f, adit_result code)
{
	struct host *h = arg;
	struct host_flow_end end = {
		.shard = s->index,
		.info = &f->info,
		.name = flow_name(f),
		.handler = name_of(s, PART_HANDLER, f->handler),
		.outbound = name_of(s, PART_OUTBOUND, f->outbound),
		.stack = name_of(s, PART_STACK, f->stack),
		.bytes_up = f->bytes_up,
		.bytes_down = f->bytes_down,
		.age_ns = os_now() - f->opened,
		.code = code,
	};

	pthread_mutex_lock(&h->lock);
	h->options.flow_end(h->options.arg, &end);
	pthread_mutex_unlock(&h->lock);
}

int host_new(struct host **out, const struct host_options *options)
{
	struct host *h = calloc(1, sizeof(*h));
	unsigned i;
	int err;

	if (!h)
		return ADIT_ENOMEM;
	h->options = *options;
	if (options->being_made)
		*options->being_made = h;
	conf_ref(options->conf);
	h->first = conf_ref(options->conf);
	pthread_mutex_init(&h->lock, NULL);
	h->addresses.fd = -1;
	h->trouble_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = h->trouble_fd < 0 ? err_from_errno(errno) : loop_new(&h->loop);
	if (!err)
		loop_adopt(h->loop);
	h->generation = 1;
	h->patience = CHANGE_PATIENCE;
	h->shard_count = shard_count_of(options->conf);
	h->made_at = os_date();
	if (!err && h->shard_count > 1 && !(h->homes = homes_new()))
		err = ADIT_ENOMEM;
	if (!err)
		err = metrics_new(&h->metrics);
	for (i = 0; !err && i < h->shard_count; i++) {
		err = shards_new(h, i, &h->shards[i]);
		if (!err) {
			h->peers[i] = &h->shards[i]->shard;
			h->peers[i]->peers = h->peers;
			h->peers[i]->homes = h->homes;
		}
		if (!err && options->flow_end) {
			h->shards[i]->shard.on_end = tell_end;
			h->shards[i]->shard.on_end_arg = h;
		}
	}
	if (!err)
		err = wiring_make(h);
	if (err) {
		if (!options->report->errors)
			report_add(options->report, REPORT_ERROR, NULL, NULL, "the host could not be made: %s", err_text(err));
		if (options->being_made)
			*options->being_made = NULL;
		host_free(h);
		return err;
	}
	*out = h;
	return ADIT_OK;
}

/* ---- steps of life, over all parts of a shard ---- */

static const enum part_kind up[] = {PART_PLATFORM, PART_OUTBOUND, PART_STACK, PART_HANDLER, PART_SERVICE};
enum { KINDS = sizeof(up) / sizeof(up[0]) };
/* Those of the data path; services come after them, on this thread. */
static const enum part_kind starting[] = {PART_OUTBOUND, PART_HANDLER, PART_STACK, PART_PLATFORM};
enum { STARTING = sizeof(starting) / sizeof(starting[0]) };

int host_open(struct host *h)
{
	struct instance *i, *next;
	size_t k;
	int err = ADIT_OK;

	os_descriptor_limit();
	/* Kind by kind over all shards: a stack may count on the whole device. */
	for (k = 0; k < KINDS && !err; k++)
		for (i = h->instances; i && !err; i = next) {
			next = i->next;
			if (i->kind == up[k] && !i->opened)
				err = prove_open(h, i);
		}
	h->opened = !err;
	return err ? err : policy_open(h);
}

static void explain_start(struct host *h, const struct part *p, adit_result r)
{
	report_add(h->options.report, REPORT_ERROR, NULL, NULL, "%s (module %s) could not be started: %s", p->name, p->module,
	           instance_why(r));
}

/* adit/life.h: stop follows a failed start too. */
static adit_result start_part(struct host *h, struct part *p)
{
	adit_result r = instance_start(p);

	if (r != ADIT_OK) {
		explain_start(h, p, r);
		instance_stop(p);
	}
	return r;
}

static void start_kind(void *arg)
{
	struct host_shard *hs = arg;
	struct host_start *st = &hs->start;
	struct shard *s = &hs->shard;
	uint32_t n;

	for (n = 0; n < s->part_count[st->kind] && st->result == ADIT_OK; n++)
		if (s->parts[st->kind][n]) /* else one that could not be opened was replaced */
			st->result = start_part(hs->host, s->parts[st->kind][n]);
	if (st->kind == PART_PLATFORM && st->result == ADIT_OK)
		flow_sweep_start(s);
}

static int start_services(struct host *h)
{
	struct instance *i;
	int err = ADIT_OK;

	for (i = h->instances; i && !err; i = i->next)
		if (i->kind == PART_SERVICE)
			err = start_part(h, i->parts[0]);
	return err;
}

int host_start(struct host *h)
{
	unsigned i;
	size_t k;
	int err = ADIT_OK;

	h->started = true;
	for (i = 0; i < h->shard_count && !err; i++)
		err = shards_run(h->shards[i]);
	for (k = 0; k < STARTING && !err; k++) {
		for (i = 0; i < h->shard_count && !err; i++) {
			struct host_start *st = &h->shards[i]->start;

			*st = (struct host_start){starting[k], ADIT_OK};
			err = shards_call(h->shards[i], start_kind, h->shards[i]);
			if (!err)
				err = st->result;
			else
				report_add(h->options.report, REPORT_ERROR, NULL, NULL, "shard %u did not start in time", i);
		}
	}
	if (!err)
		err = prove_stacks(h);
	if (!err)
		err = start_services(h);
	return err;
}

static void end_flow(void *arg, struct flow *f)
{
	flow_end(arg, f, ADIT_ECANCEL);
}

static void stop_parts(struct shard *s, enum part_kind kind)
{
	uint32_t n;

	for (n = s->part_count[kind]; n > 0; n--) {
		struct part *p = s->parts[kind][n - 1];

		if (p && p->started)
			instance_stop(p);
	}
}

static void stop_shard(void *arg)
{
	struct shard *s = arg;
	uint32_t n;

	s->draining = 1;
	stop_parts(s, PART_PLATFORM);
	while (flowtable_walk(s->flows, 0, UINT32_MAX, end_flow, s) != 0)
		;
	for (n = 0; n < s->part_count[PART_HANDLER]; n++)
		if (s->parts[PART_HANDLER][n])
			part_flush(s->parts[PART_HANDLER][n]);
	stop_parts(s, PART_HANDLER);
	stop_parts(s, PART_STACK);
	stop_parts(s, PART_OUTBOUND);
	loop_timer_set(&s->sweep, 0, 0);
}

static void stop_services(struct host *h)
{
	struct instance *i;

	for (i = h->instances; i; i = i->next)
		if (i->kind == PART_SERVICE && i->parts[0] && i->parts[0]->started)
			instance_stop(i->parts[0]);
}

void host_stop(struct host *h)
{
	unsigned i;

	if (!h->started || h->stopped)
		return;
	h->stopped = true;
	stop_services(h);
	for (i = 0; i < h->shard_count; i++)
		if (h->shards[i]->running && shards_call(h->shards[i], stop_shard, &h->shards[i]->shard) != ADIT_OK)
			log_error("host", "shard %u did not stop in time", i);
	pool_stop();
	for (i = 0; i < h->shard_count; i++)
		shards_halt(h->shards[i]);
	/* What is on its way to this thread arrives; nothing comes after it. */
	loop_adopt(NULL);
	loop_stop(h->loop);
	loop_run(h->loop);
	calls_end(h);
	change_end(h);
	probes_end(h);
	generations_end(h);
	swaps_end(h);
}

void host_free(struct host *h)
{
	unsigned i;

	if (!h)
		return;
	host_stop(h);
	policy_close(h);
	wiring_destroy(h);
	for (i = 0; i < h->shard_count; i++)
		shards_free(h->shards[i]);
	modules_fini(h);
	homes_free(h->homes);
	tappings_fini(h);
	metrics_free(h->metrics);
	if (h->loop) {
		loop_adopt(NULL);
		loop_free(h->loop);
	}
	if (h->trouble_fd >= 0)
		close(h->trouble_fd);
	pthread_mutex_destroy(&h->lock);
	conf_unref(h->options.conf);
	conf_unref(h->first);
	free(h);
}

/* ---- questions ---- */

int host_trouble_fd(const struct host *h)
{
	return h->trouble_fd;
}

const char *host_trouble(struct host *h)
{
	const char *text;

	pthread_mutex_lock(&h->lock);
	text = h->trouble[0] ? h->trouble : NULL;
	pthread_mutex_unlock(&h->lock);
	return text;
}

const void *host_platform_interface(struct host *h, const char *iface)
{
	const adit_module *root = h->platform ? module_root(h->platform->module) : NULL;

	return ADIT_HAS(root, adit_module, get) ? root->get(h->platform->ctx, iface) : NULL;
}

const char *host_counter(struct host *h, unsigned index, uint64_t *value)
{
	unsigned i;

	if (index >= COUNT_END)
		return NULL;
	*value = 0;
	for (i = 0; i < h->shard_count; i++)
		*value += __atomic_load_n(&h->shards[i]->shard.counters[index], __ATOMIC_RELAXED);
	return shard_counter_names[index];
}

uint32_t host_flows(struct host *h)
{
	uint32_t sum = 0;
	unsigned i;

	for (i = 0; i < h->shard_count; i++) {
		struct flow_counts counts;

		flowtable_count(h->shards[i]->shard.flows, &counts);
		sum += counts.flows - counts.closed;
	}
	return sum;
}

/* What the shards have counted, each in its own place. */
struct streams {
	host_streams_fn *done;
	void *arg;
	unsigned shards;
	struct {
		uint32_t count;
		uint64_t bytes;
	} of[];
};

struct stream_walk {
	uint32_t count;
	uint64_t bytes;
};

static void add_stream(void *arg, struct flow *f)
{
	struct stream_walk *w = arg;

	if (f->info.proto != ADIT_PROTO_TCP || f->state == FLOW_CLOSED)
		return;
	w->count++;
	w->bytes += f->bytes_up + f->bytes_down;
}

static void add_streams(struct shard *s, void *arg)
{
	struct streams *st = arg;
	struct stream_walk w = {0, 0};
	uint32_t from = 0;

	do
		from = flowtable_walk(s->flows, from, UINT32_MAX, add_stream, &w);
	while (from);
	st->of[s->index].count = w.count;
	st->of[s->index].bytes = w.bytes;
}

static void streams_counted(void *arg, adit_result result)
{
	struct streams *st = arg;
	uint64_t bytes = 0;
	uint32_t count = 0;
	unsigned i;

	for (i = 0; i < st->shards; i++) {
		count += st->of[i].count;
		bytes += st->of[i].bytes;
	}
	st->done(st->arg, result, count, bytes);
	free(st);
}

int host_streams(struct host *h, host_streams_fn *done, void *arg)
{
	struct streams *st = calloc(1, sizeof(*st) + h->shard_count * sizeof(st->of[0]));
	int err;

	if (!st)
		return ADIT_ENOMEM;
	st->done = done;
	st->arg = arg;
	st->shards = h->shard_count;
	err = call_every(h, add_streams, st, streams_counted, false);
	if (err)
		free(st);
	return err;
}

adit_loop *host_loop(const struct host *h)
{
	return h->loop;
}

unsigned host_shards(const struct host *h)
{
	return h->shard_count;
}

const char *host_stack_name(const struct host *h, const char *proto)
{
	return h->line.stack_names[!strcmp(proto, "tcp") ? 0 : !strcmp(proto, "udp") ? 1 : 2];
}

const char *host_stack_reason(const struct host *h, const char *proto)
{
	return h->choice.reasons[!strcmp(proto, "tcp") ? 0 : !strcmp(proto, "udp") ? 1 : 2];
}
