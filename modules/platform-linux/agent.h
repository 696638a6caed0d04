/* SPDX-License-Identifier: MIT
 * platform-linux/agent.h - the agent of a place: its process, and the messages it is spoken to with
 *
 * The agent is forked from us, goes into the namespace, answers one request after the other, and
 * ends when its socket closes or its parent dies. It keeps no descriptor of ours, gets no new
 * privileges and leaves no core. The messages are plain structs, for both ends are the same
 * program; every number in them is checked all the same.
 */
#ifndef PLATFORM_AGENT_H
#define PLATFORM_AGENT_H

#include "duty.h"
#include "tun.h"

#include <sys/types.h>

enum agent_op {
	AGENT_SOCKET,  /* u.socket -> 1 descriptor */
	AGENT_TUN,     /* u.tun -> a descriptor per queue, u.made */
	AGENT_NETLINK, /* u.netlink, data is the request */
	AGENT_WILL,    /* u.netlink, data is what is to be sent in the end */
	AGENT_SYSCTL,  /* u.sysctl */
	AGENT_INDEX,   /* u.name -> u.index */
	AGENT_DIAG,    /* -> 1 descriptor, see duty_diag() */
	AGENT_SPAWN,   /* u.terminal and five descriptors, see child.h -> u.spawned */
	AGENT_SIGNAL,  /* u.signal */
	AGENT_OPS
};

struct agent_ask {
	uint32_t op;
	uint32_t serial;
	union {
		struct {
			int32_t proto;
			uint32_t flags;
			adit_addr bind;
		} socket;
		struct tun_wish tun;
		int32_t netlink;
		struct {
			char path[DUTY_PATH];
			char value[DUTY_VALUE];
		} sysctl;
		char name[TUN_NAME];
		uint32_t terminal; /* of AGENT_SPAWN: the command may have the terminal that its
		                      standard input is */
		struct {
			uint32_t child;
			int32_t number;
		} signal;
	} u;
};

struct agent_answer {
	uint32_t serial;
	int32_t result;
	struct why why;
	union {
		struct tun_made made;
		uint32_t index;
		struct {
			uint32_t child;
			int32_t pid;
		} spawned;
	} u;
};

enum { AGENT_DATA = 65536, AGENT_DEADLINE_MS = 2000 };

struct agent {
	int sock;
	int pidfd; /* -1 where the kernel (before 5.3) has none */
	pid_t pid;
};

/* Starts an agent in the namespace of a file, or, path null, in a fresh one, or, path empty, where
 * we are. Waits until it is there. */
adit_result agent_start(const char *path, struct agent *out, struct why *why);

/* Asks and waits for the answer; data may be null. The answer's result is returned too. ADIT_EGONE:
 * the agent is no more; ADIT_ETIME: it did not answer, a late answer will be ignored. */
adit_result agent_call(struct agent *a, struct agent_ask *ask, const void *data, size_t size,
                       const int *give, size_t n_give, struct agent_answer *answer, int *take,
                       size_t *n_take);

/* Makes the agent end, by force after the deadline. */
void agent_stop(struct agent *a);

#endif
