/* SPDX-License-Identifier: MIT
 * host/host.h - everything that a manifest describes, made, started, stopped
 *
 * One control thread (the caller's) makes and ends; one thread per shard runs its loop in between. Life of all
 * instances: create, open, then start on the loops, traffic, drain, stop, destroy; the platform starts last
 * and stops first.
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

struct host_flow_end {
	uint32_t shard;
	const adit_flow_info *info;
	const char *handler, *outbound, *stack; /* names; "" where there was none */
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
/* Starts the loops and then traffic. */
int host_start(struct host *h);
/* Ends traffic, then the loops; flows that are left are ended with ADIT_ECANCEL. Safe in every state. */
void host_stop(struct host *h);
/* Takes null. */
void host_free(struct host *h);

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
/* TCP flows that have not ended, all shards; *bytes: what they have moved so far. Asks the loops. */
uint32_t host_streams(struct host *h, uint64_t *bytes);
unsigned host_shards(const struct host *h);
/* The name of the stack for new flows of "tcp", "udp", "icmp", and why it was chosen. */
const char *host_stack_name(const struct host *h, const char *proto);

#endif
