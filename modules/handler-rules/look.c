/* SPDX-License-Identifier: MIT
 * handler-rules/look.c - which reader looks at what
 */
#include "look.h"

#include "quic.h"

enum { TLS_HANDSHAKE = 22, PORT_DNS = 53 };

enum look look_stream(const uint8_t *data, size_t size, struct host_name *out)
{
	if (!size)
		return LOOK_MORE;
	return data[0] == TLS_HANDSHAKE ? hello_look(data, size, out) : http_look(data, size, out);
}

enum look look_datagram(struct quic *q, const uint8_t *data, size_t size, uint16_t port, struct host_name *out)
{
	return port == PORT_DNS ? dns_look(data, size, out) : quic_look(q, data, size, out);
}
