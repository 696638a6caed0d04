/* SPDX-License-Identifier: MIT
 * handler-rules/look.h - the host name in the first bytes that an application sends
 *
 * Each reader takes bytes from outside, allocates nothing, reads nothing beyond `size`, and gives a clean name
 * (names.h) of up to NAME_MOST letters, or none.
 */
#ifndef RULES_LOOK_H
#define RULES_LOOK_H

#include "names.h"

enum look {
	LOOK_NONE, /* there is no name in it, and none will come */
	LOOK_NAME,
	LOOK_MORE /* so far it is the beginning of what may have one */
};

enum { LOOK_MOST = 16384 /* bytes of a stream that are looked at */ };

struct host_name {
	uint32_t size;
	char text[NAME_MOST + 1];
};

/* TLS: the server_name of a ClientHello (RFC 8446, 6066), which may be spread over several records. */
enum look hello_look(const uint8_t *data, size_t size, struct host_name *out);
/* The same of handshake bytes without records, as QUIC carries them. */
enum look hello_look_message(const uint8_t *data, size_t size, struct host_name *out);
/* HTTP/1.x: the Host of a request (RFC 9112). An address as host is no name. */
enum look http_look(const uint8_t *data, size_t size, struct host_name *out);
/* DNS over UDP: the name that is asked for (RFC 1035). Never MORE. */
enum look dns_look(const uint8_t *data, size_t size, struct host_name *out);

/* A stream whose protocol is not known. */
enum look look_stream(const uint8_t *data, size_t size, struct host_name *out);
/* The next datagram of a flow to this port; q holds what those before it had (quic.h). */
struct quic;
enum look look_datagram(struct quic *q, const uint8_t *data, size_t size, uint16_t port, struct host_name *out);

#endif
