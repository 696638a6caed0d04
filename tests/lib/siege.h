/* SPDX-License-Identifier: MIT
 * siege.h - what the parts of siege share: the live flows as they show on the device, and the attacks
 */
#ifndef TESTS_LIB_SIEGE_H
#define TESTS_LIB_SIEGE_H

#include "hostile.h"

/* One live flow, by what its segments said last. "Near" is the application's end, "far" the one under attack. */
struct live {
	uint16_t port;	      /* the application's */
	bool v6, far_heard;
	bool near_scales; /* the SYN had a window scale */
	uint8_t far_shift;
	uint32_t near_next, near_ack; /* next byte that the application sends; what it has acknowledged */
	uint32_t far_next, far_ack, far_window;
};

/* A packet of cast.client* and cast.server*, port cast.port; `out`: from the application. */
void live_learn(const uint8_t *packet, unsigned size, bool out);
unsigned live_count(void);
/* The n-th, round and round; null: there is none. */
const struct live *live_at(unsigned n);

/* What came from the far end. */
struct heard {
	unsigned long segments, bare, resets; /* bare: an ACK without data; resets: of flows that live */
};
extern struct heard heard;

struct attack {
	const char *group, *name;
	/* Returns false if there is no flow to make it of. */
	bool (*make)(struct packet *p, unsigned n);
	unsigned long sent, refused;
};

extern struct attack attacks[];
extern const unsigned attack_count;

#endif
