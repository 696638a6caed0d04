/* SPDX-License-Identifier: MIT
 * cli/connect.c - a running host, found and talked to
 */
#include "cli/connect.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/socket.h"

enum { LINE_MOST = 1 << 20, READ_AT_ONCE = 16384 };

static const char suffix[] = ".sock";

/* ---- who runs ---- */

/* A descriptor, or a negative errno. */
static int dial(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval wait = {5, 0};
	int fd, err;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A host that does not take connections any more must not hold us. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (!connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct running *)a)->name, ((const struct running *)b)->name);
}

static bool look_at(const char *dir, const char *file, struct running *out)
{
	size_t length = strlen(file);
	int fd, n = snprintf(out->path, sizeof(out->path), "%s/%s", dir, file);
	uid_t uid;

	if (n < 0 || (size_t)n >= sizeof(out->path) || length <= sizeof(suffix) - 1 ||
	    strcmp(file + length - sizeof(suffix) + 1, suffix) != 0 || length - sizeof(suffix) + 1 >= sizeof(out->name))
		return false;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)(length - sizeof(suffix) + 1), file);
	fd = dial(out->path);
	if (fd < 0)
		return false;
	out->pid = 0;
	socket_peer(fd, &uid, &out->pid);
	close(fd);
	return true;
}

unsigned connect_list(struct running out[CONNECT_HOSTS])
{
	char buf[4096];
	const char *dir;
	unsigned count = 0, i;

	for (i = 0; (dir = socket_directory(i, buf, sizeof(buf))) != NULL; i++) {
		DIR *d = opendir(dir);
		struct dirent *e;

		while (d && count < CONNECT_HOSTS && (e = readdir(d)) != NULL)
			count += look_at(dir, e->d_name, &out[count]);
		if (d)
			closedir(d);
	}
	qsort(out, count, sizeof(*out), by_name);
	return count;
}

/* ---- the one that is meant ---- */

static int no_host(const char *command, const char *what, const char *why)
{
	fprintf(stderr, "adit %s: %s%s%s\n", command, what, *why ? ": " : "", why);
	fputs("  start one: adit run MANIFEST, or adit exec --name NAME -- COMMAND\n", stderr);
	return STATUS_NO_HOST;
}

static int open_path(struct connection *c, const char *command, const char *path)
{
	char what[CONNECT_PATH + 64];

	c->fd = dial(path);
	if (c->fd >= 0) {
		snprintf(c->path, sizeof(c->path), "%s", path);
		return STATUS_OK;
	}
	if (c->fd == -EACCES || c->fd == -EPERM) {
		fprintf(stderr, "adit %s: %s: this host belongs to another user; ask as that user, as root, or as a member of "
		        "the group that its manifest names (control.group)\n", command, path);
		return STATUS_NO_HOST;
	}
	snprintf(what, sizeof(what), "no host answers at %.107s", path);
	return no_host(command, what, strerror(-c->fd));
}

static int open_named(struct connection *c, const char *command, const char *name)
{
	char buf[4096], path[4200], what[128];
	const char *dir;
	unsigned i;

	for (i = 0; (dir = socket_directory(i, buf, sizeof(buf))) != NULL; i++) {
		snprintf(path, sizeof(path), "%s/%.64s%s", dir, name, suffix);
		if (!access(path, F_OK))
			return open_path(c, command, path);
	}
	snprintf(what, sizeof(what), "no host named %.64s runs here", name);
	return no_host(command, what, "");
}

static int open_only(struct connection *c, const char *command)
{
	struct running hosts[CONNECT_HOSTS];
	unsigned count = connect_list(hosts), i;

	if (!count)
		return no_host(command, "no host runs here that you may ask", "");
	if (count == 1)
		return open_path(c, command, hosts[0].path);
	fprintf(stderr, "adit %s: %u hosts run here; say which with --name:\n", command, count);
	for (i = 0; i < count; i++)
		fprintf(stderr, "  --name %-20s (process %d)\n", hosts[i].name, (int)hosts[i].pid);
	return STATUS_WORDS;
}

int connection_open(struct connection *c, const char *command, const char *name, const char *path)
{
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	if (path)
		return open_path(c, command, path);
	return name ? open_named(c, command, name) : open_only(c, command);
}

