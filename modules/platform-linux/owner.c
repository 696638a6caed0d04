/* SPDX-License-Identifier: MIT
 * platform-linux/owner.c - whose a flow is: adit.owner/1
 */
#include "owner.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	WAIT_MS = 50,       /* for the kernel, which answers inside send() */
	SEARCH_MS = 100,    /* in /proc */
	RECENT = 8,         /* processes that are looked at first: they had a flow lately */
	ANSWER_ROOM = 4096, /* bytes; an answer has some 300 */
	STATE_LISTEN = 10
};

/* The function of adit.owner/1 carries no context: one process has one device. */
static struct {
	pthread_mutex_t lock;
	int fd;
	uint32_t serial;
	pid_t recent[RECENT]; /* the latest first */
} home = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

void owner_use(int fd)
{
	pthread_mutex_lock(&home.lock);
	if (home.fd >= 0)
		close(home.fd);
	home.fd = fd;
	memset(home.recent, 0, sizeof(home.recent));
	pthread_mutex_unlock(&home.lock);
}

/* ---- the socket ---- */

static void put_end(const adit_addr *a, __be32 ip[4], __be16 *port)
{
	memcpy(ip, a->ip, a->family == 4 ? 4 : 16);
	*port = htons(a->port);
}

int64_t owner_ask(const adit_flow_info *info, uint32_t serial, void *out)
{
	struct inet_diag_req_v2 q = {.sdiag_protocol = info->proto, .idiag_states = UINT32_MAX};
	struct nl_writer w;
	/* For one UDP socket the kernel takes the two ends the other way round than for TCP. */
	int udp = info->proto == ADIT_PROTO_UDP;

	if (!udp && info->proto != ADIT_PROTO_TCP)
		return ADIT_ENOENT;
	q.sdiag_family = info->src.family == 4 ? AF_INET : AF_INET6;
	q.id.idiag_cookie[0] = q.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	put_end(udp ? &info->dst : &info->src, q.id.idiag_src, &q.id.idiag_sport);
	put_end(udp ? &info->src : &info->dst, q.id.idiag_dst, &q.id.idiag_dport);
	nl_init(&w, out, OWNER_REQUEST);
	nl_begin(&w, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, serial, &q, sizeof(q));
	return nl_done(&w);
}

adit_result owner_answer(const void *data, size_t size, uint32_t serial, struct owner_socket *out)
{
	struct nl_span rest = {data, size};
	struct nl_message m;
	struct inet_diag_msg msg;
	struct why words;
	int number;

	if (nl_message(&rest, &m) != 1)
		return ADIT_EIO;
	if (m.serial != serial)
		return ADIT_EAGAIN;
	if (m.type == NLMSG_ERROR)
		return nl_ack(&m, &number, &words) || number != ENOENT ? ADIT_EIO : ADIT_ENOENT;
	if (m.type != SOCK_DIAG_BY_FAMILY || m.body.size < sizeof(msg))
		return ADIT_EIO;
	memcpy(&msg, m.body.data, sizeof(msg));
	if (msg.idiag_state == STATE_LISTEN)
		return ADIT_ENOENT; /* of the same port; the one that was meant is gone */
	out->uid = msg.idiag_uid;
	out->inode = msg.idiag_inode;
	return 0;
}

