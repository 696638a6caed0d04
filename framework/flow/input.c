/* SPDX-License-Identifier: MIT
 * flow/input.c - packets from the device: validated once, looked up once, and only those of an admitted flow
 * reach a stack
 *
 * TCP flows are made by a clean SYN alone, datagram flows by a datagram or an echo request. Everything else that
 * belongs to no flow is dropped and counted; a stray TCP segment is answered with a reset at a limited rate.
 * Nothing is ever written back unread.
 */
#include "flow/shard.h"

#include <string.h>

#include "base/endpoint.h"
#include "flow/tap.h"
#include "observe/log.h"
#include "os/os.h"
#include "packet/icmp_error.h"
#include "packet/parse.h"
#include "packet/verify.h"
#include "packet/wire.h"

enum { BATCH = 64 };

/* Packets on their way to one stack, in order. */
struct gather {
	struct part *stack;
	adit_buf *pkt[BATCH];
	uint32_t count;
};

static void gather_flush(struct gather *g)
{
	uint32_t n = g->count;

	if (!n)
		return;
	g->count = 0;
	part_packets(g->stack, g->pkt, n);
}

static void gather_add(struct gather *g, struct part *stack, adit_buf *b)
{
	if (g->count == BATCH || (g->count && g->stack != stack))
		gather_flush(g);
	g->stack = stack;
	g->pkt[g->count++] = b;
}

static void drop(struct shard *s, adit_buf *b, enum shard_counter why)
{
	shard_count(s, why, 1);
	bufpool_put(&b, 1);
}

static void flush_handlers(struct shard *s)
{
	uint32_t i;

	for (i = 0; i < s->part_count[PART_HANDLER]; i++)
		if (s->parts[PART_HANDLER][i])
			part_flush(s->parts[PART_HANDLER][i]);
}

/* A parked packet waits for a verdict for an unknown time: it should not hold a large buffer. */
static adit_buf *small_copy(struct shard *s, adit_buf *b)
{
	adit_buf *copy;

	if (b->len > BUFPOOL_SMALL || b->next || bufpool_get(s->bufs, &copy, 1, b->len) != 1)
		return b;
	memcpy(copy->data, b->data, b->len);
	copy->len = b->len;
	copy->flags = b->flags;
	copy->csum_start = b->csum_start;
	copy->csum_off = b->csum_off;
	copy->gso_size = b->gso_size;
	copy->hdr_len = b->hdr_len;
	bufpool_put(&b, 1);
	return copy;
}

/* The rate of the answers and that of the lines are limited. */
static void refuse_closed(struct shard *s, const adit_buf *b, const adit_addr *dst)
{
	char text[ENDPOINT_TEXT];
	uint32_t now = (uint32_t)(loop_now(s->loop) / OS_SECOND);

	/* An example a second: whoever scans is counted (refused_policy). */
	if (now != s->policy_said)
		log_info("policy", "%s is closed: refused as prohibited (\"policy\" in the manifest opens and closes)",
		         endpoint_text(dst, text));
	s->policy_said = now;
	shard_refuse_packet(s, b, ADIT_EADMIN, COUNT_refused_policy);
}

/* Null: a limit. Where it is that of half-open flows, the SYN may come again, so nobody is told. */
static struct flow *add_flow(struct shard *s, adit_buf *b, uint8_t proto, const adit_addr *src, const adit_addr *dst,
                             struct gather *g)
{
	int tcp = proto == ADIT_PROTO_TCP;
	struct flow *f;

	if (tcp && bufpool_short(s->bufs)) {
		drop(s, b, COUNT_dropped_memory);
		return NULL;
	}
	if (tcp && !s->draining && flowtable_crowded(s->flows)) {
		gather_flush(g); /* a packet must not come after its flow's end */
		flow_make_room(s);
	}
	f = s->draining ? NULL : flowtable_add(s->flows, proto, src, dst);
	if (f)
		return f;
	if (tcp && !s->draining && flowtable_crowded(s->flows)) {
		drop(s, b, COUNT_dropped_half_open);
		return NULL;
	}
	shard_refuse_packet(s, b, ADIT_EADMIN, COUNT_dropped_limit);
	bufpool_put(&b, 1);
	return NULL;
}

