/* SPDX-License-Identifier: MIT
 * control/socket.h - the file of the control socket: where it is, who may open it, what a dead host left
 */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/report.h"

struct control_socket;

/* The directory where a host of this user makes its socket; null: there is none. In buf. */
const char *socket_own_directory(char *buf, size_t size);
/* The directories where sockets of hosts are looked for: number `index` of them, null past the last. In buf, or static. */
const char *socket_directory(unsigned index, char *buf, size_t size);
/* The name of a host as its file may have it: of a name or of a manifest's path, in lower case, without ".json", other
 * characters as '-'. */
void socket_name_of(const char *text, char *out, size_t size);

/* Makes the file and listens; mode 0600, or 0660 with the group ((gid_t)-1: none). A directory that is missing is made
 * when make_directory is set. What a host left that does not run is replaced. ADIT_EEXIST: a running one has it;
 * ADIT_ECONFIG: the path is too long, or something else is there; ADIT_EPERM, ADIT_EIO, ADIT_ENOMEM; all with a finding. */
int socket_open(struct control_socket **out, const char *path, gid_t group, bool make_directory, struct report *report);
/* Removes the file, if it is still ours. Takes null. */
void socket_close(struct control_socket *s);
int socket_fd(const struct control_socket *s);
const char *socket_path(const struct control_socket *s);

/* Who is at the other end of a connection. False: the system does not say. */
bool socket_peer(int fd, uid_t *uid, pid_t *pid);
/* Whether the other end was in the group when it connected. */
bool socket_peer_in(int fd, gid_t group);

#endif
