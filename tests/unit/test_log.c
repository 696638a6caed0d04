/* SPDX-License-Identifier: MIT
 * tests/unit/test_log.c - whole lines, escaped, limited in rate and length; JSON that a JSON reader takes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "observe/journal.h"
#include "observe/log.h"

static int ends[2];
static char heard[1 << 17];

static int set_up(void **state)
{
	if (pipe2(ends, O_NONBLOCK) || fcntl(ends[1], F_SETPIPE_SZ, 1 << 17) < 0)
		return -1;
	log_configure(ADIT_LOG_INFO, LOG_TEXT, ends[1]);
	return 0;
}

static int tear_down(void **state)
{
	log_configure(ADIT_LOG_INFO, LOG_TEXT, 2);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static const char *hear(void)
{
	ssize_t n = read(ends[0], heard, sizeof(heard) - 1);

	heard[n > 0 ? n : 0] = 0;
	return heard;
}

/* Waits for a fresh second, so that the rate limit starts from nothing. */
static void fresh_second(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t = (struct timespec){0, 1000000000 - t.tv_nsec};
	if (t.tv_nsec == 1000000000)
		return;
	nanosleep(&t, NULL);
}

static void a_line_has_level_and_part(void **state)
{
	log_error("alpha", "the %s is %d", "answer", 42);
	assert_string_equal(hear(), "adit: error: alpha: the answer is 42\n");
	log_info("alpha", "plain");
	assert_string_equal(hear(), "adit: alpha: plain\n");
	log_debug("alpha", "not wanted");
	assert_string_equal(hear(), "");
	assert_int_equal(log_level_named("warn"), ADIT_LOG_WARN);
	assert_int_equal(log_level_named("loud"), -1);
}

static void control_characters_never_come_out(void **state)
{
	static const char nasty[] = "a\nb\x1b[31m\x7f\xc2\x9b" "c\xff\xc3\xa9\xed\xa0\x80\xc0\x80\xf5";

	log_line("beta", ADIT_LOG_INFO, nasty, sizeof(nasty) - 1);
	assert_string_equal(hear(), "adit: beta: a\\x0ab\\x1b[31m\\x7f\\u009bc\\xff\xc3\xa9\\xed\\xa0\\x80\\xc0\\x80\\xf5\n");
}

