/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_socks5.c - fuzz target: what outbound-socks5 reads of a proxy's answers and of relayed datagrams
 *
 * The first byte of an input chooses what was offered. The rest is given whole and in pieces, which must come to the
 * same, and never may more be asked for than belongs to the handshake. Then it is read as a datagram. With libFuzzer:
 *     clang -fsanitize=fuzzer,address,undefined -DPROXY_LIBFUZZER -Isdk/include -I. \
 *         tests/fuzz/fuzz_socks5.c modules/outbound-socks5/message.c
 * Without, main() makes well-formed inputs and two hundred thousand damaged copies, always the same ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/outbound-socks5/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what) ((what) ? (void)0 : broken(__LINE__, #what))

static void broken(int line, const char *what)
{
	fprintf(stderr, "fuzz_socks5: line %d: not so: %s\n", line, what);
	abort();
}

/* Bytes of their own, so that a sanitizer sees their end. */
static uint8_t *copy(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1);

	if (!bytes)
		abort();
	if (size)
		memcpy(bytes, data, size);
	return bytes;
}

static size_t answer(const uint8_t *data, size_t have, int none, int login, struct message_answer *out)
{
	uint8_t *bytes = copy(data, have);
	size_t want = message_answer(bytes, have, none, login, out);

	free(bytes);
	return want;
}

/* As a module reads: as much as is asked for at a time. Returns how much was read until it was over. */
static size_t handshake(const uint8_t *data, size_t size, int none, int login, struct message_answer *out)
{
	enum message_stage stage = STAGE_NOTHING;
	size_t have = 0, want;

	while ((want = answer(data, have, none, login, out)) != 0) {
		MUST(out->fault == FAULT_NONE && out->stage != STAGE_REPLY);
		MUST(out->stage >= stage);
		MUST(have + want <= MESSAGE_ANSWER);
		stage = out->stage;
		if (have + want > size) {
			answer(data, size, none, login, out); /* all that will ever come */
			return size;
		}
		have += want;
	}
	MUST((out->fault != FAULT_NONE) != (out->stage == STAGE_REPLY));
	MUST(out->fault < FAULT_COUNT);
	if (out->stage == STAGE_REPLY && !out->reply)
		MUST(have >= 9 && (out->method == METHOD_NONE ? none : login));
	return have;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_answer once, bytewise;
	adit_addr from;
	uint8_t *bytes;
	size_t read, have, header;
	int none, login;

	if (size < 1 || size > 4096)
		return 0;
	login = data[0] & 1;
	none = !login || data[0] & 2;
	data++;
	size--;
	read = handshake(data, size, none, login, &once);
	/* Byte by byte: the same, at the latest with the last of them. */
	for (have = 0; have <= read; have++)
		if (!answer(data, have, none, login, &bytewise))
			break;
	if (have <= read) {
		MUST(bytewise.fault == once.fault && (once.fault != FAULT_NONE || bytewise.reply == once.reply));
		if (once.stage == STAGE_REPLY && !once.reply) /* an answer that was right was read to its end, and no further */
			MUST(have == read && !memcmp(&bytewise.bound, &once.bound, sizeof(once.bound)));
	}
	bytes = copy(data, size);
	header = message_datagram(bytes, size, &from);
	MUST(header <= size);
	if (header) {
		MUST(header >= 7 && header <= MESSAGE_DATAGRAM && bytes[2] == 0);
		MUST(from.family == 0 || from.family == 4 || from.family == 6);
		MUST(from.family != 4 || header == 10);
		MUST(from.family != 6 || header == 22);
	}
	free(bytes);
	return 0;
}

#ifndef PROXY_LIBFUZZER

static uint32_t random_state = 20240229;

static uint32_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

int main(void)
{
	static const struct {
		const char *bytes;
		size_t size;
	} seeds[] = {
		{"\0\5\0\5\0\0\1\1\2\3\4\5\6", 13},
		{"\1\5\2\1\0\5\0\0\1\1\2\3\4\5\6tail", 19},
		{"\3\5\0\5\0\0\4" "0123456789abcdef\1\2tail", 29},
		{"\0\5\0\5\0\0\3\4name\1\2tail", 18},
		{"\0\5\0\5\5\0\1\1\2\3\4\5\6", 13},
		{"\0\0\0\0\1\1\2\3\4\5\6payload", 18},
		{"\0\0\0\0\3\4name\1\2payload", 19},
		{"\0\0\0\0\4" "0123456789abcdef\1\2payload", 30},
	};
	uint8_t bytes[300];
	size_t i, seed, size;

	for (i = 0; i < 200000; i++) {
		seed = i % (sizeof(seeds) / sizeof(seeds[0]));
		size = seeds[seed].size;
		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, seeds[seed].bytes, size);
		if (i >= 8) {
			uint32_t changes = next_random() % 4;

			while (changes--)
				bytes[next_random() % size] = (uint8_t)(next_random() % 3 ? next_random() % 8 : next_random());
			size = next_random() % 3 ? size : next_random() % sizeof(bytes);
		}
		LLVMFuzzerTestOneInput(bytes, size);
	}
	printf("%zu inputs\n", i);
	return 0;
}

#endif
