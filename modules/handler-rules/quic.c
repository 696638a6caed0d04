/* SPDX-License-Identifier: MIT
 * handler-rules/quic.c - the server name in the first packets of a QUIC connection
 *
 * The only user of nettle: HKDF, AES-128 and its GCM mode, none of which allocates.
 */
#include "quic.h"

#include <string.h>

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

enum {
	LONG_HEADER = 0xc0, /* form and fixed bit */
	TYPE = 0x30,        /* Initial: 0 */
	NUMBER_SIZE = 0x03,
	PROTECTED = 0x0f,
	SAMPLE = 16,
	TAG = 16,
	DATAGRAM_MOST = 1500, /* bytes of one packet that are deciphered */
	FRAME_PADDING = 0,
	FRAME_PING = 1,
	FRAME_ACK = 2,
	FRAME_ACK_ECN = 3,
	FRAME_CRYPTO = 6
};

/* Bytes that are read from the front. */
struct span {
	const uint8_t *at, *end;
};

static size_t left(const struct span *s)
{
	return (size_t)(s->end - s->at);
}

static int take(struct span *s, uint64_t n, const uint8_t **out)
{
	if (n > left(s))
		return 0;
	*out = s->at;
	s->at += n;
	return 1;
}

/* RFC 9000, section 16. */
static int take_number(struct span *s, uint64_t *out)
{
	const uint8_t *p;
	unsigned size, i;

	if (s->at == s->end)
		return 0;
	size = 1u << (*s->at >> 6);
	if (!take(s, size, &p))
		return 0;
	*out = p[0] & 0x3f;
	for (i = 1; i < size; i++)
		*out = *out << 8 | p[i];
	return 1;
}

/* A vector whose size stands in one byte before it. */
static int take_id(struct span *s, const uint8_t **out, uint8_t *size)
{
	const uint8_t *p;

	if (!take(s, 1, &p) || *p > QUIC_ID_MOST)
		return 0;
	*size = *p;
	return take(s, *size, out);
}

/* ---- keys ---- */

/* HKDF-Expand-Label of TLS 1.3 with an empty context (RFC 8446, section 7.1). */
static void expand(const uint8_t secret[32], const char *label, uint8_t *out, size_t size)
{
	struct hmac_sha256_ctx hmac;
	uint8_t info[32] = {0, (uint8_t)size, (uint8_t)(6 + strlen(label)), 't', 'l', 's', '1', '3', ' '};

	memcpy(info + 9, label, strlen(label));
	hmac_sha256_set_key(&hmac, 32, secret);
	hkdf_expand(&hmac, (nettle_hash_update_func *)hmac_sha256_update, (nettle_hash_digest_func *)hmac_sha256_digest,
	            32, 10 + strlen(label), info, size, out);
}

static void derive(struct quic *q, const uint8_t *id, uint8_t size)
{
	static const uint8_t salt[20] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
	                                 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
	struct hmac_sha256_ctx hmac;
	uint8_t initial[32], client[32];

	hmac_sha256_set_key(&hmac, sizeof(salt), salt);
	hkdf_extract(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
	             (nettle_hash_digest_func *)hmac_sha256_digest, 32, size, id, initial);
	expand(initial, "client in", client, sizeof(client));
	expand(client, "quic key", q->key, sizeof(q->key));
	expand(client, "quic iv", q->iv, sizeof(q->iv));
	expand(client, "quic hp", q->mask, sizeof(q->mask));
	q->id_size = size;
	memcpy(q->id, id, size);
}

/* ---- packets ---- */

/* Deciphers a packet; its header ends at `number`, in front of the protected packet number, and `size` bytes follow.
 * Returns the size of what was in it, in out; 0: it is not what it says. */
