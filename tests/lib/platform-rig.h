/* SPDX-License-Identifier: MIT
 * tests/lib/platform-rig.h - the platform module on the fake host, with an end that looks at
 * packets and answers
 *
 * For cases that run in processes of their own (sandbox.h): one rig per process.
 */
#ifndef TESTS_PLATFORM_RIG_H
#define TESTS_PLATFORM_RIG_H

#include "tests/lib/fakehost.h"
#include "tests/lib/sandbox.h"

#include <adit/place.h>

struct rig {
	struct fakehost *f;
	const adit_module *module;
	const adit_platform_1 *platform;
	const adit_place_1 *place;
	void *ctx, *inst;
	uint32_t gone;
	char what[64];
	/* what came up */
	uint32_t packets, bytes, largest, gso, wrong;
	uint8_t seen[65536];
	uint32_t seen_len;
	adit_buf last; /* flags of the packet in seen */
	int answer;    /* answers: 1 TCP as a peer, 2 UDP back to the sender, 3 drop */
	uint32_t answered;
};
extern struct rig rig;

/* Loads the module; settings may follow. */
void rig_prepare(void);
/* Creates, opens and starts the one instance. */
void rig_start(void);
/* Both, with a device in a fresh namespace. */
void rig_prepare_new(void);
/* Stops and unloads; checks that no buffer is missing. */
void rig_finish(void);

/* A socket in the place of the device, connected to where only the device leads. */
int rig_inside(int32_t proto, const char *to, uint16_t port);
/* For fakehost_run(): true when so many packets (a uint32_t) have come up. */
int rig_packets(void *arg);

/* A buffer with `len` bytes of contents, all 0. */
adit_buf *rig_buffer(uint32_t len);
/* Fills the IPv4 header and the ports of an answer to the packet in seen; the L4 checksum is still
 * to do. */
void rig_answer(adit_buf *b, uint32_t l4);
/* One's complement sum, folded. */
uint32_t rig_sum(uint32_t s, const uint8_t *p, size_t n);
/* True when the text was written to the file. */
int rig_write(const char *path, const char *text);


/* An ordinary user goes into a user and network namespace of its own, to have a "here". */
void rig_be_somewhere(void);
/* A process with a network namespace of its own, which ends when *hold is closed. */
pid_t rig_other_namespace(int *hold);

#endif
