/* SPDX-License-Identifier: MIT
 * packet/verify.h - are the checksums of a packet right?
 *
 * Apart from packet/parse.h because it touches every byte: not asked where the device has vouched for the packet
 * (ADIT_BUF_CSUM_OK) or says that the checksum is still to be made (ADIT_BUF_CSUM_NEEDED).
 */
#ifndef PACKET_VERIFY_H
#define PACKET_VERIFY_H

#include <stdbool.h>

#include "packet/parse.h"

/* Of the IPv4 header; true for IPv6, which has none. For every parsed packet, fragments too. */
bool packet_header_checksum_ok(const uint8_t *data, const struct packet_view *view);

/* Of TCP, UDP or ICMP, of a packet that is not a fragment. UDP over IPv4 may have none; over IPv6 it must. */
bool packet_checksum_ok(const uint8_t *data, const struct packet_view *view);

#endif
