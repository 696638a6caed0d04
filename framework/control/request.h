/* SPDX-License-Identifier: MIT
 * control/request.h - one request of a client: a line of JSON, judged by the table of verbs
 *
 * {"verb": "flows", "id": 7, "proto": "tcp", "limit": 10}. A verb knows its arguments; a member that it does not know,
 * a wrong type or a value out of range refuses the request. docs/CONTROL.md is the same for people.
 */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct json_tree;
struct request;

enum argument {
	ARG_END,
	ARG_ADDRESS,
	ARG_CONFIRM,
	ARG_DRAIN,
	ARG_FLOW,
	ARG_HANDLER,
	ARG_LEVEL,
	ARG_LIMIT,
	ARG_OUTBOUND,
	ARG_PORT,
	ARG_PROTO,
	ARG_RATES,
	ARG_SIZE,
	ARG_SNAP,
	ARG_SORT,
	ARG_STACK,
	ARG_STATE,
	ARG_TEXT,
	ARG_TIME,
	ARG_UNDO,
	ARG_IDS
};

enum {
	REQUEST_LINE_MOST = 64 << 10, /* bytes, without the end of the line */
	REQUEST_TEXT_MOST = 253,      /* of a text argument: a host name is the longest */
	REQUEST_ID_TEXT = 80,         /* bytes that hold any id as JSON */
	REQUEST_WHY = 200,
	VERB_ARGUMENTS = 13
};

struct argument_value {
	bool given;
	const char *text; /* of text arguments; lives until request_fini */
	uint64_t number;  /* of numbers, and 1 or 0 for truth values */
};

struct verb {
	const char *name;
	bool writes; /* changes something: not for clients that may only read */
	/* Answers, or gives the client a job. */
	void (*run)(struct client *c, const struct request *q);
	enum argument arguments[VERB_ARGUMENTS]; /* ends with ARG_END */
};

struct request {
	const struct verb *verb;
	char id[REQUEST_ID_TEXT]; /* as JSON; "": none */
	struct argument_value arg[ARG_IDS];
	struct json_tree *tree;
};

/* Reads size bytes, a line without its end. ADIT_EINVAL, ADIT_ENOENT (no such verb), ADIT_ENOMEM; why says more then, and
 * the id is there if it could be read. q is to be ended in either case. */
int request_read(struct request *q, const char *line, size_t size, char why[REQUEST_WHY]);
void request_fini(struct request *q);

const char *argument_name(enum argument a);
/* The verbs in the order of docs/CONTROL.md (control/verbs.c). */
extern const struct verb verbs[];
extern const unsigned verb_count;

#endif
