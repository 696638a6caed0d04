/* SPDX-License-Identifier: MIT
 * platform-linux/queue.c - one instance of the platform: reads and writes one queue of the device
 *
 * A packet is read straight into the buffer that travels on, its device header into the headroom
 * before it. A turn ends when the queue is empty, or after so many packets or bytes, that other
 * work of the loop is not held up.
 */
#include "queue.h"

#include "segment.h"

#include <adit/kinds.h>
#include <adit/loop.h>
#include <adit/vnet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	TURN_PACKETS = 64,
	TURN_BYTES = 256 << 10,
	HAND_BYTES = 32 << 10,      /* read so far: hand them over while they are in the cache */
	PIECES = 64,                /* of one packet: more than any part makes */
	PACKET_ROOM = 65536,        /* the largest packet the kernel makes of one send */
	PACKET_ROOM_PLAIN = 2048,   /* where there are no super-packets; or the MTU */
	PAUSE_NS = 10 * 1000 * 1000 /* before reading again when buffers have run out */
};

struct queue {
	struct device *device;
	const adit_host *host;
	const adit_path *path;
	const adit_loop_1 *loops;
	adit_loop *loop;
	int fd; /* lent by the device; -1: this shard has no queue of its own to read */
	int write_fd;
	uint32_t shard;
	uint32_t room;  /* asked for per buffer */
	uint32_t takes; /* ADIT_BUF_GSO_... that may be written whole, and CSUM_NEEDED */
	uint32_t header;
	adit_io *io;
	adit_timer *timer;
	adit_buf *spare; /* to read into; one, so that the buffer used last is used again */
	struct {
		uint64_t up, down, malformed, unwritten, cut, starved;
	} counts;
	uint8_t scratch[SEGMENT_ROOM];
};

static void say(const struct queue *q, int32_t level, const char *text)
{
	if (level >= *q->host->log_level)
		q->host->log(q->host, level, text, strlen(text));
}

/* The device is no more: leave the loop alone at once, and tell once for all instances. */
static void gone(struct queue *q)
{
	struct device *d = q->device;
	const adit_trouble_1 *trouble;
	char text[160];

	if (q->io)
		q->loops->io_free(q->io);
	q->io = NULL;
	if (atomic_exchange(&d->gone, 1))
		return;
	snprintf(text, sizeof(text),
	         "device %s is gone: somebody deleted it or its network namespace", d->made.name);
	say(q, ADIT_LOG_ERROR, text);
	trouble = q->host->get(q->host, ADIT_TROUBLE_1);
	snprintf(text, sizeof(text), "device %s", d->made.name);
	if (ADIT_HAS(trouble, adit_trouble_1, gone))
		trouble->gone(q->host, text);
}

static void resume(void *arg)
{
	struct queue *q = arg;

	if (q->io)
		q->loops->io_want(q->io, ADIT_IO_READ);
}

static void drop_spare(struct queue *q)
{
	if (q->spare)
		q->path->put(q->path->end, &q->spare, 1);
	q->spare = NULL;
}

/* True when there is a buffer to read into. Without any, reading pauses: the kernel's own queue is
 * the place for packets then, and its drops slow the senders down. */
static int stocked(struct queue *q)
{
	if (q->spare || q->path->get(q->path->end, &q->spare, 1, q->room) == 1)
		return 1;
	q->counts.starved++;
	q->loops->io_want(q->io, 0);
	q->loops->timer_set(q->timer, PAUSE_NS, 0);
	return 0;
}

/* What a failed read means. 1: try the next packet, 0: no more now. */
static int read_failed(struct queue *q, int error)
{
	switch (error) {
	case EINTR:
		return 1;
	case EFAULT:
		/* A packet larger than the buffer: somebody raised the MTU. */
		if (q->room == PACKET_ROOM)
			return 1;
		drop_spare(q);
		q->room = PACKET_ROOM;
		return 1;
	case EAGAIN:
		return 0;
	default:
		if (error == EBADFD || tun_gone(q->fd))
			gone(q);
		else
			q->counts.malformed++;
		return 0;
	}
}

