/* SPDX-License-Identifier: MIT
 * handler-rules/quic.h - the server name in the first packets of a QUIC connection
 *
 * Initial packets of version 1 (RFC 9000) are enciphered with keys that whoever sees the first of them can derive (RFC
 * 9001, section 5.2). What they carry is put together, in whatever order it comes, and read as a ClientHello.
 */
#ifndef RULES_QUIC_H
#define RULES_QUIC_H

#include "look.h"

enum {
	QUIC_MOST = 16384, /* bytes of the handshake that are put together */
	QUIC_ID_MOST = 20  /* bytes of a connection's identifier */
};

/* What is known of a connection so far; no pointers. */
struct quic {
	uint8_t id_size; /* of the identifier that the keys come from; 0: none seen */
	uint8_t id[QUIC_ID_MOST];
	uint8_t key[16], iv[12], mask[16];
	uint8_t have[QUIC_MOST / 8]; /* a bit for each byte of the handshake that is there */
	uint8_t handshake[QUIC_MOST];
};

/* Begins with nothing. */
void quic_init(struct quic *q);
/* Takes in one datagram from the client. NONE: this is not QUIC version 1, and no name will be seen; MORE: the handshake
 * is not whole yet. */
enum look quic_look(struct quic *q, const uint8_t *data, size_t size, struct host_name *out);

#endif
