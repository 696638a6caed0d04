/* SPDX-License-Identifier: MIT
 * platform-linux/will.c - an agent's last will: requests kept until its end
 *
 * The kernel works off every message of a routing request, whichever fails; a firewall batch is all
 * or nothing, and what follows its end is not looked at. So batches are sent one by one.
 */
#include "will.h"

#include "duty.h"
#include "netlink.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

/* Where a protocol's part is; WILL_PROTOCOLS: nowhere. */
static unsigned part_of(int32_t proto)
{
	return proto == NETLINK_ROUTE       ? 0
	       : proto == NETLINK_NETFILTER ? 1
	                                    : WILL_PROTOCOLS;
}

/* The bytes of the first request in rest, which is taken off: a batch, or all of it. 0: the bytes
 * are not netlink. */
static size_t next_request(int32_t proto, struct nl_span *rest)
{
	const uint8_t *start = rest->data;
	struct nl_message m;
	int more;

	while ((more = nl_message(rest, &m)) == 1)
		if (proto == NETLINK_NETFILTER && m.type == NFNL_MSG_BATCH_END)
			break;
	return more < 0 ? 0 : (size_t)(rest->data - start);
}

adit_result will_set(struct will *w, int32_t proto, const void *msg, size_t size, struct why *why)
{
	unsigned i = part_of(proto);
	struct nl_span rest = {msg, size};

	if (i == WILL_PROTOCOLS)
		return why_set(why, ADIT_EINVAL,
		               "netlink protocol %d is not one of route (0) and netfilter (12)",
		               proto);
	if (size > ADIT_PLACE_WILL)
		return why_set(why, ADIT_ELIMIT, "a last will of %zu bytes; %d are the most", size,
		               ADIT_PLACE_WILL);
	while (rest.size)
		if (!next_request(proto, &rest))
			return why_set(why, ADIT_EINVAL, "a last will that is not netlink");
	if (size)
		memcpy(w->part[i].data, msg, size);
	w->part[i].size = size;
	return 0;
}

void will_execute(struct will *w)
{
	static const int32_t protocols[WILL_PROTOCOLS] = {NETLINK_ROUTE, NETLINK_NETFILTER};
	unsigned i;

	for (i = 0; i < WILL_PROTOCOLS; i++) {
		struct nl_span rest = {w->part[i].data, w->part[i].size};

		while (rest.size) {
			const uint8_t *start = rest.data;
			size_t size = next_request(protocols[i], &rest);

			if (!size)
				break;
			duty_netlink(protocols[i], start, size, NULL);
		}
		w->part[i].size = 0;
	}
}
