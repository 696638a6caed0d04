/* SPDX-License-Identifier: MIT
 * outbound-direct/outbound-direct.c - the plain way out: this machine's network
 *
 * TCP is connected through the host's dialer and the socket given to the host, which relays. UDP
 * and echo are carried by the host altogether. What is kept here is the attempts under way, one
 * slot per flow of the shard; each flow that reach() is asked for gets exactly one answer, SOCKET
 * or CLOSED, unless the host carries it.
 */
#include <adit/adit.h>

/* One attempt to connect; dialing is null where none is under way. */
struct attempt {
	struct outbound *owner;
	adit_dialing *dialing;
	adit_flow flow;
};

struct outbound {
	const adit_env *env;
	const adit_dial_1 *dial;
	struct attempt *attempts; /* env->flows of them, by ADIT_FLOW_SLOT */
};

static void outbound_emit(struct outbound *o, uint16_t type, adit_flow flow, adit_result code,
                          uint64_t num)
{
	adit_event ev = {.type = type, .code = code, .flow = flow, .u.num = num};

	o->env->path->emit(o->env->path->end, &ev, 1);
}

static void outbound_closed(struct outbound *o, adit_flow flow, adit_result code)
{
	outbound_emit(o, ADIT_EV_CLOSED, flow, code, 0);
}

static void ADIT_CALL attempt_dialed(void *arg, adit_result result, intptr_t sock)
{
	struct attempt *a = arg;

	a->dialing = NULL;
	if (result < 0)
		outbound_closed(a->owner, a->flow, result);
	else
		outbound_emit(a->owner, ADIT_EV_SOCKET, a->flow, 0, (uint64_t)sock);
}

/* The flow is over for us: no answer of the dialer follows any more. */
static void attempt_cancel(struct attempt *a)
{
	adit_dialing *dialing = a->dialing;

	a->dialing = NULL;
	a->owner->dial->cancel(dialing);
	outbound_closed(a->owner, a->flow, ADIT_ECANCEL);
}

/* The slot's entry; null for a handle that no slot of this shard can have. */
static struct attempt *outbound_attempt(struct outbound *o, adit_flow flow)
{
	uint32_t slot = ADIT_FLOW_SLOT(flow);

	return slot < o->env->flows ? &o->attempts[slot] : NULL;
}

static adit_result outbound_connect(struct outbound *o, const adit_reach *req)
{
	struct attempt *a = outbound_attempt(o, req->flow);

	if (!a)
		return ADIT_EINVAL;
	if (a->dialing) {
		if (a->flow == req->flow)
			return ADIT_EEXIST;
		attempt_cancel(a); /* the slot's former flow ended unheard */
	}
	a->owner = o;
	a->flow = req->flow;
	return o->dial->connect(o->env->loop, &req->dst, req->deadline_ns, attempt_dialed, a,
	                        &a->dialing);
}

static void ADIT_CALL outbound_reach(void *inst, const adit_reach *req, uint32_t n)
{
	struct outbound *o = inst;
	adit_result result;

	for (; n; n--, req++) {
		if (!req->dst.family)
			result = ADIT_ENOSYS; /* a name alone: the dialer takes addresses */
		else if (req->proto == ADIT_PROTO_TCP)
			result = outbound_connect(o, req);
		else
			result = o->dial->carry(o->env->path, req->flow, &req->dst);
		if (result < 0)
			outbound_closed(o, req->flow, result);
	}
}

static void ADIT_CALL outbound_submit(void *inst, const adit_op *op, uint32_t n)
{
	struct outbound *o = inst;
	struct attempt *a;
	adit_buf *buf;

	for (; n; n--, op++) {
		if (op->flags & ADIT_OPF_BUF) {
			buf = op->u.buf; /* no bytes pass here: the host relays */
			o->env->path->put(o->env->path->end, &buf, 1);
		}
		a = outbound_attempt(o, op->flow);
		if ((op->type == ADIT_OP_CLOSE || op->type == ADIT_OP_ABORT) && a && a->dialing &&
		    a->flow == op->flow)
			attempt_cancel(a);
	}
}

/* There is nothing to set. */
static adit_result ADIT_CALL outbound_reload(void *inst, const adit_cfg *cfg)
{
	return ADIT_OK;
}

static void ADIT_CALL outbound_stop(void *inst)
{
	struct outbound *o = inst;
	uint32_t i;

	for (i = 0; i < o->env->flows; i++)
		if (o->attempts[i].dialing)
			attempt_cancel(&o->attempts[i]);
}

static void ADIT_CALL outbound_destroy(void *inst)
{
	struct outbound *o = inst;
	const adit_host *host;

	if (!o)
		return;
	host = o->env->host;
	host->release(host, o->attempts);
	host->release(host, o);
}

static adit_result ADIT_CALL outbound_create(void *ctx, const adit_env *env, void **inst)
{
	static const char why[] = "the host offers no adit.dial/1";
	const adit_host *host = env->host;
	struct outbound *o = host->alloc(host, sizeof(*o), 0);

	if (!o)
		return ADIT_ENOMEM;
	o->env = env;
	*inst = o; /* from here on destroy follows */
	o->dial = host->get(host, ADIT_DIAL_1);
	if (!ADIT_HAS(o->dial, adit_dial_1, connect) || !ADIT_HAS(o->dial, adit_dial_1, cancel) ||
	    !ADIT_HAS(o->dial, adit_dial_1, carry))
		return host->fail(host, ADIT_ENOSYS, why, sizeof(why) - 1);
	o->attempts = host->alloc(host, env->flows * sizeof(*o->attempts), 0);
	return o->attempts ? 0 : ADIT_ENOMEM;
}

static const adit_life life = {
	.size = sizeof(life),
	.create = outbound_create,
	.reload = outbound_reload,
	.stop = outbound_stop,
	.destroy = outbound_destroy,
};
static const adit_outbound_1 table = {
	.size = sizeof(table),
	.flags = ADIT_OUTBOUND_TCP | ADIT_OUTBOUND_UDP | ADIT_OUTBOUND_ECHO,
	.life = &life,
	.reach = outbound_reach,
	.submit = outbound_submit,
};
static const adit_component direct = {sizeof(direct), 0, "direct", ADIT_OUTBOUND_1, &table};
static const adit_component *const components[] = {&direct, NULL};

const adit_module adit_module_1 = {
	.size = sizeof(adit_module_1),
	.abi_major = ADIT_ABI_MAJOR,
	.abi_minor = ADIT_ABI_MINOR,
	.name = ADIT_MODULE_NAME,
	.version = ADIT_MODULE_VERSION,
	.descriptor = adit_descriptor,
	.components = components,
};