/* Reads one packet into b. Its length, 0 for one that was dropped, or -1 with errno. */
static ssize_t read_packet(struct queue *q, adit_buf *b)
{
	uint32_t room = (uint32_t)(b->end - b->data);
	uint8_t *at = b->data - q->header;
	ssize_t n = read(q->fd, at, (room < PACKET_ROOM ? room : PACKET_ROOM) + q->header);

	if (n < 0)
		return -1;
	b->len = (uint32_t)n - q->header;
	b->next = NULL;
	b->flow = 0;
	if (n <= (ssize_t)q->header || (q->header && adit_vnet_read(at, b))) {
		q->counts.malformed++;
		return 0;
	}
	return (ssize_t)b->len;
}

static void hand_over(struct queue *q, adit_buf *const *batch, uint32_t n)
{
	q->counts.up += n;
	if (n)
		q->path->input(q->path->end, batch, n);
}

static void turn(void *arg)
{
	struct queue *q = arg;
	adit_buf *batch[TURN_PACKETS];
	uint32_t n = 0, tries, bytes = 0, held = 0;

	for (tries = 0; tries < TURN_PACKETS && bytes < TURN_BYTES && q->io && stocked(q);
	     tries++) {
		ssize_t size = read_packet(q, q->spare);

		if (size < 0 && !read_failed(q, errno))
			break;
		if (size <= 0)
			continue;
		batch[n++] = q->spare;
		q->spare = NULL;
		held += (uint32_t)size;
		if (held >= HAND_BYTES) {
			hand_over(q, batch, n);
			bytes += held;
			n = held = 0;
		}
	}
	hand_over(q, batch, n);
}

/* 0, or the errno value of the refusal. */
static int write_pieces(struct queue *q, const struct iovec *iov, int pieces)
{
	ssize_t n;

	do
		n = pieces == 1 ? write(q->write_fd, iov->iov_base, iov->iov_len)
		                : writev(q->write_fd, iov, pieces);
	while (n < 0 && errno == EINTR);
	return n < 0 ? errno : 0;
}

/* Writes a packet as it is. */
static int write_packet(struct queue *q, const adit_buf *b)
{
	uint8_t header[ADIT_VNET_SIZE];
	struct iovec iov[PIECES + 1];
	int n = 0;

	if (q->header) {
		adit_vnet_write(header, b);
		/* Alone and with room before it: one piece. Bytes that are shared are left as they
		 * are. */
		if (!b->next && !(b->flags & ADIT_BUF_RDONLY) &&
		    b->data - b->head >= (ptrdiff_t)q->header) {
			memcpy(b->data - q->header, header, q->header);
			iov[0].iov_base = b->data - q->header;
			iov[0].iov_len = b->len + q->header;
			return write_pieces(q, iov, 1);
		}
		iov[n].iov_base = header;
		iov[n++].iov_len = q->header;
	}
	for (; b; b = b->next) {
		if (n > PIECES)
			return EMSGSIZE;
		iov[n].iov_base = b->data;
		iov[n++].iov_len = b->len;
	}
	return write_pieces(q, iov, n);
}

/* A packet that is complete in itself. */
static void write_plain(void *arg, const uint8_t *packet, uint32_t len)
{
	struct queue *q = arg;
	uint8_t header[ADIT_VNET_SIZE] = {0};
	struct iovec iov[2] = {{header, q->header}, {(void *)packet, len}};

	if (write_pieces(q, q->header ? iov : iov + 1, q->header ? 2 : 1))
		q->counts.unwritten++;
}

/* In software what the device does not do. */
static void write_slowly(struct queue *q, const adit_buf *b)
{
	int32_t n;

	q->counts.cut++;
	if (b->flags & ADIT_BUF_GSO) {
		n = segment_cut(b, q->scratch, write_plain, q);
	} else {
		n = segment_complete(b, q->scratch);
		if (n > 0)
			write_plain(q, q->scratch, (uint32_t)n);
	}
	if (n <= 0)
		q->counts.malformed++;
}

/* A chain whose flags say GSO holds what they say. */
static int sound(const adit_buf *b)
{
	const adit_buf *p;
	uint64_t total = 0;

	if (!(b->flags & ADIT_BUF_GSO))
		return 1;
	for (p = b; p; p = p->next)
		total += p->len;
	return b->gso_size && total <= UINT32_MAX && adit_vnet_payload(b, (uint32_t)total);
}