void connection_close(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

/* ---- lines ---- */

bool connection_ask(struct connection *c, struct jsonw *w)
{
	size_t at = 0;
	bool sent;

	jsonw_line(w);
	while (!w->failed && at < w->used) {
		ssize_t n = send(c->fd, w->text + at, w->used - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	sent = !w->failed && at == w->used;
	jsonw_fini(w);
	return sent;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* More bytes; REPLY_ITEM: there are some. */
static enum reply_kind read_more(struct connection *c, int wait_ms)
{
	struct pollfd p = {c->fd, POLLIN, 0};
	ssize_t n;

	if (c->room - c->used < READ_AT_ONCE) {
		size_t room = c->room ? c->room * 2 : 2 * READ_AT_ONCE;
		char *in = room > LINE_MOST ? NULL : realloc(c->in, room);

		if (!in)
			return REPLY_GONE;
		c->in = in;
		c->room = room;
	}
	if (poll(&p, 1, wait_ms) == 0)
		return REPLY_LATE;
	n = recv(c->fd, c->in + c->used, c->room - c->used, 0);
	if (n < 0 && errno == EINTR)
		return REPLY_ITEM;
	if (n <= 0)
		return REPLY_GONE;
	c->used += (size_t)n;
	return REPLY_ITEM;
}

static void understand(struct reply *out, const char *line, size_t size)
{
	static const struct {
		const char *key;
		enum reply_kind kind;
	} kinds[] = {{"item", REPLY_ITEM}, {"ok", REPLY_OK}, {"error", REPLY_ERROR}};
	size_t i;

	if (json_tree_read(&out->tree, line, size, NULL))
		return;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		out->body = json_node_member(json_tree_root(out->tree), kinds[i].key);
		if (out->body) {
			out->kind = kinds[i].kind;
			return;
		}
	}
}

void connection_next(struct connection *c, int wait_ms, struct reply *out)
{
	int64_t until = now_ms() + wait_ms;
	char *end;

	*out = (struct reply){.kind = REPLY_GONE};
	if (c->at) {
		memmove(c->in, c->in + c->at, c->used - c->at);
		c->used -= c->at;
		c->at = 0;
	}
	while (!c->used || !(end = memchr(c->in, '\n', c->used))) {
		int64_t left = wait_ms < 0 ? -1 : until - now_ms();
		enum reply_kind more = read_more(c, wait_ms < 0 ? -1 : left > 0 ? (int)left : 0);

		if (more != REPLY_ITEM) {
			out->kind = more;
			return;
		}
	}
	c->at = (size_t)(end - c->in) + 1;
	understand(out, c->in, c->at - 1);
}

void reply_free(struct reply *r)
{
	json_tree_free(r->tree);
	r->tree = NULL;
	r->body = NULL;
}

int reply_status(const struct reply *r, const char *command)
{
	const struct json_node *findings;
	size_t i;

	switch (r->kind) {
	case REPLY_ERROR:
		fprintf(stderr, "adit %s: %s\n", command, member_text(r->body, "text"));
		findings = json_node_member(r->body, "findings");
		for (i = 0; i < json_node_count(findings); i++)
			fprintf(stderr, "  %s\n", json_node_text(json_node_item(findings, i)));
		return strcmp(member_text(r->body, "code"), "invalid") ? STATUS_REFUSED : STATUS_WORDS;
	case REPLY_LATE:
		fprintf(stderr, "adit %s: the host does not answer\n", command);
		return STATUS_NO_HOST;
	case REPLY_GONE:
		fprintf(stderr, "adit %s: the host has ended, or closed the connection\n", command);
		return STATUS_NO_HOST;
	default:
		return STATUS_OK;
	}
}

/* ---- members ---- */

const char *member_text(const struct json_node *n, const char *key)
{
	const char *text = json_node_text(json_node_member(n, key));

	return text ? text : "-";
}

uint64_t member_number(const struct json_node *n, const char *key)
{
	double v = member_real(n, key);

	return v < 0 ? 0 : v >= 1.8e19 ? UINT64_MAX : (uint64_t)v;
}

double member_real(const struct json_node *n, const char *key)
{
	double v = 0;

	json_node_number(json_node_member(n, key), &v);
	return v;
}

bool member_truth(const struct json_node *n, const char *key)
{
	bool v = false;

	json_node_truth(json_node_member(n, key), &v);
	return v;
}
