/* SPDX-License-Identifier: MIT
 * platform-linux/netlink.c - netlink on the wire: building requests, reading answers
 */
#include "netlink.h"

#include <linux/netlink.h>
#include <string.h>

enum { ALIGN = 4, HEAD = 16, ATTR = 4 };

static size_t padded(size_t size)
{
	return (size + ALIGN - 1) / ALIGN * ALIGN;
}

void nl_init(struct nl_writer *w, void *data, size_t room)
{
	w->data = data;
	w->room = room;
	w->size = 0;
	w->start = 0;
	w->full = 0;
}

/* Room for size bytes and their padding, zeroed; null when there is none. */
static uint8_t *grow(struct nl_writer *w, size_t size)
{
	uint8_t *p = w->data + w->size;

	if (w->full || size > NL_MOST || padded(size) > w->room - w->size) {
		w->full = 1;
		return NULL;
	}
	memset(p, 0, padded(size));
	w->size += padded(size);
	return p;
}

/* Writes the length of the message under construction. */
static void seal(struct nl_writer *w)
{
	uint32_t size = (uint32_t)(w->size - w->start);

	if (!w->full && size)
		memcpy(w->data + w->start, &size, sizeof(size));
}

void nl_begin(struct nl_writer *w, uint16_t type, uint16_t flags, uint32_t serial, const void *head,
              size_t size)
{
	uint8_t *p;

	seal(w);
	w->start = w->size;
	p = grow(w, HEAD);
	if (!p)
		return;
	memcpy(p + 4, &type, sizeof(type));
	memcpy(p + 6, &flags, sizeof(flags));
	memcpy(p + 8, &serial, sizeof(serial));
	p = grow(w, size);
	if (p && size)
		memcpy(p, head, size);
}

void nl_put(struct nl_writer *w, uint16_t type, const void *value, size_t size)
{
	uint16_t total = (uint16_t)(ATTR + size);
	uint8_t *p = size <= UINT16_MAX - ATTR ? grow(w, ATTR + size) : NULL;

	if (!p) {
		w->full = 1;
		return;
	}
	memcpy(p, &total, sizeof(total));
	memcpy(p + 2, &type, sizeof(type));
	if (size)
		memcpy(p + ATTR, value, size);
}

void nl_put_u32(struct nl_writer *w, uint16_t type, uint32_t value)
{
	nl_put(w, type, &value, sizeof(value));
}

size_t nl_nest(struct nl_writer *w, uint16_t type)
{
	size_t mark = w->size;

	nl_put(w, type | NLA_F_NESTED, NULL, 0);
	return mark;
}

void nl_leave(struct nl_writer *w, size_t mark)
{
	size_t size = w->size - mark;
	uint16_t total = (uint16_t)size;

	if (size > UINT16_MAX)
		w->full = 1;
	if (!w->full)
		memcpy(w->data + mark, &total, sizeof(total));
}

int64_t nl_done(struct nl_writer *w)
{
	seal(w);
	return w->full ? ADIT_ELIMIT : (int64_t)w->size;
}

/* Takes `size` bytes and their padding off rest; the padding of the last piece may be missing. */
static void advance(struct nl_span *rest, size_t size)
{
	size_t step = padded(size);

	if (step > rest->size)
		step = rest->size;
	rest->data += step;
	rest->size -= step;
}

int nl_message(struct nl_span *rest, struct nl_message *out)
{
	uint32_t size;

	if (!rest->size)
		return 0;
	if (rest->size < HEAD)
		return ADIT_EINVAL;
	memcpy(&size, rest->data, sizeof(size));
	if (size < HEAD || size > rest->size)
		return ADIT_EINVAL;
	memcpy(&out->type, rest->data + 4, sizeof(out->type));
	memcpy(&out->flags, rest->data + 6, sizeof(out->flags));
	memcpy(&out->serial, rest->data + 8, sizeof(out->serial));
	out->body.data = rest->data + HEAD;
	out->body.size = size - HEAD;
	advance(rest, size);
	return 1;
}

int nl_attribute(struct nl_span *rest, uint16_t *type, struct nl_span *value)
{
	uint16_t size;

	if (!rest->size)
		return 0;
	if (rest->size < ATTR)
		return ADIT_EINVAL;
	memcpy(&size, rest->data, sizeof(size));
	if (size < ATTR || size > rest->size)
		return ADIT_EINVAL;
	memcpy(type, rest->data + 2, sizeof(*type));
	*type &= NLA_TYPE_MASK;
	value->data = rest->data + ATTR;
	value->size = size - (size_t)ATTR;
	advance(rest, size);
	return 1;
}

int nl_skip(struct nl_span *rest, size_t size)
{
	if (rest->size < size)
		return ADIT_EINVAL;
	advance(rest, size);
	return 0;
}

uint32_t nl_u32(struct nl_span value)
{
	uint32_t number = 0;

	if (value.size == sizeof(number))
		memcpy(&number, value.data, sizeof(number));
	return number;
}

/* The kernel's words among the attributes of an acknowledgement. */
static void words(struct nl_span rest, struct why *why)
{
	struct nl_span value;
	uint16_t type;

	while (nl_attribute(&rest, &type, &value) == 1) {
		size_t size = value.size;

		if (type != NLMSGERR_ATTR_MSG)
			continue;
		if (size >= sizeof(why->text))
			size = sizeof(why->text) - 1;
		memcpy(why->text, value.data, size);
		why->text[size] = '\0';
	}
}

int nl_ack(const struct nl_message *m, int *number, struct why *why)
{
	struct nl_span rest = m->body;
	int32_t error;
	uint32_t echoed;

	if (m->type != NLMSG_ERROR && m->type != NLMSG_DONE)
		return ADIT_EINVAL;
	if (why)
		why->text[0] = '\0';
	*number = 0;
	if (m->type == NLMSG_DONE && rest.size < sizeof(error))
		return 0;
	if (rest.size < sizeof(error))
		return ADIT_EINVAL;
	memcpy(&error, rest.data, sizeof(error));
	advance(&rest, sizeof(error));
	if (error > 0 || error < -4095)
		return ADIT_EINVAL;
	*number = -error;
	if (m->type == NLMSG_ERROR) {
		/* The request follows, its header alone when the kernel says CAPPED. */
		if (rest.size < HEAD)
			return ADIT_EINVAL;
		memcpy(&echoed, rest.data, sizeof(echoed));
		if (nl_skip(&rest, m->flags & NLM_F_CAPPED ? HEAD : echoed))
			return ADIT_EINVAL;
	}
	if (why && m->flags & NLM_F_ACK_TLVS)
		words(rest, why);
	return 0;
}
