/* SPDX-License-Identifier: MIT
 * tests/lib/private.h - a network namespace of the test's own, with loopback up, for root and ordinary users
 */
#ifndef TESTS_PRIVATE_H
#define TESTS_PRIVATE_H

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static inline int private_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Leaves the machine's network namespace. 0; -1: not allowed here, and nothing was left. */
static inline int private_network(void)
{
	struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	unsigned uid = getuid(), gid = getgid();
	char map[64];
	int fd, ok;

	if (uid == 0) {
		if (unshare(CLONE_NEWNET))
			return -1;
	} else {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			return -1;
		private_write("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", uid);
		if (!private_write("/proc/self/uid_map", map))
			return -1;
		snprintf(map, sizeof(map), "0 %u 1", gid);
		private_write("/proc/self/gid_map", map);
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &req);
	if (fd >= 0)
		close(fd);
	return ok ? 0 : -1;
}

#endif
