/* SPDX-License-Identifier: MIT
 * dial/join.c - a forwarded TCP flow: its two ends
 *
 * What the ends say is written down; what follows from it is done once, at the end of the turn: one write for all buffers
 * that came in it, one batch of operations for all flows. Two sockets go to a relay at once.
 */
#include "dial/join.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "dial/forward.h"
#include "dial/relay.h"
#include "observe/log.h"
#include "os/os.h"

enum {
	BACKLOG_MOST = 16 * 1024 * 1024, /* bytes that a party may give unconsumed; no window is so large */
	LAST_IDLE = 120,                 /* seconds that an end may rest when both directions have ended */
	RETRY = 10 * 1000 * 1000         /* ns until what found no buffer tries again */
};

struct join_shard {
	struct shard *shard;
	struct join *marked;
	int scheduled;
	adit_timer retry;
};

struct part *join_part(struct join *j, unsigned end)
{
	return end == JOIN_NEAR ? flow_stack(j->shard, j->flow) : j->shard->parts[PART_OUTBOUND][j->flow->outbound];
}

/* ---- turns ---- */

static void on_turn(void *arg);

static void mark(struct join *j)
{
	struct join_shard *js = j->shard->joins;

	if (j->next)
		return;
	j->next = js->marked ? js->marked : j;
	js->marked = j;
}

void join_mark(struct join *j)
{
	struct join_shard *js = j->shard->joins;

	mark(j);
	if (js->scheduled)
		return;
	js->scheduled = loop_defer(j->shard->loop, on_turn, js) == ADIT_OK;
	if (!js->scheduled)
		loop_timer_set(&js->retry, RETRY, 0);
}

/* ---- ending ---- */

static void tell(struct join *j, unsigned end, uint16_t type, adit_result code)
{
	adit_op op = {.type = type, .code = code, .flow = flow_handle(j->flow)};

	part_op(join_part(j, end), &op);
}

static void end_reset(struct join *j, unsigned end, adit_result code)
{
	uint8_t was = j->side[end].end;

	j->side[end].end = JOIN_OVER;
	if (was == JOIN_SOCKET) {
		loop_edge_fini(&j->edge);
		relay_reset_socket(j->fd);
		j->fd = -1;
	} else if (was != JOIN_OVER && (end == JOIN_FAR || j->flow->state == FLOW_OPEN)) {
		tell(j, end, ADIT_OP_ABORT, code);
	}
}

/* Lets go of everything, with resets; the flow itself is the caller's to close. */
static void let_go(struct join *j, adit_result code)
{
	struct flow *f = j->flow;
	unsigned i;

	/* What the two ends say to their operations, maybe before these return, is nobody's concern any more. */
	f->owner = NULL;
	f->owned = NULL;
	f->flags &= (uint16_t)~FLOW_WAITING;
	for (i = 0; i < 2; i++) {
		end_reset(j, i, code);
		backlog_clear(&j->lane[i]);
	}
	j->flow = NULL;
	if (!j->next)
		free(j);
}

void join_finish(struct join *j, adit_result code)
{
	struct shard *s = j->shard;
	struct flow *f = j->flow;
	int refuse = f->state == FLOW_DIAL;

	let_go(j, code);
	if (refuse)
		flow_refuse(s, f, code);
	else
		flow_close(s, f, code);
}

static void on_end(struct shard *s, struct flow *f, adit_result code)
{
	let_go(f->owned, code);
}

/* The other end is over. What it cannot be told any more is dropped; this one ends in good order. */
static void end_orderly(struct join *j, unsigned end)
{
	backlog_clear(&j->lane[end]);
	if (j->side[end].end == JOIN_SOCKET) {
		j->side[end].end = JOIN_OVER;
		loop_edge_fini(&j->edge);
		close(j->fd);
		j->fd = -1;
	} else if (j->side[end].end == JOIN_PARTY && !j->side[end].shut && !j->side[end].closing) {
		j->side[end].closing = 1;
		tell(j, end, ADIT_OP_CLOSE, ADIT_OK);
	}
}

/* What a turn comes to. */
static void settle(struct join *j)
{
	int both = j->side[0].shut && j->side[1].shut;
	unsigned i;

	if (both && (!j->flow->idle || j->flow->idle > LAST_IDLE))
		j->flow->idle = LAST_IDLE;
	for (i = 0; i < 2; i++)
		if ((both && j->side[i].end == JOIN_SOCKET) || (j->side[!i].end == JOIN_OVER && j->side[!i].shut))
			end_orderly(j, i);
	if (j->side[0].end == JOIN_OVER && j->side[1].end == JOIN_OVER)
		join_finish(j, ADIT_OK);
}

static adit_result error_of(int fd)
{
	int number = 0;
	socklen_t size = sizeof(number);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size))
		number = errno;
	return err_from_errno(number);
}

