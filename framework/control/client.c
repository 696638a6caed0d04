/* SPDX-License-Identifier: MIT
 * control/client.c - one connection: what comes in, when it is answered, when it is given up
 */
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "control/control.h"
#include "control/server.h"
#include "os/os.h"

enum { LINES_A_TURN = 64, READ_AT_ONCE = 4096 };

static void want(struct client *c)
{
	uint32_t mask = 0;

	if (c->dead)
		return;
	/* Nothing is read while an answer is being made, but from those who follow: what they send ends that. */
	if (!c->ended && !c->closing && !c->again && (!c->job || c->job->table->follows) && client_has_room(c))
		mask |= ADIT_IO_READ;
	if (c->out_used > c->out_at)
		mask |= ADIT_IO_WRITE;
	loop_io_want(&c->io, mask);
}

/* ---- out ---- */

bool client_has_room(const struct client *c)
{
	return !c->dead && c->out_used - c->out_at < CLIENT_OUT_ROOM;
}

static bool reserve(struct client *c, size_t size, size_t most)
{
	size_t waiting = c->out_used - c->out_at, room = c->out_room ? c->out_room : 4096;
	char *out;

	if (waiting + size > most)
		return false;
	if (c->out_at) {
		memmove(c->out, c->out + c->out_at, waiting);
		c->out_at = 0;
		c->out_used = waiting;
	}
	if (waiting + size <= c->out_room)
		return true;
	while (room < waiting + size)
		room *= 2;
	out = realloc(c->out, room);
	if (!out)
		return false;
	c->out = out;
	c->out_room = room;
	return true;
}

/* The end of an answer has room of its own, so that whoever asked is never left without one. */
static bool queue(struct client *c, size_t most)
{
	if (c->dead)
		return false;
	jsonw_line(&c->line);
	if (c->line.failed || !reserve(c, c->line.used, most)) {
		c->lost++;
		return false;
	}
	if (c->out_used == c->out_at)
		c->stalled_since = server_now(c->control);
	memcpy(c->out + c->out_used, c->line.text, c->line.used);
	c->out_used += c->line.used;
	want(c);
	return true;
}

static void write_out(struct client *c)
{
	while (c->out_used > c->out_at) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_used - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			client_close(c);
			return;
		}
		c->out_at += (size_t)n;
		c->stalled_since = server_now(c->control);
	}
	if (c->out_used == c->out_at) {
		c->out_used = c->out_at = 0;
		c->stalled_since = 0;
		if (c->closing || (c->ended && !c->job && !c->again)) {
			client_close(c);
			return;
		}
	}
	if (client_has_room(c) && c->job && c->job->table->room)
		c->job->table->room(c->job);
	else if (client_has_room(c) && !c->job)
		client_work(c);
}

/* ---- answers ---- */

static struct jsonw *begin(struct client *c, const char *what)
{
	jsonw_reset(&c->line);
	jsonw_object(&c->line, NULL);
	if (*c->id)
		jsonw_raw(&c->line, "id", c->id);
	jsonw_object(&c->line, what);
	return &c->line;
}

static void end(struct client *c)
{
	jsonw_end_object(&c->line);
	jsonw_end_object(&c->line);
}

struct jsonw *client_item(struct client *c)
{
	return begin(c, "item");
}

bool client_send_item(struct client *c)
{
	end(c);
	return queue(c, CLIENT_OUT_MOST - CLIENT_LINE_MOST);
}

static void finish(struct client *c)
{
	struct job *j = c->job;

	c->job = NULL;
	if (j)
		j->client = NULL;
	c->id[0] = 0;
	c->active_at = server_now(c->control);
	if (c->half_since) /* it was not read while this was answered */
		c->half_since = c->active_at;
	/* What waits is answered in a turn of its own: the caller may be a job that is not done with itself. */
	if (c->in_used) {
		c->again = true;
		server_again(c->control);
	} else if (c->ended && c->out_used == c->out_at) {
		c->closing = true;
	}
	want(c);
}

struct jsonw *client_ok(struct client *c)
{
	return begin(c, "ok");
}

void client_send_ok(struct client *c)
{
	end(c);
	if (!queue(c, CLIENT_OUT_MOST)) {
		/* Too much was written, or memory is out: what is queued still goes out, then the connection ends. */
		c->closing = true;
		if (c->out_used == c->out_at)
			client_close(c);
	}
	finish(c);
}

void client_done(struct client *c)
{
	client_ok(c);
	client_send_ok(c);
}

static const char *code_of(int result)
{
	switch (result) {
	case ADIT_EINVAL:
	case ADIT_ECONFIG:
		return "invalid";
	case ADIT_EPERM:
		return "denied";
	case ADIT_ENOENT:
	case ADIT_ESTALE:
		return "unknown";
	case ADIT_EAGAIN:
	case ADIT_EEXIST:
		return "busy";
	case ADIT_ELIMIT:
	case ADIT_ENOMEM:
		return "limit";
	case ADIT_ENOSYS:
		return "unsupported";
	case ADIT_ETIME:
		return "timeout";
	default:
		return "failed";
	}
}

void client_error(struct client *c, const char *code, const char *format, ...)
{
	struct jsonw *w = begin(c, "error");
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	jsonw_text(w, "code", code);
	jsonw_text(w, "text", text);
	client_send_ok(c);
}

