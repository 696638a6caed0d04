/* SPDX-License-Identifier: MIT
 * handler-direct/handler-direct.c - hands every flow to one outbound, which the host then relays to
 *
 * The smallest useful handler: it owns no flow, holds no buffer, and hears nothing after its
 * verdict but the end.
 */
#include <adit/callbacks.h>

struct direct {
	int32_t outbound; /* number of adit.outbounds/1, 0 is the default one */
	uint32_t flags;
};

/* The settings as they are in h->cfg; on a failure what was there stays. */
static adit_result direct_read(adit_handler *h)
{
	struct direct *d = h->own;
	const adit_outbounds_1 *outbounds = adit_interface(h, ADIT_OUTBOUNDS_1);
	const char *name = adit_config_text(h, "outbound", "");
	adit_result number = outbounds ? outbounds->find(h->env->host, name) : ADIT_ENOSYS;

	if (number < 0)
		return adit_fail(h, number,
		                 "\"outbound\" names no outbound of the manifest: correct the name, or add it");
	d->outbound = number;
	d->flags = adit_config_truth(h, "connect_first", 1) ? ADIT_OPF_CONNECT_FIRST : 0;
	return 0;
}

static void direct_open(adit_handler *h, adit_flow flow, const adit_flow_info *info)
{
	const struct direct *d = h->own;

	adit_forward(h, flow, d->outbound, d->flags, 0);
}

static const adit_callbacks direct_calls = {
	.own = sizeof(struct direct),
	.create = direct_read,
	.reload = direct_read,
	.open = direct_open,
};
ADIT_HANDLER_MODULE("direct", direct_calls)
