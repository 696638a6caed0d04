/* SPDX-License-Identifier: MIT
 * control/server.h - what clients and jobs share: the host, the loop, the record of the last change
 *
 * Everything here belongs to the control loop.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include "control/client.h"
#include "control/control.h"

enum { SERVER_CLIENTS = 64, SERVER_WHAT = 48 };

struct follows; /* control/follow.c */
struct log_feed; /* control/logfeed.c */
struct rates;   /* control/rates.c */
struct owners;  /* control/owners.c */

struct control {
	struct control_options options;
	struct control_socket *socket;
	adit_io io;
	adit_timer tick;
	struct client *clients;
	unsigned client_count;
	bool again;       /* server_again was called in this turn */
	bool full;        /* the socket is not listened to: no descriptors were left */
	uint64_t started; /* ns */
	gid_t group;      /* of the socket; (gid_t)-1: none */
	bool group_writes;
	char name[64];
	char change[SERVER_WHAT]; /* the verb that changed something last; "" */
	uint64_t change_at;       /* ns */
	uid_t change_by;
	struct follows *follows;
	struct log_feed *log_feed;
	struct rates *rates;
	struct owners *owners;
};

uint64_t server_now(const struct control *c);
adit_loop *server_loop(const struct control *c);
/* Looks after all clients at the end of the turn: frees those that are dead, goes on with those that wait. */
void server_again(struct control *c);
/* Notes who has changed something, and logs it. */
void server_changed(struct control *c, const struct client *by, const char *what);

#endif
