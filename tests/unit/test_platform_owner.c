/* SPDX-License-Identifier: MIT
 * tests/unit/test_platform_owner.c - adit.owner/1 against the kernel: real sockets, real processes, a namespace of its own
 */
#include "owner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/sandbox.h"

static int diag(void)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	check(fd >= 0 && !connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)), "%s", strerror(errno));
	return fd;
}

static void lo_up(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ioctl(fd, SIOCSIFFLAGS, &r); /* of an ordinary user: it is up already */
	close(fd);
}

static adit_addr end_of(int fd, int peer)
{
	struct sockaddr_storage s;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&s;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s;
	socklen_t size = sizeof(s);
	adit_addr a = {.family = 4};

	check(!(peer ? getpeername(fd, (struct sockaddr *)&s, &size) : getsockname(fd, (struct sockaddr *)&s, &size)));
	a.family = s.ss_family == AF_INET ? 4 : 6;
	memcpy(a.ip, a.family == 4 ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr, a.family == 4 ? 4 : 16);
	a.port = ntohs(a.family == 4 ? v4->sin_port : v6->sin6_port);
	return a;
}

/* The flow of a connected socket. */
static adit_flow_info flow_of(int fd, uint8_t proto)
{
	adit_flow_info info = {.size = sizeof(info), .proto = proto, .src = end_of(fd, 0), .dst = end_of(fd, 1)};

	return info;
}

static int connected(int family, int type, int *listener)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, type, 0);

	*listener = socket(family, type, 0);
	check(!bind(*listener, a, size) && (type != SOCK_STREAM || !listen(*listener, 5)), "%s", strerror(errno));
	check(!getsockname(*listener, a, &size));
	check(!connect(fd, a, size), "%s", strerror(errno));
	return fd;
}

static void check_mine(const adit_flow_info *info)
{
	adit_owner o = {.size = sizeof(o)};
	char path[PATH_MAX], name[64];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	FILE *f = fopen("/proc/self/comm", "r");

	check(n > 0 && f && fgets(name, sizeof(name), f));
	fclose(f);
	path[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	check(owner_table.find(info, &o) == 0);
	check(o.uid == getuid(), "uid %u", o.uid);
	check(o.gid == getgid(), "gid %u", o.gid);
	check(o.pid == getpid(), "pid %d", o.pid);
	check(!strcmp(o.path, path), "%s", o.path);
	check(!strcmp(o.name, name), "%s", o.name);
}

static void a_socket_has_its_owner(void)
{
	static const struct {
		int family, type;
		uint8_t proto;
	} kinds[] = {{AF_INET, SOCK_STREAM, ADIT_PROTO_TCP}, {AF_INET6, SOCK_STREAM, ADIT_PROTO_TCP},
	             {AF_INET, SOCK_DGRAM, ADIT_PROTO_UDP}, {AF_INET6, SOCK_DGRAM, ADIT_PROTO_UDP}};
	size_t i;
	int listener;

	lo_up();
	owner_use(diag());
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int fd = connected(kinds[i].family, kinds[i].type, &listener);
		adit_flow_info info = flow_of(fd, kinds[i].proto);
		adit_owner o = {.size = sizeof(o)};

		check_mine(&info);
		check_mine(&info); /* of one that is remembered */
		info.src.port ^= 1;
		if (kinds[i].proto == ADIT_PROTO_TCP)
			check(owner_table.find(&info, &o) == ADIT_ENOENT);
		close(fd);
		close(listener);
	}
	owner_use(-1);
}

/* Applications that send datagrams without connecting are found by their port. */
static void an_unconnected_socket(void)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	adit_flow_info info = {
	    .size = sizeof(info), .proto = ADIT_PROTO_UDP, .dst = {.family = 4, .ip = {127, 0, 0, 1}, .port = 9}};

	lo_up();
	owner_use(diag());
	check(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1, "%s", strerror(errno));
	info.src = end_of(fd, 0);
	info.src = (adit_addr){.family = 4, .ip = {127, 0, 0, 1}, .port = info.src.port};
	check_mine(&info);
	owner_use(-1);
}

