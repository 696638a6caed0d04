/* SPDX-License-Identifier: MIT
 * tests/lib/stackhost.h - the least host that a stack module runs on: a real TUN device in a
 * namespace of the test's own, the framework's loop and buffers, a toy flow table, places made with
 * setns
 *
 *     application thread --sockets--> kernel --TUN--> this host --ABI--> stack module --> the echo
 * handler here
 *
 * The host and the module run on the calling thread; applications on one of the test's own.
 */
#ifndef TESTS_LIB_STACKHOST_H
#define TESTS_LIB_STACKHOST_H

#include <adit/adit.h>
#include <adit/place.h>

#include "base/bufpool.h"
#include "loop/loop.h"

enum { STACKHOST_FLOWS = 1024, STACKHOST_SHARDS = 2 };

struct stackhost_flow {
	adit_flow_info info;
	adit_flow handle;
	uint32_t generation, next; /* of its bucket, from 1 */
	uint64_t credit;
	adit_io *io; /* of the socket that the stack gave */
	int fd;
	char bytes[8192]; /* on their way back over the socket */
	size_t pending, sent;
	int used, closed, far_fin, connected;
	struct stackhost_shard *shard;
};

struct stackhost_shard {
	struct stackhost *host;
	uint32_t index;
	int tun;
	adit_io *io;
	void *inst;
	adit_env env;
	adit_path path;
	struct bufpool *bufs;
	struct stackhost_flow flows[STACKHOST_FLOWS];
	uint32_t buckets[STACKHOST_FLOWS];
	uint32_t oldest;
	uint64_t opened, accepted, closed_well, closed_reset, closed_else, packets_up, packets_down,
	        supers_up, supers_down;
};

enum stackhost_mode { ECHO_STREAM, ECHO_SOCKET, ABORT_AT_DATA, CLOSE_AT_DATA, FORGET_AT_ACK };

struct stackhost_setting {
	const char *key, *text; /* "true", "false" and numbers count as what they look like */
};

struct stackhost {
	adit_host host;
	adit_loop *loop;
	uint32_t shards;
	struct stackhost_shard *shard[STACKHOST_SHARDS];
	const struct stackhost_setting *settings; /* ends with a null key */
	enum stackhost_mode mode;
	int misled; /* what the stack claims comes up by another shard's queue */
	const adit_place_1 *places; /* set before the start; null: stackplace.h */
	void *ctx;
	size_t leaked;  /* buffers that never came back */
	char log[8192]; /* all lines */
	adit_timer *end;
};

/* Moves the process into a user and network namespace of its own, loopback up. 0: not allowed here.
 */
int stackhost_isolate(void);
/* Runs a shell command in the present namespace; 0 is success. */
int stackhost_run(const char *command);

/* Makes device t0 (198.18.0.1/16, fd00::1/64, default routes) and starts the module on it. */
adit_result stackhost_start(struct stackhost *h, uint32_t shards, enum stackhost_mode mode,
                            const struct stackhost_setting *settings);
/* Runs the loop while work runs on a thread of its own, at most 20 s. Nonzero: work came to its
 * end. */
int stackhost_serve(struct stackhost *h, void (*work)(void *arg), void *arg);
void stackhost_stop(struct stackhost *h);

#endif
