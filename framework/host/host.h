/* SPDX-License-Identifier: MIT
 * host/host.h - everything that a manifest describes, made, started, stopped
 *
 * One control thread (the caller's) makes, changes and ends; it has a loop of its own. One thread per shard runs the
 * data path. Life of all instances: create, open, then start on the loops, traffic, drain, stop, destroy; the platform
 * starts last and stops first, but for services, which live on the control loop, start after it and stop before it.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <adit/exec.h>

#include "base/report.h"
#include "conf/conf.h"
#include "load/load.h"

struct host;
struct shard;

struct host_flow_end {
	uint32_t shard;
	const adit_flow_info *info;
	const char *handler, *outbound, *stack; /* names; "" where there was none */
	const char *name; /* the host name that it went to, or null */
	uint64_t bytes_up, bytes_down, age_ns;
	adit_result code;
};

struct host_options {
	struct conf *conf;     /* kept by reference */
	struct loader *loader; /* kept */
	struct report *report; /* findings of host_new and host_open */
	/* [any, one at a time] Told at the end of every flow; may be null. What it is given is lent. */
	void (*flow_end)(void *arg, const struct host_flow_end *end);
	void *arg;
	/* Set to the host while it is being made, so that the loader's callbacks can ask host_offers(); may be null. */
	struct host **being_made;
};

/* Whether the host (null: any host), or the platform module that it has loaded (or, before, any might), offers an
 * interface. */
bool host_offers(struct host *h, const char *iface);

/* Loads the modules and creates all instances. Explained in the report: ADIT_ECONFIG and whatever a module's create
 * says. On failure *out is untouched and nothing is left behind. */
int host_new(struct host **out, const struct host_options *options);
/* Opens devices and sockets; privileges are needed up to here. */
int host_open(struct host *h);
/* Starts the loops, then traffic, then services. */
int host_start(struct host *h);
/* Ends services, traffic, then the loops; flows that are left are ended with ADIT_ECANCEL. Not from inside loop_run().
 * Safe in every state. */
void host_stop(struct host *h);
/* Takes null. */
void host_free(struct host *h);

/* ---- the control loop ---- */

/* [any] The loop of the control thread, which is the thread that called host_new(). It runs it with loop_run() between
 * host_start() and host_stop(), and is its own thread ([loop]) in between too. Signals, sockets of control, services and
 * everything of the host that takes time live on it; no packet waits for it. Lives as long as the host. */
adit_loop *host_loop(const struct host *h);

enum { HOST_CALL_SECONDS = 10 };
typedef void host_call_fn(struct shard *s, void *arg);
typedef void host_called_fn(void *arg, adit_result result);
/* [control] Has fn(s, arg) called on the loop of a shard, and then done(arg, result) on the control loop; waits for
 * neither. After ADIT_OK done follows exactly once, never from inside this call, and when it does fn is over or will never
 * be called: arg may be freed. Its result: 0; ADIT_ETIME: the shard did not come to it within HOST_CALL_SECONDS;
 * ADIT_ECANCEL: the host was stopped before (done is then called by host_stop). A fn that has begun is waited for.
 * Refused with ADIT_EINVAL (no such shard, or the host is not running), ADIT_ENOMEM. arg is left alone otherwise. */
adit_result host_call(struct host *h, unsigned shard, host_call_fn *fn, void *arg, host_called_fn *done);

/* ---- changes while it runs: reload ---- */

enum host_change {
	HOST_ADD,     /* is made */
	HOST_REMOVE,  /* gets no new flows and goes when its last one has ended */
	HOST_UPDATE,  /* new settings, same instance; flows stay */
	HOST_RENEW,   /* a new generation gets the new flows, the old one keeps what it has and then goes */
	HOST_LIVE,    /* a setting of the host itself that holds from now on; also the order and the matches of handlers */
	HOST_RESTART, /* cannot be while the host runs: stays as it was */
	HOST_CHANGES
};
/* "add", "remove", "update", "renew", "live", "restart". Static. */
const char *host_change_name(enum host_change change);

/* One difference. Texts live as long as the plan. */
struct host_step {
	enum host_change change;
	enum conf_kind kind; /* CONF_KINDS: a setting of the host itself */
	const char *name;    /* of the entry; of a setting its pointer, as in "/limits/idle_tcp" */
	const char *module;  /* "" for a setting */
	const char *why;     /* for people: what differs, or why it must be so; never null */
	unsigned generation; /* of the instance that there is then: 1 since the start, each change counts on; 0: none */
};
struct host_plan {
	struct host_step *steps;
	size_t count;
	size_t kept; /* instances that stay as they are */
};
/* [control] What host_reload() would do, without doing it: also looks whether the files of modules have changed. *out is
 * the caller's, for host_plan_free(). ADIT_ECONFIG with findings in r: conf could not be loaded at all; ADIT_ENOMEM. An
 * entry whose module may refuse to change in place is planned as HOST_UPDATE and may still become HOST_RENEW. */
int host_diff(struct host *h, struct conf *conf, struct report *r, struct host_plan **out);
/* Takes null. */
void host_plan_free(struct host_plan *plan);

struct host_drain {
	uint64_t ns; /* flows of what goes are ended by the host (ADIT_ECANCEL) after so long; 0: 15 minutes */
	bool wait;   /* they are never ended: what goes stays until its last flow has ended by itself */
};
/* The end of a reload: everything has happened, but for the draining of what goes; or nothing has. plan (what was done) and
 * r are lent. result as host_reload(). */
