/* SPDX-License-Identifier: MIT
 * platform-linux/agent-serve.c - the agent's side: the process that lives in the namespace
 *
 * One thread, one loop: a request, a signal, or the end. Signals are blocked and read from a
 * descriptor, so their dispositions stay as they were for the commands it starts.
 */
#include "agent-serve.h"

#include "agent.h"
#include "child.h"
#include "enter.h"
#include "link.h"
#include "pass.h"
#include "will.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SOCK = 3, SIGNALS = 4 };

struct server {
	struct child_set children;
	struct will will;
	size_t size, n_fds; /* of the request at hand */
	int fds[PASS_MOST]; /* came with it */
	struct {
		struct agent_ask ask;
		uint8_t data[AGENT_DATA];
	} request;
	struct agent_answer answer;
	int out[PASS_MOST]; /* go with the answer */
	size_t n_out;
};

/* Too big for a stack that a fork inherits; one per process. */
static struct server server;

/* Closes all descriptors from `first` on. */
static void close_from(int first)
{
	int fd, most = (int)sysconf(_SC_OPEN_MAX);

#ifdef SYS_close_range
	if (!syscall(SYS_close_range, (unsigned)first, ~0u, 0u))
		return;
#endif
	for (fd = first; fd < most; fd++)
		close(fd);
}

/* Nothing of ours stays open in the agent but its socket; standard input and output lead nowhere.
 */
static int shed(int sock)
{
	sigset_t all;
	int i, null, signals;

	if (sock != SOCK && dup2(sock, SOCK) < 0)
		return errno;
	fcntl(SOCK, F_SETFD, FD_CLOEXEC);
	null = open("/dev/null", O_RDWR);
	for (i = 0; null >= 0 && i < 3; i++)
		dup2(null, i);
	close_from(SIGNALS);
	if (chdir("/"))
		return errno;
	sigfillset(&all);
	/* What a fault raises must not be held back: it would only be fatal later. */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	sigaddset(&all, SIGTERM);
	signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return errno;
	if (signals != SIGNALS) {
		dup2(signals, SIGNALS);
		fcntl(SIGNALS, F_SETFD, FD_CLOEXEC);
		close(signals);
	}
	return 0;
}

/* After the namespaces: going into a user namespace clears the parent-death signal, and the
 * identity maps can only be written while the process is dumpable. */
static void harden(pid_t parent)
{
	prctl(PR_SET_NAME, "adit-agent");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
}

static adit_result serve_tun(struct server *s)
{
	struct tun_wish *wish = &s->request.ask.u.tun;
	adit_result result;

	wish->name[TUN_NAME - 1] = '\0';
	result = tun_make(wish, s->out, &s->answer.u.made, &s->answer.why);
	s->n_out = result ? 0 : wish->queues;
	return result;
}

static adit_result serve_op(struct server *s)
{
	struct agent_ask *ask = &s->request.ask;
	struct why *why = &s->answer.why;
	adit_result result;

	switch (ask->op) {
	case AGENT_SOCKET:
		result = duty_socket(ask->u.socket.proto, &ask->u.socket.bind, ask->u.socket.flags,
		                     s->out, why);
		s->n_out = !result;
		return result;
	case AGENT_TUN:
		return serve_tun(s);
	case AGENT_NETLINK:
		return duty_netlink(ask->u.netlink, s->request.data, s->size - sizeof(*ask), why);
	case AGENT_WILL:
		return will_set(&s->will, ask->u.netlink, s->request.data, s->size - sizeof(*ask),
		                why);
	case AGENT_SYSCTL:
		return duty_sysctl(ask->u.sysctl.path, ask->u.sysctl.value, why);
	case AGENT_INDEX:
		ask->u.name[TUN_NAME - 1] = '\0';
		s->answer.u.index = link_index(ask->u.name);
		return 0;
	case AGENT_DIAG:
		result = duty_diag(s->out, why);
		s->n_out = !result;
		return result;
	case AGENT_SPAWN:
		return child_spawn(&s->children, s->fds, s->n_fds, ask->u.terminal,
		                   &s->answer.u.spawned.child, &s->answer.u.spawned.pid, why);
	case AGENT_SIGNAL:
		return child_signal(&s->children, ask->u.signal.child, ask->u.signal.number, why);
	default:
		return why_set(why, ADIT_EINVAL, "the agent knows no request %u", ask->op);
	}
}

static void reply(struct server *s)
{
	struct iovec iov = {&s->answer, sizeof(s->answer)};

	pass_send(SOCK, &iov, 1, s->out, s->n_out);
	pass_close(s->out, s->n_out);
	s->n_out = 0;
}

/* One request. 0: the owner is gone. */
static int serve_request(struct server *s)
{
	int error =
		pass_receive(SOCK, &s->request, sizeof(s->request), &s->size, s->fds, &s->n_fds);

	if (error == EAGAIN || error == EINTR || error == EMSGSIZE)
		return 1;
	if (error || !s->size)
		return 0;
	memset(&s->answer, 0, sizeof(s->answer));
	if (s->size < sizeof(s->request.ask)) {
		pass_close(s->fds, s->n_fds);
		return 1;
	}
	s->answer.serial = s->request.ask.serial;
	s->answer.result = serve_op(s);
	pass_close(s->fds, s->n_fds);
	reply(s);
	return 1;
}

/* 0: asked to end. */
static int serve_signals(struct server *s)
{
	struct signalfd_siginfo info;
	int go_on = 1;

	while (read(SIGNALS, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGTERM)
			go_on = 0;
	child_reap(&s->children);
	return go_on;
}

void agent_serve(int sock, const char *path, pid_t parent)
{
	struct server *s = &server;
	struct pollfd p[2] = {{.fd = SOCK, .events = POLLIN}, {.fd = SIGNALS, .events = POLLIN}};
	int error = shed(sock);
	int go_on = 1;

	memset(s, 0, sizeof(*s));
	if (error)
		s->answer.result =
			why_errno(&s->answer.why, error, "the agent cannot set itself up");
	else if (!path)
		s->answer.result = enter_new(&s->answer.why);
	else if (path[0])
		s->answer.result = enter_file(path, &s->answer.why);
	harden(parent);
	go_on = !s->answer.result;
	reply(s);
	while (go_on) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			go_on = serve_signals(s);
		if (go_on && p[0].revents)
			go_on = serve_request(s);
	}
	child_end(&s->children);
	will_execute(&s->will);
	_exit(0);
}
