/* SPDX-License-Identifier: MIT
 * flow/flow.c - the states of a flow
 */
#include "flow/flow.h"

#include <stdlib.h>
#include <string.h>

#define BIT(n) (1u << (n))

static const struct {
	const char *name;
	unsigned next; /* states that may follow */
} states[] = {
	[FLOW_FREE] = {"free", BIT(FLOW_ASKED)},
	[FLOW_ASKED] = {"asked", BIT(FLOW_DIAL) | BIT(FLOW_OPEN) | BIT(FLOW_CLOSED) | BIT(FLOW_FREE)},
	[FLOW_DIAL] = {"dial", BIT(FLOW_OPEN) | BIT(FLOW_CLOSED) | BIT(FLOW_FREE)},
	[FLOW_OPEN] = {"open", BIT(FLOW_CLOSED) | BIT(FLOW_FREE)},
	[FLOW_CLOSED] = {"closed", BIT(FLOW_FREE)},
};
_Static_assert(sizeof(states) / sizeof(states[0]) == FLOW_STATES, "a flow state lacks its row");

const char *flow_state_name(enum flow_state state)
{
	return states[state].name;
}

int flow_may_move(enum flow_state from, enum flow_state to)
{
	return (states[from].next & BIT(to)) != 0;
}

adit_result flow_set_name(struct flow *f, const char *name)
{
	size_t size = name ? strnlen(name, FLOW_NAME_MOST + 1) : 0;
	char *copy = NULL;

	if (name && (!size || size > FLOW_NAME_MOST))
		return ADIT_EINVAL;
	if (name && !(copy = malloc(size + 1)))
		return ADIT_ENOMEM;
	if (copy)
		memcpy(copy, name, size + 1);
	free(f->name);
	f->name = copy;
	return ADIT_OK;
}

const char *flow_protocol_name(uint8_t proto)
{
	static const char *const names[] = {"tcp", "udp", "icmp"};

	return names[flow_protocol(proto)];
}
