/* SPDX-License-Identifier: MIT
 * adit/callbacks.h - for handlers: callbacks in place of the event vector, calls in place of the
 * operation vector
 *
 * A convenience that is compiled into the module; nothing in here crosses the line between host and
 * module, so it may change freely. Valid C89 and C++98, no library behind it. A module of one
 * handler is:
 *
 *     #include <adit/callbacks.h>
 *     static void opened(adit_handler *h, adit_flow flow, const adit_flow_info *info)
 *     {
 *     	adit_forward(h, flow, 0, 0, 0);
 *     }
 *     static const adit_callbacks calls = {0, 0, 0, 0, 0, 0, opened, 0, 0, 0, 0, 0};
 *     ADIT_HANDLER_MODULE("everything", calls)
 *
 * Every call that acts on a flow is [loop]. Operations are gathered and handed over in batches: at
 * the end of the event batch, when ADIT_HANDLER_OPS of them wait, or at once when no batch is being
 * handled (a timer of the module's own). An operation on a flow that has ended meanwhile is dropped
 * by the host, which puts its buffer back.
 */
#ifndef ADIT_CALLBACKS_H
#define ADIT_CALLBACKS_H

#include <string.h>

#include "adit.h"

ADIT_BEGIN_DECLS

typedef struct adit_handler adit_handler;

/* What a handler wants to hear. Every member but open may be null. `user` is the number of
 * adit_accept(); it is 0 in what comes for a flow that was never accepted. */
typedef struct adit_callbacks {
	/* Bytes of zeroed memory that h->own points to from create to destroy; 0: none. */
	size_t own;
	/* [control] Reads h->cfg. A failure is returned; destroy follows in any case. */
	adit_result (*create)(adit_handler *h);
	/* [loop] First call on the loop: make timers here. A failure ends the start. */
	adit_result (*start)(adit_handler *h);
	/* [loop] h->cfg is the new configuration. On a failure everything must be as before, and
	 * h->cfg is set back. Null: this handler cannot change in place, and reload answers
	 * ADIT_ENOSYS. */
	adit_result (*reload)(adit_handler *h);
	/* [loop] Last call on the loop: give up timers and put back the buffers that are still
	 * held. */
	void (*stop)(adit_handler *h);
	/* [control] Release what create made; copes with a create that stopped half way. */
	void (*destroy)(adit_handler *h);
	/* [loop] A new flow: one of accept, forward, pass, reject, drop, now or later. info is lent
	 * until closed(). */
	void (*open)(adit_handler *h, adit_flow flow, const adit_flow_info *info);
	/* [loop] The next bytes of a stream, a chain; buf is given: put it back or send it, and
	 * consume its length once more may come. Null: put back and consumed. */
	void (*data)(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf);
	/* [loop] One datagram (or several, ADIT_BUF_GSO_UDP); buf is given. Null: put back. */
	void (*dgram)(adit_handler *h, adit_flow flow, uint64_t user, adit_buf *buf);
	/* [loop] No more data() will come. Null: answered with adit_fin(). */
	void (*fin)(adit_handler *h, adit_flow flow, uint64_t user);
	/* [loop] So many bytes more than before may be sent. */
	void (*credit)(adit_handler *h, adit_flow flow, uint64_t user, uint64_t bytes);
	/* [loop] The last of the flow; code is 0 or the reason, an ADIT_E... */
	void (*closed)(adit_handler *h, adit_flow flow, uint64_t user, adit_result code);
} adit_callbacks;

/* Operations that wait at most before they are handed over: what one turn usually makes, in 4
 * KiB. */
enum { ADIT_HANDLER_OPS = 64 };

/* One instance: one handler on one shard. The first three members are for the callbacks to read. */
struct adit_handler {
	const adit_env *env; /* wires and place of the instance; kept until destroy */
	const adit_cfg *cfg; /* its settings at present */
	void *own;           /* adit_callbacks.own bytes */
	const adit_callbacks *calls;
	uint32_t inside;  /* an event batch is being handled */
	uint32_t waiting; /* operations in op[] */
	adit_op op[ADIT_HANDLER_OPS];
	adit_addr addr[ADIT_HANDLER_OPS]; /* what op[].u.addr points to */
};

/* ---- buffers ---- */

/* [any] Bytes in a chain; 0 for null. */
ADIT_INLINE uint64_t adit_buf_size(const adit_buf *buf)
{
	uint64_t size = 0;

	for (; buf; buf = buf->next)
		size += buf->len;
	return size;
}

/* [loop] Takes a buffer, its whole chain, and puts it back; null is fine. */
ADIT_INLINE void adit_put(adit_handler *h, adit_buf *buf)
{
	if (buf)
		h->env->path->put(h->env->path->end, &buf, 1);
}

