/* SPDX-License-Identifier: MIT
 * platform-linux/owner.h - whose a flow is: adit.owner/1
 *
 * The kernel of the device's place tells user and inode of the application's socket (sock_diag, through a socket that
 * was made there); /proc tells which process has a socket of that inode open. Both are asked anew each time: of what was
 * found before only the order in which processes are looked at is kept.
 */
#ifndef PLATFORM_OWNER_H
#define PLATFORM_OWNER_H

#include "netlink.h"

#include <adit/owner.h>

/* What the kernel says of a socket. */
struct owner_socket {
	uint32_t uid;
	uint32_t inode;
};

enum { OWNER_REQUEST = 128 /* bytes that a request takes at most */ };

/* Writes the question for the application's socket of a flow; returns its size, or ADIT_ENOENT: sockets of this protocol
 * cannot be asked for. */
int64_t owner_ask(const adit_flow_info *info, uint32_t serial, void *out);
/* Reads an answer to it. ADIT_ENOENT: there is no such socket; ADIT_EAGAIN: it is the answer to another question;
 * ADIT_EIO. */
adit_result owner_answer(const void *data, size_t size, uint32_t serial, struct owner_socket *out);
/* The path out of the text of /proc/PID/cgroup; empty if there is none, or if it is too long. */
void owner_cgroup(const char *text, char *out, size_t room);

/* [control] The sock_diag socket of the device's place, given; -1: none (any more). */
void owner_use(int fd);

extern const adit_owner_1 owner_table;

#endif
