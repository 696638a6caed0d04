/* SPDX-License-Identifier: MIT
 * tests/lib/sandbox.c - test cases in processes and namespaces of their own
 */
#include "tests/lib/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int skip(const char *why)
{
	printf("1..0 # SKIP %s: %s\n", why, strerror(errno));
	return SANDBOX_SKIP;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* The device node of the machine may be root's alone: an own one on top of it. */
static int own_tun_node(void)
{
	char dir[] = "/tmp/adit-test-XXXXXX", node[64];
	int ok;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || !mkdtemp(dir))
		return -1;
	snprintf(node, sizeof(node), "%s/tun", dir);
	ok = !mount("tmpfs", dir, "tmpfs", 0, "mode=0755") &&
	     !mknod(node, S_IFCHR | 0666, makedev(10, 200)) && !chmod(node, 0666) &&
	     !mount(node, "/dev/net/tun", NULL, MS_BIND, NULL);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return ok ? 0 : -1;
}

static int loopback_up(void)
{
	struct ifreq req = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ok;

	req.ifr_flags = IFF_UP;
	ok = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &req);
	if (fd >= 0)
		close(fd);
	return ok ? 0 : -1;
}

int sandbox_enter(void)
{
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!uid) {
		if (unshare(CLONE_NEWNS | CLONE_NEWNET))
			return skip("needs namespaces of its own");
		if (own_tun_node())
			return skip("needs a TUN node of its own");
	} else {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			return skip("needs user namespaces");
		snprintf(map, sizeof(map), "%u %u 1", uid, uid);
		write_text("/proc/self/setgroups", "deny");
		if (!write_text("/proc/self/uid_map", map))
			return skip("needs user namespaces");
		snprintf(map, sizeof(map), "%u %u 1", gid, gid);
		write_text("/proc/self/gid_map", map);
	}
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return skip("needs /dev/net/tun");
	close(fd);
	return loopback_up() ? skip("cannot bring loopback up") : 0;
}

void sandbox_failed(const char *file, int line, const char *condition, const char *format, ...)
{
	va_list args;

	printf("# %s:%d: %s", file, line, condition);
	if (format[1]) {
		printf(":");
		va_start(args, format);
		vprintf(format, args);
		va_end(args);
	}
	printf("\n");
	fflush(stdout);
	_exit(1);
}

/* Waits for all descendants; those that outlive the case by a second are ended and counted. */
static int leftovers(void)
{
	struct timespec nap = {0, 10000000};
	int tries, killed = 0;
	pid_t pid;

	for (tries = 0; tries < 200; tries++) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return killed;
		if (!pid && tries == 100) {
			/* Ours by birth: a subreaper's children. */
			char path[64];
			FILE *f;
			int child;

			snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
			f = fopen(path, "r");
			while (f && fscanf(f, "%d", &child) == 1) {
				printf("# process %d was left behind\n", child);
				kill(child, SIGKILL);
				killed++;
			}
			if (f)
				fclose(f);
		}
		if (!pid)
			nanosleep(&nap, NULL);
	}
	return killed + 1;
}

int sandbox_run(const char *name, void (*fn)(void), uid_t uid, unsigned seconds)
{
	static int number;
	int status = 0, left;
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(seconds);
		if (uid != getuid() && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
			_exit(99);
		/* After a change of user the kernel hides our /proc files from ourselves. */
		prctl(PR_SET_DUMPABLE, 1);
		fn();
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = 1;
	if (WIFSIGNALED(status))
		printf("# ended by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? ", that is: too slow" : "");
	left = leftovers();
	printf("%s %d - %s (uid %u)\n", status || left ? "not ok" : "ok", ++number, name,
	       (unsigned)uid);
	return status || left;
}
