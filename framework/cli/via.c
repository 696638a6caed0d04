/* SPDX-License-Identifier: MIT
 * cli/via.c - a way out as one word of the command line
 */
#include "cli/via.h"

#include <adit/abi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct scheme {
	const char *name;   /* with ://, or the whole word */
	const char *module;
	bool tls;
	unsigned port; /* when the word names none; 0: there is no server */
} schemes[] = {
	{"socks5://", "outbound-socks5", false, 1080}, {"socks5h://", "outbound-socks5", false, 1080},
	{"http://", "outbound-http", false, 8080},     {"https://", "outbound-http", true, 443},
	{"direct", "outbound-direct", false, 0},       {"block", "outbound-block", false, 0},
};

static int wrong(struct via *v, char *why, size_t room, const char *text)
{
	explicit_bzero(v, sizeof(*v));
	snprintf(why, room, "%s", text);
	return ADIT_EINVAL;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoding of [s, end); false: a broken escape, a zero byte, or too long. */
static bool decode(const char *s, const char *end, char *out, size_t room)
{
	size_t n = 0;
	int c;

	while (s < end) {
		c = (unsigned char)*s++;
		if (c == '%') {
			if (end - s < 2 || digit(s[0]) < 0 || digit(s[1]) < 0)
				return false;
			c = digit(s[0]) * 16 + digit(s[1]);
			s += 2;
		}
		if (!c || n + 1 >= room)
			return false;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return true;
}

/* user, or user:password. */
static bool credentials(struct via *v, const char *s, const char *end)
{
	const char *colon = memchr(s, ':', (size_t)(end - s));

	v->has_password = colon != NULL;
	return decode(s, colon ? colon : end, v->user, sizeof(v->user)) && *v->user &&
	       (!colon || decode(colon + 1, end, v->password, sizeof(v->password)));
}

/* What may stand in a host name or an address. */
static bool host_bytes(const char *s, size_t n, bool brackets)
{
	size_t i;

	for (i = 0; i < n; i++) {
		bool word = digit(s[i]) >= 0 || s[i] == '.' || (brackets ? s[i] == ':' : false);

		word |= !brackets && ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '-' || s[i] == '_');
		if (!word)
			return false;
	}
	return n > 0 && n < VIA_NAME;
}

/* host, host:port, [address], [address]:port. */
static const char *server(struct via *v, const char *s, unsigned port)
{
	bool brackets = *s == '[';
	const char *end = brackets ? strchr(++s, ']') : s + strcspn(s, ":");
	unsigned long n;
	char *rest;

	if (!end || !host_bytes(s, (size_t)(end - s), brackets))
		return "there is no host name or address in it that could be one";
	memcpy(v->host, s, (size_t)(end - s));
	v->host[end - s] = 0;
	end += brackets;
	if (*end == ':') {
		n = strtoul(end + 1, &rest, 10);
		if (digit(end[1]) < 0 || digit(end[1]) > 9 || *rest || n < 1 || n > 65535)
			return "behind the host stands no port from 1 to 65535";
		port = (unsigned)n;
	} else if (*end) {
		return "an IPv6 address stands in brackets: socks5://[::1]:1080";
	}
	snprintf(v->server, sizeof(v->server), brackets ? "[%s]:%u" : "%s:%u", v->host, port);
	return NULL;
}

int via_parse(struct via *v, const char *word, char *why, size_t room)
{
	const struct scheme *s = NULL;
	const char *at, *error;
	char rest[VIA_NAME + 6 * VIA_SECRET];
	size_t i, n;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && !s; i++)
		if (!strncmp(word, schemes[i].name, strlen(schemes[i].name)))
			s = &schemes[i];
	if (!s)
		return wrong(v, why, room, "it is none of socks5://HOST:PORT, http://HOST:PORT, https://HOST:PORT, direct, block");
	v->module = s->module;
	v->tls = s->tls;
	word += strlen(s->name);
	if (!s->port)
		return *word ? wrong(v, why, room, "nothing may follow direct or block") : ADIT_OK;
	at = strrchr(word, '@');
	if (at && !credentials(v, word, at))
		return wrong(v, why, room, "the user or the password before the @ is empty, too long, or has a broken % escape");
	word = at ? at + 1 : word;
	n = strlen(word);
	n -= n && word[n - 1] == '/';
	if (n >= sizeof(rest) || memchr(word, '/', n) || memchr(word, '?', n) || memchr(word, '#', n))
		return wrong(v, why, room, "nothing may follow the port");
	memcpy(rest, word, n);
	rest[n] = 0;
	error = server(v, rest, s->port);
	return error ? wrong(v, why, room, error) : ADIT_OK;
}
