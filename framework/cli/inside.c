/* SPDX-License-Identifier: MIT
 * cli/inside.c - the command inside: started, heard of, waited for, with what it has left under way
 */
#include "cli/serving.h"

#include <adit/exec.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/os.h"

/* 60 s is what the kernel gives a connection whose program is gone (tcp_fin_timeout). */
#define LINGER_STEP (OS_SECOND / 200)
#define LINGER_QUIET (5 * OS_SECOND)
#define LINGER_MOST (60 * OS_SECOND)

/* The command inside, and, when it has ended, what it has sent: that goes on its way as it would without adit, until its
 * streams have ended, nothing has moved for a while, or somebody asks for the end. */
struct inside {
	struct serving sv;
	const adit_exec_1 *exec;
	adit_command *command; /* null once it has ended */
	adit_io news_io;
	adit_timer linger;
	uint64_t ended, moved, bytes; /* when: ns of the loop's clock; what the streams have moved */
	bool counting; /* the streams are being asked */
	int status; /* -1 while it runs */
};

static void take_news(struct inside *in)
{
	uint32_t state;
	int32_t code;

	while (in->status < 0 && in->exec->news(in->command, &state, &code) == ADIT_OK) {
		if (state == ADIT_EXEC_EXITED)
			in->status = code;
		else if (state == ADIT_EXEC_KILLED)
			in->status = 128 + code;
		else if (state == ADIT_EXEC_LOST)
			in->status = EXIT_FAILED;
		else if (state == ADIT_EXEC_STOPPED)
			in->exec->suspend(in->command);
	}
}

static void on_streams(void *arg, adit_result result, uint32_t count, uint64_t bytes)
{
	struct inside *in = arg;
	uint64_t now = loop_now(in->sv.loop);

	in->counting = false;
	if (bytes != in->bytes)
		in->moved = now;
	in->bytes = bytes;
	if ((result == ADIT_OK && !count) || now - in->moved >= LINGER_QUIET || now - in->ended >= LINGER_MOST)
		loop_stop(in->sv.loop);
}

static void on_linger(void *arg)
{
	struct inside *in = arg;

	if (in->counting)
		return;
	in->counting = true;
	if (host_trouble(in->sv.session->host) || host_streams(in->sv.session->host, on_streams, in) != ADIT_OK)
		loop_stop(in->sv.loop);
}

static void on_news(void *arg)
{
	struct inside *in = arg;

	take_news(in);
	if (in->status < 0)
		return;
	loop_io_fini(&in->news_io);
	in->exec->release(in->command);
	in->command = NULL;
	in->ended = in->moved = loop_now(in->sv.loop);
	loop_timer_init(&in->linger, in->sv.loop, on_linger, in);
	loop_timer_set(&in->linger, 0, LINGER_STEP);
	on_linger(in);
}

static void on_inside_trouble(void *arg)
{
	struct inside *in = arg;

	loop_io_want(&in->sv.trouble_io, 0);
	if (!in->command) {
		loop_stop(in->sv.loop);
		return;
	}
	fprintf(stderr, "adit: %s is gone; ending the command\n", host_trouble(in->sv.session->host));
	in->exec->signal(in->command, SIGHUP);
}

static void on_inside_signal(void *arg)
{
	struct inside *in = arg;
	int number = serving_next_signal(in->sv.signals);

	if (in->command && number && number != SIGWINCH)
		in->exec->signal(in->command, number);
	else if (number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP)
		loop_stop(in->sv.loop);
}

/* A folder of PATH that may not be entered makes the system say "not permitted" of commands that are nowhere. */
static bool is_nowhere(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char file[PATH_MAX];

	if (strchr(name, '/') || !path)
		return false;
	for (; *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		snprintf(file, sizeof(file), "%.*s/%s", (int)(end - path), path, name);
		if (!access(file, F_OK))
			return false;
	}
	return true;
}

/* Says why there is no command, and returns the exit status of that. */
static int not_spawned(const char *name, adit_result r)
{
	if (r == ADIT_ENOENT || (r == ADIT_EPERM && is_nowhere(name))) {
		fprintf(stderr, "adit: %s: command not found\n", words_shown(name));
		return EXIT_NOT_FOUND;
	}
	fprintf(stderr, "adit: %s: %s\n", words_shown(name), r == ADIT_EPERM ? "it is there, but cannot be run" : err_text(r));
	return r == ADIT_EPERM ? EXIT_CANNOT_RUN : EXIT_FAILED;
}

int inside_run(struct session *s, const char *const *argv)
{
	extern char **environ;
	static const intptr_t stdio[3] = {0, 1, 2};
	struct inside in = {.status = -1};
	const adit_place_1 *places;
	char cwd[PATH_MAX];
	intptr_t news;
	adit_result r;
	int fd = serving_signals();

	if (fd < 0 || serving_init(&in.sv, s, fd, on_inside_signal, on_inside_trouble, &in))
		return EXIT_FAILED;
	in.exec = host_platform_interface(s->host, ADIT_EXEC_1);
	places = host_platform_interface(s->host, ADIT_PLACE_1);
	if (!in.exec || !places) {
		fprintf(stderr, "adit: the platform module of this manifest cannot run commands (it offers no %s)\n", ADIT_EXEC_1);
		serving_fini(&in.sv);
		return EXIT_FAILED;
	}
	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "/");
	r = in.exec->spawn(places->device(), argv, (const char *const *)environ, cwd, stdio, &in.command, &news);
	if (r != ADIT_OK) {
		serving_fini(&in.sv);
		return not_spawned(argv[0], r);
	}
	loop_io_init(&in.news_io, in.sv.loop, (int)news, on_news, &in);
	loop_io_want(&in.news_io, ADIT_IO_READ);
	on_news(&in); /* what has come before anybody watched */
	loop_run(in.sv.loop);
	loop_io_fini(&in.news_io);
	loop_timer_fini(&in.linger);
	in.exec->release(in.command);
	serving_fini(&in.sv);
	return in.status < 0 ? EXIT_FAILED : in.status;
}