typedef void host_reloaded_fn(void *arg, adit_result result, const struct host_plan *plan, const struct report *r);
/* [control] Makes the host what conf describes, without cutting a flow. All or nothing: what is new is made, opened and
 * started before anything is switched. After ADIT_OK done follows exactly once on the control loop (or from host_stop, with
 * ADIT_ECANCEL): 0, or ADIT_ECONFIG and whatever a module said, explained in its report, and then nothing has changed.
 * Refused at once with ADIT_EAGAIN: another change is being made (not: drained); ADIT_EINVAL: the host is not running;
 * ADIT_ENOMEM. A reference to conf is taken. The stacks that a swap has chosen stay unless "stack" differs. drain may be
 * null: the default. */
int host_reload(struct host *h, struct conf *conf, const struct host_drain *drain, host_reloaded_fn *done, void *arg);

/* [control] fn hears that a reload begins and that it has ended, whatever its result and whoever has asked for it; null: nobody
 * does. */
typedef void host_reloading_fn(void *arg, bool under_way);
void host_tell_reloads(struct host *h, host_reloading_fn *fn, void *arg);

/* ---- changes while it runs: the stack ---- */

enum host_swap_step {
	HOST_SWAP_PLAN,   /* text: from which stack to which, for which protocols; flows: those that stay on the old one */
	HOST_SWAP_PROBE,  /* the new stack was tried; text: how, and the result */
	HOST_SWAP_SHIFT,  /* new flows go to the new stack from here on */
	HOST_SWAP_DRAIN,  /* at intervals. flows: left on the old one */
	HOST_SWAP_RETIRE, /* the old stack has gone (ended: flows that the deadline cut), or was taken back into service */
	HOST_SWAP_FAILED  /* nothing has changed; text and result: why */
};
/* "plan", "probe", "shift", "drain", "retire", "failed". Static. */
const char *host_swap_step_name(enum host_swap_step step);

struct host_swap_progress {
	enum host_swap_step step;
	adit_result result; /* 0 but for FAILED */
	const char *text;   /* for people; lent; never null */
	uint32_t flows;
	uint32_t ended;    /* RETIRE */
	uint64_t age_ns;   /* since the swap began */
	bool last;         /* nothing follows */
};
/* [control] On the control loop, never from inside host_swap(). */
typedef void host_swap_fn(void *arg, const struct host_swap_progress *p);

struct host_swap_options {
	unsigned protos; /* CONF_TCP | CONF_UDP | CONF_ICMP; 0: all */
	struct host_drain drain;
	bool undo; /* choice is not looked at: back to what was before the last swap, within an hour of it */
};
/* [control] Gives new flows to another stack: choice as "stack" of the manifest ("system", "lwip", "mixed", a name out of
 * stacks, "": chosen by the host). The new stack is made if it is not there, started, and tried before it gets a flow; a
 * failure changes nothing. Flows stay on the stack they are on. After ADIT_OK fn hears every step, the last with
 * `last` set. Refused at once, explained in r: ADIT_EAGAIN (another change is being made; one that only drains is no
 * obstacle), ADIT_ECONFIG (no such stack, or not possible here), ADIT_EEXIST (all of it is in service already), ADIT_ENOENT
 * (undo: there is nothing, or it is too long ago), ADIT_EINVAL (not running), ADIT_ENOMEM. options may be null. */
int host_swap(struct host *h, const char *choice, const struct host_swap_options *options, struct report *r,
              host_swap_fn *fn, void *arg);
/* [control] The swap or swaps whose steps are told to arg go on, but nobody is told any more. */
void host_swap_leave(struct host *h, void *arg);

/* One instance of the host, of all shards together. Texts are lent until the control loop's next turn. */
struct host_instance {
	enum conf_kind kind;
	const char *name, *module, *version;
	unsigned generation; /* as in host_step */
	bool draining;      /* gets no new flows */
	uint32_t flows;     /* draining: that refer to it, as last counted */
	uint64_t drain_end; /* draining: when what is left is ended, as loop_now() counts; 0: never */
	unsigned protos;    /* stacks: whose new flows it gets, CONF_TCP and so on */
};
/* [control] Number index of them, by kind; false past the end. */
bool host_instance(struct host *h, unsigned index, struct host_instance *out);

/* A descriptor that becomes readable when the host cannot go on (the device is gone); host_trouble() then says why. */
int host_trouble_fd(const struct host *h);
/* Null: all is well. Lives as long as the host. */
const char *host_trouble(struct host *h);

/* The names of the stacks that a manifest chooses for TCP, UDP and ICMP echo; they live as long as it. ADIT_ECONFIG with a
 * finding for each that is not installed. */
int host_stacks(const struct conf *c, struct report *r, const char *names[3]);

/* An interface that the platform module offers (adit.exec/1, adit.place/1, ...), or null. */
const void *host_platform_interface(struct host *h, const char *iface);

/* The sum over all shards of counter `index`; its name, null past the end. Approximate while traffic runs. */
const char *host_counter(struct host *h, unsigned index, uint64_t *value);
/* Flows at this moment, all shards. */
uint32_t host_flows(struct host *h);
typedef void host_streams_fn(void *arg, adit_result result, uint32_t count, uint64_t bytes);
/* [control] Counts the TCP flows that have not ended, on all shards, and what they have moved so far. The answer comes as
 * that of host_call(); errors too. */
int host_streams(struct host *h, host_streams_fn *done, void *arg);
unsigned host_shards(const struct host *h);
/* [control] The name of the stack for new flows of "tcp", "udp", "icmp". Lent until the control loop's next turn. */
const char *host_stack_name(const struct host *h, const char *proto);
/* [control] Why it is that one: "the manifest says so", "chosen: ...", "swapped ...". Lent as above. */
const char *host_stack_reason(const struct host *h, const char *proto);

#endif
