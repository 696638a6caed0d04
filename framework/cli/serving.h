/* SPDX-License-Identifier: MIT
 * cli/serving.h - a host that runs, seen from the control thread: its loop with signals and trouble on it
 */
#ifndef CLI_SERVING_H
#define CLI_SERVING_H

#include "cli/commands.h"
#include "loop/loop.h"

/* What the control loop watches while a host serves. */
struct serving {
	struct session *session;
	adit_loop *loop;
	int signals;
	adit_io signal_io, trouble_io;
	struct supervised *supervised; /* null: nobody wants to know */
	struct conf *reloading; /* that the host is taking over; null: none */
	int status;
};

/* Reads and checks the manifest; prints the findings. */
int serving_load(struct session *s, const struct session_options *o);
/* Blocks the signals that serving watches and returns the descriptor that they are read from, -1 without. Before any thread
 * is made. */
int serving_signals(void);
/* The next signal that has come, 0: none. */
int serving_next_signal(int fd);
/* Starts the host; signals and trouble go to these two with arg, on the control loop. The findings are printed. -1: it
 * did not start, and the session is the caller's to end. */
int serving_init(struct serving *sv, struct session *s, int signals, adit_fn on_signal, adit_fn on_trouble, void *arg);
/* Stops the host and closes the signals. */
void serving_fini(struct serving *sv);

/* Runs argv inside the device's place until it has ended; the exit status of adit exec. (cli/inside.c) */
int inside_run(struct session *s, const char *const *argv);
enum { EXIT_FAILED = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

#endif
