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

#include "observe/journal.h"
#include "os/os.h"

int32_t log_level = ADIT_LOG_INFO;

static const char *const level_names[] = {"trace", "debug", "info", "warn", "error"};

enum { PARTS = 64, PART_NAME = 48, CAUSES = 256, CAUSE_TEXT = 64, NO_LEVEL = -1 };

struct part {
	char name[PART_NAME];
	uint64_t second;
	unsigned lines;
	unsigned lost;
	int32_t level; /* NO_LEVEL: as all */
};

/* Lines of a part that differ in numbers alone. Two that meet in one place share its limit for that second. */
struct cause {
	uint64_t second;
	unsigned lines;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct part parts[PARTS];
	struct cause causes[CAUSES];
	unsigned count;
	int32_t level; /* of parts that have none of their own */
	int journal;   /* -1: none */
	enum log_format format;
	int to;
	log_tap_fn *tap;
	void *tap_arg;
} state = {.to = 2, .level = ADIT_LOG_INFO, .journal = -1};

/* Under the lock. log_level is the lowest of all: who reads it only saves itself the work of a line that nobody wants. */
static void set_level(int32_t level)
{
	int32_t least = level;
	unsigned i;

	for (i = 0; i < state.count; i++)
		if (state.parts[i].level != NO_LEVEL && state.parts[i].level < least)
			least = state.parts[i].level;
	state.level = level;
	__atomic_store_n(&log_level, least, __ATOMIC_RELAXED);
}

void log_configure(int32_t level, enum log_format format, int to)
{
	pthread_mutex_lock(&lock);
	set_level(level);
	state.format = format;
	state.to = to;
	pthread_mutex_unlock(&lock);
}

void log_set_level(int32_t level)
{
	pthread_mutex_lock(&lock);
	set_level(level);
	pthread_mutex_unlock(&lock);
}

const char *log_level_name(int32_t level)
{
	return level_names[level];
}

void log_tap(log_tap_fn *fn, void *arg)
{
	pthread_mutex_lock(&lock);
	state.tap = fn;
	state.tap_arg = arg;
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
	state.parts[state.count].level = NO_LEVEL;
	strncpy(state.parts[state.count].name, name, PART_NAME - 1);
	return &state.parts[state.count++];
}

int log_part_level(const char *part, int32_t level)
{
	struct part *p;

	pthread_mutex_lock(&lock);
	p = part_of(part);
	if (strncmp(p->name, part, PART_NAME - 1) != 0)
		p = NULL; /* the last place, which many share */
	else
		p->level = level;
	set_level(state.level);
	pthread_mutex_unlock(&lock);
	return p ? ADIT_OK : ADIT_ELIMIT;
}

void log_parts_forget(void)
{
	unsigned i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < state.count; i++)
		state.parts[i].level = NO_LEVEL;
	set_level(state.level);
	pthread_mutex_unlock(&lock);
}

void log_to_journal(int fd)
{
	pthread_mutex_lock(&lock);
	if (state.journal >= 0)
		close(state.journal);
	state.journal = fd;
	pthread_mutex_unlock(&lock);
}

struct line {
	char bytes[LOG_LINE + 2];
	size_t used, most;
};

/* All of it or nothing, so that no escape and no character is cut in two. */
static int put(struct line *l, const char *text, size_t len)
{
	if (len > l->most - l->used)
		return 0;
	memcpy(l->bytes + l->used, text, len);
	l->used += len;
	return 1;
}

static void put_text(struct line *l, const char *text)
{
	put(l, text, strlen(text));
}

/* Bytes of the UTF-8 character at text (RFC 3629); 0: it is none. */
static size_t character(const unsigned char *text, size_t len, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;
	size_t i;

	if (!size || size > len)
		return 0;
	*code = size == 1 ? text[0] : text[0] & (0x7fu >> size);
	for (i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code * 64 + (text[i] & 0x3f);
	}
	return *code < least[size] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000) ? 0 : size;
}

/* Control characters never reach a terminal or break a line, and what is not UTF-8 never reaches a JSON reader.
 * Returns how many bytes of text one unit of output takes. */
