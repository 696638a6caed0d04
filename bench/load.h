/* SPDX-License-Identifier: MIT
 * load.h - what the parts of the load generator share
 *
 * One program makes the load and serves it, so that neither end is a third party with its own habits. The
 * server counts what reached it in a file that both map: the numbers never travel through the tunnel under
 * test, and what sits in a tunnel's buffers when the time is up does not count as delivered.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Services, as offsets to the base port. */
enum {
	PORT_SINK,   /* TCP: reads and counts. UDP: receives and counts */
	PORT_SOURCE, /* TCP: sends until the peer goes */
	PORT_ECHO,   /* TCP, UDP: returns what comes */
	PORT_ANSWER, /* TCP: like echo, on a range of ports */
	SERVICE_COUNT
};

enum {
	BLOCK = 512 * 1024, /* bytes per send and recv of a bulk stream */
	MESSAGE = 64,       /* bytes of a request, an answer and a small datagram */
	BATCH = 32,         /* datagrams per system call */
	DATAGRAM_MAX = 1472,
	STREAMS_MAX = 20000, /* connections at once; the usual descriptor limit is below it */
	IDLE_SECONDS = 20,   /* to open the idle flows */
	CONNECT_MS = 10000,  /* for the first connections of a run */
	/* Closed connections keep their ports for a minute. Over this many server ports the pairs of ports
	 * suffice for every run, so that no figure is that of the kernel's search for a free one. */
	ANSWER_PORTS = 16,
	PORT_COUNT = PORT_ANSWER + ANSWER_PORTS
};

/* Mapped by server and clients; only the server writes. */
struct counts {
	_Atomic uint64_t tcp_bytes;
	_Atomic uint64_t udp_packets;
	_Atomic uint64_t ready; /* pid of the server once it listens */
};

struct job {
	struct sockaddr_in to; /* address and base port of the server */
	int streams;           /* connections, or how many at a time */
	int active;            /* conversations under way at a time; 0: all */
	int size;              /* bytes of a datagram */
	double warm, seconds;  /* load before the window, length of the window */
	struct counts *counts;
};

/* The window of a run: what was so at its begin. */
struct window {
	double begin;     /* seconds, monotonic; 0 before it opens */
	double end;       /* when it opens or closes, whichever comes next */
	double length;    /* seconds */
	double cpu;       /* CPU seconds that the machine was busy until the begin */
	uint64_t before;  /* the caller's counter at the begin */
};

/* load.c */
void die(const char *what) __attribute__((noreturn));
void fail(const char *text) __attribute__((noreturn));
double now(void);
void window_init(struct window *w, const struct job *job);
/* Opens the window when the warm-up is over; returns 0 when the window's time is up. */
int window_tick(struct window *w, uint64_t count);
/* Prints the common members of the result and leaves the object open for more. */
double window_print(const struct window *w, const char *mode);
void percentiles_print(uint32_t *nanos, size_t count);

/* serve.c */
void serve(const struct job *job);

/* tcp.c */
int tcp_start(const struct job *job, int port); /* a non-blocking connect under way */
void tcp_open(const struct job *job, int port, int *fds);
void tcp_up(const struct job *job);
void tcp_down(const struct job *job);

/* message.c */
void message_crr(const struct job *job);
void message_rr(const struct job *job);
void message_pp(const struct job *job);
void message_idle(const struct job *job);

/* udp.c */
void udp_echo(const struct job *job);
void udp_flood(const struct job *job);

#endif