/* With the lock held. */
static adit_result exchange(const adit_flow_info *info, struct owner_socket *out)
{
	uint8_t question[OWNER_REQUEST], answer[ANSWER_ROOM];
	struct timeval wait = {.tv_usec = WAIT_MS * 1000};
	uint32_t serial = ++home.serial;
	int64_t size = owner_ask(info, serial, question);
	adit_result result;
	ssize_t n;

	if (size < 0)
		return (adit_result)size;
	if (home.fd < 0)
		return ADIT_ENOSYS;
	setsockopt(home.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (send(home.fd, question, (size_t)size, MSG_NOSIGNAL) != size)
		return ADIT_EIO;
	do {
		n = recv(home.fd, answer, sizeof(answer), 0);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? ADIT_ETIME : ADIT_EIO;
		result = owner_answer(answer, (size_t)n, serial, out);
	} while (result == ADIT_EAGAIN);
	return result;
}

/* ---- the process ---- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Does this process have the socket open? */
static int has_socket(pid_t pid, uint32_t inode)
{
	char path[64], want[40], link[64];
	struct dirent *e;
	int found = 0;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	snprintf(want, sizeof(want), "socket:[%u]", inode);
	d = opendir(path);
	if (!d)
		return 0;
	while (!found && (e = readdir(d))) {
		n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		found = !strcmp(link, want);
	}
	closedir(d);
	return found;
}

static pid_t search(uint32_t inode)
{
	uint64_t end = now_ms() + SEARCH_MS;
	struct dirent *e;
	pid_t pid = 0;
	DIR *d = opendir("/proc");

	if (!d)
		return 0;
	while (!pid && (e = readdir(d)) && now_ms() < end)
		if (isdigit((unsigned char)e->d_name[0]) && has_socket((pid_t)atoi(e->d_name), inode))
			pid = (pid_t)atoi(e->d_name);
	closedir(d);
	return pid;
}

static void remember(pid_t pid)
{
	unsigned i;

	pthread_mutex_lock(&home.lock);
	for (i = 0; i < RECENT - 1 && home.recent[i] != pid; i++)
		;
	memmove(home.recent + 1, home.recent, i * sizeof(home.recent[0]));
	home.recent[0] = pid;
	pthread_mutex_unlock(&home.lock);
}

static pid_t find_process(uint32_t inode)
{
	pid_t recent[RECENT], pid = 0;
	unsigned i;

	pthread_mutex_lock(&home.lock);
	memcpy(recent, home.recent, sizeof(recent));
	pthread_mutex_unlock(&home.lock);
	for (i = 0; i < RECENT && recent[i] && !pid; i++)
		if (has_socket(recent[i], inode))
			pid = recent[i];
	if (!pid)
		pid = search(inode);
	if (pid)
		remember(pid);
	return pid;
}

/* ---- what is told of it ---- */

static void read_text(pid_t pid, const char *file, char *out, size_t room)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, out, room - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
}

void owner_cgroup(const char *text, char *out, size_t room)
{
	const char *line = text;
	size_t size;

	out[0] = '\0';
	while (line && strncmp(line, "0::", 3)) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return;
	size = strcspn(line + 3, "\n");
	if (size < room && line[3 + size] == '\n')
		snprintf(out, room, "%.*s", (int)size, line + 3);
}

static void read_path(pid_t pid, char *out, size_t room)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, out, room);
	out[n > 0 && (size_t)n < room ? n : 0] = '\0';
}

static void tell_process(pid_t pid, adit_owner *o)
{
	char text[4096];
	const char *gid;

	o->pid = (int32_t)pid;
	read_text(pid, "comm", o->name, sizeof(o->name));
	o->name[strcspn(o->name, "\n")] = '\0';
	read_path(pid, o->path, sizeof(o->path));
	read_text(pid, "cgroup", text, sizeof(text));
	owner_cgroup(text, o->cgroup, sizeof(o->cgroup));
	read_text(pid, "status", text, sizeof(text));
	gid = strstr(text, "\nGid:");
	if (gid)
		sscanf(gid, "\nGid: %*u %u", &o->gid); /* the effective one */
}

static adit_result ADIT_CALL find(const adit_flow_info *info, adit_owner *out)
{
	adit_owner o = {.size = sizeof(o)};
	struct owner_socket s;
	adit_result result;
	pid_t pid;

	pthread_mutex_lock(&home.lock);
	result = exchange(info, &s);
	pthread_mutex_unlock(&home.lock);
	if (result < 0)
		return result;
	o.uid = s.uid;
	pid = s.inode ? find_process(s.inode) : 0;
	if (pid)
		tell_process(pid, &o);
	o.size = out->size;
	memcpy(out, &o, out->size < sizeof(o) ? out->size : sizeof(o));
	return 0;
}

const adit_owner_1 owner_table = {sizeof(adit_owner_1), 0, find};
