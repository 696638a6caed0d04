/* SPDX-License-Identifier: MIT
 * tests/unit/rules_bytes.h - first bytes of applications, made for handler-rules' readers
 */
#ifndef RULES_BYTES_H
#define RULES_BYTES_H

#include <stdint.h>
#include <string.h>

enum { HELLO_ROOM = 4096 };

static inline void put_bytes(uint8_t *out, size_t *size, const void *bytes, size_t n)
{
	memcpy(out + *size, bytes, n);
	*size += n;
}

static inline void put_number(uint8_t *out, size_t *size, unsigned bytes, size_t number)
{
	for (; bytes; bytes--)
		out[(*size)++] = (uint8_t)(number >> (8 * (bytes - 1)));
}

/* A ClientHello for `name` (null: without the extension), with `more` bytes of another extension before it; without a
 * record around it. */
static inline size_t make_hello(uint8_t *out, const char *name, size_t more)
{
	static const uint8_t random[32] = {1, 2, 3}, zeros[HELLO_ROOM / 2];
	size_t size = 0, length = name ? strlen(name) : 0;
	size_t extensions = (more ? 4 + more : 0) + (name ? 9 + length : 0) + 5;

	put_number(out, &size, 1, 1);
	put_number(out, &size, 3, 2 + 32 + 1 + 32 + 2 + 4 + 1 + 1 + 2 + extensions);
	put_number(out, &size, 2, 0x0303);
	put_bytes(out, &size, random, 32);
	put_number(out, &size, 1, 32);
	put_bytes(out, &size, random, 32);
	put_number(out, &size, 2, 4);
	put_number(out, &size, 4, 0x13011302);
	put_number(out, &size, 2, 0x0100); /* one compression method, none */
	put_number(out, &size, 2, extensions);
	if (more) {
		put_number(out, &size, 2, 51);
		put_number(out, &size, 2, more);
		put_bytes(out, &size, zeros, more);
	}
	if (name) {
		put_number(out, &size, 2, 0);
		put_number(out, &size, 2, length + 5);
		put_number(out, &size, 2, length + 3);
		put_number(out, &size, 1, 0);
		put_number(out, &size, 2, length);
		put_bytes(out, &size, name, length);
	}
	put_number(out, &size, 2, 43);
	put_number(out, &size, 2, 1);
	put_number(out, &size, 1, 0);
	return size;
}

/* Puts a message into records of at most `most` bytes. */
static inline size_t make_records(uint8_t *out, const uint8_t *message, size_t size, size_t most)
{
	size_t at = 0, n, filled = 0;

	for (; at < size; at += n) {
		n = size - at < most ? size - at : most;
		put_number(out, &filled, 1, 22);
		put_number(out, &filled, 2, 0x0301);
		put_number(out, &filled, 2, n);
		put_bytes(out, &filled, message + at, n);
	}
	return filled;
}

/* A query for a name in dotted form. */
static inline size_t make_query(uint8_t *out, const char *name)
{
	static const uint8_t head[12] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, tail[5] = {0, 0, 1, 0, 1};
	size_t size = 0, n;

	put_bytes(out, &size, head, sizeof(head));
	for (; *name; name += n + (name[n] == '.')) {
		n = strcspn(name, ".");
		put_number(out, &size, 1, n);
		put_bytes(out, &size, name, n);
	}
	put_bytes(out, &size, tail, sizeof(tail));
	return size;
}

#endif
