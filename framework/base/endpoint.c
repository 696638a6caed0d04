/* SPDX-License-Identifier: MIT
 * base/endpoint.c - endpoints as people write them, and when two are the same
 */
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

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
