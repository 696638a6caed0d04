/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_http.c - fuzz target: what outbound-http reads of a proxy's answer
 *
 * Each input is read whole and in growing pieces, which must come to the same: an answer once found stays as it is,
 * whatever follows. With libFuzzer:
 *     clang -fsanitize=fuzzer,address,undefined -DPROXY_LIBFUZZER -Isdk/include -I. \
 *         tests/fuzz/fuzz_http.c modules/outbound-http/message.c -lcrypto
 * Without, main() makes well-formed inputs and a hundred thousand damaged copies, always the same ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/outbound-http/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what) ((what) ? (void)0 : broken(__LINE__, #what))

static void broken(int line, const char *what)
{
	fprintf(stderr, "fuzz_http: line %d: not so: %s\n", line, what);
	abort();
}

static void answer(const uint8_t *data, size_t have, struct message_answer *out)
{
	char *bytes = malloc(have ? have : 1); /* of its own, so that a sanitizer sees its end */

	if (!bytes)
		abort();
	if (have)
		memcpy(bytes, data, have);
	message_answer(bytes, have, out);
	free(bytes);
	MUST(out->size <= have);
	MUST(!out->broken || !out->status);
	MUST(!out->status || (out->status >= 200 && out->status <= 599));
	MUST(!out->status || (out->size >= 14 && data[out->size - 1] == '\n'));
	MUST(out->broken || out->status || have < MESSAGE_ANSWER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_answer whole, part;
	size_t have, step;

	if (size > 20000)
		return 0;
	answer(data, size, &whole);
	step = size > 300 ? size / 50 : 1;
	for (have = 0; have <= size; have += step) {
		answer(data, have, &part);
		if (part.broken)
			MUST(whole.broken);
		if (part.status) {
			MUST(whole.status == part.status && whole.size == part.size);
			MUST(have >= part.size);
		} else if (!part.broken && have < MESSAGE_ANSWER) {
			MUST(!whole.status || have < whole.size);
		}
	}
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
	static const char *const seeds[] = {
		"HTTP/1.1 200 Connection established\r\n\r\nbehind",
		"HTTP/1.0 200 OK\r\nVia: 1.1 proxy\r\nContent-Length: 7\r\n\r\nbehind\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 407 Proxy Authentication Required\r\nA: b\r\n\r\n",
		"HTTP/1.1 503\n\nbehind",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 204 \r\n folded\r\n\r\n",
	};
	static const char letters[] = "\r\n HTP/120 9:\0a";
	static uint8_t bytes[20000];
	size_t i, n, size;

	for (i = 0; i < 100000; i++) {
		n = i % (sizeof(seeds) / sizeof(seeds[0]));
		size = strlen(seeds[n]);
		memcpy(bytes, seeds[n], size);
		if (i >= 6) {
			uint32_t changes = next_random() % 4;

			while (changes--)
				bytes[next_random() % size] = (uint8_t)(next_random() % 2 ? (uint8_t)letters[next_random() % sizeof(letters)]
				                                                          : next_random());
			size = next_random() % 3 ? size : next_random() % size;
		}
		LLVMFuzzerTestOneInput(bytes, size);
	}
	/* A head that never ends. */
	for (n = 0; n < 2; n++) {
		memset(bytes, n ? 'x' : '\n', sizeof(bytes));
		memcpy(bytes, "HTTP/1.1 200 ", 13);
		if (!n)
			memset(bytes + 13, '\r', sizeof(bytes) - 13);
		LLVMFuzzerTestOneInput(bytes, sizeof(bytes));
	}
	printf("%zu inputs\n", i);
	return 0;
}

#endif
