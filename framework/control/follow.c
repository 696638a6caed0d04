/* SPDX-License-Identifier: MIT
 * control/follow.c - the verb follow
 *
 * While somebody follows, each shard has a ring. It is put in and taken out on the shard's own loop, and freed only when
 * that has said so.
 */
#include "control/follow.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/rates.h"
#include "control/server.h"
#include "control/verbs.h"
#include "control/walk.h"
#include "observe/ring.h"

enum { FEED_BYTES = 1 << 18, CHANGES_A_TURN = 1024 };

/* What a shard says of a flow. */
struct change {
	bool ended;
	struct flow_row row;
};

struct follower {
	struct job job;
	struct follows *all;
	struct follower *next;
	struct filter filter;
	bool rates;
	uint64_t lost; /* entries of the shards' rings */
};

/* The ring of one shard, in its life. */
enum feed_state { FEED_NONE, FEED_COMING, FEED_THERE, FEED_GOING };

struct feed {
	struct follows *all;
	unsigned index;
	enum feed_state state;
	struct shard *shard; /* that knows the ring */
	struct ring *ring;   /* of struct change */
	atomic_int told;     /* the control loop has been called, and has not come yet */
	uint64_t lost;       /* that followers know of */
};

struct follows {
	struct control *control;
	struct follower *first;
	struct walk *walk; /* for rates */
	unsigned feed_count;
	struct feed *feeds;
};

/* ---- what followers are told ---- */

static void tell_lost(struct follower *f)
{
	struct client *c = f->job.client;
	uint64_t lost = c->lost + f->lost;
	struct jsonw *w;

	if (!lost)
		return;
	w = client_item(c);
	jsonw_text(w, "event", "lost");
	jsonw_uint(w, "count", lost);
	if (client_send_item(c))
		c->lost = f->lost = 0;
	else
		c->lost--; /* that one is no entry */
}

static void tell(struct follower *f, const char *event, const struct flow_row *row)
{
	struct jsonw *w;

	if (!filter_fits(&f->filter, row))
		return;
	tell_lost(f);
	w = client_item(f->job.client);
	jsonw_text(w, "event", event);
	row_write(w, row);
	client_send_item(f->job.client);
}

static void read_feed(void *arg)
{
	struct feed *feed = arg;
	const struct change *change;
	struct follower *f;
	uint64_t lost;
	unsigned n = 0;
	size_t size;

	if (!feed->ring)
		return;
	/* First of all, so that the shard calls again for what comes from here on. */
	atomic_store(&feed->told, 0);
	atomic_thread_fence(memory_order_seq_cst);
	for (; n < CHANGES_A_TURN && (change = ring_front(feed->ring, &size)) != NULL; n++) {
		for (f = feed->all->first; f; f = f->next)
			tell(f, change->ended ? "closed" : "opened", &change->row);
		ring_pop(feed->ring);
	}
	lost = ring_lost(feed->ring) - feed->lost;
	feed->lost += lost;
	for (f = feed->all->first; f; f = f->next)
		f->lost += lost;
	if (n == CHANGES_A_TURN && !atomic_exchange(&feed->told, 1) && loop_post(server_loop(feed->all->control), read_feed, feed))
		atomic_store(&feed->told, 0);
}

/* [loop] */
static void on_change(void *arg, struct shard *s, const struct flow *flow, int ended, adit_result code)
{
	struct feed *feed = arg;
	struct change *change = ring_reserve(feed->ring, sizeof(*change));

	if (!change)
		return;
	change->ended = ended != 0;
	row_take(&change->row, s, flow);
	if (ended)
		change->row.code = code;
	ring_commit(feed->ring);
	/* Where the loop has no room for the call, the next change tries again. */
	if (!atomic_exchange(&feed->told, 1) && loop_post(server_loop(feed->all->control), read_feed, feed) != ADIT_OK)
		atomic_store(&feed->told, 0);
}

/* ---- rings come and go ---- */

static void move_feed(struct feed *feed);

static void put_in(struct shard *s, void *arg)
{
	struct feed *feed = arg;

	feed->shard = s;
	s->on_change_arg = feed;
	s->on_change = on_change;
}

static void take_out(struct shard *s, void *arg)
{
	(void)arg;
	s->on_change = NULL;
}

static void on_moved(void *arg, adit_result result)
{
	struct feed *feed = arg;

	/* Without an answer the shard's state is what it was before; the tick tries again. */
	if (feed->state == FEED_COMING) {
		feed->state = result ? FEED_NONE : FEED_THERE;
	} else if (result) {
		feed->state = FEED_THERE;
	} else {
		feed->state = FEED_NONE;
		feed->shard = NULL;
	}
	if (feed->state == FEED_NONE) {
		ring_free(feed->ring);
		feed->ring = NULL;
	}
	if (!result)
		move_feed(feed);
}

