/* SPDX-License-Identifier: MIT
 * dial/relay.c - bytes between two connected kernel sockets
 *
 * A lane is one direction. What a lane holds is its backlog: copied bytes, or bytes in a pipe; while it holds any,
 * the source is not read until the sink has room. Both sockets are watched by edges from beginning to end, so a
 * lane is pumped until its source is empty, its sink is full, or its turn is over; then it goes on in the next turn.
 */
#include "dial/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "os/os.h"

enum {
	SCRATCH = 64 * 1024,   /* bytes copied at a time */
	BULK = 32 * 1024,      /* a read of so much makes a lane a bulk lane */
	QUIET = 8 * 1024,      /* a splice of less, QUIET_TIMES in a row, makes it an ordinary one again */
	QUIET_TIMES = 8,
	PIPE = 1024 * 1024,    /* bytes asked for a pipe */
	PIPES_KEPT = 16,
	TURN = 4 * 1024 * 1024 /* bytes a lane may move before others get their turn */
};

struct pipe {
	int fd[2];
	uint32_t size;
	struct pipe *next;
};

struct relay_shard {
	adit_loop *loop;
	struct pipe *pipes;
	unsigned kept;
	struct relay *again; /* whose turn was over */
	int scheduled;
	uint8_t scratch[SCRATCH];
};

struct kept {
	uint32_t at, len;
	uint8_t bytes[];
};

struct lane {
	struct kept *kept; /* copied bytes that the sink did not take */
	struct pipe *pipe; /* set while it is a bulk lane */
	uint32_t in_pipe;
	unsigned quiet : 8, /* small splices in a row */
		bulk : 1,
		done : 1, /* the source's FIN is there, perhaps behind data */
		eof : 1,  /* the source's FIN has been read */
		shut : 1, /* ... and the sink has been told */
		urgent : 1, /* the source has sent urgent data: a short read says nothing */
		more : 1; /* its turn was over before its source was empty */
};

struct relay {
	struct relay_shard *rs;
	int fd[2];
	struct loop_edge edge[2];
	struct lane lane[2]; /* [RELAY_NEAR]: up */
	struct relay *next, **link; /* among those whose turn was over; link null: it is not there */
	uint64_t *moved[2];
	uint32_t *last;
	relay_ended ended;
	void *arg;
};

/* ---- pipes ---- */

static struct pipe *pipe_take(struct relay_shard *rs)
{
	struct pipe *p = rs->pipes;
	int size;

	if (p) {
		rs->pipes = p->next;
		rs->kept--;
		return p;
	}
	p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	if (pipe2(p->fd, O_NONBLOCK | O_CLOEXEC)) {
		free(p);
		return NULL;
	}
	size = fcntl(p->fd[1], F_SETPIPE_SZ, PIPE);
	if (size < 0)
		size = fcntl(p->fd[1], F_GETPIPE_SZ);
	p->size = size > 0 ? (uint32_t)size : 65536;
	return p;
}

static void pipe_close(struct pipe *p)
{
	close(p->fd[0]);
	close(p->fd[1]);
	free(p);
}

/* Only an empty pipe may be kept for the next one. */
static void pipe_give(struct relay_shard *rs, struct pipe *p, int empty)
{
	if (!empty || rs->kept == PIPES_KEPT) {
		pipe_close(p);
		return;
	}
	p->next = rs->pipes;
	rs->pipes = p;
	rs->kept++;
}

adit_result relay_shard_new(struct relay_shard **out, adit_loop *l)
{
	struct relay_shard *rs = malloc(sizeof(*rs));

	if (!rs)
		return ADIT_ENOMEM;
	rs->loop = l;
	rs->pipes = NULL;
	rs->kept = 0;
	rs->again = NULL;
	rs->scheduled = 0;
	*out = rs;
	return ADIT_OK;
}

void relay_shard_free(struct relay_shard *rs)
{
	if (!rs)
		return;
	while (rs->pipes) {
		struct pipe *p = rs->pipes;

		rs->pipes = p->next;
		pipe_close(p);
	}
	free(rs);
}

/* ---- ending ---- */

