/* SPDX-License-Identifier: MIT
 * tests/unit/quic_bytes.h - Initial packets of QUIC version 1 (RFC 9000, 9001), as a client makes them
 */
#ifndef QUIC_BYTES_H
#define QUIC_BYTES_H

#include <nettle/aes.h>
#include <nettle/gcm.h>

#include "quic.h"
#include "rules_bytes.h"

enum { INITIAL_SIZE = 1200, INITIAL_FRAMES = 1200 - 16 - 40 };

/* The keys of a client that chose this identifier, as the reader derives them from any packet of its. */
static inline void quic_keys(struct quic *q, const uint8_t *id, size_t id_size)
{
	uint8_t bytes[64] = {0xc0, 0, 0, 0, 1, (uint8_t)id_size};
	struct host_name name;
	size_t size = 6;

	put_bytes(bytes, &size, id, id_size);
	put_number(bytes, &size, 3, 1); /* no source, no token, one byte */
	put_number(bytes, &size, 1, 0);
	quic_init(q);
	quic_look(q, bytes, size, &name);
}

/* A CRYPTO frame with a part of the handshake. */
static inline void put_crypto(uint8_t *out, size_t *size, const uint8_t *handshake, size_t offset, size_t n)
{
	put_number(out, size, 1, 6);
	put_number(out, size, 2, 0x4000 | offset);
	put_number(out, size, 2, 0x4000 | n);
	put_bytes(out, size, handshake + offset, n);
}

/* One datagram of 1200 bytes with these frames, at most INITIAL_FRAMES bytes of them, and padding. */
static inline size_t make_initial(uint8_t *out, const uint8_t *id, size_t id_size, uint8_t number,
                                  const uint8_t *frames, size_t frames_size)
{
	uint8_t plain[INITIAL_SIZE] = {0}, mask[16], nonce[12];
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	size_t size = 0, head, n;
	struct quic q;

	quic_keys(&q, id, id_size);
	put_number(out, &size, 1, 0xc0); /* a packet number of one byte */
	put_number(out, &size, 4, 1);
	put_number(out, &size, 1, id_size);
	put_bytes(out, &size, id, id_size);
	put_number(out, &size, 2, 0);
	head = size + 2;
	n = INITIAL_SIZE - head - 1 - 16;
	put_number(out, &size, 2, 0x4000 | (1 + n + 16));
	put_number(out, &size, 1, number);
	memcpy(plain, frames, frames_size);
	memcpy(nonce, q.iv, sizeof(nonce));
	nonce[11] ^= number;
	gcm_aes128_set_key(&gcm, q.key);
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	gcm_aes128_update(&gcm, size, out);
	gcm_aes128_encrypt(&gcm, n, out + size, plain);
	gcm_aes128_digest(&gcm, 16, out + size + n);
	aes128_set_encrypt_key(&aes, q.mask);
	aes128_encrypt(&aes, 16, mask, out + head + 4);
	out[0] ^= mask[0] & 0x0f;
	out[head] ^= mask[1];
	return INITIAL_SIZE;
}

#endif
