/* SPDX-License-Identifier: MIT
 * observe/log.c - one line per event
 */
#include "observe/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

int32_t log_level = ADIT_LOG_INFO;

static const char *const level_names[] = {"trace", "debug", "info", "warn", "error"};

enum { PARTS = 64, PART_NAME = 48 };

struct part {
	char name[PART_NAME];
	uint64_t second;
	unsigned lines;
	unsigned lost;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct part parts[PARTS];
	unsigned count;
	enum log_format format;
	int to;
} state = {.to = 2};

void log_configure(int32_t level, enum log_format format, int to)
{
	pthread_mutex_lock(&lock);
	log_level = level;
	state.format = format;
	state.to = to;
	pthread_mutex_unlock(&lock);
}

int32_t log_level_named(const char *name)
{
	int32_t i;

	for (i = 0; i <= ADIT_LOG_ERROR; i++)
		if (!strcmp(name, level_names[i]))
			return i;
	return -1;
}

/* Parts beyond the table share its last place: the limit stays, only its grain is lost. */
static struct part *part_of(const char *name)
{
	unsigned i;

	for (i = 0; i < state.count; i++)
		if (!strncmp(state.parts[i].name, name, PART_NAME - 1))
			return &state.parts[i];
	if (state.count == PARTS)
		return &state.parts[PARTS - 1];
	strncpy(state.parts[state.count].name, name, PART_NAME - 1);
	return &state.parts[state.count++];
}

struct line {
	char bytes[LOG_LINE + 2];
	size_t used;
};

static void put(struct line *l, const char *text, size_t len)
{
	if (len > LOG_LINE - l->used)
		len = LOG_LINE - l->used;
	memcpy(l->bytes + l->used, text, len);
	l->used += len;
}

static void put_text(struct line *l, const char *text)
{
	put(l, text, strlen(text));
}

/* Control characters never reach a terminal or break a line. */
static void put_escaped(struct line *l, const char *text, size_t len, int json)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		char escape[8];

		if (c < 0x20 || c == 0x7f) {
			snprintf(escape, sizeof(escape), json ? "\\u%04x" : "\\x%02x", c);
			put_text(l, escape);
		} else {
			if (json && (c == '"' || c == '\\'))
				put(l, "\\", 1);
			put(l, text + i, 1);
		}
	}
}

static void write_line(const char *part, int32_t level, const char *text, size_t len)
{
	struct line l = {.used = 0};
	struct timespec now;
	struct tm tm;
	char stamp[64];
	ssize_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	if (state.format == LOG_JSON) {
		gmtime_r(&now.tv_sec, &tm);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
		put_text(&l, "{\"time\":\"");
		put_text(&l, stamp);
		snprintf(stamp, sizeof(stamp), ".%03ldZ\",\"level\":\"%s\",\"part\":\"", now.tv_nsec / 1000000,
		         level_names[level]);
		put_text(&l, stamp);
		put_escaped(&l, part, strlen(part), 1);
		put_text(&l, "\",\"text\":\"");
		/* Room is kept for the end, so that a cut line is still JSON. */
		put_escaped(&l, text, len > LOG_LINE / 8 ? LOG_LINE / 8 : len, 1);
		put_text(&l, "\"}");
	} else {
		put_text(&l, "adit: ");
		if (level != ADIT_LOG_INFO) {
			put_text(&l, level_names[level]);
			put_text(&l, ": ");
		}
		put_escaped(&l, part, strlen(part), 0);
		put_text(&l, ": ");
		put_escaped(&l, text, len, 0);
	}
	l.bytes[l.used++] = '\n';
	n = write(state.to, l.bytes, l.used);
	(void)n; /* nowhere to say that nothing can be said */
}

void log_line(const char *part, int32_t level, const char *text, size_t len)
{
	struct part *p;
	uint64_t second;

	if (level < log_level)
		return;
	if (level < ADIT_LOG_TRACE || level > ADIT_LOG_ERROR)
		level = ADIT_LOG_ERROR;
	second = os_now() / OS_SECOND;
	pthread_mutex_lock(&lock);
	p = part_of(part);
	if (p->second != second) {
		if (p->lost) {
			char lost[64];
			int n = snprintf(lost, sizeof(lost), "%u more lines were left out", p->lost);

			write_line(part, ADIT_LOG_WARN, lost, (size_t)n);
		}
		p->second = second;
		p->lines = p->lost = 0;
	}
	/* Trace and debug are asked for and wanted whole. */
	if (level > ADIT_LOG_DEBUG && p->lines++ >= LOG_RATE)
		p->lost++;
	else
		write_line(part, level, text, len);
	pthread_mutex_unlock(&lock);
}

void log_printf(const char *part, int32_t level, const char *format, ...)
{
	char text[LOG_LINE];
	va_list args;
	int n;

	if (level < log_level)
		return;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0)
		return;
	log_line(part, level, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}
