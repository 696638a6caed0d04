/* SPDX-License-Identifier: MIT
 * handler-rules/names.c - a set of host names: exact ones and suffixes, read-only once it is sealed
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { EXACT = 1, BELOW = 2, HEAD = 2, ROOM_FIRST = 256 };

struct name_slot {
	uint32_t at;  /* of its head in the text, plus one; 0: the slot is empty */
	uint32_t tag; /* upper half of the hash */
};

/* ---- names ---- */

static int clean_letter(unsigned char c, char *out)
{
	if (c >= 'A' && c <= 'Z')
		c = (unsigned char)(c + 32);
	*out = (char)c;
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

uint32_t name_clean(const char *text, size_t size, char *out)
{
	uint32_t i, label = 0, digits = 0;

	if (size && text[size - 1] == '.')
		size--;
	if (!size || size > NAME_MOST)
		return 0;
	for (i = 0; i < size; i++) {
		if (text[i] == '.') {
			if (!label)
				return 0;
			out[i] = '.';
			label = digits = 0;
			continue;
		}
		if (!clean_letter((unsigned char)text[i], &out[i]) || ++label > LABEL_MOST)
			return 0;
		digits += out[i] >= '0' && out[i] <= '9';
	}
	if (!label || digits == label)
		return 0;
	out[size] = '\0';
	return (uint32_t)size;
}

/* ---- the hash: SipHash-1-3 of a label, its key changed by what stands right of it ---- */

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void word_in(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v);
	v[0] ^= word;
}

static uint64_t hash_label(const uint64_t key[2], uint64_t right, const char *label, uint32_t size)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
	                 key[1] ^ 0x7465646279746573u};
	uint64_t word, length = size;

	word_in(v, right);
	for (; size >= 8; size -= 8, label += 8) {
		memcpy(&word, label, 8);
		word_in(v, word);
	}
	word = 0;
	memcpy(&word, label, size);
	word_in(v, word | length << 56);
	v[2] ^= 0xff;
	mix(v);
	mix(v);
	mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Where the label that ends before `end` begins. */
static uint32_t label_before(const char *name, uint32_t end)
{
	while (end && name[end - 1] != '.')
		end--;
	return end;
}

static uint64_t hash_name(const uint64_t key[2], const char *name, uint32_t size, uint32_t *labels)
{
	uint64_t hash = 0;
	uint32_t end = size, from;

	for (*labels = 0;; end = from - 1) {
		from = label_before(name, end);
		hash = hash_label(key, hash, name + from, end - from);
		++*labels;
		if (!from)
			return hash;
	}
}

/* ---- building ---- */

adit_result names_add(struct names *n, const char *name, uint32_t size, int below)
{
	uint32_t room = n->room ? n->room : ROOM_FIRST;
	uint8_t *text;

	while (room - n->size < HEAD + size) {
		if (room > UINT32_MAX / 2)
			return ADIT_ELIMIT;
		room *= 2;
	}
	if (room != n->room) {
		text = realloc(n->text, room);
		if (!text)
			return ADIT_ENOMEM;
		n->text = text;
		n->room = room;
	}
	text = n->text + n->size;
	text[0] = below ? EXACT | BELOW : EXACT;
	text[1] = (uint8_t)size;
	memcpy(text + HEAD, name, size);
	n->size += HEAD + size;
	n->count++;
	return 0;
}

/* The name's head in the text, or null; *place is where it is or would be. */
static uint8_t *find(const struct names *n, uint64_t hash, const char *name, uint32_t size, uint32_t *place)
{
	uint32_t tag = (uint32_t)(hash >> 32), i = (uint32_t)hash & n->mask;
	const struct name_slot *s;
	uint8_t *text;

	for (; (s = &n->slots[i])->at; i = (i + 1) & n->mask) {
		text = n->text + s->at - 1;
		if (s->tag == tag && text[1] == size && !memcmp(text + HEAD, name, size)) {
			*place = i;
			return text;
		}
	}
	*place = i;
	return NULL;
}

static void place(struct names *n, uint32_t at)
{
	uint8_t *text = n->text + at, *there;
	const char *name = (const char *)text + HEAD;
	uint32_t labels, i;
	uint64_t hash = hash_name(n->key, name, text[1], &labels);

	there = find(n, hash, name, text[1], &i);
	if (there)
		there[0] |= text[0];
	else
		n->slots[i] = (struct name_slot){at + 1, (uint32_t)(hash >> 32)};
	if (labels > n->labels)
		n->labels = labels;
}

adit_result names_seal(struct names *n)
{
	uint32_t slots = 4, at;
	uint8_t *smaller;

	if (!n->count)
		return 0;
	while (slots < UINT32_MAX / 2 && slots / 4 * 3 < n->count)
		slots *= 2;
	if (slots / 4 * 3 < n->count)
		return ADIT_ELIMIT;
	if (getrandom(n->key, sizeof(n->key), 0) != sizeof(n->key))
		return ADIT_EIO;
	smaller = realloc(n->text, n->size);
	n->text = smaller ? smaller : n->text;
	n->slots = calloc(slots, sizeof(*n->slots));
	if (!n->slots)
		return ADIT_ENOMEM;
	n->mask = slots - 1;
	for (at = 0; at < n->size; at += HEAD + n->text[at + 1])
		place(n, at);
	return 0;
}

/* ---- looking up ---- */

int names_hold(const struct names *n, const char *name, uint32_t size)
{
	uint64_t hash = 0;
	uint32_t end = size, from, labels, i;
	const uint8_t *text;

	if (!n->count || !size)
		return 0;
	for (labels = 0; labels < n->labels; labels++, end = from - 1) {
		from = label_before(name, end);
		hash = hash_label(n->key, hash, name + from, end - from);
		text = find(n, hash, name + from, size - from, &i);
		if (text && (!from || text[0] & BELOW))
			return 1;
		if (!from)
			return 0;
	}
	return 0;
}

size_t names_size(const struct names *n)
{
	return n->size + (n->slots ? ((size_t)n->mask + 1) * sizeof(*n->slots) : 0);
}

void names_fini(struct names *n)
{
	free(n->text);
	free(n->slots);
	memset(n, 0, sizeof(*n));
}
