/* SPDX-License-Identifier: MIT
 * stack-lwip/ip.c - what lwIP wants of IP: routes, and segments on their way to the device
 *
 * lwIP's own IP is not built. Up, the host has validated the packet, so the segment goes to tcp_input with the
 * addresses beside it (conn.c). Down, the functions that lwIP calls in place of its own write the headers: into a small
 * buffer in front of the payload, which is copied if it is small and lent if it is not. Checksums are left partial, and
 * a segment that is larger than the flow's MSS goes as a super-packet.
 */
#include <string.h>

#include "lwip/ip.h"
#include "lwip/nd6.h"
#include "lwip/netif.h"
#include "lwip/prot/tcp.h"

#include "lwip/priv/tcp_priv.h"

#include "stack.h"

enum { IP4_SIZE = 20, IP6_SIZE = 40, TCP_CHECK = 16, HOPS = 64 };

static struct netif device;

struct netif *ip_device(void)
{
	return &device;
}

static void set_address(ip_addr_t *to, const adit_addr *from)
{
	if (from->family == 4) {
		memcpy(&ip_2_ip4(to)->addr, from->ip, 4);
		IP_SET_TYPE_VAL(*to, IPADDR_TYPE_V4);
	} else {
		memcpy(ip_2_ip6(to)->addr, from->ip, 16);
		IP_SET_TYPE_VAL(*to, IPADDR_TYPE_V6);
	}
}

