/* SPDX-License-Identifier: MIT
 * handler-blocklist/handler-blocklist.c - refuses the destinations of a list, passes the rest
 *
 * Shows a handler with settings that can be reloaded: the new list is built beside the old one and
 * takes its place only when it is whole.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include <adit/callbacks.h>

/* Walked for every new flow, one after the other: more than this wants another data structure. */
enum { PREFIXES_MOST = 1024 };

struct prefix {
	uint8_t ip[16];
	uint8_t family; /* 4 or 6 */
	uint8_t bits;
};

struct list {
	uint32_t count;
	adit_result answer;       /* code of REJECT; 0: DROP */
	uint8_t ports[65536 / 8]; /* one bit each */
	struct prefix prefix[PREFIXES_MOST];
};

struct blocklist {
	struct list *list;
};

/* Reads "10.0.0.0/8" or "2001:db8::/32"; without a length one address is meant. */
static adit_result prefix_read(struct prefix *out, const char *text)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	long bits, most;
	char *end;

	if (size >= sizeof(address))
		return ADIT_EINVAL;
	memcpy(address, text, size);
	address[size] = '\0';
	out->family = strchr(address, ':') ? 6 : 4;
	if (inet_pton(out->family == 6 ? AF_INET6 : AF_INET, address, out->ip) != 1)
		return ADIT_EINVAL;
	most = out->family == 6 ? 128 : 32;
	bits = most;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return ADIT_EINVAL;
		bits = strtol(slash + 1, &end, 10);
		if (*end || bits > most)
			return ADIT_EINVAL;
	}
	out->bits = (uint8_t)bits;
	return 0;
}

static int prefix_holds(const struct prefix *p, const adit_addr *addr)
{
	uint32_t whole = p->bits / 8, rest = p->bits % 8;

	if (p->family != addr->family || memcmp(p->ip, addr->ip, whole))
		return 0;
	return !rest || !((p->ip[whole] ^ addr->ip[whole]) >> (8 - rest));
}

static int list_holds(const struct list *l, const adit_flow_info *info)
{
	uint16_t port = info->dst.port;
	uint32_t i;

	if ((info->proto == ADIT_PROTO_TCP || info->proto == ADIT_PROTO_UDP) &&
	    l->ports[port / 8] & 1 << port % 8)
		return 1;
	for (i = 0; i < l->count; i++)
		if (prefix_holds(&l->prefix[i], &info->dst))
			return 1;
	return 0;
}

static adit_result list_read_addresses(struct list *l, adit_handler *h, const adit_config_1 *config)
{
	const adit_cfg *item;
	const char *text;
	uint32_t i;

	for (i = 0; (item = config->item(h->cfg, "addresses", i)); i++) {
		if (i == PREFIXES_MOST)
			return adit_fail(h, ADIT_ELIMIT,
			                 "\"addresses\" has more than 1024 entries: join neighbours");
		if (config->text(item, "", &text, NULL) < 0 || prefix_read(&l->prefix[i], text) < 0)
			return adit_fail(h, ADIT_ECONFIG,
			                 "\"addresses\": write each as 10.0.0.0/8 or 2001:db8::/32");
		l->count = i + 1;
	}
	return 0;
}

static adit_result list_read_ports(struct list *l, adit_handler *h, const adit_config_1 *config)
{
	const adit_cfg *item;
	int64_t port;
	uint32_t i;

	for (i = 0; (item = config->item(h->cfg, "ports", i)); i++) {
		if (config->integer(item, "", &port) < 0 || port < 0 || port > 65535)
			return adit_fail(h, ADIT_ECONFIG,
			                 "\"ports\": write each as a number from 0 to 65535");
		l->ports[port / 8] |= (uint8_t)(1 << port % 8);
	}
	return 0;
}

static adit_result list_read(struct list *l, adit_handler *h)
{
	const adit_config_1 *config = adit_interface(h, ADIT_CONFIG_1);
	const char *answer = adit_config_text(h, "answer", "refused");
	adit_result result;

	if (!config)
		return adit_fail(h, ADIT_ENOSYS, "the host offers no adit.config/1");
	if (!strcmp(answer, "drop"))
		l->answer = 0;
	else
		l->answer = strcmp(answer, "prohibited") ? ADIT_EREFUSED : ADIT_EADMIN;
	result = list_read_addresses(l, h, config);
	return result < 0 ? result : list_read_ports(l, h, config);
}

/* Also reload: the list in use is replaced only by a whole one. */
static adit_result blocklist_load(adit_handler *h)
{
	struct blocklist *b = h->own;
	struct list *l = adit_alloc(h, sizeof(*l));
	adit_result result;

	if (!l)
		return ADIT_ENOMEM;
	result = list_read(l, h);
	if (result < 0) {
		adit_release(h, l);
		return result;
	}
	adit_release(h, b->list);
	b->list = l;
	return 0;
}

static void blocklist_destroy(adit_handler *h)
{
	struct blocklist *b = h->own;

	adit_release(h, b->list);
}

static void blocklist_open(adit_handler *h, adit_flow flow, const adit_flow_info *info)
{
	const struct blocklist *b = h->own;

	if (!list_holds(b->list, info))
		adit_pass(h, flow);
	else if (b->list->answer)
		adit_reject(h, flow, b->list->answer);
	else
		adit_drop(h, flow);
}

static const adit_callbacks blocklist_calls = {
	.own = sizeof(struct blocklist),
	.create = blocklist_load,
	.reload = blocklist_load,
	.destroy = blocklist_destroy,
	.open = blocklist_open,
};
ADIT_HANDLER_MODULE("blocklist", blocklist_calls)
