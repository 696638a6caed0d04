/* SPDX-License-Identifier: MIT
 * tests/modules/outbound-bytes.c - for tests/system: a way out that stays in the data path
 *
 * It connects by itself and keeps its sockets, so the host has bytes, credit and datagrams to deal with. The tests run
 * it where no device is, so its UDP sockets need no protection from it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <adit/adit.h>

enum { WINDOW = 200000, ROOM = 150000, PIECE = 30000 };

struct conn {
	struct bytes *owner;
	adit_flow flow; /* 0: none */
	adit_dialing *dialing;
	adit_io *io;
	int fd, dgram, eof, fin_wanted, fin_sent, closing;
	uint32_t unconsumed;
	adit_buf *head; /* to be written */
};

struct bytes {
	const adit_env *env;
	const adit_dial_1 *dial;
	const adit_loop_1 *loops;
	struct conn *conns; /* by slot */
};

static void emit(struct conn *c, uint16_t type, int32_t code, uint64_t num)
{
	adit_event ev = {.type = type, .code = code, .flow = c->flow, .u.num = num};

	c->owner->env->path->emit(c->owner->env->path->end, &ev, 1);
}

static void put(struct conn *c, adit_buf *b)
{
	if (b)
		c->owner->env->path->put(c->owner->env->path->end, &b, 1);
}

static void end(struct conn *c, int32_t code, int reset)
{
	struct linger now = {1, 0};

	if (!c->flow)
		return;
	if (c->dialing)
		c->owner->dial->cancel(c->dialing);
	if (c->io)
		c->owner->loops->io_free(c->io);
	if (c->fd >= 0 && reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (c->fd >= 0)
		close(c->fd);
	put(c, c->head);
	c->head = 0;
	c->io = 0;
	c->dialing = 0;
	c->fd = -1;
	emit(c, ADIT_EV_CLOSED, code, 0);
	c->flow = 0;
}

static void want(struct conn *c)
{
	c->owner->loops->io_want(c->io, (!c->eof && (c->dgram || c->unconsumed < WINDOW) ? ADIT_IO_READ : 0) |
	                                        (c->head ? ADIT_IO_WRITE : 0));
}

static int32_t code_of(int number)
{
	return number == ECONNREFUSED ? ADIT_EREFUSED : ADIT_ERESET;
}

/* 1: the flow is over. */
static int write_some(struct conn *c)
{
	uint64_t credit = 0;

	while (c->head) {
		ssize_t n = send(c->fd, c->head->data, c->head->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		adit_buf *first = c->head;

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			end(c, code_of(errno), 1);
			return 1;
		}
		credit += (uint64_t)n;
		first->data += n;
		first->len -= (uint32_t)n;
		if (!first->len) {
			c->head = first->next;
			first->next = 0;
			put(c, first);
		}
	}
	if (credit)
		emit(c, ADIT_EV_CREDIT, 0, credit);
	if (!c->head && c->fin_wanted && !c->fin_sent) {
		c->fin_sent = 1;
		shutdown(c->fd, SHUT_WR);
	}
	if (!c->head && c->fin_sent && (c->eof || c->closing)) {
		end(c, 0, 0);
		return 1;
	}
	return 0;
}

static void read_some(struct conn *c)
{
	const adit_path *path = c->owner->env->path;
	adit_event ev = {.type = c->dgram ? ADIT_EV_DGRAM : ADIT_EV_DATA, .flags = ADIT_EVF_BUF, .flow = c->flow};
	ssize_t n;

	if (path->get(path->end, &ev.u.buf, 1, PIECE) != 1)
		return;
	n = recv(c->fd, ev.u.buf->data, PIECE, MSG_DONTWAIT);
	if (n > 0 || (n == 0 && c->dgram)) {
		ev.u.buf->len = (uint32_t)n;
		c->unconsumed += c->dgram ? 0 : (uint32_t)n;
		path->emit(path->end, &ev, 1);
		return;
	}
	put(c, ev.u.buf);
	if (n < 0 && errno != EAGAIN) {
		end(c, code_of(errno), 1);
	} else if (n == 0) {
		c->eof = 1;
		emit(c, ADIT_EV_FIN, 0, 0);
	}
}

static void on_ready(void *arg)
{
	struct conn *c = arg;

	if (!c->eof && (c->dgram || c->unconsumed < WINDOW))
		read_some(c);
	if (c->flow && !write_some(c))
		want(c);
}

static void begin(struct conn *c, int fd)
{
	c->fd = fd;
	if (c->owner->loops->io(c->owner->env->loop, fd, on_ready, c, &c->io)) {
		end(c, ADIT_ENOMEM, 1);
		return;
	}
	emit(c, ADIT_EV_CREDIT, 0, ROOM);
	if (c->flow)
		want(c);
}

static void dialed(void *arg, adit_result result, intptr_t sock)
{
	struct conn *c = arg;

	c->dialing = 0;
	if (result < 0)
		end(c, result, 0);
	else
		begin(c, (int)sock);
}

static void begin_dgram(struct conn *c, const adit_addr *dst)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(dst->port)};
	struct sockaddr_in6 b = {.sin6_family = AF_INET6, .sin6_port = htons(dst->port)};
	int fd = socket(dst->family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(&a.sin_addr, dst->ip, 4);
	memcpy(&b.sin6_addr, dst->ip, 16);
	if (fd < 0 || (dst->family == 4 ? connect(fd, (struct sockaddr *)&a, sizeof(a))
	                                : connect(fd, (struct sockaddr *)&b, sizeof(b)))) {
		if (fd >= 0)
			close(fd);
		end(c, ADIT_ENET, 0);
		return;
	}
	begin(c, fd);
}