/* Towards what is wanted, if nothing is under way. */
static void move_feed(struct feed *feed)
{
	struct host *h = feed->all->control->options.host;
	bool wanted = feed->all->first != NULL;

	if (wanted && feed->state == FEED_NONE) {
		if (ring_new(&feed->ring, FEED_BYTES))
			return;
		feed->lost = 0;
		atomic_store(&feed->told, 0);
		if (host_call(h, feed->index, put_in, feed, on_moved) == ADIT_OK) {
			feed->state = FEED_COMING;
			return;
		}
		ring_free(feed->ring);
		feed->ring = NULL;
	} else if (!wanted && feed->state == FEED_THERE && host_call(h, feed->index, take_out, feed, on_moved) == ADIT_OK) {
		feed->state = FEED_GOING;
	}
}

static void move_feeds(struct follows *all)
{
	unsigned i;

	for (i = 0; i < all->feed_count; i++)
		move_feed(&all->feeds[i]);
}

/* ---- rates ---- */

static void on_batch(void *arg, struct flow_row *rows, unsigned count)
{
	struct follows *all = arg;
	uint64_t now = server_now(all->control);
	struct follower *f;
	unsigned i;

	for (i = 0; i < count; i++) {
		rates_fill(all->control->rates, &rows[i], now);
		if (rows[i].rate_up == ROW_NO_RATE || !(rows[i].rate_up | rows[i].rate_down))
			continue;
		for (f = all->first; f; f = f->next)
			if (f->rates)
				tell(f, "rate", &rows[i]);
	}
	walk_next(all->walk);
}

static void on_walked(void *arg, int result)
{
	struct follows *all = arg;

	(void)result; /* the next second has another one */
	all->walk = NULL;
}

static const struct walk_calls rate_calls = {on_batch, on_walked};

void follows_tick(struct follows *all)
{
	struct follower *f;
	bool rates = false;

	for (f = all->first; f; f = f->next) {
		rates |= f->rates;
		tell_lost(f);
	}
	if (rates && !all->walk && walk_new(&all->walk, all->control->options.host, &rate_calls, all))
		all->walk = NULL;
	move_feeds(all);
}

/* ---- followers ---- */

static void cancel_follower(struct job *j)
{
	struct follower *f = (struct follower *)j, **at = &f->all->first;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	move_feeds(f->all);
	free(f);
}

static const struct job_table follow_table = {.name = "follow", .cancel = cancel_follower, .follows = true};

void verb_follow(struct client *c, const struct request *q)
{
	struct follows *all = c->control->follows;
	struct follower *f = calloc(1, sizeof(*f));
	char why[REQUEST_WHY];

	if (!f || !all->feeds) {
		client_failed(c, f ? ADIT_ENOSYS : ADIT_ENOMEM, NULL, NULL);
		free(f);
		return;
	}
	if (filter_read(&f->filter, q, why)) {
		client_error(c, "invalid", "%s", why);
		free(f);
		return;
	}
	/* Flows that end are closed by then. */
	if (!*f->filter.state)
		snprintf(f->filter.state, sizeof(f->filter.state), "all");
	f->rates = q->arg[ARG_RATES].number != 0;
	f->all = all;
	f->job.table = &follow_table;
	f->next = all->first;
	all->first = f;
	c->lost = 0;
	client_give_job(c, &f->job);
	move_feeds(all);
}

/* ---- life ---- */

int follows_new(struct follows **out, struct control *c)
{
	struct follows *all = calloc(1, sizeof(*all));
	unsigned i;

	if (!all)
		return ADIT_ENOMEM;
	all->control = c;
	all->feed_count = c->options.host ? host_shards(c->options.host) : 0;
	if (all->feed_count)
		all->feeds = calloc(all->feed_count, sizeof(*all->feeds));
	if (all->feed_count && !all->feeds) {
		free(all);
		return ADIT_ENOMEM;
	}
	for (i = 0; i < all->feed_count; i++)
		all->feeds[i] = (struct feed){.all = all, .index = i};
	*out = all;
	return ADIT_OK;
}

void follows_free(struct follows *all)
{
	unsigned i;

	if (!all)
		return;
	walk_cancel(all->walk);
	for (i = 0; i < all->feed_count; i++) {
		if (all->feeds[i].shard)
			all->feeds[i].shard->on_change = NULL;
		ring_free(all->feeds[i].ring);
	}
	free(all->feeds);
	free(all);
}
