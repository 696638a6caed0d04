/* SPDX-License-Identifier: MIT
 * cli/serve.h - the two commands that carry traffic: run a manifest, or run a command inside
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "cli/session.h"

/* Runs until SIGTERM or SIGINT, or until the device is gone. Returns the exit status. */
int serve_run(struct session *s);

/* Runs argv (null-terminated) in the device's place until it ends. Returns its exit status, 128 + signal, or 125 when
 * adit itself failed, 127 when the command was not found. */
int serve_exec(struct session *s, const char *const *argv);

#endif
