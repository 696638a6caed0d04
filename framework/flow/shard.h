/* SPDX-License-Identifier: MIT
 * flow/shard.h - one shard: a loop, its flows, its buffers, and the parts (instances of modules) on it
 *
 * Everything here belongs to the shard's loop. Packets come in through shard_input, go to flows, and by flows
 * to stacks; what stacks, outbounds and handlers say comes back through their paths (flow/part.c).
 */
#ifndef FLOW_SHARD_H
#define FLOW_SHARD_H

#include <adit/adit.h>
#include <adit/packet.h>

#include "base/bufpool.h"
#include "base/histogram.h"
#include "flow/flowtable.h"
#include "loop/loop.h"
#include "os/os.h"
#include "packet/policy.h"
#include "packet/reassembly.h"
#include "packet/refuse.h"

enum part_kind { PART_PLATFORM, PART_STACK, PART_HANDLER, PART_OUTBOUND, PART_SERVICE, PART_KINDS };

struct vector {
	void *v;
	uint32_t count, room;
};

/* Which flows a handler is asked about. Empty lists match all. */
struct match_ports {
	uint16_t from, to;
};

struct match_prefix {
	uint8_t ip[16];
	uint8_t family, bits;
};

struct match {
	uint8_t protos; /* MATCH_... ; 0: all */
	uint32_t port_count, prefix_count;
	const struct match_ports *ports;
	const struct match_prefix *prefixes;
};
enum { MATCH_TCP = 1, MATCH_UDP = 2, MATCH_ECHO = 4 };

/* One instance of a module's component on one shard. */
struct part {
	struct shard *shard;
	enum part_kind kind;
	uint8_t index; /* among the parts of its kind */
	uint8_t started;
	uint8_t draining; /* gets no new flows */
	uint8_t next;     /* handlers: the place in the order from which on a flow that it passes is asked about */
	uint32_t generation; /* of the instance it belongs to: the host's number */
	uint32_t inside; /* calls into the module that have not returned */
	const char *name;
	const char *module;
	void *inst;
	const adit_life *life;
	adit_env *env; /* what it was given; the wiring's */
	union {
		const adit_platform_1 *platform;
		const adit_stack_1 *stack;
		const adit_handler_1 *handler;
		const adit_outbound_1 *outbound;
		const adit_service_1 *service;
	} table;
	adit_path path;
	struct match match;   /* handlers */
	struct vector queue;  /* events (handler), or operations and packets that wait until it has returned */
	struct vector batch;  /* of a handler: the events that it is being told, ... */
	uint32_t batch_at;    /* ... so many of which have been */
	uint8_t call;         /* to which the events go that it is told now (flow.told) */
	uint8_t scheduled;    /* a flush of the queue is on its way */
	uint32_t wrapped;     /* buffers around its own memory that are still out */
	/* Takes what a stack sends down, before the device; gives back how many of pkt[] are left, in order. Null: nobody. */
	uint32_t (*tap)(void *arg, adit_buf **pkt, uint32_t n);
	void *tap_arg;
	uint64_t flows;       /* it has been given, since the start */
	uint64_t *reach_times; /* outbounds: a cell of adit/observe.h with the buckets of histogram_times; may be null */
};

#define SHARD_COUNTERS(X)                                                                                              \
	X(packets_up) X(packets_down) X(bytes_up) X(bytes_down)                                                        \
	X(dropped_malformed) X(dropped_policy) X(dropped_unknown) X(dropped_checksum) X(dropped_fragment)              \
	X(dropped_stray) X(dropped_limit) X(dropped_half_open) X(dropped_memory) X(dropped_parked) X(dropped_refused)                    \
	X(dropped_no_stack) X(dropped_icmp)                                                                            \
	X(refused_tcp) X(refused_udp) X(refused_echo) X(refused_policy) X(refusals_limited)                                              \
	X(flows_opened) X(flows_closed) X(flows_idle) X(half_open_evicted)                                             \
	X(verdict_accept) X(verdict_forward) X(verdict_reject)                                                         \
	X(verdict_drop) X(verdict_none) X(stale_ops) X(misuse) X(unknown_events) X(dial_ok) X(dial_failed)             \
	X(datagrams_dropped) X(datagrams_crossed)                                                                                           \
	X(opened_tcp) X(opened_udp) X(opened_echo) X(closed_tcp) X(closed_udp) X(closed_echo)

enum shard_counter {
#define X(name) COUNT_##name,
	SHARD_COUNTERS(X)
#undef X
	COUNT_END
};
extern const char *const shard_counter_names[COUNT_END];

struct shard_timeouts { /* seconds; 0: no limit */
	uint32_t asked;  /* a handler that gives no verdict */
	uint32_t connect;
	uint32_t tcp_idle;
	uint32_t udp_idle;
	uint32_t echo_idle;
	uint32_t closed; /* CLOSED flows are forgotten after so long */
};

enum {
	SHARD_PARTS = 64,     /* of one kind */
	SHARD_OUTBOUNDS = 256 /* numbers of outbounds, 0 (the default one) among them */
};

