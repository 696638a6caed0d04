/* SPDX-License-Identifier: MIT
 * platform-linux/tun.h - a TUN device: made, adopted, asked whether it still lives
 *
 * A device made here is not persistent: it, its addresses and its routes go with its last
 * descriptor.
 */
#ifndef PLATFORM_TUN_H
#define PLATFORM_TUN_H

#include "cidr.h"
#include "why.h"

enum {
	TUN_QUEUES = 64, /* descriptors of one device; as many as a message can pass, with some to
	                    spare */
	TUN_ADDRESSES = 16, /* a device that wants more is a mistake in the manifest */
	TUN_ROUTES = 64,
	TUN_NAME = 16,   /* IFNAMSIZ, as an array size */
	TUN_HEADER = 10, /* struct virtio_net_hdr before every packet */
	TUN_LEAST_MTU = 576,
	TUN_MOST_MTU = 65535
};

/* Offloads, as bits: what to ask for, and what was granted. */
enum { TUN_CHECKSUM = 1, TUN_TSO = 2, TUN_USO = 4, TUN_OFFLOADS = 7 };

/* What to make. No pointers: it is passed between processes. */
struct tun_wish {
	char name[TUN_NAME]; /* "adit%d" asks for the next free number */
	uint32_t mtu;
	uint32_t queues;
	uint32_t offloads; /* TUN_... to try */
	uint32_t n_addresses, n_routes;
	struct cidr addresses[TUN_ADDRESSES];
	struct cidr routes[TUN_ROUTES];
};

struct tun_made {
	char name[TUN_NAME];
	uint32_t index;
	uint32_t offloads; /* TUN_... that the kernel granted */
	uint32_t multi;    /* the device has several queues */
};

/* ADIT_EINVAL with the reason when a wish is out of its ranges. */
adit_result tun_check(const struct tun_wish *wish, struct why *why);

/* Makes the device in the calling thread's namespace and fills fds with wish->queues non-blocking
 * descriptors. On failure nothing is left behind. A part that can do without (IPv6 addresses where
 * there is no IPv6) is left out, and why says so though the result is 0. */
adit_result tun_make(const struct tun_wish *wish, int *fds, struct tun_made *made, struct why *why);

/* Takes over a descriptor that somebody else made: name, flags and offloads are asked of the kernel
 * or, where it may not be asked, of /proc. ADIT_ECONFIG when it is not a TUN device in a mode we
 * can use. *header is TUN_HEADER, or 0 when its packets come without. */
adit_result tun_adopt(int fd, uint32_t offloads, struct tun_made *made, uint32_t *header,
                      struct why *why);

/* True when the device behind fd is gone for good, false when it is merely down. */
int tun_gone(int fd);

#endif
