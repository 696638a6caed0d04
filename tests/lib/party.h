/* SPDX-License-Identifier: MIT
 * tests/lib/party.h - an end of a TCP flow for tests: a socket or a party, fast or slow, which sends tagged content and
 * verifies what it gets
 *
 * A party stands in the place of shardkit's fake stack or outbound and keeps to adit/flow.h: DATA within its window, credit
 * for its room, CLOSED when both directions have ended. Whoever sends it more than its credit is told on (`bad`).
 */
#ifndef TESTS_PARTY_H
#define TESTS_PARTY_H

#include "tests/lib/shardkit.h"
#include "tests/lib/tag.h"

enum { PARTY_TAG = 7 };

struct party {
	struct kit *k;
	enum part_kind kind; /* PART_STACK or PART_OUTBOUND: its place */
	int is_socket;
	int fd; /* the test's end of the socket; -1 */
	adit_flow flow;
	/* What it sends. */
	uint64_t most, sent;       /* bytes in all, and so far */
	uint32_t window, unconsumed, piece; /* bytes; of one DATA or write */
	int wants_fin;             /* when all is sent */
	int fin_sent;
	/* What it gets. */
	uint64_t got;
	uint32_t room;    /* bytes that it takes before it reads on */
	uint64_t credit;  /* what it may still be sent */
	uint64_t unread;  /* taken and not read yet: credit comes back when it reads */
	uint32_t read_most; /* bytes that it reads each time it is turned; 0: everything at once */
	int stopped;      /* it reads nothing */
	int fin_got, close_got, abort_got, reset_got, socket_asked;
	adit_result abort_code;
	int over; /* it has said CLOSED */
	int bad;  /* content, credit or order was wrong */
	uint32_t sends; /* SEND operations */
	uint32_t held;  /* most buffers that were out at a time */
	const char *why;
};

/* A party or a socket in place of the kit's fake. What it is asked for is answered by party_begin. */
void party_init(struct party *p, struct kit *k, enum part_kind kind, int is_socket);
/* It is there: CREDIT or SOCKET. */
void party_begin(struct party *p, adit_flow flow);
/* Sends, reads and ends as far as it can. */
void party_turn(struct party *p);
void party_reset(struct party *p);
void party_fini(struct party *p);

#endif
