/* SPDX-License-Identifier: MIT
 * base/endpoint.h - endpoints (adit_addr) as the system and as people write them
 */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include <sys/socket.h>

#include <adit/flow.h>

enum { ENDPOINT_TEXT = 64 /* bytes that hold any endpoint as text */ };

/* Returns the length of what it wrote into *out. */
socklen_t endpoint_to_sockaddr(const adit_addr *a, struct sockaddr_storage *out);
/* A v4-mapped IPv6 address becomes the IPv4 one. Family 0 for what is neither. */
void endpoint_from_sockaddr(const struct sockaddr *sa, adit_addr *out);
/* "192.0.2.1:80", "[2001:db8::1]:80"; without the port when it is 0. Returns out. */
const char *endpoint_text(const adit_addr *a, char out[ENDPOINT_TEXT]);
int endpoint_same(const adit_addr *a, const adit_addr *b);
int endpoint_same_ip(const adit_addr *a, const adit_addr *b);

#endif
