/* SPDX-License-Identifier: MIT
 * outbound-http/message.c - the request CONNECT and the head of its answer, as bytes
 */
#include "message.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

int message_name_fits(const char *name)
{
	size_t n;

	for (n = 0; name[n]; n++) {
		char c = name[n];

		if (n == MESSAGE_NAME || !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		                           c == '.' || c == '-' || c == '_'))
			return 0;
	}
	return n != 0;
}

/* "name:443", "192.0.2.1:443", "[2001:db8::1]:443" */
static void authority(char *out, size_t room, const adit_addr *dst, const char *name)
{
	char ip[INET6_ADDRSTRLEN];

	if (name) {
		snprintf(out, room, "%s:%u", name, dst->port);
		return;
	}
	inet_ntop(dst->family == 6 ? AF_INET6 : AF_INET, dst->ip, ip, sizeof(ip));
	snprintf(out, room, dst->family == 6 ? "[%s]:%u" : "%s:%u", ip, dst->port);
}

/* RFC 7617: user, colon, password, in base64. */
static size_t put_login(char *out, size_t room, const char *username, const char *password)
{
	char login[512];
	int n = snprintf(login, sizeof(login), "%s:%s", username, password);
	size_t at = 0;

	if (n > 0 && (size_t)n < sizeof(login) && (size_t)n * 4 / 3 + 64 < room) {
		at = (size_t)snprintf(out, room, "Proxy-Authorization: Basic ");
		at += (size_t)EVP_EncodeBlock((unsigned char *)out + at, (const unsigned char *)login, n);
		at += (size_t)snprintf(out + at, room - at, "\r\n");
	}
	explicit_bzero(login, sizeof(login));
	return at;
}

size_t message_request(char out[MESSAGE_REQUEST], const adit_addr *dst, const char *name, const char *username,
                       const char *password)
{
	char to[MESSAGE_NAME + 8];
	size_t at, login;

	authority(to, sizeof(to), dst, name);
	at = (size_t)snprintf(out, MESSAGE_REQUEST, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", to, to);
	if (username) {
		login = put_login(out + at, MESSAGE_REQUEST - at - 2, username, password);
		if (!login)
			return 0;
		at += login;
	}
	memcpy(out + at, "\r\n", 2);
	return at + 2;
}

/* Whether what is there of a status line can be the beginning of one: "HTTP/1.1 200". */
static int plausible(const char *bytes, size_t have)
{
	static const char shape[] = "HTTP/1.d ddd";
	size_t i;

	for (i = 0; i < have && i < sizeof(shape) - 1; i++) {
		if (shape[i] == 'd' ? bytes[i] < '0' || bytes[i] > '9' : bytes[i] != shape[i])
			return 0;
	}
	return have <= i || bytes[i] == ' ' || bytes[i] == '\r' || bytes[i] == '\n';
}

/* Size of a head with its empty line, 0 if that is not there. A line may end without CR (RFC 9112 section 2.2). */
static size_t head_size(const char *bytes, size_t have)
{
	const char *at = bytes, *end = bytes + have;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		if (at < end && *at == '\n')
			return (size_t)(at + 1 - bytes);
		if (at + 1 < end && at[0] == '\r' && at[1] == '\n')
			return (size_t)(at + 2 - bytes);
	}
	return 0;
}

void message_answer(const char *bytes, size_t have, struct message_answer *out)
{
	enum { STATUS = 9 }; /* where the digits stand */
	size_t size;
	int status;

	memset(out, 0, sizeof(*out));
	while (have > out->size) {
		const char *head = bytes + out->size;

		out->broken = !plausible(head, have - out->size);
		size = out->broken ? 0 : head_size(head, have - out->size);
		if (!size)
			break;
		if (size < STATUS + 3) {
			out->broken = 1;
			break;
		}
		out->size += size;
		status = (head[STATUS] - '0') * 100 + (head[STATUS + 1] - '0') * 10 + head[STATUS + 2] - '0';
		/* 101 would change the protocol, which nobody has asked for. */
		out->broken = status < 100 || status > 599 || status == 101;
		if (status >= 200 && !out->broken)
			out->status = status;
		if (status >= 200 || out->broken)
			break;
	}
	if (!out->status && have >= MESSAGE_ANSWER)
		out->broken = 1;
}
