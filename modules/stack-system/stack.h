/* SPDX-License-Identifier: MIT
 * stack-system/stack.h - one instance, and what its files know of each other
 *
 *     packets.c   what comes in: packets and operations, each to the file that knows
 *     slots.c     the flows of this instance, and those that wait for their socket
 *     listen.c    the listeners: sockets in, joined to their flows
 *     stream.c    a TCP flow whose bytes go through the stack
 *     datagram.c  UDP and echo
 *     form.c      which form of TCP, and the listeners it needs
 *     steer.c     form "transparent": the rules that bring packets to the listener
 *     shortcut.c  form "transparent": segments of connections that exist stay in the kernel
 *     inner.c     form "private": a namespace and a device of our own
 *     probe.c     the self-test
 *     message.c rewrite.c alias.c hash.h  know nothing of the others
 */
#ifndef STACK_SYSTEM_STACK_H
#define STACK_SYSTEM_STACK_H

#include <adit/adit.h>
#include <adit/place.h>
#include <adit/sock.h>

#include "alias.h"
#include "hash.h"

struct stream;

enum form { FORM_AUTO, FORM_TRANSPARENT, FORM_PRIVATE, FORM_PORTABLE };

enum {
	TURN_MOST = 64,          /* accepts, or packets of the inner device, per turn of the loop */
	WINDOW_DEFAULT = 262144, /* bytes per flow and direction that wait inside the stack */
	PACKET_ROOM = 65536,     /* a super-packet */
	HUNGRY_NS = 10000000,    /* until whoever found no buffer tries again */
	MEMBERS_MOST = 64,       /* instances of one name: shards that a host has */
	CLOSE_S = 60 /* a flow in good order of closing that makes no end is reset after this */
};

enum slot_state {
	SLOT_FREE,
	SLOT_PENDING, /* packets flow, the kernel has not given the socket yet */
	SLOT_OPEN,    /* the stack holds the socket, or the flow needs none (UDP, echo) */
	SLOT_GIVEN,   /* the host holds the socket */
	SLOT_CLOSED   /* CLOSED has been said; packets may still flow until RELEASE */
};

/* One flow of the host's table, at the same index. */
struct slot {
	adit_flow flow;
	const adit_flow_info *info; /* lent until the flow ends */
	struct stream *stream;
	uint32_t next; /* the next one of its bucket of waiting flows, counted from 1 */
	uint32_t bucket;
	uint32_t generation; /* of the alias */
	uint32_t freed;      /* when the alias was let go, in seconds */
	adit_addr alias;     /* what stands for the application's endpoint; family 0: none */
	uint8_t state;       /* enum slot_state */
	uint8_t proto;
	uint8_t wants_socket;
};

struct listener {
	struct stack *stack;
	adit_addr addr; /* family 0: there is none */
	intptr_t fd;
	adit_io *io;
	adit_timer *retry;
	uint64_t starved; /* since when descriptors have run out; 0: they have not */
	unsigned expected; /* connections that packets of this call may have completed */
	unsigned misses;   /* times in a row that none had been */
	unsigned skip;     /* how often it is not looked for them */
};

struct counts {
	uint64_t accepted, unknown, starved, shed, refused, lost, unbuildable, credit;
};

/* What the instances of one name, one per shard, share: those that were opened together. [control]
 * where not said. */
struct group {
	struct group *next;
	const char *name;
	struct record *record;
	enum form form;
	uint32_t opened; /* how many have been, in the order of shards */
	uint32_t open;   /* how many are */
	uint16_t port[2];
	uint32_t serial;   /* tells our rules from those of another group in this process */
	/* Form "portable": which listener is whose. Written in open, read by all loops afterwards. */
	struct stack *members[MEMBERS_MOST];
	int steered;       /* the rules are set, by instance 0 */
	int lock;          /* while they are: nobody else in this process has the serial number */
	adit_place *place; /* where */
	char device[16];
	char second[16];    /* the device of the shortcut */
	int filtered;       /* the filter that feeds it is ours */
	intptr_t second_fd; /* -1: there is no shortcut */
	/* The self-test's packets may come by any queue, so every instance knows of it. Atomic:
	 * many loops. */
	uint32_t probe_port; /* of the application's side; 0: no test is under way */
	uint32_t probe_seen; /* its first packet came by the device */
	uint32_t probe_passed;
	uint32_t probe_outcome; /* 0: none yet; atomic */
};

/* What is known of the forms under a name, for as long as the module is loaded. */
struct record {
	struct record *next;
	uint32_t failed; /* 1 << form: its self-test failed; atomic, as any loop may find it out */
	char name[];
};

struct module {
	struct group *groups; /* newest first */
	struct record *records; /* one for each name that ever was */
};

struct stack {
	const adit_host *host;
	const adit_loop_1 *loops;
	const adit_config_1 *config;
	const adit_packet_1 *packets;
	const adit_place_1 *places;
	const adit_path *path;
	const adit_cfg *cfg;
	adit_loop *loop;
	struct module *module;
	struct group *group; /* null: not open */
	const char *name;
	uint32_t shard, shards;
	int stopped;
	enum form form, wanted; /* in use; what the settings say */
	uint64_t window;
	struct counts counts;
	uint64_t last_word; /* when the log last heard of something that may come often */

	struct slot *slots;
	uint32_t slot_count;
	uint32_t *waiting; /* buckets: first slot of each, counted from 1 */
	uint32_t waiting_mask;
	uint32_t pending; /* slots in state PENDING */
	struct hash_key key;

