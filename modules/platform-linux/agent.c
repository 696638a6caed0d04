/* SPDX-License-Identifier: MIT
 * platform-linux/agent.c - the owner's side of an agent: start it, ask it, end it
 */
#include "agent.h"

#include "agent-serve.h"
#include "pass.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until fd is readable; 0 when the deadline is over. */
static int await(int fd, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left;
	int n;

	do {
		left = deadline - now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR && left > 0);
	return n > 0;
}

/* Reads answers until the one with the serial; late ones are thrown away with what they carry. */
static adit_result answer_of(struct agent *a, uint32_t serial, struct agent_answer *answer,
                             int *take, size_t *n_take)
{
	int64_t deadline = now_ms() + AGENT_DEADLINE_MS;
	int fds[PASS_MOST];
	size_t size, n_fds;

	for (;;) {
		int error;

		if (!await(a->sock, deadline))
			return why_set(&answer->why, ADIT_ETIME,
			               "the agent of the namespace did not answer within %d ms",
			               AGENT_DEADLINE_MS);
		error = pass_receive(a->sock, answer, sizeof(*answer), &size, fds, &n_fds);
		if (error == EAGAIN || error == EINTR)
			continue;
		if (error || !size)
			return why_set(&answer->why, ADIT_EGONE,
			               "the agent of the namespace has ended; somebody may have "
			               "killed it");
		if (size == sizeof(*answer) && answer->serial == serial)
			break;
		pass_close(fds, n_fds);
	}
	answer->why.text[sizeof(answer->why.text) - 1] = '\0';
	if (n_take && !answer->result && *n_take == n_fds) {
		memcpy(take, fds, n_fds * sizeof(int));
	} else {
		pass_close(fds, n_fds);
		if (!answer->result && n_fds != (n_take ? *n_take : 0))
			return why_set(
				&answer->why, ADIT_EIO,
				"the agent passed %zu descriptors where others were asked for",
				n_fds);
	}
	return answer->result;
}

adit_result agent_call(struct agent *a, struct agent_ask *ask, const void *data, size_t size,
                       const int *give, size_t n_give, struct agent_answer *answer, int *take,
                       size_t *n_take)
{
	static uint32_t serial; /* [control] only */
	struct iovec iov[2] = {{ask, sizeof(*ask)}, {(void *)data, size}};
	int error;

	memset(answer, 0, sizeof(*answer));
	if (size > AGENT_DATA)
		return why_set(&answer->why, ADIT_ELIMIT, "a request of more than %d bytes",
		               AGENT_DATA);
	ask->serial = ++serial;
	error = pass_send(a->sock, iov, size ? 2 : 1, give, n_give);
	if (error == EPIPE || error == ECONNRESET || error == EBADF)
		return why_set(&answer->why, ADIT_EGONE,
		               "the agent of the namespace has ended; somebody may have killed it");
	if (error)
		return why_errno(&answer->why, error, "cannot speak to the agent of the namespace");
	return answer_of(a, ask->serial, answer, take, n_take);
}

adit_result agent_start(const char *path, struct agent *out, struct why *why)
{
	struct agent a = {.pidfd = -1};
	struct agent_answer hello;
	adit_result result;
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return why_errno(why, errno, "cannot make a socket pair for the agent");
	a.pid = fork();
	if (a.pid < 0) {
		result = why_errno(why, errno, "cannot start the agent");
		close(pair[0]);
		close(pair[1]);
		return result;
	}
	if (!a.pid)
		agent_serve(pair[1], path, parent);
	close(pair[1]);
	a.sock = pair[0];
#ifdef SYS_pidfd_open
	a.pidfd = (int)syscall(SYS_pidfd_open, a.pid, 0);
#endif
	result = answer_of(&a, 0, &hello, NULL, NULL);
	if (result) {
		if (why)
			*why = hello.why;
		agent_stop(&a);
		return result;
	}
	*out = a;
	return 0;
}

void agent_stop(struct agent *a)
{
	int64_t deadline = now_ms() + AGENT_DEADLINE_MS;
	int status;
	pid_t n;

	close(a->sock);
	a->sock = -1;
	/* ECHILD: a loop of the host reaped it, so it is gone. */
	while (!(n = waitpid(a->pid, &status, WNOHANG)) || (n < 0 && errno == EINTR)) {
		struct timespec nap = {0, 2000000};

		if (now_ms() >= deadline) {
			kill(a->pid, SIGKILL);
			waitpid(a->pid, &status, 0);
			break;
		}
		if (a->pidfd >= 0)
			await(a->pidfd, deadline);
		else
			nanosleep(&nap, NULL);
	}
	if (a->pidfd >= 0)
		close(a->pidfd);
	a->pidfd = -1;
}
