/* SPDX-License-Identifier: MIT
 * host/swap.c - another stack for new flows, while it runs
 *
 * A swap is a change (host/change.c) whose new line-up differs in the stacks alone. What is here tells people: which steps
 * it takes, what was tried, how many flows are still on what it left, and what its end was.
 */
#include "host/swap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/change.h"
#include "host/generation.h"
#include "host/parts.h"
#include "observe/log.h"
#include "os/os.h"

#define UNDO_MOST (3600 * OS_SECOND)
enum { SWAPS_MOST = 16 };

/* One swap, until what it has left has gone. */
struct swap {
	struct swap *next;
	struct host *host;
	host_swap_fn *fn; /* null: nobody listens any more */
	void *arg;
	uint64_t begun;
	struct choice before, after;
	struct {
		const struct instance *instance;
		uint32_t told; /* flows, in the last word about it */
	} leaving[STACK_PROTOCOLS];
	unsigned leaving_count;
	bool undo;
	char text[256];
};

const char *host_swap_step_name(enum host_swap_step step)
{
	static const char *const names[] = {"plan", "probe", "shift", "drain", "retire", "failed"};

	return (unsigned)step < sizeof(names) / sizeof(names[0]) ? names[step] : "";
}

__attribute__((format(printf, 3, 4))) static void tell(struct swap *s, struct host_swap_progress p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->text, sizeof(s->text), format, args);
	va_end(args);
	p.text = s->text;
	p.age_ns = loop_now(s->host->loop) - s->begun;
	if (p.step == HOST_SWAP_FAILED)
		log_warn("host", "swap: %s: %s", host_swap_step_name(p.step), s->text);
	else if (p.step != HOST_SWAP_DRAIN)
		log_info("host", "swap: %s: %s", host_swap_step_name(p.step), s->text);
	if (s->fn)
		s->fn(s->arg, &p);
}

static void swap_free(struct swap *s)
{
	struct swap **link = &s->host->swaps;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	free(s);
}

/* ---- what becomes of the stacks that it left ---- */

static void left(struct swap *s, unsigned n, struct host_swap_progress p, const char *what)
{
	char name[NAME_ROOM];

	snprintf(name, sizeof(name), "%s", s->leaving[n].instance->name);
	s->leaving[n] = s->leaving[--s->leaving_count];
	p.step = HOST_SWAP_RETIRE;
	p.last = !s->leaving_count;
	tell(s, p, "stack \"%s\" %s", name, what);
	if (p.last)
		swap_free(s);
}

void swaps_drain(const struct instance *i)
{
	struct swap *s;
	unsigned n;

	for (s = i->host->swaps; s; s = s->next) {
		for (n = 0; n < s->leaving_count; n++) {
			if (s->leaving[n].instance != i || s->leaving[n].told == i->flows)
				continue;
			s->leaving[n].told = i->flows;
			tell(s, (struct host_swap_progress){.step = HOST_SWAP_DRAIN, .flows = i->flows}, "%u flows are left on stack \"%s\"",
			     i->flows, i->name);
		}
	}
}

static void all_left(const struct instance *i, struct host_swap_progress p, const char *what)
{
	struct swap *s, *next;
	unsigned n;

	for (s = i->host->swaps; s; s = next) {
		next = s->next;
		for (n = 0; n < s->leaving_count && s->leaving[n].instance != i; n++)
			;
		if (n < s->leaving_count)
			left(s, n, p, what);
	}
}

void swaps_retired(const struct instance *i)
{
	all_left(i, (struct host_swap_progress){.ended = i->ended}, i->ended ? "has gone; its time was up" : "has gone; no flow was cut");
}

void swaps_taken_back(const struct instance *i)
{
	all_left(i, (struct host_swap_progress){.flows = i->flows}, "is in service again");
}

/* ---- the change ---- */

static void on_probed(struct change *c, struct instance *i, int err, const char *text)
{
	struct swap *s = c->arg;

	if (!err)
		tell(s, (struct host_swap_progress){.step = HOST_SWAP_PROBE}, "stack \"%s\": %s", i->name, text);
}

static void on_shifted(struct change *c)
{
	struct swap *s = c->arg;
	struct host *h = c->host;
	unsigned n;

	h->choice = s->after;
	h->swapped_from = s->before;
	h->swapped_at = loop_now(h->loop);
	h->swapped = !s->undo;
	for (n = 0; n < c->leaving_count && s->leaving_count < STACK_PROTOCOLS; n++) {
		s->leaving[s->leaving_count].instance = c->leaving[n];
		s->leaving[s->leaving_count++].told = UINT32_MAX;
	}
	tell(s, (struct host_swap_progress){.step = HOST_SWAP_SHIFT, .last = !s->leaving_count},
	     "new flows go to %s (tcp) %s (udp) %s (icmp)", s->after.names[0], s->after.names[1], s->after.names[2]);
}

