/* SPDX-License-Identifier: MIT
 * dial/echo.h - ICMP echo flows, forwarded by real echo requests of our own, never faked
 */
#ifndef DIAL_ECHO_H
#define DIAL_ECHO_H

#include "flow/shard.h"

/* Admits an ASKED echo flow and carries it to dst. ADIT_EPERM: neither ping sockets (net.ipv4.ping_group_range) nor
 * raw sockets are allowed here. On failure the flow is as it was. */
adit_result echo_flow(struct shard *s, struct flow *f, const adit_addr *dst);

#endif
