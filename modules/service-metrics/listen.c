/* SPDX-License-Identifier: MIT
 * service-metrics/listen.c - the listening socket
 */
#include "listen.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 16, NUMBERS = 128 };

static adit_result fail(struct listen *l, adit_result code, const char *where, const char *what)
{
	snprintf(l->why, sizeof(l->why), "\"listen\" %.120s: %.100s", where, what);
	return code;
}

static adit_result refused(struct listen *l, const char *where)
{
	return fail(l, errno == EACCES || errno == EPERM ? ADIT_EPERM : errno == EADDRINUSE ? ADIT_EEXIST : ADIT_EIO, where,
	            strerror(errno));
}

/* ---- paths ---- */

static const char *absolute(const char *name)
{
	const char *value = secure_getenv(name);

	return value && value[0] == '/' ? value : NULL;
}

/* Where the control socket is made too; its directory is made if it is not there. */
static adit_result default_path(struct listen *l, char *path, size_t size)
{
	const char *service = absolute("RUNTIME_DIRECTORY"), *user = absolute("XDG_RUNTIME_DIR");
	char dir[NUMBERS];
	int n;

	if (service)
		n = snprintf(dir, sizeof(dir), "%.*s", (int)strcspn(service, ":"), service);
	else if (geteuid() == 0)
		n = snprintf(dir, sizeof(dir), "/run/adit");
	else if (user)
		n = snprintf(dir, sizeof(dir), "%s/adit", user);
	else
		return fail(l, ADIT_ECONFIG, "auto", "there is no XDG_RUNTIME_DIR to put the socket in: name a path");
	if (n >= (int)sizeof(dir) || snprintf(path, size, "%s/metrics.socket", dir) >= (int)size)
		return fail(l, ADIT_ECONFIG, dir, "the path is too long for a socket: name a shorter one");
	if (mkdir(dir, 0755) && errno != EEXIST)
		return refused(l, dir);
	return ADIT_OK;
}

/* What a dead process left is removed; what lives, or is no socket, is not. */
static adit_result clear(struct listen *l, const struct sockaddr_un *at)
{
	struct stat st;
	int fd, lives;

	if (lstat(at->sun_path, &st))
		return errno == ENOENT ? ADIT_OK : refused(l, at->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return fail(l, ADIT_EEXIST, at->sun_path, "something that is no socket is there: name another path");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refused(l, at->sun_path);
	lives = !connect(fd, (const struct sockaddr *)at, sizeof(*at)) || (errno != ECONNREFUSED && errno != ENOENT);
	close(fd);
	if (lives)
		return fail(l, ADIT_EEXIST, at->sun_path, "a running process has it: name another path");
	return unlink(at->sun_path) && errno != ENOENT ? refused(l, at->sun_path) : ADIT_OK;
}

static adit_result give_group(struct listen *l, const char *group)
{
	const struct group *g;

	if (!*group)
		return ADIT_OK;
	g = getgrnam(group);
	if (!g)
		return fail(l, ADIT_ECONFIG, l->path, "there is no such group: correct \"group\"");
	if (chown(l->path, (uid_t)-1, g->gr_gid) || chmod(l->path, 0660))
		return refused(l, l->path);
	return ADIT_OK;
}

static adit_result open_path(struct listen *l, const char *path, const char *group)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;
	adit_result r;
	mode_t old;
	int bound;

	if (strlen(path) >= sizeof(at.sun_path))
		return fail(l, ADIT_ECONFIG, path, "the path is too long for a socket: name a shorter one");
	strcpy(at.sun_path, path);
	r = clear(l, &at);
	if (r != ADIT_OK)
		return r;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return refused(l, path);
	old = umask(0177);
	bound = bind(l->fd, (const struct sockaddr *)&at, sizeof(at));
	umask(old);
	if (bound)
		return refused(l, path);
	strcpy(l->path, path);
	if (!stat(path, &st)) {
		l->device = st.st_dev;
		l->inode = st.st_ino;
	}
	r = give_group(l, group);
	if (r == ADIT_OK && listen(l->fd, BACKLOG))
		return refused(l, path);
	return r;
}

/* ---- addresses ---- */

static int split(const char *where, char host[NUMBERS], const char **port)
{
	const char *end = strrchr(where, ':');
	size_t len;

	if (!end || !end[1])
		return 0;
	*port = end + 1;
	len = (size_t)(end - where);
	if (*where == '[') {
		if (len < 2 || where[len - 1] != ']')
			return 0;
		where++;
		len -= 2;
	}
	if (!len || len >= NUMBERS)
		return 0;
	memcpy(host, where, len);
	host[len] = 0;
	return 1;
}

static adit_result open_address(struct listen *l, const char *where)
{
	struct addrinfo want = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found;
	char host[NUMBERS];
	const char *port;
	int one = 1, bad;

	if (!split(where, host, &port) || getaddrinfo(host, port, &want, &found))
		return fail(l, ADIT_ECONFIG, where, "neither a path nor ADDRESS:PORT, such as 127.0.0.1:9464 or [::1]:9464");
	l->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bad = l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	      bind(l->fd, found->ai_addr, found->ai_addrlen) || listen(l->fd, BACKLOG);
	freeaddrinfo(found);
	return bad ? refused(l, where) : ADIT_OK;
}

adit_result listen_open(struct listen *l, const char *where, const char *group)
{
	char path[NUMBERS];
	adit_result r = ADIT_OK;

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	if (!strcmp(where, "auto")) {
		r = default_path(l, path, sizeof(path));
		where = path;
	}
	if (r == ADIT_OK)
		r = *where == '/' ? open_path(l, where, group) : open_address(l, where);
	if (r == ADIT_OK)
		return r;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	listen_remove(l);
	return r;
}

void listen_remove(struct listen *l)
{
	struct stat st;

	if (l->path[0] && !stat(l->path, &st) && st.st_dev == l->device && st.st_ino == l->inode)
		unlink(l->path);
	l->path[0] = 0;
}
