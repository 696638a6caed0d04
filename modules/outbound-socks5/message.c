/* SPDX-License-Identifier: MIT
 * outbound-socks5/message.c - the bytes of SOCKS5 (RFC 1928, RFC 1929)
 */
#include "message.h"

#include <string.h>

enum { VERSION = 5, LOGIN_VERSION = 1, METHOD_REFUSED = 0xff };
enum { KIND_IPV4 = 1, KIND_NAME = 3, KIND_IPV6 = 4 };
enum {
	HEAD = 4,                          /* bytes before the address, of a reply and of a datagram */
	SHORTEST_REPLY = HEAD + 1 + 0 + 2, /* with an empty name */
};

size_t message_greeting(uint8_t *out, int none, int login)
{
	size_t at = 2;

	out[0] = VERSION;
	if (none)
		out[at++] = METHOD_NONE;
	if (login)
		out[at++] = METHOD_LOGIN;
	out[1] = (uint8_t)(at - 2);
	return at;
}

static size_t put_text(uint8_t *out, const char *text)
{
	size_t size = strlen(text);

	if (size > 255)
		size = 255; /* the schema and adit_reach see to it that it is not */
	out[0] = (uint8_t)size;
	memcpy(out + 1, text, size);
	return size + 1;
}

size_t message_login(uint8_t *out, const char *username, const char *password)
{
	size_t at = 1;

	out[0] = LOGIN_VERSION;
	at += put_text(out + at, username);
	return at + put_text(out + at, password);
}

/* The kind of address, the address and the port. */
static size_t put_endpoint(uint8_t *out, const adit_addr *a, const char *name)
{
	size_t at = 1;

	if (name) {
		out[0] = KIND_NAME;
		at += put_text(out + 1, name);
	} else {
		size_t size = a->family == 6 ? 16 : 4;

		out[0] = a->family == 6 ? KIND_IPV6 : KIND_IPV4;
		memcpy(out + 1, a->ip, size);
		at += size;
	}
	out[at++] = (uint8_t)(a->port >> 8);
	out[at++] = (uint8_t)a->port;
	return at;
}

size_t message_request(uint8_t *out, uint8_t command, const adit_addr *dst, const char *name)
{
	out[0] = VERSION;
	out[1] = command;
	out[2] = 0;
	return 3 + put_endpoint(out + 3, dst, name);
}

/* Bytes from the kind of address to the port, 0 for an unknown kind. have is at least 2. */
static size_t endpoint_size(const uint8_t *bytes)
{
	switch (bytes[0]) {
	case KIND_IPV4:
		return 1 + 4 + 2;
	case KIND_IPV6:
		return 1 + 16 + 2;
	case KIND_NAME:
		return 1 + 1 + (size_t)bytes[1] + 2;
	default:
		return 0;
	}
}

/* size is what endpoint_size says, and so many bytes are there. */
static void get_endpoint(const uint8_t *bytes, size_t size, adit_addr *out)
{
	memset(out, 0, sizeof(*out));
	out->port = (uint16_t)(bytes[size - 2] << 8 | bytes[size - 1]);
	if (bytes[0] == KIND_NAME)
		return;
	out->family = bytes[0] == KIND_IPV4 ? 4 : 6;
	memcpy(out->ip, bytes + 1, size - 3);
}

static size_t fault(struct message_answer *out, enum message_fault what)
{
	out->fault = what;
	return 0;
}

static size_t read_reply(const uint8_t *bytes, size_t have, struct message_answer *out)
{
	size_t size;

	if (have && bytes[0] != VERSION)
		return fault(out, FAULT_VERSION);
	if (have >= 2 && bytes[1]) {
		/* Refused: what follows is of no use, and some proxies leave it out. */
		out->reply = bytes[1];
		out->stage = STAGE_REPLY;
		return 0;
	}
	if (have < HEAD + 1)
		return SHORTEST_REPLY - have;
	size = endpoint_size(bytes + HEAD - 1);
	if (!size)
		return fault(out, FAULT_ADDRESS);
	size += HEAD - 1;
	if (have < size)
		return size - have;
	get_endpoint(bytes + HEAD - 1, size - (HEAD - 1), &out->bound);
	out->stage = STAGE_REPLY;
	return 0;
}

size_t message_answer(const uint8_t *bytes, size_t have, int none, int login, struct message_answer *out)
{
	memset(out, 0, sizeof(*out));
	if (have && bytes[0] != VERSION)
		return fault(out, FAULT_VERSION);
	if (have < 2)
		return 2 - have + SHORTEST_REPLY;
	if (bytes[1] == METHOD_REFUSED)
		return fault(out, FAULT_METHODS);
	if (!(bytes[1] == METHOD_NONE && none) && !(bytes[1] == METHOD_LOGIN && login))
		return fault(out, FAULT_METHOD);
	out->method = bytes[1];
	out->stage = STAGE_METHOD;
	bytes += 2;
	have -= 2;
	if (out->method == METHOD_LOGIN) {
		if (have && bytes[0] != LOGIN_VERSION)
			return fault(out, FAULT_LOGIN_VERSION);
		if (have < 2)
			return 2 - have + SHORTEST_REPLY;
		if (bytes[1])
			return fault(out, FAULT_LOGIN);
		out->stage = STAGE_LOGIN;
		bytes += 2;
		have -= 2;
	}
	return read_reply(bytes, have, out);
}

size_t message_datagram_header(uint8_t *out, const adit_addr *dst, const char *name)
{
	memset(out, 0, 3);
	return 3 + put_endpoint(out + 3, dst, name);
}

size_t message_datagram(const uint8_t *bytes, size_t have, adit_addr *from)
{
	size_t size;

	if (have < SHORTEST_REPLY || bytes[2] != 0)
		return 0;
	size = endpoint_size(bytes + 3);
	if (!size || size + 3 > have)
		return 0;
	get_endpoint(bytes + 3, size, from);
	return size + 3;
}
