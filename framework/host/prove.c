/* SPDX-License-Identifier: MIT
 * host/prove.c - the stacks of the start prove themselves before anybody counts on them
 *
 * A stack that fails its own test is made anew if it says that this helps (another way to reach the kernel), which is a
 * change like any other. Where nothing helps and the choice was the host's, lwIP takes its place; what the manifest names
 * and does not work ends the start.
 */
#include "host/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/change.h"
#include "host/parts.h"
#include "host/probe.h"
#include "observe/log.h"

enum { TRIES = 4 }; /* of one stack, made anew each time */
static const char second_choice[] = "lwip";

struct prove {
	struct host *host;
	unsigned at; /* the protocol whose stack is being tried */
	unsigned tries;
	struct choice choice; /* what follows a stack that does not work */
	char why[256];
	int err;
	bool over;
};

static void next(struct prove *p);

static void end(struct prove *p, int err)
{
	p->err = err;
	p->over = true;
	loop_stop(p->host->loop);
}

/* ---- another stack ---- */

/* What the protocols of a stack that does not work get, where the host chose it; else ADIT_ENOENT. */
static int fallback(struct host *h, const struct instance *bad, struct choice *out)
{
	struct report unused;
	unsigned i, protos = 0;
	int err;

	for (i = 0; i < STACK_PROTOCOLS; i++)
		if (h->choice.chosen[i] && !strcmp(h->choice.names[i], bad->name))
			protos |= i == 0 ? CONF_TCP : i == 1 ? CONF_UDP : CONF_ICMP;
		else if (!strcmp(h->choice.names[i], bad->name))
			return ADIT_ENOENT;
	if (!protos || !strcmp(bad->name, second_choice))
		return ADIT_ENOENT;
	*out = h->choice;
	report_init(&unused);
	err = choice_make(h, h->options.conf, second_choice, protos, &unused, out);
	report_fini(&unused);
	for (i = 0; i < STACK_PROTOCOLS && !err; i++) {
		out->chosen[i] = h->choice.chosen[i];
		if (strcmp(out->names[i], h->choice.names[i]))
			snprintf(out->reasons[i], REASON_ROOM, "chosen: stack \"%.60s\" does not work here", bad->name);
	}
	return err ? ADIT_ENOENT : ADIT_OK;
}

/* Nothing runs yet: it takes the place of one that could not be opened. */
static int put_in_place(struct host *h, struct instance *bad, struct instance *made)
{
	struct lineup line = h->line;
	struct shard_order *order;
	unsigned i, k, n = 0;
	int err;

	for (i = 0; i < line.count[CONF_STACK]; i++)
		if (line.v[CONF_STACK][i] != bad && line.v[CONF_STACK][i] != made)
			line.v[CONF_STACK][n++] = line.v[CONF_STACK][i];
	line.v[CONF_STACK][n++] = made;
	line.count[CONF_STACK] = n;
	err = lineup_join_stacks(&line, h->options.report);
	if (err)
		return err;
	order = lineup_order(h, &line);
	if (!order)
		return ADIT_ENOMEM;
	made->serving = made->placed = true;
	for (k = 0; k < h->shard_count; k++) {
		struct shard *s = &h->shards[k]->shard;

		s->parts[PART_STACK][bad->slot] = NULL;
		instance_place(made, s);
		s->order = order;
		for (i = 0; i < STACK_PROTOCOLS; i++)
			s->stack_of[i] = line.stack_of[i]->slot;
	}
	free(h->order);
	h->order = order;
	h->line = line;
	instance_free(bad);
	return ADIT_OK;
}

static int replace(struct host *h, struct instance *bad, const char *why)
{
	const struct conf_entry *e = conf_entry_find(h->options.conf, CONF_STACK, second_choice);
	struct instance *made = lineup_find(&h->line, CONF_STACK, second_choice);
	struct choice choice;
	int err = fallback(h, bad, &choice);
	bool fresh = !made;

	if (!err && fresh)
		err = instance_new(h, h->options.conf, e, h->options.report, &made);
	if (!err && !made->opened)
		err = instance_open(made, h->options.report);
	if (err) {
		if (fresh)
			instance_free(made);
		return err;
	}
	log_warn("host", "%s; stack \"%s\" takes its place", why, made->name);
	memcpy(h->line.stack_names, choice.names, sizeof(choice.names));
	h->choice = choice;
	return put_in_place(h, bad, made);
}

int prove_open(struct host *h, struct instance *i)
{
	struct report r;
	char why[256] = "";
	size_t n;
	int err;

	report_init(&r);
	err = instance_open(i, &r);
	for (n = 0; n < r.count; n++)
		snprintf(why, sizeof(why), "%s", r.items[n].text);
	report_fini(&r);
	if (!err || (err != ADIT_ENOMEM && i->kind == PART_STACK && replace(h, i, why) == ADIT_OK))
		return ADIT_OK;
	report_add(h->options.report, REPORT_ERROR, NULL, NULL, "%s", *why ? why : err_text(err));
	return err;
}

