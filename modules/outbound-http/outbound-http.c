/* SPDX-License-Identifier: MIT
 * outbound-http/outbound-http.c - a way out through an HTTP proxy, for TCP
 *
 * Once the proxy says that the destination is there, the connection to the proxy is given to the host, which relays as
 * if it were one to the destination. In TLS it is one end of a tunnel that is given.
 */
#include <stdio.h>
#include <string.h>

#include "http.h"

void http_emit(struct http *o, uint16_t type, adit_flow flow, adit_result code, uint64_t num)
{
	adit_event ev = {.type = type, .code = code, .flow = flow, .u.num = num};

	o->env->path->emit(o->env->path->end, &ev, 1);
}

struct attempt **http_end(struct http *o, adit_flow flow)
{
	uint32_t slot = ADIT_FLOW_SLOT(flow);

	return slot < o->env->flows ? &o->ends[slot] : NULL;
}

static void cancel(struct http *o, struct attempt *a)
{
	adit_flow flow = attempt_flow(a);

	attempt_drop(a);
	http_emit(o, ADIT_EV_CLOSED, flow, ADIT_ECANCEL, 0);
}

static adit_result reach_one(struct http *o, const adit_reach *req)
{
	struct attempt **place = http_end(o, req->flow);
	const char *name = o->remote_names || !req->dst.family ? req->name : NULL;

	if (req->proto != ADIT_PROTO_TCP)
		return ADIT_EADMIN; /* HTTP has no way for datagrams here, and past the proxy they do not go */
	if (name && !message_name_fits(name))
		name = NULL;
	if (!place || (!req->dst.family && !name))
		return ADIT_EINVAL;
	if (*place) {
		if (attempt_flow(*place) == req->flow)
			return ADIT_EEXIST;
		cancel(o, *place); /* the slot's former flow ended unheard */
	}
	return attempt_start(o, req, name);
}

static void ADIT_CALL http_reach(void *inst, const adit_reach *req, uint32_t n)
{
	adit_result result;

	for (; n; n--, req++) {
		result = reach_one(inst, req);
		if (result < 0)
			http_emit(inst, ADIT_EV_CLOSED, req->flow, result, 0);
	}
}

static void ADIT_CALL http_submit(void *inst, const adit_op *op, uint32_t n)
{
	struct http *o = inst;
	struct attempt **place;
	adit_buf *buf;

	for (; n; n--, op++) {
		if (op->flags & ADIT_OPF_BUF) {
			buf = op->u.buf; /* no bytes pass here: the host relays */
			o->env->path->put(o->env->path->end, &buf, 1);
		}
		place = http_end(o, op->flow);
		if ((op->type == ADIT_OP_CLOSE || op->type == ADIT_OP_ABORT) && place && *place &&
		    attempt_flow(*place) == op->flow)
			cancel(o, *place);
	}
}

static void on_clock(void *arg)
{
	struct http *o = arg;

	attempts_expire(o);
	if (!o->attempt_count)
		o->loop->timer_set(o->clock, 0, 0);
}

static adit_result ADIT_CALL http_open(void *inst)
{
	struct http *o = inst;
	const adit_host *host = o->env->host;
	char reason[200], why[600];
	int n;

	if (!o->tls)
		return ADIT_OK;
	o->scratch = host->alloc(host, TUNNEL_BYTES, 0);
	if (!o->scratch)
		return ADIT_ENOMEM;
	o->tls_context = tls_context_new(o->tls_ca, reason, sizeof(reason));
	if (o->tls_context)
		return ADIT_OK;
	n = snprintf(why, sizeof(why), "tls_ca: %.300s: %s; name a file of certificates in PEM",
	             *o->tls_ca ? o->tls_ca : "the authorities of this machine", reason);
	return host->fail(host, ADIT_ECONFIG, why, (size_t)n < sizeof(why) ? (size_t)n : sizeof(why) - 1);
}

static adit_result ADIT_CALL http_start(void *inst)
{
	struct http *o = inst;

	causes_start(o);
	return o->loop->timer(o->env->loop, on_clock, o, &o->clock);
}

/* In place, unless a request is under way, which goes on with the proxies and the login that it began with in an instance
 * of its own, or there are other authorities, which are files, and a loop reads no files. Tunnels need no settings. */
static adit_result ADIT_CALL http_reload(void *inst, const adit_cfg *cfg)
{
	struct http *o = inst, before = *o;
	adit_result result = o->attempt_count ? ADIT_ENOSYS : settings_read(o, cfg);

	if (result == ADIT_OK && (o->tls != before.tls || (o->tls && strcmp(o->tls_ca, before.tls_ca) != 0)))
		result = ADIT_ENOSYS;
	if (result < 0)
		*o = before;
	return result;
}

static void ADIT_CALL http_stop(void *inst)
{
	struct http *o = inst;

	while (o->attempts)
		cancel(o, o->attempts);
	tunnels_stop(o);
	o->loop->timer_free(o->clock);
	o->clock = NULL;
}

static void ADIT_CALL http_destroy(void *inst)
{
	struct http *o = inst;
	const adit_host *host;

	if (!o)
		return;
	host = o->env->host;
	tls_context_free(o->tls_context);
	host->release(host, o->scratch);
	host->release(host, o->ends);
	host->release(host, o);
}

static adit_result ADIT_CALL http_create(void *ctx, const adit_env *env, void **inst)
{
	static const char why[] = "the host offers no adit.loop/1 or no adit.server/1";
	const adit_host *host = env->host;
	struct http *o = host->alloc(host, sizeof(*o), 0);

	if (!o)
		return ADIT_ENOMEM;
	o->env = env;
	*inst = o; /* from here on destroy follows */
	o->loop = host->get(host, ADIT_LOOP_1);
	o->server = host->get(host, ADIT_SERVER_1);
	if (!o->loop || !ADIT_HAS(o->server, adit_server_1, cancel))
		return host->fail(host, ADIT_ENOSYS, why, sizeof(why) - 1);
	o->ends = host->alloc(host, env->flows * sizeof(struct attempt *), 0);
	return o->ends ? settings_read(o, env->cfg) : ADIT_ENOMEM;
}

static const adit_life life = {
	.size = sizeof(life),
	.create = http_create,
	.open = http_open,
	.start = http_start,
	.reload = http_reload,
	.stop = http_stop,
	.destroy = http_destroy,
};
static const adit_outbound_1 table = {
	.size = sizeof(table),
	.flags = ADIT_OUTBOUND_TCP,
	.life = &life,
	.reach = http_reach,
	.submit = http_submit,
};
static const adit_component http = {sizeof(http), 0, "http", ADIT_OUTBOUND_1, &table};
static const adit_component *const components[] = {&http, NULL};

const adit_module adit_module_1 = {
	.size = sizeof(adit_module_1),
	.abi_major = ADIT_ABI_MAJOR,
	.abi_minor = ADIT_ABI_MINOR,
	.name = ADIT_MODULE_NAME,
	.version = ADIT_MODULE_VERSION,
	.descriptor = adit_descriptor,
	.components = components,
};
