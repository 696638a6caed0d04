/* SPDX-License-Identifier: MIT
 * adit/place.h - places: network namespaces in which somebody with the right makes things for us
 *
 * Offered by platform-linux. A place is served by an agent: a small process of our own that lives
 * in the namespace, holds the privileges there, answers a fixed set of requests, and ends when we
 * end. Descriptors it makes are passed out, so the host itself needs no privilege. Where the place
 * is the process's own namespace the same requests are served in the process.
 *
 * Everything blocks for at most two seconds. Every result may also be ADIT_ETIME (the agent did not
 * answer in that time) and ADIT_EGONE (it is no more); *out is untouched on failure. Descriptors
 * that are handed out are given.
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

enum { ADIT_PLACE_WILL = 8192 /* bytes of a last will */ };

#define ADIT_PLACE_1 "adit.place/1"
typedef struct adit_place_1 {
	uint32_t size;
	uint32_t zero;
	/* [control] The place where the applications and the device are. Kept; not to be closed.
	 * Null before the platform is open. */
	adit_place *(ADIT_CALL *device)(void);
	/* [control] A fresh network namespace that nobody else holds, with loopback up; it goes
	 * when closed, or when the process ends. Works for an ordinary user where user namespaces
	 * are allowed. ADIT_EPERM, ADIT_ENOSYS. */
	adit_result(ADIT_CALL *fresh)(adit_place **out);
	/* [control] Ends a place of fresh(); sockets and devices that it gave live on by their
	 * descriptors. Takes null. */
	void(ADIT_CALL *close)(adit_place *p);
	/* [control] A bound TCP (6) or UDP (17) socket, non-blocking, close-on-exec; with LISTEN it
	 * listens (backlog 4096). bind is lent; flags are ADIT_SOCK_... ADIT_EPERM, ADIT_EEXIST
	 * (the address is in use), ADIT_EINVAL. */
	adit_result(ADIT_CALL *socket)(adit_place *p, int32_t proto, const adit_addr *bind,
	                               uint32_t flags, intptr_t *out);
	/* [control] A TUN device with `queues` descriptors, written to fds[0..queues-1], virtio
	 * headers and every offload that the kernel has, up, without addresses (netlink() adds
	 * them). mtu in bytes. The device goes with its descriptors. *offloads: ADIT_BUF_GSO_...
	 * that it takes, and CSUM_NEEDED. ADIT_EPERM, ADIT_EEXIST (the name), ADIT_ENOSYS. */
	adit_result(ADIT_CALL *tun)(adit_place *p, const char *name, uint32_t mtu, uint32_t queues,
	                            intptr_t *fds, uint32_t *offloads);
	/* [control] One netlink request of the given protocol (NETLINK_ROUTE, NETLINK_NETFILTER),
	 * as it is on the wire; several messages for a batch. msg, of size bytes, is lent. 0, or
	 * the kernel's refusal as a code; why, of `room` bytes, gets the kernel's words,
	 * null-terminated. */
	adit_result(ADIT_CALL *netlink)(adit_place *p, int32_t proto, const void *msg, size_t size,
	                                char *why, size_t room);
	/* [control] Writes a file under /proc/sys/net ("ipv4/conf/t0/rp_filter"). ADIT_ENOENT,
	 * ADIT_EPERM. */
	adit_result(ADIT_CALL *sysctl)(adit_place *p, const char *path, const char *value);
	/* [control] The interface index of a device there; 0: none of this name. */
	uint32_t(ADIT_CALL *index)(adit_place *p, const char *name);
	/* [control] The device's name in its place, as the kernel has it. Kept. Null before the
	 * platform is open. */
	const char *(ADIT_CALL *device_name)(void);
	/* [control] 1: the place was made by us or given to us as a whole (namespace other than
	 * "here"): its routes, rules, firewall and settings are ours to change. 0: it is the
	 * machine's, or that of whoever started us. */
	int32_t(ADIT_CALL *ours)(adit_place *p);
	/* [control] A last will: netlink requests, as of netlink(), that the agent of the place sends
	 * when it ends, however we came to our end, killed included; what they are refused is left.
	 * For undoing what does not go with a descriptor. One per protocol: the next call replaces
	 * it, size 0 withdraws it. At most ADIT_PLACE_WILL bytes (ADIT_ELIMIT); a firewall batch is
	 * sent by itself, so that one that fails does not hold up the next. ADIT_EINVAL: malformed.
	 * ADIT_ENOSYS: the place has no agent (it is our own namespace). */
	adit_result(ADIT_CALL *will)(adit_place *p, int32_t proto, const void *msg, size_t size);
	/* [control] The n-th address that the platform gave its device, counted from 0, and the
	 * length of its prefix. ADIT_ENOENT: there are not so many, or others gave it addresses. */
	adit_result(ADIT_CALL *device_address)(uint32_t n, adit_addr *out, uint32_t *bits);
} adit_place_1;

ADIT_END_DECLS

#endif
