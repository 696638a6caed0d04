/* SPDX-License-Identifier: MIT
 * dial/server.h - servers that the manifest names: host names looked up, addresses tried in order
 */
#ifndef DIAL_SERVER_H
#define DIAL_SERVER_H

#include <adit/server.h>

#include "flow/shard.h"

enum {
	SERVER_NAMES = 64,     /* host names that one shard remembers */
	SERVER_ADDRESSES = 8,  /* of one name that are tried */
	SERVER_ATTEMPTS = 8192 /* under way on one shard */
};

struct servers;

adit_result servers_new(struct servers **out, struct shard *s);
/* Attempts under way are dropped without a word. The pool must have been stopped if names were looked up. Takes null. */
void servers_free(struct servers *v);

/* Behind adit.server/1. */
extern const adit_server_1 server_table;

#endif
