/* SPDX-License-Identifier: MIT
 * platform-linux/child.c - commands that run in a place, as children of its agent
 */
#include "child.h"

#include <adit/exec.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct command {
	char *bytes; /* the whole text, ours */
	char *directory;
	char **argv;
	char **envp; /* in the same allocation as argv */
};

static void command_free(struct command *c)
{
	free(c->bytes);
	free(c->argv);
}

/* Splits the strings; every one must end inside the text and all of it must be used. */
static adit_result split(struct command *c, size_t size, struct why *why)
{
	struct child_text head;
	size_t i, at = sizeof(head), total;

	memcpy(&head, c->bytes, sizeof(head));
	total = (size_t)head.arguments + head.environment;
	if (!head.arguments || total > size)
		return why_set(why, ADIT_EINVAL,
		               "a command without arguments, or with more than its text holds");
	c->argv = calloc(total + 2, sizeof(*c->argv));
	if (!c->argv)
		return why_set(why, ADIT_ENOMEM, "no memory for a command's arguments");
	c->envp = c->argv + head.arguments + 1;
	for (i = 0; i < total + 1; i++) {
		char *s = c->bytes + at;
		char *end = at < size ? memchr(s, '\0', size - at) : NULL;

		if (!end)
			return why_set(why, ADIT_EINVAL, "a command's text ends inside a string");
		if (!i)
			c->directory = s;
		else if (i <= head.arguments)
			c->argv[i - 1] = s;
		else
			c->envp[i - 1 - head.arguments] = s;
		at += (size_t)(end - s) + 1;
	}
	return at == size ? 0
	                  : why_set(why, ADIT_EINVAL,
	                            "a command's text has more strings than it says");
}

static adit_result command_read(struct command *c, int fd, struct why *why)
{
	struct stat st;
	size_t size;

	memset(c, 0, sizeof(*c));
	if (fstat(fd, &st) || st.st_size < (off_t)sizeof(struct child_text) ||
	    st.st_size > CHILD_TEXT)
		return why_set(why, ADIT_ELIMIT,
		               "a command's arguments and environment are more than %d bytes",
		               CHILD_TEXT);
	size = (size_t)st.st_size;
	c->bytes = malloc(size);
	if (!c->bytes)
		return why_set(why, ADIT_ENOMEM, "no memory for a command's arguments");
	if (pread(fd, c->bytes, size, 0) != (ssize_t)size)
		return why_set(why, ADIT_EIO, "cannot read a command's arguments");
	return split(c, size, why);
}

