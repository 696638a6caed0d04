/* SPDX-License-Identifier: MIT
 * cli/serve.c - runs the host on the control thread: signals, trouble, and the command inside
 */
#include "cli/commands.h"

#include <adit/exec.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/err.h"
#include "loop/loop.h"
#include "os/os.h"

enum { EXIT_FAILED = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

/* 60 s is what the kernel gives a connection whose program is gone (tcp_fin_timeout). */
#define LINGER_STEP (OS_SECOND / 200)
#define LINGER_QUIET (5 * OS_SECOND)
#define LINGER_MOST (60 * OS_SECOND)

static const int watched[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

/* Blocks the signals that are read from the descriptor; before any thread is made. */
static int signals_open(void)
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

static int next_signal(int fd)
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

static void print_counters(struct host *h)
{
	unsigned i;
	uint64_t v;
	const char *name;

	for (i = 0; (name = host_counter(h, i, &v)) != NULL; i++)
		if (v)
			fprintf(stderr, "adit: counter %s %llu\n", name, (unsigned long long)v);
	fprintf(stderr, "adit: flows now %u\n", host_flows(h));
}

/* What the control loop watches while a host serves. */
struct serving {
	struct session *session;
	adit_loop *loop;
	int signals;
	adit_io signal_io, trouble_io;
	int status;
};

static int serving_init(struct serving *sv, struct session *s, int signals, adit_fn on_signal, adit_fn on_trouble, void *arg)
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

static void serving_fini(struct serving *sv)
{
	loop_io_fini(&sv->signal_io);
	loop_io_fini(&sv->trouble_io);
	host_stop(sv->session->host);
	close(sv->signals);
}

static void on_trouble(void *arg)
{
	struct serving *sv = arg;

	fprintf(stderr, "adit: %s is gone; ending\n", host_trouble(sv->session->host));
	sv->status = 1;
	loop_io_want(&sv->trouble_io, 0);
	loop_stop(sv->loop);
}

static void on_signal(void *arg)
{
	struct serving *sv = arg;
	int number = next_signal(sv->signals);

	if (number == SIGUSR1)
		print_counters(sv->session->host);
	else if (number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP)
		loop_stop(sv->loop);
}

static int serve(struct session *s)
{
	struct serving sv = {.status = 0};
	int fd = signals_open();

	if (fd < 0 || serving_init(&sv, s, fd, on_signal, on_trouble, &sv))
		return 1;
	fprintf(stderr, "adit: running: %u shard%s, stack %s (tcp) %s (udp) %s (icmp)\n", host_shards(s->host),
	        host_shards(s->host) == 1 ? "" : "s", host_stack_name(s->host, "tcp"), host_stack_name(s->host, "udp"),
	        host_stack_name(s->host, "icmp"));
	loop_run(sv.loop);
	serving_fini(&sv);
	return sv.status;
}

/* ---- exec ---- */

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
	int number = next_signal(in->sv.signals);

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

static int serve_inside(struct session *s, const char *const *argv)
{
	extern char **environ;
	static const intptr_t stdio[3] = {0, 1, 2};
	struct inside in = {.status = -1};
	const adit_place_1 *places;
	char cwd[PATH_MAX];
	intptr_t news;
	adit_result r;
	int fd = signals_open();

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

/* ---- the commands ---- */

static int load(struct session *s, const struct session_options *o)
{
	int err = session_init(s, o);

	if (!err)
		err = session_load(s);
	session_print(s);
	return err;
}

int command_run(struct request *r)
{
	struct session s;
	int status;

	r->session.manifest = r->operand;
	status = load(&s, &r->session) ? 2 : serve(&s);
	session_fini(&s);
	return status;
}

/* The manifest that the options of exec stand for: its members. */
static char *members_of(struct request *r)
{
	struct session_options *o = &r->session;
	char *text = NULL;

	if (r->stack || r->form) {
		if (o->setting_count + 2 > SESSION_SETTINGS)
			return NULL;
		o->settings[o->setting_count++] = (struct conf_setting){"stack", r->stack ? r->stack : "system"};
		if (r->form)
			o->settings[o->setting_count++] = (struct conf_setting){"stacks.system.form", r->form};
	}
	if (asprintf(&text, "\"platform\": {\"module\": \"platform-linux\", \"namespace\": \"new\"}%s%s%s%s",
	             o->flows ? "" : ", \"log\": {\"level\": \"warn\"}",
	             r->handler ? ", \"handlers\": [{\"name\": \"chosen\", \"module\": \"" : "", r->handler ? r->handler : "",
	             r->handler ? "\"}, {\"name\": \"direct\", \"module\": \"handler-direct\"}]" : "") < 0)
		return NULL;
	return text;
}

/* The name goes into JSON as it is. */
static int plain(const char *word)
{
	return !word || !word[strcspn(word, "\"\\\n")];
}

int command_exec(struct request *r)
{
	struct session s;
	char *text;
	int status;

	if (!plain(r->handler)) {
		fprintf(stderr, "adit exec: the handler's name holds a quote or a backslash; names are [a-z0-9_.-]\n");
		return EXIT_FAILED;
	}
	text = members_of(r);
	if (!text)
		return EXIT_FAILED;
	r->session.members = text;
	status = load(&s, &r->session) ? EXIT_FAILED : serve_inside(&s, r->words);
	session_fini(&s);
	free(text);
	return status;
}
