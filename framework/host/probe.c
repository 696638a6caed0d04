/* SPDX-License-Identifier: MIT
 * host/probe.c - trying a stack on every shard, and one answer of it
 *
 * A stack that knows better how it can be tried has a probe of its own; for the others the host plays application and
 * handler at once (host/trial.c).
 */
#include "host/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/parts.h"
#include "os/os.h"

#define PROBE_MOST (15 * OS_SECOND)

struct probe;

struct probe_shard {
	struct probe *probe;
	struct part *part;
	atomic_int result; /* 1: none yet */
	bool own;          /* the stack's own probe */
	char why[160];
};

/* In the host's list until the control thread and every shard that was asked have let go: an answer may come late, and of
 * a stack that was stopped never. */
struct probe {
	struct probe *next;
	struct host *host;
	struct instance *stack;
	probe_done_fn *done;
	void *arg;
	adit_timer deadline;
	adit_addr src;
	uint32_t flags; /* ADIT_PROBE_... */
	unsigned left; /* shards without an answer; [control] */
	bool over;
	unsigned owners; /* [control] */
	struct probe_shard shards[];
};

static void unref(struct probe *p)
{
	struct probe **link = &p->host->probes;

	if (--p->owners)
		return;
	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	free(p);
}

void probes_end(struct host *h)
{
	while (h->probes) {
		struct probe *p = h->probes;

		loop_timer_fini(&p->deadline);
		h->probes = p->next;
		free(p);
	}
}

static const struct probe_shard *first_bad(const struct probe *p)
{
	unsigned n;

	for (n = 0; n < p->stack->part_count; n++)
		if (atomic_load(&p->shards[n].result) < 0)
			return &p->shards[n];
	return NULL;
}

static void finish(struct probe *p, int err)
{
	const struct probe_shard *bad = err == ADIT_ETIME ? NULL : first_bad(p);
	char text[256];

	if (p->over)
		return;
	p->over = true;
	loop_timer_fini(&p->deadline);
	if (bad)
		snprintf(text, sizeof(text), "shard %u: %s", bad->part->shard->index, bad->why);
	else if (err)
		snprintf(text, sizeof(text), "no answer within %u s", (unsigned)(PROBE_MOST / OS_SECOND));
	else if (p->shards[0].own)
		snprintf(text, sizeof(text), "its own test passed on %u shards", p->stack->part_count);
	else if (p->flags & ADIT_PROBE_START)
		snprintf(text, sizeof(text), "it was not tried");
	else
		snprintf(text, sizeof(text), "flows made in memory went through on %u shards", p->stack->part_count);
	p->done(p->arg, bad ? atomic_load(&bad->result) : err, text);
	unref(p);
}

static void on_answer(void *arg)
{
	struct probe *p = arg;

	if (!--p->left)
		finish(p, ADIT_OK);
	unref(p);
}

static void on_deadline(void *arg)
{
	finish(arg, ADIT_ETIME);
}

/* [loop] */
static void answer(struct probe_shard *ps, adit_result result, const char *why)
{
	struct probe *p = ps->probe;

	if (atomic_load(&ps->result) != 1)
		return;
	snprintf(ps->why, sizeof(ps->why), "%s", why ? why : err_text(result));
	atomic_store(&ps->result, result < 0 ? result : ADIT_OK);
	loop_post(p->host->loop, on_answer, p); /* where it cannot be, the host is being stopped */
}

static void on_own(void *arg, adit_result result, const char *why)
{
	answer(arg, result, why);
}

static void on_trial(void *arg, int err, const char *why)
{
	answer(arg, err, why);
}

static void begin_on(struct shard *s, void *arg)
{
	struct probe *p = arg;
	struct probe_shard *ps = &p->shards[s->index];
	const adit_stack_1 *table = ps->part->table.stack;
	adit_result r = ADIT_ENOSYS;

	if (ADIT_HAS(table, adit_stack_1, probe)) {
		ps->part->inside++;
		r = table->probe(ps->part->inst, p->flags, on_own, ps);
		ps->part->inside--;
		ps->own = r == ADIT_OK;
		if (r == ADIT_OK)
			return;
	}
	if (r == ADIT_ENOSYS && p->flags & ADIT_PROBE_START) {
		answer(ps, ADIT_OK, NULL);
		return;
	}
	if (r == ADIT_ENOSYS)
		r = trial_begin(ps->part, &p->src, on_trial, ps);
	if (r != ADIT_OK)
		answer(ps, r, instance_why(r));
}

static void on_begun(void *arg, adit_result result)
{
	struct probe *p = arg;

	if (result != ADIT_OK)
		finish(p, result);
	unref(p);
}

/* The last address but one of the device's first IPv4 prefix, if the platform's settings tell it: inside of what is the
 * device's, and in nobody's use. */
static void reserve(const struct host *h, adit_addr *out)
{
	const adit_cfg *platform = h->line.count[CONF_PLATFORM] ? h->line.v[CONF_PLATFORM][0]->entry->cfg : NULL;
	const adit_cfg *item;
	struct format_prefix prefix = {.ip = {198, 18, 0, 1}, .family = 4, .bits = 16}, read;
	const char *text;
	uint32_t i, ip;

	for (i = 0; platform && (item = conf_config_1.item(platform, "addresses", i)) != NULL; i++) {
		if (conf_config_1.text(item, "", &text, NULL) == ADIT_OK && format_cidr(text, &read) && read.family == 4 &&
		    read.bits < 31) {
			prefix = read;
			break;
		}
	}
	ip = (uint32_t)prefix.ip[0] << 24 | (uint32_t)prefix.ip[1] << 16 | (uint32_t)prefix.ip[2] << 8 | prefix.ip[3];
	ip = (ip | (uint32_t)(0xffffffffu >> prefix.bits)) - 1;
	*out = (adit_addr){.family = 4, .port = 9};
	out->ip[0] = (uint8_t)(ip >> 24);
	out->ip[1] = (uint8_t)(ip >> 16);
	out->ip[2] = (uint8_t)(ip >> 8);
	out->ip[3] = (uint8_t)ip;
}

int probe_begin(struct instance *stack, uint32_t flags, probe_done_fn *done, void *arg)
{
	struct probe *p = calloc(1, sizeof(*p) + stack->part_count * sizeof(p->shards[0]));
	unsigned n;
	int err;

	if (!p)
		return ADIT_ENOMEM;
	p->host = stack->host;
	p->stack = stack;
	p->done = done;
	p->arg = arg;
	p->flags = flags;
	p->left = stack->part_count;
	p->owners = 2 + stack->part_count;
	reserve(stack->host, &p->src);
	for (n = 0; n < stack->part_count; n++) {
		p->shards[n].probe = p;
		p->shards[n].part = stack->parts[n];
		atomic_init(&p->shards[n].result, 1);
	}
	err = call_every(stack->host, begin_on, p, on_begun, false);
	if (err) {
		free(p);
		return err;
	}
	p->next = stack->host->probes;
	stack->host->probes = p;
	loop_timer_init(&p->deadline, stack->host->loop, on_deadline, p);
	loop_timer_set(&p->deadline, PROBE_MOST, 0);
	return ADIT_OK;
}
