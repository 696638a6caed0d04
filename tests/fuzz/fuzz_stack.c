/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_stack.c - fuzz target: what stack-system reads from its own device, on any bytes
 *
 * An input is a virtio header and the packet behind it, as the inner device gives them. What is
 * taken is rewritten and read again. With libFuzzer:
 *     clang -fsanitize=fuzzer,address,undefined -DSTACK_LIBFUZZER -Isdk/include -Imodules \
 *         tests/fuzz/fuzz_stack.c modules/stack-system/rewrite.c
 * Without, main() makes some well-formed packets and a hundred thousand damaged copies, always the
 * same ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <adit/vnet.h>

#include "stack-system/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what) ((what) ? (void)0 : broken(__LINE__, #what))

static void broken(int line, const char *what)
{
	fprintf(stderr, "fuzz_stack: line %d: not so: %s\n", line, what);
	abort();
}

static void check_rewrite(adit_buf *b, const struct rewrite_view *v)
{
	adit_addr src = {.family = v->src.family, .ip = {10, 1, 2, 3}, .port = 4711}, dst = src;
	struct rewrite_view again;

	dst.port = 80;
	rewrite_endpoints(b, v->l4, &src, &dst);
	MUST(rewrite_parse(b->data, b->len, &again) == ADIT_OK);
	MUST(memcmp(&again.src, &src, sizeof(src)) == 0 &&
	     memcmp(&again.dst, &dst, sizeof(dst)) == 0);
	MUST(again.l4 == v->l4 && again.payload == v->payload && again.tcp_flags == v->tcp_flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rewrite_view v;
	adit_buf b = {0};
	uint8_t *packet;

	if (size <= ADIT_VNET_SIZE || size > 70000)
		return 0;
	size -= ADIT_VNET_SIZE;
	packet = malloc(size); /* of its own, so that a sanitizer sees its end */
	if (!packet)
		return 0;
	memcpy(packet, data + ADIT_VNET_SIZE, size);
	b.data = packet;
	b.len = (uint32_t)size;
	if (adit_vnet_read(data, &b) == ADIT_OK) {
		MUST(!(b.flags & ADIT_BUF_CSUM_NEEDED) ||
		     (uint32_t)b.csum_start + b.csum_off + 2 <= size);
		if (rewrite_parse(packet, b.len, &v) == ADIT_OK) {
			MUST(v.payload <= size && v.l4 + 20u <= v.payload);
			check_rewrite(&b, &v);
		}
	}
	free(packet);
	return 0;
}

#ifndef STACK_LIBFUZZER
static uint32_t next_random(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

int main(void)
{
	static const uint8_t seeds[2][ADIT_VNET_SIZE + 60] = {
	        {1,    1,    40,   0,  0xa8, 5, 20, 0,   16, 0, 0x45, 0,   0,    60,  0,
	         0,    0x40, 0,    64, 6,    0, 0,  100, 64, 0, 1,    100, 64,   0,   2,
	         0x12, 0x67, 0x20, 0,  0,    0, 0,  1,   0,  0, 0,    0,   0x50, 0x10},
	        {0, 0,  0,    0,    0,    0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0,    20,
	         6, 64, 0xfd, 0x61, 0,    0, 0, 0, 0, 0, 0,    0, 0, 0, 0,    0,
	         0, 1,  0xfd, 0x61, 0,    0, 0, 0, 0, 0, 0,    0, 0, 0, 0,    0,
	         0, 2,  0x12, 0x67, 0x20, 0, 0, 0, 0, 1, 0,    0, 0, 0, 0x50, 0x10}};
	uint8_t copy[sizeof(seeds[0])];
	uint32_t i, j, damage;

	for (i = 0; i < 100000; i++) {
		memcpy(copy, seeds[i & 1], sizeof(copy));
		damage = i < 2 ? 0 : 1 + next_random() % 4;
		for (j = 0; j < damage; j++)
			copy[next_random() % sizeof(copy)] = (uint8_t)next_random();
		LLVMFuzzerTestOneInput(copy,
		                       i < 2 ? sizeof(copy) : next_random() % (sizeof(copy) + 1));
	}
	return 0;
}
#endif
