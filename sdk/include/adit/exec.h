/* SPDX-License-Identifier: MIT
 * adit/exec.h - commands that run in a place
 *
 * Offered by platform-linux. The command is a child of the place's agent, leads a process group of
 * its own, keeps the caller's user and group numbers, and is ended (SIGHUP, then SIGKILL) when the
 * place is closed or the process dies. Where its standard input is the terminal that the caller's
 * process group has, it gets that terminal, so that interactive shells work.
 */
#ifndef ADIT_EXEC_H
#define ADIT_EXEC_H

#include "place.h"

ADIT_BEGIN_DECLS

typedef struct adit_command adit_command;

enum {
	ADIT_EXEC_EXITED = 1, /* code is the exit status */
	ADIT_EXEC_KILLED,     /* code is the signal's number */
	ADIT_EXEC_STOPPED,    /* code is the signal's number; see suspend() */
	ADIT_EXEC_CONTINUED,
	ADIT_EXEC_LOST /* the agent has ended, and the command with it */
};

#define ADIT_EXEC_1 "adit.exec/1"
typedef struct adit_exec_1 {
	uint32_t size;
	uint32_t zero;
	/* [control] Runs argv[0], looked up in the PATH of envp, in the directory cwd, with the
	 * three descriptors (lent) as standard input, output and error. argv and envp are
	 * null-terminated arrays (lent). *out lives until release(). *wait is a descriptor (kept,
	 * not to be closed) that becomes readable when there is news. ADIT_ENOENT: no such
	 * command. */
	adit_result(ADIT_CALL *spawn)(adit_place *p, const char *const *argv,
	                              const char *const *envp, const char *cwd, const intptr_t *fds,
	                              adit_command **out, intptr_t *wait);
	/* [control] Reads one piece of news, without blocking: *state is ADIT_EXEC_... ADIT_EAGAIN:
	 * none. After EXITED, KILLED or LOST none follows, and the caller's process group has the
	 * terminal again. */
	adit_result(ADIT_CALL *news)(adit_command *c, uint32_t *state, int32_t *code);
	/* [control] Sends a signal to the command's process group. ADIT_ENOENT: it has ended. */
	adit_result(ADIT_CALL *signal)(adit_command *c, int32_t number);
	/* [control] To be called on STOPPED by who wants job control: takes the terminal back,
	 * stops the calling process itself as the terminal's stop key would have, and, once
	 * continued, continues the command. */
	void(ADIT_CALL *suspend)(adit_command *c);
	/* [control] Forgets a command; one that still runs goes on until its place is closed. Takes
	 * null. */
	void(ADIT_CALL *release)(adit_command *c);
} adit_exec_1;

ADIT_END_DECLS

#endif
