/* SPDX-License-Identifier: MIT
 * outbound-socks5/association.h - UDP: associations with a proxy (RFC 1928 section 7), and the flows on them
 */
#ifndef SOCKS5_ASSOCIATION_H
#define SOCKS5_ASSOCIATION_H

#include "socks5.h"

enum {
	DATAGRAM_BATCH = 16,   /* sent or received at once */
	DATAGRAM_PARTS = 4,    /* segments of one datagram at most, without its header */
	DATAGRAM_ROOM = 65536, /* bytes that hold any datagram */
	FLOW_BUCKETS = 4096,
	NO_UDP_SECONDS = 30 /* a proxy that has refused the command is not asked again for so long */
};

/* Why a datagram was dropped. */
enum drop {
	DROP_WAITING,  /* up: the association is not there yet */
	DROP_SHAPE,    /* up: in too many pieces */
	DROP_SOCKET,   /* up: the socket did not take it */
	DROP_BUFFERS,  /* down: there was no buffer */
	DROP_HEADER,   /* down: what the relay sent is no datagram of SOCKS5, or a fragment */
	DROP_STRANGER, /* down: of an address that no flow talks to */
	DROP_COUNT
};

/* One for each endpoint of an application, so that the endpoint looks the same from everywhere (RFC 4787). A flow to a
 * name has one to itself: nobody knows which address its answers will come from, and what comes on a shared association
 * from an unknown address could be another flow's. */
struct association {
	struct associations *all;
	struct association *next; /* in its bucket */
	struct attempt *attempt;  /* being made; else the two sockets are there */
	adit_addr src;
	int alone;              /* of one flow, to a name; whose port its answers come from */
	intptr_t control, sock; /* -1: not there */
	adit_io *control_io, *sock_io;
	struct udp_flow *flows;
};

struct udp_flow {
	struct end end;
	struct association *association;
	struct udp_flow *next, **link; /* among the association's */
	struct udp_flow *bucket_next;
	adit_addr peer; /* whose answers are this flow's; family 0: of a name */
	uint16_t port;
	uint16_t header_size;
	uint8_t header[]; /* of each datagram, ready */
};

/* Datagrams on their way to one socket. */
struct associations {
	struct socks *o;
	struct association **buckets; /* bucket_count of them, by the application's endpoint */
	struct udp_flow *flows[FLOW_BUCKETS]; /* by association and peer */
	uint32_t bucket_count, count;
	uint64_t no_udp_until;
	struct {
		struct udp_flow *flow;
		adit_buf *buf;
	} up[DATAGRAM_BATCH];
	uint32_t up_count;
	adit_buf *stash[DATAGRAM_BATCH]; /* empty buffers for what will be received */
	uint32_t stash_count;
	uint64_t *dropped[DROP_COUNT]; /* cells of adit.counters/1; null without it */
};

/* ---- association.c ---- */

/* [control] */
adit_result associations_new(struct associations **out, struct socks *o);
/* [loop] Ends all flows; buffers go back. */
void associations_stop(struct associations *v);
/* [loop] Registers the counters, if the host has counters. */
void associations_start(struct associations *v);
/* [control] Takes null. */
void associations_free(struct associations *v);

/* [loop] A flow to reach; answers with CREDIT or CLOSED, or gives the reason. name is null or fits a request. */
adit_result association_reach(struct associations *v, const adit_reach *req, const char *name, struct end **place);
/* [loop] Ends a flow, which is told code. */
void udp_flow_end(struct udp_flow *f, adit_result code);
/* [loop] The flow of this association to which an answer of peer belongs; null. */
struct udp_flow *association_flow(struct association *a, const adit_addr *peer);
/* [loop] Ends the association and its flows, which are told code. */
void association_end(struct association *a, adit_result code);

/* ---- datagrams.c ---- */

/* [loop] Takes buf, one datagram; it leaves with the next flush at the latest. */
void datagrams_send(struct associations *v, struct udp_flow *f, adit_buf *buf);
void datagrams_flush(struct associations *v);
/* [loop] There is something to read at the association's socket. arg is the association. */
void datagrams_readable(void *arg);

#endif
