/* SPDX-License-Identifier: MIT
 * packet/view.c - from a parsed packet to the terms in which modules speak
 */
#include <string.h>

#include "packet/parse.h"

static void endpoint(const uint8_t *ip, const struct packet_view *view, uint16_t port, adit_addr *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->ip, ip, view->address_size);
	out->port = port;
	out->family = view->version;
}

void packet_endpoints(const uint8_t *data, const struct packet_view *view, adit_addr *src, adit_addr *dst)
{
	const uint8_t *ip = data + view->addresses;

	endpoint(ip, view, view->src_port, src);
	endpoint(ip + view->address_size, view, view->dst_port, dst);
}