static void bytes_reach(void *inst, const adit_reach *req, uint32_t n)
{
	struct bytes *o = inst;

	for (; n; n--, req++) {
		struct conn *c = &o->conns[ADIT_FLOW_SLOT(req->flow)];
		adit_result r;

		end(c, ADIT_ECANCEL, 1); /* the slot's former flow */
		memset(c, 0, sizeof(*c));
		c->owner = o;
		c->flow = req->flow;
		c->fd = -1;
		c->dgram = req->proto == ADIT_PROTO_UDP;
		if (c->dgram) {
			begin_dgram(c, &req->dst);
			continue;
		}
		r = o->dial->connect(o->env->loop, &req->dst, req->deadline_ns, dialed, c, &c->dialing);
		if (r < 0)
			end(c, r, 0);
	}
}

static void on_send(struct conn *c, adit_buf *b)
{
	adit_buf **link = &c->head;

	if (c->dgram) {
		send(c->fd, b->data, b->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		put(c, b);
		return;
	}
	while (*link)
		link = &(*link)->next;
	*link = b;
}

static void operate(struct conn *c, const adit_op *op)
{
	switch (op->type) {
	case ADIT_OP_SEND:
		on_send(c, op->u.buf);
		break;
	case ADIT_OP_CONSUME:
		c->unconsumed -= (uint32_t)op->u.num;
		break;
	case ADIT_OP_CLOSE:
		c->closing = 1;
		c->fin_wanted = 1;
		break;
	case ADIT_OP_FIN:
		c->fin_wanted = 1;
		break;
	case ADIT_OP_ABORT:
		end(c, ADIT_ECANCEL, 1);
		return;
	default:
		break;
	}
	if (c->io && !c->dgram && !write_some(c))
		want(c);
	else if (c->closing && !c->io)
		end(c, ADIT_ECANCEL, 1);
}

static void bytes_submit(void *inst, const adit_op *op, uint32_t n)
{
	struct bytes *o = inst;

	for (; n; n--, op++) {
		struct conn *c = &o->conns[ADIT_FLOW_SLOT(op->flow)];
		adit_buf *b = op->flags & ADIT_OPF_BUF ? op->u.buf : 0;

		if (c->flow == op->flow && c->flow)
			operate(c, op);
		else if (b)
			o->env->path->put(o->env->path->end, &b, 1);
	}
}

static void bytes_stop(void *inst)
{
	struct bytes *o = inst;
	uint32_t i;

	for (i = 0; i < o->env->flows; i++)
		end(&o->conns[i], ADIT_ECANCEL, 1);
}

static void bytes_destroy(void *inst)
{
	struct bytes *o = inst;

	o->env->host->release(o->env->host, o->conns);
	o->env->host->release(o->env->host, o);
}

static adit_result bytes_create(void *ctx, const adit_env *env, void **inst)
{
	struct bytes *o = env->host->alloc(env->host, sizeof(*o), 0);

	if (!o)
		return ADIT_ENOMEM;
	o->env = env;
	*inst = o;
	o->dial = env->host->get(env->host, ADIT_DIAL_1);
	o->loops = env->host->get(env->host, ADIT_LOOP_1);
	o->conns = env->host->alloc(env->host, env->flows * sizeof(*o->conns), 0);
	return o->dial && o->loops && o->conns ? 0 : ADIT_ENOMEM;
}

static const adit_life life = {.size = sizeof(life), .create = bytes_create, .stop = bytes_stop, .destroy = bytes_destroy};
static const adit_outbound_1 table = {.size = sizeof(table),
                                      .flags = ADIT_OUTBOUND_TCP | ADIT_OUTBOUND_UDP,
                                      .life = &life,
                                      .reach = bytes_reach,
                                      .submit = bytes_submit};
static const adit_component bytes = {sizeof(bytes), 0, "bytes", ADIT_OUTBOUND_1, &table};
static const adit_component *const components[] = {&bytes, 0};
const adit_module adit_module_1 = {.size = sizeof(adit_module_1),
                                   .abi_major = ADIT_ABI_MAJOR,
                                   .abi_minor = ADIT_ABI_MINOR,
                                   .name = ADIT_MODULE_NAME,
                                   .version = ADIT_MODULE_VERSION,
                                   .descriptor = adit_descriptor,
                                   .components = components};
