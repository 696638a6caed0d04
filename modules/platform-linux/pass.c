/* SPDX-License-Identifier: MIT
 * platform-linux/pass.c - one message with descriptors over a socket of whole messages
 */
#include "pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(sizeof(int) * PASS_MOST)];
};

int pass_send(int sock, const struct iovec *iov, size_t pieces, const int *fds, size_t n_fds)
{
	union control control;
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = pieces};
	struct cmsghdr *c;

	if (n_fds > PASS_MOST)
		return EINVAL;
	if (n_fds) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.data;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

static void collect(struct msghdr *msg, int *fds, size_t *n_fds)
{
	struct cmsghdr *c;
	size_t n;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > PASS_MOST - *n_fds)
			n = PASS_MOST - *n_fds;
		memcpy(fds + *n_fds, CMSG_DATA(c), n * sizeof(int));
		*n_fds += n;
	}
}

int pass_receive(int sock, void *data, size_t room, size_t *size, int *fds, size_t *n_fds)
{
	union control control;
	struct iovec iov = {data, room};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = control.data,
	                     .msg_controllen = sizeof(control.data)};
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	*n_fds = 0;
	if (n < 0)
		return errno;
	collect(&msg, fds, n_fds);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		pass_close(fds, *n_fds);
		*n_fds = 0;
		return EMSGSIZE;
	}
	*size = (size_t)n;
	return 0;
}

void pass_close(int *fds, size_t n_fds)
{
	size_t i;

	for (i = 0; i < n_fds; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}
