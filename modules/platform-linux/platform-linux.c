/* SPDX-License-Identifier: MIT
 * platform-linux/platform-linux.c - the Linux device and the places: what the module exports
 */
#include "addresses.h"
#include "doctor.h"
#include "exec.h"
#include "facts.h"
#include "owner.h"
#include "place.h"
#include "queue.h"

#include <adit/adit.h>
#include <stdlib.h>
#include <string.h>

/* The module's context: the device of the platform, while there is one. */
struct module {
	const adit_host *host;
	struct device *device;
};

static adit_result fail(const adit_host *host, adit_result result, const struct why *why)
{
	return result && why->text[0] ? host->fail(host, result, why->text, strlen(why->text))
	                              : result;
}

struct instance {
	struct module *module;
	struct queue *queue;
};

static void ADIT_CALL instance_destroy(void *inst)
{
	struct instance *i = inst;

	if (!i)
		return;
	if (i->queue) {
		if (device_unref(queue_device(i->queue)))
			i->module->device = NULL;
		queue_free(i->queue);
	}
	free(i);
}

/* The first instance's settings are those of all: they come from the same entry of the manifest. */
static adit_result join_device(struct module *m, const adit_env *env, struct why *why)
{
	if (!m->device)
		return device_new(env, &m->device, why);
	m->device->refs++;
	return 0;
}

static adit_result ADIT_CALL instance_create(void *ctx, const adit_env *env, void **inst)
{
	struct module *m = ctx;
	struct instance *i = calloc(1, sizeof(*i));
	struct why why = {""};
	adit_result result;

	if (!i)
		return ADIT_ENOMEM;
	i->module = m;
	result = join_device(m, env, &why);
	if (result) {
		free(i);
		return fail(env->host, result, &why);
	}
	result = queue_new(env, m->device, &i->queue, &why);
	if (!i->queue) {
		if (device_unref(m->device))
			m->device = NULL;
		free(i);
		return fail(env->host, result, &why);
	}
	*inst = i;
	return fail(env->host, result, &why);
}

static adit_result ADIT_CALL instance_open(void *inst)
{
	struct instance *i = inst;
	const adit_host *host = i->module->host;
	struct why why = {""};
	adit_result result = device_open(queue_device(i->queue), &why);

	if (!result && why.text[0])
		host->log(host, ADIT_LOG_WARN, why.text, strlen(why.text));
	return fail(host, result, &why);
}

static adit_result ADIT_CALL instance_start(void *inst)
{
	struct instance *i = inst;
	struct why why = {""};

	return fail(i->module->host, queue_start(i->queue, &why), &why);
}

static void ADIT_CALL instance_stop(void *inst)
{
	queue_stop(((struct instance *)inst)->queue);
}

static void ADIT_CALL instance_output(void *inst, adit_buf *const *pkt, uint32_t n)
{
	queue_output(((struct instance *)inst)->queue, pkt, n);
}

static adit_result ADIT_CALL instance_protect(void *inst, intptr_t sock, int32_t family)
{
	struct instance *i = inst;
	struct why why = {""};

	return fail(i->module->host, device_protect(queue_device(i->queue), (int)sock, &why), &why);
}

static adit_result ADIT_CALL module_init(const adit_host *host, void **ctx)
{
	struct module *m = calloc(1, sizeof(*m));

	if (!m)
		return ADIT_ENOMEM;
	m->host = host;
	place_set_host(host);
	*ctx = m;
	return 0;
}

static void ADIT_CALL module_fini(void *ctx)
{
	place_set_host(NULL);
	free(ctx);
}

static const void *ADIT_CALL module_get(void *ctx, const char *iface)
{
	static const struct {
		const char *name;
		const void *table;
	} offers[] = {
		{ADIT_PLACE_1, &place_table},
		{ADIT_EXEC_1, &exec_table},
		{ADIT_DOCTOR_1, &doctor_table},
		{ADIT_OWNER_1, &owner_table},
		{ADIT_ADDRESSES_1, &addresses_table},
		{ADIT_PLATFORM_FACTS_1, &facts_table},
	};
	size_t i;

	for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
		if (!strcmp(offers[i].name, iface))
			return offers[i].table;
	return NULL;
}

static const adit_life life = {
	sizeof(adit_life),
	0,
	instance_create,
	instance_open,
	instance_start,
	NULL,
	NULL,
	instance_stop,
	instance_destroy,
};
static const adit_platform_1 platform = {
	sizeof(adit_platform_1), 0, &life, instance_output, instance_protect,
};
static const adit_component component = {
	sizeof(adit_component), 0, "linux", ADIT_PLATFORM_1, &platform,
};
static const adit_component *const components[] = {&component, NULL};

const adit_module adit_module_1 = {
	sizeof(adit_module), ADIT_ABI_MAJOR,      ADIT_ABI_MINOR,  0,          0,
	"platform-linux",    ADIT_MODULE_VERSION, adit_descriptor, components, module_init,
	module_fini,         module_get,
};
