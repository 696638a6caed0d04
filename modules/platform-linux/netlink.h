/* SPDX-License-Identifier: MIT
 * platform-linux/netlink.h - netlink on the wire: building requests, reading answers, asking the
 * kernel
 *
 * The writer never leaves its buffer and remembers an overflow until nl_done(). The reader never
 * leaves the bytes it was given and copies what it reads, so nothing depends on their alignment.
 * docs/decisions/0002-netlink.md says why there is no library underneath.
 */
#ifndef PLATFORM_NETLINK_H
#define PLATFORM_NETLINK_H

#include "why.h"

enum {
	NL_MOST =
		65536, /* bytes of one request or one answer: what the kernel's dumps use at most */
	NL_MESSAGES = 4096, /* messages in one request; a batch of firewall rules has hundreds */
	NL_WAIT_MS = 1500,  /* for one answer; shorter than the two seconds that callers of an agent
	                       wait */
	NL_ANSWERS = 100000 /* messages of one dump: a full routing table of a router has fewer */
};

/* A request under construction in the caller's bytes. */
struct nl_writer {
	uint8_t *data;
	size_t room, size;
	size_t start; /* where the current message began */
	int full;     /* something did not fit: nl_done() says so */
};

void nl_init(struct nl_writer *w, void *data, size_t room);
/* Begins a message; head is what follows the netlink header (struct rtmsg and the like). Ends the
 * one before. */
void nl_begin(struct nl_writer *w, uint16_t type, uint16_t flags, uint32_t serial, const void *head,
              size_t size);
void nl_put(struct nl_writer *w, uint16_t type, const void *value, size_t size);
void nl_put_u32(struct nl_writer *w, uint16_t type, uint32_t value);
/* An attribute that holds attributes: what is put until nl_leave(w, mark) is inside. */
size_t nl_nest(struct nl_writer *w, uint16_t type);
void nl_leave(struct nl_writer *w, size_t mark);
/* The size of the whole request, or ADIT_ELIMIT when it did not fit. */
int64_t nl_done(struct nl_writer *w);

struct nl_span {
	const uint8_t *data;
	size_t size;
};

struct nl_message {
	uint16_t type, flags;
	uint32_t serial;
	struct nl_span body; /* without the netlink header */
};

/* Takes the next message off rest. 1: there was one; 0: the end; ADIT_EINVAL: the bytes are not
 * netlink. */
int nl_message(struct nl_span *rest, struct nl_message *out);
/* Takes the next attribute off rest, in the same way. type is without the nested and byte-order
 * bits. */
int nl_attribute(struct nl_span *rest, uint16_t *type, struct nl_span *value);
/* Skips `size` bytes of a message's own header. 0, or ADIT_EINVAL when there are fewer. */
int nl_skip(struct nl_span *rest, size_t size);
/* The 32-bit number that an attribute holds; 0 when it has another size. */
uint32_t nl_u32(struct nl_span value);
/* Reads an acknowledgement: *number is the errno value, 0 for success; why gets the kernel's words
 * if there are any, else is left empty. ADIT_EINVAL: m is none. */
int nl_ack(const struct nl_message *m, int *number, struct why *why);

typedef void (*nl_each)(void *arg, const struct nl_message *m);

/* Sends a request (whole messages) over a socket of its own to the kernel part `proto`, and reads
 * the answers. each (may be null) gets every answer that is no acknowledgement. The first refusal
 * is the result. */
adit_result nl_ask(int proto, const void *request, size_t size, nl_each each, void *arg,
                   struct why *why);

#endif
