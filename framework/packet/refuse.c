/* SPDX-License-Identifier: MIT
 * packet/refuse.c - answers that say no
 */
#include "packet/refuse.h"

#include <string.h>

#include "packet/checksum.h"
#include "packet/wire.h"

enum {
	HOPS = 64,
	ICMP4_MOST = 576, /* RFC 1812: as much as fits in this, headers included */
	ICMP6_MOST = REFUSE_ROOM
};

enum refuse_kind refuse_kind_of(adit_result code)
{
	switch (code) {
	case ADIT_EREFUSED:
		return REFUSE_PORT;
	case ADIT_EHOST:
	case ADIT_ETIME:
		return REFUSE_HOST;
	case ADIT_ENET:
		return REFUSE_NET;
	default:
		return REFUSE_ADMIN;
	}
}

/* May the owner of this address be spoken to, or speak? Multicast, broadcast and "nobody yet" may not. */
static bool is_one_host(uint8_t version, const uint8_t *ip)
{
	static const uint8_t none[16];

	if (version == 4)
		return ip[0] != 0 && ip[0] < 224;
	return ip[0] != 0xff && memcmp(ip, none, 16) != 0;
}

/* Writes the IP header of an answer of `size` bytes to the packet's source. Gives where its L4 begins. */
static uint32_t put_header(const uint8_t *data, const struct packet_view *view, const uint8_t *from, uint8_t proto,
                           uint32_t size, uint8_t *out)
{
	const uint8_t *to = data + view->addresses;

	if (view->version == 4) {
		memset(out, 0, WIRE_IPV4_SIZE);
		out[0] = 0x45;
		wire_put16(out + WIRE_IPV4_TOTAL, (uint16_t)size);
		wire_put16(out + WIRE_IPV4_FRAGMENT, 0x4000);
		out[WIRE_IPV4_TTL] = HOPS;
		out[WIRE_IPV4_PROTO] = proto;
		memcpy(out + WIRE_IPV4_SRC, from, 4);
		memcpy(out + WIRE_IPV4_DST, to, 4);
		wire_put16(out + WIRE_IPV4_CHECKSUM, checksum_finish(checksum_add(0, out, WIRE_IPV4_SIZE)));
		return WIRE_IPV4_SIZE;
	}
	memset(out, 0, WIRE_IPV6_SRC);
	out[0] = 0x60;
	wire_put16(out + WIRE_IPV6_PAYLOAD, (uint16_t)(size - WIRE_IPV6_SIZE));
	out[WIRE_IPV6_NEXT] = proto;
	out[WIRE_IPV6_HOPS] = HOPS;
	memcpy(out + WIRE_IPV6_SRC, from, 16);
	memcpy(out + WIRE_IPV6_DST, to, 16);
	return WIRE_IPV6_SIZE;
}

/* Writes the L4 checksum at check, a field of the L4 header at l4 that is 0 so far. */
static void put_checksum(uint8_t *out, const struct packet_view *view, uint32_t l4, uint32_t size, uint8_t proto,
                         uint32_t check)
{
	uint64_t sum = 0;

	if (proto != WIRE_NEXT_ICMP)
		sum = checksum_pseudo(0, out + view->addresses, view->address_size, proto, size - l4);
	wire_put16(out + l4 + check, checksum_finish(checksum_add(sum, out + l4, size - l4)));
}

uint32_t refuse_reset(const uint8_t *data, const struct packet_view *view, uint8_t *out, uint32_t room)
{
	uint32_t size = (view->version == 4 ? WIRE_IPV4_SIZE : WIRE_IPV6_SIZE) + (uint32_t)WIRE_TCP_SIZE;
	uint32_t l4, seq, taken;
	const uint8_t *src = data + view->addresses, *dst = src + view->address_size;
	uint8_t *tcp;

	if (view->proto != ADIT_PROTO_TCP || view->fragment_data || view->tcp_flags & WIRE_TCP_RST || room < size ||
	    !is_one_host(view->version, src) || !is_one_host(view->version, dst))
		return 0;
	l4 = put_header(data, view, dst, ADIT_PROTO_TCP, size, out);
	tcp = out + l4;
	memset(tcp, 0, WIRE_TCP_SIZE);
	wire_put16(tcp, view->dst_port);
	wire_put16(tcp + 2, view->src_port);
	tcp[WIRE_TCP_OFFSET] = WIRE_TCP_SIZE / 4 * 16;
	if (view->tcp_flags & WIRE_TCP_ACKED) {
		memcpy(tcp + WIRE_TCP_SEQ, data + view->l4 + WIRE_TCP_ACK, 4);
		tcp[WIRE_TCP_FLAGS] = WIRE_TCP_RST;
	} else {
		seq = wire_u32(data, view->total, view->l4 + (uint32_t)WIRE_TCP_SEQ);
		/* packet_parse lets nothing but a SYN pass without ACK or RST, and no FIN with it. */
		taken = view->total - view->payload + 1;
		wire_put32(tcp + WIRE_TCP_ACK, seq + taken);
		tcp[WIRE_TCP_FLAGS] = WIRE_TCP_RST | WIRE_TCP_ACKED;
	}
	put_checksum(out, view, l4, size, ADIT_PROTO_TCP, WIRE_TCP_CHECKSUM);
	return size;
}

