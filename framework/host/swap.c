/* SPDX-License-Identifier: MIT
 * host/swap.c - another stack for new flows, while it runs
 */
#include "host/parts.h"

const char *host_swap_step_name(enum host_swap_step step)
{
	static const char *const names[] = {"plan", "probe", "shift", "drain", "retire", "failed"};

	return (unsigned)step < sizeof(names) / sizeof(names[0]) ? names[step] : "";
}

int host_swap(struct host *h, const char *choice, const struct host_swap_options *options, struct report *r,
              host_swap_fn *fn, void *arg)
{
	return ADIT_ENOSYS;
}

void host_swap_leave(struct host *h, void *arg)
{
}

bool host_instance(struct host *h, unsigned index, struct host_instance *out)
{
	return false;
}

const char *host_stack_reason(const struct host *h, const char *proto)
{
	return "";
}
