/* SPDX-License-Identifier: MIT
 * stack-lwip/lwipopts.h - lwIP's options: TCP for IPv4 and IPv6 and nothing else
 *
 * IP itself is not lwIP's here (ip.c): the host has validated every packet, and the headers of what goes down are
 * written in one place. UDP and ICMP never enter lwIP.
 */
#ifndef STACK_LWIP_LWIPOPTS_H
#define STACK_LWIP_LWIPOPTS_H

#include <stdint.h>

/* One thread, no operating system, no timers of lwIP's own (timer.c). */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_TIMERS 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_STATS 0

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_SINGLE_NETIF 1
#define LWIP_IPV6_SCOPES 0
#define LWIP_TCP 1
#define LWIP_UDP 0
#define LWIP_RAW 0
#define LWIP_ICMP 0
#define LWIP_ICMP6 0
#define LWIP_ARP 0
#define LWIP_DHCP 0
#define LWIP_DNS 0
#define LWIP_IGMP 0
#define LWIP_IPV6_MLD 0
#define LWIP_IPV6_AUTOCONFIG 0
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 0
#define LWIP_IPV6_FRAG 0
#define LWIP_IPV6_REASS 0
#define LWIP_ND6_TCP_REACHABILITY_HINTS 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define PPP_SUPPORT 0

/* Memory: every block by itself, out of one counted total. */
#define MEM_CUSTOM_ALLOCATOR 1
#define MEM_CUSTOM_MALLOC(size) port_alloc(size)
#define MEM_CUSTOM_CALLOC(count, size) port_alloc_array(count, size)
#define MEM_CUSTOM_FREE(mem) port_free(mem)
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define PBUF_POOL_FREE_OOSEQ 0
#define PBUF_LINK_HLEN 0
#define PBUF_LINK_ENCAPSULATION_HLEN 0

/* The host verifies what comes up; what goes down leaves with a partial checksum (ADIT_BUF_CSUM_NEEDED). */
#define CHECKSUM_GEN_IP 0
#define CHECKSUM_GEN_TCP 0
#define CHECKSUM_CHECK_IP 0
#define CHECKSUM_CHECK_TCP 0
#define LWIP_CHECKSUM_ON_COPY 0

/* As large as one packet can be: the MSS of a flow is what its application's kernel says of its device, and ours is
 * made the same (ip.c). */
#define TCP_MSS 65495
#define TCP_CALCULATE_EFF_SEND_MSS 1
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 8
#define TCP_WND port_window
#define TCP_WND_UPDATE_THRESHOLD (TCP_WND / 4)
#define TCP_SND_BUF 16776960u
#define TCP_SNDLOWAT 1
#define TCP_SNDQUEUELOWAT 1
#define TCP_SND_QUEUELEN 0xfff0
#define TCP_OVERSIZE 0
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_PBUFS 2048
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_MAX_SACK_NUM 4
/* lwIP measures no round trip by timestamps and checks no wrapped sequence numbers by them: they would only cost. */
#define LWIP_TCP_TIMESTAMPS 0
#define TCP_LISTEN_BACKLOG 0
#define LWIP_TCP_KEEPALIVE 1
#define LWIP_TCP_RTO_TIME 1000 /* RFC 6298 */
#define TCP_MAXRTX 12
#define TCP_TTL 64

/* Half of a slow tick: 100 ms of grain make a least retransmission timeout of 200 to 300 ms. Only connections that
 * wait for something tick (timer.c). */
#define TCP_TMR_INTERVAL 50

/* RFC 6528; the addresses are ip_addr_t, which is not known here yet. */
uint32_t port_isn(const void *local, uint16_t local_port, const void *remote, uint16_t remote_port);
#define LWIP_HOOK_TCP_ISN port_isn

#endif
