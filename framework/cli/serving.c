/* SPDX-License-Identifier: MIT
 * cli/serving.c - a host that runs, seen from the control thread
 */
#include "cli/serving.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int watched[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

int serving_signals(void)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
		sigaddset(&set, watched[i]);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int serving_next_signal(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

static int begin(struct session *s)
{
	int err = session_start(s);

	session_print(s);
	return err;
}

int serving_load(struct session *s, const struct session_options *o)
{
	int err = session_init(s, o);

	if (!err)
		err = session_load(s);
	session_print(s);
	return err;
}

int serving_init(struct serving *sv, struct session *s, int signals, adit_fn on_signal, adit_fn on_trouble, void *arg)
{
	if (begin(s))
		return -1;
	sv->session = s;
	sv->loop = host_loop(s->host);
	sv->signals = signals;
	loop_io_init(&sv->signal_io, sv->loop, signals, on_signal, arg);
	loop_io_init(&sv->trouble_io, sv->loop, host_trouble_fd(s->host), on_trouble, arg);
	loop_io_want(&sv->signal_io, ADIT_IO_READ);
	loop_io_want(&sv->trouble_io, ADIT_IO_READ);
	return 0;
}

void serving_fini(struct serving *sv)
{
	loop_io_fini(&sv->signal_io);
	loop_io_fini(&sv->trouble_io);
	host_stop(sv->session->host); /* a reload under way is told here */
	close(sv->signals);
}
