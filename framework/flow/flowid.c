/* SPDX-License-Identifier: MIT
 * flow/flowid.c - the name of a flow that people see and type
 */
#include "flow/flowid.h"

#include <string.h>

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

static char *put_number(char *out, uint64_t v)
{
	char reversed[16];
	unsigned n = 0;

	do
		reversed[n++] = digits[v % 32];
	while (v /= 32);
	while (n)
		*out++ = reversed[--n];
	return out;
}

/* Null: no digit is there, or the number is above `most`. */
static const char *read_number(const char *text, uint64_t most, uint64_t *out)
{
	const char *at = text;
	uint64_t v = 0;

	for (; *at; at++) {
		char c = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
		const char *digit = strchr(digits, c);

		if (!digit)
			break;
		v = v * 32 + (uint64_t)(digit - digits);
		if (v > most)
			return NULL;
	}
	*out = v;
	return at == text ? NULL : at;
}

const char *flowid_text(adit_flow handle, uint32_t shard, uint32_t shards, char out[FLOWID_TEXT])
{
	char *at = put_number(out, (handle & UINT32_MAX) * shards + shard);

	*at++ = '.';
	*put_number(at, handle >> 32) = 0;
	return out;
}

bool flowid_read(const char *text, uint32_t shards, adit_flow *handle, uint32_t *shard)
{
	uint64_t place, generation;
	const char *at = read_number(text, (uint64_t)UINT32_MAX * shards + shards - 1, &place);

	if (!at || *at != '.')
		return false;
	at = read_number(at + 1, UINT32_MAX, &generation);
	if (!at || *at || !generation)
		return false;
	*handle = generation << 32 | place / shards;
	*shard = (uint32_t)(place % shards);
	return true;
}
