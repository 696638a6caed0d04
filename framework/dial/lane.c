/* SPDX-License-Identifier: MIT
 * dial/lane.c - one direction of a join: bytes from a socket or a party to a socket or a party
 *
 * Bytes of a party are the sink's as soon as it takes them, and are CONSUMEd then, so what waits is bounded by the party's
 * own window. A socket is read only as far as the sink has credit, and not for crumbs of it. Operations leave at the end of
 * the turn, those of all flows together.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/err.h"
#include "dial/join.h"
#include "os/os.h"

enum {
	TURN = 1024 * 1024,  /* bytes that a lane may move before others get their turn */
	STEP_MOST = 15       /* credit of 1 << 15 is worth a read, whatever the sink gives at most */
};

void lane_credit(struct join *j, unsigned from, uint64_t more)
{
	struct backlog *l = &j->lane[from];
	unsigned log = 0;

	l->credit = l->credit == FLOW_NO_END || more >= FLOW_NO_END - l->credit ? FLOW_NO_END : l->credit + (uint32_t)more;
	while (log < 31 && l->credit >> (log + 1))
		log++;
	if (log > j->side[from].log)
		j->side[from].log = log & 31;
}

static void spend(struct backlog *l, uint32_t bytes)
{
	if (l->credit != FLOW_NO_END)
		l->credit -= bytes;
}

static int worth(const struct join *j, unsigned from)
{
	uint32_t credit = j->lane[from].credit;
	unsigned log = j->side[from].log;

	/* Half of the most there was, or a quarter: it comes back even if the sink keeps a little. */
	return credit && credit >= 1u << (!log ? 0 : log - 1 < STEP_MOST ? log - 1 : STEP_MOST);
}

static adit_result say(struct join *j, unsigned end, uint16_t type, uint64_t num)
{
	adit_op op = {.type = type, .flow = flow_handle(j->flow), .u.num = num};

	return part_op_later(join_part(j, end), &op);
}

static adit_result send_chain(struct join *j, unsigned end, adit_buf *chain)
{
	adit_op op = {.type = ADIT_OP_SEND, .flags = ADIT_OPF_BUF, .flow = flow_handle(j->flow), .u.buf = chain};

	return part_op_later(join_part(j, end), &op);
}

/* The sink has taken so many bytes of a backlog. */
static adit_result taken(struct join *j, unsigned from, uint32_t bytes)
{
	if (!bytes)
		return ADIT_OK;
	j->flow->last = (uint32_t)(loop_now(j->shard->loop) / OS_SECOND);
	return j->side[from].end == JOIN_PARTY ? say(j, from, ADIT_OP_CONSUME, bytes) : ADIT_OK;
}

static adit_result to_socket(struct join *j, unsigned from)
{
	struct backlog *l = &j->lane[from];
	adit_result result, told;
	uint32_t bytes;

	if (j->side[!from].full)
		return ADIT_OK;
	result = backlog_write(l, j->fd, &bytes);
	if (result == ADIT_EAGAIN) {
		j->side[!from].full = 1;
		result = ADIT_OK;
	}
	told = taken(j, from, bytes);
	return result == ADIT_OK ? told : result;
}

static adit_result to_party(struct join *j, unsigned from)
{
	struct backlog *l = &j->lane[from];
	adit_result result = ADIT_OK;

	while (result == ADIT_OK && l->head && (worth(j, from) || l->credit >= l->bytes)) {
		uint32_t bytes;
		adit_buf *chain = backlog_take(l, l->credit, j->shard->bufs, &bytes);

		if (!chain)
			return ADIT_ELIMIT;
		spend(l, bytes);
		result = send_chain(j, !from, chain);
		if (result == ADIT_OK)
			result = taken(j, from, bytes);
	}
	return result;
}

/* What may be read now: no more than the sink has credit for, and than the buffers have room for beside others. */
static uint32_t may_read(const struct join *j, unsigned from)
{
	uint32_t credit = j->lane[from].credit, most = 1u << j->side[from].log, share;

	share = bufpool_share(j->shard->bufs, most > credit ? most - credit : 0);
	return share < credit ? share : credit;
}

/* From the socket to a party. */
static adit_result read_some(struct join *j, unsigned from)
{
	struct backlog *l = &j->lane[from];
	uint64_t *count = from == JOIN_NEAR ? &j->flow->bytes_up : &j->flow->bytes_down;
	adit_result result = ADIT_OK;
	uint32_t total = 0, bytes;
	adit_buf *chain;
	int all;

	while (result == ADIT_OK && j->side[from].readable && !j->side[from].fin && worth(j, from) && total < TURN) {
		uint32_t most = may_read(j, from);

		if (!most)
			return ADIT_ELIMIT;
		result = backlog_read(j->shard->bufs, j->fd, most, &chain, &bytes, &all);
		if (result == ADIT_EAGAIN) {
			j->side[from].readable = 0;
			return ADIT_OK;
		}
		if (result != ADIT_OK)
			return result;
		if (!bytes) {
			j->side[from].fin = 1;
			return ADIT_OK;
		}
		/* A short read has emptied the socket: no second one to learn that, unless a FIN is known to be behind. */
		j->side[from].readable = (all || j->side[from].peer_done || j->side[from].urgent) & 1;
		total += bytes;
		*count += bytes;
		spend(l, bytes);
		result = send_chain(j, !from, chain);
	}
	if (total)
		j->flow->last = (uint32_t)(loop_now(j->shard->loop) / OS_SECOND);
	return result == ADIT_OK && total >= TURN ? ADIT_EAGAIN : result;
}

/* Where no byte can be read for want of credit, the FIN behind the last one still can. */
static adit_result look_for_fin(struct join *j, unsigned from)
{
	char byte;
	ssize_t n;

	if (!j->side[from].peer_done || !j->side[from].readable || j->side[from].fin || worth(j, from))
		return ADIT_OK;
	n = recv(j->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ADIT_OK : err_from_errno(errno);
	j->side[from].fin = n == 0;
	return ADIT_OK;
}

static adit_result pass_fin(struct join *j, unsigned from)
{
	j->side[from].shut = 1;
	if (j->side[!from].end == JOIN_PARTY)
		return j->side[!from].closing ? ADIT_OK : say(j, !from, ADIT_OP_FIN, 0);
	if (j->side[!from].end == JOIN_SOCKET && shutdown(j->fd, SHUT_WR) && errno != ENOTCONN)
		return err_from_errno(errno);
	return ADIT_OK;
}

adit_result lane_run(struct join *j, unsigned from)
{
	struct backlog *l = &j->lane[from];
	adit_result result = ADIT_OK;

	if (l->head && j->side[!from].end != JOIN_OVER)
		result = j->side[!from].end == JOIN_SOCKET ? to_socket(j, from) : to_party(j, from);
	if (result == ADIT_OK && !l->head && j->side[from].end == JOIN_SOCKET && j->side[!from].end == JOIN_PARTY)
		result = read_some(j, from);
	if (result == ADIT_OK && !l->head && j->side[from].end == JOIN_SOCKET)
		result = look_for_fin(j, from);
	if (result == ADIT_OK && j->side[from].fin && !j->side[from].shut && !l->head)
		result = pass_fin(j, from);
	return result;
}