static size_t decipher(const struct quic *q, const uint8_t *packet, const uint8_t *number, size_t size, uint8_t *out)
{
	uint8_t header[DATAGRAM_MOST], mask[SAMPLE], nonce[12], tag[TAG];
	size_t head = (size_t)(number - packet), digits, n, i;
	struct aes128_ctx aes;
	struct gcm_aes128_ctx gcm;

	if (size < 4 + SAMPLE || head + size > DATAGRAM_MOST)
		return 0;
	aes128_set_encrypt_key(&aes, q->mask);
	aes128_encrypt(&aes, SAMPLE, mask, number + 4);
	memcpy(header, packet, head + 4);
	header[0] ^= mask[0] & PROTECTED;
	digits = (header[0] & NUMBER_SIZE) + 1u;
	memcpy(nonce, q->iv, sizeof(nonce));
	for (i = 0; i < digits; i++) {
		header[head + i] ^= mask[1 + i];
		nonce[sizeof(nonce) - digits + i] ^= header[head + i];
	}
	n = size - digits - TAG;
	gcm_aes128_set_key(&gcm, q->key);
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	gcm_aes128_update(&gcm, head + digits, header);
	gcm_aes128_decrypt(&gcm, n, out, number + digits);
	gcm_aes128_digest(&gcm, TAG, tag);
	return memeql_sec(tag, number + digits + n, TAG) ? n : 0;
}

/* ---- frames ---- */

static void keep(struct quic *q, uint64_t offset, const uint8_t *bytes, uint64_t size)
{
	uint64_t i;

	if (offset >= QUIC_MOST)
		return;
	if (size > QUIC_MOST - offset)
		size = QUIC_MOST - offset;
	memcpy(q->handshake + offset, bytes, size);
	for (i = offset; i < offset + size; i++)
		q->have[i / 8] |= (uint8_t)(1 << i % 8);
}

static int skip_ack(struct span *s, int ecn)
{
	uint64_t n, ranges, i;
	int good = take_number(s, &n) && take_number(s, &n) && take_number(s, &ranges) && take_number(s, &n);

	for (i = 0; good && i < ranges; i++)
		good = take_number(s, &n) && take_number(s, &n);
	for (i = 0; good && ecn && i < 3; i++)
		good = take_number(s, &n);
	return good;
}

/* 0: a frame that no Initial packet has, or a broken one. */
static int read_frames(struct quic *q, const uint8_t *bytes, size_t size)
{
	struct span s = {bytes, bytes + size};
	uint64_t type, offset, n;
	const uint8_t *p;
	int good = 1;

	while (good && s.at < s.end) {
		good = take_number(&s, &type);
		if (good && type == FRAME_CRYPTO) {
			good = take_number(&s, &offset) && take_number(&s, &n) && take(&s, n, &p);
			if (good)
				keep(q, offset, p, n);
		} else if (good && (type == FRAME_ACK || type == FRAME_ACK_ECN)) {
			good = skip_ack(&s, type == FRAME_ACK_ECN);
		} else if (good) {
			good = type == FRAME_PADDING || type == FRAME_PING;
		}
	}
	return good;
}

/* One of the packets of a datagram, which is taken off. 1: it was an Initial one and was read; 0: what follows is
 * something else; negative: this is no QUIC that we know. */
static int read_packet(struct quic *q, struct span *datagram)
{
	struct span s = *datagram;
	uint8_t plain[DATAGRAM_MOST], to_size, from_size;
	const uint8_t *packet = s.at, *head, *to, *from, *token, *number;
	uint64_t n;

	if (!take(&s, 5, &head) || (head[0] & LONG_HEADER) != LONG_HEADER || memcmp(head + 1, "\0\0\0\1", 4))
		return -1;
	if (head[0] & TYPE)
		return 0;
	if (!take_id(&s, &to, &to_size) || !take_id(&s, &from, &from_size) || !take_number(&s, &n) ||
	    !take(&s, n, &token) || !take_number(&s, &n) || !take(&s, n, &number))
		return -1;
	if (!q->id_size && !to_size)
		return -1; /* a client's first one has 8 bytes at least */
	if (!q->id_size)
		derive(q, to, to_size);
	datagram->at = s.at;
	n = decipher(q, packet, number, n, plain);
	return n && read_frames(q, plain, n) ? 1 : -1;
}

void quic_init(struct quic *q)
{
	memset(q, 0, sizeof(*q));
}

enum look quic_look(struct quic *q, const uint8_t *data, size_t size, struct host_name *out)
{
	struct span s = {data, data + size};
	size_t whole = 0;
	int more = 1;

	while (more == 1 && s.at < s.end && *s.at)
		more = read_packet(q, &s);
	if (more < 0 || !q->id_size)
		return LOOK_NONE;
	while (whole < QUIC_MOST && q->have[whole / 8] >> whole % 8 & 1)
		whole++;
	return whole < QUIC_MOST ? hello_look_message(q->handshake, whole, out) : LOOK_NONE;
}
