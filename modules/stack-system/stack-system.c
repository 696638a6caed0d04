/* SPDX-License-Identifier: MIT
 * stack-system/stack-system.c - the module: the host kernel ends TCP, this stack UDP and echo
 *
 * Life of an instance, and the few helpers that all files use. How packets find the kernel's
 * listener is the matter of the form (form.c).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

adit_result fail(const struct stack *st, adit_result code, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return st->host->fail(st->host, code, line, strlen(line));
}

adit_result from_errno(int number)
{
	switch (number) {
	case 0:
		return ADIT_OK;
	case ECONNRESET:
	case EPIPE:
		return ADIT_ERESET;
	case ETIMEDOUT:
		return ADIT_ETIME;
	case EHOSTUNREACH:
		return ADIT_EHOST;
	case ENETUNREACH:
		return ADIT_ENET;
	case ENOMEM:
	case ENOBUFS:
		return ADIT_ENOMEM;
	case EPERM:
	case EACCES:
		return ADIT_EPERM;
	case ENOSYS:
	case EOPNOTSUPP:
	case ENOPROTOOPT:
		return ADIT_ENOSYS;
	default:
		return ADIT_EIO;
	}
}

void emit_one(struct stack *st, uint16_t type, adit_flow flow, int32_t code, uint64_t num)
{
	adit_event ev = {.type = type, .code = code, .flow = flow};

	ev.u.num = num;
	st->path->emit(st->path->end, &ev, 1);
}

/* [control] */
static struct record *record_of(struct module *m, const char *name)
{
	struct record *r;
	size_t size = strlen(name) + 1;

	for (r = m->records; r; r = r->next)
		if (strcmp(r->name, name) == 0)
			return r;
	r = calloc(1, sizeof(*r) + size);
	if (!r)
		return NULL;
	memcpy(r->name, name, size);
	r->next = m->records;
	m->records = r;
	return r;
}

/* [control] Instance 0 begins a group; the others join it, in order. An older group of the name may
 * still be there, on its way out. */
static struct group *group_join(struct module *m, const char *name, uint32_t shard)
{
	struct group *g;

	for (g = m->groups; g && shard; g = g->next)
		if (strcmp(g->name, name) == 0)
			break;
	if (!shard) {
		g = calloc(1, sizeof(*g));
		if (!g)
			return NULL;
		g->name = name;
		g->record = record_of(m, name);
		if (!g->record) {
			free(g);
			return NULL;
		}
		g->second_fd = -1;
		g->next = m->groups;
		m->groups = g;
	}
	if (!g || g->opened != shard)
		return NULL;
	g->opened++;
	g->open++;
	return g;
}

static void group_leave(struct module *m, struct group *g)
{
	struct group **link = &m->groups;

	if (--g->open)
		return;
	while (*link != g)
		link = &(*link)->next;
	*link = g->next;
	free(g);
}

static adit_result ADIT_CALL module_init(const adit_host *host, void **ctx)
{
	struct module *m = calloc(1, sizeof(*m));

	if (!m)
		return ADIT_ENOMEM;
	*ctx = m;
	return ADIT_OK;
}

static void ADIT_CALL module_fini(void *ctx)
{
	struct module *m = ctx; /* its groups went with their last instances */

	while (m->records) {
		struct record *next = m->records->next;

		free(m->records);
		m->records = next;
	}
	free(m);
}

static adit_result ADIT_CALL stack_create(void *ctx, const adit_env *env, void **inst)
{
	struct stack *st = env->host->alloc(env->host, sizeof(*st), 0);
	int64_t window = WINDOW_DEFAULT;

	if (!st)
		return ADIT_ENOMEM;
	*inst = st; /* from here on destroy() copes with any stage */
	st->host = env->host;
	st->path = env->path;
	st->cfg = env->cfg;
	st->loop = env->loop;
	st->shard = env->shard;
	st->shards = env->shards;
	st->reserve = -1;
	st->inner = -1;
	st->listeners[0].fd = st->listeners[1].fd = -1;
	st->loops = st->host->get(st->host, ADIT_LOOP_1);
	st->config = st->host->get(st->host, ADIT_CONFIG_1);
	st->packets = st->host->get(st->host, ADIT_PACKET_1);
	if (!st->loops || !st->config)
		return fail(st, ADIT_ENOSYS,
		            "the host offers no " ADIT_LOOP_1 " or no " ADIT_CONFIG_1);
	st->config->integer(st->cfg, "window", &window);
	st->window = (uint64_t)window;
	if (ADIT_HAS(env, adit_env, flow_memory) && st->window > env->flow_memory)
		st->window = env->flow_memory;
	st->module = ctx;
	st->name = env->name;
	return slots_init(st, env->flows);
}

