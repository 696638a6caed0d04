/* SPDX-License-Identifier: MIT
 * platform-linux/duty.c - what is done in a place on request
 */
#include "duty.h"

#include "netlink.h"

#include <adit/place.h>
#include <adit/sock.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static adit_result set(int fd, int level, int option, const char *name, struct why *why)
{
	int one = 1;

	if (!setsockopt(fd, level, option, &one, sizeof(one)))
		return 0;
	if (errno == EPERM)
		return why_set(why, ADIT_EPERM,
		               "%s needs CAP_NET_ADMIN in the network namespace of the socket",
		               name);
	return why_errno(why, errno, "cannot set %s", name);
}

static adit_result prepare(int fd, const adit_addr *a, uint32_t flags, struct why *why)
{
	int v6 = a->family == 6, transparent = !!(flags & ADIT_SOCK_TRANSPARENT);
	adit_result result = 0;

	if (transparent)
		result = v6 ? set(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, "IPV6_TRANSPARENT", why)
		            : set(fd, IPPROTO_IP, IP_TRANSPARENT, "IP_TRANSPARENT", why);
	/* A v6 socket that also hears v4 needs both. */
	if (!result && transparent && v6 && !(flags & ADIT_SOCK_V6ONLY))
		result = set(fd, IPPROTO_IP, IP_TRANSPARENT, "IP_TRANSPARENT", why);
	if (!result && v6 && flags & ADIT_SOCK_V6ONLY)
		result = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", why);
	if (!result && flags & ADIT_SOCK_LISTEN)
		result = set(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", why);
	if (!result && flags & ADIT_SOCK_REUSEPORT)
		result = set(fd, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT", why);
	return result;
}

static adit_result bind_listen(int fd, const adit_addr *a, uint32_t flags, struct why *why)
{
	struct sockaddr_storage sa;
	socklen_t size = adit_to_sockaddr(a, &sa);
	char host[INET6_ADDRSTRLEN] = "?";

	if (bind(fd, (struct sockaddr *)&sa, size)) {
		int error = errno;

		inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, host, sizeof(host));
		return why_errno(why, error, "cannot bind to %s port %u", host, a->port);
	}
	if (flags & ADIT_SOCK_LISTEN && listen(fd, DUTY_BACKLOG))
		return why_errno(why, errno, "cannot listen");
	return 0;
}

adit_result duty_socket(int32_t proto, const adit_addr *a, uint32_t flags, int *out,
                        struct why *why)
{
	const uint32_t known =
		ADIT_SOCK_TRANSPARENT | ADIT_SOCK_REUSEPORT | ADIT_SOCK_LISTEN | ADIT_SOCK_V6ONLY;
	int tcp = proto == ADIT_PROTO_TCP;
	adit_result result;
	int fd;

	if (!tcp && proto != ADIT_PROTO_UDP)
		return why_set(why, ADIT_EINVAL, "sockets are TCP (6) or UDP (17), not %d", proto);
	if ((a->family != 4 && a->family != 6) || flags & ~known ||
	    (!tcp && flags & ADIT_SOCK_LISTEN))
		return why_set(why, ADIT_EINVAL,
		               "a socket was asked for with a bad address family or bad flags");
	fd = socket(a->family == 4 ? AF_INET : AF_INET6,
	            (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);
	if (fd < 0)
		return why_errno(why, errno, "cannot make an IPv%d socket", a->family);
	result = prepare(fd, a, flags, why);
	if (!result)
		result = bind_listen(fd, a, flags, why);
	if (result)
		close(fd);
	else
		*out = fd;
	return result;
}

adit_result duty_diag(int *out, struct why *why)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0 || connect(fd, (struct sockaddr *)&kernel, sizeof(kernel))) {
		adit_result result = why_errno(why, errno, "cannot ask the kernel for owners of sockets (sock_diag)");

		if (fd >= 0)
			close(fd);
		return result;
	}
	*out = fd;
	return 0;
}

adit_result duty_netlink(int32_t proto, const void *request, size_t size, struct why *why)
{
	if (proto != NETLINK_ROUTE && proto != NETLINK_NETFILTER)
		return why_set(why, ADIT_EINVAL,
		               "netlink protocol %d is not one of route (0) and netfilter (12)",
		               proto);
	return nl_ask(proto, request, size, NULL, NULL, why);
}

/* Words of lower-case letters, digits and _ . - between single slashes; so never "..", never
 * absolute. Interface names may hold more, but none that is made here. */
static int path_valid(const char *path)
{
	size_t i, len = strnlen(path, DUTY_PATH), word = 0;

	if (!len || len == DUTY_PATH)
		return 0;
	for (i = 0; i < len; i++) {
		if (path[i] == '/') {
			if (!word)
				return 0;
			word = 0;
		} else if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789."
		                   "_-",
		                   path[i]) ||
		           (path[i] == '.' && !word)) {
			return 0;
		} else {
			word++;
		}
	}
	return word > 0;
}

adit_result duty_sysctl(const char *path, const char *value, struct why *why)
{
	char full[DUTY_PATH + 16];
	size_t size = strnlen(value, DUTY_VALUE);
	ssize_t n;
	int fd, error;

	if (!path_valid(path) || size == DUTY_VALUE)
		return why_set(why, ADIT_EINVAL, "a sysctl path or value is out of shape");
	snprintf(full, sizeof(full), "/proc/sys/net/%s", path);
	fd = open(full, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return why_errno(why, errno, "cannot open %s", full);
	n = write(fd, value, size);
	error = errno;
	close(fd);
	if (n != (ssize_t)size)
		return why_errno(why, n < 0 ? error : EIO, "cannot write \"%s\" to %s", value,
		                 full);
	return 0;
}
