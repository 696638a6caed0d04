/* SPDX-License-Identifier: MIT
 * host/instance.h - an entry of the manifest as it runs: one part on each shard, and its place in the host
 *
 * An entry whose module cannot change in place, or has another file now, gets a further instance: a new generation. The
 * line-up says which instances get new flows; the others drain (host/generation.c). All on the control thread; what is
 * marked [loop] belongs to the shard's thread once the host has started.
 */
#ifndef HOST_INSTANCE_H
#define HOST_INSTANCE_H

#include <stdatomic.h>

#include "flow/shard.h"
#include "host/host.h"

struct host_module;

enum { STACK_PROTOCOLS = 3, NAME_ROOM = 65 };

struct instance {
	struct instance *next; /* in the order of their making */
	struct host *host;
	enum conf_kind entry_kind;
	enum part_kind kind;
	char *name, *module_name;
	unsigned generation; /* 1 from the start, else the number of the change that made it */
	uint8_t slot;        /* of its parts on every shard */
	struct conf *conf;   /* whose entry it has read: a reference */
	const struct conf_entry *entry;
	struct module *module;
	struct part *parts[64]; /* by shard; a service has one */
	unsigned part_count;
	struct match match; /* handlers: what the parts point to */
	bool opened;
	bool placed;  /* its parts are among those of the shards */
	bool fresh;   /* made by the change under way, not in the line-up yet */
	bool serving; /* in the line-up */
	bool suspended; /* a service that has made room for its next generation */
	/* once it is not any more: host/generation.c */
	bool draining, wait, stopping, stopped, counted;
	bool looked_for;   /* by the walk under way, since its first slot */
	bool reserved;     /* the change under way takes it back: it stays until that is over */
	uint64_t pool_mark; /* jobs that may be its own (loop/pool.h) */
	uint64_t drain_end; /* as loop_now() counts */
	uint32_t flows, ended;
	atomic_uint busy; /* parts that cannot be freed yet */
	char ended_by[64];
};

/* Who gets new flows. */
struct lineup {
	struct instance *v[CONF_KINDS][SHARD_PARTS]; /* in the order of the manifest */
	unsigned count[CONF_KINDS];
	char stack_names[STACK_PROTOCOLS][NAME_ROOM]; /* for TCP, UDP, echo */
	struct instance *stack_of[STACK_PROTOCOLS];
};

extern const enum part_kind instance_part_kind[CONF_KINDS];
extern const char *const instance_protocols[STACK_PROTOCOLS]; /* "tcp", "udp", "icmp" */

/* Loads the entry's module, finds a place, and creates the parts. ADIT_ECONFIG and what create() said, explained in r;
 * nothing is left behind. A reference to conf is taken. */
int instance_new(struct host *h, struct conf *conf, const struct conf_entry *e, struct report *r, struct instance **out);
/* Puts the parts among those of their shards; before the shards run, or on the shard's loop (s) alone. */
void instance_place(struct instance *i, struct shard *s);
int instance_open(struct instance *i, struct report *r);
/* [loop] Starts, stops a part; a failed start has been stopped again. */
adit_result instance_start(struct part *p);
void instance_stop(struct part *p);
/* A service gives up what it holds: its part is stopped and destroyed, and nothing else is. instance_resume() makes, opens and
 * starts it again; what it says is explained in r. */
void instance_suspend(struct instance *i);
int instance_remake(struct instance *i, struct report *r); /* creates the part of a suspended one anew, no more */
int instance_resume(struct instance *i, struct report *r);
/* Destroys the parts. Takes null. They must be stopped, and nothing may point to them. */
void instance_free(struct instance *i);
/* The words of a failed call under way: what its module said with fail(), or the code's. Lent until the next call. */
const char *instance_why(adit_result r);

/* The one in the line-up; null: none. */
struct instance *lineup_find(const struct lineup *l, enum conf_kind kind, const char *name);
/* The newest that drains and is not being stopped yet; null: none. */
struct instance *instance_draining(struct host *h, enum conf_kind kind, const char *name);
/* A handler's matches, for set_match of a line-up: arrays of its own. ADIT_ENOMEM. */
int match_new(struct match *out, const struct conf_match *m);
void match_free(struct match *m);

/* Fills in l->stack_of from l->stack_names: ADIT_ECONFIG, explained in r, where one does not end its protocol. */
int lineup_join_stacks(struct lineup *l, struct report *r);
/* What the shards are to have for a line-up: the caller's, for free(). Null: no memory. */
struct shard_order *lineup_order(struct host *h, const struct lineup *l);

/* Outbounds have numbers by name, for as long as the host lives. All names of conf have one, and can be found, after this;
 * others cannot be found. ADIT_ELIMIT, explained in r; ADIT_ENOMEM. */
int outbound_names(struct host *h, struct conf *conf, struct report *r);
/* [any] The number that a name has; ADIT_ENOENT. */
adit_result outbound_number(struct host *h, const char *name);
/* The stacks that conf wants, besides those of these names, can be found after this; others cannot. */
void stack_names(struct host *h, const struct conf *conf, char names[STACK_PROTOCOLS][NAME_ROOM]);
/* [any] Whether there is a stack of this name: 0, ADIT_ENOENT. */
adit_result stack_there(struct host *h, const char *name);

#endif