static int for_later(adit_result result)
{
	return result == ADIT_OK || result == ADIT_EAGAIN || result == ADIT_ELIMIT;
}

/* As lane_run. */
static adit_result run(struct join *j)
{
	adit_result result = ADIT_OK, r;
	unsigned i;

	if (!join_is_ready(j))
		return ADIT_OK;
	for (i = 0; i < 2; i++) {
		r = lane_run(j, i);
		if (for_later(result) && (result == ADIT_OK || !for_later(r)))
			result = r;
	}
	for (i = 0; i < 2; i++) {
		if (!j->side[i].failed || j->side[i].end != JOIN_SOCKET)
			continue;
		/* Where nothing is read or written any more, a reset shows in no other way. */
		j->side[i].failed = 0;
		r = error_of(j->fd);
		result = r != ADIT_OK ? r : result;
	}
	if (!for_later(result))
		join_finish(j, result);
	else
		settle(j);
	return result;
}

static void on_turn(void *arg)
{
	struct join_shard *js = arg;
	struct join *j = js->marked, *next;

	/* Those that are marked anew meanwhile are for the next time. */
	js->marked = NULL;
	js->scheduled = 0;
	for (; j; j = next) {
		adit_result result = j->flow ? run(j) : ADIT_OK; /* it is not freed inside, being listed */

		next = j->next == j ? NULL : j->next;
		j->next = NULL;
		if (!j->flow)
			free(j);
		else if (result == ADIT_ELIMIT)
			mark(j); /* until buffers have come back */
		else if (result == ADIT_EAGAIN)
			join_mark(j);
	}
	if (js->marked && !js->scheduled)
		loop_timer_set(&js->retry, RETRY, 0);
}

/* ---- beginning ---- */

struct join *join_new(struct shard *s, struct flow *f)
{
	struct join *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->shard = s;
	j->flow = f;
	j->fd = -1;
	f->owner = &join_owner;
	f->owned = j;
	return j;
}

static void on_ready(void *arg)
{
	struct join *j = arg;
	uint32_t ready = loop_edge_ready(&j->edge);
	unsigned at = j->side[JOIN_NEAR].end == JOIN_SOCKET ? JOIN_NEAR : JOIN_FAR;

	if (ready & LOOP_READ)
		j->side[at].readable = 1;
	if (ready & LOOP_WRITE)
		j->side[at].full = 0;
	if (ready & LOOP_PEER_DONE)
		j->side[at].peer_done = 1;
	if (ready & LOOP_ERROR)
		j->side[at].failed = 1;
	if (ready & LOOP_URGENT)
		j->side[at].urgent = 1;
	join_mark(j);
}

/* Both ends are sockets: near, far. */
static void hand_to_relay(struct join *j, int near, int far)
{
	struct shard *s = j->shard;
	struct flow *f = j->flow;
	adit_buf *first = backlog_take_all(&j->lane[JOIN_NEAR]);

	j->fd = -1;
	j->flow = NULL;
	if (!j->next)
		free(j);
	f->owner = NULL;
	f->owned = NULL;
	forward_relay(s, f, near, far, first);
}

static void on_socket(struct join *j, unsigned end, int fd)
{
	if (j->fd >= 0) {
		if (end == JOIN_FAR)
			part_reached(join_part(j, JOIN_FAR), j->asked.us);
		hand_to_relay(j, end == JOIN_NEAR ? fd : j->fd, end == JOIN_NEAR ? j->fd : fd);
		return;
	}
	j->side[end].end = JOIN_SOCKET;
	j->fd = fd;
}

/* An end has said what it is. */
static void introduced(struct join *j, unsigned end)
{
	struct flow *f = j->flow;
	struct shard *s = j->shard;

	if (end == JOIN_NEAR) {
		flowtable_established(s->flows, f);
	} else {
		part_reached(join_part(j, JOIN_FAR), j->asked.us);
		f->flags &= (uint16_t)~FLOW_WAITING;
		if (f->state == FLOW_DIAL) {
			flow_admit(s, f, ADIT_OPF_SOCKET);
			if (f->owner != &join_owner || f->owned != j || j->side[JOIN_NEAR].end != JOIN_AWAITED)
				return; /* the stack has answered at once */
		}
	}
	if (!join_is_ready(j))
		return;
	if (j->fd >= 0 && loop_edge_init(&j->edge, s->loop, j->fd, on_ready, j) != ADIT_OK)
		join_finish(j, ADIT_ELIMIT);
	else
		join_mark(j);
}

void join_near_is_party(struct join *j, uint64_t credit)
{
	j->side[JOIN_NEAR].end = JOIN_PARTY;
	lane_credit(j, JOIN_FAR, credit);
}

/* ---- what the ends say ---- */

static void discard(const adit_event *ev)
{
	if (ev->flags & ADIT_EVF_BUF)
		bufpool_put(&ev->u.buf, 1);
	else if (ev->type == ADIT_EV_SOCKET)
		close((int)ev->u.num);
}

