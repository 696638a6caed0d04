/* SPDX-License-Identifier: MIT
 * stack-system/alias.c - synthetic endpoints that stand for flows, by arithmetic
 */
#include "alias.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static uint32_t low_word(const adit_addr *a)
{
	const uint8_t *p = a->family == 4 ? a->ip : a->ip + 12;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void set_low_word(adit_addr *a, uint32_t word)
{
	uint8_t *p = a->family == 4 ? a->ip : a->ip + 12;

	p[0] = (uint8_t)(word >> 24);
	p[1] = (uint8_t)(word >> 16);
	p[2] = (uint8_t)(word >> 8);
	p[3] = (uint8_t)word;
}

adit_result alias_init(struct alias_space *s, const adit_addr *own, uint32_t prefix, uint32_t slots)
{
	uint32_t bits = own->family == 4 ? 32 : 128, host, inside;
	uint64_t generations;

	if (prefix >= bits || slots == 0)
		return ADIT_ECONFIG;
	host = bits - prefix;
	if (host > ALIAS_HOST_BITS_MOST)
		host = ALIAS_HOST_BITS_MOST;
	inside = ((uint32_t)1 << host) - 1;
	if (inside < 3)
		return ADIT_ECONFIG;
	memset(s, 0, sizeof(*s));
	s->base = *own;
	s->base.port = 0;
	s->hole = low_word(own);
	s->first = (s->hole & ~inside) + 1;
	s->addresses = inside - 1; /* without the lowest and the highest */
	if (s->hole >= s->first && s->hole < s->first + s->addresses)
		s->addresses--;
	s->slots = slots;
	s->total = (uint64_t)s->addresses * ALIAS_PORTS;
	generations = s->total / slots;
	s->generations = generations == 0          ? 1
	                 : generations > INT32_MAX ? INT32_MAX
	                                           : (uint32_t)generations;
	return ADIT_OK;
}

adit_result alias_make(const struct alias_space *s, uint32_t slot, uint32_t generation,
                       adit_addr *out)
{
	uint64_t number = (uint64_t)generation * s->slots + slot;
	uint32_t word;

	if (slot >= s->slots || generation >= s->generations || number >= s->total)
		return ADIT_ELIMIT;
	word = s->first + (uint32_t)(number / ALIAS_PORTS);
	if (s->hole >= s->first && word >= s->hole)
		word++;
	*out = s->base;
	set_low_word(out, word);
	out->port = (uint16_t)(ALIAS_PORT_FIRST + number % ALIAS_PORTS);
	return ADIT_OK;
}

adit_result alias_find(const struct alias_space *s, const adit_addr *a, uint32_t *slot,
                       uint32_t *generation)
{
	uint32_t word = low_word(a), offset;
	uint64_t number;

	if (a->family != s->base.family || a->port < ALIAS_PORT_FIRST || word < s->first ||
	    word == s->hole)
		return ADIT_ENOENT;
	if (a->family == 6 && memcmp(a->ip, s->base.ip, 12) != 0)
		return ADIT_ENOENT;
	offset = word - s->first;
	if (s->hole >= s->first && word > s->hole)
		offset--;
	if (offset >= s->addresses)
		return ADIT_ENOENT;
	number = (uint64_t)offset * ALIAS_PORTS + (a->port - ALIAS_PORT_FIRST);
	if (number / s->slots >= s->generations)
		return ADIT_ENOENT;
	*slot = (uint32_t)(number % s->slots);
	*generation = (uint32_t)(number / s->slots);
	return ADIT_OK;
}

adit_result alias_next(const struct alias_space *s, uint32_t freed, uint32_t now,
                       uint32_t *generation)
{
	if (freed == 0)
		return ADIT_OK;
	if (*generation + 1 < s->generations) {
		++*generation;
		return ADIT_OK;
	}
	if (now - freed < ALIAS_REST_S)
		return ADIT_ELIMIT;
	*generation = 0;
	return ADIT_OK;
}

adit_result alias_parse(const char *text, adit_addr *out, uint32_t *prefix)
{
	char address[64];
	const char *slash = strchr(text, '/');
	unsigned long bits;
	char *end;
	adit_addr a = {0};

	if (!slash || (size_t)(slash - text) >= sizeof(address) || slash[1] < '0' || slash[1] > '9')
		return ADIT_ECONFIG;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = 0;
	bits = strtoul(slash + 1, &end, 10);
	if (*end || bits > 128)
		return ADIT_ECONFIG;
	if (inet_pton(AF_INET, address, a.ip) == 1)
		a.family = 4;
	else if (inet_pton(AF_INET6, address, a.ip) == 1)
		a.family = 6;
	else
		return ADIT_ECONFIG;
	if (bits > (a.family == 4 ? 32 : 128))
		return ADIT_ECONFIG;
	*out = a;
	*prefix = (uint32_t)bits;
	return ADIT_OK;
}