/* [loop] An empty buffer with at least room bytes behind data; it is the caller's. Null: the limit
 * is reached. */
ADIT_INLINE adit_buf *adit_get(adit_handler *h, uint32_t room)
{
	adit_buf *buf = 0;

	return h->env->path->get(h->env->path->end, &buf, 1, room) == 1 ? buf : 0;
}

/* ---- operations ---- */

/* [loop] Hands over what waits. Seldom needed: see the head of this file. */
ADIT_INLINE void adit_flush(adit_handler *h)
{
	uint32_t n = h->waiting;

	h->waiting = 0;
	if (n)
		h->env->path->submit(h->env->path->end, h->op, n);
}

/* The next free operation, filled in but for its union. For the calls below. */
ADIT_INLINE adit_op *adit_op_next(adit_handler *h, uint16_t type, adit_flow flow)
{
	adit_op *op;

	if (h->waiting == ADIT_HANDLER_OPS)
		adit_flush(h);
	op = &h->op[h->waiting++];
	op->type = type;
	op->flags = 0;
	op->code = 0;
	op->flow = flow;
	op->u.num = 0;
	return op;
}

ADIT_INLINE void adit_op_done(adit_handler *h)
{
	if (!h->inside)
		adit_flush(h);
}

ADIT_INLINE void adit_op_simple(adit_handler *h, uint16_t type, adit_flow flow, adit_result code,
                                uint64_t num)
{
	adit_op *op = adit_op_next(h, type, flow);

	op->code = code;
	op->u.num = num;
	adit_op_done(h);
}

/* [loop] Verdict: the handler ends the flow itself. user comes back in every later callback of the
 * flow. */
ADIT_INLINE void adit_accept(adit_handler *h, adit_flow flow, uint64_t user)
{
	adit_op_simple(h, ADIT_OP_ACCEPT, flow, 0, user);
}

/* [loop] Verdict: the next handler is asked. */
ADIT_INLINE void adit_pass(adit_handler *h, adit_flow flow)
{
	adit_op_simple(h, ADIT_OP_PASS, flow, 0, 0);
}

/* [loop] Verdict: refused; code is ADIT_EREFUSED, ADIT_EHOST, ADIT_ENET or ADIT_EADMIN. */
ADIT_INLINE void adit_reject(adit_handler *h, adit_flow flow, adit_result code)
{
	adit_op_simple(h, ADIT_OP_REJECT, flow, code, 0);
}

/* [loop] Verdict: silence. */
ADIT_INLINE void adit_drop(adit_handler *h, adit_flow flow)
{
	adit_op_simple(h, ADIT_OP_DROP, flow, 0, 0);
}

/* [loop] Verdict: the host relays to an outbound (its number of adit.outbounds/1; 0: the default
 * one). Also for an accepted flow to which nothing has been sent. flags are 0 or ADIT_OPF_CONNECT_FIRST. to, copied, is where to go instead of the flow's
 * dst; null: dst. */
ADIT_INLINE void adit_forward(adit_handler *h, adit_flow flow, int32_t outbound, uint32_t flags,
                              const adit_addr *to)
{
	adit_op *op = adit_op_next(h, ADIT_OP_FORWARD, flow);
	adit_addr *copy = &h->addr[op - h->op];

	op->code = outbound;
	op->flags = (uint16_t)flags;
	if (to) {
		*copy = *to;
		op->flags = (uint16_t)(flags | ADIT_OPF_ADDR);
		op->u.addr = copy;
	}
	adit_op_done(h);
}

/* [loop] Takes buf, a chain, and sends it to the application. On a stream never more bytes than
 * credit() has given: one byte more and the host aborts the flow. */
ADIT_INLINE void adit_send(adit_handler *h, adit_flow flow, adit_buf *buf)
{
	adit_op *op = adit_op_next(h, ADIT_OP_SEND, flow);

	op->flags = ADIT_OPF_BUF;
	op->u.buf = buf;
	adit_op_done(h);
}

/* [loop] bytes of data() have been dealt with; as many more may come. */
ADIT_INLINE void adit_consume(adit_handler *h, adit_flow flow, uint64_t bytes)
{
	adit_op_simple(h, ADIT_OP_CONSUME, flow, 0, bytes);
}

/* [loop] Takes buf, what came last as data() or dgram() and was not consumed, back in front of what
 * follows: for a flow that has been looked at and is forwarded next. */
ADIT_INLINE void adit_unread(adit_handler *h, adit_flow flow, adit_buf *buf)
{
	adit_op *op = adit_op_next(h, ADIT_OP_UNREAD, flow);

	op->flags = ADIT_OPF_BUF;
	op->u.buf = buf;
	adit_op_done(h);
}

/* [loop] The host name that the flow goes to, 1 to 253 bytes, which must stay as it is until the callback
 * has returned; before adit_forward(). */