static void misuse(struct join *j, unsigned end, const adit_event *ev, const char *what)
{
	shard_count(j->shard, COUNT_misuse, 1);
	log_warn(join_part(j, end)->module, "module misuse: %s (event %u); the flow is ended", what, ev->type);
	discard(ev);
	join_finish(j, ADIT_EINVAL);
}

static int chain_holds(const adit_buf *b)
{
	while (b && !b->len)
		b = b->next;
	return b != NULL;
}

static void on_data(struct join *j, unsigned end, const adit_event *ev)
{
	struct backlog *l = &j->lane[end];
	uint32_t bytes;

	if (!(ev->flags & ADIT_EVF_BUF) || !ev->u.buf) {
		misuse(j, end, ev, "DATA without a buffer");
	} else if (j->side[end].end == JOIN_SOCKET || j->side[end].fin) {
		misuse(j, end, ev, "DATA after SOCKET or FIN");
	} else if (j->side[end].closing || j->side[!end].end == JOIN_OVER || !chain_holds(ev->u.buf)) {
		discard(ev); /* nobody is there for it, or it is empty */
	} else {
		bytes = backlog_add(l, ev->u.buf);
		*(end == JOIN_NEAR ? &j->flow->bytes_up : &j->flow->bytes_down) += bytes;
		if (l->bytes > BACKLOG_MOST)
			misuse(j, end, &(adit_event){.type = ADIT_EV_DATA}, "DATA far beyond what was consumed");
		else
			join_mark(j);
	}
}

static void on_closed(struct join *j, unsigned end, adit_result code)
{
	int ready = join_is_ready(j);

	/* What it has said before still goes on, as far as the sink takes it now: a reset does not overtake it. */
	if (ready && code < 0)
		lane_run(j, end);
	j->side[end].end = JOIN_OVER;
	if (code < 0 || !ready) {
		/* As an answer to connect-first, 0 is silence. */
		join_finish(j, code < 0 || j->flow->state == FLOW_DIAL ? code : ADIT_ERESET);
		return;
	}
	j->side[end].fin = 1;
	join_mark(j);
}

static void on_event(struct shard *s, struct flow *f, const adit_event *ev, unsigned end)
{
	struct join *j = f->owned;

	f->last = (uint32_t)(loop_now(s->loop) / OS_SECOND);
	if (j->side[end].end == JOIN_OVER) {
		misuse(j, end, ev, "an event after CLOSED");
		return;
	}
	switch (ev->type) {
	case ADIT_EV_SOCKET:
		if (j->side[end].end != JOIN_AWAITED) {
			misuse(j, end, ev, "SOCKET for an end that is there");
			break;
		}
		on_socket(j, end, (int)ev->u.num);
		if (f->owner == &join_owner)
			introduced(j, end);
		break;
	case ADIT_EV_CREDIT:
		if (j->side[end].end == JOIN_SOCKET) {
			misuse(j, end, ev, "CREDIT after SOCKET");
			break;
		}
		lane_credit(j, !end, ev->u.num);
		if (j->side[end].end == JOIN_PARTY) {
			join_mark(j);
		} else if (end == JOIN_FAR || !j->side[end].asked) {
			j->side[end].end = JOIN_PARTY;
			introduced(j, end);
		}
		break;
	case ADIT_EV_DATA:
		on_data(j, end, ev);
		break;
	case ADIT_EV_FIN:
		j->side[end].fin = 1;
		join_mark(j);
		break;
	case ADIT_EV_CLOSED:
		on_closed(j, end, ev->code);
		break;
	default:
		discard(ev);
		shard_count(s, COUNT_unknown_events, 1);
		break;
	}
}

static void near_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	on_event(s, f, ev, JOIN_NEAR);
}

static void far_event(struct shard *s, struct flow *f, const adit_event *ev)
{
	on_event(s, f, ev, JOIN_FAR);
}

static uint32_t waiting(const struct flow *f)
{
	const struct join *j = f->owned;

	return j->lane[JOIN_NEAR].bytes;
}

const struct flow_owner join_owner = {"join", near_event, far_event, on_end, waiting};

/* ---- life ---- */

adit_result join_shard_new(struct shard *s)
{
	struct join_shard *js = calloc(1, sizeof(*js));

	if (!js)
		return ADIT_ENOMEM;
	js->shard = s;
	loop_timer_init(&js->retry, s->loop, on_turn, js);
	s->joins = js;
	return ADIT_OK;
}

void join_shard_free(struct shard *s)
{
	struct join_shard *js = s->joins;
	struct join *j, *next;

	if (!js)
		return;
	for (j = js->marked; j; j = next) {
		next = j->next == j ? NULL : j->next;
		if (j->flow)
			let_go(j, ADIT_ECANCEL);
		free(j);
	}
	loop_timer_fini(&js->retry);
	free(js);
	s->joins = NULL;
}
