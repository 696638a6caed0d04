/* SPDX-License-Identifier: MIT
 * tests/unit/test_platform_places.c - places, their agents, and commands in them, through the ABI
 *
 * Each case in a process of its own, as root and as an ordinary user; none may leave a process
 * behind.
 */
#include "tests/lib/platform-rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <adit/doctor.h>
#include <adit/exec.h>

/* Runs a shell command in the device's place; what it wrote. */
static uint32_t shell(const char *script, char *out, size_t room, int32_t *code)
{
	const adit_exec_1 *exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
	const char *argv[] = {"sh", "-c", script, NULL};
	const char *envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "COLOUR=blue", NULL};
	adit_command *c;
	intptr_t wait, fds[3];
	uint32_t state = 0;
	int file = memfd_create("out", MFD_CLOEXEC), i;
	ssize_t n;

	fds[0] = fds[1] = fds[2] = file;
	check(!exec->spawn(rig.place->device(), argv, envp, "/tmp", fds, &c, &wait), "%s",
	      fakehost_why(rig.f));
	for (i = 0; i < 500 && exec->news(c, &state, code) == ADIT_EAGAIN; i++)
		fakehost_run(rig.f, 10, NULL, NULL);
	exec->release(c);
	n = pread(file, out, room - 1, 0);
	out[n > 0 ? n : 0] = '\0';
	close(file);
	return state;
}

static void test_exec(void)
{
	char out[2000], want[100];
	int32_t code = -1;

	rig_prepare_new();
	snprintf(want, sizeof(want), "%u %u /tmp blue\n", (unsigned)getuid(), (unsigned)getgid());
	check(shell("echo $(id -u) $(id -g) $(pwd) $COLOUR; exit 7", out, sizeof(out), &code) ==
	      ADIT_EXEC_EXITED);
	check(code == 7 && !strcmp(out, want), "%d: %s", code, out);
	check(shell("kill -9 $$", out, sizeof(out), &code) == ADIT_EXEC_KILLED && code == 9);
	check(shell("cat /proc/self/net/dev; grep Cap /proc/self/status; ls -l /proc/self/fd", out,
	            sizeof(out), &code) == ADIT_EXEC_EXITED);
	check(strstr(out, "adit0"), "%s", out);
	if (getuid())
		check(strstr(out, "CapEff:\t0000000000000000"), "%s", out);
	check(shell("no-such-command-here 2>/dev/null", out, sizeof(out), &code) ==
	              ADIT_EXEC_EXITED &&
	      code == 127);
	rig_finish();
}

static void test_exec_refused(void)
{
	const adit_exec_1 *exec;
	const char *argv[] = {"/no/such/command", NULL};
	const char *envp[] = {NULL};
	intptr_t fds[3] = {0, 1, 2}, wait;
	adit_command *c;

	rig_prepare_new();
	exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
	check(exec->spawn(rig.place->device(), argv, envp, "/", fds, &c, &wait) == ADIT_ENOENT);
	check(strstr(fakehost_why(rig.f), "/no/such/command"), "%s", fakehost_why(rig.f));
	rig_finish();
}

/* Ends by SIGKILL with a device, an agent and a command that ignores SIGHUP; sandbox_run() looks
 * for what stays. */
static void test_killed(void)
{
	const adit_exec_1 *exec;
	const char *argv[] = {"sh", "-c", "trap '' HUP TERM; sleep 1000 & wait; sleep 1000", NULL};
	const char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	intptr_t fds[3] = {0, 1, 2}, wait;
	adit_command *c;
	pid_t pid = fork();
	int status;

	if (!pid) {
		rig_prepare_new();
		exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
		check(!exec->spawn(rig.place->device(), argv, envp, "/", fds, &c, &wait));
		fakehost_run(rig.f, 100, NULL, NULL);
		raise(SIGKILL);
	}
	check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	      WTERMSIG(status) == SIGKILL);
}

