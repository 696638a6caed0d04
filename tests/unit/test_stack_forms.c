/* SPDX-License-Identifier: MIT
 * tests/unit/test_stack_forms.c - stack-system in every form, with a real device in a namespace of
 * the test's own
 *
 *     app thread -- 198.18.0.1 -> 203.0.113.7 --> t0 (TUN) --> stackhost --> stack-system --> echo
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/stackapp.h"
#include "lib/stackhost.h"
#include "platform-linux/place.h"
#include "platform-linux/why.h"

static struct stackhost host;
static int on_platform, twice;

/* With the shortcut the packets of a connection never come up; most tests want to see them. */
static const struct stackhost_setting transparent[] = {
        {"form", "transparent"}, {"shortcut", "false"}, {NULL, NULL}};
static const struct stackhost_setting shortcut[] = {{"form", "transparent"}, {NULL, NULL}};
static const struct stackhost_setting private_form[] = {{"form", "private"}, {NULL, NULL}};
static const struct stackhost_setting portable[] = {{"form", "portable"},
                                                    {"address4", "198.18.0.1/16"},
                                                    {"address6", "fd00::1/64"},
                                                    {NULL, NULL}};
static const struct stackhost_setting automatic[] = {
        {"form", "auto"}, {"shortcut", "false"}, {NULL, NULL}};
static const struct stackhost_setting untested[] = {
        {"form", "transparent"}, {"selftest", "false"}, {NULL, NULL}};
static const struct stackhost_setting allowed[] = {
        {"form", "transparent"}, {"allow_rules", "true"}, {"shortcut", "false"}, {NULL, NULL}};
static const struct stackhost_setting allowed_shortcut[] = {
        {"form", "transparent"}, {"allow_rules", "true"}, {NULL, NULL}};
static const struct stackhost_setting *const forms[] = {transparent, private_form, portable};

struct sum {
	uint64_t opened, accepted, well, reset, other, supers_up, supers_down;
	const char *log;
};

static struct sum sum_of(const struct stackhost *h)
{
	struct sum s = {.log = h->log};
	uint32_t i;

	for (i = 0; i < h->shards; i++) {
		s.opened += h->shard[i]->opened;
		s.accepted += h->shard[i]->accepted;
		s.well += h->shard[i]->closed_well;
		s.reset += h->shard[i]->closed_reset;
		s.other += h->shard[i]->closed_else;
		s.supers_up += h->shard[i]->supers_up;
		s.supers_down += h->shard[i]->supers_down;
	}
	return s;
}

/* The places of platform-linux, with its agents, instead of the toy ones. */
static int use_platform(void)
{
	struct why why = {""};
	adit_place *here;

	if (place_open("here", &here, &why) != 0)
		return 0;
	place_set_device(here, "t0", NULL, 0);
	host.places = &place_table;
	return 1;
}

/* A second generation of the stack comes and goes beside the first, as in a swap. */
static int open_another(void)
{
	const adit_life *life = ((const adit_stack_1 *)adit_module_1.components[0]->table)->life;
	void *inst = NULL;
	int good = life->create(host.ctx, &host.shard[0]->env, &inst) == 0 && life->open(inst) == 0;

	good = good && stackhost_run("test $(nft list tables | grep -c 'inet adit-') = 2") == 0;
	life->destroy(inst);
	return good && stackhost_run("test $(nft list tables | grep -c 'inet adit-') = 1") == 0;
}

/* One run in a child on a namespace of its own: what it leaves behind cannot help the next. */
static int in_child(const struct stackhost_setting *settings, uint32_t shards,
                    enum stackhost_mode mode, void (*work)(void *), int family,
                    int (*check)(const struct sum *))
{
	struct stackapp t = {.family = family};
	struct sum s;

	if (!stackhost_isolate())
		return 77;
	alarm(30);
	if (on_platform && !use_platform())
		return 1;
	if (stackhost_start(&host, shards, mode, settings) != 0) {
		fprintf(stderr, "start: %s", host.log);
		return 1;
	}
	if (twice && !open_another())
		t.result = 1;
	if (!stackhost_serve(&host, work, &t))
		t.result = 1;
	s = sum_of(&host);
	stackhost_stop(&host);
	if (t.result)
		fprintf(stderr, "application: %s fails (IPv%d)\n", t.what, family);
	if (host.leaked)
		t.result = 1;
	if (!t.result && check && !check(&s))
		t.result = 1;
	if (t.result)
		fprintf(stderr,
		        "%llu opened, %llu accepted, %llu closed well, %llu reset, %llu otherwise, "
		        "supers %llu up %llu down\n%s",
		        (unsigned long long)s.opened, (unsigned long long)s.accepted,
		        (unsigned long long)s.well, (unsigned long long)s.reset,
		        (unsigned long long)s.other, (unsigned long long)s.supers_up,
		        (unsigned long long)s.supers_down, s.log);
	return t.result;
}

