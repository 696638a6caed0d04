/* SPDX-License-Identifier: MIT
 * host/reload.c - another manifest for a host that runs
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "host/change.h"
#include "host/generation.h"
#include "host/parts.h"

/* Hangs on the change. */
struct reload {
	host_reloaded_fn *done;
	void *arg;
	struct choice choice;
};

const char *host_change_name(enum host_change change)
{
	static const char *const names[HOST_CHANGES] = {"add", "remove", "update", "renew", "live", "restart"};

	return change < HOST_CHANGES ? names[change] : "";
}

static bool stack_differs(const struct conf *a, const struct conf *b)
{
	unsigned i;

	for (i = 0; i < STACK_PROTOCOLS; i++)
		if (strcmp(conf_stack_for(a, instance_protocols[i]), conf_stack_for(b, instance_protocols[i])))
			return true;
	return false;
}

/* What is in service, maybe by a swap, stays unless the manifest says something else than before, or has no entry for it. */
static int choose(struct host *h, const struct conf *conf, struct report *r, struct choice *out)
{
	bool anew = stack_differs(h->options.conf, conf);
	unsigned i;

	*out = h->choice;
	for (i = 0; i < STACK_PROTOCOLS && !anew; i++)
		anew = !conf_entry_find(conf, CONF_STACK, h->choice.names[i]);
	return anew ? choice_make(h, conf, NULL, CONF_TCP | CONF_UDP | CONF_ICMP, r, out) : choice_check(h, conf, out, r);
}

static int prepare(struct host *h, struct conf *conf, struct report *r, struct choice *choice, struct change **out)
{
	int err = choose(h, conf, r, choice);

	return err ? err : change_new(h, conf, choice->names, false, r, out);
}

int host_diff(struct host *h, struct conf *conf, struct report *r, struct host_plan **out)
{
	struct host_plan *plan;
	struct choice choice;
	struct change *c;
	int err = prepare(h, conf, r, &choice, &c);

	if (err)
		return err;
	plan = malloc(sizeof(*plan));
	if (plan) {
		*plan = c->plan;
		c->plan = (struct host_plan){NULL, 0, 0};
		*out = plan;
	}
	change_free(c);
	return plan ? ADIT_OK : ADIT_ENOMEM;
}

void host_plan_free(struct host_plan *plan)
{
	if (plan)
		plan_fini(plan);
	free(plan);
}

static void on_shifted(struct change *c)
{
	const struct reload *r = c->arg;

	c->host->choice = r->choice;
}

static void tell(struct host *h, bool under_way)
{
	if (h->reloading)
		h->reloading(h->reloading_arg, under_way);
}

void host_tell_reloads(struct host *h, host_reloading_fn *fn, void *arg)
{
	h->reloading = fn;
	h->reloading_arg = arg;
}

static void on_over(struct change *c, int err)
{
	struct reload *r = c->arg;

	tell(c->host, false);
	r->done(r->arg, err, &c->plan, &c->report);
	free(r);
}

/* What cannot even be planned is told like what fails later: on the control loop. */
struct refusal {
	struct host *host;
	struct refusal *next;
	host_reloaded_fn *done;
	void *arg;
	int err;
	struct report report;
};

static void on_refused(void *arg)
{
	static const struct host_plan nothing;
	struct refusal *f = arg;

	tell(f->host, false);
	f->done(f->arg, f->err, &nothing, &f->report);
	report_fini(&f->report);
	free(f);
}

static int refuse(struct host *h, int err, struct report *r, host_reloaded_fn *done, void *arg)
{
	struct refusal *f = calloc(1, sizeof(*f));

	if (!f)
		return ADIT_ENOMEM;
	*f = (struct refusal){.host = h, .done = done, .arg = arg, .err = err, .report = *r};
	err = loop_post(h->loop, on_refused, f);
	if (err) {
		free(f);
		return err;
	}
	tell(h, true);
	report_init(r); /* given away */
	return ADIT_OK;
}

int host_reload(struct host *h, struct conf *conf, const struct host_drain *drain, host_reloaded_fn *done, void *arg)
{
	struct reload *rl;
	struct report report;
	struct change *c;
	int err;

	if (!h->started || h->stopped)
		return ADIT_EINVAL;
	if (h->change)
		return ADIT_EAGAIN;
	rl = calloc(1, sizeof(*rl));
	if (!rl)
		return ADIT_ENOMEM;
	*rl = (struct reload){.done = done, .arg = arg};
	report_init(&report);
	err = prepare(h, conf, &report, &rl->choice, &c);
	if (err) {
		free(rl);
		err = err == ADIT_ENOMEM ? err : refuse(h, err, &report, done, arg);
		report_fini(&report);
		return err;
	}
	report_fini(&c->report);
	c->report = report; /* with warnings, if there are */
	if (drain) {
		c->drain = *drain;
		if (!drain->ns)
			c->drain.ns = DRAIN_DEFAULT;
	}
	c->arg = rl;
	c->over = on_over;
	c->shifted = on_shifted;
	err = change_begin(c);
	if (err) {
		change_free(c);
		free(rl);
		return err;
	}
	tell(h, true);
	return ADIT_OK;
}