void relay_reset_socket(int fd)
{
	static const struct linger now = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void lane_fini(struct relay_shard *rs, struct lane *l)
{
	free(l->kept);
	if (l->pipe)
		pipe_give(rs, l->pipe, l->in_pipe == 0);
}

static void unlist(struct relay *r)
{
	if (!r->link)
		return;
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	r->link = NULL;
}

static void release(struct relay *r, int reset)
{
	int i;

	unlist(r);
	for (i = 0; i < 2; i++) {
		loop_edge_fini(&r->edge[i]);
		if (reset)
			relay_reset_socket(r->fd[i]);
		else
			close(r->fd[i]);
		lane_fini(r->rs, &r->lane[i]);
	}
	free(r);
}

void relay_abort(struct relay *r)
{
	release(r, 1);
}

static void finish(struct relay *r, adit_result result)
{
	relay_ended ended = r->ended;
	void *arg = r->arg;

	release(r, result != ADIT_OK);
	ended(arg, result);
}

/* ---- moving ---- */

/* Every mover returns ADIT_OK when the lane has to wait for its source, ADIT_EAGAIN when for its sink, or a reason
 * to end. */

static void moved(struct relay *r, int from, size_t n)
{
	*r->moved[from] += n;
	*r->last = (uint32_t)(loop_now(r->rs->loop) / OS_SECOND);
}

static adit_result failed(void)
{
	return errno == EAGAIN || errno == EINTR ? ADIT_EAGAIN : err_from_errno(errno);
}

static adit_result drain_kept(struct relay *r, int from)
{
	struct lane *l = &r->lane[from];

	while (l->kept->at < l->kept->len) {
		ssize_t n = send(r->fd[!from], l->kept->bytes + l->kept->at, l->kept->len - l->kept->at, MSG_NOSIGNAL);

		if (n < 0)
			return failed();
		l->kept->at += (uint32_t)n;
	}
	free(l->kept);
	l->kept = NULL;
	return ADIT_OK;
}

static adit_result drain_pipe(struct relay *r, int from)
{
	struct lane *l = &r->lane[from];

	while (l->in_pipe) {
		ssize_t n = splice(l->pipe->fd[0], NULL, r->fd[!from], NULL, l->in_pipe, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

		if (n < 0)
			return failed();
		l->in_pipe -= (uint32_t)n;
	}
	return ADIT_OK;
}

static adit_result keep(struct lane *l, const uint8_t *bytes, size_t len)
{
	l->kept = malloc(sizeof(*l->kept) + len);
	if (!l->kept)
		return ADIT_ENOMEM;
	l->kept->at = 0;
	l->kept->len = (uint32_t)len;
	memcpy(l->kept->bytes, bytes, len);
	return ADIT_EAGAIN;
}

static adit_result copy_some(struct relay *r, int from, size_t *done)
{
	struct lane *l = &r->lane[from];
	uint8_t *scratch = r->rs->scratch;
	ssize_t n = recv(r->fd[from], scratch, SCRATCH, 0), m;

	*done = 0;
	if (n < 0) {
		adit_result result = failed();

		return result == ADIT_EAGAIN ? ADIT_OK : result;
	}
	if (n == 0) {
		l->eof = 1;
		return ADIT_OK;
	}
	moved(r, from, (size_t)n);
	if (n >= BULK)
		l->bulk = 1;
	m = send(r->fd[!from], scratch, (size_t)n, MSG_NOSIGNAL);
	if (m < 0) {
		adit_result result = failed();

		if (result != ADIT_EAGAIN)
			return result;
		m = 0;
	}
	if (m < n)
		return keep(l, scratch + m, (size_t)(n - m));
	/* A short read has emptied the socket: no second one to learn that, or that the FIN comes next. */
	*done = n == SCRATCH || l->bulk || l->urgent ? (size_t)n : 0;
	l->eof = !*done && l->done;
	return ADIT_OK;
}

static void bulk_end(struct relay *r, struct lane *l)
{
	pipe_give(r->rs, l->pipe, 1);
	l->pipe = NULL;
	l->bulk = l->quiet = 0;
}

static adit_result splice_some(struct relay *r, int from, size_t *done)
{
	struct lane *l = &r->lane[from];
	adit_result result;
	ssize_t n;

	*done = 0;
	n = splice(r->fd[from], NULL, l->pipe->fd[1], NULL, l->pipe->size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n < 0) {
		result = failed();
		return result == ADIT_EAGAIN ? ADIT_OK : result;
	}
	if (n == 0) {
		l->eof = 1;
		return ADIT_OK;
	}
	moved(r, from, (size_t)n);
	l->in_pipe += (uint32_t)n;
	l->quiet = n < QUIET ? (l->quiet + 1u) & 0xff : 0;
	result = drain_pipe(r, from);
	if (result != ADIT_OK)
		return result;
	if (l->quiet >= QUIET_TIMES)
		bulk_end(r, l);
	*done = (size_t)n;
	return ADIT_OK;
}

static adit_result pump(struct relay *r, int from)
{
	struct lane *l = &r->lane[from];
	size_t total = 0, done = 0;
	adit_result result = ADIT_OK;

	l->more = 0;
	if (l->kept)
		result = drain_kept(r, from);
	if (result == ADIT_OK && l->in_pipe)
		result = drain_pipe(r, from);
	while (result == ADIT_OK && !l->eof) {
		if (total >= TURN) {
			l->more = 1;
			break;
		}
		if (l->bulk && !l->pipe) {
			l->pipe = pipe_take(r->rs);
			l->bulk = l->pipe != NULL; /* no pipe to be had: copying goes on */
		}
		result = l->pipe ? splice_some(r, from, &done) : copy_some(r, from, &done);
		if (!done)
			break;
		total += done;
	}
	if (result == ADIT_OK && l->eof && !l->shut && !l->kept && !l->in_pipe) {
		l->shut = 1;
		if (!r->lane[!from].shut && shutdown(r->fd[!from], SHUT_WR) && errno != ENOTCONN)
			result = failed();
		if (l->pipe)
			bulk_end(r, l);
	}
	return result;
}

static void go_on(void *arg);

/* Either lane has more to read than its turn allowed. */
static void list_again(struct relay *r)
{
	struct relay_shard *rs = r->rs;

	if (r->link)
		return;
	r->next = rs->again;
	r->link = &rs->again;
	if (r->next)
		r->next->link = &r->next;
	rs->again = r;
	if (!rs->scheduled && loop_defer(rs->loop, go_on, rs) == ADIT_OK)
		rs->scheduled = 1;
}

/* What a pumped relay comes to. */
static void settle(struct relay *r, adit_result result)
{
	if (result != ADIT_OK && result != ADIT_EAGAIN)
		finish(r, result);
	else if (r->lane[0].shut && r->lane[1].shut)
		finish(r, ADIT_OK);
	else if (r->lane[0].more || r->lane[1].more)
		list_again(r);
}

static void go_on(void *arg)
{
	struct relay_shard *rs = arg;
	struct relay *r = rs->again;

	/* Those that are listed anew meanwhile are for the next time. */
	rs->scheduled = 0;
	rs->again = NULL;
	if (r)
		r->link = &r;
	while (r) {
		struct relay *one = r;
		adit_result result = ADIT_OK;
		int i;

		unlist(one);
		for (i = 0; i < 2 && (result == ADIT_OK || result == ADIT_EAGAIN); i++)
			if (one->lane[i].more)
				result = pump(one, i);
		settle(one, result);
	}
}

static adit_result error_of(int fd)
{
	int number = 0;
	socklen_t size = sizeof(number);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size))
		number = errno;
	return err_from_errno(number);
}

