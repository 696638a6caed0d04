/* SPDX-License-Identifier: MIT
 * handler-rules/look.c - which reader looks at what
 */
#include "look.h"

enum { TLS_HANDSHAKE = 22, PORT_DNS = 53 };

enum look look_stream(const uint8_t *data, size_t size, struct host_name *out)
{
	if (!size)
		return LOOK_MORE;
	return data[0] == TLS_HANDSHAKE ? hello_look(data, size, out) : http_look(data, size, out);
}

int look_has_reader(uint16_t port)
{
	return port == PORT_DNS;
}

enum look look_datagram(const uint8_t *data, size_t size, uint16_t port, struct host_name *out)
{
	return port == PORT_DNS ? dns_look(data, size, out) : LOOK_NONE;
}
