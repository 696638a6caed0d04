/* SPDX-License-Identifier: MIT
 * cli/session.h - what every command starts with: the modules that can be had, the manifest, and the host of both
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "base/report.h"
#include "conf/conf.h"
#include "control/control.h"
#include "host/host.h"
#include "load/load.h"

enum { SESSION_DIRS = 64, SESSION_SETTINGS = 256, SESSION_HELD = 1200 };

/* What the command line says; strings are lent. */
struct session_options {
	const char *manifest; /* path, or null */
	const char *members;  /* of a manifest under it, as in `"stack": "lwip"`; count as the command line's; or null */
	const char *dirs[SESSION_DIRS];
	size_t dir_count;
	struct conf_setting settings[SESSION_SETTINGS];
	size_t setting_count;
	bool safe_mode;
	bool flows; /* print every flow at its end */
	const char *name; /* of the host, for its control socket; null: not said */
	bool inside;      /* runs a command: the control socket is wanted only when it has a name */
};

struct session {
	const struct session_options *options;
	struct report report;
	struct loader *loader;
	struct conf *conf;
	struct host *host;
	struct control *control; /* null: off */
	struct candidate *held[SESSION_HELD]; /* whose schemas are in use while the manifest is read */
	size_t held_count;
	char *base; /* text of the manifest under all: one entry per installed stack */
};

/* Finds modules. Findings are in s->report afterwards, as with all of these. */
int session_init(struct session *s, const struct session_options *options);
/* ... and reads and checks the manifest. */
int session_load(struct session *s);
/* The manifest alone, as it is now; nothing else follows from it yet. */
int session_read(struct session *s);
/* Reads the manifest once more, for a host that runs. *out is the caller's; the session keeps the one it had. */
int session_read_again(struct session *s, struct conf **out);
/* The host runs by this manifest now: so does the session, and the log. */
void session_took(struct session *s, struct conf *conf);
/* Whether all modules that the manifest names are there and fit, without running them. */
int session_modules(struct session *s);
/* Makes the host, opening nothing. */
int session_make(struct session *s);
/* ... and makes, opens and starts the host. */
int session_start(struct session *s);
void session_fini(struct session *s);

/* Prints the findings to standard error, one a line, and forgets them. */
void session_print(struct session *s);

#endif
