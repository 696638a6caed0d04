/* SPDX-License-Identifier: MIT
 * control/socket.c - the file of the control socket
 *
 * Two hosts that start at once must not both believe that what lies there is dead: who looks and replaces holds a lock on
 * the directory, for as long as that takes. The lock leaves nothing behind.
 */
#include "control/socket.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <adit/abi.h>

#include "base/err.h"
#include "os/notify.h"

enum { LISTEN_BACKLOG = 64, LOCK_TRIES = 100, LOCK_PAUSE_MS = 10, GROUPS_MOST = 1024 };

struct control_socket {
	int fd;
	bool bound;
	dev_t device; /* of the file, so that another's is not removed */
	ino_t inode;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* ---- places and names ---- */

static const char of_root[] = "/run/adit";

static const char *absolute(const char *name)
{
	const char *value = secure_getenv(name);

	return value && value[0] == '/' ? value : NULL;
}

const char *socket_own_directory(char *buf, size_t size)
{
	const char *service = absolute("RUNTIME_DIRECTORY"), *user = absolute("XDG_RUNTIME_DIR");

	/* systemd puts colons between several. */
	if (service)
		snprintf(buf, size, "%.*s", (int)strcspn(service, ":"), service);
	else if (geteuid() == 0)
		snprintf(buf, size, "%s", of_root);
	else if (user)
		snprintf(buf, size, "%s/adit", user);
	else
		return NULL;
	return buf;
}

const char *socket_directory(unsigned index, char *buf, size_t size)
{
	const char *own = socket_own_directory(buf, size);

	if (own && index == 0)
		return own;
	/* Hosts of root may let a group in. */
	if (index == (own ? 1 : 0) && !(own && !strcmp(own, of_root)))
		return of_root;
	return NULL;
}

void socket_name_of(const char *text, char *out, size_t size)
{
	const char *slash = strrchr(text, '/'), *from = slash ? slash + 1 : text;
	size_t length = strlen(from), i, most = size - 1 < 32 ? size - 1 : 32;

	if (length > 5 && !strcmp(from + length - 5, ".json"))
		length -= 5;
	if (length > most)
		length = most;
	for (i = 0; i < length; i++) {
		unsigned char c = (unsigned char)from[i];

		out[i] = isupper(c) ? (char)tolower(c) : islower(c) || isdigit(c) || strchr("_.-", c) ? (char)c : '-';
	}
	out[length] = 0;
	if (!length || !isalnum((unsigned char)out[0]))
		snprintf(out, size, "adit");
}

/* ---- who has it ---- */

/* 1: somebody listens (*pid), 0: nobody does, below 0: it cannot be told. */
static int somebody_listens(const struct sockaddr_un *at, pid_t *pid)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), result;
	uid_t uid;

	if (fd < 0)
		return err_from_errno(errno);
	*pid = 0;
	if (!connect(fd, (const struct sockaddr *)at, sizeof(*at)) || errno == EAGAIN) {
		socket_peer(fd, &uid, pid);
		result = 1;
	} else {
		result = errno == ECONNREFUSED || errno == ENOENT ? 0 : err_from_errno(errno);
	}
	close(fd);
	return result;
}

static int complain(struct report *r, int code, const char *cure, const char *path, const char *what)
{
	report_add(r, REPORT_ERROR, NULL, cure, "control socket %s: %s", path, what);
	return code;
}

