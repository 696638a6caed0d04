/* SPDX-License-Identifier: MIT
 * tests/unit/sdk_host.c - a small host that drives one module by its tables
 */
#include "sdk_host.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOST_OF(path_end) ((struct host *)(path_end))

static struct host *current; /* the tables without an argument of their own need it */

static void misuse(struct host *h, const char *what, adit_flow flow)
{
	fprintf(stderr, "module misuse: %s, flow %llx\n", what, (unsigned long long)flow);
	h->misuses++;
}

/* ---- adit_host ---- */

static void *ADIT_CALL host_alloc(const adit_host *ah, size_t size, size_t align)
{
	struct host *h = ah->priv;
	void *mem;

	if (h->fail_after == 0) {
		h->fail_after = UINT32_MAX;
		return NULL;
	}
	if (h->fail_after != UINT32_MAX)
		h->fail_after--;
	mem = calloc(1, size ? size : 1);
	assert_non_null(mem);
	h->allocations++;
	return mem;
}

static void ADIT_CALL host_release(const adit_host *ah, void *mem)
{
	struct host *h = ah->priv;

	if (mem)
		h->allocations--;
	free(mem);
}

static void ADIT_CALL host_log(const adit_host *ah, int32_t level, const char *msg, size_t len)
{
	fprintf(stderr, "log %d: %.*s\n", (int)level, (int)len, msg);
}

static adit_result ADIT_CALL host_fail(const adit_host *ah, adit_result code, const char *why,
                                       size_t len)
{
	struct host *h = ah->priv;

	snprintf(h->why, sizeof(h->why), "%.*s", (int)len, why);
	return code;
}

/* ---- adit.config/1 ---- */

static const adit_cfg *cfg_find(const adit_cfg *c, const char *path)
{
	uint32_t i;

	if (!c || !*path)
		return c;
	for (i = 0; i < c->count; i++)
		if (c->items[i].key && !strcmp(c->items[i].key, path))
			return &c->items[i];
	return NULL;
}

static adit_result ADIT_CALL cfg_text(const adit_cfg *c, const char *path, const char **out,
                                      size_t *len)
{
	c = cfg_find(c, path);
	if (!c)
		return ADIT_ENOENT;
	if (!c->text)
		return ADIT_EINVAL;
	*out = c->text;
	if (len)
		*len = strlen(c->text);
	return 0;
}

static adit_result ADIT_CALL cfg_integer(const adit_cfg *c, const char *path, int64_t *out)
{
	c = cfg_find(c, path);
	if (!c)
		return ADIT_ENOENT;
	if (c->text || c->items)
		return ADIT_EINVAL;
	*out = c->integer;
	return 0;
}

static adit_result ADIT_CALL cfg_truth(const adit_cfg *c, const char *path, int32_t *out)
{
	int64_t number;
	adit_result result = cfg_integer(c, path, &number);

	if (!result)
		*out = number != 0;
	return result;
}

static const adit_cfg *ADIT_CALL cfg_item(const adit_cfg *c, const char *path, uint32_t index)
{
	c = cfg_find(c, path);
	return c && index < c->count ? &c->items[index] : NULL;
}

static const adit_config_1 config_table = {
	.size = sizeof(config_table),
	.text = cfg_text,
	.integer = cfg_integer,
	.truth = cfg_truth,
	.item = cfg_item,
};

/* ---- adit.outbounds/1 and adit.dial/1 ---- */

static adit_result ADIT_CALL outbounds_find(const adit_host *ah, const char *name)
{
	if (!name || !*name)
		return 0;
	return !strcmp(name, "plain") ? 3 : ADIT_ENOENT;
}

static const adit_outbounds_1 outbounds_table = {sizeof(outbounds_table), 0, outbounds_find};

static adit_result ADIT_CALL dial_connect(adit_loop *l, const adit_addr *dst, uint64_t deadline_ns,
                                          adit_dialed done,
                                          void *arg, adit_dialing **out)
{
	struct host *h = current;
	struct adit_dialing *d;

	if (h->dial_result < 0)
		return h->dial_result;
	assert_true(h->dialed < HOST_DIALS);
	d = &h->dials[h->dialed++];
	d->done = done;
	d->arg = arg;
	d->dst = *dst;
	*out = d;
	return 0;
}

static void ADIT_CALL dial_cancel(adit_dialing *d)
{
	if (!d || !d->done)
		misuse(current, "cancel of an attempt that is over", 0);
	else
		d->done = NULL;
	current->cancelled++;
}

static adit_result ADIT_CALL dial_carry(const adit_path *path, adit_flow flow, const adit_addr *dst)
{
	if (current->dial_result == 0)
		current->carried++;
	return current->dial_result;
}

static const adit_dial_1 dial_table = {sizeof(dial_table), 0, dial_connect, dial_cancel,
                                       dial_carry};