/* In the child: signals as a shell's child has them. What nohup ignores stays ignored. */
static void reset_signals(void)
{
	struct sigaction sa;
	sigset_t none;
	int i;

	for (i = 1; i < NSIG; i++) {
		if (i == SIGHUP || sigaction(i, NULL, &sa))
			continue;
		sa.sa_handler = SIG_DFL;
		sa.sa_flags = 0;
		sigaction(i, &sa, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child, up to its exec; says over `report` why there was none. */
static void run(const struct command *c, const int *fds, int terminal, pid_t agent, int report)
{
	int i, error = 0;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != agent)
		_exit(127);
	/* All signals are blocked here, SIGTTOU too: a group in the background may give itself the
	 * terminal. */
	if (terminal)
		tcsetpgrp(fds[0], getpid());
	/* The descriptors that came are 5 and above: 0 to 4 are the agent's own. */
	for (i = 0; !error && i < 3; i++)
		if (dup2(fds[i], i) < 0)
			error = errno;
	if (!error && chdir(c->directory[0] ? c->directory : "/"))
		error = errno;
	if (!error) {
		reset_signals();
		environ = c->envp;
		execvp(c->argv[0], c->argv);
		error = errno;
	}
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

/* What the child says before its exec: nothing if that worked. */
static int heard(int report)
{
	struct pollfd p = {.fd = report, .events = POLLIN};
	int error = 0;

	/* A file system that hangs in exec must not hang the agent: then the news tells. */
	if (poll(&p, 1, 1000) > 0 && read(report, &error, sizeof(error)) != (ssize_t)sizeof(error))
		error = 0;
	return error;
}

static adit_result launch(const struct command *c, const int *fds, int terminal, pid_t *out,
                          struct why *why)
{
	int report[2], error;
	pid_t pid, agent = getpid();

	if (pipe2(report, O_CLOEXEC))
		return why_errno(why, errno, "cannot start %s", c->argv[0]);
	pid = fork();
	if (!pid)
		run(c, fds, terminal, agent, report[1]);
	error = pid < 0 ? errno : 0;
	close(report[1]);
	if (!error) {
		setpgid(pid, pid);
		error = heard(report[0]);
		if (error)
			waitpid(pid, NULL, 0);
	}
	close(report[0]);
	if (error == ENOENT)
		return why_set(why, ADIT_ENOENT,
		               "cannot run %s: no such command, or its directory \"%s\" is gone",
		               c->argv[0], c->directory);
	if (error)
		return why_errno(why, error, "cannot run %s", c->argv[0]);
	*out = pid;
	return 0;
}

adit_result child_spawn(struct child_set *set, int *fds, size_t n_fds, uint32_t terminal,
                        uint32_t *id, int32_t *leader, struct why *why)
{
	struct command c;
	adit_result result;
	size_t i = 0;
	pid_t pid = 0;

	if (n_fds != CHILD_FDS)
		return why_set(why, ADIT_EINVAL, "a command needs %d descriptors, not %zu",
		               CHILD_FDS, n_fds);
	while (i < CHILD_MOST && set->v[i].id)
		i++;
	if (i == CHILD_MOST)
		return why_set(why, ADIT_ELIMIT, "%d commands run already", CHILD_MOST);
	result = command_read(&c, fds[CHILD_FD_TEXT], why);
	if (!result)
		result = launch(&c, fds,
		                terminal && isatty(fds[0]) && tcgetpgrp(fds[0]) == getpgrp(), &pid,
		                why);
	command_free(&c);
	if (result)
		return result;
	if (!++set->last)
		set->last = 1;
	set->v[i].id = *id = set->last;
	set->v[i].pid = *leader = pid;
	set->v[i].news = fds[CHILD_FD_NEWS];
	fds[CHILD_FD_NEWS] = -1;
	return 0;
}

adit_result child_signal(const struct child_set *set, uint32_t id, int32_t number, struct why *why)
{
	size_t i;

	if (number < 0 || number >= NSIG)
		return why_set(why, ADIT_EINVAL, "there is no signal %d", number);
	for (i = 0; i < CHILD_MOST; i++)
		if (id && set->v[i].id == id)
			return kill(-set->v[i].pid, number)
			               ? why_errno(why, errno, "cannot signal the command")
			               : 0;
	return why_set(why, ADIT_ENOENT, "the command has ended");
}

/* True when the command is over. */
static int tell(int fd, int status)
{
	struct child_news news = {ADIT_EXEC_EXITED, 0};
	int over = 1;

	if (WIFEXITED(status)) {
		news.code = WEXITSTATUS(status);
	} else if (WIFSIGNALED(status)) {
		news.state = ADIT_EXEC_KILLED;
		news.code = WTERMSIG(status);
	} else if (WIFSTOPPED(status)) {
		news.state = ADIT_EXEC_STOPPED;
		news.code = WSTOPSIG(status);
		over = 0;
	} else {
		news.state = ADIT_EXEC_CONTINUED;
		over = 0;
	}
	/* A full or closed socket: the owner does not listen, so nobody is deprived. */
	send(fd, &news, sizeof(news), MSG_NOSIGNAL | MSG_DONTWAIT);
	return over;
}

void child_reap(struct child_set *set)
{
	int status;
	size_t i;

	for (i = 0; i < CHILD_MOST; i++) {
		while (set->v[i].id &&
		       waitpid(set->v[i].pid, &status, WNOHANG | WUNTRACED | WCONTINUED) > 0) {
			if (!tell(set->v[i].news, status))
				continue;
			close(set->v[i].news);
			set->v[i].id = 0;
		}
	}
}

void child_end(struct child_set *set)
{
	struct timespec nap = {0, CHILD_GRACE_MS * 1000000L};
	sigset_t chld;
	size_t i, n = 0;

	for (i = 0; i < CHILD_MOST; i++) {
		if (!set->v[i].id)
			continue;
		kill(-set->v[i].pid, SIGHUP);
		kill(-set->v[i].pid, SIGCONT);
		n++;
	}
	if (!n)
		return;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigtimedwait(&chld, NULL, &nap);
	for (i = 0; i < CHILD_MOST; i++)
		if (set->v[i].id)
			kill(-set->v[i].pid, SIGKILL);
}