static void another_process(void)
{
	adit_owner o = {.size = sizeof(o)};
	adit_flow_info info;
	int listener, fd, status;
	char c;
	int tell[2], go[2];
	pid_t child;

	lo_up();
	owner_use(diag());
	fd = connected(AF_INET, SOCK_STREAM, &listener);
	info = flow_of(fd, ADIT_PROTO_TCP);
	check_mine(&info); /* we are remembered, and have it no longer */
	check(!pipe(tell) && !pipe(go));
	child = fork();
	check(child >= 0);
	if (!child) {
		close(go[1]);
		if (write(tell[1], "x", 1) == 1 && read(go[0], &c, 1) == 0)
			_exit(0);
		_exit(1);
	}
	close(go[0]);
	close(fd);
	check(read(tell[0], &c, 1) == 1);
	check(owner_table.find(&info, &o) == 0 && o.pid == child, "pid %d", o.pid);
	close(go[1]);
	check(waitpid(child, &status, 0) == child && !status);
	close(listener);
	check(owner_table.find(&info, &o) < 0 || o.pid == 0); /* closed: gone, or nobody's any more */
	owner_use(-1);
}

static void what_cannot_be_told(void)
{
	adit_flow_info info = {.size = sizeof(info), .proto = ADIT_PROTO_ICMP};
	adit_owner o = {.size = 8};

	owner_use(-1);
	check(owner_table.find(&info, &o) == ADIT_ENOENT);
	info.proto = ADIT_PROTO_TCP;
	info.src.family = info.dst.family = 4;
	check(owner_table.find(&info, &o) == ADIT_ENOSYS);
}

static void a_smaller_struct_is_not_overrun(void)
{
	struct {
		adit_owner o;
		uint8_t guard[8];
	} room;
	int listener, fd;
	adit_flow_info info;

	lo_up();
	owner_use(diag());
	fd = connected(AF_INET, SOCK_STREAM, &listener);
	info = flow_of(fd, ADIT_PROTO_TCP);
	memset(&room, 0x5a, sizeof(room));
	room.o.size = 12;
	check(owner_table.find(&info, &room.o) == 0);
	check(room.o.uid == getuid() && room.o.size == 12);
	check(room.o.name[0] == 0x5a && room.o.pid == 0x5a5a5a5a);
	owner_use(-1);
}

static void cgroups_are_read(void)
{
	char out[16];

	owner_cgroup("0::/user.slice\n", out, sizeof(out));
	check(!strcmp(out, "/user.slice"));
	owner_cgroup("12:pids:/a\n0::/b c\n", out, sizeof(out));
	check(!strcmp(out, "/b c"));
	owner_cgroup("12:pids:/a\n", out, sizeof(out));
	check(!*out);
	owner_cgroup("0::/a-path-that-is-too-long\n", out, sizeof(out));
	check(!*out);
	owner_cgroup("0::/cut", out, sizeof(out)); /* the read ended inside the line */
	check(!*out);
	owner_cgroup("", out, sizeof(out));
	check(!*out);
}

static void answers_that_are_none(void)
{
	adit_flow_info info = {.size = sizeof(info), .proto = ADIT_PROTO_TCP, .src.family = 4, .dst.family = 4};
	uint8_t question[OWNER_REQUEST], any[256];
	struct owner_socket s;
	int64_t size = owner_ask(&info, 7, question);
	unsigned i, k;

	check(size > 0);
	for (i = 0; i <= (unsigned)size; i++)
		check(owner_answer(question, i, 7, &s) < 0); /* too short for an answer */
	check(owner_answer(question, (size_t)size, 8, &s) == ADIT_EAGAIN);
	srand(1);
	for (k = 0; k < 20000; k++) {
		memcpy(any, question, (size_t)size);
		for (i = 0; i < sizeof(any); i++)
			if (i >= (unsigned)size || rand() % 20 == 0)
				any[i] = (uint8_t)rand();
		owner_answer(any, (size_t)rand() % sizeof(any), 7, &s);
	}
}

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
	{"a socket has its owner", a_socket_has_its_owner},
	{"an unconnected socket", an_unconnected_socket},
	{"another process", another_process},
	{"what cannot be told", what_cannot_be_told},
	{"a smaller struct is not overrun", a_smaller_struct_is_not_overrun},
	{"cgroups are read", cgroups_are_read},
	{"answers that are none", answers_that_are_none},
};

int main(void)
{
	int skipped = sandbox_enter(), failed = 0;
	size_t i;

	if (skipped)
		return skipped;
	lo_up();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		failed |= sandbox_run(cases[i].name, cases[i].fn, getuid(), 20);
		if (!getuid())
			failed |= sandbox_run(cases[i].name, cases[i].fn, SANDBOX_NOBODY, 20);
	}
	return failed ? 1 : 0;
}