void ip_current(const adit_flow_info *info)
{
	ip_data.current_netif = ip_data.current_input_netif = &device;
	set_address(&ip_data.current_iphdr_src, &info->src);
	set_address(&ip_data.current_iphdr_dest, &info->dst);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t sum(uint32_t s, const uint8_t *p, uint32_t size)
{
	for (; size; p += 2, size -= 2)
		s += (uint32_t)p[0] << 8 | p[1];
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/* l4 bytes follow; returns the sum over the pseudo header. */
static uint16_t put_header4(uint8_t *h, const ip_addr_t *src, const ip_addr_t *dst, uint32_t l4)
{
	memset(h, 0, IP4_SIZE);
	h[0] = 0x45;
	put16(h + 2, IP4_SIZE + l4);
	h[6] = 0x40; /* do not fragment: then the identification may be 0 (RFC 6864) */
	h[8] = HOPS;
	h[9] = IP_PROTO_TCP;
	memcpy(h + 12, &ip_2_ip4(src)->addr, 4);
	memcpy(h + 16, &ip_2_ip4(dst)->addr, 4);
	put16(h + 10, (uint16_t)~fold(sum(0, h, IP4_SIZE)));
	return fold(sum(IP_PROTO_TCP + l4, h + 12, 8));
}

static uint16_t put_header6(uint8_t *h, const ip_addr_t *src, const ip_addr_t *dst, uint32_t l4)
{
	memset(h, 0, IP6_SIZE);
	h[0] = 0x60;
	put16(h + 4, l4);
	h[6] = IP_PROTO_TCP;
	h[7] = HOPS;
	memcpy(h + 8, ip_2_ip6(src)->addr, 16);
	memcpy(h + 24, ip_2_ip6(dst)->addr, 16);
	return fold(sum(IP_PROTO_TCP + l4, h + 8, 32));
}

/* The headers of the segment p, whose TCP header is size bytes long, in front of what b holds of its payload. */
static void put_headers(adit_buf *b, const struct pbuf *p, const ip_addr_t *src, const ip_addr_t *dst, uint32_t size,
                        uint32_t payload, uint32_t seq)
{
	uint32_t ip = IP_IS_V6(src) ? IP6_SIZE : IP4_SIZE;
	struct tcp_hdr *tcp;
	uint16_t pseudo;

	b->data -= ip + size;
	b->len += ip + size;
	pseudo = ip == IP6_SIZE ? put_header6(b->data, src, dst, size + payload)
	                        : put_header4(b->data, src, dst, size + payload);
	memcpy(b->data + ip, p->payload, size);
	tcp = (struct tcp_hdr *)(void *)(b->data + ip);
	tcp->seqno = lwip_htonl(seq);
	put16(b->data + ip + TCP_CHECK, pseudo);
	b->flags = ADIT_BUF_CSUM_NEEDED;
	b->csum_start = (uint16_t)ip;
	b->csum_off = TCP_CHECK;
	b->hdr_len = (uint16_t)(ip + size);
}

/* Behind room for headers, payload bytes of p from `skip` on, or seq on. Null: no buffer is to be had. */
static adit_buf *fetch_payload(struct conn *c, const struct pbuf *p, uint32_t skip, uint32_t payload, uint32_t seq)
{
	struct stack *st = c->stack;
	adit_buf *b, *lent = NULL;

	if (payload > COPY_MOST)
		lent = down_lend(c, seq, payload);
	if (st->path->get(st->path->end, &b, 1, lent ? 0 : payload) != 1) {
		if (lent)
			put_buf(st, lent);
		return NULL;
	}
	if (!lent && payload) {
		pbuf_copy_partial(p, b->data, (uint16_t)payload, (uint16_t)skip);
		b->len = payload;
	}
	b->next = lent;
	return b;
}

static err_t send_segment(const struct pbuf *p, const ip_addr_t *src, const ip_addr_t *dst)
{
	struct stack *st = port_stack;
	struct conn *c = st->current;
	const struct tcp_hdr *tcp = p->payload;
	uint32_t size = TCPH_HDRLEN_BYTES(tcp), payload = p->tot_len - size, seq = lwip_ntohl(tcp->seqno), skip = size;
	struct tcp_pcb *pcb = tcp_active_pcbs;
	uint32_t acked = pcb ? pcb->lastack - seq : 0;
	adit_buf *b;

	/* Sent again: what has been acknowledged of it is not. */
	if (payload && acked && acked <= payload && TCP_SEQ_LT(seq, pcb->lastack)) {
		payload -= acked;
		skip += acked;
		seq += acked;
	}
	b = fetch_payload(c, p, skip, payload, seq);
	if (!b) {
		st->counts.starved++;
		return ERR_BUF;
	}
	put_headers(b, p, src, dst, size, payload, seq);
	if (pcb && payload > pcb->mss && pcb->mss) {
		b->flags |= IP_IS_V6(src) ? ADIT_BUF_GSO_TCP6 : ADIT_BUF_GSO_TCP4;
		b->gso_size = pcb->mss;
	}
	stack_output(st, b);
	return ERR_OK;
}

err_t ip4_output_if(struct pbuf *p, const ip4_addr_t *src, const ip4_addr_t *dest, u8_t ttl, u8_t tos, u8_t proto,
                    struct netif *netif)
{
	ip_addr_t from, to;

	ip_addr_copy_from_ip4(from, *src);
	ip_addr_copy_from_ip4(to, *dest);
	return send_segment(p, &from, &to);
}

err_t ip6_output_if(struct pbuf *p, const ip6_addr_t *src, const ip6_addr_t *dest, u8_t hl, u8_t tc, u8_t nexth,
                    struct netif *netif)
{
	ip_addr_t from, to;

	ip_addr_copy_from_ip6(from, *src);
	ip_addr_copy_from_ip6(to, *dest);
	return send_segment(p, &from, &to);
}

/* The one device. Its MTU is made such that the MSS we announce is the one that the other side has: lwIP asks for the
 * route each time it needs an MTU. */
static struct netif *route(uint32_t headers)
{
	device.mtu = tcp_active_pcbs ? (u16_t)LWIP_MIN(tcp_active_pcbs->mss + headers, UINT16_MAX) : 0;
	return &device;
}

struct netif *ip4_route(const ip4_addr_t *dest)
{
	return route(IP4_SIZE + TCP_HLEN);
}

struct netif *ip6_route(const ip6_addr_t *src, const ip6_addr_t *dest)
{
	return route(IP6_SIZE + TCP_HLEN);
}

u16_t nd6_get_destination_mtu(const ip6_addr_t *ip6addr, struct netif *netif)
{
	return netif->mtu;
}

struct netif *netif_get_by_index(u8_t idx)
{
	return &device;
}

const ip_addr_t *ip6_select_source_address(struct netif *netif, const ip6_addr_t *dest)
{
	return NULL; /* every connection has its address from the SYN */
}

/* Packets do not come by these. */
err_t ip4_input(struct pbuf *p, struct netif *inp)
{
	pbuf_free(p);
	return ERR_VAL;
}

err_t ip6_input(struct pbuf *p, struct netif *inp)
{
	pbuf_free(p);
	return ERR_VAL;
}
