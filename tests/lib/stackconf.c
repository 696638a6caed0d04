/* SPDX-License-Identifier: MIT
 * tests/lib/stackconf.c - the adit_host and the settings of stackhost
 */
#include "stackconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stackecho.h"
#include "stackplace.h"

static int32_t log_level = ADIT_LOG_DEBUG;

static const char *setting(const adit_cfg *c, const char *path)
{
	const struct stackhost *h = (const struct stackhost *)c;
	const struct stackhost_setting *s;

	for (s = h->settings; s->key; s++)
		if (strcmp(s->key, path) == 0)
			return s->text;
	return NULL;
}

static adit_result ADIT_CALL cfg_text(const adit_cfg *c, const char *path, const char **out,
                                      size_t *len)
{
	const char *text = setting(c, path);

	if (!text)
		return ADIT_ENOENT;
	*out = text;
	if (len)
		*len = strlen(text);
	return 0;
}

static adit_result ADIT_CALL cfg_integer(const adit_cfg *c, const char *path, int64_t *out)
{
	const char *text = setting(c, path);

	if (!text)
		return ADIT_ENOENT;
	*out = strtoll(text, NULL, 10);
	return 0;
}

static adit_result ADIT_CALL cfg_truth(const adit_cfg *c, const char *path, int32_t *out)
{
	const char *text = setting(c, path);

	if (!text)
		return ADIT_ENOENT;
	*out = strcmp(text, "true") == 0;
	return 0;
}

static const adit_config_1 config_table = {
        .size = sizeof(config_table), .text = cfg_text, .integer = cfg_integer, .truth = cfg_truth};

static const void *ADIT_CALL host_get(const adit_host *h, const char *iface)
{
	if (strcmp(iface, ADIT_LOOP_1) == 0)
		return &loop_table;
	if (strcmp(iface, ADIT_CONFIG_1) == 0)
		return &config_table;
	if (strcmp(iface, ADIT_PLACE_1) == 0)
		return ((struct stackhost *)h->priv)->places;
	if (strcmp(iface, ADIT_PACKET_1) == 0)
		return &stackecho_packets;
	return NULL;
}

static void *ADIT_CALL host_alloc(const adit_host *h, size_t size, size_t align)
{
	return calloc(1, size);
}

static void ADIT_CALL host_release(const adit_host *h, void *mem)
{
	free(mem);
}

static void ADIT_CALL host_log(const adit_host *h, int32_t level, const char *msg, size_t len)
{
	struct stackhost *sh = h->priv;
	size_t at = strlen(sh->log);

	snprintf(sh->log + at, sizeof(sh->log) - at, "%.*s\n", (int)len, msg);
}

static adit_result ADIT_CALL host_fail(const adit_host *h, adit_result code, const char *why,
                                       size_t len)
{
	host_log(h, ADIT_LOG_ERROR, why, len);
	return code;
}

void stackconf_init(struct stackhost *h)
{
	h->host = (adit_host){.size = sizeof(h->host),
	                      .abi_major = 1,
	                      .version = "test",
	                      .priv = h,
	                      .log_level = &log_level,
	                      .get = host_get,
	                      .alloc = host_alloc,
	                      .release = host_release,
	                      .log = host_log,
	                      .fail = host_fail};
}
