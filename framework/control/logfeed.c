/* SPDX-License-Identifier: MIT
 * control/logfeed.c - the verbs log and log-level
 *
 * Lines come from every thread, under the log's lock, and are copied into a ring with a lock of its own; the control loop
 * hands them on. A full ring loses lines and counts them.
 */
#include "control/logfeed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/server.h"
#include "control/verbs.h"
#include "observe/log.h"

enum { LINES = 256, PART_TEXT = 48, LINE_TEXT = 1024 };

struct log_entry {
	int32_t level;
	uint64_t at; /* ms since 1970 */
	size_t size;
	char part[PART_TEXT];
	char text[LINE_TEXT];
};

struct reader {
	struct job job;
	struct log_feed *feed;
	struct reader *next;
	int32_t least;
	uint64_t lost;
};

struct log_feed {
	struct control *control;
	struct reader *first;
	pthread_mutex_t lock; /* guards what follows */
	struct log_entry *entries;
	unsigned head, tail;
	uint64_t lost;
	bool told;
};

/* ---- what readers are told ---- */

static void tell_lost(struct reader *r)
{
	struct client *c = r->job.client;
	struct jsonw *w;

	if (!(c->lost + r->lost))
		return;
	w = client_item(c);
	jsonw_uint(w, "lost", c->lost + r->lost);
	if (client_send_item(c))
		c->lost = r->lost = 0;
	else
		c->lost--; /* that one is no line */
}

static void tell(struct reader *r, const struct log_entry *e)
{
	struct jsonw *w;
	struct tm tm;
	time_t second = (time_t)(e->at / 1000);
	char stamp[32], whole[48];

	if (e->level < r->least)
		return;
	tell_lost(r);
	gmtime_r(&second, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(whole, sizeof(whole), "%s.%03uZ", stamp, (unsigned)(e->at % 1000));
	w = client_item(r->job.client);
	jsonw_text(w, "time", whole);
	jsonw_text(w, "level", log_level_name(e->level));
	jsonw_text(w, "part", e->part);
	jsonw_text_of(w, "text", e->text, e->size);
	client_send_item(r->job.client);
}

static bool take(struct log_feed *f, struct log_entry *out)
{
	bool found;

	pthread_mutex_lock(&f->lock);
	found = f->entries && f->tail != f->head;
	if (found)
		*out = f->entries[f->tail++ % LINES];
	pthread_mutex_unlock(&f->lock);
	return found;
}

static void hand_on(void *arg)
{
	struct log_feed *f = arg;
	struct log_entry e;
	struct reader *r;
	uint64_t lost;
	unsigned n;

	pthread_mutex_lock(&f->lock);
	f->told = false;
	lost = f->lost;
	f->lost = 0;
	pthread_mutex_unlock(&f->lock);
	for (n = 0; n < LINES && take(f, &e); n++)
		for (r = f->first; r; r = r->next)
			tell(r, &e);
	for (r = f->first; r; r = r->next) {
		r->lost += lost;
		tell_lost(r);
	}
}

/* [any] */
static void on_line(void *arg, const char *part, int32_t level, const char *text, size_t size)
{
	struct log_feed *f = arg;
	struct log_entry *e;
	struct timespec now;

	pthread_mutex_lock(&f->lock);
	if (f->entries && f->head - f->tail < LINES) {
		e = &f->entries[f->head++ % LINES];
		clock_gettime(CLOCK_REALTIME, &now);
		e->at = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
		e->level = level;
		snprintf(e->part, sizeof(e->part), "%s", part);
		e->size = size < sizeof(e->text) ? size : sizeof(e->text);
		memcpy(e->text, text, e->size);
	} else if (f->entries) {
		f->lost++;
	}
	if (f->entries && !f->told)
		f->told = loop_post(server_loop(f->control), hand_on, f) == ADIT_OK;
	pthread_mutex_unlock(&f->lock);
}

/* ---- readers ---- */

static void cancel_reader(struct job *j)
{
	struct reader *r = (struct reader *)j, **at = &r->feed->first;
	struct log_feed *f = r->feed;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
	if (f->first)
		return;
	log_tap(NULL, NULL);
	pthread_mutex_lock(&f->lock);
	free(f->entries);
	f->entries = NULL;
	f->head = f->tail = 0;
	pthread_mutex_unlock(&f->lock);
}

static const struct job_table log_table = {.name = "log", .cancel = cancel_reader, .follows = true};

static int level_of(struct client *c, const struct request *q, int32_t *level)
{
	if (!q->arg[ARG_LEVEL].given)
		return 0;
	*level = log_level_named(q->arg[ARG_LEVEL].text);
	if (*level >= 0)
		return 0;
	client_error(c, "invalid", "\"level\" is trace, debug, info, warn or error");
	return -1;
}

void verb_log(struct client *c, const struct request *q)
{
	struct log_feed *f = c->control->log_feed;
	int32_t least = ADIT_LOG_TRACE;
	struct log_entry *entries = NULL;
	struct reader *r;

	if (level_of(c, q, &least))
		return;
	r = calloc(1, sizeof(*r));
	if (r && !f->first)
		entries = malloc(LINES * sizeof(*entries));
	if (!r || (!f->first && !entries)) {
		free(r);
		client_failed(c, ADIT_ENOMEM, NULL, NULL);
		return;
	}
	r->job.table = &log_table;
	r->feed = f;
	r->least = least;
	r->next = f->first;
	f->first = r;
	c->lost = 0;
	if (entries) {
		pthread_mutex_lock(&f->lock);
		f->entries = entries;
		pthread_mutex_unlock(&f->lock);
		log_tap(on_line, f);
	}
	client_give_job(c, &r->job);
}

void verb_log_level(struct client *c, const struct request *q)
{
	int32_t level = -1;
	char what[SERVER_WHAT];

	if (level_of(c, q, &level))
		return;
	if (level < 0) {
		client_error(c, "invalid", "\"level\" is missing: trace, debug, info, warn or error");
		return;
	}
	snprintf(what, sizeof(what), "log level %s", log_level_name(level));
	server_changed(c->control, c, what);
	log_set_level(level);
	jsonw_text(client_ok(c), "level", log_level_name(level));
	client_send_ok(c);
}

/* ---- life ---- */

int log_feed_new(struct log_feed **out, struct control *c)
{
	struct log_feed *f = calloc(1, sizeof(*f));

	if (!f)
		return ADIT_ENOMEM;
	f->control = c;
	pthread_mutex_init(&f->lock, NULL);
	*out = f;
	return ADIT_OK;
}

void log_feed_free(struct log_feed *f)
{
	if (!f)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f);
}
