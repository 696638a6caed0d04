/* SPDX-License-Identifier: MIT
 * control/control.h - the control socket of a running host
 *
 * A Unix stream socket that speaks lines of JSON (docs/CONTROL.md). It lives on the host's control loop; no client can
 * keep that loop, or a data path, waiting.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stdbool.h>

#include "base/report.h"
#include "conf/conf.h"
#include "host/host.h"

struct control;

struct control_options {
	struct host *host;      /* kept; may be null: then the verbs that need one are unsupported */
	adit_loop *loop;        /* the control loop; kept */
	const adit_cfg *root;   /* of the manifest; read by control_new alone */
	const char *name;       /* of the host, over what the manifest says; null: not said. Lent to control_new */
	const char *manifest;   /* path, or null; kept. Names a host that has no other name */
	bool only_named;        /* the manifest's path is no name: `adit exec` */
	/* [control] Reads the manifest again: the conf is given, findings go into the report. May be null. */
	int (*load)(void *arg, struct conf **out, struct report *report);
	/* [control] The host is as conf says now. May be null. */
	void (*took)(void *arg, struct conf *conf);
	void *arg;
};

/* [control] Makes and binds the socket as the manifest says, and listens. *out is null when it is off; why it is off,
 * though the manifest does not say so, is a note in the report. ADIT_EEXIST: another host has it; ADIT_ECONFIG, ADIT_EIO,
 * ADIT_ENOMEM, with a finding. On failure *out is untouched. */
int control_new(struct control **out, const struct control_options *options, struct report *report);
/* [control] Begins to answer. */
void control_start(struct control *c);
/* [control] Ends all clients and removes the socket's file. The control loop must not be running; what is under way on the
 * shards is forgotten when the host says so. Takes null. */
void control_free(struct control *c);
/* Lives as long as c. */
const char *control_path(const struct control *c);

#endif