static void run(const struct stackhost_setting *settings, uint32_t shards, enum stackhost_mode mode,
                void (*work)(void *), int family, int (*check)(const struct sum *))
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(in_child(settings, shards, mode, work, family, check));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("form %s, IPv%d: status 0x%x", settings[0].text, family, (unsigned)status);
}

static void every(enum stackhost_mode mode, void (*work)(void *), int (*check)(const struct sum *))
{
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		run(forms[i], 1, mode, work, 4, check);
		run(forms[i], 1, mode, work, 6, check);
	}
}

static int whole_and_well(const struct sum *s)
{
	return s->supers_up > 0 && s->accepted == 1 && s->well == 1 && s->reset + s->other == 0;
}

static int whole(const struct sum *s)
{
	return s->supers_up > 0 && s->accepted == 1;
}

static int one_reset(const struct sum *s)
{
	return s->accepted == 1 && s->reset == 1 && s->well + s->other == 0;
}

static int one_other(const struct sum *s)
{
	return s->accepted == 1 && s->other == 1 && s->well + s->reset == 0;
}

static int all_well(const struct sum *s)
{
	return s->opened == STACKAPP_MANY && s->accepted == STACKAPP_MANY &&
	       s->well == STACKAPP_MANY && s->other == 0;
}

static int one_well(const struct sum *s)
{
	return s->accepted == 1 && s->well == 1;
}

static int tested(const struct sum *s)
{
	return strstr(s->log, "passed") && whole_and_well(s);
}

static int one_after_all(const struct sum *s)
{
	return strstr(s->log, "accepting rests") && s->accepted == 1;
}

static int rested(const struct sum *s)
{
	return strstr(s->log, "accepting rests: no file descriptor is left") && s->accepted == 4;
}

static int whole_down(const struct sum *s)
{
	return s->supers_up > 0 && s->supers_down > 0 && s->accepted == 1;
}

static int chose_private(const struct sum *s)
{
	return strstr(s->log, "in form \"private\"; not transparent: its rules would be") &&
	       whole_and_well(s);
}

static int nothing_is_left(void)
{
	return stackhost_run("test -z \"$(nft list tables)\"") == 0 &&
	       stackhost_run("test -z \"$(ip rule show | grep t0; ip -6 rule show | grep t0)\"") ==
	               0 &&
	       stackhost_run("test -z \"$(ip route show table all proto 173; ip -6 route show "
	                     "table all proto 173)\"") == 0;
}

static int left_clean(const struct sum *s)
{
	return whole_and_well(s) && nothing_is_left();
}

/* 16 MB and more, of which not one super-packet has come up. */
static int in_the_kernel(const struct sum *s)
{
	return s->supers_up == 0 && s->accepted == 1 && s->well == 1 && s->reset + s->other == 0 &&
	       strstr(s->log, "stay in the kernel") && nothing_is_left();
}

static int none(const struct sum *s)
{
	return s->accepted == 0;
}

static void bytes_pass_both_ways_whole_and_end_in_both_directions(void **state)
{
	every(ECHO_STREAM, stackapp_bulk, whole_and_well);
	run(transparent, 1, ECHO_STREAM, stackapp_bulk, 4, left_clean);
}

static void bytes_pass_over_the_socket_that_the_host_asked_for(void **state)
{
	every(ECHO_SOCKET, stackapp_bulk, whole);
}

static void the_shortcut_changes_nothing_for_the_application(void **state)
{
	run(shortcut, 1, ECHO_STREAM, stackapp_bulk, 4, in_the_kernel);
	run(shortcut, 1, ECHO_STREAM, stackapp_bulk, 6, in_the_kernel);
	run(shortcut, 1, ECHO_SOCKET, stackapp_bulk, 4, NULL);
	run(shortcut, 1, ECHO_STREAM, stackapp_reset, 4, one_reset);
	run(shortcut, 1, ABORT_AT_DATA, stackapp_is_reset, 6, one_other);
	run(shortcut, 2, ECHO_STREAM, stackapp_many, 4, all_well);
	run(shortcut, 1, ECHO_STREAM, stackapp_stranger, 4, none);
	on_platform = 1;
	run(allowed_shortcut, 1, ECHO_STREAM, stackapp_bulk, 4, in_the_kernel);
	on_platform = 0;
	twice = 1;
	run(shortcut, 1, ECHO_STREAM, stackapp_bulk, 4, in_the_kernel);
	twice = 0;
}

static void super_packets_stay_whole_on_the_way_down(void **state)
{
	/* In the transparent form answers do not pass the device at all. */
	run(private_form, 1, ECHO_STREAM, stackapp_bulk, 4, whole_down);
	run(private_form, 1, ECHO_STREAM, stackapp_bulk, 6, whole_down);
	run(portable, 1, ECHO_STREAM, stackapp_bulk, 4, whole_down);
	run(portable, 1, ECHO_STREAM, stackapp_bulk, 6, whole_down);
}

