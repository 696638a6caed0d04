/* SPDX-License-Identifier: MIT
 * service-metrics/listen.h - the listening socket, on a path or an address
 */
#ifndef SERVICE_METRICS_LISTEN_H
#define SERVICE_METRICS_LISTEN_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include <adit/abi.h>

enum { LISTEN_WHY = 240 };

struct listen {
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "" where it is no Unix socket */
	dev_t device;                                           /* of the path, so that another's is not removed */
	ino_t inode;
	char why[LISTEN_WHY]; /* of the last failure: the thing, the place, the cure */
};

/* Opens what `where` says: "auto", a path, or ADDRESS:PORT with an IPv6 address in brackets. A path gets mode 0600, or
 * 0660 with the group (empty: none). A socket that nobody listens on is replaced. ADIT_ECONFIG, ADIT_EEXIST, ADIT_EPERM,
 * ADIT_EIO, with why. */
adit_result listen_open(struct listen *l, const char *where, const char *group);
/* Removes the path, if it is still ours; closing the descriptor is whoever's it is. */
void listen_remove(struct listen *l);

#endif