static void test_agent_killed(void)
{
	adit_addr any = {.family = 4};
	char path[64];
	intptr_t fd;
	int child = 0;
	FILE *f;

	rig_prepare_new();
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	check(f && fscanf(f, "%d", &child) == 1 && child > 1);
	fclose(f);
	check(!kill(child, SIGKILL), "%s", strerror(errno));
	check(rig.place->socket(rig.place->device(), ADIT_PROTO_UDP, &any, 0, &fd) == ADIT_EGONE);
	check(strstr(fakehost_why(rig.f), "agent"), "%s", fakehost_why(rig.f));
	rig_finish();
}

static void test_requests_checked(void)
{
	adit_addr any = {.family = 4}, odd = {.family = 9};
	uint8_t junk[64];
	char why[100];
	intptr_t fd;
	adit_place *p;

	rig_prepare_new();
	p = rig.place->device();
	check(rig.place->socket(p, 1, &any, 0, &fd) == ADIT_EINVAL);
	check(rig.place->socket(p, 6, &odd, 0, &fd) == ADIT_EINVAL);
	check(rig.place->socket(p, 6, &any, 0x100, &fd) == ADIT_EINVAL);
	check(rig.place->sysctl(p, "../kernel/hostname", "x") == ADIT_EINVAL);
	check(rig.place->sysctl(p, "/etc/passwd", "x") == ADIT_EINVAL);
	check(rig.place->sysctl(p, "ipv4/conf/adit0/no_such", "1") == ADIT_ENOENT);
	check(!rig.place->sysctl(p, "ipv4/conf/adit0/accept_local", "1"), "%s",
	      fakehost_why(rig.f));
	memset(junk, 0xff, sizeof(junk));
	check(rig.place->netlink(p, NETLINK_ROUTE, junk, sizeof(junk), why, sizeof(why)) ==
	      ADIT_EINVAL);
	check(rig.place->netlink(p, NETLINK_AUDIT, junk, sizeof(junk), why, sizeof(why)) ==
	      ADIT_EINVAL);
	check(!rig.place->index(p, "none"));
	check(!rig.place->socket(p, 6, &any,
	                         ADIT_SOCK_TRANSPARENT | ADIT_SOCK_REUSEPORT | ADIT_SOCK_LISTEN,
	                         &fd),
	      "%s", fakehost_why(rig.f));
	close((int)fd);
	rig_finish();
}

/* A descriptor made by somebody else, as a service manager passes it. */
static int foreign_device(const char *name)
{
	struct ifreq req;
	int fd = open("/dev/net/tun", O_RDWR);

	memset(&req, 0, sizeof(req));
	strcpy(req.ifr_name, name);
	req.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
	check(fd >= 0 && !ioctl(fd, TUNSETIFF, &req), "%s", strerror(errno));
	return fd;
}

/* Only root may make a device where we are; an ordinary user goes to a namespace of its own first.
 */
static void test_adopts_by_number_and_name(void)
{
	char number[16], pid[16];
	int fd, round;

	rig_be_somewhere();
	for (round = 0; round < 2; round++) {
		fd = foreign_device("passed0");
		check(fd < 10 && dup2(fd, round ? 4 : 20) >= 0);
		close(fd);
		rig_prepare();
		snprintf(number, sizeof(number), "%d", 20);
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDNAMES", "control:tun", 1);
		fakehost_set(rig.f, "fd", round ? "tun" : number);
		rig_start();
		check(!strcmp(rig.place->device_name(), "passed0"));
		check(!rig.place->ours(rig.place->device()));
		rig_finish();
	}
	rig_prepare();
	fakehost_set(rig.f, "fd", "nobody");
	check(rig.platform->life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst) ==
	      ADIT_ECONFIG);
	check(strstr(fakehost_why(rig.f), "LISTEN_FDNAMES"), "%s", fakehost_why(rig.f));
	fakehost_free(rig.f);
	rig_prepare();
	fakehost_set(rig.f, "fd", "0");
	check(!rig.platform->life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst));
	check(rig.platform->life->open(rig.inst) < 0 &&
	              strstr(fakehost_why(rig.f), "no TUN device"),
	      "%s", fakehost_why(rig.f));
}

