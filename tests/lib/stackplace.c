/* SPDX-License-Identifier: MIT
 * tests/lib/stackplace.c - adit.place/1 without an agent: the test has the rights itself and moves
 * with setns
 */
#include "stackplace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

struct adit_place {
	int ns;
	int ours;
};

static adit_place device_place = {-1, 1};
static int home = -1;

static void go(const adit_place *p)
{
	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (p->ns >= 0)
		setns(p->ns, CLONE_NEWNET);
}

static void back(const adit_place *p)
{
	if (p->ns >= 0)
		setns(home, CLONE_NEWNET);
}

static adit_place *ADIT_CALL get_device(void)
{
	return &device_place;
}

static adit_result ADIT_CALL fresh(adit_place **out)
{
	adit_place *p = calloc(1, sizeof(*p));

	go(&device_place);
	if (unshare(CLONE_NEWNET) != 0) {
		free(p);
		return err_from_errno(errno);
	}
	p->ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	p->ours = 1;
	if (system("ip link set lo up") != 0)
		fprintf(stderr, "loopback of a fresh place stays down\n");
	back(p);
	*out = p;
	return 0;
}

static void ADIT_CALL close_place(adit_place *p)
{
	close(p->ns);
	free(p);
}

static uint32_t kernel_address(const adit_addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (a->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(a->port);
		memcpy(&v4->sin_addr, a->ip, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(a->port);
	memcpy(&v6->sin6_addr, a->ip, 16);
	return sizeof(*v6);
}

static adit_result ADIT_CALL make_socket(adit_place *p, int32_t proto, const adit_addr *a,
                                         uint32_t flags, intptr_t *out)
{
	int on = 1, fd, err = 0;
	struct sockaddr_storage ss;
	uint32_t size = kernel_address(a, &ss);

	go(p);
	fd = socket(a->family == 4 ? AF_INET : AF_INET6,
	            (proto == 6 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	back(p);
	if (fd < 0)
		return err_from_errno(errno);
	if ((flags & ADIT_SOCK_V6ONLY) &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		err = errno;
	if ((flags & ADIT_SOCK_REUSEPORT) &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
		err = errno;
	if ((flags & ADIT_SOCK_TRANSPARENT) &&
	    (a->family == 4 ? setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on))
	                    : setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on))))
		err = errno;
	if (!err && bind(fd, (struct sockaddr *)&ss, size))
		err = errno;
	if (!err && (flags & ADIT_SOCK_LISTEN) && listen(fd, 4096))
		err = errno;
	if (err) {
		close(fd);
		return err_from_errno(err);
	}
	*out = fd;
	return 0;
}

int stackplace_tun(const char *name, int queues, int *fds)
{
	struct ifreq r;
	int i;

	for (i = 0; i < queues; i++) {
		memset(&r, 0, sizeof(r));
		r.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR |
		              (queues > 1 ? IFF_MULTI_QUEUE : 0);
		snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
		fds[i] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fds[i] < 0 || ioctl(fds[i], TUNSETIFF, &r))
			return -errno;
		if (ioctl(fds[i], TUNSETOFFLOAD,
		          TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN))
			return -errno;
	}
	return 0;
}

static adit_result ADIT_CALL make_tun(adit_place *p, const char *name, uint32_t mtu,
                                      uint32_t queues, intptr_t *fds, uint32_t *offloads)
{
	char command[128];
	int fd = -1, err;

	if (queues != 1)
		return ADIT_EINVAL;
	go(p);
	err = stackplace_tun(name, 1, &fd);
	if (err == -EBUSY)
		err = -EEXIST;
	snprintf(command, sizeof(command), "ip link set %s mtu %u up", name, mtu);
	if (!err && system(command) != 0)
		err = -EIO;
	back(p);
	if (err)
		return err_from_errno(-err);
	*fds = fd;
	*offloads = ADIT_BUF_GSO_TCP4 | ADIT_BUF_GSO_TCP6 | ADIT_BUF_CSUM_NEEDED;
	return 0;
}

static int count_acks(const uint8_t *msg, size_t size)
{
	struct nlmsghdr h;
	int acks = 0;

	while (size >= sizeof(h)) {
		memcpy(&h, msg, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > size)
			return -1;
		acks += (h.nlmsg_flags & NLM_F_ACK) != 0;
		msg += h.nlmsg_len;
		size -= h.nlmsg_len;
	}
	return size ? -1 : acks;
}

static adit_result ADIT_CALL netlink(adit_place *p, int32_t proto, const void *msg, size_t size,
                                     char *why, size_t room)
{
	char answer[8192];
	struct nlmsghdr h;
	int acks = count_acks(msg, size), fd, err = 0;
	struct timeval limit = {2, 0};
	ssize_t n, at;

	if (acks <= 0)
		return ADIT_EINVAL;
	go(p);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, proto);
	back(p);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (send(fd, msg, size, 0) != (ssize_t)size)
		err = errno;
	while (acks > 0 && !err) {
		n = recv(fd, answer, sizeof(answer), 0);
		if (n < 0)
			err = errno;
		for (at = 0; at + (ssize_t)sizeof(h) <= n && !err; at += NLMSG_ALIGN(h.nlmsg_len)) {
			memcpy(&h, answer + at, sizeof(h));
			if (h.nlmsg_type != NLMSG_ERROR)
				continue;
			acks--;
			memcpy(&err, answer + at + sizeof(h), sizeof(err));
			err = -err;
		}
	}
	close(fd);
	if (err)
		snprintf(why, room, "netlink: %s", strerror(err));
	return err_from_errno(err);
}

static adit_result ADIT_CALL sysctl_write(adit_place *p, const char *path, const char *value)
{
	char full[256];
	int fd, err = 0;

	snprintf(full, sizeof(full), "/proc/sys/net/%s", path);
	go(p);
	fd = open(full, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		err = errno;
	back(p);
	if (fd >= 0)
		close(fd);
	return err_from_errno(err);
}

static uint32_t ADIT_CALL get_index(adit_place *p, const char *name)
{
	uint32_t i;

	go(p);
	i = if_nametoindex(name);
	back(p);
	return i;
}

static const char *ADIT_CALL device_name(void)
{
	return "t0";
}

static int32_t ADIT_CALL ours(adit_place *p)
{
	return p->ours;
}

void stackplace_set_ours(int yes)
{
	device_place.ours = yes;
}

const adit_place_1 stackplace_table = {
        .size = sizeof(adit_place_1),
        .device = get_device,
        .fresh = fresh,
        .close = close_place,
        .socket = make_socket,
        .tun = make_tun,
        .netlink = netlink,
        .sysctl = sysctl_write,
        .index = get_index,
        .device_name = device_name,
        .ours = ours,
};