ADIT_INLINE void adit_name(adit_handler *h, adit_flow flow, const char *name)
{
	adit_op *op = adit_op_next(h, ADIT_OP_NAME, flow);

	op->u.name = name;
	adit_op_done(h);
}

/* [loop] The stack that ends the flow, by a name that adit.stacks/1 knows, which must stay as it is until the callback
 * has returned; before the verdict. */
ADIT_INLINE void adit_stack(adit_handler *h, adit_flow flow, const char *name)
{
	adit_op *op = adit_op_next(h, ADIT_OP_STACK, flow);

	op->u.name = name;
	adit_op_done(h);
}

/* [loop] Nothing more will be sent; data() may go on. */
ADIT_INLINE void adit_fin(adit_handler *h, adit_flow flow)
{
	adit_op_simple(h, ADIT_OP_FIN, flow, 0, 0);
}

/* [loop] Ends both directions in good order, after what was sent. closed() follows. */
ADIT_INLINE void adit_close(adit_handler *h, adit_flow flow)
{
	adit_op_simple(h, ADIT_OP_CLOSE, flow, 0, 0);
}

/* [loop] Ends both directions at once, with a reset. closed() follows. */
ADIT_INLINE void adit_abort(adit_handler *h, adit_flow flow)
{
	adit_op_simple(h, ADIT_OP_ABORT, flow, 0, 0);
}

/* [loop] Ends the flow after so many nanoseconds without a byte either way; 0: the host's
 * default. */
ADIT_INLINE void adit_idle(adit_handler *h, adit_flow flow, uint64_t ns)
{
	adit_op_simple(h, ADIT_OP_IDLE, flow, 0, ns);
}

/* ---- host ---- */

/* [any] A table of the host, such as ADIT_LOOP_1; null: not offered. Kept. */
ADIT_INLINE const void *adit_interface(const adit_handler *h, const char *id)
{
	return h->env->host->get(h->env->host, id);
}

/* [any] Says why the call under way fails, and returns code. */
ADIT_INLINE adit_result adit_fail(const adit_handler *h, adit_result code, const char *why)
{
	return h->env->host->fail(h->env->host, code, why, strlen(why));
}

/* [any] One line for the log. */
ADIT_INLINE void adit_log(const adit_handler *h, int32_t level, const char *line)
{
	if (level >= *h->env->host->log_level)
		h->env->host->log(h->env->host, level, line, strlen(line));
}

/* [any] Zeroed memory of the module, aligned for every type; null: none. */
ADIT_INLINE void *adit_alloc(const adit_handler *h, size_t size)
{
	return h->env->host->alloc(h->env->host, size, 0);
}

/* [any] Takes memory of adit_alloc(); null is fine. */
ADIT_INLINE void adit_release(const adit_handler *h, void *mem)
{
	h->env->host->release(h->env->host, mem);
}

/* [any] A setting of h->cfg, or other where it is not set. The text lives as long as the
 * configuration. */
ADIT_INLINE const char *adit_config_text(const adit_handler *h, const char *path, const char *other)
{
	const adit_config_1 *config = (const adit_config_1 *)adit_interface(h, ADIT_CONFIG_1);
	const char *text;

	return config && config->text(h->cfg, path, &text, 0) == 0 ? text : other;
}

ADIT_INLINE int64_t adit_config_integer(const adit_handler *h, const char *path, int64_t other)
{
	const adit_config_1 *config = (const adit_config_1 *)adit_interface(h, ADIT_CONFIG_1);
	int64_t number;

	return config && config->integer(h->cfg, path, &number) == 0 ? number : other;
}

ADIT_INLINE int32_t adit_config_truth(const adit_handler *h, const char *path, int32_t other)
{
	const adit_config_1 *config = (const adit_config_1 *)adit_interface(h, ADIT_CONFIG_1);
	int32_t truth;

	return config && config->truth(h->cfg, path, &truth) == 0 ? truth : other;
}

/* ---- what ADIT_HANDLER_MODULE puts into the tables; not to be called ---- */

ADIT_INLINE void adit_handler_event_data(adit_handler *h, const adit_event *ev)
{
	uint64_t size;

	if (h->calls->data) {
		h->calls->data(h, ev->flow, ev->user, ev->u.buf);
		return;
	}
	size = adit_buf_size(ev->u.buf);
	adit_put(h, ev->u.buf);
	adit_consume(h, ev->flow, size);
}

