/* SPDX-License-Identifier: MIT
 * platform-linux/tun.c - a TUN device: made, adopted, asked whether it still lives
 */
#include "tun.h"

#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20 /* Linux 6.2 */
#define TUN_F_USO6 0x40
#endif

/* Letters, digits and . _ - with at most one "%d"; what ip(8) and the kernel's own naming accept,
 * and no more. */
static int name_valid(const char *name)
{
	size_t i, percent = 0, len = strnlen(name, TUN_NAME);

	if (!len || len == TUN_NAME || !strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	for (i = 0; i < len; i++) {
		if (name[i] == '%' && name[i + 1] == 'd' && !percent++)
			i++;
		else if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"
		                 "-",
		                 name[i]))
			return 0;
	}
	return 1;
}

adit_result tun_check(const struct tun_wish *wish, struct why *why)
{
	uint32_t i;

	if (!name_valid(wish->name))
		return why_set(why, ADIT_EINVAL,
		               "the device name is not 1 to 15 letters, digits, '.', '_', '-' (and "
		               "'%%d')");
	if (wish->mtu < TUN_LEAST_MTU || wish->mtu > TUN_MOST_MTU)
		return why_set(why, ADIT_EINVAL, "device %s: MTU %u is not in %d..%d", wish->name,
		               wish->mtu, TUN_LEAST_MTU, TUN_MOST_MTU);
	if (!wish->queues || wish->queues > TUN_QUEUES)
		return why_set(why, ADIT_EINVAL, "device %s: %u queues are not in 1..%d",
		               wish->name, wish->queues, TUN_QUEUES);
	if (wish->n_addresses > TUN_ADDRESSES || wish->n_routes > TUN_ROUTES)
		return why_set(why, ADIT_EINVAL, "device %s: more than %d addresses or %d routes",
		               wish->name, TUN_ADDRESSES, TUN_ROUTES);
	for (i = 0; i < wish->n_addresses; i++)
		if (!cidr_valid(&wish->addresses[i]))
			return why_set(why, ADIT_EINVAL, "device %s: address %u is malformed",
			               wish->name, i);
	for (i = 0; i < wish->n_routes; i++)
		if (!cidr_valid(&wish->routes[i]))
			return why_set(why, ADIT_EINVAL, "device %s: route %u is malformed",
			               wish->name, i);
	return 0;
}

/* Opens /dev/net/tun. Android's is /dev/tun. */
static int open_clone(struct why *why)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int error = errno;

	if (fd < 0 && error == ENOENT)
		fd = open("/dev/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	if (error == ENOENT)
		return why_set(why, ADIT_ENOSYS,
		               "/dev/net/tun does not exist; load the module (modprobe tun), in a "
		               "container pass the device in");
	if (error == EACCES || error == EPERM)
		return why_set(why, ADIT_EPERM,
		               "/dev/net/tun may not be opened by this user; as root: chmod 0666 "
		               "/dev/net/tun (the usual mode; "
		               "opening it gives nobody a right outside namespaces of their own)");
	if (error == ENXIO || error == ENODEV)
		return why_set(
			why, ADIT_ENOSYS,
			"/dev/net/tun has no driver behind it; load the module (modprobe tun)");
	return why_errno(why, error, "cannot open /dev/net/tun");
}

/* Asks for offloads, best first; the kernel refuses a set with a bit it does not know. What the
 * wish leaves out is never asked for: TSO and USO need the checksum. */
static uint32_t take_offloads(int fd, uint32_t wish)
{
	static const uint32_t tries[] = {
		TUN_CHECKSUM | TUN_TSO | TUN_USO,
		TUN_CHECKSUM | TUN_TSO,
		TUN_CHECKSUM,
	};
	size_t i;

	for (i = 0; wish & TUN_CHECKSUM && i < sizeof(tries) / sizeof(tries[0]); i++) {
		uint32_t set = tries[i] & wish;
		unsigned long flags = TUN_F_CSUM;

		if (set & TUN_TSO)
			flags |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
		if (set & TUN_USO)
			flags |= TUN_F_USO4 | TUN_F_USO6;
		if (!ioctl(fd, TUNSETOFFLOAD, flags))
			return set;
	}
	ioctl(fd, TUNSETOFFLOAD, 0ul);
	return 0;
}

static adit_result attach(int fd, struct ifreq *req, const struct tun_wish *wish, struct why *why)
{
	int error;

	if (!ioctl(fd, TUNSETIFF, req))
		return 0;
	error = errno;
	if (error == EBUSY || error == EEXIST)
		return why_set(why, ADIT_EEXIST,
		               "a device named %s exists already; choose another \"name\" "
		               "(\"adit%%d\" takes the next free one) or end "
		               "the process that holds it",
		               wish->name);
	if (error == EPERM)
		return why_set(why, ADIT_EPERM,
		               "making the device %s here needs CAP_NET_ADMIN; run as root, or use "
		               "\"namespace\": \"new\"",
		               wish->name);
	return why_errno(why, error, "cannot make the device %s with %u queues", wish->name,
	                 wish->queues);
}

/* One descriptor per queue. The flags are per queue and must be the same for all. */
static adit_result open_queues(const struct tun_wish *wish, int *fds, struct tun_made *made,
                               struct why *why)
{
	struct ifreq req;
	uint32_t i, granted = TUN_OFFLOADS;
	adit_result result;
	int flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | (wish->queues > 1 ? IFF_MULTI_QUEUE : 0);

