/* SPDX-License-Identifier: MIT
 * outbound-socks5/settings.c - what the manifest says, read once
 *
 * The host has checked it against the schema in module.json.
 */
#include <string.h>

#include "socks5.h"

static adit_result fail(const struct socks *o, const char *why)
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

static void read_servers(struct socks *o, const adit_config_1 *config, const adit_cfg *cfg)
{
	const adit_cfg *item;

	if (config->text(cfg, "server", &o->servers[0].where, NULL) == 0) {
		o->server_count = 1;
		return;
	}
	while (o->server_count < SERVERS_MOST && (item = config->item(cfg, "server", o->server_count)) &&
	       config->text(item, "", &o->servers[o->server_count].where, NULL) == 0)
		o->server_count++;
}

adit_result settings_read(struct socks *o, const adit_cfg *cfg)
{
	const adit_config_1 *config = o->env->host->get(o->env->host, ADIT_CONFIG_1);
	const char *pipeline;
	int64_t number = 0;

	if (!config)
		return fail(o, "the host offers no adit.config/1");
	memset(o->servers, 0, sizeof(o->servers)); /* another proxy may stand there: what was found out is forgotten */
	o->server_count = 0;
	read_servers(o, config, cfg);
	if (!o->server_count)
		return fail(o, "server: no proxy is named; write \"server\": \"host:port\"");
	o->username = text(config, cfg, "username");
	o->password = text(config, cfg, "password");
	o->login = *o->username != '\0';
	if (*o->password && !o->login)
		return fail(o, "password: it is given without a username; the login of SOCKS5 needs one (RFC 1929)");
	if (strlen(o->username) > 255 || strlen(o->password) > 255)
		return fail(o, "username and password: the login of SOCKS5 has room for 255 bytes each (RFC 1929)");
	o->remote_names = strcmp(text(config, cfg, "names"), "address") != 0;
	o->udp = strcmp(text(config, cfg, "udp"), "block") != 0;
	pipeline = text(config, cfg, "pipeline");
	o->pipeline = !strcmp(pipeline, "on") ? PIPELINE_ON : !strcmp(pipeline, "off") ? PIPELINE_OFF : PIPELINE_AUTO;
	o->associations_most = config->integer(cfg, "associations", &number) == 0 ? (uint32_t)number : ASSOCIATIONS;
	if (config->duration(cfg, "timeout", &o->timeout) < 0 || !o->timeout)
		o->timeout = 10 * 1000000000ull;
	return ADIT_OK;
}
