/* SPDX-License-Identifier: MIT
 * tests/unit/test_host_change.c - a host that is changed while flows live on it: reload, upgrade, swap, undo
 *
 * The modules are those of tests/lib/kitmod.c. Each datagram of a flow is answered with the tag of the instance that has
 * it, so every answer proves which generation gave it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/session.h"
#include "host/parts.h"
#include "os/os.h"
#include "tests/lib/kitmod.h"
#include "tests/unit/packets.h"

enum { SHARDS = 2, SECONDS = 10 };

static struct session session;
static struct session_options options;
static char dir[64];
static struct host *host;

/* ---- the host ---- */

static void copy(const char *from, const char *name)
{
	char command[1024];

	/* Beside it and then over it, as packages do. */
	snprintf(command, sizeof(command),
	         "cp tests/lib/kitmods/%s/%s.so %s/new.so && cp tests/lib/kitmods/%s/%s.json %s/new.json && "
	         "mv -f %s/new.so %s/%s.so && mv -f %s/new.json %s/%s.json",
	         from, name, dir, from, name, dir, dir, dir, name, dir, dir, name);
	assert_int_equal(system(command), 0);
}

static const char base[] = "\"shards\": 2, \"control\": {\"socket\": \"off\"}, \"platform\": {\"module\": \"kitbase\"}, ";
static char members[2048];

static const char *manifest(const char *stack, const char *rest)
{
	static const char stacks[] = "\"stacks\": [{\"name\": \"one\", \"module\": \"kitbase\"}, "
				     "{\"name\": \"two\", \"module\": \"kitbase\"}, "
				     "{\"name\": \"bad\", \"module\": \"kitbase\", \"probe\": \"fail\"}]";

	snprintf(members, sizeof(members), "%s\"stack\": \"%s\", %s, %s", base, stack, stacks, rest);
	return members;
}

static char file[128];

static void write_manifest(const char *text)
{
	FILE *f;

	snprintf(file, sizeof(file), "%s/adit.json", dir);
	f = fopen(file, "w");
	assert_non_null(f);
	fprintf(f, "{\"adit\": 1, %s}\n", text);
	fclose(f);
}

static void start(const char *text)
{
	memset(&options, 0, sizeof(options));
	write_manifest(text);
	options.manifest = file;
	options.dirs[0] = dir;
	options.dir_count = 1;
	assert_int_equal(session_init(&session, &options), 0);
	if (session_load(&session) || session_start(&session)) {
		session_print(&session);
		fail();
	}
	host = session.host;
}

