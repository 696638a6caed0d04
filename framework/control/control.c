/* SPDX-License-Identifier: MIT
 * control/control.c - the control socket: who may come in, how many, and what is done at the end of a turn
 */
#include "control/control.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "control/follow.h"
#include "control/logfeed.h"
#include "control/owners.h"
#include "control/rates.h"
#include "control/server.h"
#include "control/socket.h"
#include "observe/log.h"
#include "os/os.h"

enum { GROUP_TEXT = 4096, ACCEPTS_A_TURN = 16 };

uint64_t server_now(const struct control *c)
{
	return loop_now(c->options.loop);
}

adit_loop *server_loop(const struct control *c)
{
	return c->options.loop;
}

void server_changed(struct control *c, const struct client *by, const char *what)
{
	snprintf(c->change, sizeof(c->change), "%s", what);
	c->change_at = server_now(c);
	c->change_by = by->uid;
	log_info("control", "%s, asked for by uid %u (process %d)", what, (unsigned)by->uid, (int)by->pid);
}

/* ---- the end of a turn ---- */

static void look_after(struct control *c)
{
	struct client **at = &c->clients, *one;

	while ((one = *at) != NULL) {
		if (one->dead) {
			*at = one->next;
			c->client_count--;
			client_free(one);
			continue;
		}
		if (one->again)
			client_work(one);
		at = &one->next;
	}
}

static void on_again(void *arg)
{
	struct control *c = arg;

	c->again = false;
	look_after(c);
}

void server_again(struct control *c)
{
	/* Where there is no memory for this the tick does it. */
	if (!c->again && loop_defer(c->options.loop, on_again, c) == ADIT_OK)
		c->again = true;
}

/* ---- who comes in ---- */

/* The client that has asked for nothing for longest makes room for a new one; null: all are at work. */
static struct client *idlest(struct control *c)
{
	struct client *one, *found = NULL;

	for (one = c->clients; one; one = one->next)
		if (!one->dead && !one->job && !one->again && (!found || one->active_at < found->active_at))
			found = one;
	return found;
}

static void admit(struct control *c, int fd)
{
	struct client *one, *old = NULL;
	unsigned alive = 0;
	bool known, member;

	for (one = c->clients; one; one = one->next)
		alive += !one->dead;
	if (alive >= SERVER_CLIENTS)
		old = idlest(c);
	if (old)
		client_close(old);
	if (client_new(&one, c, fd))
		return;
	one->next = c->clients;
	c->clients = one;
	c->client_count++;
	known = socket_peer(fd, &one->uid, &one->pid);
	one->writes = known && (one->uid == 0 || one->uid == geteuid());
	member = c->group != (gid_t)-1 && socket_peer_in(fd, c->group);
	if (member && c->group_writes)
		one->writes = true;
	if (!one->writes && !member)
		client_refuse(one, "denied", "this host is not yours: root, its own user and the group of its socket may ask");
	else if (alive >= SERVER_CLIENTS && !old)
		client_refuse(one, "limit", "64 clients are being answered; try again when one has gone");
}

