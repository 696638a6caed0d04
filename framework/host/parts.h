/* SPDX-License-Identifier: MIT
 * host/parts.h - inside of the host: loaded modules, shards, and the instances on them
 */
#ifndef HOST_PARTS_H
#define HOST_PARTS_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include <adit/addresses.h>

#include "flow/shard.h"
#include "host/host.h"
#include "host/choice.h"
#include "host/instance.h"

enum { HOST_SHARDS_MOST = 64, HOST_MODULES_MOST = 256, FAIL_TEXT = 256 };

/* A module's image as the host uses it: the adit_host it was given, and its context. */
struct host_module {
	adit_host api;
	struct host *host;
	struct module *module;
	void *ctx;
	bool initialised;
	size_t allocated; /* blocks it holds; atomic */
	size_t allocated_bytes; /* in them; atomic */
};

/* A step of the start, carried out on the shard's loop. It outlives a caller that waits no longer. */
struct host_start {
	enum part_kind kind;
	adit_result result;
};

struct host_shard {
	struct shard shard;
	struct host_start start;
	struct host *host;
	pthread_t thread;
	bool running;
};

struct host_call;

/* The host's own addresses (host/policy.c). All but init and fini: on the first shard's loop. */
struct host_addresses {
	const adit_addresses_1 *table; /* null: the platform does not tell them */
	adit_io io;
	int fd;             /* -1: not watched */
	bool reading, again; /* a list is being made; and has to be made once more */
	int32_t count;      /* of the last list, or why there is none */
	adit_addr list[PREFIX_SET_MOST];
};

struct host {
	struct host_options options;
	adit_loop *loop; /* the control thread's */
	struct host_call *calls; /* that have no answer yet */
	unsigned call_count;
	struct host_shard *shards[HOST_SHARDS_MOST];
	struct shard *peers[HOST_SHARDS_MOST]; /* the same, as they know each other */
	struct homes *homes; /* of datagrams; null: there is one shard */
	unsigned shard_count;
	struct host_module *modules[HOST_MODULES_MOST];
	unsigned module_count;
	struct host_module *platform; /* its module, for interfaces it offers */
	pthread_mutex_t lock;
	int trouble_fd;
	char trouble[FAIL_TEXT];
	struct tapping *tappings; /* who looks at what passes */
	struct instance *instances; /* all, in the order of their making */
	struct lineup line;
	struct choice choice; /* of the stacks in it */
	struct shard_order *order; /* of the line-up: what the shards point to */
	unsigned generation;       /* the change that made instances last; 1: the start */
	struct {
		char *name;
		bool there; /* may be found */
	} outbounds[SHARD_OUTBOUNDS]; /* by number, from 1; under lock */
	char stacks[SHARD_PARTS][NAME_ROOM]; /* that may be found; under lock */
	unsigned stack_count;
	struct conf *first; /* the manifest of the start */
	struct probe *probes; /* host/probe.c */
	host_reloading_fn *reloading; /* who hears of reloads; null: nobody */
	void *reloading_arg;
	uint64_t patience;     /* ns that a change waits for a shard */
	struct change *change; /* that is being made; null: none */
	struct generations *generations; /* host/generation.c */
	struct swap *swaps; /* whose old stacks have not gone (host/swap.c) */
	struct choice swapped_from; /* before the last swap */
	uint64_t swapped_at;
	bool swapped; /* it can be undone */
	struct metrics *metrics; /* what modules count */
	uint64_t made_at; /* ns since 1970 */
	struct host_addresses addresses;
	bool opened, started, stopped;
};

/* host_call() on every shard with the same arg; done follows once, when all have answered, with the first result that is
 * not 0. patient: without a deadline (host/call.c). */
int call_every(struct host *h, host_call_fn *fn, void *arg, host_called_fn *done, bool patient);
/* Answers what is left, once the shards' threads have ended. */
void calls_end(struct host *h);

/* The adit_host of a module (host/api.c). */
void api_fill(struct host_module *m);
/* What the module said with fail() last on this thread, and forgets it; "" for nothing. Lent until the next call. */
const char *api_take_failure(void);

/* The module of an entry, found, judged and loaded; explained in r (host/modules.c). */
int modules_open(struct host *h, const struct conf_entry *entry, struct report *r, struct module **out);
/* Its image for a shard, initialised; null with a finding. */
struct host_module *modules_get(struct host *h, struct module *m, unsigned shard, struct report *r);
void modules_fini(struct host *h);

/* Makes the instances that the manifest wants, places them, and lines them up (host/wiring.c). */
int wiring_make(struct host *h);
void wiring_destroy(struct host *h);

/* Makes a shard without parts, and frees it (host/shards.c). */
int shards_new(struct host *h, unsigned index, struct host_shard **out);
void shards_free(struct host_shard *hs);
/* The address policy that the manifest describes, without the host's own addresses (host/policy.c). ADIT_ELIMIT: more
 * prefixes than a set holds. */
int policy_read(struct policy *p, const adit_cfg *c);
/* Reads the host's own addresses, and keeps them current until policy_close(). Before the loops run. ADIT_EIO, ... with a
 * finding: without them the policy would be open. */
int policy_open(struct host *h);
/* After the loops have ended; safe at any stage. */
void policy_close(struct host *h);

/* Starts the shard's thread. */
int shards_run(struct host_shard *hs);
/* Calls fn(arg) on the shard's loop and waits for its end, ten seconds at most: ADIT_ETIME. Runs it right here when the
 * loop does not run. */
int shards_call(struct host_shard *hs, void (*fn)(void *arg), void *arg);
void shards_halt(struct host_shard *hs);
/* What can change while it runs: the timeouts, and the limits for half-open and for datagram flows. */
void shards_live_limits(const adit_cfg *root, struct shard_timeouts *timeouts, uint32_t *half_open, uint32_t *datagram);

#endif
