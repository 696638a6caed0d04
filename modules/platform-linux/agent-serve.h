/* SPDX-License-Identifier: MIT
 * platform-linux/agent-serve.h - the agent's side: the process that lives in the namespace
 */
#ifndef PLATFORM_AGENT_SERVE_H
#define PLATFORM_AGENT_SERVE_H

#include <sys/types.h>

/* Runs the forked process from its first to its last moment. sock is the only descriptor it keeps;
 * path as in agent_start(); parent is who must be alive. */
void agent_serve(int sock, const char *path, pid_t parent) __attribute__((noreturn));

#endif