static void test_here(void)
{
	rig_prepare();
	rig_be_somewhere();
	fakehost_set(rig.f, "name", "here%d");
	fakehost_set(rig.f, "routes/0", "203.0.113.0/24");
	rig_start();
	check(!strcmp(rig.place->device_name(), "here0"));
	check(if_nametoindex("here0") == rig.place->index(rig.place->device(), "here0") &&
	      if_nametoindex("here0"));
	check(!rig.place->ours(rig.place->device()));
	rig_finish();
	check(!if_nametoindex("here0"), "the device outlives its descriptors");
}

static void test_namespace_of_a_process(void)
{
	char name[64];
	int hold, round;
	pid_t pid = rig_other_namespace(&hold);
	uint32_t one = 1;
	int fd;

	for (round = 0; round < 2; round++) {
		snprintf(name, sizeof(name), round ? "/proc/%d/ns/net" : "pid:%d", (int)pid);
		rig_prepare();
		fakehost_set(rig.f, "namespace", name);
		rig_start();
		check(!if_nametoindex("adit0") && rig.place->ours(rig.place->device()));
		fd = rig_inside(ADIT_PROTO_UDP, "192.0.2.7", 53);
		check(send(fd, "hello", 5, 0) == 5);
		check(fakehost_run(rig.f, 1000, rig_packets, &one));
		close(fd);
		rig_finish();
	}
	close(hold);
	check(waitpid(pid, NULL, 0) == pid);
}

static void test_namespace_that_is_none(void)
{
	static const char *const names[] = {
		"/no/such/namespace", "/proc/self/status", "elsewhere", "pid:0", "pid:-1",
		"pid:4194304"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		rig_prepare();
		fakehost_set(rig.f, "namespace", names[i]);
		check(!rig.platform->life->create(rig.ctx, fakehost_env(rig.f, 0, 1), &rig.inst));
		check(rig.platform->life->open(rig.inst) < 0 &&
		              strstr(fakehost_why(rig.f), "namespace"),
		      "%s: %s", names[i], fakehost_why(rig.f));
		rig.platform->life->destroy(rig.inst);
		rig.module->fini(rig.ctx);
		fakehost_free(rig.f);
	}
}

static uint32_t wait_news(const adit_exec_1 *exec, adit_command *c, int32_t *code)
{
	uint32_t state = 0;
	int i;

	for (i = 0; i < 300 && exec->news(c, &state, code) == ADIT_EAGAIN; i++)
		fakehost_run(rig.f, 10, NULL, NULL);
	return state;
}

/* A command with a terminal of ours: reads from it, stops, goes on, and gives it back. */
static void test_terminal(void)
{
	const adit_exec_1 *exec;
	const char *argv[] = {
		"sh", "-c",
		"read line && test \"$line\" = hello || exit 1; kill -STOP $$; read line; exit 5",
		NULL};
	const char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	intptr_t fds[3], wait;
	adit_command *c;
	int32_t code = 0;
	int master, slave;
	pid_t pid;

	check(setsid() == getpid());
	master = posix_openpt(O_RDWR | O_NOCTTY);
	check(master >= 0 && !grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR);
	check(slave >= 0 && !ioctl(slave, TIOCSCTTY, 0) && tcgetpgrp(slave) == getpgrp());
	rig_prepare_new();
	fds[0] = fds[1] = fds[2] = slave;
	exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
	check(write(master, "hello\n", 6) == 6);
	check(!exec->spawn(rig.place->device(), argv, envp, "/", fds, &c, &wait), "%s",
	      fakehost_why(rig.f));
	check(tcgetpgrp(slave) != getpgrp(), "the command has no terminal");
	check(wait_news(exec, c, &code) == ADIT_EXEC_STOPPED && code == SIGSTOP);
	pid = fork();
	if (!pid) {
		usleep(200000);
		check(tcgetpgrp(slave) == getpgrp(), "who is stopped has no terminal");
		check(!kill(getppid(), SIGCONT));
		_exit(0);
	}
	exec->suspend(c);
	check(waitpid(pid, &code, 0) == pid && !code);
	check(wait_news(exec, c, &code) == ADIT_EXEC_CONTINUED);
	check(tcgetpgrp(slave) != getpgrp());
	check(write(master, "\n", 1) == 1);
	check(wait_news(exec, c, &code) == ADIT_EXEC_EXITED && code == 5, "%d", code);
	check(tcgetpgrp(slave) == getpgrp(), "the terminal did not come back");
	check(exec->signal(c, SIGTERM) == ADIT_ENOENT);
	exec->release(c);
	rig_finish();
}

