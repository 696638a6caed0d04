/* SPDX-License-Identifier: MIT
 * os/notify.h - what a service manager is told (sd_notify(3)), and the descriptors it passes (sd_listen_fds(3))
 *
 * Both are a few lines of text on a datagram socket and in the environment; no library is needed for them.
 */
#ifndef OS_NOTIFY_H
#define OS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether somebody wants to be told ($NOTIFY_SOCKET). */
bool notify_wanted(void);
/* Sends assignments, one a line: "READY=1\nSTATUS=..". Never blocks; what is not taken is lost. False: nobody wants it, or it
 * was lost. Any thread. */
bool notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The time in ns within which the service manager wants a sign of life; 0: it wants none ($WATCHDOG_USEC). */
uint64_t notify_watchdog(void);

/* The descriptor that was passed in under a name; -1: none ($LISTEN_FDS, $LISTEN_FDNAMES). It stays open at exec until it
 * is taken: this sets close-on-exec. */
int notify_descriptor(const char *name);

#endif
