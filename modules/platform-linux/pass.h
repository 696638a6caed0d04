/* SPDX-License-Identifier: MIT
 * platform-linux/pass.h - one message with descriptors over a socket of whole messages
 */
#ifndef PLATFORM_PASS_H
#define PLATFORM_PASS_H

#include "tun.h"

#include <sys/uio.h>

enum { PASS_MOST = TUN_QUEUES };

/* Sends the pieces as one message. 0, or an errno value. Never blocks for long: MSG_DONTWAIT. */
int pass_send(int sock, const struct iovec *iov, size_t pieces, const int *fds, size_t n_fds);

/* Receives one message; *size is 0 at the end. Descriptors are close-on-exec. A message that is too
 * long, or has more descriptors than room, is EMSGSIZE and leaves no descriptor behind. fds has
 * PASS_MOST places. */
int pass_receive(int sock, void *data, size_t room, size_t *size, int *fds, size_t *n_fds);

/* Closes what came and is not wanted. */
void pass_close(int *fds, size_t n_fds);

#endif