void client_failed(struct client *c, int result, const struct report *findings, const char *what)
{
	struct jsonw *w = begin(c, "error");
	size_t i;

	jsonw_text(w, "code", code_of(result));
	jsonw_text(w, "text", what ? what : err_text(result));
	if (findings && findings->count) {
		jsonw_array(w, "findings");
		for (i = 0; i < findings->count && w->used < CLIENT_LINE_MOST / 2; i++) {
			char *line = report_line(&findings->items[i]);

			jsonw_text(w, NULL, line);
			free(line);
		}
		jsonw_end_array(w);
		if (findings->lost + findings->count - i)
			jsonw_uint(w, "more", findings->lost + findings->count - i);
	}
	client_send_ok(c);
}

void client_give_job(struct client *c, struct job *j)
{
	j->client = c;
	c->job = j;
	want(c);
}

static void drop_job(struct client *c)
{
	struct job *j = c->job;

	c->job = NULL;
	if (!j)
		return;
	j->client = NULL;
	j->table->cancel(j);
}

/* ---- in ---- */

void client_refuse(struct client *c, const char *code, const char *text)
{
	if (c->dead || c->closing)
		return;
	drop_job(c);
	c->id[0] = 0;
	c->in_used = 0;
	c->half_since = 0;
	c->closing = true;
	client_error(c, code, "%s", text);
}

static void answer(struct client *c, const char *line, size_t size)
{
	char why[REQUEST_WHY] = "";
	struct request q;
	int err = request_read(&q, line, size, why);

	if (c->job) { /* that follows */
		drop_job(c);
		client_done(c);
	}
	memcpy(c->id, q.id, sizeof(c->id));
	if (err)
		client_error(c, err == ADIT_ENOENT ? "unknown" : code_of(err), "%s", why);
	else if (q.verb->writes && !c->writes)
		client_error(c, "denied", "uid %u may look, but not change: \"%s\" is for root and the user of the host%s",
		             (unsigned)c->uid, q.verb->name, "; the manifest's control.group_writes lets the group");
	else
		q.verb->run(c, &q);
	request_fini(&q);
}

void client_work(struct client *c)
{
	unsigned lines = 0;
	size_t at = 0;

	c->again = false;
	while (!c->dead && !c->closing && client_has_room(c) && (!c->job || c->job->table->follows)) {
		char *end = memchr(c->in + at, '\n', c->in_used - at);
		size_t size;

		if (!end)
			break;
		if (lines++ == LINES_A_TURN) {
			c->again = true;
			server_again(c->control);
			break;
		}
		size = (size_t)(end - (c->in + at));
		if (size && c->in[at + size - 1] == '\r')
			size--;
		if (size)
			answer(c, c->in + at, size);
		at = (size_t)(end - c->in) + 1;
	}
	if (c->dead || c->closing) {
		c->in_used = 0;
		c->half_since = 0;
		return;
	}
	if (at) {
		memmove(c->in, c->in + at, c->in_used - at);
		c->in_used -= at;
		c->half_since = 0;
	}
	if (c->in_used && !c->half_since && !memchr(c->in, '\n', c->in_used))
		c->half_since = server_now(c->control);
	if (c->in_used > REQUEST_LINE_MOST && !memchr(c->in, '\n', c->in_used))
		client_refuse(c, "limit", "a request is longer than 64 KiB");
	/* A last line without an end is none. */
	if (c->ended && !c->job && !c->again && c->out_used == c->out_at)
		client_close(c);
	want(c);
}

static void read_in(struct client *c)
{
	/* One byte more than a line, its end, and one that is too many. */
	size_t room = REQUEST_LINE_MOST + 2 - c->in_used;
	ssize_t n;

	if (room > READ_AT_ONCE)
		room = READ_AT_ONCE;
	n = recv(c->fd, c->in + c->in_used, room, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		client_close(c);
		return;
	}
	if (n == 0)
		c->ended = true;
	c->in_used += (size_t)n;
	client_work(c);
}

static void on_ready(void *arg)
{
	struct client *c = arg;
	uint32_t ready = loop_io_ready(&c->io);

	if (!c->dead && ready & ADIT_IO_WRITE)
		write_out(c);
	if (!c->dead && ready & ADIT_IO_READ && !c->ended && !c->closing && c->in_used < REQUEST_LINE_MOST + 2)
		read_in(c);
	want(c);
}

void client_tick(struct client *c, uint64_t now)
{
	struct pollfd p = {c->fd, 0, 0};

	if (c->dead)
		return;
	if (poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR | POLLNVAL))
		client_close(c);
	else if (c->half_since && (!c->job || c->job->table->follows) && now - c->half_since > CLIENT_HALF_SECONDS * OS_SECOND)
		client_refuse(c, "timeout", "a request that had begun did not end within 5 s");
	else if (c->stalled_since && now - c->stalled_since > CLIENT_STALL_SECONDS * OS_SECOND)
		client_close(c);
}

/* ---- life ---- */

int client_new(struct client **out, struct control *control, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c)
		c->in = malloc(REQUEST_LINE_MOST + 2);
	if (!c || !c->in) {
		free(c);
		close(fd);
		return ADIT_ENOMEM;
	}
	c->control = control;
	c->fd = fd;
	c->active_at = server_now(control);
	jsonw_init(&c->line, CLIENT_LINE_MOST);
	loop_io_init(&c->io, server_loop(control), fd, on_ready, c);
	want(c);
	*out = c;
	return ADIT_OK;
}

void client_close(struct client *c)
{
	if (c->dead)
		return;
	c->dead = true;
	drop_job(c);
	loop_io_fini(&c->io);
	close(c->fd);
	c->fd = -1;
	server_again(c->control);
}

void client_free(struct client *c)
{
	free(c->in);
	free(c->out);
	jsonw_fini(&c->line);
	free(c);
}