/* ICMP that is not a question is not answered: RFC 1122 section 3.2.2 for errors, and the same care for the rest. */
static bool is_question(const struct packet_view *view)
{
	if (view->version == 4)
		return view->icmp_type == WIRE_ICMP4_ECHO || view->icmp_type == 13 || view->icmp_type == 15 ||
		       view->icmp_type == 17;
	return view->icmp_type == WIRE_ICMP6_ECHO;
}

static bool may_answer(const uint8_t *data, const struct packet_view *view, const uint8_t *from)
{
	const uint8_t *src = data + view->addresses;
	bool icmp = view->proto == (view->version == 4 ? ADIT_PROTO_ICMP : ADIT_PROTO_ICMPV6);

	if (view->fragment_data && view->fragment_offset)
		return false;
	if (icmp && (view->fragment_data || !is_question(view)))
		return false; /* of ICMP in fragments the view does not tell the type */
	if (view->proto == ADIT_PROTO_TCP && view->tcp_flags & WIRE_TCP_RST)
		return false;
	return is_one_host(view->version, src) && is_one_host(view->version, src + view->address_size) &&
	       is_one_host(view->version, from);
}

static void put_type(uint8_t *icmp, const struct packet_view *view, enum refuse_kind kind)
{
	static const uint8_t code4[] = {
		[REFUSE_PORT] = 3, [REFUSE_HOST] = 1, [REFUSE_NET] = 0, [REFUSE_ADMIN] = 13, [REFUSE_PROTOCOL] = 2};
	static const uint8_t code6[] = {
		[REFUSE_PORT] = 4, [REFUSE_HOST] = 3, [REFUSE_NET] = 0, [REFUSE_ADMIN] = 1, [REFUSE_PROTOCOL] = 1};

	memset(icmp, 0, WIRE_ICMP_SIZE);
	icmp[WIRE_ICMP_CODE] = view->version == 4 ? code4[kind] : code6[kind];
	if (view->version == 4) {
		icmp[0] = WIRE_ICMP4_UNREACHABLE;
	} else if (kind == REFUSE_PROTOCOL) {
		icmp[0] = WIRE_ICMP6_PARAMETER; /* "unrecognized next header", with where it is named */
		wire_put32(icmp + 4, view->next_at);
	} else {
		icmp[0] = WIRE_ICMP6_UNREACHABLE;
	}
}

uint32_t refuse_unreachable(const uint8_t *data, const struct packet_view *view, enum refuse_kind kind,
                            const uint8_t *from, uint8_t *out, uint32_t room)
{
	uint32_t most = view->version == 4 ? ICMP4_MOST : ICMP6_MOST;
	uint32_t headers = (view->version == 4 ? WIRE_IPV4_SIZE : WIRE_IPV6_SIZE) + (uint32_t)WIRE_ICMP_SIZE;
	uint32_t quoted = view->total, size, l4;
	uint8_t proto = view->version == 4 ? ADIT_PROTO_ICMP : ADIT_PROTO_ICMPV6;

	if (!from)
		from = data + view->addresses + view->address_size;
	if (quoted > most - headers)
		quoted = most - headers;
	size = headers + quoted;
	if (room < size || !may_answer(data, view, from))
		return 0;
	l4 = put_header(data, view, from, proto, size, out);
	put_type(out + l4, view, kind);
	memcpy(out + headers, data, quoted);
	put_checksum(out, view, l4, size, proto, WIRE_ICMP_CHECKSUM);
	return size;
}

void refuse_limit_init(struct refuse_limit *limit, uint32_t rate, uint32_t burst)
{
	limit->interval_ns = 1000000000u / rate;
	limit->last_ns = 0;
	limit->burst = burst;
	limit->tokens = burst;
}

bool refuse_limit_take(struct refuse_limit *limit, uint64_t now_ns)
{
	uint64_t gained = now_ns > limit->last_ns ? (now_ns - limit->last_ns) / limit->interval_ns : 0;

	if (gained >= limit->burst - limit->tokens) {
		limit->tokens = limit->burst;
		limit->last_ns = now_ns > limit->last_ns ? now_ns : limit->last_ns;
	} else {
		limit->tokens += (uint32_t)gained;
		limit->last_ns += gained * limit->interval_ns;
	}
	if (!limit->tokens)
		return false;
	limit->tokens--;
	return true;
}