static int set_up(void **state)
{
	snprintf(dir, sizeof(dir), "tests/lib/kitmods/run-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	copy("1", "kitbase");
	copy("1", "kithandler");
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	session_fini(&session);
	host = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* ---- the control loop, until something holds ---- */

static int (*condition)(void);
static adit_timer ticker;
static uint64_t give_up;
static void (*each_tick)(void);

static void on_tick(void *arg)
{
	if (each_tick)
		each_tick();
	if (condition() || os_now() > give_up)
		loop_stop(host_loop(host));
}

static void until(int (*holds)(void))
{
	condition = holds;
	give_up = os_now() + SECONDS * OS_SECOND;
	loop_timer_init(&ticker, host_loop(host), on_tick, NULL);
	loop_timer_set(&ticker, OS_SECOND / 500, OS_SECOND / 500);
	loop_run(host_loop(host));
	loop_timer_fini(&ticker);
	assert_true(holds());
}

/* ---- flows ---- */

static struct kitmod *kit_of(const char *name, unsigned generation)
{
	unsigned i, n = 0;

	for (i = 0; i < host->module_count; i++)
		if (!strcmp(module_name(host->modules[i]->module), name) && ++n == generation)
			return (struct kitmod *)(uintptr_t)module_root(host->modules[i]->module)->get(NULL, KITMOD_1);
	return NULL;
}

struct datagram {
	uint16_t port;
};

static void put_in(struct shard *s, void *arg)
{
	struct datagram *d = arg;
	uint8_t p[256];
	size_t size = make_packet(p, 4, 17, 8);
	adit_buf *b;

	p[20] = (uint8_t)(d->port >> 8);
	p[21] = (uint8_t)d->port;
	sign_packet(p, size, 20, 17);
	assert_int_equal(bufpool_get(s->bufs, &b, 1, (uint32_t)size), 1);
	memcpy(b->data, p, size);
	b->len = (uint32_t)size;
	shard_input(s, &b, 1);
}

static unsigned under_way;

static void was_put(void *arg, adit_result result)
{
	assert_int_equal(result, ADIT_OK);
	under_way--;
	free(arg);
}

static void datagram_from(uint16_t port)
{
	struct datagram *d = malloc(sizeof(*d));

	d->port = port;
	under_way++;
	assert_int_equal(host_call(host, port % SHARDS, put_in, d, was_put), ADIT_OK);
}

static unsigned wanted;
static uint16_t at_port;

static int answered(void)
{
	return atomic_load(&kit_of("kitbase", 1)->replies[at_port]) >= wanted && !under_way;
}

/* Sends one datagram from an application's port; the tag that answers it. */
static char ask(uint16_t port)
{
	at_port = port;
	wanted = atomic_load(&kit_of("kitbase", 1)->replies[port]) + 1;
	datagram_from(port);
	until(answered);
	return (char)atomic_load(&kit_of("kitbase", 1)->tag[port]);
}

/* ---- reload ---- */

static struct {
	int done, result;
	size_t kept, count;
	enum host_change change[16];
	char name[16][32];
	char report[512];
} reloaded;

static void on_reloaded(void *arg, adit_result result, const struct host_plan *plan, const struct report *r)
{
	size_t i;

	reloaded.done = 1;
	reloaded.result = result;
	reloaded.kept = plan->kept;
	reloaded.count = plan->count;
	for (i = 0; i < plan->count && i < 16; i++) {
		reloaded.change[i] = plan->steps[i].change;
		snprintf(reloaded.name[i], sizeof(reloaded.name[i]), "%s", plan->steps[i].name);
	}
	for (i = 0; i < r->count; i++)
		if (r->items[i].level == REPORT_ERROR)
			snprintf(reloaded.report, sizeof(reloaded.report), "%s", r->items[i].text);
}

static int is_reloaded(void)
{
	return reloaded.done;
}

static int reload(const char *text, uint64_t drain_ns)
{
	struct host_drain drain = {drain_ns, false};
	struct conf *conf;

	memset(&reloaded, 0, sizeof(reloaded));
	write_manifest(text);
	if (session_read_again(&session, &conf)) {
		session_print(&session);
		fail();
	}
	assert_int_equal(host_reload(host, conf, &drain, on_reloaded, NULL), 0);
	assert_false(reloaded.done); /* never from inside */
	until(is_reloaded);
	if (!reloaded.result)
		session_took(&session, conf);
	conf_unref(conf);
	return reloaded.result;
}

/* The one step of the plan. */
static void planned(enum host_change change, const char *name)
{
	assert_int_equal(reloaded.count, 1);
	assert_int_equal(reloaded.change[0], change);
	assert_string_equal(reloaded.name[0], name);
}

static unsigned instances(const char *name, bool draining)
{
	struct host_instance i;
	unsigned n, found = 0;

	for (n = 0; host_instance(host, n, &i); n++)
		found += !strcmp(i.name, name) && i.draining == draining;
	return found;
}

static int nothing_drains(void)
{
	struct host_instance i;
	unsigned n;

	for (n = 0; host_instance(host, n, &i); n++)
		if (i.draining)
			return 0;
	return 1;
}

static const char outbounds_a[] = "\"outbounds\": [{\"name\": \"w\", \"module\": \"kitbase\", \"tag\": \"w\"}]";
static char rest[1024];

static const char *handler(const char *settings)
{
	snprintf(rest, sizeof(rest), "%s, \"handlers\": [{\"name\": \"h\", \"module\": \"kithandler\"%s}]", outbounds_a, settings);
	return manifest("one", rest);
}

static void same_manifest_changes_nothing(void **state)
{
	unsigned created;

	start(handler(", \"tag\": \"a\""));
	created = atomic_load(&kit_of("kitbase", 1)->created);
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(reload(handler(", \"tag\": \"a\""), 0), 0);
	assert_int_equal(reloaded.count, 0);
	assert_int_equal(reloaded.kept, 4);
	assert_int_equal(atomic_load(&kit_of("kitbase", 1)->created), created);
	assert_int_equal(ask(1000), 'a');
}

static void settings_change_in_place(void **state)
{
	start(handler(", \"tag\": \"a\""));
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(reload(handler(", \"tag\": \"b\""), 0), 0);
	planned(HOST_UPDATE, "h");
	assert_int_equal(ask(1000), 'b'); /* the same instance has it, and its new settings */
	assert_int_equal(ask(1001), 'b');
	assert_int_equal(atomic_load(&kit_of("kithandler", 1)->created), SHARDS);
	assert_int_equal(atomic_load(&kit_of("kithandler", 1)->reloaded), SHARDS);
	assert_int_equal(instances("h", true), 0);
}

/* The new generation gets the new flows; the old one keeps its own, until the deadline. */
static void a_module_that_cannot_gets_a_generation(void **state)
{
	struct kitmod *k;

	start(handler(", \"tag\": \"a\""));
	k = kit_of("kithandler", 1);
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(ask(1001), 'a');
	assert_int_equal(reload(handler(", \"tag\": \"b\", \"reload\": \"never\""), 2 * OS_SECOND), 0);
	planned(HOST_RENEW, "h");
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(ask(1002), 'b');
	assert_int_equal(ask(1003), 'b');
	assert_int_equal(ask(1001), 'a');
	assert_int_equal(atomic_load(&k->drained), SHARDS);
	assert_int_equal(instances("h", true), 1);
	until(nothing_drains);
	assert_int_equal(atomic_load(&k->stopped), SHARDS);
	assert_int_equal(atomic_load(&k->destroyed), SHARDS);
	assert_int_equal(host_flows(host), 2); /* those of the new one */
	assert_int_equal(ask(1000), 'b');      /* begins anew */
	assert_int_equal(ask(1002), 'b');
}

/* The last shard refuses what the first has taken: the first is set back, and a generation is made. */
static void a_refusal_half_way_is_taken_back(void **state)
{
	struct kitmod *k;

	start(handler(", \"tag\": \"a\""));
	k = kit_of("kithandler", 1);
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(ask(1001), 'a');
	assert_int_equal(reload(handler(", \"tag\": \"b\", \"reload\": \"refuse\""), 0), 0);
	planned(HOST_RENEW, "h");
	assert_int_equal(atomic_load(&k->reloaded), 2); /* there and back */
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(ask(1001), 'a');
	assert_int_equal(ask(1002), 'b');
	assert_int_equal(ask(1003), 'b');
}

static void a_failure_changes_nothing(void **state)
{
	static const char *const when[] = {"create", "open", "start"};
	static const char *const what[] = {"create was told", "open was told", "start was told"};
	char settings[256];
	struct kitmod *k;
	size_t i;

	start(handler(", \"tag\": \"a\""));
	k = kit_of("kithandler", 1);
	assert_int_equal(ask(1000), 'a');
	for (i = 0; i < 3; i++) {
		/* "h" would change in place, and does so before the other fails; both are undone. */
		snprintf(settings, sizeof(settings),
		         ", \"tag\": \"b\"}, {\"name\": \"late\", \"module\": \"kithandler\", \"fail\": \"%s\"", when[i]);
		assert_int_equal(reload(handler(settings), 0), ADIT_EIO);
		assert_non_null(strstr(reloaded.report, what[i]));
		until(nothing_drains);
		assert_int_equal(ask(1000), 'a');
		assert_int_equal(ask((uint16_t)(2000 + i)), 'a');
		assert_int_equal(atomic_load(&k->created) - atomic_load(&k->destroyed), SHARDS);
		assert_int_equal(instances("late", true) + instances("late", false), 0);
	}
}

static void handlers_change_their_order_and_matches(void **state)
{
	static const char one[] = "{\"name\": \"h\", \"module\": \"kithandler\", \"tag\": \"a\"%s}";
	static const char two[] = "{\"name\": \"g\", \"module\": \"kithandler\", \"tag\": \"b\"%s}";
	char text[768], a[128], b[128];
	unsigned created;

	snprintf(a, sizeof(a), one, ""), snprintf(b, sizeof(b), two, "");
	snprintf(text, sizeof(text), "%s, \"handlers\": [%s, %s]", outbounds_a, a, b);
	start(manifest("one", text));
	created = atomic_load(&kit_of("kithandler", 1)->created);
	assert_int_equal(ask(1000), 'a');
	snprintf(text, sizeof(text), "%s, \"handlers\": [%s, %s]", outbounds_a, b, a);
	assert_int_equal(reload(manifest("one", text), 0), 0);
	planned(HOST_LIVE, "/handlers");
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(ask(1002), 'b');
	snprintf(b, sizeof(b), two, ", \"match\": {\"port\": 1}");
	snprintf(text, sizeof(text), "%s, \"handlers\": [%s, %s]", outbounds_a, b, a);
	assert_int_equal(reload(manifest("one", text), 0), 0);
	planned(HOST_LIVE, "g");
	assert_int_equal(ask(1002), 'b');
	assert_int_equal(ask(1004), 'a');
	assert_int_equal(atomic_load(&kit_of("kithandler", 1)->created), created);
	/* One that goes: what it had stays with it. */
	snprintf(text, sizeof(text), "%s, \"handlers\": [%s]", outbounds_a, b);
	assert_int_equal(reload(manifest("one", text), 0), 0);
	planned(HOST_REMOVE, "h");
	assert_int_equal(ask(1004), 'a');
	/* ... and comes back before it has gone: it is the same. */
	snprintf(text, sizeof(text), "%s, \"handlers\": [%s, %s]", outbounds_a, b, a);
	assert_int_equal(reload(manifest("one", text), 0), 0);
	planned(HOST_ADD, "h");
	assert_int_equal(atomic_load(&kit_of("kithandler", 1)->created), created);
	assert_int_equal(ask(1006), 'a');
}

/* ---- outbounds ---- */

static unsigned reached(char tag)
{
	return atomic_load(&kit_of("kitbase", 1)->reached[(int)tag]);
}

static char reach_tag;
static unsigned reach_wanted;

static int is_reached(void)
{
	return reached(reach_tag) >= reach_wanted && !under_way;
}

static void reaches(uint16_t port, char tag)
{
	reach_tag = tag;
	reach_wanted = reached(tag) + 1;
	datagram_from(port);
	until(is_reached);
}

/* A handler that is never touched forwards to "x" by the number it got at its start. */
static void numbers_of_outbounds_stay_right(void **state)
{
	static const char h[] = "\"handlers\": [{\"name\": \"h\", \"module\": \"kithandler\", \"outbound\": \"x\"}]";
	char text[768];

#define OUT(name, tag, more) "{\"name\": \"" name "\", \"module\": \"kitbase\", \"tag\": \"" tag "\"" more "}"
	snprintf(text, sizeof(text), "\"outbounds\": [" OUT("w", "w", "") ", " OUT("x", "x", "") "], %s", h);
	start(manifest("one", text));
	reaches(1000, 'x');
	/* The first one goes, another comes before it. */
	snprintf(text, sizeof(text), "\"outbounds\": [" OUT("v", "v", "") ", " OUT("x", "x", "") "], %s", h);
	assert_int_equal(reload(manifest("one", text), 0), 0);
	assert_int_equal(reloaded.count, 2);
	reaches(1002, 'x');
	until(nothing_drains);
	reaches(1004, 'x');
	/* "x" itself is made anew. */
	snprintf(text, sizeof(text), "\"outbounds\": [" OUT("v", "v", "") ", " OUT("x", "y", ", \"reload\": \"never\"") "], %s", h);
	assert_int_equal(reload(manifest("one", text), 0), 0);
	planned(HOST_RENEW, "x");
	reaches(1006, 'y');
	until(nothing_drains);
	reaches(1008, 'y');
	/* The handler itself changes in place to one that is new: found by its name, right from the first flow. */
	snprintf(text, sizeof(text), "\"outbounds\": [" OUT("x", "x", "") ", " OUT("z", "z", "")
	         "], \"handlers\": [{\"name\": \"h\", \"module\": \"kithandler\", \"outbound\": \"z\"}]");
	assert_int_equal(reload(manifest("one", text), 0), 0);
	reaches(1010, 'z');
	assert_int_equal(atomic_load(&kit_of("kithandler", 1)->created), SHARDS);
#undef OUT
}

/* ---- settings of the host ---- */

static void limits_hold_at_once_or_wait_for_a_restart(void **state)
{
	char text[1280];
	size_t i;
	bool live = false, restart = false;

	start(handler(", \"tag\": \"a\""));
	assert_int_equal(ask(1000), 'a');
	snprintf(text, sizeof(text), "%s, \"limits\": {\"udp\": 1, \"flows\": 1000}", rest);
	assert_int_equal(reload(manifest("one", text), 0), 0);
	for (i = 0; i < reloaded.count; i++) {
		live |= !strcmp(reloaded.name[i], "/limits/udp") && reloaded.change[i] == HOST_LIVE;
		restart |= !strcmp(reloaded.name[i], "/limits/flows") && reloaded.change[i] == HOST_RESTART;
	}
	assert_true(live && restart);
	assert_int_equal(flowtable_limits(host->shards[0]->shard.flows)->datagram, 1);
	assert_int_equal(flowtable_limits(host->shards[1]->shard.flows)->datagram, 1);
	/* What waits is said again, until there has been a restart. */
	assert_int_equal(reload(manifest("one", text), 0), 0);
	planned(HOST_RESTART, "/limits/flows");
}

/* ---- another file behind a module's name, under traffic ---- */

enum { FLOWS = 64 };
static unsigned sent[FLOWS], per_tick;

static void keep_asking(void)
{
	unsigned i, n;

	for (n = 0; n < 8; n++) {
		i = per_tick++ % FLOWS;
		sent[i]++;
		datagram_from((uint16_t)(5000 + i));
	}
}

static int all_answered(void)
{
	unsigned i;

	for (i = 0; i < FLOWS; i++)
		if (atomic_load(&kit_of("kitbase", 1)->replies[5000 + i]) != sent[i])
			return 0;
	return !under_way;
}

static int enough(void)
{
	return per_tick > 8 * FLOWS;
}

static void a_new_file_takes_over_under_traffic(void **state)
{
	unsigned i;

	memset(sent, 0, sizeof(sent));
	start(handler(", \"tag\": \"a\""));
	per_tick = 0;
	each_tick = keep_asking;
	until(enough);
	copy("2", "kithandler");
	assert_int_equal(reload(handler(", \"tag\": \"a\""), 0), 0);
	planned(HOST_RENEW, "h");
	per_tick = 0;
	until(enough);
	each_tick = NULL;
	until(all_answered); /* not one is lost */
	for (i = 0; i < FLOWS; i++)
		assert_int_equal(atomic_load(&kit_of("kitbase", 1)->tag[5000 + i]), 'a');
	assert_int_equal(ask(6000), 'A');
	assert_string_equal(kit_of("kithandler", 2)->version, "2.0.0");
	assert_int_equal(atomic_load(&kit_of("kithandler", 2)->inits), 1);
	/* A copy of what runs is no upgrade. */
	copy("2", "kithandler");
	assert_int_equal(reload(handler(", \"tag\": \"a\""), 0), 0);
	assert_int_equal(reloaded.count, 0);
}

/* ---- swap ---- */

static struct {
	unsigned steps[8];
	int over, result;
	uint32_t flows;
	char text[256];
} swapped;

static uintptr_t swap_number; /* earlier ones are heard too, until what they left has gone */

static void on_swap(void *arg, const struct host_swap_progress *p)
{
	if ((uintptr_t)arg != swap_number)
		return;
	swapped.steps[p->step]++;
	swapped.flows = p->flows;
	swapped.over |= p->last;
	if (p->step == HOST_SWAP_FAILED) {
		swapped.result = p->result;
		snprintf(swapped.text, sizeof(swapped.text), "%s", p->text);
	}
}

static int is_shifted(void)
{
	return swapped.steps[HOST_SWAP_SHIFT] || swapped.over;
}

static int is_over(void)
{
	return swapped.over;
}

static int swap(const char *to, bool undo, uint64_t drain_ns)
{
	struct host_swap_options o = {.drain.ns = drain_ns, .undo = undo};
	struct report r;
	int err;

	memset(&swapped, 0, sizeof(swapped));
	report_init(&r);
	err = host_swap(host, to, &o, &r, on_swap, (void *)++swap_number);
	assert_true(!err || r.errors);
	report_fini(&r);
	if (!err)
		until(is_shifted);
	return err;
}

static void stacks_are_swapped_and_taken_back(void **state)
{
	struct kitmod *k;
	unsigned created;

	start(handler(", \"tag\": \"a\""));
	k = kit_of("kitbase", 1);
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(swap("one", false, 0), ADIT_EEXIST);
	assert_int_equal(swap("nonesuch", false, 0), ADIT_ECONFIG);
	assert_int_equal(swap(NULL, true, 0), ADIT_ENOENT);
	created = atomic_load(&k->created);
	assert_int_equal(swap("two", false, 0), 0);
	assert_int_equal(swapped.steps[HOST_SWAP_PLAN], 1);
	assert_int_equal(swapped.steps[HOST_SWAP_PROBE], 1);
	assert_string_equal(host_stack_name(host, "udp"), "two");
	assert_int_equal(atomic_load(&k->created), created + SHARDS);
	assert_int_equal(ask(1000), 'a'); /* on the old one */
	assert_int_equal(ask(1002), 'a'); /* on the new one */
	assert_int_equal(instances("one", true), 1);
	/* Back and forth, while flows live on both: nothing is made. */
	assert_int_equal(swap("one", false, 0), 0);
	assert_int_equal(swapped.steps[HOST_SWAP_PROBE], 0);
	assert_int_equal(swap("two", false, 0), 0);
	assert_int_equal(swap(NULL, true, 0), 0);
	assert_string_equal(host_stack_name(host, "udp"), "one");
	assert_int_equal(atomic_load(&k->created), created + SHARDS);
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(ask(1002), 'a');
	/* A reload of a manifest that says what it said leaves the choice alone. */
	assert_int_equal(swap("two", false, OS_SECOND), 0);
	assert_int_equal(reload(handler(", \"tag\": \"a\""), 0), 0);
	assert_string_equal(host_stack_name(host, "tcp"), "two");
	until(is_over); /* its time is up */
	assert_int_equal(instances("one", true), 0);
	assert_true(swapped.steps[HOST_SWAP_DRAIN] > 0);
	assert_int_equal(ask(1000), 'a'); /* anew, on the new stack */
	assert_int_equal(swap(NULL, true, 0), 0); /* made anew */
	assert_int_equal(atomic_load(&k->created), created + 2 * SHARDS);
}

static void a_stack_that_fails_its_trial_gets_nothing(void **state)
{
	struct kitmod *k;

	start(handler(", \"tag\": \"a\""));
	k = kit_of("kitbase", 1);
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(swap("bad", false, 0), 0);
	assert_int_equal(swapped.steps[HOST_SWAP_FAILED], 1);
	assert_int_equal(swapped.result, ADIT_EIO);
	assert_non_null(strstr(swapped.text, "probe was told to fail"));
	assert_int_equal(swapped.steps[HOST_SWAP_SHIFT], 0);
	assert_string_equal(host_stack_name(host, "tcp"), "one");
	until(nothing_drains);
	assert_int_equal(atomic_load(&k->created) - atomic_load(&k->destroyed), 3 * SHARDS); /* platform, stack, outbound */
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(ask(1002), 'a');
	assert_int_equal(swap(NULL, true, 0), ADIT_ENOENT);
}

static void a_change_under_way_refuses_another(void **state)
{
	struct conf *conf;
	struct report r;

	start(handler(", \"tag\": \"a\""));
	memset(&reloaded, 0, sizeof(reloaded));
	assert_int_equal(session_read_again(&session, &conf), 0);
	assert_int_equal(host_reload(host, conf, NULL, on_reloaded, NULL), 0);
	assert_int_equal(host_reload(host, conf, NULL, on_reloaded, NULL), ADIT_EAGAIN);
	report_init(&r);
	assert_int_equal(host_swap(host, "two", NULL, &r, on_swap, NULL), ADIT_EAGAIN);
	assert_int_equal(r.errors, 1);
	report_fini(&r);
	/* The host may be stopped at any point of it. */
	host_stop(host);
	assert_true(reloaded.done);
	assert_int_equal(reloaded.result, ADIT_ECANCEL);
	assert_int_equal(host_reload(host, conf, NULL, on_reloaded, NULL), ADIT_EINVAL);
	conf_unref(conf);
}

/* ---- what takes its time ---- */

static struct kitmod *held;

static int is_waiting(void)
{
	return atomic_load(&held->waiting) > 0;
}

static int no_change(void)
{
	return !host->change;
}

/* Like reload(), but returns when a shard is inside of a call that does not return. */
static struct conf *reload_that_waits(const char *text)
{
	struct conf *conf;

	memset(&reloaded, 0, sizeof(reloaded));
	write_manifest(text);
	assert_int_equal(session_read_again(&session, &conf), 0);
	assert_int_equal(host_reload(host, conf, NULL, on_reloaded, NULL), 0);
	until(is_waiting);
	return conf;
}

/* Who has asked hears in time; nothing has changed when the shard is back, and then changes can be made again. */
static void a_shard_that_does_not_return_gives_the_change_up(void **state)
{
	struct conf *conf;

	start(handler(", \"tag\": \"a\""));
	held = kit_of("kithandler", 1);
	host->patience = OS_SECOND / 5;
	atomic_store(&held->hold, 1);
	conf = reload_that_waits(handler(", \"tag\": \"b\", \"reload\": \"wait\""));
	until(is_reloaded);
	assert_int_equal(reloaded.result, ADIT_ETIME);
	assert_non_null(strstr(reloaded.report, "shard 1 has not come back"));
	assert_int_equal(host_reload(host, conf, NULL, on_reloaded, NULL), ADIT_EAGAIN);
	conf_unref(conf);
	atomic_store(&held->hold, 0);
	until(no_change);
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(ask(1001), 'a');
	assert_int_equal(reload(handler(", \"tag\": \"c\""), 0), 0);
	assert_int_equal(ask(1000), 'c');
	assert_int_equal(ask(1001), 'c');
}

static uint64_t opened(void)
{
	uint64_t v = 0;
	const char *name;
	unsigned i;

	for (i = 0; (name = host_counter(host, i, &v)) != NULL && strcmp(name, "flows_opened"); i++)
		;
	assert_non_null(name);
	return v;
}

static const char *with(const char *stack, const char *settings)
{
	handler(settings);
	return manifest(stack, rest);
}

static uint64_t wait_end;

static int time_is_up(void)
{
	return os_now() > wait_end;
}

/* The time of "one" is up while the change that takes it back is being made. */
static void what_is_taken_back_keeps_its_flows(void **state)
{
	uint64_t before;

	start(with("one", ", \"tag\": \"a\""));
	held = kit_of("kithandler", 1);
	assert_int_equal(ask(1000), 'a');
	assert_int_equal(ask(1001), 'a');
	before = opened();
	assert_int_equal(reload(with("two", ", \"tag\": \"a\""), OS_SECOND / 2), 0);
	assert_int_equal(instances("one", true), 1);
	atomic_store(&held->hold, 1);
	conf_unref(reload_that_waits(with("one", ", \"tag\": \"b\", \"reload\": \"wait\"")));
	wait_end = os_now() + OS_SECOND;
	until(time_is_up);
	atomic_store(&held->hold, 0);
	until(is_reloaded);
	assert_int_equal(reloaded.result, 0);
	assert_int_equal(instances("one", false), 1);
	assert_int_equal(ask(1000), 'b');
	assert_int_equal(ask(1001), 'b');
	assert_true(opened() == before); /* they are the same flows */
}

/* A job in the pool has its instance's memory. */
static void an_instance_outlives_its_jobs(void **state)
{
	start(handler(", \"tag\": \"a\", \"job\": \"yes\""));
	held = kit_of("kithandler", 1);
	atomic_store(&held->hold, 1);
	assert_int_equal(reload(handler(", \"tag\": \"b\", \"reload\": \"never\""), 0), 0);
	until(is_waiting);
	wait_end = os_now() + OS_SECOND;
	until(time_is_up);
	assert_int_equal(atomic_load(&held->stopped), SHARDS);
	assert_int_equal(atomic_load(&held->destroyed), 0);
	atomic_store(&held->hold, 0);
	until(nothing_drains);
	assert_int_equal(atomic_load(&held->jobs), SHARDS);
	assert_int_equal(atomic_load(&held->destroyed), SHARDS);
}

static const char *service(const char *settings)
{
	snprintf(rest, sizeof(rest),
	         "%s, \"handlers\": [{\"name\": \"h\", \"module\": \"kithandler\"}], "
	         "\"services\": [{\"name\": \"s\", \"module\": \"kitbase\", \"claim\": \"yes\"%s}]",
	         outbounds_a, settings);
	return manifest("one", rest);
}

/* What there can be once, such as a port, goes from one generation of a service to the next, and back. */
static void a_service_makes_room_for_the_next(void **state)
{
	struct kitmod *k;

	start(service(", \"tag\": \"a\""));
	k = kit_of("kitbase", 1);
	assert_int_equal(atomic_load(&k->claimed), 'a');
	assert_int_equal(reload(service(", \"tag\": \"b\", \"reload\": \"never\""), 0), 0);
	assert_int_equal(atomic_load(&k->claimed), 'b');
	until(nothing_drains);
	assert_int_equal(atomic_load(&k->claimed), 'b');
	assert_int_equal(instances("s", false), 1);
	assert_int_equal(reload(service(", \"tag\": \"c\", \"reload\": \"never\", \"fail\": \"start\""), 0), ADIT_EIO);
	assert_non_null(strstr(reloaded.report, "start was told to fail"));
	assert_int_equal(atomic_load(&k->claimed), 'b'); /* it is back */
	assert_int_equal(instances("s", false), 1);
	assert_int_equal(reload(service(", \"tag\": \"d\", \"reload\": \"never\""), 0), 0);
	assert_int_equal(atomic_load(&k->claimed), 'd');
}

/* ---- host_call ---- */

static unsigned called;

static void wait_a_moment(struct shard *s, void *arg)
{
	usleep(20000);
}

static void was_called(void *arg, adit_result result)
{
	assert_int_equal(result, (adit_result)(intptr_t)arg);
	called++;
}

static int is_called(void)
{
	return called >= 2;
}

static void calls_are_answered_or_cancelled(void **state)
{
	unsigned n;

	called = 0;
	start(handler(""));
	assert_int_equal(host_call(host, SHARDS, wait_a_moment, NULL, was_called), ADIT_EINVAL);
	assert_int_equal(host_call(host, 0, wait_a_moment, (void *)0, was_called), 0);
	assert_int_equal(host_call(host, 1, wait_a_moment, (void *)0, was_called), 0);
	assert_int_equal(called, 0);
	until(is_called);
	/* Whatever is on its way at the end is carried out or not, and told. */
	for (n = 0; n < 10; n++)
		assert_int_equal(host_call(host, 0, wait_a_moment, (void *)0, was_called), 0);
	host_stop(host);
	assert_int_equal(called, 12);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(same_manifest_changes_nothing),
		T(settings_change_in_place),
		T(a_module_that_cannot_gets_a_generation),
		T(a_refusal_half_way_is_taken_back),
		T(a_failure_changes_nothing),
		T(handlers_change_their_order_and_matches),
		T(numbers_of_outbounds_stay_right),
		T(limits_hold_at_once_or_wait_for_a_restart),
		T(a_new_file_takes_over_under_traffic),
		T(stacks_are_swapped_and_taken_back),
		T(a_stack_that_fails_its_trial_gets_nothing),
		T(a_change_under_way_refuses_another),
		T(a_shard_that_does_not_return_gives_the_change_up),
		T(what_is_taken_back_keeps_its_flows),
		T(an_instance_outlives_its_jobs),
		T(a_service_makes_room_for_the_next),
		T(calls_are_answered_or_cancelled),
	};

	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