/* Who gets new flows, as the host has arranged it; the parts that are in none of it drain, or have just been made. */
struct shard_order {
	uint8_t handlers[SHARD_PARTS]; /* indices of parts, in the order in which they are asked */
	uint8_t handler_count;
	uint8_t outbounds[SHARD_OUTBOUNDS]; /* by number: index of the part, NO_OUTBOUND: none */
	uint8_t stacks[SHARD_PARTS]; /* indices of parts that a handler may name */
	uint8_t stack_count;
};
enum { NO_OUTBOUND = 0xff };

/* What lies above flow/: how a forwarded flow reaches its outbound (dial/forward.c). */
struct dialer;
struct carrier;
struct relay_shard;
struct servers;
struct join_shard;

struct shard_exits {
	/* f is ASKED. Starts reaching dst through the outbound, and becomes f's owner, or refuses f. */
	void (*forward)(struct shard *s, struct flow *f, uint8_t outbound, uint8_t op_flags, const adit_addr *dst);
	/* The same for a flow that is OPEN and its handler's: f->parked is what goes first (flow/held.h), f->had.given what
	 * nobody will ever consume, f->had.credit what the stack may be sent. */
	void (*take_over)(struct shard *s, struct flow *f, uint8_t outbound, const adit_addr *dst);
};

struct shard {
	adit_loop *loop;
	uint32_t index, count;
	struct shard *const *peers; /* all of them, by index; null: there is one */
	struct homes *homes; /* of all of them; null: there is one */
	uint32_t crossing; /* datagrams that others have posted and that are not here yet; atomic */
	struct flowtable *flows;
	struct bufpool *bufs;
	struct part *parts[PART_KINDS][SHARD_PARTS]; /* null: a place that is free at the moment */
	uint32_t part_count[PART_KINDS]; /* places up to the last one that was ever in use */
	const struct shard_order *order; /* null: all parts, as they stand; number n is outbound n - 1 */
	uint8_t stack_of[3]; /* index of the stack for new TCP, UDP, echo flows; NO_STACK: none */
	struct shard_timeouts timeouts;
	uint64_t flow_memory; /* bytes of one flow and direction that may wait; 0: no limit */
	struct policy policy;
	uint32_t policy_said; /* the second of its last line in the log */
	struct reassembly *reassembly;
	struct refuse_limit refuse_limit;
	const struct shard_exits *exits;
	struct dialer *dialer; /* dial/ */
	struct carrier *carrier;
	struct relay_shard *relays;
	struct servers *servers;
	struct join_shard *joins;
	adit_timer sweep;
	uint32_t sweep_at;
	uint64_t swept;             /* when the sweep ran last */
	struct histogram lateness;  /* of its timer */
	struct tap *taps; /* who looks at what passes (flow/tap.h); null: nobody */
	uint64_t counters[COUNT_END];
	int draining;
	/* Told at the end of every flow, before its slot is free; may be null. [loop] */
	void (*on_end)(void *arg, struct shard *s, const struct flow *f, adit_result code);
	void *on_end_arg;
	/* While somebody follows flows: told when one is admitted, and when one ends, before its slot is free. [loop] */
	void (*on_change)(void *arg, struct shard *s, const struct flow *f, int ended, adit_result code);
	void *on_change_arg;
};
enum { NO_STACK = 0xff };

static inline void shard_count(struct shard *s, enum shard_counter which, uint64_t n)
{
	/* Others read it at any time. */
	__atomic_store_n(&s->counters[which], s->counters[which] + n, __ATOMIC_RELAXED);
}

/* Counts a flow that has begun: `which` is COUNT_opened_tcp; or that has ended: COUNT_closed_tcp. */
static inline void shard_count_flow(struct shard *s, enum shard_counter which, const struct flow *f)
{
	unsigned protocol = flow_protocol(f->info.proto);

	shard_count(s, (enum shard_counter)(which + protocol), 1);
}

/* ---- packets (flow/input.c) ---- */

/* [loop] Packets from the device. The buffers are given. */
void shard_input(struct shard *s, adit_buf *const *pkt, uint32_t n);
/* [loop] A datagram that another shard has handed over; it was counted there. */
void shard_input_home(struct shard *s, adit_buf *b);
/* [loop] Packets to the device, as stacks send them. */
void shard_output(struct shard *s, adit_buf *const *pkt, uint32_t n);

/* [loop] Answers a packet from the device with a reset or an ICMP error as code says, if the rate allows one; the packet
 * stays the caller's. */
void shard_refuse_packet(struct shard *s, const adit_buf *pkt, adit_result code, enum shard_counter which);

/* Where the datagram flows of each application endpoint live, for all shards together (flow/home.c). null: no memory. */
struct homes *homes_new(void);
/* Takes null. */
void homes_free(struct homes *h);
/* [loop] The index of the shard on which an endpoint's datagram flows live; where they live nowhere yet: this one. */
uint32_t home_of(const struct shard *s, const adit_addr *src);
/* [loop] One flow more of this endpoint, on this shard. 0: they live on another one. */
int home_take(struct shard *s, const adit_addr *src);
/* [loop] One less. */
void home_leave(struct shard *s, const adit_addr *src);
/* [loop] Hands a datagram over to that shard. Takes the buffer. */
void home_send(struct shard *s, adit_buf *b, uint32_t home);

