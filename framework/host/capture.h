/* SPDX-License-Identifier: MIT
 * host/capture.h - packets of a running host as a pcapng file, for who reads it as it grows
 *
 * Everything here is [control]. Super-packets stay whole, as in captures of the kernel; partial checksums are completed.
 * Comments on packets say which flow begins here and who has it, and which has ended and why.
 */
#ifndef HOST_CAPTURE_H
#define HOST_CAPTURE_H

#include "host/tapping.h"

struct capture;

struct capture_options {
	enum tap_kind kind;
	const char *stack;          /* TAP_STACK; lent */
	adit_flow flow;             /* TAP_FLOW */
	uint32_t shard;             /* TAP_FLOW */
	uint32_t snap;              /* bytes of a packet that are kept; 0: all */
	uint64_t packets, bytes;    /* it ends with so many packets, or bytes of file; 0: no such end */
	uint64_t ns;                /* ... after so long; 0: no such end */
	/* There is something to read, or it is over. */
	void (*news)(void *arg);
	void *arg;
};

struct capture_counts {
	uint64_t packets, lost, bytes; /* bytes of file */
};

/* As tapping_new. */
int capture_new(struct capture **out, struct host *h, const struct capture_options *options);
/* What there is of the file and has not been taken; 0: nothing now. Lent until the next call. */
size_t capture_front(struct capture *c, const uint8_t **bytes);
void capture_take(struct capture *c, size_t n);
/* True when there will be no more than capture_front gives. *result: 0, or why it ended: ADIT_ENOENT (no such flow or
 * stack), ADIT_ENOMEM. */
bool capture_over(const struct capture *c, int *result);
/* Ends it: the figures at the end of the file follow. */
void capture_end(struct capture *c);
void capture_count(const struct capture *c, struct capture_counts *out);
/* Takes null. */
void capture_free(struct capture *c);

/* What a capture cannot show, for people. Static. */
const char *capture_note(void);

#endif
