/* SPDX-License-Identifier: MIT
 * dial/carry.h - UDP and echo flows that the host itself carries to the network
 *
 * UDP: which flows share a socket (mapping) and from whom a socket takes datagrams (filtering) are those of
 * RFC 4787, sections 4 and 5, as the manifest chooses. Echo: dial/echo.c.
 */
#ifndef DIAL_CARRY_H
#define DIAL_CARRY_H

#include "flow/shard.h"

enum carry_rule { CARRY_ENDPOINT_INDEPENDENT, CARRY_ADDRESS, CARRY_ADDRESS_AND_PORT };

struct carry_rules {
	enum carry_rule mapping, filtering;
};

adit_result carrier_new(struct shard *s);
/* Takes a shard that has none. */
void carrier_free(struct shard *s);
void carrier_rules(struct shard *s, const struct carry_rules *rules);

/* The application gets an ICMP error in answer to a datagram such as it has sent on this UDP flow. */
void carry_tell(struct shard *s, struct flow *f, adit_result code);
/* Carries a datagram flow to dst from now on; one that is ASKED is admitted. On failure the flow is as it was. */
adit_result carry_flow(struct shard *s, struct flow *f, const adit_addr *dst);

#endif