static void step(struct relay *r, int end)
{
	struct lane *out = &r->lane[end], *in = &r->lane[!end];
	uint32_t ready = loop_edge_ready(&r->edge[end]);
	adit_result result = ADIT_OK;

	if (ready & LOOP_PEER_DONE)
		out->done = 1;
	if (ready & LOOP_URGENT)
		out->urgent = 1;
	/* An end that has room lets the lane towards it go on, which reads the other end too. */
	if (ready & LOOP_WRITE && (in->kept || in->in_pipe))
		result = pump(r, !end);
	if ((result == ADIT_OK || result == ADIT_EAGAIN) && ready & LOOP_READ && !out->eof)
		result = pump(r, end);
	/* Where nothing is read or sent any more, a reset shows in no other way. */
	if ((result == ADIT_OK || result == ADIT_EAGAIN) && ready & LOOP_ERROR && error_of(r->fd[end]) != ADIT_OK)
		result = ADIT_ERESET;
	settle(r, result);
}

static void on_near(void *arg)
{
	step(arg, RELAY_NEAR);
}

static void on_far(void *arg)
{
	step(arg, RELAY_FAR);
}

adit_result relay_start(struct relay **out, struct relay_shard *rs, int near, int far, uint64_t *moved_bytes[2],
                        uint32_t *last, relay_ended ended, void *arg)
{
	struct relay *r = calloc(1, sizeof(*r));
	adit_result result;

	if (!r)
		return ADIT_ENOMEM;
	r->rs = rs;
	r->fd[RELAY_NEAR] = near;
	r->fd[RELAY_FAR] = far;
	r->moved[0] = moved_bytes[0];
	r->moved[1] = moved_bytes[1];
	r->last = last;
	r->ended = ended;
	r->arg = arg;
	result = loop_edge_init(&r->edge[RELAY_NEAR], rs->loop, near, on_near, r);
	if (result == ADIT_OK)
		result = loop_edge_init(&r->edge[RELAY_FAR], rs->loop, far, on_far, r);
	if (result != ADIT_OK) {
		/* The caller closes both, which is the end of what is watched. */
		loop_edge_fini(&r->edge[RELAY_NEAR]);
		free(r);
		return result;
	}
	*out = r;
	return ADIT_OK;
}

adit_result relay_first(struct relay *r, adit_buf *chain)
{
	struct kept *k = NULL;
	size_t size = 0;
	adit_buf *b;

	for (b = chain; b; b = b->next)
		size += b->len;
	if (size && size <= UINT32_MAX)
		k = malloc(sizeof(*k) + size);
	if (k) {
		k->at = k->len = 0;
		for (b = chain; b; b = b->next) {
			memcpy(k->bytes + k->len, b->data, b->len);
			k->len += b->len;
		}
		r->lane[RELAY_NEAR].kept = k;
	}
	bufpool_put(&chain, 1);
	return k || !size ? ADIT_OK : ADIT_ENOMEM;
}
