/* SPDX-License-Identifier: MIT
 * stack-system/message.h - netlink messages, written only
 *
 * Several messages go into one buffer of fixed size; what does not fit marks the buffer as overrun,
 * which is asked once, at the end. Reading is the place's affair.
 */
#ifndef STACK_SYSTEM_MESSAGE_H
#define STACK_SYSTEM_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

struct message {
	uint8_t *bytes;
	size_t size, room;
	size_t start; /* of the message being written */
	uint32_t sequence;
	int overrun;
};

void message_init(struct message *m, void *bytes, size_t room);
/* Begins a message with a family header of the given size, and ends the one before. */
void message_begin(struct message *m, uint16_t type, uint16_t flags, const void *header,
                   size_t size);
/* Ends the last message. Nonzero: everything did fit. */
int message_done(struct message *m);

void message_put(struct message *m, uint16_t type, const void *data, size_t size);
void message_text(struct message *m, uint16_t type, const char *text); /* with its null */
void message_u8(struct message *m, uint16_t type, uint8_t value);
void message_u32(struct message *m, uint16_t type, uint32_t value);
void message_be32(struct message *m, uint16_t type, uint32_t value);
/* A nest of attributes: what is put until message_close() lies in it. */
size_t message_open(struct message *m, uint16_t type);
void message_close(struct message *m, size_t nest);

#endif
