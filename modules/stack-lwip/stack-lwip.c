/* SPDX-License-Identifier: MIT
 * stack-lwip/stack-lwip.c - the module: lwIP ends TCP in this process, the stack itself UDP and echo
 *
 * Life of an instance. Nothing of the system is needed but the device: no kernel's TCP, no namespace, no right.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stack.h"

void say(const struct stack *st, int32_t level, const char *format, ...)
{
	char line[512];
	va_list args;

	if (level < *st->host->log_level)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	st->host->log(st->host, level, line, strlen(line));
}

static adit_result fail(const struct stack *st, adit_result code, const char *why)
{
	return st->host->fail(st->host, code, why, strlen(why));
}

/* The schema has defaults for all of them. */
static void read_settings(struct stack *st, const adit_cfg *cfg)
{
	int64_t window = 0, memory = 0;

	st->config->integer(cfg, "window", &window);
	st->config->integer(cfg, "memory", &memory);
	st->config->duration(cfg, "keepalive", &st->keepalive);
	st->window = (uint32_t)window;
	st->memory = (size_t)memory;
}

static adit_result ADIT_CALL stack_create(void *ctx, const adit_env *env, void **inst)
{
	struct stack *st = env->host->alloc(env->host, sizeof(*st), 0);

	if (!st)
		return ADIT_ENOMEM;
	*inst = st; /* from here on destroy() copes with any stage */
	st->host = env->host;
	st->path = env->path;
	st->loop = env->loop;
	list_init(&st->ticking);
	list_init(&st->acks);
	list_init(&st->keeps);
	list_init(&st->probes);
	list_init(&st->closing);
	st->loops = st->host->get(st->host, ADIT_LOOP_1);
	st->config = st->host->get(st->host, ADIT_CONFIG_1);
	st->packets = st->host->get(st->host, ADIT_PACKET_1);
	if (!st->loops || !st->config || !st->packets)
		return fail(st, ADIT_ENOSYS,
		            "the host offers no " ADIT_LOOP_1 ", no " ADIT_CONFIG_1 " or no " ADIT_PACKET_1);
	read_settings(st, env->cfg);
	st->slots = st->host->alloc(st->host, env->flows * sizeof(st->slots[0]), 0);
	if (!st->slots)
		return fail(st, ADIT_ENOMEM, "no memory for the table of flows: lower limits/flows of the manifest");
	st->slot_count = env->flows;
	if (port_open(st) != ADIT_OK)
		return fail(st, ADIT_EIO, "the system gives no random numbers (getrandom)");
	if (conn_listen(st) != ADIT_OK)
		return fail(st, ADIT_ENOMEM, "no memory for lwIP's listener");
	return ADIT_OK;
}

static adit_result ADIT_CALL stack_start(void *inst)
{
	return timer_open(inst);
}

static void ADIT_CALL stack_stop(void *inst)
{
	struct stack *st = inst;
	uint32_t i;

	port_stack = st;
	for (i = 0; i < st->slot_count; i++) {
		conn_free(st->slots[i].conn);
		st->slots[i] = (struct slot){.state = SLOT_FREE};
	}
	stack_flush(st);
	timer_close(st);
	say(st, ADIT_LOG_DEBUG,
	    "%llu connections, %llu flows refused, %llu packets lost, %llu segments without a buffer, %llu datagrams not "
	    "buildable, %llu sends beyond the credit, %llu ticks, %llu segments not believed, %llu challenges, %llu not for "
	    "the rate",
	    (unsigned long long)st->counts.opened, (unsigned long long)st->counts.refused,
	    (unsigned long long)st->counts.lost, (unsigned long long)st->counts.starved,
	    (unsigned long long)st->counts.unbuildable, (unsigned long long)st->counts.credit,
	    (unsigned long long)st->counts.ticks, (unsigned long long)st->counts.unbelieved,
	    (unsigned long long)st->counts.challenges, (unsigned long long)st->counts.unanswered);
}

static void ADIT_CALL stack_destroy(void *inst)
{
	struct stack *st = inst;

	timer_close(st);
	conn_unlisten(st);
	st->host->release(st->host, st->slots);
	if (port_stack == st)
		port_stack = NULL;
	st->host->release(st->host, st);
}

static const adit_life life = {
        .size = sizeof(adit_life),
        .create = stack_create,
        .start = stack_start,
        .stop = stack_stop,
        .destroy = stack_destroy,
};

static const adit_stack_1 table = {
        .size = sizeof(adit_stack_1),
        .flags = ADIT_STACK_TCP | ADIT_STACK_UDP | ADIT_STACK_ECHO,
        .life = &life,
        .input = stack_input,
        .submit = stack_submit,
};

static const adit_component component = {sizeof(adit_component), 0, "lwip", ADIT_STACK_1, &table};
static const adit_component *const components[] = {&component, NULL};

const adit_module adit_module_1 = {
        .size = sizeof(adit_module),
        .abi_major = ADIT_ABI_MAJOR,
        .abi_minor = ADIT_ABI_MINOR,
        .flags = ADIT_MODULE_PRIVATE,
        .name = "stack-lwip",
        .version = ADIT_MODULE_VERSION,
        .descriptor = adit_descriptor,
        .components = components,
};