static void a_reset_of_the_application_is_reported(void **state)
{
	every(ECHO_STREAM, stackapp_reset, one_reset);
}

static void an_abort_resets_the_application(void **state)
{
	every(ABORT_AT_DATA, stackapp_is_reset, one_other);
}

static void a_close_ends_in_good_order(void **state)
{
	every(CLOSE_AT_DATA, stackapp_is_closed, one_well);
}

static void two_thousand_connections_keep_their_bytes_apart(void **state)
{
	every(ECHO_STREAM, stackapp_many, all_well);
}

static void datagrams_and_echoes_come_back(void **state)
{
	every(ECHO_STREAM, stackapp_datagrams, NULL);
	every(ECHO_STREAM, stackapp_echoes, NULL);
}

static void strangers_are_reset(void **state)
{
	run(transparent, 1, ECHO_STREAM, stackapp_stranger, 4, none);
	run(portable, 1, ECHO_STREAM, stackapp_stranger, 4, none);
	run(transparent, 1, FORGET_AT_ACK, stackapp_unwanted, 4, none);
	run(transparent, 1, FORGET_AT_ACK, stackapp_unwanted, 6, none);
}

static void accepting_survives_a_lack_of_descriptors(void **state)
{
	every(ECHO_STREAM, stackapp_starve, rested);
	run(untested, 1, ECHO_STREAM, stackapp_starve_long, 4, one_after_all);
}

static void each_queue_has_its_own_listener(void **state)
{
	run(transparent, 2, ECHO_STREAM, stackapp_many, 4, all_well);
	run(transparent, 2, ECHO_STREAM, stackapp_many, 6, all_well);
	run(private_form, 2, ECHO_STREAM, stackapp_many, 4, all_well);
	run(portable, 2, ECHO_STREAM, stackapp_many, 4, all_well);
	run(portable, 2, ECHO_STREAM, stackapp_many, 6, all_well);
	host.misled = 1; /* answers that come up elsewhere are handed over */
	run(portable, 2, ECHO_STREAM, stackapp_many, 4, all_well);
	run(portable, 2, ECHO_STREAM, stackapp_many, 6, all_well);
	run(portable, 2, ECHO_STREAM, stackapp_bulk, 4, tested);
	host.misled = 0;
}

static void the_choice_is_made_and_tested(void **state)
{
	run(automatic, 1, ECHO_STREAM, stackapp_bulk, 4, tested);
	run(transparent, 1, ECHO_STREAM, stackapp_bulk, 6, tested);
	run(private_form, 1, ECHO_STREAM, stackapp_bulk, 4, tested);
	run(portable, 1, ECHO_STREAM, stackapp_bulk, 4, tested);
}

static void the_platforms_own_places_serve_as_well(void **state)
{
	on_platform = 1;
	run(allowed, 1, ECHO_STREAM, stackapp_bulk, 4, left_clean);
	run(allowed, 2, ECHO_STREAM, stackapp_many, 6, all_well);
	run(private_form, 1, ECHO_STREAM, stackapp_bulk, 4, tested);
	run(private_form, 1, ECHO_STREAM, stackapp_bulk, 6, tested);
	run(portable, 1, ECHO_STREAM, stackapp_bulk, 4, whole_and_well);
	/* In a namespace that is not ours nothing is changed unasked: private is chosen. */
	run(automatic, 1, ECHO_STREAM, stackapp_bulk, 4, chose_private);
	on_platform = 0;
}

static void a_second_generation_does_not_disturb_the_first(void **state)
{
	twice = 1;
	run(transparent, 1, ECHO_STREAM, stackapp_bulk, 4, left_clean);
	twice = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bytes_pass_both_ways_whole_and_end_in_both_directions),
	        cmocka_unit_test(bytes_pass_over_the_socket_that_the_host_asked_for),
	        cmocka_unit_test(the_shortcut_changes_nothing_for_the_application),
	        cmocka_unit_test(super_packets_stay_whole_on_the_way_down),
	        cmocka_unit_test(a_reset_of_the_application_is_reported),
	        cmocka_unit_test(an_abort_resets_the_application),
	        cmocka_unit_test(a_close_ends_in_good_order),
	        cmocka_unit_test(two_thousand_connections_keep_their_bytes_apart),
	        cmocka_unit_test(datagrams_and_echoes_come_back),
	        cmocka_unit_test(strangers_are_reset),
	        cmocka_unit_test(accepting_survives_a_lack_of_descriptors),
	        cmocka_unit_test(each_queue_has_its_own_listener),
	        cmocka_unit_test(the_choice_is_made_and_tested),
	        cmocka_unit_test(a_second_generation_does_not_disturb_the_first),
	        cmocka_unit_test(the_platforms_own_places_serve_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
