/* SPDX-License-Identifier: MIT
 * platform-linux/exec.c - adit.exec/1: commands in places, the owner's side
 *
 * The strings travel in a memory file, for there may be more of them than a message holds; news
 * comes over a socket of whole messages whose other end only the agent has.
 */
#include "exec.h"

#include "agent.h"
#include "child.h"
#include "place.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct adit_command {
	struct agent *agent;
	uint32_t child;
	int news;
	int terminal; /* the command's standard input as a terminal of ours, or -1 */
	pid_t group;  /* the process group that had it before */
	pid_t leader; /* of the command's process group */
	int over;
};

static int write_all(int fd, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Appends the strings up to the null pointer; how many there were, or -1. */
static int64_t write_strings(int fd, const char *const *v, size_t *total)
{
	int64_t n;

	for (n = 0; v[n]; n++) {
		size_t size = strlen(v[n]) + 1;

		*total += size;
		if (*total > CHILD_TEXT || write_all(fd, v[n], size))
			return -1;
	}
	return n;
}

/* A memory file as struct child_text describes it, or -1. */
static int make_text(const char *const *argv, const char *const *envp, const char *cwd)
{
	const char *const directory[2] = {cwd, NULL};
	struct child_text head = {0, 0};
	size_t total = sizeof(head);
	int64_t arguments = -1, environment = -1;
	int fd = memfd_create("adit-command", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!write_all(fd, &head, sizeof(head)) && write_strings(fd, directory, &total) == 1) {
		arguments = write_strings(fd, argv, &total);
		environment = write_strings(fd, envp, &total);
	}
	head.arguments = (uint32_t)arguments;
	head.environment = (uint32_t)environment;
	if (arguments < 1 || environment < 0 ||
	    pwrite(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Gives the terminal to a process group, also from the background. */
static void give_terminal(const adit_command *c, pid_t group)
{
	sigset_t ttou, before;

	if (c->terminal < 0)
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &before);
	tcsetpgrp(c->terminal, group);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static adit_result start(adit_command *c, const intptr_t *stdio, int text, int news,
                         struct why *why)
{
	struct agent_ask ask = {.op = AGENT_SPAWN};
	struct agent_answer answer;
	int give[CHILD_FDS] = {(int)stdio[0], (int)stdio[1], (int)stdio[2], text, news};
	adit_result result;

	/* Held open for us: the caller may close its own while the command runs. */
	if (isatty(give[0]) && tcgetpgrp(give[0]) == getpgrp())
		c->terminal = dup(give[0]);
	c->group = getpgrp();
	ask.u.terminal = c->terminal >= 0;
	result = agent_call(c->agent, &ask, NULL, 0, give, CHILD_FDS, &answer, NULL, NULL);
	if (result)
		give_terminal(c, c->group);
	c->child = answer.u.spawned.child;
	c->leader = answer.u.spawned.pid;
	*why = answer.why;
	return result;
}

static void ADIT_CALL exec_release(adit_command *c)
{
	if (!c)
		return;
	if (c->terminal >= 0)
		close(c->terminal);
	if (c->news >= 0)
		close(c->news);
	free(c);
}

static adit_result ADIT_CALL exec_spawn(adit_place *p, const char *const *argv,
                                        const char *const *envp, const char *cwd,
                                        const intptr_t *fds, adit_command **out, intptr_t *wait)
{
	struct why why = {""};
	adit_command *c = calloc(1, sizeof(*c));
	int pair[2] = {-1, -1}, text = -1;
	adit_result result;

	if (!c)
		return ADIT_ENOMEM;
	c->news = c->terminal = -1;
	result = place_agent(p, &c->agent, &why);
	if (!result && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		result =
			why_errno(&why, errno, "cannot make a socket pair for news of the command");
	c->news = pair[0];
	if (!result && (text = make_text(argv, envp, cwd)) < 0)
		result = why_set(&why, ADIT_ELIMIT,
		                 "the command has no name, or its arguments and environment are "
		                 "more than %d bytes",
		                 CHILD_TEXT);
	if (!result)
		result = start(c, fds, text, pair[1], &why);
	if (text >= 0)
		close(text);
	if (pair[1] >= 0)
		close(pair[1]);
	if (result) {
		exec_release(c);
		return place_fail(result, &why);
	}
	*out = c;
	*wait = c->news;
	return 0;
}

static adit_result ADIT_CALL exec_news(adit_command *c, uint32_t *state, int32_t *code)
{
	struct child_news news;
	ssize_t n = c->over ? -1 : recv(c->news, &news, sizeof(news), MSG_DONTWAIT);

	if (c->over || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return ADIT_EAGAIN;
	if (n != (ssize_t)sizeof(news)) {
		news.state = ADIT_EXEC_LOST;
		news.code = 0;
	}
	if (news.state != ADIT_EXEC_STOPPED && news.state != ADIT_EXEC_CONTINUED) {
		c->over = 1;
		give_terminal(c, c->group);
	}
	*state = news.state;
	*code = news.code;
	return 0;
}

static adit_result ADIT_CALL exec_signal(adit_command *c, int32_t number)
{
	struct agent_ask ask = {.op = AGENT_SIGNAL};
	struct agent_answer answer;
	adit_result result;

	if (c->over)
		return ADIT_ENOENT;
	ask.u.signal.child = c->child;
	ask.u.signal.number = number;
	result = agent_call(c->agent, &ask, NULL, 0, NULL, 0, &answer, NULL, NULL);
	return place_fail(result, &answer.why);
}

static void ADIT_CALL exec_suspend(adit_command *c)
{
	give_terminal(c, c->group);
	kill(getpid(), SIGSTOP);
	/* Continued: in the foreground the terminal is the command's again, else it runs on in the
	 * background. */
	if (c->terminal >= 0 && tcgetpgrp(c->terminal) == c->group)
		give_terminal(c, c->leader);
	exec_signal(c, SIGCONT);
}

const adit_exec_1 exec_table = {
	sizeof(adit_exec_1), 0, exec_spawn, exec_news, exec_signal, exec_suspend, exec_release,
};
