/* SPDX-License-Identifier: MIT
 * cli/connect.h - a running host, found and talked to over its control socket (docs/CONTROL.md)
 */
#ifndef CLI_CONNECT_H
#define CLI_CONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/jsonw.h"
#include "conf/json.h"

/* Exit statuses of commands that talk to a host. */
enum { STATUS_OK = 0, STATUS_REFUSED = 1, STATUS_WORDS = 2, STATUS_NO_HOST = 3 };

enum { CONNECT_PATH = 108, CONNECT_HOSTS = 64, CONNECT_WAIT_MS = 30000, CONNECT_FOREVER = -1 };

/* A host that runs and lets us in. */
struct running {
	char name[64];
	char path[CONNECT_PATH];
	pid_t pid;
};
/* All that are found where sockets usually are, by name; at most CONNECT_HOSTS. */
unsigned connect_list(struct running out[CONNECT_HOSTS]);

struct connection {
	int fd;
	char path[CONNECT_PATH];
	char *in;
	size_t used, room, at; /* at: bytes of the line that was handed out */
};

/* Finds the host: the one at the path, or of the name, or else the only one that runs. 0, or the exit status, explained on
 * standard error for `command`. */
int connection_open(struct connection *c, const char *command, const char *name, const char *path);
/* Safe after a failed open. */
void connection_close(struct connection *c);
/* Sends one request, as written, and forgets it. False: the host is gone. */
bool connection_ask(struct connection *c, struct jsonw *w);

enum reply_kind { REPLY_ITEM, REPLY_OK, REPLY_ERROR, REPLY_LATE, REPLY_GONE };
struct reply {
	enum reply_kind kind;
	struct json_tree *tree;
	const struct json_node *body; /* of item, ok or error; lives until reply_free */
};
/* The next line of an answer; waits so many milliseconds for it, or CONNECT_FOREVER. */
void connection_next(struct connection *c, int wait_ms, struct reply *out);
void reply_free(struct reply *r);
/* Says on standard error what went wrong, and returns the exit status of that. Not for items. */
int reply_status(const struct reply *r, const char *command);

/* Members of an object as they are shown; of what is not there "-" and 0. */
const char *member_text(const struct json_node *n, const char *key);
uint64_t member_number(const struct json_node *n, const char *key);
double member_real(const struct json_node *n, const char *key);
bool member_truth(const struct json_node *n, const char *key);

#endif