/* ---- flows (flow/verdict.c, flow/ending.c) ---- */

/* [loop] Asks the handlers from number `from` on about an ASKED flow whose first packet is parked. */
void verdict_ask(struct shard *s, struct flow *f, uint32_t from);
/* [loop] What a handler submits. */
void verdict_ops(struct part *handler, const adit_op *op, uint32_t n);
/* [loop] Admits an ASKED or DIAL flow: the stack is told (with ACCEPT's flags), and gets the parked packet. */
void flow_admit(struct shard *s, struct flow *f, uint16_t accept_flags);
/* [loop] Refuses an ASKED or DIAL flow in its protocol's way; the flow is gone or CLOSED afterwards. */
void flow_refuse(struct shard *s, struct flow *f, adit_result code);
/* [loop] Both ends are done with a flow. A TCP flow becomes CLOSED, others are forgotten. */
void flow_close(struct shard *s, struct flow *f, adit_result code);
/* [loop] Ends a flow from the outside, whatever its state: its owner lets go, then flow_close. */
void flow_end(struct shard *s, struct flow *f, adit_result code);
/* [loop] The stack is told RELEASE and the slot is free. */
void flow_forget(struct shard *s, struct flow *f);
/* Ends the half-open flow that is the least likely to become more; returns whether there was one. */
int flow_make_room(struct shard *s);
/* [loop] Starts the sweeper that ends idle flows and forgets closed ones. */
void flow_sweep_start(struct shard *s);
/* [loop] One step of the sweeper; it is made every second. */
void flow_sweep(struct shard *s);
/* [loop] The stack of a flow. */
struct part *flow_stack(struct shard *s, const struct flow *f);
/* Puts back what is parked. */
void flow_unpark(struct flow *f);

/* ---- flows that a handler owns (flow/handled.c) ---- */

/* [loop] An ASKED flow is its handler's from now on, and `user` the handler's number for it. */
void handled_begin(struct shard *s, struct flow *f, uint64_t user);
/* Whether it is its handler's. */
int handled_is(const struct flow *f);
/* [loop] What the handler wants done with a flow that it owns. A buffer in it is given. */
void handled_op(struct part *handler, struct flow *f, const adit_op *op);
/* [loop] Whether an operation is a FORWARD that can be; says what is wrong with it, if not. */
int handled_may_forward(struct part *handler, const adit_op *op);
/* [loop] What the handler was to be told and will not be. A buffer in it is given. */
void handled_keep(struct flow *f, const adit_event *ev);
/* [loop] A module has done what it must not: counted, said, and the buffer put back. */
void shard_misuse(struct part *p, const adit_op *op, const char *what);

/* ---- parts (flow/part.c) ---- */

/* [loop] The handler at a place of the order; null past the end. */
struct part *shard_handler(const struct shard *s, uint32_t place);
/* [loop] The place from which on others are asked about a flow that h passes. */
uint32_t shard_after(const struct part *h);
/* [loop] The outbound of a number (adit.outbounds/1), 0 the default one; null: there is none, or it is gone. */
struct part *shard_outbound(const struct shard *s, uint32_t number);
/* [loop] The stack of this name for new flows of a protocol (ADIT_PROTO_...); null: there is none, or it does not end it. */
struct part *shard_stack(const struct shard *s, const char *name, uint8_t proto);
/* Fills p->path for its kind. */
void part_wire(struct part *p);
/* [loop] One operation for a stack or an outbound. Never re-enters: waits while the part is inside a call. */
void part_op(struct part *p, const adit_op *op);
/* [loop] The same at the end of the turn, together with what else comes by then. ADIT_ENOMEM: the part will not hear of it,
 * and a buffer in it has been put back. */
adit_result part_op_later(struct part *p, const adit_op *op);
/* [loop] One event for a handler, delivered at the end of the turn or by part_flush. ADIT_ENOMEM as above. */
adit_result part_event(struct part *p, const adit_event *ev);
/* [loop] Takes the events of a flow back that its handler has not been told yet, and keeps what is in them with the flow. */
void part_reclaim(struct part *handler, struct flow *f);
/* [loop] An outbound has reached what it was asked for at `asked`, in us of the loop's clock, modulo 2^32. */
static inline void part_reached(struct part *out, uint32_t asked)
{
	uint32_t us = (uint32_t)(os_now() / 1000) - asked;

	adit_histogram_add(out->reach_times, histogram_times, HISTOGRAM_TIMES, us * 1000ull);
}
/* [loop] Delivers what waits, unless the part is inside a call. */
void part_flush(struct part *p);
/* [loop] Packets for a stack, or for the platform to send. Never re-enters, and keeps its place among operations. */
void part_packets(struct part *p, adit_buf *const *pkt, uint32_t n);

#endif
