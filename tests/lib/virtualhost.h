/* SPDX-License-Identifier: MIT
 * tests/lib/virtualhost.h - a host for one stack module whose clock is the test's, and an application's kernel made of
 * single segments
 *
 *     the test --segments--> stack module --events--> what the test reads
 *              <--segments--              <--operations--
 *
 * Nothing sleeps: virtualhost_run moves the clock from timer to timer. Packets that the module sends are checked
 * (lengths, IP header, partial TCP checksum) and noted; so are events.
 */
#ifndef TESTS_LIB_VIRTUALHOST_H
#define TESTS_LIB_VIRTUALHOST_H

#include <adit/adit.h>
#include <adit/packet.h>

#include "base/bufpool.h"

enum { VIRTUALHOST_FLOWS = 4096, VIRTUALHOST_SEGMENTS = 16384, VIRTUALHOST_EVENTS = 16384 };

enum { TCP_FIN_FLAG = 1, TCP_SYN_FLAG = 2, TCP_RST_FLAG = 4, TCP_PSH_FLAG = 8, TCP_ACK_FLAG = 16 };

/* A segment that the module has sent, or one that it is to get. */
struct segment {
	uint32_t seq, ack;
	uint32_t window; /* as it stands in the header */
	uint8_t flags;
	uint8_t has_sack; /* a SACK option; its first block */
	uint8_t sack_permitted;
	int16_t scale; /* of a SYN; -1: none */
	uint16_t mss;  /* of a SYN; 0: none */
	uint32_t sack_from, sack_to;
	uint32_t size; /* of the payload */
	uint16_t gso_size;
	uint32_t slot;
	uint64_t at; /* the clock then */
	uint8_t *payload; /* sent ones: the host's */
};

struct event {
	uint16_t type;
	int32_t code;
	uint64_t num; /* of DATA: bytes */
	uint32_t slot;
	uint64_t at;
};

struct virtual_timer;

struct virtualhost {
	adit_host host;
	adit_env env;
	adit_path path;
	const adit_module *module;
	const adit_stack_1 *stack;
	void *inst;
	struct bufpool *bufs;
	uint64_t now;
	struct virtual_timer *timers;
	int64_t window, memory;
	uint64_t keepalive;
	uint32_t starve_after; /* gets that succeed before all fail; 0: none fails */
	uint32_t timer_calls;
	adit_flow_info info[VIRTUALHOST_FLOWS];
	uint32_t generation[VIRTUALHOST_FLOWS];
	struct segment sent[VIRTUALHOST_SEGMENTS];
	uint32_t sent_count;
	struct event events[VIRTUALHOST_EVENTS];
	uint32_t event_count;
	uint8_t *data[VIRTUALHOST_FLOWS]; /* what came as DATA or DGRAM */
	size_t data_size[VIRTUALHOST_FLOWS];
	uint32_t asserts; /* lines of the log at ERROR */
};

struct virtualhost *virtualhost_new(const adit_module *m, int64_t window, int64_t memory, uint64_t keepalive);
/* Stops and destroys the instance; returns the buffers that never came back. */
size_t virtualhost_free(struct virtualhost *h);

/* Moves the clock on by ns, every timer in between at its time. */
void virtualhost_run(struct virtualhost *h, uint64_t ns);
/* Timers that are set. */
uint32_t virtualhost_armed(const struct virtualhost *h);
/* Forgets the segments and events noted so far. */
void virtualhost_forget(struct virtualhost *h);

/* A flow of the slot: IPv4 if family is 4; it is not told to the module. */
adit_flow virtualhost_flow(struct virtualhost *h, uint32_t slot, uint8_t proto, uint8_t family);
adit_flow virtualhost_handle(const struct virtualhost *h, uint32_t slot);
void virtualhost_op(struct virtualhost *h, uint32_t slot, uint16_t type, uint64_t num);
/* SEND of size bytes, in buffers of at most `piece`. */
void virtualhost_send(struct virtualhost *h, uint32_t slot, const void *data, size_t size, size_t piece);

/* The module gets a segment of the slot's flow. mss, scale and sack_permitted count for a SYN. A payload that is larger
 * than gso_size (not 0) is a super-packet. */
void virtualhost_segment(struct virtualhost *h, uint32_t slot, const struct segment *s, const void *payload);
/* An acknowledgement with these options, whatever they are; size is a multiple of 4. */
void virtualhost_options(struct virtualhost *h, uint32_t slot, uint32_t seq, uint32_t ack, const uint8_t *options,
                         uint32_t size);
/* The same for a datagram (UDP). */
void virtualhost_datagram(struct virtualhost *h, uint32_t slot, const void *payload, size_t size);

/* How many events of the type the slot has had, and the last of them. */
uint32_t virtualhost_heard(const struct virtualhost *h, uint32_t slot, uint16_t type, struct event *last);

#endif
