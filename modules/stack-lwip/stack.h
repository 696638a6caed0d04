/* SPDX-License-Identifier: MIT
 * stack-lwip/stack.h - one instance, and what its files know of each other
 *
 *     packets.c   what comes in: packets and operations, each to the file that knows
 *     datagram.c  UDP and echo
 *     conn.c      one TCP flow: what lwIP says becomes events, operations become calls of lwIP
 *     challenge.c segments that are not believed
 *     lend.c      one control block at a time on lwIP's lists
 *     up.c        a packet becomes a pbuf, and a pbuf the buffer of a DATA event
 *     down.c      what waits to be sent and to be acknowledged, and how much of it lwIP gets
 *     timer.c     who ticks, and the deadlines
 *     ip.c        what lwIP wants of IP: routes, and segments on their way to the device
 *     port.c      what lwIP wants of its port: memory, the clock, initial sequence numbers
 *     lwip.c      lwIP itself
 *
 * lwIP's state is global, so the module has a private image per shard. Inside an image it is global only in form: its
 * lists are empty but for the time of one call (lend.c), so instances of one image do not meet.
 */
#ifndef STACK_LWIP_STACK_H
#define STACK_LWIP_STACK_H

#include <adit/adit.h>
#include <adit/packet.h>

#include "list.h"

struct tcp_hdr;
struct tcp_pcb;
struct tcp_pcb_listen;
struct pbuf;
struct netif;

enum {
	BATCH = 256,             /* events and packets that are handed on at a time */
	SEGMENT_MOST = 65440,    /* payload of a segment that goes down: IPv6, a TCP header without options */
	COPY_MOST = 2048,        /* payloads up to here are copied behind their headers; others are lent */
	PIECES_MOST = 32,        /* of one segment: a device takes 64 */
	CREDIT_STEP = 65536,     /* credit goes back in portions of this, or when nothing waits */
	ACK_DELAY_NS = 40000000, /* as Linux has it */
	CLOSE_S = 60             /* a flow in good order of closing that makes no end is reset after this */
};

/* A buffer of a SEND: until its bytes have been acknowledged, and nobody below has them any more. */
struct held {
	struct held *next;
	struct stack *stack;
	adit_buf *buf;
	uint32_t seq;  /* of its first byte */
	uint32_t refs; /* the flow's, and one for each packet that lends its bytes */
};

/* What lwIP has said in the call under way. */
enum { HEARD_OPEN = 1, HEARD_FIN = 2, HEARD_ERROR = 4 };

/* A TCP flow: 152 bytes, with malloc's own 160. What is heard in one call of lwIP stands in struct stack. */
struct conn {
	struct stack *stack;
	struct tcp_pcb *pcb; /* null: lwIP has none, before the SYN and after the end */
	adit_flow flow;
	struct held *head, *tail; /* sent or to be sent, not acknowledged */
	struct held *next_held;   /* holds the next byte for lwIP; null: all bytes are its */
	uint32_t seq_acked;       /* bytes before it have been acknowledged */
	uint32_t seq_end;         /* behind the last byte that waits */
	uint32_t credit;          /* what the handler may still send */
	uint32_t owed;            /* acknowledged, not given back as credit yet */
	uint32_t unread;          /* given as DATA, not consumed yet */
	uint32_t consumed;        /* lwIP has not been told yet */
	struct conn *next_dirty;  /* of those with new operations; the last one's is itself; null: not among them */
	struct link ticking;      /* of those that wait for something on lwIP's ticks */
	struct link acks;         /* of those that owe an acknowledgement, by ack_due */
	struct link late;         /* of those that are kept alive, probed, or under a close's deadline, by late_due */
	uint64_t ack_due, late_due;
	int32_t error; /* heard */
	uint8_t heard;
	uint8_t begun : 1,       /* lwIP has had its SYN */
		open : 1,        /* the first CREDIT has been emitted */
		closed : 1,      /* CLOSED has been emitted */
		closing : 1,     /* it is under a close's deadline */
		fin_wanted : 1, fin_sent : 1,
		deaf : 1;        /* after CLOSE: what the application still says is nobody's */
	uint8_t challenges;      /* of challenge_round */
	uint8_t challenge_round; /* the time of the last one, in units of CHALLENGE_NS, modulo 256 */
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct conn) == 152, "a connection has grown");

enum slot_state {
	SLOT_FREE,
	SLOT_OPEN,
	SLOT_CLOSED /* CLOSED has been said; packets may still flow until RELEASE */
};

/* One flow of the host's table, at the same index. */
struct slot {
	adit_flow flow;
	const adit_flow_info *info; /* lent until the flow ends */
	struct conn *conn;          /* TCP */
	uint8_t state;              /* enum slot_state */
	uint8_t proto;
};

struct counts {
	uint64_t opened, refused, lost, unbuildable, credit, starved, ticks;
	uint64_t early; /* segments behind a gap that had no place */
	uint64_t unbelieved, challenges, unanswered; /* segments; of these: answered, and not for the rate */
};

struct stack {
	const adit_host *host;
	const adit_loop_1 *loops;
	const adit_config_1 *config;
	const adit_packet_1 *packets;
	const adit_path *path;
	adit_loop *loop;
	uint32_t window;    /* bytes per flow and direction */
	uint64_t keepalive; /* ns; 0: none */
	size_t memory;      /* of lwIP's own, for all flows */
	struct counts counts;