/* Removes what a dead host left. Under the directory's lock. */
static int clear_place(struct control_socket *s, const struct sockaddr_un *at, struct report *r)
{
	struct stat st;
	char what[128];
	pid_t pid = 0;
	int listens;

	if (lstat(s->path, &st))
		return errno == ENOENT ? ADIT_OK : complain(r, err_from_errno(errno), NULL, s->path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return complain(r, ADIT_ECONFIG, "name another path in control.socket", s->path, "something that is no socket is there");
	listens = somebody_listens(at, &pid);
	if (listens > 0) {
		snprintf(what, sizeof(what), "a host that runs has it (process %d)", (int)pid);
		return complain(r, ADIT_EEXIST, "end that one, or give this one another name (control.name, --name)", s->path, what);
	}
	if (listens < 0)
		return complain(r, listens, "remove it if no host uses it", s->path, "it cannot be told whether a host has it");
	if (unlink(s->path) && errno != ENOENT)
		return complain(r, err_from_errno(errno), NULL, s->path, strerror(errno));
	return ADIT_OK;
}

/* The lock on the directory, or a negative number; whoever else holds it has it for moments only. */
static int lock_directory(const char *path)
{
	static const struct timespec pause = {0, LOCK_PAUSE_MS * 1000000L};
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd, tries;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (tries = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB); tries++) {
		if (errno != EWOULDBLOCK || tries == LOCK_TRIES) {
			int error = errno == EWOULDBLOCK ? EBUSY : errno;

			close(fd);
			errno = error;
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

static int make_parent(const char *path)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];

	snprintf(copy, sizeof(copy), "%s", path);
	/* Others may pass: the mode of the socket itself says who may open it. */
	return mkdir(dirname(copy), geteuid() ? 0700 : 0755) && errno != EEXIST ? -1 : 0;
}

static int bind_there(struct control_socket *s, const struct sockaddr_un *at, gid_t group)
{
	struct stat st;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The file is made with the mode of the socket: there is no moment when others may open it. */
	if (s->fd < 0 || fchmod(s->fd, 0600) || bind(s->fd, (const struct sockaddr *)at, sizeof(*at)))
		return -1;
	s->bound = true;
	if (lstat(s->path, &st))
		return -1;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	if (group != (gid_t)-1 && (lchown(s->path, (uid_t)-1, group) || chmod(s->path, 0660)))
		return -1;
	return listen(s->fd, LISTEN_BACKLOG);
}

/* The socket that a service manager listens on for us (FileDescriptorName=control); -1: none, or it is not at this path. The
 * file stays the manager's. */
static int passed_in(const struct sockaddr_un *at)
{
	struct sockaddr_un there = {.sun_family = AF_UNSPEC};
	socklen_t size = sizeof(there), flag_size = sizeof(int);
	int fd = notify_descriptor("control"), listens = 0;

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&there, &size) || there.sun_family != AF_UNIX ||
	    strncmp(there.sun_path, at->sun_path, sizeof(there.sun_path)) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag_size) || !listens || fcntl(fd, F_SETFL, O_NONBLOCK))
		return -1;
	return fd;
}

int socket_open(struct control_socket **out, const char *path, gid_t group, bool make_directory, struct report *report)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct control_socket *s;
	int lock, err;

	if (strlen(path) >= sizeof(at.sun_path))
		return complain(report, ADIT_ECONFIG, "name a shorter path in control.socket", path, "the path is longer than 107 bytes");
	s = calloc(1, sizeof(*s));
	if (!s)
		return ADIT_ENOMEM;
	s->fd = -1;
	strcpy(s->path, path);
	strcpy(at.sun_path, path);
	s->fd = passed_in(&at);
	if (s->fd >= 0) {
		*out = s;
		return ADIT_OK;
	}
	lock = make_directory && make_parent(path) ? -1 : lock_directory(path);
	if (lock < 0) {
		err = complain(report, err_from_errno(errno), "its directory has to be there, and writable", path, strerror(errno));
	} else {
		err = clear_place(s, &at, report);
		if (!err && bind_there(s, &at, group))
			err = complain(report, err_from_errno(errno), NULL, path, strerror(errno));
		close(lock);
	}
	if (err) {
		socket_close(s);
		return err;
	}
	*out = s;
	return ADIT_OK;
}

void socket_close(struct control_socket *s)
{
	struct stat st;

	if (!s)
		return;
	if (s->bound && !lstat(s->path, &st) && st.st_dev == s->device && st.st_ino == s->inode)
		unlink(s->path);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int socket_fd(const struct control_socket *s)
{
	return s->fd;
}

const char *socket_path(const struct control_socket *s)
{
	return s->path;
}

/* ---- who is there ---- */

bool socket_peer(int fd, uid_t *uid, pid_t *pid)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size))
		return false;
	*uid = who.uid;
	*pid = who.pid;
	return true;
}

bool socket_peer_in(int fd, gid_t group)
{
	gid_t groups[GROUPS_MOST];
	socklen_t size = sizeof(groups);
	struct ucred who;
	socklen_t who_size = sizeof(who);
	size_t i;

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_size) && who.gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}