static void open_flow(struct shard *s, adit_buf *b, uint8_t proto, const adit_addr *src, const adit_addr *dst,
                      struct gather *g)
{
	uint8_t stack = s->stack_of[flow_protocol(proto)];
	enum packet_verdict verdict = policy_packet(&s->policy, src->family, proto, src->ip, dst->ip);
	struct flow *f;

	if (verdict != PACKET_OK) {
		/* Whoever may send at all hears that it may not go there. */
		if (verdict == PACKET_MARTIAN_DESTINATION)
			refuse_closed(s, b, dst);
		drop(s, b, COUNT_dropped_policy);
		return;
	}
	if (stack == NO_STACK) {
		shard_refuse_packet(s, b, ADIT_EADMIN, COUNT_dropped_no_stack);
		bufpool_put(&b, 1);
		return;
	}
	if (proto == ADIT_PROTO_UDP && !home_take(s, src)) { /* another shard has been faster just now */
		home_send(s, b, home_of(s, src));
		return;
	}
	f = add_flow(s, b, proto, src, dst, g);
	if (!f && proto == ADIT_PROTO_UDP)
		home_leave(s, src);
	if (!f)
		return;
	f->stack = stack;
	f->opened = loop_now(s->loop);
	f->last = (uint32_t)(f->opened / OS_SECOND);
	f->parked = small_copy(s, b);
	shard_count(s, COUNT_flows_opened, 1);
	shard_count_flow(s, COUNT_opened_tcp, f);
	verdict_ask(s, f, 0);
}

/* The segment belongs to no flow that would take it. */
static void stray(struct shard *s, adit_buf *b, const struct packet_view *v)
{
	if (!(v->tcp_flags & WIRE_TCP_RST))
		shard_refuse_packet(s, b, ADIT_EREFUSED, COUNT_refused_tcp);
	drop(s, b, COUNT_dropped_stray);
}

static int is_syn(const struct packet_view *v)
{
	return (v->tcp_flags & (WIRE_TCP_SYN | WIRE_TCP_ACKED | WIRE_TCP_RST | WIRE_TCP_FIN)) == WIRE_TCP_SYN;
}

/* Returns whether the flow takes the packet; if not, a SYN may open a new flow in its place. */
static int tcp_takes(struct shard *s, struct flow *f, const struct packet_view *v, struct gather *g)
{
	if (f->state == FLOW_CLOSED && is_syn(v)) {
		adit_flow handle = flow_handle(f);

		gather_flush(g); /* a packet of the old flow must not come after its RELEASE */
		f = flowtable_get(s->flows, handle);
		if (f)
			flow_forget(s, f);
		return 0;
	}
	return 1;
}

/* A reset of a connection that nobody has answered yet: its number is that of the parked SYN, or the next ones. */
static int resets_parked(const struct flow *f, const adit_buf *b, const struct packet_view *v)
{
	const adit_buf *syn = f->parked;
	uint32_t at = (uint32_t)v->l4 + 4;

	if (!(v->tcp_flags & WIRE_TCP_RST) || f->info.proto != ADIT_PROTO_TCP)
		return 0;
	return !syn || wire_u32(b->data, b->len, at) - wire_u32(syn->data, syn->len, (uint32_t)syn->csum_start + 4) <= syn->len;
}

/* Bytes of a stream that would wait in buffers come again later, when too many wait already. Only a stack that keeps
 * bytes has any that wait. */
static int has_room(const struct shard *s, const struct flow *f, const adit_buf *b, const struct packet_view *v)
{
	if (f->info.proto != ADIT_PROTO_TCP || !f->owner || !f->owner->waiting || v->total <= v->payload ||
	    v->tcp_flags & WIRE_TCP_RST)
		return 1;
	return b->len <= bufpool_share(s->bufs, f->owner->waiting(f));
}

