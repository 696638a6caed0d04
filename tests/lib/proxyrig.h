/* SPDX-License-Identifier: MIT
 * tests/lib/proxyrig.h - an outbound that goes through a proxy, driven by its ABI, and the test as the proxy
 *
 * The module's sources are linked into the test. adit.server/1 is a fake: a connection to a proxy is a socket pair, of
 * which the test holds the other end, and so is a socket for datagrams. Everything else is the fake host's.
 */
#ifndef TESTS_PROXYRIG_H
#define TESTS_PROXYRIG_H

#include <adit/adit.h>
#include <adit/observe.h>
#include <adit/server.h>

#include "tests/lib/fakehost.h"

enum { RIG_FLOWS = 64, RIG_EVENTS = 256, RIG_CONNECTIONS = 64, RIG_CAUSES = 32, RIG_BYTES = 2048 };

struct rig_event {
	uint16_t type;
	adit_flow flow;
	adit_result code;
	uint64_t num;
	uint32_t size;
	uint8_t bytes[RIG_BYTES]; /* of a datagram */
};

struct rig_connection {
	char where[300];
	int fd;                /* the proxy's end; -1: closed by rig_hang_up */
	adit_result result;    /* what the connect came to */
	int cancelled;
	adit_dialed done;
	void *arg;
};

struct rig {
	struct fakehost *host;
	const adit_outbound_1 *table;
	const adit_env *env;
	void *inst;
	struct rig_event events[RIG_EVENTS];
	uint32_t count;
	struct rig_connection connections[RIG_CONNECTIONS];
	uint32_t connected;
	adit_result results[RIG_CONNECTIONS]; /* what the n-th connect is to come to */
	adit_result at_once;                  /* what connect itself returns, if negative */
	int relay;                            /* the proxy's end of the last socket for datagrams; -1: none */
	adit_addr relay_dst;
	adit_result relay_result;             /* of an address other than the proxy's own */
	uint32_t relays;
	adit_flow_info info[RIG_FLOWS];
	struct {
		char cause[32];
		uint64_t cell;
	} causes[RIG_CAUSES];
	uint32_t cause_count;
	int descriptors;
};

/* Settings come from rig_set before. Fails the test if the module does not start. */
struct rig *rig_new(void);
void rig_set(struct rig *r, const char *path, const char *value);
void rig_start(struct rig *r);
/* Stops and frees; fails the test if a buffer or a descriptor is left. */
void rig_free(struct rig *r);

adit_flow rig_flow(uint32_t slot);
/* Asks for 198.51.100.7:443 (v6: 2001:db8::7), or the name. UDP comes from port 5000 of 10.0.0.1. */
void rig_reach(struct rig *r, uint32_t slot, uint8_t proto, const char *address, const char *name, uint16_t source);
void rig_submit(struct rig *r, uint16_t type, uint32_t slot, const void *bytes, uint32_t size);
/* Turns the loop until there are so many events or connections, at most ms; returns whether. */
int rig_events(struct rig *r, uint32_t events, uint32_t ms);
int rig_connections(struct rig *r, uint32_t connections, uint32_t ms);
void rig_turn(struct rig *r, uint32_t ms);
/* The proxy of the n-th connection: what has come, turning the loop until it is size bytes; how many there were. */
size_t rig_read(struct rig *r, uint32_t n, void *out, size_t size, uint32_t ms);
void rig_write(struct rig *r, uint32_t n, const void *bytes, size_t size);
/* How often this cause was counted. */
uint64_t rig_counted(struct rig *r, const char *cause);
void rig_hang_up(struct rig *r, uint32_t n);

#endif
