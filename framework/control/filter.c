/* SPDX-License-Identifier: MIT
 * control/filter.c - which rows are wanted, and in which order
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <adit/adit.h>

#include "base/endpoint.h"
#include "control/row.h"
#include "flow/flowid.h"

static const char *const states[] = {"all", "asked", "dial", "handshake", "open", "refused", "closed"};

static int is_state(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(states[i], text))
			return 1;
	return 0;
}

static void take(char *out, size_t size, const struct argument_value *v)
{
	snprintf(out, size, "%s", v->given ? v->text : "");
}

int filter_read(struct filter *f, const struct request *q, char why[REQUEST_WHY])
{
	const char *proto = q->arg[ARG_PROTO].given ? q->arg[ARG_PROTO].text : NULL;
	const char *state = q->arg[ARG_STATE].given ? q->arg[ARG_STATE].text : NULL;

	memset(f, 0, sizeof(*f));
	if (proto) {
		f->proto = !strcmp(proto, "tcp")    ? ADIT_PROTO_TCP
		           : !strcmp(proto, "udp")  ? ADIT_PROTO_UDP
		           : !strcmp(proto, "icmp") ? ADIT_PROTO_ICMP
		                                    : 0;
		if (!f->proto) {
			snprintf(why, REQUEST_WHY, "\"proto\" is tcp, udp or icmp");
			return ADIT_EINVAL;
		}
	}
	if (state && !is_state(state)) {
		snprintf(why, REQUEST_WHY, "\"state\" is all, asked, dial, handshake, open, refused or closed");
		return ADIT_EINVAL;
	}
	if (q->arg[ARG_ADDRESS].given && !format_cidr(q->arg[ARG_ADDRESS].text, &f->address)) {
		snprintf(why, REQUEST_WHY, "\"address\" is an address, or a prefix such as 192.0.2.0/24");
		return ADIT_EINVAL;
	}
	f->by_address = q->arg[ARG_ADDRESS].given;
	f->by_port = q->arg[ARG_PORT].given;
	f->port = (uint16_t)q->arg[ARG_PORT].number;
	take(f->handler, sizeof(f->handler), &q->arg[ARG_HANDLER]);
	take(f->outbound, sizeof(f->outbound), &q->arg[ARG_OUTBOUND]);
	take(f->stack, sizeof(f->stack), &q->arg[ARG_STACK]);
	take(f->state, sizeof(f->state), &q->arg[ARG_STATE]);
	take(f->text, sizeof(f->text), &q->arg[ARG_TEXT]);
	return 0;
}

bool filter_is_empty(const struct filter *f)
{
	return !f->proto && !f->by_address && !f->by_port && !*f->handler && !*f->outbound && !*f->stack && !*f->state &&
	       !*f->text;
}

static bool has_prefix(const adit_addr *a, const struct format_prefix *p)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (a->family != p->family || memcmp(a->ip, p->ip, whole))
		return false;
	return !rest || (a->ip[whole] ^ p->ip[whole]) >> (8 - rest) == 0;
}

static bool shows(const struct flow_row *row, const char *text)
{
	char src[ENDPOINT_TEXT], dst[ENDPOINT_TEXT], id[FLOWID_TEXT];
	const char *const shown[] = {
		flowid_text(row->handle, row->shard, row->shards, id),
		row_proto(row),
		endpoint_text(&row->src, src),
		endpoint_text(&row->dst, dst),
		row->name,
		row->handler,
		row->outbound,
		row->stack,
		row_state(row),
	};
	size_t i;

	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (strcasestr(shown[i], text))
			return true;
	return false;
}

static bool fits_proto(uint8_t wanted, uint8_t is)
{
	return !wanted || is == wanted || (wanted == ADIT_PROTO_ICMP && is == ADIT_PROTO_ICMPV6);
}

bool filter_fits(const struct filter *f, const struct flow_row *row)
{
	if (!fits_proto(f->proto, row->proto))
		return false;
	if (f->by_port && row->dst.port != f->port && row->src.port != f->port)
		return false;
	if (f->by_address && !has_prefix(&row->dst, &f->address) && !has_prefix(&row->src, &f->address))
		return false;
	if ((*f->handler && strcmp(f->handler, row->handler)) || (*f->outbound && strcmp(f->outbound, row->outbound)) ||
	    (*f->stack && strcmp(f->stack, row->stack)))
		return false;
	if (!*f->state ? row->state == FLOW_CLOSED : strcmp(f->state, "all") && strcmp(f->state, row_state(row)))
		return false;
	return !*f->text || shows(row, f->text);
}

/* ---- order ---- */

static const char *const sort_keys[SORT_KEYS] = {"none", "up-rate", "down-rate", "rate", "up", "down", "age", "idle", "dst"};

enum sort sort_named(const char *name)
{
	unsigned i;

	for (i = 0; i < SORT_KEYS && strcmp(sort_keys[i], name) != 0; i++)
		;
	return (enum sort)i;
}

const char *sort_names(void)
{
	return "none, up-rate, down-rate, rate, up, down, age, idle or dst";
}

static uint64_t known(uint64_t rate)
{
	return rate == ROW_NO_RATE ? 0 : rate;
}

static uint64_t key_of(enum sort by, const struct flow_row *r)
{
	switch (by) {
	case SORT_UP_RATE:
		return known(r->rate_up);
	case SORT_DOWN_RATE:
		return known(r->rate_down);
	case SORT_RATE:
		return known(r->rate_up) + known(r->rate_down);
	case SORT_UP:
		return r->bytes_up;
	case SORT_DOWN:
		return r->bytes_down;
	case SORT_AGE:
		return r->age;
	case SORT_IDLE:
		return r->idle;
	default:
		return 0;
	}
}

int sort_compare(enum sort by, const struct flow_row *a, const struct flow_row *b)
{
	uint64_t left = key_of(by, a), right = key_of(by, b);
	int order = left > right ? -1 : left < right;

	if (by == SORT_DST) {
		order = strcasecmp(a->name, b->name);
		if (!order)
			order = (int)a->dst.family - (int)b->dst.family;
		if (!order)
			order = memcmp(a->dst.ip, b->dst.ip, sizeof(a->dst.ip));
		if (!order)
			order = (int)a->dst.port - (int)b->dst.port;
	}
	/* Equal rows keep their places from one look to the next. */
	if (!order)
		order = a->handle != b->handle ? (a->handle > b->handle) - (a->handle < b->handle)
		                               : (a->shard > b->shard) - (a->shard < b->shard);
	return order;
}