	struct slot *slots;
	uint32_t slot_count;
	struct tcp_pcb_listen *listener; /* for whatever address and port the SYN under way has */
	struct conn *current;            /* whose segment or timer lwIP is working on */

	struct {                         /* heard in the call under way, until conn_settle says it */
		adit_buf *head, *tail;
		uint32_t size, acked;
	} heard;
	struct held *lent; /* current's, where the last bytes were that lwIP has been given or has sent in this call */

	struct conn *dirty;
	struct list ticking, acks, keeps, probes, closing;
	adit_timer *timer;
	uint64_t timer_at; /* 0: it is not set */
	uint64_t tick_at;  /* when lwIP's next tick is due, while somebody ticks */

	adit_buf *out[BATCH];
	adit_event events[BATCH];
	uint32_t outs, event_count;
};

/* ---- stack-lwip.c ---- */

/* Logs a line; the level is an ADIT_LOG_... */
void say(const struct stack *st, int32_t level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- packets.c ---- */

void ADIT_CALL stack_input(void *inst, adit_buf *const *pkt, uint32_t n);
void ADIT_CALL stack_submit(void *inst, const adit_op *op, uint32_t n);
/* The slot of a flow that is not free; null: stale. */
struct slot *slot_find(struct stack *st, adit_flow flow);
/* Adds to what is handed on with stack_flush. */
void stack_emit(struct stack *st, const adit_event *ev);
void stack_output(struct stack *st, adit_buf *b);
/* Hands on what waits: packets, then events. */
void stack_flush(struct stack *st);
void put_buf(struct stack *st, adit_buf *b);

/* ---- datagram.c ---- */

void datagram_up(struct stack *st, struct slot *s, adit_buf *b);
void datagram_down(struct stack *st, struct slot *s, adit_buf *b);

/* ---- conn.c ---- */

/* Null: no memory. */
struct conn *conn_new(struct stack *st, adit_flow flow);
/* Lets go of everything; the application hears nothing. */
void conn_free(struct conn *c);
void conn_packet(struct conn *c, const struct slot *s, adit_buf *b);
void conn_op(struct conn *c, const adit_op *op);
/* Resets it; CLOSED follows with the code. */
void conn_abort(struct conn *c, int32_t code);
/* Works off what operations have queued. */
void conns_flush(struct stack *st);
/* Everything that is due after a call of lwIP for c: conn_enter .. lwIP .. conn_settle. c may be closed afterwards. */
void conn_settle(struct conn *c);
adit_result conn_listen(struct stack *st);
void conn_unlisten(struct stack *st);

/* ---- challenge.c ---- */

/* Whether lwIP is to see the segment; if not, it has been answered as it should be. Between conn_enter and conn_leave. */
int challenge_believes(struct conn *c, const struct tcp_hdr *tcp);
/* Whether the segment, of data, is behind a gap; then it has been answered, and comes again. Likewise. */
int challenge_early(struct conn *c, const struct tcp_hdr *tcp);

/* ---- lend.c ---- */

/* lwIP's lists hold c's control block and nothing else, until conn_leave. */
void conn_enter(struct conn *c);
/* The same with a listener for whatever port c's SYN goes to. */
void conn_enter_syn(struct conn *c, uint16_t port);
void conn_leave(struct conn *c);
/* One slow tick, and one fast one, of the control block that is lent. */
void lend_slow_tick(struct conn *c);
void lend_fast_tick(struct conn *c);

/* ---- up.c ---- */

/* A pbuf of the segment in b, which is given; null: no memory, and b has been put back. */
struct pbuf *up_wrap(struct stack *st, adit_buf *b);
/* The payload of a chain of pbufs, which is given, added to c's data. */
void up_take(struct conn *c, struct pbuf *p);

/* ---- down.c ---- */

/* Takes b. ADIT_ENOMEM: it has been put back. */
adit_result down_queue(struct conn *c, adit_buf *b);
/* lwIP gets what it may send now. Between conn_enter and conn_leave. */
void down_pump(struct conn *c);
/* So many more bytes have been acknowledged. */
void down_acked(struct conn *c, uint64_t size);
/* Nothing of it is needed any more. */
void down_drop(struct conn *c);
/* A chain of buffers that lends size bytes from seq on; null: not there, or no memory. */
adit_buf *down_lend(struct conn *c, uint32_t seq, uint32_t size);

/* ---- timer.c ---- */

adit_result timer_open(struct stack *st);
void timer_close(struct stack *st);
/* lwIP's clock shows what the loop's does. */
void timer_sync(struct stack *st);
/* c's lists and deadlines are what its state asks for. */
void timer_update(struct conn *c);
/* c has CLOSE_S to end in good order. */
void timer_closing(struct conn *c);
void timer_forget(struct conn *c);

/* ---- ip.c ---- */

/* The segment that lwIP is given next is one of this flow: from info->src to info->dst. */
void ip_current(const adit_flow_info *info);
/* lwIP's one interface. */
struct netif *ip_device(void);

/* ---- port.c ---- */

adit_result port_open(struct stack *st);
/* Bytes that are out. */
size_t port_used(void);
/* True while new flows still find memory: the last part is for those that exist. */
int port_has_room(const struct stack *st);
/* Of the whole image: the instance that lwIP is working for. */
extern struct stack *port_stack;

#endif
