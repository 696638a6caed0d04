/* SPDX-License-Identifier: MIT
 * adit/place.h - places: network namespaces in which somebody with the right makes things for us
 *
 * Offered by platform-linux. A place is served by an agent: a small process of our own that lives in the
 * namespace, holds the privileges there, answers a fixed set of requests, and ends when we end. Descriptors it
 * makes are passed out, so the host itself needs no privilege. Where the place is the process's own namespace
 * the same requests are served in the process.
 *
 * Everything is [control] and blocks for at most two seconds (ADIT_ETIME).
 */
#ifndef ADIT_PLACE_H
#define ADIT_PLACE_H

#include "flow.h"

ADIT_BEGIN_DECLS

typedef struct adit_place adit_place;

enum {
	ADIT_SOCK_TRANSPARENT = 1, /* may be bound to, and accept for, addresses that are not local */
	ADIT_SOCK_REUSEPORT = 2,
	ADIT_SOCK_LISTEN = 4,
	ADIT_SOCK_V6ONLY = 8
};

#define ADIT_PLACE_1 "adit.place/1"
typedef struct adit_place_1 {
	uint32_t size;
	uint32_t zero;
	/* The place where the applications and the device are. Kept. Null before the platform is open. */
	adit_place *(ADIT_CALL *device)(void);
	/* A fresh network namespace that nobody else holds, with loopback up; it goes when closed, or when the process
	 * ends. Works for an ordinary user where user namespaces are allowed. ADIT_EPERM, ADIT_ENOSYS. */
	adit_result(ADIT_CALL *fresh)(adit_place **out);
	void(ADIT_CALL *close)(adit_place *p);
	/* A bound TCP (6) or UDP (17) socket, non-blocking, close-on-exec; with LISTEN it listens (backlog 4096). */
	adit_result(ADIT_CALL *socket)(adit_place *p, int32_t proto, const adit_addr *bind, uint32_t flags, intptr_t *out);
	/* A TUN device with `queues` descriptors, virtio headers and every offload that the kernel has, address added,
	 * up. The device goes with its descriptors. *offloads: ADIT_BUF_GSO_... that it takes, and CSUM_NEEDED. */
	adit_result(ADIT_CALL *tun)(adit_place *p, const char *name, uint32_t mtu, uint32_t queues, intptr_t *fds,
	                            uint32_t *offloads);
	/* One netlink request of the given protocol (NETLINK_ROUTE, NETLINK_NETFILTER), as it is on the wire; several
	 * messages for a batch. 0, or the kernel's refusal as a code; why (of `room` bytes) gets the kernel's words. */
	adit_result(ADIT_CALL *netlink)(adit_place *p, int32_t proto, const void *msg, size_t size, char *why, size_t room);
	/* Writes a file under /proc/sys/net ("ipv4/conf/t0/rp_filter"). */
	adit_result(ADIT_CALL *sysctl)(adit_place *p, const char *path, const char *value);
	/* The interface index of a device there; 0: none. */
	uint32_t(ADIT_CALL *index)(adit_place *p, const char *name);
	/* The device's name in its place, as the kernel has it. Kept. Null before the platform is open. */
	const char *(ADIT_CALL *device_name)(void);
	/* 1: the place was made by us or given to us as a whole (namespace other than "here"): its routes, rules,
	 * firewall and settings are ours to change. 0: it is the machine's, or that of whoever started us. */
	int32_t(ADIT_CALL *ours)(adit_place *p);
} adit_place_1;

ADIT_END_DECLS

#endif
