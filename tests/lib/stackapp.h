/* SPDX-License-Identifier: MIT
 * tests/lib/stackapp.h - applications in front of a stack: ordinary sockets, each with what it
 * expects
 *
 * Each function is the work of a thread (stackhost_serve) and takes a struct stackapp. All waits
 * end after 5 s.
 */
#ifndef TESTS_LIB_STACKAPP_H
#define TESTS_LIB_STACKAPP_H

enum { STACKAPP_PORT = 4711, STACKAPP_BULK = 3 << 20, STACKAPP_MANY = 2000, STACKAPP_AT_ONCE = 50 };

struct stackapp {
	int family; /* 4, 6 */
	int result; /* 0: all was as expected */
	const char *what;
};

/* Writes STACKAPP_BULK bytes while reading them back, ends its direction, and expects the other to
 * end after them. */
void stackapp_bulk(void *arg);
/* Gets one byte back, then resets the connection. */
void stackapp_reset(void *arg);
/* Sends one byte and expects a reset. */
void stackapp_is_reset(void *arg);
/* Sends one byte and expects an end in good order. */
void stackapp_is_closed(void *arg);
/* STACKAPP_MANY connections, STACKAPP_AT_ONCE at a time, each with a tag of its own that must come
 * back on it. */
void stackapp_many(void *arg);
void stackapp_datagrams(void *arg);
void stackapp_echoes(void *arg);
/* Somebody who is no flow comes to the listener's port, and must be reset. */
void stackapp_stranger(void *arg);
/* Connections come while the process has no descriptor left; they are served when there are some
 * again. */
void stackapp_starve(void *arg);
/* ... they are reset when it takes long. */
void stackapp_starve_long(void *arg);
/* The kernel takes the connection, nobody wants it: a reset. */
void stackapp_unwanted(void *arg);

#endif
