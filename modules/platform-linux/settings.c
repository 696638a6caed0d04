/* SPDX-License-Identifier: MIT
 * platform-linux/settings.c - what the manifest says about the device
 */
#include "settings.h"

#include <adit/config.h>
#include <adit/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
	const adit_config_1 *table;
	const adit_cfg *cfg;
	struct why *why;
};

/* Copies a text if there is one. */
static adit_result text(const struct reader *r, const char *key, char *out, size_t room)
{
	const char *s;
	size_t len;

	if (r->table->text(r->cfg, key, &s, &len))
		return 0;
	if (len >= room || strlen(s) != len)
		return why_set(r->why, ADIT_ECONFIG, "\"%s\" is longer than %zu bytes", key,
		               room - 1);
	memcpy(out, s, len + 1);
	return 0;
}

static adit_result number(const struct reader *r, const char *key, int64_t least, int64_t most,
                          uint32_t *out)
{
	int64_t v;

	if (r->table->integer(r->cfg, key, &v))
		return 0;
	if (v < least || v > most)
		return why_set(r->why, ADIT_ECONFIG, "\"%s\": %lld is not in %lld..%lld", key,
		               (long long)v, (long long)least, (long long)most);
	*out = (uint32_t)v;
	return 0;
}

/* Reads a list of prefixes. *n is UINT32_MAX when there is no such key. */
static adit_result list(const struct reader *r, const char *key, struct cidr *out, uint32_t most,
                        uint32_t *n)
{
	const adit_cfg *item;
	const char *s;
	uint32_t i;

	*n = UINT32_MAX;
	if (r->table->json(r->cfg, key, &s, NULL))
		return 0;
	for (i = 0; (item = r->table->item(r->cfg, key, i)); i++) {
		if (i == most)
			return why_set(r->why, ADIT_ECONFIG, "\"%s\" has more than %u entries", key,
			               most);
		if (r->table->text(item, "", &s, NULL) || cidr_parse(s, &out[i]))
			return why_set(r->why, ADIT_ECONFIG,
			               "\"%s\", entry %u: write an address and a prefix length, "
			               "such as 198.18.0.1/16",
			               key, i + 1);
	}
	*n = i;
	return 0;
}

/* The number of the descriptor that a service manager passed under a name
 * (sd_listen_fds_with_names(3)). */
static adit_result named_fd(const char *name, int *out, struct why *why)
{
	const char *pid = getenv("LISTEN_PID"), *names = getenv("LISTEN_FDNAMES");
	size_t len = strlen(name);
	int fd = 3;

	if (pid && names && strtol(pid, NULL, 10) == (long)getpid()) {
		for (;; fd++) {
			size_t n = strcspn(names, ":");

			if (n == len && !memcmp(names, name, n)) {
				*out = fd;
				return 0;
			}
			if (!names[n])
				break;
			names += n + 1;
		}
	}
	return why_set(why, ADIT_ECONFIG,
	               "\"fd\": no descriptor named %s was passed in (LISTEN_FDNAMES); write "
	               "FileDescriptorName=%s in the socket "
	               "unit, or give the number",
	               name, name);
}

static adit_result read_fd(const struct reader *r, struct settings *s)
{
	char name[64] = "";
	uint32_t fd = UINT32_MAX;
	adit_result result = number(r, "fd", 0, 1 << 20, &fd);

	if (result)
		return result;
	if (fd != UINT32_MAX) {
		s->fd = (int)fd;
		return 0;
	}
	result = text(r, "fd", name, sizeof(name));
	if (result || !name[0])
		return result;
	return named_fd(name, &s->fd, r->why);
}

static void read_offloads(const struct reader *r, struct settings *s)
{
	static const struct {
		const char *key;
		uint32_t bit;
	} keys[] = {
		{"offloads/tso", TUN_TSO},
		{"offloads/uso", TUN_USO},
		{"offloads/checksum", TUN_CHECKSUM},
	};
	int32_t on;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!r->table->truth(r->cfg, keys[i].key, &on) && !on)
			s->wish.offloads &= ~keys[i].bit;
}

static adit_result read_prefixes(const struct reader *r, struct settings *s)
{
	adit_result result =
		list(r, "addresses", s->wish.addresses, TUN_ADDRESSES, &s->wish.n_addresses);

	if (result)
		return result;
	if (s->wish.n_addresses == UINT32_MAX) {
		cidr_parse("198.18.0.1/16", &s->wish.addresses[0]);
		cidr_parse("fd00:61:6469:74::1/64", &s->wish.addresses[1]);
		s->wish.n_addresses = 2;
	}
	result = list(r, "routes", s->wish.routes, TUN_ROUTES, &s->wish.n_routes);
	if (result || s->wish.n_routes != UINT32_MAX)
		return result;
	s->wish.n_routes = 0;
	/* Where we live nothing is diverted unasked. */
	if (strcmp(s->place, "here")) {
		cidr_parse("0.0.0.0/0", &s->wish.routes[0]);
		cidr_parse("::/0", &s->wish.routes[1]);
		s->wish.n_routes = 2;
	}
	return 0;
}

/* Who embeds adit knows them; without a word the system is asked (facts.c). */
static adit_result read_facts(const struct reader *r, adit_facts *f)
{
	int32_t all = 0;
	adit_result result = text(r, "facts/system", f->system, sizeof(f->system));

	f->size = sizeof(*f);
	r->table->truth(r->cfg, "facts/include_all_networks", &all);
	f->include_all_networks = all != 0;
	return result ? result : text(r, "facts/release", f->release, sizeof(f->release));
}

adit_result settings_read(struct settings *out, const adit_env *env, struct why *why)
{
	struct reader r = {env->host->get(env->host, ADIT_CONFIG_1), env->cfg, why};
	struct settings s = {.place = "here", .fd = -1};
	adit_result result;

	if (!r.table)
		return why_set(why, ADIT_ENOSYS, "the host does not offer " ADIT_CONFIG_1);
	strcpy(s.wish.name, "adit0");
	s.wish.mtu = 1500;
	s.wish.queues = env->shards < TUN_QUEUES ? env->shards : TUN_QUEUES;
	s.wish.offloads = TUN_OFFLOADS;
	result = text(&r, "name", s.wish.name, sizeof(s.wish.name));
	if (!result)
		result = text(&r, "namespace", s.place, sizeof(s.place));
	if (!result)
		result = text(&r, "bypass_device", s.bypass, sizeof(s.bypass));
	if (!result)
		result = number(&r, "mtu", TUN_LEAST_MTU, TUN_MOST_MTU, &s.wish.mtu);
	if (!result)
		/* A queue without a shard would be a hole for the flows that the kernel puts there.
		 */
		result = number(&r, "queues", 1, s.wish.queues, &s.wish.queues);
	if (!result)
		result = number(&r, "mark", 0, UINT32_MAX, &s.mark);
	if (!result)
		result = read_fd(&r, &s);
	if (!result)
		result = read_prefixes(&r, &s);
	if (!result)
		result = read_facts(&r, &s.facts);
	read_offloads(&r, &s);
	if (!result && s.fd < 0)
		result = tun_check(&s.wish, why);
	if (!result)
		*out = s;
	return result == ADIT_EINVAL ? ADIT_ECONFIG : result;
}
