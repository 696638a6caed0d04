/* SPDX-License-Identifier: MIT
 * stack-system/message.c - netlink messages, written only
 */
#include "message.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <string.h>

void message_init(struct message *m, void *bytes, size_t room)
{
	memset(m, 0, sizeof(*m));
	m->bytes = bytes;
	m->room = room;
	m->start = SIZE_MAX;
}

/* Room for size bytes, padded to four and zeroed; null when full. */
static uint8_t *take(struct message *m, size_t size)
{
	size_t padded = (size + 3) & ~(size_t)3;
	uint8_t *at = m->bytes + m->size;

	if (m->overrun || padded < size || padded > m->room - m->size) {
		m->overrun = 1;
		return NULL;
	}
	memset(at, 0, padded);
	m->size += padded;
	return at;
}

static void end_message(struct message *m)
{
	uint32_t size;

	if (m->start == SIZE_MAX || m->overrun)
		return;
	size = (uint32_t)(m->size - m->start);
	memcpy(m->bytes + m->start, &size, sizeof(size));
}

void message_begin(struct message *m, uint16_t type, uint16_t flags, const void *header,
                   size_t size)
{
	struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST)};
	size_t start;
	uint8_t *at;

	end_message(m);
	start = m->size;
	h.nlmsg_seq = ++m->sequence;
	at = take(m, sizeof(h));
	if (at)
		memcpy(at, &h, sizeof(h));
	at = take(m, size);
	if (at)
		memcpy(at, header, size);
	m->start = start;
}

int message_done(struct message *m)
{
	end_message(m);
	return !m->overrun;
}

void message_put(struct message *m, uint16_t type, const void *data, size_t size)
{
	struct nlattr a = {.nla_len = (uint16_t)(sizeof(a) + size), .nla_type = type};
	uint8_t *at = take(m, sizeof(a) + size);

	if (!at)
		return;
	memcpy(at, &a, sizeof(a));
	if (size)
		memcpy(at + sizeof(a), data, size);
}

void message_text(struct message *m, uint16_t type, const char *text)
{
	message_put(m, type, text, strlen(text) + 1);
}

void message_u8(struct message *m, uint16_t type, uint8_t value)
{
	message_put(m, type, &value, sizeof(value));
}

void message_u32(struct message *m, uint16_t type, uint32_t value)
{
	message_put(m, type, &value, sizeof(value));
}

void message_be32(struct message *m, uint16_t type, uint32_t value)
{
	message_u32(m, type, htonl(value));
}

size_t message_open(struct message *m, uint16_t type)
{
	size_t nest = m->size;

	message_put(m, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
	return nest;
}

void message_close(struct message *m, size_t nest)
{
	uint16_t size = (uint16_t)(m->size - nest);

	if (!m->overrun)
		memcpy(m->bytes + nest, &size, sizeof(size));
}
