/* SPDX-License-Identifier: MIT
 * host/api.c - what modules are given: adit_host, and the interfaces behind its get()
 */
#include <adit/addresses.h>
#include <adit/adit.h>
#include <adit/doctor.h>
#include <adit/exec.h>
#include <adit/owner.h>
#include <adit/packet.h>
#include <adit/place.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial/forward.h"
#include "dial/server.h"
#include "host/metrics.h"
#include "host/parts.h"
#include "observe/log.h"
#include "packet/build.h"

static _Thread_local char failure[FAIL_TEXT];

static struct host_module *of(const adit_host *h)
{
	return h->priv;
}

static adit_result outbounds_find(const adit_host *h, const char *name)
{
	return !name || !*name ? 0 : outbound_number(of(h)->host, name);
}

static const adit_outbounds_1 outbounds_table = {sizeof(outbounds_table), 0, outbounds_find};

static adit_result stacks_find(const adit_host *h, const char *name)
{
	return name ? stack_there(of(h)->host, name) : ADIT_ENOENT;
}

static const adit_stacks_1 stacks_table = {sizeof(stacks_table), 0, stacks_find};

/* An echo datagram begins with its sequence number (adit/flow.h). */
static adit_result packet_push(adit_buf *b, const adit_flow_info *info)
{
	uint16_t seq;
	adit_result r;

	if (info->proto == ADIT_PROTO_UDP)
		return build_udp(b, info, BUILD_PARTIAL);
	if (b->len < 2)
		return ADIT_EINVAL;
	seq = (uint16_t)(b->data[0] * 256u + b->data[1]);
	b->data += 2;
	b->len -= 2;
	r = build_echo_reply(b, info, seq);
	if (r != ADIT_OK) {
		b->data -= 2;
		b->len += 2;
	}
	return r;
}

static const adit_packet_1 packet_table = {sizeof(packet_table), 0, packet_push};

static void trouble_gone(const adit_host *h, const char *what)
{
	struct host *host = of(h)->host;
	uint64_t one = 1;
	ssize_t n;

	pthread_mutex_lock(&host->lock);
	if (!host->trouble[0])
		strncpy(host->trouble, what && *what ? what : "something underneath is gone", sizeof(host->trouble) - 1);
	pthread_mutex_unlock(&host->lock);
	n = write(host->trouble_fd, &one, sizeof(one));
	(void)n; /* the counter is full: readable all the same */
}

static const adit_trouble_1 trouble_table = {sizeof(trouble_table), 0, trouble_gone};

static const struct {
	const char *iface;
	const void *table;
} tables[] = {
	{ADIT_CONFIG_1, &conf_config_1},       {ADIT_LOOP_1, &loop_table},       {ADIT_DIAL_1, &forward_dial_table},
	{ADIT_OUTBOUNDS_1, &outbounds_table}, {ADIT_PACKET_1, &packet_table}, {ADIT_TROUBLE_1, &trouble_table},
	{ADIT_COUNTERS_1, &metrics_counters_table}, {ADIT_OBSERVE_1, &metrics_observe_table},
	{ADIT_SERVER_1, &server_table}, {ADIT_STACKS_1, &stacks_table},
};

static const void *host_table(const char *iface)
{
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (!strcmp(tables[i].iface, iface))
			return tables[i].table;
	return NULL;
}

/* What a platform module may offer beside its device. */
static const char *const of_platforms[] = {ADIT_PLACE_1, ADIT_EXEC_1, ADIT_DOCTOR_1, ADIT_ADDRESSES_1, ADIT_OWNER_1};

bool host_offers(struct host *h, const char *iface)
{
	size_t i;

	if (host_table(iface))
		return true;
	if (h && h->platform)
		return host_platform_interface(h, iface) != NULL;
	/* No platform is loaded yet: which one it will be, the manifest says. */
	for (i = 0; i < sizeof(of_platforms) / sizeof(of_platforms[0]); i++)
		if (!strcmp(of_platforms[i], iface))
			return true;
	return false;
}

static const void *api_get(const adit_host *h, const char *iface)
{
	struct host *host = of(h)->host;
	const void *table = host_table(iface);

	if (table || host->platform == of(h))
		return table;
	return host_platform_interface(host, iface);
}

/* Memory of modules carries its module in front, so that what is left at the end can be named. */
struct block {
	struct host_module *owner;
	void *start;
	size_t size;
};

static void *api_alloc(const adit_host *h, size_t size, size_t align)
{
	struct block *b;
	uint8_t *start;
	uintptr_t at;

	if (align < 16)
		align = 16;
	if (align & (align - 1) || size > SIZE_MAX / 2 || align > 1 << 20)
		return NULL;
	start = calloc(1, size + align + sizeof(*b));
	if (!start)
		return NULL;
	at = ((uintptr_t)start + sizeof(*b) + align - 1) / align * align;
	b = (struct block *)at - 1;
	b->owner = of(h);
	b->start = start;
	b->size = size;
	__atomic_add_fetch(&b->owner->allocated, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&b->owner->allocated_bytes, size, __ATOMIC_RELAXED);
	return (void *)at;
}

static void api_release(const adit_host *h, void *mem)
{
	struct block *b;

	if (!mem)
		return;
	b = (struct block *)mem - 1;
	__atomic_sub_fetch(&b->owner->allocated, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&b->owner->allocated_bytes, b->size, __ATOMIC_RELAXED);
	free(b->start);
}

static void api_log(const adit_host *h, int32_t level, const char *msg, size_t len)
{
	log_line(module_name(of(h)->module), level, msg, len);
}

static adit_result api_fail(const adit_host *h, adit_result code, const char *why, size_t len)
{
	if (len >= sizeof(failure))
		len = sizeof(failure) - 1;
	memcpy(failure, why, len);
	failure[len] = 0;
	return code;
}

const char *api_take_failure(void)
{
	static _Thread_local char taken[FAIL_TEXT];

	memcpy(taken, failure, sizeof(taken));
	failure[0] = 0;
	return taken;
}

void api_fill(struct host_module *m)
{
	m->api = (adit_host){
		.size = sizeof(adit_host),
		.abi_major = ADIT_ABI_MAJOR,
		.abi_minor = ADIT_ABI_MINOR,
		.version = ADIT_VERSION,
		.priv = m,
		.log_level = &log_level,
		.get = api_get,
		.alloc = api_alloc,
		.release = api_release,
		.log = api_log,
		.fail = api_fail,
	};
}