/* ---- changes ---- */

static void on_shifted(struct change *c)
{
	struct prove *p = c->arg;

	c->host->choice = p->choice;
}

static int change_to(struct prove *p, struct instance *again, change_over_fn *over)
{
	struct host *h = p->host;
	struct change *c;
	unsigned n;
	int err = change_new(h, h->options.conf, p->choice.names, true, h->options.report, &c);

	if (err)
		return err;
	for (n = 0; n < c->items.count[CONF_STACK]; n++) {
		struct item *item = &c->items.v[CONF_STACK][n];

		if (item->old != again || !again)
			continue;
		item->keep = false;
		item->change = HOST_RENEW;
		item->now = NULL;
	}
	c->probe_flags = ADIT_PROBE_START;
	c->drain.ns = 0; /* it does not work */
	c->arg = p;
	c->over = over;
	c->shifted = on_shifted;
	err = change_begin(c);
	if (err)
		change_free(c);
	return err;
}

static void note_why(struct prove *p, const struct report *r, int err)
{
	size_t i;

	snprintf(p->why, sizeof(p->why), "%s", err_text(err));
	for (i = 0; i < r->count; i++)
		if (r->items[i].level == REPORT_ERROR)
			snprintf(p->why, sizeof(p->why), "%s", r->items[i].text);
}

static void on_replaced(struct change *c, int err)
{
	struct prove *p = c->arg;

	if (err) {
		note_why(p, &c->report, err);
		report_add(p->host->options.report, REPORT_ERROR, NULL, NULL, "%s", p->why);
		end(p, err);
		return;
	}
	log_info("host", "stack \"%s\" is in service", p->host->choice.names[p->at]);
	p->tries = 0;
	p->at++;
	next(p);
}

/* p->why says what is wrong. */
static void give_up(struct prove *p, int err)
{
	struct host *h = p->host;

	if (fallback(h, h->line.stack_of[p->at], &p->choice) == ADIT_OK) {
		log_warn("host", "%s; stack \"%s\" takes its place", p->why, second_choice);
		if (change_to(p, NULL, on_replaced) == ADIT_OK)
			return;
	}
	report_add(h->options.report, REPORT_ERROR, &(struct report_place){.pointer = "/stack"},
	           "choose another stack, or another form of it", "%s", p->why);
	end(p, err);
}

static void on_bad(struct prove *p, int err);

static void on_renewed(struct change *c, int err)
{
	struct prove *p = c->arg;

	if (!err) {
		on_replaced(c, err);
		return;
	}
	note_why(p, &c->report, err);
	on_bad(p, err);
}

static void on_bad(struct prove *p, int err)
{
	struct instance *stack = p->host->line.stack_of[p->at];
	bool again = err == ADIT_EAGAIN && ++p->tries < TRIES;

	if (!again) {
		give_up(p, err);
		return;
	}
	log_warn("host", "%s; it is made anew", p->why);
	p->choice = p->host->choice;
	err = change_to(p, stack, on_renewed);
	if (err)
		give_up(p, err);
}

/* ---- tests ---- */

static void on_probed(void *arg, int err, const char *text)
{
	struct prove *p = arg;
	const struct instance *stack = p->host->line.stack_of[p->at];

	if (err && err != ADIT_ENET) {
		snprintf(p->why, sizeof(p->why), "stack \"%s\" (module %s) does not work here: %s", stack->name, stack->module_name,
		         text);
		on_bad(p, err);
		return;
	}
	log_debug("host", "stack \"%s\": %s", stack->name, text);
	p->at++;
	next(p);
}

static bool has_test(const struct instance *i)
{
	const adit_stack_1 *table = i->parts[0]->table.stack;

	return ADIT_HAS(table, adit_stack_1, probe);
}

static bool is_next(const struct prove *p)
{
	struct instance *const *of = p->host->line.stack_of;
	unsigned i;

	for (i = 0; i < p->at; i++)
		if (of[i] == of[p->at])
			return false;
	return has_test(of[p->at]);
}

static void next(struct prove *p)
{
	int err;

	while (p->at < STACK_PROTOCOLS && !is_next(p))
		p->at++;
	if (p->at == STACK_PROTOCOLS) {
		end(p, ADIT_OK);
		return;
	}
	err = probe_begin(p->host->line.stack_of[p->at], ADIT_PROBE_START, on_probed, p);
	if (err)
		end(p, err);
}

int prove_stacks(struct host *h)
{
	struct prove p = {.host = h};

	while (p.at < STACK_PROTOCOLS && !is_next(&p))
		p.at++;
	if (p.at == STACK_PROTOCOLS)
		return ADIT_OK;
	next(&p);
	while (!p.over)
		loop_run(h->loop);
	return p.err;
}
