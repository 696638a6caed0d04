/* SPDX-License-Identifier: MIT
 * packet/verify.c - checksum verification
 */
#include "packet/verify.h"

#include "packet/checksum.h"
#include "packet/wire.h"

bool packet_header_checksum_ok(const uint8_t *data, const struct packet_view *view)
{
	if (view->version != 4)
		return true;
	return checksum_finish(checksum_add(0, data, data[0] % 16u * 4u)) == 0;
}

bool packet_checksum_ok(const uint8_t *data, const struct packet_view *view)
{
	uint32_t size = view->total - view->l4;
	uint64_t sum = 0;

	if (view->proto == WIRE_NEXT_UDP &&
	    wire_u16(data, view->total, view->l4 + (uint32_t)WIRE_UDP_CHECKSUM) == 0)
		return view->version == 4;
	if (view->proto != WIRE_NEXT_ICMP)
		sum = checksum_pseudo(0, data + view->addresses, view->address_size, view->proto, size);
	return checksum_finish(checksum_add(sum, data + view->l4, size)) == 0;
}