static const void *ADIT_CALL host_get(const adit_host *ah, const char *iface)
{
	const struct host *h = ah->priv;

	if (!strcmp(iface, ADIT_CONFIG_1))
		return &config_table;
	if (!strcmp(iface, ADIT_OUTBOUNDS_1))
		return &outbounds_table;
	if (!strcmp(iface, ADIT_DIAL_1) && !h->no_dial)
		return &dial_table;
	return NULL;
}

/* ---- adit_path ---- */

static adit_buf *buf_new(struct host *h, uint32_t room)
{
	adit_buf *b = calloc(1, sizeof(*b) + ADIT_BUF_HEADROOM + room);

	assert_non_null(b);
	b->head = (uint8_t *)(b + 1);
	b->data = b->head + ADIT_BUF_HEADROOM;
	b->end = b->data + room;
	h->buffers++;
	return b;
}

static void ADIT_CALL path_put(void *end, adit_buf *const *v, uint32_t n)
{
	adit_buf *b, *next;

	for (; n; n--, v++) {
		for (b = *v; b; b = next) {
			next = b->next;
			HOST_OF(end)->buffers--;
			free(b);
		}
	}
}

static uint32_t ADIT_CALL path_get(void *end, adit_buf **v, uint32_t n, uint32_t room)
{
	struct host *h = end;
	uint32_t i;

	for (i = 0; i < n && h->get_limit; i++, h->get_limit--)
		v[i] = buf_new(h, room);
	return i;
}

static void flow_send(struct host *h, struct host_flow *f, const adit_buf *b)
{
	f->sends++;
	for (; b; b = b->next) {
		if (f->info.proto == ADIT_PROTO_TCP && b->len > f->credit) {
			misuse(h, "a send beyond the credit", f->handle);
			return;
		}
		if (f->info.proto == ADIT_PROTO_TCP)
			f->credit -= b->len;
		assert_true(f->sent + b->len <= HOST_OUT);
		memcpy(f->out + f->sent, b->data, b->len);
		f->sent += b->len;
	}
}

static void flow_operate(struct host *h, struct host_flow *f, const adit_op *op)
{
	bool ended = f->fins || f->closes || f->aborts;

	switch (op->type) {
	case ADIT_OP_SEND:
		if (f->verdict.type != ADIT_OP_ACCEPT || ended)
			misuse(h, "a send before ACCEPT or after the end", op->flow);
		flow_send(h, f, op->u.buf);
		break;
	case ADIT_OP_CONSUME:
		f->consumed += op->u.num;
		break;
	case ADIT_OP_FIN:
		if (ended)
			misuse(h, "a second end", op->flow);
		f->fins++;
		break;
	case ADIT_OP_CLOSE:
		f->closes++;
		break;
	case ADIT_OP_ABORT:
		f->aborts++;
		break;
	case ADIT_OP_ACCEPT:
	case ADIT_OP_PASS:
	case ADIT_OP_REJECT:
	case ADIT_OP_DROP:
	case ADIT_OP_FORWARD:
		if (f->verdicts++)
			misuse(h, "a second verdict", op->flow);
		f->verdict = *op;
		f->user = op->type == ADIT_OP_ACCEPT ? op->u.num : 0;
		break;
	default:
		misuse(h, "an operation that a handler does not have", op->flow);
	}
}

static void ADIT_CALL path_submit(void *end, const adit_op *op, uint32_t n)
{
	struct host *h = end;
	struct host_flow *f;
	adit_buf *buf;

	h->batches++;
	for (; n; n--, op++) {
		f = &h->flows[ADIT_FLOW_SLOT(op->flow) % HOST_FLOWS];
		if (f->handle != op->flow)
			h->stale++;
		else
			flow_operate(h, f, op);
		if (op->flags & ADIT_OPF_BUF) {
			buf = op->u.buf;
			path_put(h, &buf, 1);
		}
	}
}

static void ADIT_CALL path_emit(void *end, const adit_event *ev, uint32_t n)
{
	struct host *h = end;

	for (; n; n--, ev++) {
		assert_true(h->emitted < HOST_EVENTS);
		h->events[h->emitted++] = *ev;
	}
}

/* ---- the test's side ---- */

struct host *host_new(const char *module)
{
	struct host *h = calloc(1, sizeof(*h));
	char file[512];
	void *image;

	assert_non_null(h);
	snprintf(file, sizeof(file), "lib/adit/modules/abi-1/%s.so", module);
	image = dlopen(file, RTLD_NOW | RTLD_LOCAL); /* never closed: modules stay */
	if (!image)
		fail_msg("%s: %s (run from the build folder)", file, dlerror());
	h->module = dlsym(image, "adit_module_1");
	assert_non_null(h->module);
	assert_string_equal(h->module->name, module);
	h->table = h->module->components[0]->table;
	h->life = ((const adit_service_1 *)h->table)->life; /* every kind begins like a service */
	h->fail_after = UINT32_MAX;
	h->get_limit = UINT32_MAX;
	h->log_level = ADIT_LOG_INFO;
	h->host = (adit_host){sizeof(h->host), ADIT_ABI_MAJOR, ADIT_ABI_MINOR, "test", h,
	                      &h->log_level, host_get,
	                      host_alloc, host_release, host_log, host_fail};
	h->path = (adit_path){.size = sizeof(h->path), .end = h, .get = path_get, .put = path_put};
	if (!strcmp(h->module->components[0]->iface, ADIT_HANDLER_1))
		h->path.submit = path_submit;
	else
		h->path.emit = path_emit;
	current = h;
	return h;
}

