/* SPDX-License-Identifier: MIT
 * platform-linux/enter.c - going into a network namespace for good, or making one
 */
#include "enter.h"

#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t size = strlen(text);
	int error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, size) != (ssize_t)size)
		error = errno ? errno : EIO;
	close(fd);
	return error;
}

static long read_number(const char *path)
{
	long n = -1;
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* Why a user namespace cannot be had, from the switches that close it. */
static adit_result closed(int error, struct why *why)
{
	if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return why_set(why, ADIT_EPERM,
		               "user namespaces are closed to ordinary users; as root: sysctl -w "
		               "kernel.unprivileged_userns_clone=1");
	if (read_number("/proc/sys/user/max_user_namespaces") == 0)
		return why_set(why, ADIT_EPERM,
		               "no user namespace may be made; as root: sysctl -w "
		               "user.max_user_namespaces=15000");
	if (read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		return why_set(why, ADIT_EPERM,
		               "AppArmor keeps user namespaces from programs without a profile; as "
		               "root: install a profile for adit "
		               "with 'userns,' in it, or sysctl -w "
		               "kernel.apparmor_restrict_unprivileged_userns=0");
	if (error == ENOSPC || error == EUSERS)
		return why_set(why, ADIT_ELIMIT,
		               "too many user or network namespaces; as root: raise "
		               "user.max_user_namespaces and user.max_net_namespaces");
	if (error == EINVAL || error == ENOSYS)
		return why_set(why, ADIT_ENOSYS,
		               "this kernel has no user namespaces (CONFIG_USER_NS); run as root");
	return why_errno(why, error,
	                 "cannot make a user and network namespace; a container or a security "
	                 "policy may forbid it: run as "
	                 "root, or allow unshare there");
}

/* The caller's own numbers, and no others: what runs in there is who it was. */
static adit_result map_self(uid_t uid, gid_t gid, struct why *why)
{
	char text[40];
	int error;

	/* Older kernels (before 3.19) have no setgroups file and want none. */
	error = write_file("/proc/self/setgroups", "deny");
	if (error && error != ENOENT)
		return closed(error, why);
	snprintf(text, sizeof(text), "%u %u 1", (unsigned)uid, (unsigned)uid);
	error = write_file("/proc/self/uid_map", text);
	if (error)
		return closed(error, why);
	snprintf(text, sizeof(text), "%u %u 1", (unsigned)gid, (unsigned)gid);
	error = write_file("/proc/self/gid_map", text);
	return error ? closed(error, why) : 0;
}

adit_result enter_new(struct why *why)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char range[40];
	adit_result result;

	if (unshare(CLONE_NEWNET)) {
		if (errno == EINVAL)
			return why_set(why, ADIT_ENOSYS,
			               "this kernel has no network namespaces (CONFIG_NET_NS)");
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			return closed(errno, why);
		result = map_self(uid, gid, why);
		if (result)
			return result;
	}
	result = link_up(link_index("lo"), 0, why);
	if (result)
		return result;
	/* ping without privileges; a fresh namespace allows it to nobody. What fails here is only
	 * ping. */
	snprintf(range, sizeof(range), "%u %u", uid ? (unsigned)gid : 0,
	         uid ? (unsigned)gid : 2147483647u);
	write_file("/proc/sys/net/ipv4/ping_group_range", range);
	return 0;
}

/* In by way of the user namespace that owns this one; ours to enter when we made it or its maker is
 * us. */
static adit_result enter_owner(int fd, const char *path, struct why *why)
{
	int owner = ioctl(fd, NS_GET_USERNS);
	int error = 0;

	if (owner < 0 || setns(owner, CLONE_NEWUSER) || setns(fd, CLONE_NEWNET))
		error = errno;
	if (owner >= 0)
		close(owner);
	if (!error)
		return 0;
	if (error == EPERM)
		return why_set(why, ADIT_EPERM,
		               "may not enter the network namespace %s; run as root, or as the "
		               "user who made that namespace",
		               path);
	return why_errno(why, error, "cannot enter the network namespace %s", path);
}

adit_result enter_file(const char *path, struct why *why)
{
	adit_result result = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return why_set(why, ADIT_ENOENT,
		               "the network namespace %s does not exist; make it (ip netns add "
		               "NAME), or use \"new\"",
		               path);
	if (fd < 0)
		return why_errno(why, errno, "cannot open the network namespace %s", path);
	if (setns(fd, CLONE_NEWNET)) {
		if (errno == EPERM)
			result = enter_owner(fd, path, why);
		else if (errno == EINVAL)
			result = why_set(why, ADIT_ECONFIG, "%s is not a network namespace", path);
		else
			result = why_errno(why, errno, "cannot enter the network namespace %s",
			                   path);
	}
	close(fd);
	return result;
}
