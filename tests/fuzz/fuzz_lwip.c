/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_lwip.c - fuzz target: stack-lwip between an application that sends any segment and a handler that does
 * anything
 *
 * An input is a list of commands of eight bytes: segments near what the connection expects or far from it, with any
 * options, operations, and time that passes. lwIP's assertions, leaked buffers and events after CLOSED end the program.
 * With libFuzzer: -DLWIP_LIBFUZZER and clang -fsanitize=fuzzer,address,undefined. Without, main() makes inputs of its
 * own, always the same ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/virtualhost.h"

enum { COMMAND = 8, COMMANDS_MOST = 200, WINDOW = 65536, MEMORY = 1 << 20, RUNS = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t near(uint32_t number, uint8_t how)
{
	static const int32_t steps[] = {0, 0, 0, 0, 1, -1, 1460, -1460, 60000, -60000, 70000, 1 << 30};

	return number + (uint32_t)steps[how % (sizeof(steps) / sizeof(steps[0]))];
}

/* What the application has sent and seen, as far as it keeps to the rules. */
struct peer {
	uint32_t seq, ack;
};

static void look(const struct virtualhost *h, struct peer *p)
{
	const struct segment *s;

	if (!h->sent_count)
		return;
	s = &h->sent[h->sent_count - 1];
	p->ack = s->seq + s->size + ((s->flags & (TCP_SYN_FLAG | TCP_FIN_FLAG)) != 0);
}

static void segment(struct virtualhost *h, struct peer *p, const uint8_t *c)
{
	static const uint8_t payload[60000];
	struct segment s = {.seq = near(p->seq, c[1]), .ack = near(p->ack, c[2]), .window = (uint32_t)c[3] << (c[4] % 9),
	                    .scale = (int16_t)(c[4] % 18 - 1), .mss = (uint16_t)(c[5] * (c[5] % 3 ? 1 : 257)),
	                    .sack_permitted = c[4] & 1};
	static const uint32_t sizes[] = {0, 0, 1, 100, 1460, 9000, 60000};

	s.flags = c[6] & 0x3f;
	s.size = sizes[c[7] % 7];
	s.gso_size = s.size > 1460 ? 1460 : 0;
	virtualhost_segment(h, 1, &s, payload);
	if (s.seq == p->seq)
		p->seq += s.size + ((s.flags & (TCP_SYN_FLAG | TCP_FIN_FLAG)) != 0);
}

static void operation(struct virtualhost *h, const uint8_t *c)
{
	static const uint8_t bytes[60000];
	static const uint16_t types[] = {ADIT_OP_CONSUME, ADIT_OP_CONSUME, ADIT_OP_FIN, ADIT_OP_CLOSE, ADIT_OP_ABORT, 999};
	size_t size = (size_t)c[3] * c[4] % sizeof(bytes);

	if (c[2] % 2)
		virtualhost_send(h, 1, bytes, size + 1, 1 + (size_t)c[5] * 64);
	else
		virtualhost_op(h, 1, types[c[3] % 6], (uint64_t)c[4] * 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segment syn = {.seq = 1000, .flags = TCP_SYN_FLAG, .window = 64240, .scale = 7, .mss = 1460};
	struct peer p = {.seq = 1001};
	struct virtualhost *h;
	size_t at;

	if (size < COMMAND || size > COMMAND * COMMANDS_MOST)
		return 0;
	h = virtualhost_new(&adit_module_1, WINDOW, MEMORY, data[0] & 1 ? 10000000000ull : 0);
	virtualhost_flow(h, 1, ADIT_PROTO_TCP, data[0] & 2 ? 4 : 6);
	virtualhost_op(h, 1, ADIT_OP_ACCEPT, 0);
	if (data[0] & 12)
		virtualhost_segment(h, 1, &syn, NULL);
	for (at = 0; at + COMMAND <= size; at += COMMAND) {
		const uint8_t *c = data + at;

		look(h, &p);
		if (h->sent_count > VIRTUALHOST_SEGMENTS / 2)
			break;
		switch (c[0] % 8) {
		case 0:
			virtualhost_run(h, (uint64_t)c[1] * c[2] * 1000000);
			break;
		case 1:
		case 2:
			operation(h, c);
			break;
		case 3:
			virtualhost_options(h, 1, p.seq, p.ack, c + 4, 4);
			break;
		case 4: { /* what a well-behaved application would say */
			struct segment ack = {.seq = p.seq, .ack = p.ack, .flags = TCP_ACK_FLAG, .window = 512};

			virtualhost_segment(h, 1, &ack, NULL);
			break;
		}
		default:
			segment(h, &p, c);
		}
	}
	if (h->asserts || virtualhost_free(h)) {
		fprintf(stderr, "fuzz_lwip: buffers never came back, or lwIP found itself wrong\n");
		abort();
	}
	return 0;
}

#ifndef LWIP_LIBFUZZER
int main(void)
{
	uint8_t input[COMMAND * COMMANDS_MOST];
	unsigned run;
	size_t i, size;

	for (run = 0; run < RUNS; run++) {
		srandom(run);
		size = COMMAND * (1 + (size_t)random() % COMMANDS_MOST);
		for (i = 0; i < size; i++)
			input[i] = (uint8_t)random();
		/* Most of the time the rules are kept, or the connection is over at once. */
		for (i = 0; i < size; i += COMMAND) {
			if (random() % 4)
				input[i + 1] = 0;
			if (random() % 4)
				input[i + 2] &= 1;
			if (random() % 8)
				input[i + 6] = TCP_ACK_FLAG;
		}
		LLVMFuzzerTestOneInput(input, size);
	}
	printf("ok - %d runs of random segments, operations and time\n", RUNS);
	return 0;
}
#endif
