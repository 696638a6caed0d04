/* SPDX-License-Identifier: MIT
 * tests/lib/kitmod.c - modules for tests of the host: every kind, no device, refusing on request
 *
 * The handler answers each datagram with the tag of its settings, so that an answer tells which generation gave it. KITBASE
 * builds platform, stack, outbound and service; without it the handler.
 */
#include "kitmod.h"

#include <adit/adit.h>
#include <adit/packet.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct kitmod seen = {.version = ADIT_MODULE_VERSION};

struct inst {
	const adit_env *env;
	const adit_config_1 *config;
	const adit_cfg *cfg;
	char tag;
	int32_t outbound;
	const char *reload;
	adit_timer *timer;
	int claims;
};

/* Until the test says so; ten seconds at most. */
static void wait_here(void)
{
	unsigned n;

	atomic_fetch_add(&seen.waiting, 1);
	for (n = 0; n < 10000 && atomic_load(&seen.hold); n++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	atomic_fetch_sub(&seen.waiting, 1);
}

static const char *text(const struct inst *i, const adit_cfg *cfg, const char *path, const char *other)
{
	const char *t;

	return i->config->text(cfg, path, &t, NULL) == 0 ? t : other;
}

static adit_result fail(const adit_env *env, const char *why)
{
	return env->host->fail(env->host, ADIT_EIO, why, strlen(why));
}

static adit_result read_settings(struct inst *i, const adit_cfg *cfg)
{
	const adit_outbounds_1 *outbounds = i->env->host->get(i->env->host, ADIT_OUTBOUNDS_1);
	adit_result number = outbounds->find(i->env->host, text(i, cfg, "outbound", ""));

	if (number < 0)
		return fail(i->env, "no such outbound");
	i->outbound = number;
	i->tag = *text(i, cfg, "tag", "?");
	if (*seen.version == '2' && i->tag >= 'a') /* the newer file is known by capitals */
		i->tag = (char)(i->tag - 'a' + 'A');
	i->cfg = cfg;
	return 0;
}

static adit_result ADIT_CALL create(void *ctx, const adit_env *env, void **inst)
{
	struct inst *i = calloc(1, sizeof(*i));

	*inst = i;
	i->env = env;
	i->config = env->host->get(env->host, ADIT_CONFIG_1);
	atomic_fetch_add(&seen.created, 1);
	if (!strcmp(text(i, env->cfg, "fail", ""), "create"))
		return fail(env, "create was told to fail");
	return read_settings(i, env->cfg);
}

static adit_result ADIT_CALL open(void *inst)
{
	struct inst *i = inst;

	atomic_fetch_add(&seen.opened, 1);
	if (!strcmp(text(i, i->cfg, "claim", ""), "yes")) {
		unsigned nobody = 0;

		if (!atomic_compare_exchange_strong(&seen.claimed, &nobody, (unsigned)i->tag))
			return fail(i->env, "somebody else has claimed it");
		i->claims = 1;
	}
	return strcmp(text(i, i->cfg, "fail", ""), "open") ? 0 : fail(i->env, "open was told to fail");
}

static adit_result ADIT_CALL start(void *inst)
{
	struct inst *i = inst;

	atomic_fetch_add(&seen.started, 1);
	return strcmp(text(i, i->cfg, "fail", ""), "start") ? 0 : fail(i->env, "start was told to fail");
}

/* "refuse" on the last shard alone: the others have taken it by then. */
static adit_result ADIT_CALL reload(void *inst, const adit_cfg *cfg)
{
	struct inst *i = inst;
	const char *how = text(i, cfg, "reload", "");

	if (!strcmp(how, "never"))
		return ADIT_ENOSYS;
	if (!strcmp(how, "wait") && i->env->shard == i->env->shards - 1)
		wait_here();
	if (!strcmp(how, "refuse") && i->env->shard == i->env->shards - 1)
		return fail(i->env, "reload was told to refuse");
	atomic_fetch_add(&seen.reloaded, 1);
	return read_settings(i, cfg);
}

static void ADIT_CALL work(void *arg)
{
	wait_here();
	((struct inst *)arg)->tag = 'j';
}

static void ADIT_CALL job_over(void *arg)
{
	if (((struct inst *)arg)->tag == 'j')
		atomic_fetch_add(&seen.jobs, 1);
}

static void ADIT_CALL drain(void *inst, uint64_t deadline_ns)
{
	struct inst *i = inst;
	const adit_loop_1 *loop = i->env->host->get(i->env->host, ADIT_LOOP_1);

	atomic_fetch_add(&seen.drained, 1);
	if (!strcmp(text(i, i->cfg, "job", ""), "yes"))
		loop->pool(i->env->loop, work, job_over, i);
}

static void ADIT_CALL stop(void *inst)
{
	atomic_fetch_add(&seen.stopped, 1);
}

static void ADIT_CALL destroy(void *inst)
{
	struct inst *i = inst;

	atomic_fetch_add(&seen.destroyed, 1);
	if (i && i->claims)
		atomic_store(&seen.claimed, 0);
	free(i);
}

static const adit_life life = {sizeof(life), 0, create, open, start, reload, drain, stop, destroy};

#ifdef KITBASE

/* ---- platform ---- */

static void ADIT_CALL output(void *inst, adit_buf *const *pkt, uint32_t n)
{
	struct inst *i = inst;
	uint32_t k;

	for (k = 0; k < n; k++) {
		const uint8_t *p = pkt[k]->data;
		unsigned port = p[22] * 256u + p[23];

		atomic_fetch_add(&seen.outputs, 1);
		if (p[9] != ADIT_PROTO_UDP || pkt[k]->len < 29)
			continue;
		atomic_store(&seen.tag[port], p[28]);
		atomic_fetch_add(&seen.replies[port], 1);
	}
	i->env->path->put(i->env->path->end, pkt, n);
}

static const adit_platform_1 platform = {sizeof(platform), 0, &life, output, NULL};
static const adit_component platform_component = {sizeof(adit_component), 0, "platform", ADIT_PLATFORM_1, &platform};

/* ---- stack: UDP alone is really ended ---- */

static void ADIT_CALL input(void *inst, adit_buf *const *pkt, uint32_t n)
{
	struct inst *i = inst;
	adit_event ev = {.type = ADIT_EV_DGRAM, .flags = ADIT_EVF_BUF};
	uint32_t k;

	for (k = 0; k < n; k++) {
		ev.flow = pkt[k]->flow;
		ev.u.buf = pkt[k];
		pkt[k]->data += 28;
		pkt[k]->len -= 28;
		i->env->path->emit(i->env->path->end, &ev, 1);
	}
}

static void ADIT_CALL submit(void *inst, const adit_op *op, uint32_t n)
{
	struct inst *i = inst;
	const adit_packet_1 *packets = i->env->host->get(i->env->host, ADIT_PACKET_1);
	uint32_t k;

	for (k = 0; k < n; k++) {
		const adit_flow_info *info = i->env->path->info(i->env->path->end, op[k].flow);
		adit_buf *b = op[k].u.buf;

		if (op[k].type == ADIT_OP_SEND && info && packets->push(b, info) == 0)
			i->env->path->output(i->env->path->end, &b, 1);
		else if (op[k].flags & ADIT_OPF_BUF)
			i->env->path->put(i->env->path->end, &b, 1);
	}
}

static void ADIT_CALL probe_passes(void *arg)
{
	void **both = arg;
	adit_probed done = (adit_probed)(uintptr_t)both[0];

	done(both[1], both[2] ? ADIT_EIO : 0, both[2]);
	free(both);
}

static adit_result ADIT_CALL probe(void *inst, uint32_t flags, adit_probed done, void *arg)
{
	struct inst *i = inst;
	const adit_loop_1 *loops = i->env->host->get(i->env->host, ADIT_LOOP_1);
	const char *how = text(i, i->cfg, "probe", "pass");
	void **both;

	if (!strcmp(how, "host"))
		return ADIT_ENOSYS;
	both = calloc(3, sizeof(*both));
	both[0] = (void *)(uintptr_t)done;
	both[1] = arg;
	both[2] = strcmp(how, "fail") ? NULL : "probe was told to fail";
	return loops->defer(i->env->loop, probe_passes, both);
}

static const adit_stack_1 stack = {sizeof(stack), ADIT_STACK_TCP | ADIT_STACK_UDP | ADIT_STACK_ECHO, &life, input, submit,
                                   NULL, probe};
static const adit_component stack_component = {sizeof(adit_component), 0, "stack", ADIT_STACK_1, &stack};

/* ---- outbound: says that it was asked, and refuses ---- */

static void ADIT_CALL reach(void *inst, const adit_reach *req, uint32_t n)
{
	struct inst *i = inst;
	uint32_t k;

	atomic_fetch_add(&seen.reached[(unsigned char)i->tag % 128], n);
	for (k = 0; k < n; k++) {
		adit_event ev = {.type = ADIT_EV_CLOSED, .code = ADIT_EREFUSED, .flow = req[k].flow};

		i->env->path->emit(i->env->path->end, &ev, 1);
	}
}

static const adit_outbound_1 outbound = {sizeof(outbound), ADIT_OUTBOUND_TCP | ADIT_OUTBOUND_UDP, &life, reach, submit};
static const adit_component outbound_component = {sizeof(adit_component), 0, "outbound", ADIT_OUTBOUND_1, &outbound};

/* ---- service ---- */

static const adit_service_1 service = {sizeof(service), 0, &life};
static const adit_component service_component = {sizeof(adit_component), 0, "service", ADIT_SERVICE_1, &service};
static const adit_component *const components[] = {&platform_component, &stack_component, &outbound_component,
                                                   &service_component, NULL};

#else

/* ---- handler: ACCEPTs, PASSes (tag "-"), or FORWARDs (an outbound is named) ---- */

static void ADIT_CALL events(void *inst, const adit_event *ev, uint32_t n)
{
	struct inst *i = inst;
	uint32_t k;

	for (k = 0; k < n; k++) {
		adit_op op = {.flow = ev[k].flow};

		if (ev[k].type == ADIT_EV_OPEN) {
			op.type = i->tag == '-' ? ADIT_OP_PASS : i->outbound ? ADIT_OP_FORWARD : ADIT_OP_ACCEPT;
			op.code = i->outbound;
		} else if (ev[k].type == ADIT_EV_DGRAM) {
			ev[k].u.buf->data[0] = (uint8_t)i->tag;
			op.type = ADIT_OP_SEND;
			op.flags = ADIT_OPF_BUF;
			op.u.buf = ev[k].u.buf;
		} else {
			continue;
		}
		i->env->path->submit(i->env->path->end, &op, 1);
	}
}

static const adit_handler_1 handler = {sizeof(handler), 0, &life, events};
static const adit_component handler_component = {sizeof(adit_component), 0, "handler", ADIT_HANDLER_1, &handler};
static const adit_component *const components[] = {&handler_component, NULL};

#endif

static adit_result ADIT_CALL init(const adit_host *host, void **ctx)
{
	atomic_fetch_add(&seen.inits, 1);
	return 0;
}

static const void *ADIT_CALL get(void *ctx, const char *iface)
{
	return strcmp(iface, KITMOD_1) ? NULL : &seen;
}

const adit_module adit_module_1 = {
	.size = sizeof(adit_module),
	.abi_major = ADIT_ABI_MAJOR,
	.abi_minor = ADIT_ABI_MINOR,
	.name = ADIT_MODULE_NAME,
	.version = ADIT_MODULE_VERSION,
	.descriptor = adit_descriptor,
	.components = components,
	.init = init,
	.get = get,
};
