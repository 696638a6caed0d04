/* SPDX-License-Identifier: MIT
 * conf/format.c - the texts with a meaning of their own
 */
#include "conf/format.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	double factor;
};

static const struct unit times[] = {
	{"", 1e9},  {"ns", 1},   {"us", 1e3},   {"ms", 1e6},
	{"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9},
};
static const struct unit sizes[] = {
	{"", 1}, {"k", 0x1p10}, {"K", 0x1p10}, {"M", 0x1p20}, {"G", 0x1p30}, {"T", 0x1p40},
};
static const double MOST_TIME = 100 * 365.0 * 86400e9; /* nanoseconds */
static const double MOST_SIZE = 0x1p53;                /* beyond it a double has gaps */

/* Digits, at most one point among them, then a unit. */
static bool scaled(const char *text, const struct unit *units, size_t count, double most,
                   uint64_t *out)
{
	size_t digits = strspn(text, "0123456789"), i;
	double value;
	char *end;

	if (!digits || digits > 18)
		return false;
	if (text[digits] == '.' && !strspn(text + digits + 1, "0123456789"))
		return false;
	if (text[digits] == '.')
		digits += 1 + strspn(text + digits + 1, "0123456789");
	if (digits > 36)
		return false;
	for (i = 0; i < count && strcmp(text + digits, units[i].name); i++)
		;
	if (i == count)
		return false;
	/* strtod() would take an exponent or "0x"; neither can follow, because the rest is a unit.
	 */
	value = strtod(text, &end);
	if (end != text + digits)
		return false;
	value *= units[i].factor;
	if (value > most)
		return false;
	*out = (uint64_t)(value + 0.5);
	return true;
}

bool format_duration(const char *text, uint64_t *out)
{
	return scaled(text, times, sizeof(times) / sizeof(times[0]), MOST_TIME, out);
}

bool format_seconds(double seconds, uint64_t *out)
{
	if (!(seconds >= 0) || seconds * 1e9 > MOST_TIME)
		return false;
	*out = (uint64_t)(seconds * 1e9 + 0.5);
	return true;
}

bool format_size(const char *text, uint64_t *out)
{
	return scaled(text, sizes, sizeof(sizes) / sizeof(sizes[0]), MOST_SIZE, out);
}

/* A decimal number without a sign or needless zeros; text ends with it. */
static bool decimal(const char *text, unsigned long most, unsigned long *out)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 9 || text[digits] || (text[0] == '0' && digits > 1))
		return false;
	*out = strtoul(text, NULL, 10);
	return *out <= most;
}

bool format_ip(const char *text, adit_addr *out)
{
	char buf[INET6_ADDRSTRLEN + 1];
	size_t size = strcspn(text, "%");
	unsigned long scope = 0;
	adit_addr addr;

	if (size >= sizeof(buf))
		return false;
	memset(&addr, 0, sizeof(addr));
	memcpy(buf, text, size);
	buf[size] = '\0';
	if (!text[size] && inet_pton(AF_INET, buf, addr.ip) == 1)
		addr.family = 4;
	else if (inet_pton(AF_INET6, buf, addr.ip) == 1)
		addr.family = 6;
	else
		return false;
	if (text[size] && (!decimal(text + size + 1, 0x7fffffff, &scope) || !scope))
		return false;
	addr.scope = (uint32_t)scope;
	*out = addr;
	return true;
}

bool format_endpoint(const char *text, adit_addr *out)
{
	const char *colon = strrchr(text, ':');
	size_t size = colon ? (size_t)(colon - text) : 0;
	bool bracket = text[0] == '[';
	unsigned long port;
	char buf[80];
	adit_addr addr;

	if (!colon || size >= sizeof(buf) || !decimal(colon + 1, 65535, &port))
		return false;
	if (bracket && (size < 2 || text[size - 1] != ']'))
		return false;
	memcpy(buf, text + bracket, size - 2 * (size_t)bracket);
	buf[size - 2 * (size_t)bracket] = '\0';
	if (!format_ip(buf, &addr) || (addr.family == 6) != bracket)
		return false;
	addr.port = (uint16_t)port;
	*out = addr;
	return true;
}

bool format_cidr(const char *text, struct format_prefix *out)
{
	size_t size = strcspn(text, "/");
	unsigned long bits;
	char buf[80];
	adit_addr addr;

	if (size >= sizeof(buf))
		return false;
	memcpy(buf, text, size);
	buf[size] = '\0';
	if (!format_ip(buf, &addr) || addr.scope)
		return false;
	bits = addr.family == 4 ? 32 : 128;
	if (text[size] && !decimal(text + size + 1, bits, &bits))
		return false;
	memcpy(out->ip, addr.ip, sizeof(out->ip));
	out->family = addr.family;
	out->bits = (uint8_t)bits;
	return true;
}

bool format_prefix_is_net(const struct format_prefix *p)
{
	size_t i;

	for (i = p->bits; i < sizeof(p->ip) * 8; i++)
		if (p->ip[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

bool format_name(const char *text)
{
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t size = strlen(text);

	return size >= 1 && size <= 32 && strspn(text, rest) == size && !strchr("_.-", text[0]);
}

static bool fits_duration(const char *text)
{
	uint64_t out;

	return format_duration(text, &out);
}

static bool fits_seconds(double number)
{
	uint64_t out;

	return format_seconds(number, &out);
}

static bool fits_size(const char *text)
{
	uint64_t out;

	return format_size(text, &out);
}

static bool fits_bytes(double number)
{
	return number >= 0 && number <= MOST_SIZE && number == (double)(uint64_t)number;
}

static bool fits_cidr(const char *text)
{
	struct format_prefix out;

	return format_cidr(text, &out);
}

static bool fits_ip(const char *text)
{
	adit_addr out;

	return format_ip(text, &out);
}

static bool fits_endpoint(const char *text)
{
	adit_addr out;

	return format_endpoint(text, &out);
}

static const struct format formats[] = {
	{"cidr", fits_cidr, NULL, "\"10.0.0.0/8\" or \"fd00::/8\""},
	{"duration", fits_duration, fits_seconds,
         "\"1.5s\" (units ns us ms s m h d) or a number of seconds"},
	{"endpoint", fits_endpoint, NULL, "\"192.0.2.1:80\" or \"[2001:db8::1]:80\""},
	{"ip", fits_ip, NULL, "\"192.0.2.1\" or \"2001:db8::1\""},
	{"name", format_name, NULL, "1 to 32 of a-z 0-9 _ . - beginning with a letter or digit"},
	{"size", fits_size, fits_bytes, "\"64k\" or \"1.5M\" (units k M G T) or a number of bytes"},
};

const struct format *format_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}