ADIT_INLINE void adit_handler_event(adit_handler *h, const adit_event *ev)
{
	const adit_callbacks *calls = h->calls;

	switch (ev->type) {
	case ADIT_EV_OPEN:
		calls->open(h, ev->flow, ev->u.info);
		break;
	case ADIT_EV_DATA:
		adit_handler_event_data(h, ev);
		break;
	case ADIT_EV_DGRAM:
		if (calls->dgram)
			calls->dgram(h, ev->flow, ev->user, ev->u.buf);
		else
			adit_put(h, ev->u.buf);
		break;
	case ADIT_EV_FIN:
		if (calls->fin)
			calls->fin(h, ev->flow, ev->user);
		else
			adit_fin(h, ev->flow);
		break;
	case ADIT_EV_CREDIT:
		if (calls->credit)
			calls->credit(h, ev->flow, ev->user, ev->u.num);
		break;
	case ADIT_EV_CLOSED:
		if (calls->closed)
			calls->closed(h, ev->flow, ev->user, ev->code);
		break;
	default: /* from a host that is newer than this header */
		if (ev->flags & ADIT_EVF_BUF)
			adit_put(h, ev->u.buf);
	}
}

ADIT_INLINE void ADIT_CALL adit_handler_events(void *inst, const adit_event *ev, uint32_t n)
{
	adit_handler *h = (adit_handler *)inst;
	uint32_t i;

	h->inside = 1;
	for (i = 0; i < n; i++)
		adit_handler_event(h, &ev[i]);
	h->inside = 0;
	adit_flush(h);
}

ADIT_INLINE adit_result adit_handler_new(const adit_callbacks *calls, const adit_env *env, void **inst)
{
	adit_handler *h = (adit_handler *)env->host->alloc(env->host, sizeof(*h), 0);

	if (!h)
		return ADIT_ENOMEM;
	h->env = env;
	h->cfg = env->cfg;
	h->calls = calls;
	*inst = h; /* from here on destroy follows */
	if (calls->own) {
		h->own = adit_alloc(h, calls->own);
		if (!h->own)
			return ADIT_ENOMEM;
	}
	return calls->create ? calls->create(h) : 0;
}

ADIT_INLINE adit_result ADIT_CALL adit_handler_start(void *inst)
{
	adit_handler *h = (adit_handler *)inst;

	return h->calls->start ? h->calls->start(h) : 0;
}

ADIT_INLINE adit_result ADIT_CALL adit_handler_reload(void *inst, const adit_cfg *cfg)
{
	adit_handler *h = (adit_handler *)inst;
	const adit_cfg *old = h->cfg;
	adit_result result;

	if (!h->calls->reload)
		return ADIT_ENOSYS;
	h->cfg = cfg;
	result = h->calls->reload(h);
	if (result < 0)
		h->cfg = old;
	return result;
}

ADIT_INLINE void ADIT_CALL adit_handler_stop(void *inst)
{
	adit_handler *h = (adit_handler *)inst;

	if (h->calls->stop)
		h->calls->stop(h);
}

ADIT_INLINE void ADIT_CALL adit_handler_destroy(void *inst)
{
	adit_handler *h = (adit_handler *)inst;
	const adit_host *host;

	if (!h)
		return;
	host = h->env->host;
	if (h->own || !h->calls->own) {
		if (h->calls->destroy)
			h->calls->destroy(h);
		host->release(host, h->own);
	}
	host->release(host, h);
}

/* Writes all that a module of one handler exports: the component `id` (as in module.json) with the
 * callbacks in `calls`, and adit_module_1. The descriptor, made by descriptor.sh, must have been
 * included before; name and version are taken from it. Stands once per module, at file scope,
 * without a semicolon. */
#define ADIT_HANDLER_MODULE(id, calls) \
	static adit_result ADIT_CALL adit_handler_create(void *ctx, const adit_env *env, void **inst) \
	{ \
		(void)ctx; \
		return adit_handler_new(&(calls), env, inst); \
	} \
	static const adit_life adit_handler_life = { \
	    sizeof(adit_life), 0, adit_handler_create, 0, adit_handler_start, adit_handler_reload, 0, \
	    adit_handler_stop, adit_handler_destroy}; \
	static const adit_handler_1 adit_handler_table = {sizeof(adit_handler_1), 0, &adit_handler_life, \
	                                                  adit_handler_events}; \
	static const adit_component adit_handler_component = {sizeof(adit_component), 0, id, ADIT_HANDLER_1, \
	                                                      &adit_handler_table}; \
	static const adit_component *const adit_handler_components[] = {&adit_handler_component, 0}; \
	const adit_module adit_module_1 = {sizeof(adit_module), \
	                                   ADIT_ABI_MAJOR, \
	                                   ADIT_ABI_MINOR, \
	                                   0, \
	                                   0, \
	                                   ADIT_MODULE_NAME, \
	                                   ADIT_MODULE_VERSION, \
	                                   adit_descriptor, \
	                                   adit_handler_components, \
	                                   0, \
	                                   0, \
	                                   0};

ADIT_END_DECLS

#endif
