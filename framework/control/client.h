/* SPDX-License-Identifier: MIT
 * control/client.h - one connection to the control socket: lines in, lines out, within limits
 *
 * Requests are answered one after another. A client that does not read its answers is read from no more; one that follows
 * something loses entries, and is told how many. Everything here belongs to the control loop.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <sys/types.h>

#include "base/jsonw.h"
#include "base/report.h"
#include "control/request.h"
#include "loop/loop.h"

enum {
	CLIENT_OUT_MOST = 256 << 10,  /* bytes that wait to be read by the client */
	CLIENT_OUT_ROOM = 64 << 10,   /* ... below which more is made */
	CLIENT_LINE_MOST = 64 << 10,  /* of one line of an answer */
	CLIENT_HALF_SECONDS = 5,      /* for a request that has begun to come */
	CLIENT_STALL_SECONDS = 300    /* for a client that takes nothing although something waits */
};

struct control;
struct job;

/* What goes on after a request was read. A client has one at most. */
struct job_table {
	const char *name;
	/* There is room for more lines again. May be null. */
	void (*room)(struct job *j);
	/* The client wants no more of it, or is gone: frees the job, at once or when what is under way has come back. */
	void (*cancel)(struct job *j);
	bool follows; /* has no end of its own: the next request ends it */
};

struct job {
	const struct job_table *table;
	struct client *client; /* null after cancel */
};

struct client {
	struct control *control;
	struct client *next;
	int fd;
	adit_io io;
	uid_t uid;
	pid_t pid;
	bool writes;  /* may change something */
	bool ended;   /* sends no more */
	bool closing; /* is closed when its answers are gone */
	bool dead;    /* is closed; freed at the end of the turn */
	bool again;   /* has requests that wait for the next turn */
	char *in;
	size_t in_used;
	uint64_t half_since; /* ns; when the request that is not whole began to come; 0: none */
	char *out;
	size_t out_at, out_used, out_room;
	uint64_t stalled_since; /* ns; 0: nothing waits */
	uint64_t active_at;     /* ns; when it last asked for something */
	struct jsonw line;
	char id[REQUEST_ID_TEXT]; /* of the request that is being answered */
	struct job *job;
	uint64_t lost; /* lines that found no room since it was last told */
};

/* ---- for the server (control/control.c) ---- */

/* Takes the descriptor, also on failure. ADIT_ENOMEM, ADIT_EIO. */
int client_new(struct client **out, struct control *control, int fd);
/* Closes it; the memory stays until client_free. */
void client_close(struct client *c);
void client_free(struct client *c);
/* Once a second: deadlines, and clients that are gone without a word. */
void client_tick(struct client *c, uint64_t now);
/* Answers what has been read. */
void client_work(struct client *c);
/* Refuses in one line, and closes when it is gone. */
void client_refuse(struct client *c, const char *code, const char *text);

/* ---- for verbs and jobs ---- */

/* Whether more lines should be made. */
bool client_has_room(const struct client *c);

/* {"id": 1, "item": { ... what the caller writes ... }}: one of several lines of an answer. */
struct jsonw *client_item(struct client *c);
/* False, counted in c->lost: there was no room for it. */
bool client_send_item(struct client *c);

/* {"id": 1, "ok": { ... }}: the end of an answer; it always has room. */
struct jsonw *client_ok(struct client *c);
void client_send_ok(struct client *c);
/* ... with nothing to say. */
void client_done(struct client *c);

/* {"id": 1, "error": {"code": ..., "text": ...}}: the end of an answer that went wrong. */
void client_error(struct client *c, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* ... for a result, with the findings that explain it, which may be null. */
void client_failed(struct client *c, int result, const struct report *findings, const char *what);

/* The job is the client's from now on. */
void client_give_job(struct client *c, struct job *j);

#endif