static void on_incoming(void *arg)
{
	struct control *c = arg;
	unsigned n;

	for (n = 0; n < ACCEPTS_A_TURN; n++) {
		int fd = accept4(socket_fd(c->socket), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			admit(c, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			/* It would be ready again at once; the tick tries again. */
			c->full = true;
			loop_io_want(&c->io, 0);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void on_tick(void *arg)
{
	struct control *c = arg;
	struct client *one;
	uint64_t now = server_now(c);

	for (one = c->clients; one; one = one->next)
		client_tick(one, now);
	look_after(c);
	rates_tick(c->rates, now);
	follows_tick(c->follows);
	if (c->full) {
		c->full = false;
		loop_io_want(&c->io, ADIT_IO_READ);
	}
}

/* ---- the manifest ---- */

static const char *text_of(const adit_cfg *root, const char *path, const char *otherwise)
{
	const char *text;

	return conf_config_1.text(root, path, &text, NULL) == ADIT_OK ? text : otherwise;
}

static int read_group(struct control *c, struct report *report)
{
	const char *name = text_of(c->options.root, "control/group", "");
	struct group entry, *found = NULL;
	char text[GROUP_TEXT];
	int32_t writes = 0;

	c->group = (gid_t)-1;
	conf_config_1.truth(c->options.root, "control/group_writes", &writes);
	c->group_writes = writes != 0;
	if (!*name)
		return ADIT_OK;
	if (getgrnam_r(name, &entry, text, sizeof(text), &found) || !found) {
		report_add(report, REPORT_ERROR, &(struct report_place){.pointer = "/control/group"}, "make the group, or name another",
		           "there is no group %s on this machine", name);
		return ADIT_ECONFIG;
	}
	c->group = found->gr_gid;
	return ADIT_OK;
}

static void name_host(struct control *c)
{
	const char *name = c->options.name ? c->options.name : text_of(c->options.root, "control/name", "");

	if (!*name && c->options.manifest && !c->options.only_named)
		name = c->options.manifest;
	if (*name)
		socket_name_of(name, c->name, sizeof(c->name));
}

static int open_socket(struct control *c, struct report *report)
{
	const char *said = text_of(c->options.root, "control/socket", "auto");
	char directory[4096], path[4200];
	const char *place;

	/* Nobody could ask for a host without a name. */
	if (!strcmp(said, "off") || (!strcmp(said, "auto") && !*c->name))
		return ADIT_OK;
	if (!*c->name)
		snprintf(c->name, sizeof(c->name), "adit");
	if (strcmp(said, "auto") != 0)
		return socket_open(&c->socket, said, c->group, false, report);
	place = socket_own_directory(directory, sizeof(directory));
	if (!place) {
		report_add(report, REPORT_NOTE, NULL, "set control.socket to a path, or to \"off\"",
		           "no control socket: neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set");
		return ADIT_OK;
	}
	snprintf(path, sizeof(path), "%s/%s.sock", place, c->name);
	return socket_open(&c->socket, path, c->group, true, report);
}

/* ---- life ---- */

int control_new(struct control **out, const struct control_options *options, struct report *report)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return ADIT_ENOMEM;
	c->options = *options;
	err = read_group(c, report);
	if (!err) {
		name_host(c);
		err = open_socket(c, report);
	}
	if (!err && c->socket)
		err = rates_new(&c->rates);
	if (!err && c->socket) {
		c->owners = owners_new(options->host);
		err = c->owners ? ADIT_OK : ADIT_ENOMEM;
	}
	if (!err && c->socket)
		err = follows_new(&c->follows, c);
	if (!err && c->socket)
		err = log_feed_new(&c->log_feed, c);
	if (err || !c->socket) {
		control_free(c);
		if (!err)
			*out = NULL;
		return err;
	}
	c->options.root = NULL;
	c->options.name = NULL;
	*out = c;
	return ADIT_OK;
}

void control_start(struct control *c)
{
	c->started = os_now();
	loop_timer_init(&c->tick, c->options.loop, on_tick, c);
	loop_timer_set(&c->tick, OS_SECOND, OS_SECOND);
	loop_io_init(&c->io, c->options.loop, socket_fd(c->socket), on_incoming, c);
	loop_io_want(&c->io, ADIT_IO_READ);
}

void control_free(struct control *c)
{
	struct client *one;

	if (!c)
		return;
	c->again = true; /* nothing is deferred any more: nobody would be here when it is called */
	/* The file goes first: nobody comes in any more. */
	loop_io_fini(&c->io);
	loop_timer_fini(&c->tick);
	socket_close(c->socket);
	for (one = c->clients; one; one = one->next)
		client_close(one);
	look_after(c);
	follows_free(c->follows);
	log_feed_free(c->log_feed);
	owners_free(c->owners);
	rates_free(c->rates);
	free(c);
}

const char *control_path(const struct control *c)
{
	return socket_path(c->socket);
}
