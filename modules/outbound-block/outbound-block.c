/* SPDX-License-Identifier: MIT
 * outbound-block/outbound-block.c - a way out that leads nowhere
 *
 * Each flow is answered at once with CLOSED; nothing is kept.
 */
#include <adit/adit.h>

#include <string.h>

struct block {
	const adit_env *env;
	adit_result code; /* 0: silence */
};

static const struct {
	const char *name;
	adit_result code;
} kinds[] = {
	{"refused", ADIT_EREFUSED}, {"host", ADIT_EHOST}, {"net", ADIT_ENET}, {"admin", ADIT_EADMIN}, {"drop", ADIT_OK},
};

static void ADIT_CALL block_reach(void *inst, const adit_reach *req, uint32_t n)
{
	struct block *b = inst;
	adit_event ev = {.type = ADIT_EV_CLOSED, .code = b->code};

	for (; n; n--, req++) {
		ev.flow = req->flow;
		b->env->path->emit(b->env->path->end, &ev, 1);
	}
}

static void ADIT_CALL block_submit(void *inst, const adit_op *op, uint32_t n)
{
	struct block *b = inst;
	adit_buf *buf;

	for (; n; n--, op++) {
		if (op->flags & ADIT_OPF_BUF) {
			buf = op->u.buf;
			b->env->path->put(b->env->path->end, &buf, 1);
		}
	}
}

static adit_result read_kind(struct block *b, const adit_cfg *cfg)
{
	static const char why[] = "kind: none of refused, host, net, admin, drop";
	const adit_host *host = b->env->host;
	const adit_config_1 *config = host->get(host, ADIT_CONFIG_1);
	const char *kind = kinds[0].name;
	size_t i;

	if (config)
		config->text(cfg, "kind", &kind, NULL);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kinds[i].name, kind)) {
			b->code = kinds[i].code;
			return ADIT_OK;
		}
	}
	return host->fail(host, ADIT_ECONFIG, why, sizeof(why) - 1);
}

static adit_result ADIT_CALL block_create(void *ctx, const adit_env *env, void **inst)
{
	struct block *b = env->host->alloc(env->host, sizeof(*b), 0);

	if (!b)
		return ADIT_ENOMEM;
	b->env = env;
	*inst = b; /* from here on destroy follows */
	return read_kind(b, env->cfg);
}

static adit_result ADIT_CALL block_reload(void *inst, const adit_cfg *cfg)
{
	return read_kind(inst, cfg);
}

static void ADIT_CALL block_destroy(void *inst)
{
	struct block *b = inst;

	if (b)
		b->env->host->release(b->env->host, b);
}

static const adit_life life = {
	.size = sizeof(life),
	.create = block_create,
	.reload = block_reload,
	.destroy = block_destroy,
};
static const adit_outbound_1 table = {
	.size = sizeof(table),
	.flags = ADIT_OUTBOUND_TCP | ADIT_OUTBOUND_UDP | ADIT_OUTBOUND_ECHO,
	.life = &life,
	.reach = block_reach,
	.submit = block_submit,
};
static const adit_component block = {sizeof(block), 0, "block", ADIT_OUTBOUND_1, &table};
static const adit_component *const components[] = {&block, NULL};

const adit_module adit_module_1 = {
	.size = sizeof(adit_module_1),
	.abi_major = ADIT_ABI_MAJOR,
	.abi_minor = ADIT_ABI_MINOR,
	.name = ADIT_MODULE_NAME,
	.version = ADIT_MODULE_VERSION,
	.descriptor = adit_descriptor,
	.components = components,
};
