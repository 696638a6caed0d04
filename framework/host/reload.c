/* SPDX-License-Identifier: MIT
 * host/reload.c - another manifest for a host that runs
 */
#include "host/parts.h"

const char *host_change_name(enum host_change change)
{
	static const char *const names[HOST_CHANGES] = {"add", "remove", "update", "renew", "live", "restart"};

	return change < HOST_CHANGES ? names[change] : "";
}

int host_diff(struct host *h, struct conf *conf, struct report *r, struct host_plan **out)
{
	return ADIT_ENOSYS;
}

void host_plan_free(struct host_plan *plan)
{
}

int host_reload(struct host *h, struct conf *conf, const struct host_drain *drain, host_reloaded_fn *done, void *arg)
{
	return ADIT_ENOSYS;
}