/* False when the device is gone. */
static int write_one(struct queue *q, const adit_buf *b)
{
	uint32_t needs = b->flags & (ADIT_BUF_GSO | ADIT_BUF_CSUM_NEEDED);
	int error;

	if (!sound(b)) {
		q->counts.malformed++;
		return 1;
	}
	/* A super-packet whose checksum is not owed cannot be given to the kernel as one. */
	if (needs & ~q->takes || (needs && !(needs & ADIT_BUF_CSUM_NEEDED))) {
		write_slowly(q, b);
		return 1;
	}
	error = write_packet(q, b);
	if (!error)
		return 1;
	if (error == EBADFD || ((error == EIO || error == ENODEV) && tun_gone(q->write_fd)))
		return 0;
	if (error == EINVAL && needs & ADIT_BUF_GSO) {
		/* This kernel refuses the kind though it took the offload (6.6.44 and some of its
		 * siblings). */
		q->takes &= ~(needs & ADIT_BUF_GSO);
		say(q, ADIT_LOG_WARN,
		    "the kernel refuses super-packets that it had agreed to; they are cut here "
		    "from now on");
		write_slowly(q, b);
		return 1;
	}
	q->counts.unwritten++;
	return 1;
}

void queue_output(struct queue *q, adit_buf *const *pkt, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && !atomic_load_explicit(&q->device->gone, memory_order_relaxed); i++)
		if (!write_one(q, pkt[i]))
			gone(q);
	q->counts.down += i;
	q->path->put(q->path->end, pkt, n);
}

adit_result queue_new(const adit_env *env, struct device *d, struct queue **out, struct why *why)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q)
		return why_set(why, ADIT_ENOMEM, "no memory for a queue of the device");
	q->device = d;
	q->host = env->host;
	q->path = env->path;
	q->loop = env->loop;
	q->shard = env->shard;
	q->fd = q->write_fd = -1;
	q->loops = env->host->get(env->host, ADIT_LOOP_1);
	*out = q;
	return q->loops ? 0 : why_set(why, ADIT_ENOSYS, "the host does not offer " ADIT_LOOP_1);
}

struct device *queue_device(const struct queue *q)
{
	return q->device;
}

static uint32_t takes(const struct device *d)
{
	uint32_t wish = d->settings.wish.offloads, all = 0;

	/* Writing does not depend on what was granted for reading: only the manifest's switches and
	 * errors count. */
	if (!d->header || !(wish & TUN_CHECKSUM))
		return 0;
	all = ADIT_BUF_CSUM_NEEDED;
	if (wish & TUN_TSO)
		all |= ADIT_BUF_GSO_TCP4 | ADIT_BUF_GSO_TCP6;
	/* A kernel that does not know USO refuses to write it too. */
	if (d->made.offloads & TUN_USO)
		all |= ADIT_BUF_GSO_UDP;
	return all;
}

adit_result queue_start(struct queue *q, struct why *why)
{
	const struct device *d = q->device;
	adit_result result;

	q->header = d->header;
	q->takes = takes(d);
	q->room = PACKET_ROOM_PLAIN;
	if (d->made.offloads & (TUN_TSO | TUN_USO))
		q->room = PACKET_ROOM;
	else if (d->settings.wish.mtu > q->room)
		q->room = d->settings.wish.mtu;
	q->write_fd = d->fds[q->shard % d->n_fds];
	if (q->shard >= d->n_fds)
		return 0; /* fewer queues than shards: this one only writes */
	q->fd = d->fds[q->shard];
	result = q->loops->timer(q->loop, resume, q, &q->timer);
	if (!result)
		result = q->loops->io(q->loop, q->fd, turn, q, &q->io);
	if (result)
		return why_set(why, result, "the loop cannot watch queue %u of device %s", q->shard,
		               d->made.name);
	q->loops->io_want(q->io, ADIT_IO_READ);
	return 0;
}

void queue_stop(struct queue *q)
{
	char text[200];

	if (q->io)
		q->loops->io_free(q->io);
	if (q->timer)
		q->loops->timer_free(q->timer);
	q->io = NULL;
	q->timer = NULL;
	drop_spare(q);
	snprintf(text, sizeof(text),
	         "device %s queue %u: %llu packets up, %llu down, %llu malformed, %llu not taken, "
	         "%llu cut here, %llu times out of "
	         "buffers",
	         q->device->made.name, q->shard, (unsigned long long)q->counts.up,
	         (unsigned long long)q->counts.down, (unsigned long long)q->counts.malformed,
	         (unsigned long long)q->counts.unwritten, (unsigned long long)q->counts.cut,
	         (unsigned long long)q->counts.starved);
	say(q, ADIT_LOG_DEBUG, text);
}

void queue_free(struct queue *q)
{
	free(q);
}