static void on_over(struct change *c, int err)
{
	struct swap *s = c->arg;
	const char *why = err_text(err);
	size_t i;

	if (!err) {
		if (!s->leaving_count)
			swap_free(s);
		return;
	}
	for (i = 0; i < c->report.count; i++) {
		if (c->report.items[i].level == REPORT_ERROR) {
			why = c->report.items[i].text;
			break;
		}
	}
	tell(s, (struct host_swap_progress){.step = HOST_SWAP_FAILED, .result = err, .last = true}, "%s", why);
	swap_free(s);
}

static void on_beginning(struct change *c)
{
	struct swap *s = c->arg;
	uint32_t flows = host_flows(s->host);

	tell(s, (struct host_swap_progress){.step = HOST_SWAP_PLAN, .flows = flows},
	     "from %s (tcp) %s (udp) %s (icmp) to %s (tcp) %s (udp) %s (icmp); %u flows stay where they are", s->before.names[0],
	     s->before.names[1], s->before.names[2], s->after.names[0], s->after.names[1], s->after.names[2], flows);
}

static int choose(struct host *h, const char *wish, const struct host_swap_options *o, struct report *r, struct choice *out)
{
	unsigned protos = o->protos ? o->protos : CONF_TCP | CONF_UDP | CONF_ICMP;

	*out = h->choice;
	if (!o->undo)
		return choice_make(h, h->options.conf, wish, protos, r, out);
	if (!h->swapped || loop_now(h->loop) - h->swapped_at > UNDO_MOST) {
		report_add(r, REPORT_ERROR, NULL, "name the stack", h->swapped ? "the last swap is more than an hour ago"
		                                                               : "there is no swap to undo");
		return ADIT_ENOENT;
	}
	*out = h->swapped_from;
	return ADIT_OK;
}

static bool same_names(const struct choice *a, const struct choice *b)
{
	unsigned i;

	for (i = 0; i < STACK_PROTOCOLS && !strcmp(a->names[i], b->names[i]); i++)
		;
	return i == STACK_PROTOCOLS;
}

static int refused(const struct host *h, struct report *r)
{
	unsigned n = 0;
	const struct swap *s;

	for (s = h->swaps; s; s = s->next)
		n++;
	if (!h->started || h->stopped)
		return ADIT_EINVAL;
	if (h->change) {
		report_add(r, REPORT_ERROR, NULL, "wait for its end", "another change is being made");
		return ADIT_EAGAIN;
	}
	if (n < SWAPS_MOST)
		return ADIT_OK;
	report_add(r, REPORT_ERROR, NULL, "wait until old stacks have gone", "%d swaps are still draining", SWAPS_MOST);
	return ADIT_EAGAIN;
}

int host_swap(struct host *h, const char *choice, const struct host_swap_options *options, struct report *r,
              host_swap_fn *fn, void *arg)
{
	static const struct host_swap_options none;
	const struct host_swap_options *o = options ? options : &none;
	struct choice after;
	struct change *c = NULL;
	struct swap *s;
	int err = refused(h, r);

	if (!err)
		err = choose(h, choice, o, r, &after);
	if (!err && same_names(&after, &h->choice)) {
		report_add(r, REPORT_ERROR, NULL, NULL, "it is in service already");
		err = ADIT_EEXIST;
	}
	if (!err)
		err = change_new(h, h->options.conf, after.names, true, r, &c);
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s) {
		change_free(c);
		return ADIT_ENOMEM;
	}
	*s = (struct swap){.next = h->swaps, .host = h, .fn = fn, .arg = arg, .begun = loop_now(h->loop), .undo = o->undo};
	s->before = h->choice;
	s->after = after;
	h->swaps = s;
	c->drain = o->drain;
	if (!c->drain.ns)
		c->drain.ns = DRAIN_DEFAULT;
	c->arg = s;
	c->over = on_over;
	c->probed = on_probed;
	c->shifted = on_shifted;
	c->beginning = on_beginning;
	err = change_begin(c);
	if (err) {
		change_free(c);
		swap_free(s);
	}
	return err;
}

void host_swap_leave(struct host *h, void *arg)
{
	struct swap *s;

	for (s = h->swaps; s; s = s->next)
		if (s->arg == arg)
			s->fn = NULL;
}

void swaps_end(struct host *h)
{
	while (h->swaps) {
		struct swap *s = h->swaps;

		tell(s, (struct host_swap_progress){.step = HOST_SWAP_RETIRE, .last = true}, "the host ends");
		swap_free(s);
	}
}