static adit_result ADIT_CALL stack_open(void *inst)
{
	struct stack *st = inst;
	adit_result result;

	st->places = st->host->get(st->host, ADIT_PLACE_1);
	if (!st->places)
		return fail(st, ADIT_ENOSYS,
		            "the platform module offers no " ADIT_PLACE_1
		            "; stack-system needs platform-linux");
	st->place = st->places->device();
	if (!st->place)
		return fail(st, ADIT_ENOSYS,
		            "the platform is not open yet: it must be opened before the stack");
	st->group = group_join(st->module, st->name, st->shard);
	if (!st->group)
		return fail(st, ADIT_EINVAL,
		            "instance %u of \"%s\" is opened out of order, or memory is short",
		            st->shard, st->name);
	if (st->shard < MEMBERS_MOST)
		st->group->members[st->shard] = st;
	result = form_open(st);
	if (result == ADIT_OK)
		probe_open(st);
	return result;
}

static adit_result ADIT_CALL stack_start(void *inst)
{
	struct stack *st = inst;
	adit_result result = streams_start(st);

	if (result == ADIT_OK)
		result = listen_start(st);
	if (result == ADIT_OK && st->inner >= 0)
		result = inner_start(st);
	if (result == ADIT_OK)
		probe_start(st);
	return result;
}

static void ADIT_CALL stack_stop(void *inst)
{
	struct stack *st = inst;
	uint32_t i;

	for (i = 0; i < st->slot_count; i++)
		if (st->slots[i].state != SLOT_FREE)
			slot_release(st, &st->slots[i]);
	st->stopped = 1;
	probe_close(st);
	listen_close(st);
	inner_close(st);
	if (st->sweep)
		st->loops->timer_free(st->sweep);
	st->sweep = NULL;
	say(st, ADIT_LOG_DEBUG,
	    "%llu connections accepted, %llu from unknown peers reset, %llu flows refused, %llu "
	    "packets lost, "
	    "%llu datagrams not buildable, %llu sends beyond the credit",
	    (unsigned long long)st->counts.accepted, (unsigned long long)st->counts.unknown,
	    (unsigned long long)st->counts.refused, (unsigned long long)st->counts.lost,
	    (unsigned long long)st->counts.unbuildable, (unsigned long long)st->counts.credit);
}

static void ADIT_CALL stack_destroy(void *inst)
{
	struct stack *st = inst;

	probe_close(st);
	listen_close(st);
	inner_close(st);
	if (st->group && st->shard == 0) {
		shortcut_undo(st->places, st->group);
		steer_undo(st, st->group);
	}
	if (st->group && st->shard < MEMBERS_MOST)
		__atomic_store_n(&st->group->members[st->shard], NULL, __ATOMIC_RELAXED);
	if (st->group)
		group_leave(st->module, st->group);
	if (st->inner_place)
		st->places->close(st->inner_place);
	slots_fini(st);
	st->host->release(st->host, st);
}

static const adit_life life = {
        .size = sizeof(adit_life),
        .create = stack_create,
        .open = stack_open,
        .start = stack_start,
        .stop = stack_stop,
        .destroy = stack_destroy,
};

static const adit_stack_1 table = {
        .size = sizeof(adit_stack_1),
        .flags = ADIT_STACK_TCP | ADIT_STACK_UDP | ADIT_STACK_ECHO | ADIT_STACK_SOCKETS |
                 ADIT_STACK_CLAIMS,
        .life = &life,
        .input = stack_input,
        .submit = stack_submit,
        .claims = stack_claims,
        .probe = probe_ask,
};

static const adit_component component = {sizeof(adit_component), 0, "system", ADIT_STACK_1, &table};
static const adit_component *const components[] = {&component, NULL};

const adit_module adit_module_1 = {
        .size = sizeof(adit_module),
        .abi_major = ADIT_ABI_MAJOR,
        .abi_minor = ADIT_ABI_MINOR,
        .name = "stack-system",
        .version = ADIT_MODULE_VERSION,
        .descriptor = adit_descriptor,
        .components = components,
        .init = module_init,
        .fini = module_fini,
};