void host_free(struct host *h)
{
	free(h);
}

adit_result host_begin(struct host *h, const adit_cfg *cfg)
{
	adit_result result;

	h->cfg = cfg;
	h->env = (adit_env){.size = sizeof(h->env), .shards = 1, .flows = HOST_FLOWS,
	                    .name = "test", .host = &h->host,
	                    .cfg = cfg, .path = &h->path};
	h->inst = NULL;
	result = h->life->create(NULL, &h->env, &h->inst);
	if (result >= 0 && h->life->start)
		result = h->life->start(h->inst);
	if (result < 0 && h->inst) {
		h->life->destroy(h->inst);
		h->inst = NULL;
	}
	return result;
}

void host_end(struct host *h)
{
	if (h->inst) {
		if (h->life->stop)
			h->life->stop(h->inst);
		h->life->destroy(h->inst);
	}
	h->inst = NULL;
	memset(h->flows, 0, sizeof(h->flows));
	assert_int_equal(h->allocations, 0);
	assert_int_equal(h->buffers, 0);
	assert_int_equal(h->misuses, 0);
}

uint32_t host_torture(struct host *h, const adit_cfg *cfg)
{
	uint32_t n;

	for (n = 0;; n++) {
		h->fail_after = n;
		if (host_begin(h, cfg) == 0) {
			assert_int_equal(h->fail_after, 0); /* it was never reached */
			h->fail_after = UINT32_MAX;
			host_end(h);
			return n;
		}
		assert_null(h->inst);
		assert_int_equal(h->allocations, 0);
	}
}

adit_buf *host_buf(struct host *h, const void *data, uint32_t size, uint32_t parts)
{
	adit_buf *first = NULL, **link = &first;
	const uint8_t *from = data;
	uint32_t piece;

	for (; parts; parts--) {
		piece = size / parts;
		*link = buf_new(h, piece);
		memcpy((*link)->data, from, piece);
		(*link)->len = piece;
		from += piece;
		size -= piece;
		link = &(*link)->next;
	}
	return first;
}

adit_flow host_handle(uint32_t slot, uint32_t generation)
{
	return (adit_flow)generation << 32 | slot;
}

static void host_send_event(struct host *h, const adit_event *ev, uint32_t n)
{
	((const adit_handler_1 *)h->table)->events(h->inst, ev, n);
}

struct host_flow *host_open(struct host *h, uint32_t slot, uint8_t proto, const char *dst,
                            uint16_t port)
{
	struct host_flow *f = &h->flows[slot];
	adit_event ev = {.type = ADIT_EV_OPEN};

	memset(f, 0, sizeof(*f));
	f->handle = host_handle(slot, 7);
	f->info.size = sizeof(f->info);
	f->info.proto = proto;
	f->info.dst.port = port;
	f->info.dst.family = strchr(dst, ':') ? 6 : 4;
	assert_int_equal(inet_pton(f->info.dst.family == 6 ? AF_INET6 : AF_INET, dst,
	                           f->info.dst.ip), 1);
	f->info.src = f->info.dst;
	ev.flow = f->handle;
	ev.u.info = &f->info;
	host_send_event(h, &ev, 1);
	return f;
}

void host_event(struct host *h, uint32_t slot, uint16_t type, uint64_t num, adit_buf *buf)
{
	const struct host_flow *f = &h->flows[slot];
	adit_event ev = {.type = type, .flow = f->handle, .user = f->user, .u.num = num};

	if (buf) {
		ev.flags = ADIT_EVF_BUF;
		ev.u.buf = buf;
	}
	host_send_event(h, &ev, 1);
}

void host_data(struct host *h, uint32_t slot, const void *data, uint32_t size, uint32_t parts)
{
	host_event(h, slot, ADIT_EV_DATA, 0, host_buf(h, data, size, parts));
}

void host_credit(struct host *h, uint32_t slot, uint64_t bytes)
{
	h->flows[slot].credit += bytes;
	host_event(h, slot, ADIT_EV_CREDIT, bytes, NULL);
}

void host_closed(struct host *h, uint32_t slot, adit_result code)
{
	struct host_flow *f = &h->flows[slot];
	adit_event ev = {.type = ADIT_EV_CLOSED, .code = code, .flow = f->handle, .user = f->user};

	f->handle = 0; /* stale from now on */
	host_send_event(h, &ev, 1);
}
