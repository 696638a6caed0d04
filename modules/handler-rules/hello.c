/* SPDX-License-Identifier: MIT
 * handler-rules/hello.c - the server_name of a TLS ClientHello
 *
 * Records are taken apart first, their contents laid one behind the other; what is then read is one handshake message,
 * of which the end may not be there yet. With encrypted client hello the name is the outer, public one.
 */
#include <string.h>

#include "look.h"

enum {
	RECORD_HEAD = 5,
	RECORD_HANDSHAKE = 22,
	MESSAGE_HEAD = 4,
	CLIENT_HELLO = 1,
	VERSION_AND_RANDOM = 34,
	SERVER_NAME = 0,
	HOST_NAME = 0
};

/* Bytes of which `there` are there and `whole` are promised. */
struct cut {
	const uint8_t *at;
	size_t there, whole;
};

static unsigned number(const uint8_t *p, unsigned size)
{
	unsigned n = 0;

	for (; size; size--)
		n = n << 8 | *p++;
	return n;
}

/* Takes n bytes off; the answer is NAME if they are there. */
static enum look take(struct cut *c, size_t n, const uint8_t **out)
{
	if (n > c->whole)
		return LOOK_NONE;
	if (n > c->there)
		return LOOK_MORE;
	*out = c->at;
	c->at += n;
	c->there -= n;
	c->whole -= n;
	return LOOK_NAME;
}

/* Takes a vector off whose length stands in `head` bytes before it; all of it need not be there. */
static enum look take_vector(struct cut *c, unsigned head, struct cut *out)
{
	const uint8_t *p;
	enum look look = take(c, head, &p);
	size_t n;

	if (look != LOOK_NAME)
		return look;
	n = number(p, head);
	if (n > c->whole)
		return LOOK_NONE;
	*out = (struct cut){c->at, n < c->there ? n : c->there, n};
	c->at += out->there;
	c->there -= out->there;
	c->whole -= n;
	return LOOK_NAME;
}

static enum look read_server_name(struct cut ext, struct host_name *out)
{
	struct cut list, name;
	const uint8_t *type;
	enum look look = take_vector(&ext, 2, &list);

	while (look == LOOK_NAME && list.whole) {
		look = take(&list, 1, &type);
		if (look == LOOK_NAME)
			look = take_vector(&list, 2, &name);
		if (look != LOOK_NAME || *type != HOST_NAME)
			continue;
		if (name.there < name.whole)
			return name.whole > NAME_MOST + 1 ? LOOK_NONE : LOOK_MORE;
		out->size = name_clean((const char *)name.at, name.whole, out->text);
		return out->size ? LOOK_NAME : LOOK_NONE;
	}
	return look == LOOK_MORE ? LOOK_MORE : LOOK_NONE;
}

static enum look read_extensions(struct cut all, struct host_name *out)
{
	const uint8_t *type;
	struct cut ext;
	enum look look = LOOK_NAME;

	while (all.whole) {
		look = take(&all, 2, &type);
		if (look == LOOK_NAME)
			look = take_vector(&all, 2, &ext);
		if (look != LOOK_NAME)
			return look;
		if (number(type, 2) == SERVER_NAME)
			return read_server_name(ext, out);
	}
	return LOOK_NONE;
}

enum look hello_look_message(const uint8_t *data, size_t size, struct host_name *out)
{
	/* session id, cipher suites, compression methods, extensions: bytes of their lengths */
	static const unsigned heads[4] = {1, 2, 1, 2};
	struct cut all = {data, size, size < LOOK_MOST ? LOOK_MOST : size}, message, part;
	const uint8_t *p;
	enum look look = take(&all, 1, &p);
	unsigned i;

	if (look == LOOK_NAME && *p != CLIENT_HELLO)
		return LOOK_NONE;
	if (look == LOOK_NAME)
		look = take_vector(&all, 3, &message);
	if (look == LOOK_NAME)
		look = take(&message, VERSION_AND_RANDOM, &p);
	for (i = 0; i < 4 && look == LOOK_NAME; i++) {
		if (i == 3 && !message.whole)
			return LOOK_NONE; /* no extensions at all: older than names */
		look = take_vector(&message, heads[i], &part);
	}
	return look == LOOK_NAME ? read_extensions(part, out) : look;
}

enum look hello_look(const uint8_t *data, size_t size, struct host_name *out)
{
	uint8_t message[LOOK_MOST];
	size_t at = 0, filled = 0, n, there;
	enum look look;

	while (size - at >= RECORD_HEAD) {
		n = number(data + at + 3, 2);
		if (data[at] != RECORD_HANDSHAKE || data[at + 1] != 3 || !n || n > LOOK_MOST)
			return LOOK_NONE;
		at += RECORD_HEAD;
		there = n < size - at ? n : size - at;
		if (there > sizeof(message) - filled)
			return LOOK_NONE;
		memcpy(message + filled, data + at, there);
		filled += there;
		at += there;
		if (there < n)
			break;
	}
	if (!filled)
		return size && data[0] == RECORD_HANDSHAKE && (size < 2 || data[1] == 3) ? LOOK_MORE : LOOK_NONE;
	look = hello_look_message(message, filled, out);
	return look == LOOK_MORE && size >= LOOK_MOST ? LOOK_NONE : look;
}
