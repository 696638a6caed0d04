/* SPDX-License-Identifier: MIT
 * platform-linux/child.h - commands that run in a place, as children of its agent
 *
 * A command leads a process group of its own, so that a signal reaches all of it. Its descriptors
 * and its strings come from the owner: see struct child_text. News of it (struct child_news) is
 * written to the owner's descriptor.
 */
#ifndef PLATFORM_CHILD_H
#define PLATFORM_CHILD_H

#include "why.h"

#include <sys/types.h>

enum {
	CHILD_MOST = 16, /* commands at a time; "exec" has one */
	CHILD_TEXT =
		4 << 20, /* bytes of arguments and environment: what the kernel takes, with room */
	CHILD_GRACE_MS = 300, /* between SIGHUP and SIGKILL when the owner is gone */
	CHILD_FDS = 5,        /* standard input, output, error; strings; news */
	CHILD_FD_TEXT = 3,
	CHILD_FD_NEWS = 4
};

/* What the descriptor of strings holds: this, then the working directory, the arguments and the
 * environment, each with its null byte. An empty directory: the root. */
struct child_text {
	uint32_t arguments, environment;
};

struct child_news {
	uint32_t state; /* ADIT_EXEC_... */
	int32_t code;   /* exit status or signal number */
};

struct child_set {
	struct {
		uint32_t id; /* 0: free */
		pid_t pid;
		int news;
	} v[CHILD_MOST];
	uint32_t last;
};

/* Starts a command. Takes over fds[CHILD_FD_NEWS] on success (and leaves -1 there). */
adit_result child_spawn(struct child_set *set, int *fds, size_t n_fds, uint32_t terminal,
                        uint32_t *id, int32_t *leader, struct why *why);

/* Sends a signal to the command's process group. */
adit_result child_signal(const struct child_set *set, uint32_t id, int32_t number, struct why *why);

/* After SIGCHLD: tells the owners what happened. */
void child_reap(struct child_set *set);

/* Ends all commands: SIGHUP, a moment, SIGKILL. */
void child_end(struct child_set *set);

#endif
