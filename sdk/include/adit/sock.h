/* SPDX-License-Identifier: MIT
 * adit/sock.h - endpoints (adit_addr) to and from the system's socket addresses
 *
 * Header only; for modules that use sockets of their own. Not part of adit.h, as it includes the system's headers.
 */
#ifndef ADIT_SOCK_H
#define ADIT_SOCK_H

#include <string.h>

#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#include "flow.h"

ADIT_BEGIN_DECLS

/* [any] Writes *a as a socket address, all other bytes of that zero, and returns its length. Family 4 becomes AF_INET, any
 * other AF_INET6. */
ADIT_INLINE socklen_t adit_to_sockaddr(const adit_addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (a->family == 4) {
		memset(&v4, 0, sizeof(v4));
		v4.sin_family = AF_INET;
		v4.sin_port = htons(a->port);
		memcpy(&v4.sin_addr, a->ip, 4);
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	memset(&v6, 0, sizeof(v6));
	v6.sin6_family = AF_INET6;
	v6.sin6_port = htons(a->port);
	v6.sin6_scope_id = a->scope;
	memcpy(&v6.sin6_addr, a->ip, 16);
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}

/* [any] Reads a socket address, which is as long as its family says. A v4-mapped IPv6 address (RFC 4291, 2.5.5.2) becomes the
 * IPv4 one. Family 0: neither IPv4 nor IPv6. */
ADIT_INLINE void adit_from_sockaddr(const struct sockaddr *in, adit_addr *out)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(out, 0, sizeof(*out));
	if (in->sa_family == AF_INET) {
		memcpy(&v4, in, sizeof(v4));
		out->family = 4;
		out->port = ntohs(v4.sin_port);
		memcpy(out->ip, &v4.sin_addr, 4);
	} else if (in->sa_family == AF_INET6) {
		memcpy(&v6, in, sizeof(v6));
		out->port = ntohs(v6.sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
			out->family = 4;
			memcpy(out->ip, (const uint8_t *)&v6.sin6_addr + 12, 4);
			return;
		}
		out->family = 6;
		out->scope = v6.sin6_scope_id;
		memcpy(out->ip, &v6.sin6_addr, 16);
	}
}

ADIT_END_DECLS

#endif