static void test_signals_are_forwarded(void)
{
	const adit_exec_1 *exec;
	const char *argv[] = {"sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.05; done", NULL};
	const char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	intptr_t fds[3] = {0, 1, 2}, wait;
	adit_command *c;
	int32_t code = 0;

	rig_prepare_new();
	exec = rig.module->get(rig.ctx, ADIT_EXEC_1);
	check(!exec->spawn(rig.place->device(), argv, envp, "/", fds, &c, &wait), "%s",
	      fakehost_why(rig.f));
	fakehost_run(rig.f, 200, NULL, NULL);
	check(!exec->signal(c, SIGUSR1), "%s", fakehost_why(rig.f));
	/* The sleep of the loop is in the same group and may end the shell's wait by the signal:
	 * either way 9. */
	check(wait_news(exec, c, &code) == ADIT_EXEC_EXITED && code == 9, "%d", code);
	exec->release(c);
	rig_finish();
}

static void ADIT_CALL finding(void *arg, int32_t level, const char *name, const char *text,
                              const char *cure)
{
	printf("# doctor %d %s: %s%s%s\n", level, name, text, cure ? "; " : "", cure ? cure : "");
	if (level == ADIT_DOCTOR_BAD)
		++*(uint32_t *)arg;
}

static void test_doctor(void)
{
	const adit_doctor_1 *doctor;
	uint32_t bad = 0;

	rig_prepare();
	doctor = rig.module->get(rig.ctx, ADIT_DOCTOR_1);
	doctor->run(finding, &bad);
	check(!bad);
	rig.module->fini(rig.ctx);
	fakehost_free(rig.f);
}

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
	{"a command runs in the place as its user", test_exec},
	{"a command that is not there is an error", test_exec_refused},
	{"nothing is left after SIGKILL", test_killed},
	{"a killed agent is an error", test_agent_killed},
	{"the agent checks its requests", test_requests_checked},
	{"a passed descriptor is adopted by number and by name", test_adopts_by_number_and_name},
	{"a device where we are", test_here},
	{"a device in the namespace of a process", test_namespace_of_a_process},
	{"a namespace that is none is an error", test_namespace_that_is_none},
	{"a command has the terminal, stops and goes on", test_terminal},
	{"signals reach the command", test_signals_are_forwarded},
	{"the doctor finds nothing bad", test_doctor},
};

int main(void)
{
	int skipped = sandbox_enter(), failed = 0;
	size_t i, n = sizeof(cases) / sizeof(cases[0]);

	if (skipped)
		return skipped;
	printf("1..%zu\n", getuid() ? n : 2 * n);
	for (i = 0; i < n; i++) {
		failed |= sandbox_run(cases[i].name, cases[i].fn, getuid(), 20);
		if (!getuid())
			failed |= sandbox_run(cases[i].name, cases[i].fn, SANDBOX_NOBODY, 20);
	}
	return failed;
}