	memset(&req, 0, sizeof(req));
	memcpy(req.ifr_name, wish->name, strnlen(wish->name, TUN_NAME - 1));
	for (i = 0; i < wish->queues; i++) {
		int header = TUN_HEADER;

		fds[i] = open_clone(why);
		if (fds[i] < 0)
			return fds[i];
		/* The first makes the device, and must be the first; the others join it under the
		 * name it got. */
		req.ifr_flags = (short)(flags | (i ? 0 : IFF_TUN_EXCL));
		result = attach(fds[i], &req, wish, why);
		if (result)
			return result;
		if (ioctl(fds[i], TUNSETVNETHDRSZ, &header))
			return why_errno(
				why, errno,
				"device %s: the kernel refuses a packet header of %d bytes",
				wish->name, header);
		granted &= take_offloads(fds[i], wish->offloads);
	}
	memcpy(made->name, req.ifr_name, TUN_NAME - 1);
	made->name[TUN_NAME - 1] = '\0';
	made->offloads = granted;
	made->multi = wish->queues > 1;
	return 0;
}

/* IPv6 that the kernel or the namespace has switched off: the address is then left out, not an
 * error. */
static int no_ipv6(const struct cidr *c, adit_result result)
{
	return c->addr.family == 6 &&
	       (result == ADIT_ENOSYS || result == ADIT_EPERM || result == ADIT_EINVAL) &&
	       (access("/proc/sys/net/ipv6", F_OK) || result == ADIT_EPERM);
}

static adit_result configure(const struct tun_wish *wish, struct tun_made *made, struct why *why)
{
	struct why detail = {""}, note = {""};
	char text[CIDR_TEXT];
	adit_result result;
	uint32_t i;

	made->index = link_index(made->name);
	result = link_up(made->index, wish->mtu, &detail);
	if (result)
		return why_set(why, result, "cannot bring the device %s up with MTU %u: %s",
		               made->name, wish->mtu, detail.text);
	for (i = 0; i < wish->n_addresses + wish->n_routes; i++) {
		const struct cidr *c = i < wish->n_addresses ? &wish->addresses[i]
		                                             : &wish->routes[i - wish->n_addresses];
		const char *what = i < wish->n_addresses ? "address" : "route";

		cidr_text(c, text, sizeof(text));
		if (c->addr.family == 6 && wish->mtu < 1280) {
			why_set(&note, 0, "device %s: no IPv6, for its MTU %u is below 1280",
			        made->name, wish->mtu);
			continue;
		}
		result = i < wish->n_addresses ? link_address(made->index, c, &detail)
		                               : link_route(made->index, c, &detail);
		if (result && no_ipv6(c, result))
			why_set(&note, 0, "device %s: no IPv6 here: %s %s left out (%s)",
			        made->name, what, text, detail.text);
		else if (result)
			return why_set(why, result, "device %s: cannot add the %s %s: %s",
			               made->name, what, text, detail.text);
	}
	if (why)
		*why = note;
	return 0;
}

adit_result tun_make(const struct tun_wish *wish, int *fds, struct tun_made *made, struct why *why)
{
	adit_result result = tun_check(wish, why);
	uint32_t i;

	if (result)
		return result;
	memset(made, 0, sizeof(*made));
	for (i = 0; i < wish->queues; i++)
		fds[i] = -1;
	result = open_queues(wish, fds, made, why);
	if (!result)
		result = configure(wish, made, why);
	for (i = 0; result && i < wish->queues; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	return result;
}

/* The device's name out of /proc/self/fdinfo, for callers whom the kernel does not let ask. */
static int name_from_proc(int fd, char *name)
{
	char path[40], line[128];
	FILE *f;
	int found = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "iff: %15s", name) == 1;
	fclose(f);
	return found;
}

adit_result tun_adopt(int fd, uint32_t offloads, struct tun_made *made, uint32_t *header,
                      struct why *why)
{
	struct ifreq req;
	int size = TUN_HEADER;
	int flags = fcntl(fd, F_GETFL);

	memset(made, 0, sizeof(*made));
	memset(&req, 0, sizeof(req));
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return why_errno(why, errno, "descriptor %d, which \"fd\" names, is not usable",
		                 fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (ioctl(fd, TUNGETIFF, &req)) {
		/* The giver may have forbidden ioctl: then it is a plain packet pipe without a
		 * header. */
		if (!name_from_proc(fd, made->name))
			return why_errno(why, errno,
			                 "descriptor %d, which \"fd\" names, is no TUN device", fd);
		*header = 0;
		return 0;
	}
	memcpy(made->name, req.ifr_name, TUN_NAME - 1);
	made->index = link_index(made->name);
	made->multi = !!(req.ifr_flags & IFF_MULTI_QUEUE);
	if ((req.ifr_flags & IFF_TAP) || !(req.ifr_flags & IFF_NO_PI))
		return why_set(why, ADIT_ECONFIG,
		               "descriptor %d is device %s in a mode that is not understood here; "
		               "make it with IFF_TUN and IFF_NO_PI",
		               fd, made->name);
	*header = req.ifr_flags & IFF_VNET_HDR ? TUN_HEADER : 0;
	if (*header && ioctl(fd, TUNSETVNETHDRSZ, &size))
		return why_errno(why, errno,
		                 "device %s: the kernel refuses a packet header of %d bytes",
		                 made->name, size);
	if (*header)
		made->offloads = take_offloads(fd, offloads);
	return 0;
}

int tun_gone(int fd)
{
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	return ioctl(fd, TUNGETIFF, &req) && errno == EBADFD;
}
