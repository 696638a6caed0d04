/* SPDX-License-Identifier: MIT
 * host/plan.h - what differs between a host that runs and what it is to be, entry by entry
 */
#ifndef HOST_PLAN_H
#define HOST_PLAN_H

#include "host/instance.h"

/* An entry of the new manifest, and the instance that will stand for it. */
struct item {
	const struct conf_entry *entry;
	struct instance *old;     /* that stands for it now, or drains and can be taken back; null: none */
	struct instance *now;     /* that will: old, or a new one once it is made */
	enum host_change change;  /* with keep: not looked at */
	bool keep;                /* old stays, or is taken back, as it is */
	bool rematch;             /* handlers: its matches differ */
	struct match match;       /* the new ones */
	struct host_step *step;   /* of the plan; null: none */
	bool updated;             /* its settings have been changed in place */
};

struct items {
	struct item *v[CONF_KINDS]; /* in the order of the manifest */
	unsigned count[CONF_KINDS];
};

/* Compares. stack_names: the stacks that are wanted. stacks_only: as in change_new(). Fills in items and a plan, both the
 * caller's in any case. ADIT_ECONFIG,
 * explained in r: an entry's module cannot be had, a handler names no outbound; ADIT_ENOMEM. */
int plan_make(struct host *h, struct conf *conf, char stack_names[STACK_PROTOCOLS][NAME_ROOM], bool stacks_only,
              struct report *r, struct items *items, struct host_plan *plan);
/* What a step says from now on; ADIT_ENOMEM. */
int plan_say(struct host_step *step, enum host_change change, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void plan_fini(struct host_plan *plan);
void items_fini(struct items *items);

#endif
