/* SPDX-License-Identifier: MIT
 * outbound-socks5/outbound-socks5.c - a way out through a SOCKS5 proxy
 *
 * TCP: once the proxy says that the destination is there, the connection to the proxy is given to the host, which
 * relays as if it were one to the destination. UDP stays in the data path: association.c.
 */
#include <stdio.h>

#include "association.h"

/* A TCP flow that waits for its handshake. */
struct stream {
	struct end end;
	struct socks *o;
	struct attempt *attempt;
};

void socks_emit(struct socks *o, const adit_event *ev)
{
	o->env->path->emit(o->env->path->end, ev, 1);
}

void socks_closed(struct socks *o, adit_flow flow, adit_result code)
{
	adit_event ev = {.type = ADIT_EV_CLOSED, .code = code, .flow = flow};

	socks_emit(o, &ev);
}

void socks_tell(struct socks *o, const char *text)
{
	static const uint64_t pause = 10 * 1000000000ull;
	const adit_host *host = o->env->host;
	uint64_t now = o->loop->now(o->env->loop);
	char line[300];
	int n;

	if (*host->log_level > ADIT_LOG_WARN || (o->told && now - o->told < pause))
		return;
	o->told = now;
	n = snprintf(line, sizeof(line), "%s: %s", o->env->name, text);
	host->log(host, ADIT_LOG_WARN, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

struct end **socks_end(struct socks *o, adit_flow flow)
{
	uint32_t slot = ADIT_FLOW_SLOT(flow);

	return slot < o->env->flows ? &o->ends[slot] : NULL;
}

adit_result socks_reply_result(uint8_t reply)
{
	static const adit_result results[] = {
		[0] = ADIT_OK,     [1] = ADIT_EIO,      [2] = ADIT_EADMIN, [3] = ADIT_ENET, [4] = ADIT_EHOST,
		[5] = ADIT_EREFUSED, [6] = ADIT_ETIME, [7] = ADIT_ENOSYS, [8] = ADIT_EHOST,
	};

	return reply < sizeof(results) / sizeof(results[0]) ? results[reply] : ADIT_EIO;
}

/* ---- streams ---- */

static void stream_forget(struct stream *st)
{
	*socks_end(st->o, st->end.flow) = NULL;
	st->o->env->host->release(st->o->env->host, st);
}

static void stream_done(void *arg, adit_result result, intptr_t sock, const adit_addr *bound)
{
	struct stream *st = arg;
	struct socks *o = st->o;
	adit_event ev = {.type = ADIT_EV_SOCKET, .flow = st->end.flow, .u.num = (uint64_t)sock};

	stream_forget(st);
	if (result < 0)
		socks_closed(o, ev.flow, result);
	else
		socks_emit(o, &ev);
}

static void stream_cancel(struct stream *st)
{
	struct socks *o = st->o;
	adit_flow flow = st->end.flow;

	attempt_cancel(st->attempt);
	stream_forget(st);
	socks_closed(o, flow, ADIT_ECANCEL);
}

static adit_result stream_reach(struct socks *o, const adit_reach *req, struct end **place)
{
	const adit_host *host = o->env->host;
	struct attempt_wish wish = {
		.command = COMMAND_CONNECT,
		.dst = req->dst,
		.name = o->remote_names || !req->dst.family ? req->name : NULL,
		.deadline_ns = req->deadline_ns,
		.done = stream_done,
	};
	struct stream *st = host->alloc(host, sizeof(*st), 0);
	adit_result result;

	if (!st)
		return ADIT_ENOMEM;
	st->o = o;
	st->end.flow = req->flow;
	wish.arg = st;
	result = attempt_start(o, &wish, &st->attempt);
	if (result < 0)
		host->release(host, st);
	else
		*place = &st->end;
	return result;
}

/* ---- the tables' functions ---- */

static void end_cancel(struct end *end)
{
	if (end->datagrams)
		udp_flow_end((struct udp_flow *)end, ADIT_ECANCEL);
	else
		stream_cancel((struct stream *)end);
}

static int name_fits(const char *name)
{
	size_t n;

	for (n = 0; n <= NAME_MOST; n++)
		if (!name[n])
			return n != 0;
	return 0;
}

static adit_result reach_one(struct socks *o, const adit_reach *req)
{
	struct end **place = socks_end(o, req->flow);

	if (!place || (req->name && !name_fits(req->name)) || (!req->dst.family && !req->name))
		return ADIT_EINVAL;
	if (*place) {
		if ((*place)->flow == req->flow)
			return ADIT_EEXIST;
		end_cancel(*place); /* the slot's former flow ended unheard */
	}
	if (req->proto == ADIT_PROTO_TCP)
		return stream_reach(o, req, place);
	if (req->proto == ADIT_PROTO_UDP && o->udp)
		return association_reach(o->associations, req, o->remote_names || !req->dst.family ? req->name : NULL, place);
	return ADIT_EADMIN; /* past the proxy it does not go */
}

static void ADIT_CALL socks_reach(void *inst, const adit_reach *req, uint32_t n)
{
	adit_result result;

	for (; n; n--, req++) {
		result = reach_one(inst, req);
		if (result < 0)
			socks_closed(inst, req->flow, result);
	}
}

static void ADIT_CALL socks_submit(void *inst, const adit_op *op, uint32_t n)
{
	struct socks *o = inst;
	struct end **place, *end;
	adit_buf *buf;

	for (; n; n--, op++) {
		place = socks_end(o, op->flow);
		end = place && *place && (*place)->flow == op->flow ? *place : NULL;
		if (op->type == ADIT_OP_SEND && op->flags & ADIT_OPF_BUF && end && end->datagrams) {
			datagrams_send(o->associations, (struct udp_flow *)end, op->u.buf);
			continue;
		}
		if (op->flags & ADIT_OPF_BUF) {
			buf = op->u.buf;
			o->env->path->put(o->env->path->end, &buf, 1);
		}
		if ((op->type == ADIT_OP_CLOSE || op->type == ADIT_OP_ABORT) && end)
			end_cancel(end);
	}
	if (o->associations->up_count)
		datagrams_flush(o->associations);
}

static void on_clock(void *arg)
{
	struct socks *o = arg;

	attempts_expire(o);
	if (!o->attempt_count)
		o->loop->timer_set(o->clock, 0, 0);
}

static adit_result ADIT_CALL socks_start(void *inst)
{
	struct socks *o = inst;

	causes_start(o);
	associations_start(o->associations);
	return o->loop->timer(o->env->loop, on_clock, o, &o->clock);
}

/* In place, unless a handshake is under way: that goes on with the proxies and the login that it began with, in an
 * instance of its own. Associations have what they need of the settings. */
static adit_result ADIT_CALL socks_reload(void *inst, const adit_cfg *cfg)
{
	struct socks *o = inst, before = *o;
	adit_result result = o->attempt_count ? ADIT_ENOSYS : settings_read(o, cfg);

	if (result < 0)
		*o = before;
	else
		o->associations->no_udp_until = 0; /* another proxy may have it */
	return result;
}

static void ADIT_CALL socks_stop(void *inst)
{
	struct socks *o = inst;
	uint32_t i;

	for (i = 0; i < o->env->flows; i++)
		if (o->ends[i])
			end_cancel(o->ends[i]);
	associations_stop(o->associations);
	o->loop->timer_free(o->clock);
	o->clock = NULL;
}

static void ADIT_CALL socks_destroy(void *inst)
{
	struct socks *o = inst;
	const adit_host *host;

	if (!o)
		return;
	host = o->env->host;
	associations_free(o->associations);
	host->release(host, o->ends);
	host->release(host, o);
}

static adit_result ADIT_CALL socks_create(void *ctx, const adit_env *env, void **inst)
{
	static const char why[] = "the host offers no adit.loop/1 or no adit.server/1";
	const adit_host *host = env->host;
	struct socks *o = host->alloc(host, sizeof(*o), 0);
	adit_result result;

	if (!o)
		return ADIT_ENOMEM;
	o->env = env;
	*inst = o; /* from here on destroy follows */
	o->loop = host->get(host, ADIT_LOOP_1);
	o->server = host->get(host, ADIT_SERVER_1);
	if (!o->loop || !ADIT_HAS(o->server, adit_server_1, datagrams))
		return host->fail(host, ADIT_ENOSYS, why, sizeof(why) - 1);
	o->ends = host->alloc(host, env->flows * sizeof(struct end *), 0);
	result = o->ends ? settings_read(o, env->cfg) : ADIT_ENOMEM;
	return result == ADIT_OK ? associations_new(&o->associations, o) : result;
}

static const adit_life life = {
	.size = sizeof(life),
	.create = socks_create,
	.start = socks_start,
	.reload = socks_reload,
	.stop = socks_stop,
	.destroy = socks_destroy,
};
static const adit_outbound_1 table = {
	.size = sizeof(table),
	.flags = ADIT_OUTBOUND_TCP | ADIT_OUTBOUND_UDP,
	.life = &life,
	.reach = socks_reach,
	.submit = socks_submit,
};
static const adit_component socks5 = {sizeof(socks5), 0, "socks5", ADIT_OUTBOUND_1, &table};
static const adit_component *const components[] = {&socks5, NULL};

const adit_module adit_module_1 = {
	.size = sizeof(adit_module_1),
	.abi_major = ADIT_ABI_MAJOR,
	.abi_minor = ADIT_ABI_MINOR,
	.name = ADIT_MODULE_NAME,
	.version = ADIT_MODULE_VERSION,
	.descriptor = adit_descriptor,
	.components = components,
};