static void to_flow(struct shard *s, struct flow *f, adit_buf *b, const struct packet_view *v, struct gather *g)
{
	if (f->state == FLOW_ASKED && f->info.proto != ADIT_PROTO_TCP) {
		/* The handlers have not seen the flow yet: ask them now, so that its second packet is not lost. */
		adit_flow handle = flow_handle(f);

		gather_flush(g);
		flush_handlers(s);
		f = flowtable_get(s->flows, handle);
		if (!f) {
			drop(s, b, COUNT_dropped_refused);
			return;
		}
	}
	/* A refusal is not for ever, however often somebody knocks; nor is a handshake, whatever is forged of it. */
	if (!(f->flags & FLOW_REFUSED) && (f->info.proto != ADIT_PROTO_TCP || f->flags & FLOW_ESTABLISHED))
		f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
	switch (f->state) {
	case FLOW_OPEN:
		if (!has_room(s, f, b, v)) {
			drop(s, b, COUNT_dropped_memory);
			break;
		}
		if (bufpool_scarce(s->bufs))
			b->flags |= ADIT_BUF_SCARCE;
		b->flow = flow_handle(f);
		gather_add(g, flow_stack(s, f), b);
		break;
	case FLOW_CLOSED:
		if (f->flags & FLOW_REFUSED) {
			if (f->user)
				shard_refuse_packet(s, b, (adit_result)(int64_t)f->user,
				                    f->info.proto == ADIT_PROTO_UDP ? COUNT_refused_udp : COUNT_refused_echo);
			drop(s, b, COUNT_dropped_refused);
		} else {
			b->flow = flow_handle(f);
			gather_add(g, flow_stack(s, f), b);
		}
		break;
	default:
		if (resets_parked(f, b, v)) {
			flow_unpark(f); /* the application gave up while it waited: its SYN is not answered any more */
			flow_end(s, f, ADIT_ERESET);
		}
		drop(s, b, COUNT_dropped_parked);
		break;
	}
}

/* An ICMP error from the application's side: it wants no more of a datagram flow. */
static void from_icmp_error(struct shard *s, adit_buf *b, const struct packet_view *v)
{
	struct icmp_error e;
	adit_addr src = {.family = v->version}, dst = {.family = v->version};
	struct flow *f = NULL;

	/* The quoted packet went down: from the flow's dst to its src. */
	if (icmp_error_parse(b->data, v, &e) == PACKET_OK && e.proto == ADIT_PROTO_UDP && e.result != ADIT_EAGAIN) {
		memcpy(dst.ip, b->data + e.addresses, e.address_size);
		memcpy(src.ip, b->data + e.addresses + e.address_size, e.address_size);
		dst.port = e.src_port;
		src.port = e.dst_port;
		f = flowtable_find(s->flows, e.proto, &src, &dst);
		if (!f && home_of(s, &src) != s->index) {
			home_send(s, b, home_of(s, &src));
			return;
		}
	}
	if (f && f->state == FLOW_OPEN)
		flow_end(s, f, e.result);
	drop(s, b, COUNT_dropped_icmp);
}

/* A packet of no flow may be the stack's own affair: an answer of its listener, a self-test. */
static int claimed(struct shard *s, adit_buf *b, const adit_addr *src, const adit_addr *dst, struct gather *g)
{
	uint32_t i;

	for (i = 0; i < s->part_count[PART_STACK]; i++) {
		struct part *p = s->parts[PART_STACK][i];

		int32_t mine;

		if (!p || !p->started || !(p->table.stack->flags & ADIT_STACK_CLAIMS))
			continue;
		p->inside++;
		mine = p->table.stack->claims(p->inst, src, dst);
		p->inside--;
		if (!mine)
			continue;
		b->flow = 0;
		gather_add(g, p, b);
		return 1;
	}
	return 0;
}

