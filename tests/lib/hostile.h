/* SPDX-License-Identifier: MIT
 * hostile.h - what the parts of the hostile packet generator share
 */
#ifndef TESTS_LIB_HOSTILE_H
#define TESTS_LIB_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKET_ROOM = 2048 };

struct packet {
	uint8_t data[PACKET_ROOM];
	unsigned size;
	bool v6;
	unsigned l4; /* where the L4 header begins */
};

/* Who is whom on this network: the client's address, a server's, and the port of a flow that is
 * alive. */
struct cast {
	uint8_t client4[4], server4[4], client6[16], server6[16];
	uint16_t port;
};

extern struct cast cast;

/* The dice of the run; the whole run is a function of the seed. */
void dice_seed(uint64_t seed);
uint32_t dice(void);
uint32_t dice_below(uint32_t n);
void dice_fill(void *to, unsigned size);

/* Well-formed packets to start from, addresses client to server, checksums right, ports from the
 * dice. */
void build_tcp(struct packet *p, bool v6, uint8_t flags, unsigned options, unsigned payload);
void build_udp(struct packet *p, bool v6, unsigned payload);
void build_echo(struct packet *p, bool v6, unsigned payload);
/* Puts the right checksums and lengths (of what p->size says) into an otherwise changed packet. */
void build_seal(struct packet *p);
void build_seal_l4(struct packet *p);

struct kind {
	const char *name;
	/* Makes the n-th packet of its kind. */
	void (*make)(struct packet *p, unsigned n);
	unsigned long sent, refused;
};

extern struct kind kinds[];
extern const unsigned kind_count;

#endif
