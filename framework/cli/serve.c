/* SPDX-License-Identifier: MIT
 * cli/serve.c - runs the host on the control thread: signals, trouble, and the command inside
 */
#include "cli/commands.h"

#include <adit/exec.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/err.h"

enum { EXIT_FAILED = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

/* Milliseconds; 60 s is what the kernel gives a connection whose program is gone (tcp_fin_timeout). */
enum { LINGER_STEP = 5, LINGER_QUIET = 5000, LINGER_MOST = 60000 };

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

static int serve(struct session *s)
{
	int fd = signals_open(), status = 0, number;
	struct pollfd p[2];

	if (fd < 0 || begin(s))
		return 1;
	fprintf(stderr, "adit: running: %u shard%s, stack %s (tcp) %s (udp) %s (icmp)\n", host_shards(s->host),
	        host_shards(s->host) == 1 ? "" : "s", host_stack_name(s->host, "tcp"), host_stack_name(s->host, "udp"),
	        host_stack_name(s->host, "icmp"));
	p[0] = (struct pollfd){fd, POLLIN, 0};
	p[1] = (struct pollfd){host_trouble_fd(s->host), POLLIN, 0};
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (host_trouble(s->host)) {
			fprintf(stderr, "adit: %s is gone; ending\n", host_trouble(s->host));
			status = 1;
			break;
		}
		number = next_signal(fd);
		if (number == SIGUSR1)
			print_counters(s->host);
		else if (number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP)
			break;
	}
	host_stop(s->host);
	close(fd);
	return status;
}

/* ---- exec ---- */

struct inside {
	const adit_exec_1 *exec;
	adit_command *command;
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

static void wait_for(struct session *s, struct inside *in, int signals, int news)
{
	struct pollfd p[3] = {{signals, POLLIN, 0}, {host_trouble_fd(s->host), POLLIN, 0}, {news, POLLIN, 0}};
	bool gone = false;
	int number;

	while (in->status < 0) {
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			break;
		take_news(in);
		if (in->status < 0 && !gone && host_trouble(s->host)) {
			fprintf(stderr, "adit: %s is gone; ending the command\n", host_trouble(s->host));
			in->exec->signal(in->command, SIGHUP);
			p[1].fd = -1;
			gone = true;
		}
		number = next_signal(signals);
		if (number && number != SIGWINCH)
			in->exec->signal(in->command, number);
	}
}

/* What the command has sent goes on its way after its end, as it would without adit: until its streams have ended,
 * nothing has moved for a while, or somebody asks for the end. */
static void linger(struct session *s, int signals)
{
	uint64_t bytes, before = 0;
	struct pollfd p = {signals, POLLIN, 0};
	unsigned quiet = 0, passed;
	int number;

	for (passed = 0; passed < LINGER_MOST && quiet < LINGER_QUIET; passed += LINGER_STEP) {
		if (!host_streams(s->host, &bytes) || host_trouble(s->host))
			return;
		quiet = bytes == before ? quiet + LINGER_STEP : 0;
		before = bytes;
		poll(&p, 1, LINGER_STEP);
		number = next_signal(signals);
		if (number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP)
			return;
	}
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

	if (fd < 0 || begin(s))
		return EXIT_FAILED;
	in.exec = host_platform_interface(s->host, ADIT_EXEC_1);
	places = host_platform_interface(s->host, ADIT_PLACE_1);
	if (!in.exec || !places) {
		fprintf(stderr, "adit: the platform module of this manifest cannot run commands (it offers no %s)\n", ADIT_EXEC_1);
		return EXIT_FAILED;
	}
	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "/");
	r = in.exec->spawn(places->device(), argv, (const char *const *)environ, cwd, stdio, &in.command, &news);
	if (r != ADIT_OK)
		return not_spawned(argv[0], r);
	wait_for(s, &in, fd, (int)news);
	in.exec->release(in.command);
	linger(s, fd);
	host_stop(s->host);
	close(fd);
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
