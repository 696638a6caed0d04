/* SPDX-License-Identifier: MIT
 * base/endpoint.c - endpoints as the system and as people write them
 */
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

socklen_t endpoint_to_sockaddr(const adit_addr *a, struct sockaddr_storage *out)
{
	if (a->family == 4) {
		struct sockaddr_in *sin = (struct sockaddr_in *)out;

		memset(sin, 0, sizeof(*sin));
		sin->sin_family = AF_INET;
		sin->sin_port = htons(a->port);
		memcpy(&sin->sin_addr, a->ip, 4);
		return sizeof(*sin);
	} else {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)out;

		memset(sin6, 0, sizeof(*sin6));
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(a->port);
		sin6->sin6_scope_id = a->scope;
		memcpy(&sin6->sin6_addr, a->ip, 16);
		return sizeof(*sin6);
	}
}

void endpoint_from_sockaddr(const struct sockaddr *sa, adit_addr *out)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;

		out->family = 4;
		out->port = ntohs(sin->sin_port);
		memcpy(out->ip, &sin->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;

		out->port = ntohs(sin6->sin6_port);
		if (!memcmp(&sin6->sin6_addr, mapped, 12)) {
			out->family = 4;
			memcpy(out->ip, sin6->sin6_addr.s6_addr + 12, 4);
			return;
		}
		out->family = 6;
		out->scope = sin6->sin6_scope_id;
		memcpy(out->ip, &sin6->sin6_addr, 16);
	}
}

const char *endpoint_text(const adit_addr *a, char out[ENDPOINT_TEXT])
{
	char ip[INET6_ADDRSTRLEN] = "?";

	if (a->family == 0) {
		snprintf(out, ENDPOINT_TEXT, "-");
		return out;
	}
	inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, ip, sizeof(ip));
	if (!a->port)
		snprintf(out, ENDPOINT_TEXT, "%s", ip);
	else
		snprintf(out, ENDPOINT_TEXT, a->family == 4 ? "%s:%u" : "[%s]:%u", ip, a->port);
	return out;
}

int endpoint_same_ip(const adit_addr *a, const adit_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16);
}

int endpoint_same(const adit_addr *a, const adit_addr *b)
{
	return a->port == b->port && endpoint_same_ip(a, b);
}