static void one_packet(struct shard *s, adit_buf *b, struct packet_view *v, struct gather *g)
{
	adit_addr src, dst;
	struct flow *f;
	uint8_t proto = v->proto;

	b->len = b->next ? b->len : v->total;
	b->csum_start = v->l4;
	b->hdr_len = v->payload;
	packet_endpoints(b->data, v, &src, &dst);
	if (proto == ADIT_PROTO_ICMP || proto == ADIT_PROTO_ICMPV6) {
		if (v->icmp_type == (proto == ADIT_PROTO_ICMP ? WIRE_ICMP4_ECHO : WIRE_ICMP6_ECHO)) {
			dst.port = 0;
		} else {
			from_icmp_error(s, b, v);
			return;
		}
	}
	b->csum_off = proto == ADIT_PROTO_TCP ? 16 : proto == ADIT_PROTO_UDP ? 6 : 2;
	f = flowtable_find(s->flows, proto, &src, &dst);
	if (!f && claimed(s, b, &src, &dst, g))
		return;
	if (!f && proto == ADIT_PROTO_UDP && home_of(s, &src) != s->index) {
		home_send(s, b, home_of(s, &src));
		return;
	}
	if (proto == ADIT_PROTO_TCP) {
		if (f && !tcp_takes(s, f, v, g))
			f = NULL;
		if (!f && !is_syn(v)) {
			stray(s, b, v);
			return;
		}
	}
	if (f)
		to_flow(s, f, b, v, g);
	else
		open_flow(s, b, proto, &src, &dst, g);
}

static int checksums_hold(const adit_buf *b, const struct packet_view *v)
{
	if (!packet_header_checksum_ok(b->data, v))
		return 0;
	return (b->flags & (ADIT_BUF_CSUM_NEEDED | ADIT_BUF_CSUM_OK)) || packet_checksum_ok(b->data, v);
}

static void fragment(struct shard *s, adit_buf *b, struct packet_view *v, struct gather *g)
{
	uint8_t *whole;
	uint32_t len;
	adit_buf *copy;

	if (!packet_header_checksum_ok(b->data, v) ||
	    reassembly_add(s->reassembly, v, b->data, loop_now(s->loop), &whole, &len) != PACKET_OK) {
		drop(s, b, COUNT_dropped_fragment);
		return;
	}
	bufpool_put(&b, 1);
	if (bufpool_get(s->bufs, &copy, 1, len) != 1) {
		shard_count(s, COUNT_dropped_fragment, 1);
		return;
	}
	memcpy(copy->data, whole, len);
	copy->len = len;
	if (packet_parse(copy->data, copy->len, v) != PACKET_OK || !packet_checksum_ok(copy->data, v)) {
		drop(s, copy, COUNT_dropped_checksum);
		return;
	}
	one_packet(s, copy, v, g);
}

static void judge(struct shard *s, adit_buf *b, struct gather *g)
{
	struct packet_view v;
	enum packet_verdict verdict = b->flags & ADIT_BUF_GSO ? packet_parse_super(b->data, b->len, &v)
	                                                      : packet_parse(b->data, b->len, &v);

	if (verdict == PACKET_FRAGMENT && s->reassembly)
		fragment(s, b, &v, g);
	else if (verdict != PACKET_OK)
		drop(s, b, verdict == PACKET_UNKNOWN_PROTOCOL ? COUNT_dropped_unknown : COUNT_dropped_malformed);
	else if (!checksums_hold(b, &v))
		drop(s, b, COUNT_dropped_checksum);
	else
		one_packet(s, b, &v, g);
}

void shard_input(struct shard *s, adit_buf *const *pkt, uint32_t n)
{
	struct gather g = {.count = 0};
	uint32_t i;

	if (s->taps)
		tap_packets(s, TAP_UP, pkt, n);
	for (i = 0; i < n; i++) {
		shard_count(s, COUNT_packets_up, 1);
		shard_count(s, COUNT_bytes_up, pkt[i]->len);
		judge(s, pkt[i], &g);
	}
	gather_flush(&g);
	flush_handlers(s);
}

void shard_input_home(struct shard *s, adit_buf *b)
{
	struct gather g = {.count = 0};

	judge(s, b, &g);
	gather_flush(&g);
	flush_handlers(s);
}

void shard_output(struct shard *s, adit_buf *const *pkt, uint32_t n)
{
	struct part *p = s->parts[PART_PLATFORM][0];
	uint32_t i;

	if (s->taps)
		tap_packets(s, TAP_DOWN, pkt, n);
	shard_count(s, COUNT_packets_down, n);
	for (i = 0; i < n; i++)
		shard_count(s, COUNT_bytes_down, pkt[i]->len);
	if (p)
		part_packets(p, pkt, n);
	else
		bufpool_put(pkt, n);
}
