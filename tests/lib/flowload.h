/* SPDX-License-Identifier: MIT
 * flowload.h - what the parts of flowload share: options, counters, addresses
 */
#ifndef TESTS_LIB_FLOWLOAD_H
#define TESTS_LIB_FLOWLOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct load_conf {
	struct sockaddr_storage to;
	socklen_t to_size;
	unsigned flows, parallel;
	uint64_t up, down; /* bytes per TCP flow */
	unsigned deadline; /* seconds, for the whole load */
	unsigned hold;	   /* milliseconds that a TCP flow stays open before it says its last */
	unsigned pace;	   /* bytes a second that each end of a TCP flow sends at most; 0: no limit */
	unsigned stall;	   /* milliseconds that neither end of a TCP flow reads */
	unsigned first;	   /* id of the first flow */
	unsigned count;	   /* datagrams per UDP flow */
	unsigned size;	   /* bytes of a datagram */
	unsigned gap;	   /* microseconds between datagrams, all flows together */
};

uint64_t load_now(void); /* nanoseconds, monotonic */

/* Serves TCP and UDP on one port of all addresses until SIGTERM. Return an exit status. */
int load_serve(uint16_t port);
int load_tcp(const struct load_conf *conf);
int load_udp(const struct load_conf *conf);

/* Asks for a receive buffer that outlasts a moment without the processor: what is lost then is the
 * path's. */
void load_room(int fd);

/* Answers all datagrams that wait on fd. */
void load_udp_echo(int fd);

#endif
