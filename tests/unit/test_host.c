/* SPDX-License-Identifier: MIT
 * tests/unit/test_host.c - the host with its real modules, made and ended many times in namespaces of its own
 *
 * As root and as an ordinary user. After every round all descriptors and all threads must be gone.
 */
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/session.h"
#include "host/parts.h"
#include "tests/lib/sandbox.h"

enum { ROUNDS = 100, SECONDS = 150 };

static char modules[PATH_MAX];
static int rounds = ROUNDS;

static const char simple[] = "\"platform\": {\"module\": \"platform-linux\", \"namespace\": \"new\"}, \"stack\": \"system\", "
			     "\"handlers\": [{\"name\": \"all\", \"module\": \"handler-direct\"}], "
			     "\"outbounds\": [{\"name\": \"plain\", \"module\": \"outbound-direct\"}]";

static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	check(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* There in builds with AddressSanitizer. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static void init(struct session *s, struct session_options *o, const char *members)
{
	memset(o, 0, sizeof(*o));
	o->members = members;
	o->dirs[0] = modules;
	o->dir_count = 1;
	check(session_init(s, o) == 0, "init");
}

static struct session session;
static struct session_options options;

/* One life. Returns what the start said. */
static int live(const char *expected)
{
	int err = session_start(&session), found = 0;
	uint64_t v;
	unsigned n;
	size_t i;

	for (i = 0; expected && i < session.report.count; i++)
		found |= strstr(session.report.items[i].text, expected) != NULL;
	if (err && !found)
		session_print(&session);
	check(!expected || (err && found), "\"%s\" was not said", expected ? expected : "");
	if (!err) {
		for (n = 0; host_counter(session.host, n, &v); n++)
			;
		check(n == COUNT_END);
		check(host_flows(session.host) == 0);
		check(host_trouble(session.host) == NULL);
		host_stop(session.host);
		host_stop(session.host); /* safe twice */
	}
	host_free(session.host);
	session.host = NULL;
	report_fini(&session.report);
	report_init(&session.report);
	return err;
}

/* The loader keeps the modules' code, and its descriptors, from the first round on. */
static void rounds_leave_nothing(const char *members, const char *expected)
{
	unsigned fds = 0, tasks = 0;
	int i;

	init(&session, &options, members);
	if (session_load(&session)) {
		session_print(&session);
		check(0, "the manifest was refused");
	}
	for (i = 0; i < rounds; i++) {
		int err = live(expected);

		check((err != 0) == (expected != NULL), "round %d: %d", i, err);
		if (i == 0) {
			fds = entries("/proc/self/fd");
			tasks = entries("/proc/self/task");
		}
		check(entries("/proc/self/fd") == fds, "round %d: %u descriptors, %u at first", i, entries("/proc/self/fd"), fds);
		check(entries("/proc/self/task") == tasks, "round %d", i);
	}
	session_fini(&session);
	check(!__lsan_do_recoverable_leak_check || !__lsan_do_recoverable_leak_check());
}

static void it_starts_and_stops_many_times(void)
{
	rounds_leave_nothing(simple, NULL);
}

static void several_shards_start_and_stop(void)
{
	char members[512];

	rounds = rounds > 20 ? 20 : rounds;
	snprintf(members, sizeof(members), "\"shards\": 3, %s", simple);
	rounds_leave_nothing(members, NULL);
}

static void an_unknown_stack_is_explained(void)
{
	rounds_leave_nothing("\"platform\": {\"module\": \"platform-linux\", \"namespace\": \"new\"}, \"stack\": \"nonesuch\", "
	                     "\"handlers\": [{\"name\": \"all\", \"module\": \"handler-direct\"}], "
	                     "\"outbounds\": [{\"name\": \"plain\", \"module\": \"outbound-direct\"}]",
	                     "nonesuch");
}

/* One descriptor more in every round, until it is enough. */
static void a_making_that_fails_half_way_leaves_nothing(void)
{
	struct rlimit old, few;
	char members[512];
	unsigned fds, failed = 0;
	int err = 1, top = dup(0);
	rlim_t more;

	snprintf(members, sizeof(members), "\"shards\": 3, %s", simple);
	init(&session, &options, members);
	check(session_load(&session) == 0 && session_make(&session) == 0);
	host_free(session.host); /* the modules are loaded from here on */
	session.host = NULL;
	check(getrlimit(RLIMIT_NOFILE, &old) == 0);
	close(top);
	fds = entries("/proc/self/fd");
	for (more = 0; err && more < 100; more++) {
		few = old;
		few.rlim_cur = (rlim_t)top + more;
		check(setrlimit(RLIMIT_NOFILE, &few) == 0);
		err = session_make(&session);
		check(setrlimit(RLIMIT_NOFILE, &old) == 0);
		failed += err != 0;
		check(!err || session.report.errors > 0, "it failed without a word");
		check(!err == (session.host != NULL));
		host_free(session.host);
		session.host = NULL;
		report_fini(&session.report);
		report_init(&session.report);
		check(entries("/proc/self/fd") == fds, "with %u more", (unsigned)more);
	}
	check(!err && failed > 3, "%u failed", failed);
	session_fini(&session);
	check(!__lsan_do_recoverable_leak_check || !__lsan_do_recoverable_leak_check());
}

/* The machine's namespace is not an ordinary user's to make devices in. */
static void an_open_that_fails_leaves_nothing(void)
{
	rounds_leave_nothing("\"platform\": {\"module\": \"platform-linux\", \"namespace\": \"here\"}, \"stack\": \"system\", "
	                     "\"handlers\": [{\"name\": \"all\", \"module\": \"handler-direct\"}], "
	                     "\"outbounds\": [{\"name\": \"plain\", \"module\": \"outbound-direct\"}]",
	                     "could not be opened");
}

static void trouble_is_told(void)
{
	const adit_trouble_1 *t;
	const adit_host *api;
	struct pollfd p = {.events = POLLIN};
	void *mem;

	init(&session, &options, simple);
	check(session_load(&session) == 0 && session_start(&session) == 0);
	p.fd = host_trouble_fd(session.host);
	check(poll(&p, 1, 0) == 0);
	api = &session.host->modules[0]->api;
	t = api->get(api, ADIT_TROUBLE_1);
	check(t != NULL && api->get(api, "adit.nonesuch/1") == NULL);
	t->gone(api, "device x");
	t->gone(api, "device y");
	check(poll(&p, 1, 0) == 1);
	check(!strcmp(host_trouble(session.host), "device x"));
	api->release(api, NULL);
	check(api->alloc(api, 10, 48) == NULL && api->alloc(api, SIZE_MAX, 0) == NULL);
	mem = api->alloc(api, 10, 256);
	check(mem && (uintptr_t)mem % 256 == 0 && !memcmp(mem, "\0\0\0\0\0\0\0\0\0", 10));
	api->release(api, mem);
	session_fini(&session); /* without a stop: safe too */
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
		int ordinary; /* only as an ordinary user */
	} cases[] = {
		{"it starts and stops many times", it_starts_and_stops_many_times, 0},
		{"several shards start and stop", several_shards_start_and_stop, 0},
		{"an unknown stack is explained", an_unknown_stack_is_explained, 0},
		{"a making that fails half way leaves nothing", a_making_that_fails_half_way_leaves_nothing, 0},
		{"an open that fails leaves nothing", an_open_that_fails_leaves_nothing, 1},
		{"trouble is told", trouble_is_told, 0},
	};
	uid_t users[2] = {getuid(), SANDBOX_NOBODY};
	size_t i;
	int u, err, failed = 0;

	if (getenv("ROUNDS"))
		rounds = atoi(getenv("ROUNDS"));
	if (!realpath("lib/adit/modules/abi-1", modules)) {
		printf("1..0 # SKIP there are no modules in lib/adit/modules/abi-1\n");
		return SANDBOX_SKIP;
	}
	err = sandbox_enter();
	if (err)
		return err;
#ifdef __SANITIZE_THREAD__
	printf("# not as an ordinary user: ThreadSanitizer's own thread forbids a user namespace\n");
	for (u = 0; u < 1; u++)
#else
	for (u = 0; u < (getuid() ? 1 : 2); u++)
#endif
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			if (!cases[i].ordinary || users[u])
				failed |= sandbox_run(cases[i].name, cases[i].fn, users[u], SECONDS);
	return failed != 0;
}
