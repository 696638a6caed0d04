/* SPDX-License-Identifier: MIT
 * base/endpoint.h - endpoints (adit_addr) as people write them, and when two are the same; adit/sock.h has them as the
 * system writes them
 */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include <adit/flow.h>

enum { ENDPOINT_TEXT = 64 /* bytes that hold any endpoint as text */ };

/* "192.0.2.1:80", "[2001:db8::1]:80"; without the port when it is 0. Returns out. */
const char *endpoint_text(const adit_addr *a, char out[ENDPOINT_TEXT]);
int endpoint_same(const adit_addr *a, const adit_addr *b);
int endpoint_same_ip(const adit_addr *a, const adit_addr *b);

#endif
