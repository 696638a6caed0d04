/* SPDX-License-Identifier: MIT
 * outbound-http/settings.c - what the manifest says, read once
 *
 * The host has checked it against the schema in module.json.
 */
#include <string.h>

#include "http.h"

static adit_result fail(const struct http *o, const char *why)
{
	const adit_host *host = o->env->host;

	return host->fail(host, ADIT_ECONFIG, why, strlen(why));
}

static const char *text(const adit_config_1 *config, const adit_cfg *cfg, const char *path)
{
	const char *out = "";

	config->text(cfg, path, &out, NULL);
	return out;
}

/* The host of "host:port" or "[v6]:port". */
static int read_host(struct server *s)
{
	const char *from = s->where, *end = strrchr(from, ':');

	if (end && *from == '[') {
		from++;
		end--;
	}
	if (!end || end <= from || end - from >= HOST_MOST)
		return -1;
	memcpy(s->host, from, (size_t)(end - from));
	return 0;
}

static adit_result read_servers(struct http *o, const adit_config_1 *config, const adit_cfg *cfg)
{
	const adit_cfg *item;
	uint32_t i;

	if (config->text(cfg, "server", &o->servers[0].where, NULL) == 0)
		o->server_count = 1;
	else
		while (o->server_count < SERVERS_MOST && (item = config->item(cfg, "server", o->server_count)) &&
		       config->text(item, "", &o->servers[o->server_count].where, NULL) == 0)
			o->server_count++;
	for (i = 0; i < o->server_count; i++)
		if (read_host(&o->servers[i]) != 0)
			return fail(o, "server: write host:port, and an IPv6 address in brackets");
	return o->server_count ? ADIT_OK : fail(o, "server: no proxy is named; write \"server\": \"host:port\"");
}

adit_result settings_read(struct http *o, const adit_cfg *cfg)
{
	const adit_config_1 *config = o->env->host->get(o->env->host, ADIT_CONFIG_1);
	int32_t truth = 0;

	if (!config)
		return fail(o, "the host offers no adit.config/1");
	memset(o->servers, 0, sizeof(o->servers)); /* another proxy may stand there */
	o->server_count = 0;
	o->username = text(config, cfg, "username");
	o->password = text(config, cfg, "password");
	if (*o->password && !*o->username)
		return fail(o, "password: it is given without a username");
	if (strchr(o->username, ':'))
		return fail(o, "username: basic authentication has no way to write a colon in it (RFC 7617)");
	o->remote_names = strcmp(text(config, cfg, "names"), "address") != 0;
	config->truth(cfg, "tls", &truth);
	o->tls = truth;
	o->tls_ca = text(config, cfg, "tls_ca");
	o->tls_name = text(config, cfg, "tls_name");
	if (config->duration(cfg, "timeout", &o->timeout) < 0 || !o->timeout)
		o->timeout = 10 * 1000000000ull;
	return read_servers(o, config, cfg);
}