static size_t escaped(const char *text, size_t len, int json, char out[8])
{
	uint32_t code = 0;
	size_t size = character((const unsigned char *)text, len, &code);

	if (!size)
		snprintf(out, 8, json ? "\\ufffd" : "\\x%02x", (unsigned char)text[0]);
	else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		snprintf(out, 8, json || code > 0x7f ? "\\u%04x" : "\\x%02x", (unsigned)code);
	else if (json && (code == '"' || code == '\\'))
		snprintf(out, 8, "\\%c", (char)code);
	else
		snprintf(out, 8, "%.*s", (int)size, text);
	return size ? size : 1;
}

static void put_escaped(struct line *l, const char *text, size_t len, int json)
{
	size_t i;
	char unit[8];

	for (i = 0; i < len;) {
		i += escaped(text + i, len - i, json, unit);
		if (!put(l, unit, strlen(unit)))
			return;
	}
}

static void put_json(struct line *l, const char *part, const char *level, const char *text, size_t len)
{
	struct timespec now;
	struct tm tm;
	char stamp[64];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	l->most = LOG_LINE - 2; /* room for the end, so that a cut line is still JSON */
	put_text(l, "{\"time\":\"");
	put_text(l, stamp);
	snprintf(stamp, sizeof(stamp), ".%03ldZ\",\"level\":\"%s\",\"part\":\"", now.tv_nsec / 1000000, level);
	put_text(l, stamp);
	put_escaped(l, part, strnlen(part, PART_NAME), 1);
	put_text(l, "\",\"text\":\"");
	put_escaped(l, text, len, 1);
	l->most = LOG_LINE;
	put_text(l, "\"}");
}

static void write_line(const char *part, int32_t level, const char *text, size_t len)
{
	struct line l = {.used = 0, .most = LOG_LINE};
	ssize_t n;

	if (state.tap)
		state.tap(state.tap_arg, part, level, text, len);
	if (state.journal >= 0 && journal_send(state.journal, part, level, text, len < LOG_LINE ? len : LOG_LINE))
		return;
	if (state.format == LOG_JSON) {
		put_json(&l, part, level_names[level], text, len);
	} else {
		put_text(&l, "adit: ");
		if (level != ADIT_LOG_INFO) {
			put_text(&l, level_names[level]);
			put_text(&l, ": ");
		}
		put_escaped(&l, part, strnlen(part, PART_NAME), 0);
		put_text(&l, ": ");
		put_escaped(&l, text, len, 0);
	}
	l.bytes[l.used++] = '\n';
	n = write(state.to, l.bytes, l.used);
	(void)n; /* nowhere to say that nothing can be said */
}

/* Whether a line of this cause may still be written in this second (FNV-1a over the part and the text without numbers). */
static int cause_allows(const char *part, const char *text, size_t len, uint64_t second)
{
	uint32_t hash = 2166136261u;
	struct cause *c;
	size_t i;

	for (i = 0; part[i]; i++)
		hash = (hash ^ (uint8_t)part[i]) * 16777619u;
	for (i = 0; i < len && i < CAUSE_TEXT; i++)
		if (text[i] < '0' || text[i] > '9')
			hash = (hash ^ (uint8_t)text[i]) * 16777619u;
	c = &state.causes[(hash ^ hash >> 16) % CAUSES];
	if (c->second != second) {
		c->second = second;
		c->lines = 0;
	}
	return c->lines++ < LOG_RATE;
}

/* Trace and debug are asked for and wanted whole. */
static int allowed(struct part *p, int32_t level, const char *text, size_t len)
{
	return level <= ADIT_LOG_DEBUG || (cause_allows(p->name, text, len, p->second) && p->lines++ < LOG_PART_RATE);
}

static void say_lost(struct part *p, const char *part)
{
	char lost[64];
	int n = snprintf(lost, sizeof(lost), "%u more lines were left out", p->lost);

	write_line(part, ADIT_LOG_WARN, lost, (size_t)n);
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
	if (level >= (p->level == NO_LEVEL ? state.level : p->level)) {
		if (p->second != second) {
			if (p->lost)
				say_lost(p, part);
			p->second = second;
			p->lines = p->lost = 0;
		}
		if (allowed(p, level, text, len))
			write_line(part, level, text, len);
		else
			p->lost++;
	}
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
