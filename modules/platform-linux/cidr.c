/* SPDX-License-Identifier: MIT
 * platform-linux/cidr.c - an address with the length of its prefix
 */
#include "cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

size_t cidr_size(const struct cidr *c)
{
	return c->addr.family == 4 ? 4 : 16;
}

int cidr_valid(const struct cidr *c)
{
	return (c->addr.family == 4 || c->addr.family == 6) && c->bits <= cidr_size(c) * 8;
}

/* Reads a decimal of one to three digits; -1 when it is none. */
static int decimal(const char *s)
{
	int n = 0;
	size_t i;

	for (i = 0; s[i]; i++) {
		if (i == 3 || s[i] < '0' || s[i] > '9')
			return -1;
		n = n * 10 + (s[i] - '0');
	}
	return i ? n : -1;
}

adit_result cidr_parse(const char *text, struct cidr *out)
{
	struct cidr c;
	char host[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int bits;

	memset(&c, 0, sizeof(c));
	if (!len || len >= sizeof(host))
		return ADIT_EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, c.addr.ip) == 1)
		c.addr.family = 4;
	else if (inet_pton(AF_INET6, host, c.addr.ip) == 1)
		c.addr.family = 6;
	else
		return ADIT_EINVAL;
	bits = slash ? decimal(slash + 1) : (int)cidr_size(&c) * 8;
	if (bits < 0 || bits > (int)cidr_size(&c) * 8)
		return ADIT_EINVAL;
	c.bits = (uint32_t)bits;
	*out = c;
	return 0;
}

void cidr_mask(struct cidr *c)
{
	size_t i;

	for (i = 0; i < cidr_size(c); i++) {
		uint32_t before = (uint32_t)i * 8;

		if (c->bits <= before)
			c->addr.ip[i] = 0;
		else if (c->bits < before + 8)
			c->addr.ip[i] &= (uint8_t)(0xff << (8 - (c->bits - before)));
	}
}

void cidr_text(const struct cidr *c, char *out, size_t room)
{
	char host[INET6_ADDRSTRLEN] = "?";

	inet_ntop(c->addr.family == 4 ? AF_INET : AF_INET6, c->addr.ip, host, sizeof(host));
	snprintf(out, room, "%s/%u", host, (unsigned)c->bits);
}