static void long_lines_are_cut_between_characters(void **state)
{
	char text[3 * LOG_LINE];
	size_t i;

	for (i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	log_line("gamma", ADIT_LOG_INFO, text, sizeof(text));
	hear();
	assert_in_range(strlen(heard), LOG_LINE - 2, LOG_LINE + 1);
	assert_int_equal(heard[strlen(heard) - 1], '\n');
	assert_memory_equal(heard + strlen(heard) - 3, "\xc3\xa9", 2);
	memset(text, 1, sizeof(text));
	log_line("gamma", ADIT_LOG_INFO, text, sizeof(text));
	hear();
	assert_memory_equal(heard + strlen(heard) - 5, "\\x01", 4);
}

static json_t *hear_json(void)
{
	json_error_t error;
	json_t *v;

	hear();
	assert_in_range(strlen(heard), 1, LOG_LINE + 1);
	assert_ptr_equal(strchr(heard, '\n'), heard + strlen(heard) - 1);
	v = json_loads(heard, JSON_ALLOW_NUL, &error);
	assert_non_null(v);
	return v;
}

static void every_json_line_is_json(void **state)
{
	char text[LOG_LINE * 2], part[200];
	unsigned seed = 7, size, i;
	json_t *v;

	log_configure(ADIT_LOG_DEBUG, LOG_JSON, ends[1]);
	log_line("delta", ADIT_LOG_DEBUG, "say \"hi\" \\ \xc3\xa9\n", 15);
	v = hear_json();
	assert_string_equal(json_string_value(json_object_get(v, "text")), "say \"hi\" \\ \xc3\xa9\n");
	assert_string_equal(json_string_value(json_object_get(v, "level")), "debug");
	assert_string_equal(json_string_value(json_object_get(v, "part")), "delta");
	assert_int_equal(strlen(json_string_value(json_object_get(v, "time"))), 24);
	json_decref(v);
	for (size = 0; size < sizeof(text); size += 1 + size / 16) {
		for (i = 0; i < size; i++)
			text[i] = (char)(rand_r(&seed) >> 8);
		log_line("delta", ADIT_LOG_DEBUG, text, size);
		json_decref(hear_json());
	}
	memset(part, '"', sizeof(part) - 1);
	part[sizeof(part) - 1] = 0;
	log_line(part, ADIT_LOG_DEBUG, text, sizeof(text));
	json_decref(hear_json());
}

static void an_ordinary_text_is_whole_in_json(void **state)
{
	char text[1500];
	json_t *v;

	memset(text, 'x', sizeof(text));
	log_configure(ADIT_LOG_INFO, LOG_JSON, ends[1]);
	log_line("epsilon", ADIT_LOG_INFO, text, sizeof(text));
	v = hear_json();
	assert_int_equal(json_string_length(json_object_get(v, "text")), sizeof(text));
	json_decref(v);
}

static unsigned lines(void)
{
	const char *p;
	unsigned n = 0;

	hear();
	for (p = heard; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

static void a_chatty_part_is_limited_and_the_rest_is_counted(void **state)
{
	int i;

	fresh_second();
	for (i = 0; i < LOG_RATE + 25; i++)
		log_warn("zeta", "line %d", i);
	log_warn("eta", "somebody else");
	assert_int_equal(lines(), LOG_RATE + 1);
	fresh_second();
	log_warn("zeta", "later");
	assert_string_equal(hear(), "adit: warn: zeta: 25 more lines were left out\nadit: warn: zeta: later\n");
	log_configure(ADIT_LOG_DEBUG, LOG_TEXT, ends[1]);
	for (i = 0; i < LOG_RATE * 3; i++)
		log_debug("zeta", "asked for");
	assert_int_equal(lines(), LOG_RATE * 3);
}

static void more_parts_than_there_is_room_for_share_a_limit(void **state)
{
	char name[16];
	int i;

	fresh_second();
	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "part-%d", i);
		log_warn(name, "x");
	}
	i = (int)lines();
	assert_in_range(i, 50, 64 + LOG_PART_RATE);
}

static void one_cause_does_not_silence_another(void **state)
{
	int i;

	fresh_second();
	for (i = 0; i < LOG_RATE * 2; i++)
		log_warn("iota", "flow %d was refused", i);
	log_warn("iota", "the device is gone");
	assert_int_equal(lines(), LOG_RATE + 1);
	assert_non_null(strstr(heard, "the device is gone"));
	fresh_second();
	log_warn("iota", "flow 7 was refused");
	assert_non_null(strstr(hear(), "10 more lines were left out"));
	fresh_second();
	for (i = 0; i < LOG_PART_RATE * 2; i++)
		log_warn("kappa", "%c%c", 'a' + i % 26, 'a' + i / 26);
	assert_in_range(lines(), LOG_PART_RATE / 2, LOG_PART_RATE);
}

static void a_part_may_have_a_level_of_its_own(void **state)
{
	assert_int_equal(log_part_level("lambda", ADIT_LOG_DEBUG), ADIT_OK);
	assert_int_equal(log_level, ADIT_LOG_DEBUG);
	log_debug("lambda", "wanted");
	assert_string_equal(hear(), "adit: debug: lambda: wanted\n");
	log_debug("mu", "not wanted");
	assert_string_equal(hear(), "");
	log_part_level("lambda", ADIT_LOG_ERROR);
	assert_int_equal(log_level, ADIT_LOG_INFO);
	log_warn("lambda", "not wanted");
	assert_string_equal(hear(), "");
	log_set_level(ADIT_LOG_WARN);
	assert_int_equal(log_level, ADIT_LOG_WARN);
	log_part_level("lambda", -1);
	log_warn("lambda", "as all");
	assert_string_equal(hear(), "adit: warn: lambda: as all\n");
}

static void the_journal_gets_fields(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	static const char want[] = "PRIORITY=4\nSYSLOG_IDENTIFIER=adit\nADIT_PART=nu\nMESSAGE\n\x0a\0\0\0\0\0\0\0two\nlines!\n";
	char got[512];
	int listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), fd;
	ssize_t n;

	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/adit-test-log.%d", (int)getpid());
	assert_true(journal_open(at.sun_path) < 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	fd = journal_open(at.sun_path);
	unlink(at.sun_path);
	assert_true(fd >= 0);
	log_to_journal(fd);
	log_line("nu", ADIT_LOG_WARN, "two\nlines!", 10);
	n = recv(listener, got, sizeof(got), 0);
	assert_int_equal(n, sizeof(want) - 1);
	assert_memory_equal(got, want, sizeof(want) - 1);
	assert_string_equal(hear(), "");
	close(listener); /* it is gone: the line is not lost */
	log_line("nu", ADIT_LOG_WARN, "here", 4);
	assert_string_equal(hear(), "adit: warn: nu: here\n");
	log_to_journal(-1);
}

static void standard_error_is_the_journal_where_its_numbers_say_so(void **state)
{
	char numbers[64];
	struct stat st;

	unsetenv("JOURNAL_STREAM");
	assert_false(journal_is_stderr());
	assert_int_equal(fstat(2, &st), 0);
	snprintf(numbers, sizeof(numbers), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", numbers, 1);
	assert_true(journal_is_stderr());
	snprintf(numbers, sizeof(numbers), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", numbers, 1);
	assert_false(journal_is_stderr());
	unsetenv("JOURNAL_STREAM");
}

static void a_strange_level_is_an_error(void **state)
{
	log_line("theta", 77, "x", 1);
	assert_string_equal(hear(), "adit: error: theta: x\n");
}

int main(void)
{
#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		LOG_TEST(a_line_has_level_and_part),
		LOG_TEST(control_characters_never_come_out),
		LOG_TEST(long_lines_are_cut_between_characters),
		LOG_TEST(every_json_line_is_json),
		LOG_TEST(an_ordinary_text_is_whole_in_json),
		LOG_TEST(a_chatty_part_is_limited_and_the_rest_is_counted),
		LOG_TEST(a_strange_level_is_an_error),
		LOG_TEST(one_cause_does_not_silence_another),
		LOG_TEST(a_part_may_have_a_level_of_its_own),
		LOG_TEST(the_journal_gets_fields),
		LOG_TEST(standard_error_is_the_journal_where_its_numbers_say_so),
		LOG_TEST(more_parts_than_there_is_room_for_share_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
