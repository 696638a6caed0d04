/* SPDX-License-Identifier: MIT
 * tests/unit/golden.h - packets as a Linux kernel wrote them to a TUN device, checksums complete
 *
 * Read from a device of MTU 1280 in a namespace of its own: connect, sendto and ping to 1.1.1.1 and
 * 2606:4700::1111 from 10.0.0.2 and fd00:1::2. The two datagrams in fragments carry 1,400 bytes "aditadit...";
 * of those only the headers are kept, golden_fragments puts the payload back.
 */
#ifndef TEST_GOLDEN_H
#define TEST_GOLDEN_H

#include <stdint.h>
#include <stdlib.h>

struct golden {
	const char *what;
	const char *hex;
	uint8_t version, proto;
	uint16_t src_port, dst_port; /* as in struct packet_view */
	uint16_t payload;
};

static const struct golden golden[] = {
	{"router solicitation", "6000000000083afffe80000000000000d844c64a8d46aba9ff0200000000000000000000000000028500a5b700000000",
	 6, 58, 0, 0, 48},
	{"SYN",
	 "4500003ce5df4000400648d90a00000201010101ea5801bbc2e2c17f00000000a002fbe00edd0000020404d80402080ab173102e00000000010303"
	 "0a",
	 4, 6, 59992, 443, 60},
	{"SYN over IPv6",
	 "600309a100280640fd00000100000000000000000000000226064700000000000000000000001111948001bb97785d6e00000000a002fc9417e500"
	 "00020404c40402080abdc17074000000000103030a",
	 6, 6, 38016, 443, 80},
	{"UDP", "45000024b83840004011768d0a000002010101018fba00350010ce296164697461646974", 4, 17, 36794, 53, 28},
	{"UDP over IPv6",
	 "600e4c4000101140fd00000100000000000000000000000226064700000000000000000000001111c357003500102b756164697461646974", 6, 17,
	 50007, 53, 48},
	{"echo request", "4500002425f74000400108df0a000002010101010800ceaa1d4400010001020304050607", 4, 1, 0x1d44, 0x1d44, 28},
	{"echo request over IPv6",
	 "6009caa900103a40fd000001000000000000000000000002260647000000000000000000000011118000db411d4700010001020304050607", 6, 58,
	 0x1d47, 0x1d47, 48},
};
enum { GOLDEN = sizeof(golden) / sizeof(golden[0]) };

/* The first and the last fragment of one datagram: their headers, and the sizes they had. */
static const struct golden_fragment {
	const char *hex;
	uint32_t size;
} golden_fragments[2][2] = {
	{{"450004fcb8392000401191b40a00000201010101cea400350580c5ab", 1276},
	 {"450000acb839009d4011b5670a00000201010101", 172}},
	{{"600a49a704d82c40fd0000010000000000000000000000022606470000000000000000000000111111000001fe987a0bd1fb00350580533d", 1280},
	 {"600a49a700b82c40fd00000100000000000000000000000226064700000000000000000000001111110004d0fe987a0b", 224}},
};

/* Gives how many bytes hex has written to out. */
static inline uint32_t from_hex(const char *hex, uint8_t *out)
{
	char pair[3] = {0};
	uint32_t n;

	for (n = 0; hex[2 * n]; n++) {
		pair[0] = hex[2 * n];
		pair[1] = hex[2 * n + 1];
		out[n] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

/* Writes a whole fragment; `before` bytes of the text were in the fragment before it. */
static inline uint32_t from_fragment(const struct golden_fragment *f, uint32_t before, uint8_t *out)
{
	uint32_t n = from_hex(f->hex, out), i;

	for (i = n; i < f->size; i++)
		out[i] = (uint8_t)"adit"[(before + i - n) % 4];
	return f->size;
}

#endif
