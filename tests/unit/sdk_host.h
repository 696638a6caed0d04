/* SPDX-License-Identifier: MIT
 * tests/unit/sdk_host.h - a small host that drives one module by its tables
 *
 * Loads a module of the build tree, gives it wires, and counts: memory, buffers outside the host,
 * operations per flow. What a module must never do (a send beyond the credit, two verdicts, an
 * operation after the end) is counted where it happens, and host_end() fails the test for it.
 */
#ifndef SDK_HOST_H
#define SDK_HOST_H

#include <stdbool.h>

#include <adit/adit.h>

enum { HOST_FLOWS = 8, HOST_OUT = 1 << 18, HOST_DIALS = 8, HOST_EVENTS = 64 };

/* A node of settings, as a test writes it. */
struct adit_cfg {
	const char *key;
	const char *text; /* null: not a text */
	int64_t integer;
	const adit_cfg *items; /* of an object or array; null: a plain value */
	uint32_t count;
};

struct host_flow {
	adit_flow handle; /* 0: none */
	adit_flow_info info;
	uint32_t verdicts;
	adit_op verdict; /* the last one; u is not kept but for the user */
	uint64_t user;
	uint64_t credit; /* that is left */
	uint64_t sent, consumed;
	uint32_t sends, fins, closes, aborts;
	uint8_t out[HOST_OUT]; /* what was sent */
};

struct adit_dialing {
	adit_dialed done; /* null: over */
	void *arg;
	adit_addr dst;
};

struct host {
	adit_host host;
	adit_path path;
	adit_env env;
	int32_t log_level;
	const adit_module *module;
	const void *table; /* of the component */
	const adit_life *life;
	void *inst;
	const adit_cfg *cfg;
	char why[200]; /* of fail() */

	uint32_t allocations; /* live */
	uint32_t fail_after;  /* so many more succeed, then one fails; UINT32_MAX: none */
	uint32_t buffers;     /* live: with the module */
	uint32_t get_limit;   /* path->get gives so many more */
	uint32_t misuses;     /* each with a line on stderr */
	uint32_t batches;     /* calls of submit */
	uint32_t stale;       /* operations on flows that have ended */
	struct host_flow flows[HOST_FLOWS];

	adit_event events[HOST_EVENTS]; /* what an outbound emitted */
	uint32_t emitted;
	struct adit_dialing dials[HOST_DIALS];
	uint32_t dialed, cancelled, carried;
	adit_result dial_result; /* of connect and carry */
	bool no_dial;            /* adit.dial/1 is not offered */
};

/* Loads the module and finds its one component. */
struct host *host_new(const char *module);
void host_free(struct host *h);

/* create and start; on failure destroy as well. */
adit_result host_begin(struct host *h, const adit_cfg *cfg);
/* stop and destroy; fails the test when memory or a buffer is left, or a misuse was seen. */
void host_end(struct host *h);

/* Tries create with the first, second, ... allocation failing until it needs no more; returns how
 * many it needs. */
uint32_t host_torture(struct host *h, const adit_cfg *cfg);

/* A buffer with these bytes; parts > 1: a chain of so many. */
adit_buf *host_buf(struct host *h, const void *data, uint32_t size, uint32_t parts);

/* Makes flow `slot` and hands OPEN to the handler. dst is "192.0.2.1" or the like. */
struct host_flow *host_open(struct host *h, uint32_t slot, uint8_t proto, const char *dst,
                            uint16_t port);
void host_event(struct host *h, uint32_t slot, uint16_t type, uint64_t num, adit_buf *buf);
void host_data(struct host *h, uint32_t slot, const void *data, uint32_t size, uint32_t parts);
void host_credit(struct host *h, uint32_t slot, uint64_t bytes);
void host_closed(struct host *h, uint32_t slot, adit_result code);
/* The handle of a slot's flow: also for outbounds, which get no OPEN. */
adit_flow host_handle(uint32_t slot, uint32_t generation);

#endif