	adit_place *place; /* where the listeners are */
	adit_place *inner_place;
	struct listener listeners[2]; /* IPv4, IPv6 */
	adit_addr bound[2]; /* their addresses, as other instances may read them; family 0: none */
	struct alias_space aliases[2];
	int32_t reserve; /* a descriptor to give up when there is no other */

	intptr_t inner; /* the second device */
	adit_io *inner_io;
	int inner_hungry;
	adit_buf *stash[8];
	uint32_t stashed;

	struct stream *closing; /* flows that end in good order, under a deadline */
	struct stream *dirty;   /* flows with something new to send */
	struct stream *hungry;  /* flows that found no buffer to read into */
	adit_timer *sweep;

	struct probe *probe;
};

/* Logs a line; the level is an ADIT_LOG_... */
void say(const struct stack *st, int32_t level, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The same for a failure of the call under way; returns code. */
adit_result fail(const struct stack *st, adit_result code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The result that an errno value is. */
adit_result from_errno(int number);
/* Tells the host of one event. */
void emit_one(struct stack *st, uint16_t type, adit_flow flow, int32_t code, uint64_t num);

/* packets.c: the two wires, and where packets leave. */
void ADIT_CALL stack_input(void *inst, adit_buf *const *pkt, uint32_t n);
void ADIT_CALL stack_submit(void *inst, const adit_op *op, uint32_t n);
int32_t ADIT_CALL stack_claims(void *inst, const adit_addr *src, const adit_addr *dst);
/* The instance at whose listener a packet of the form "portable" was sent, by its source; null: none. [any] */
struct stack *portable_owner(const struct stack *st, const adit_addr *src);
/* An answer of our listener to an alias becomes one to the application. ADIT_ENOENT: nobody's. */
adit_result answer_restore(struct stack *st, adit_buf *b);

/* slots.c */
adit_result slots_init(struct stack *st, uint32_t count);
void slots_fini(struct stack *st);
/* The slot of a flow that is not free; null: stale. */
struct slot *slot_find(struct stack *st, adit_flow flow);
/* Takes the flow in; a TCP flow waits for its socket. ADIT_ELIMIT: no alias is left. */
adit_result slot_open(struct stack *st, adit_flow flow, int wants_socket);
/* Forgets what hangs on the slot. */
void slot_release(struct stack *st, struct slot *s);
/* The flow that waits for the socket of these endpoints, which is then OPEN; null: nobody's. In the
 * forms with aliases src is the alias and dst is not looked at. */
struct slot *slot_accept(struct stack *st, const adit_addr *src, const adit_addr *dst);

/* The flow that an alias stands for now; null: none. */
struct slot *slot_of_alias(struct stack *st, const adit_addr *alias);

/* listen.c */
adit_result listen_open(struct stack *st, uint32_t which, const adit_addr *bind, uint32_t flags);
adit_result listen_start(struct stack *st);
/* Packets of connections that are being made have been written. Where the kernel has completed a
 * connection by that, as it has where both ends are on this machine, its socket is taken at once,
 * without a turn of the loop for it. */
void listen_expect(struct stack *st);
void listen_close(struct stack *st);
/* Ends a socket with a reset. */
void socket_reset(int fd);

/* stream.c */
adit_result streams_start(struct stack *st);
/* A flow whose bytes go through the stack; takes fd. */
void stream_start(struct stack *st, struct slot *s, int fd);
void stream_send(struct stream *s, adit_buf *b);
void stream_consume(struct stream *s, uint64_t size);
void stream_fin(struct stream *s);
void stream_close(struct stream *s);
/* Gives its socket to the host. Nothing may have been sent. */
void stream_give(struct stream *s);
/* Resets it; CLOSED follows when code is not 0. */
void stream_abort(struct stream *s, int32_t code);
/* Sends what operations have queued. */
void streams_flush(struct stack *st);

/* datagram.c */
void datagram_up(struct stack *st, struct slot *s, adit_buf *b, adit_event *out);
/* Puts headers on; 0: b is ready for the device. */
adit_result datagram_down(struct stack *st, struct slot *s, adit_buf *b);

/* steer.c */
adit_result steer_set(struct stack *st, struct group *g, char *why, size_t room);
void steer_undo(struct stack *st, struct group *g);
/* Sends each connection to the listener of the shard whose queue it came by. */
adit_result steer_queues(intptr_t listener);

/* shortcut.c; on failure nothing is left behind */
adit_result shortcut_set(struct stack *st, struct group *g, char *why, size_t room);
void shortcut_undo(const struct adit_place_1 *places, struct group *g);

/* form.c */
/* Makes what the form in the configuration needs, or finds one for "auto". */
adit_result form_open(struct stack *st);
const char *form_name(enum form form);

/* inner.c */
adit_result inner_open(struct stack *st);
adit_result inner_start(struct stack *st);
void inner_write(struct stack *st, adit_buf *b);
void inner_close(struct stack *st);

/* probe.c */
/* What the test needs of the place; a test that cannot be is no failure. */
void probe_open(struct stack *st);
void probe_start(struct stack *st);
/* adit_stack_1.probe */
adit_result ADIT_CALL probe_ask(void *inst, uint32_t flags, adit_probed done, void *arg);
int probe_claims(const struct stack *st, const adit_addr *src, const adit_addr *dst);
/* True when the socket is the probe's: it has been taken. */
int probe_accepted(struct stack *st, int fd, const adit_addr *src, const adit_addr *dst);
/* True when the answer is the probe's. */
int probe_answered(struct stack *st, const adit_buf *b);
/* True for the address and port from which the probe of a form with aliases speaks. [any] */
int probe_is_alias(const struct stack *st, const adit_addr *a);
void probe_close(struct stack *st);

#endif
