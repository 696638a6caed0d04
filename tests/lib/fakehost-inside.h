/* SPDX-License-Identifier: MIT
 * tests/lib/fakehost-inside.h - what the two sources of the fake host share
 */
#ifndef TESTS_FAKEHOST_INSIDE_H
#define TESTS_FAKEHOST_INSIDE_H

#include "tests/lib/fakehost.h"

#include <pthread.h>

enum { FAKE_SETTINGS = 64, FAKE_OFFERS = 16, FAKE_IOS = 256, FAKE_CALLS = 1024, FAKE_SHARDS = 64 };

struct adit_io {
	int fd;
	uint32_t want, ready;
	adit_fn fn;
	void *arg;
	adit_io *next;
	int dead;
};

struct adit_timer {
	uint64_t at, every; /* at 0: stopped */
	adit_fn fn;
	void *arg;
	adit_timer *next;
	int dead;
};

struct fake_call {
	adit_fn fn;
	void *arg;
};

struct adit_loop {
	adit_io *ios;
	adit_timer *timers;
	struct fake_call calls[FAKE_CALLS]; /* defer, and done of pool */
	uint32_t n_calls;
	struct fake_call posts[FAKE_CALLS];
	uint32_t n_posts;
	pthread_mutex_t lock; /* of posts */
	pthread_t thread;
	int wake[2];
	uint64_t turns;
};

struct wrapped {
	adit_fn done;
	void *arg;
};

struct fakehost {
	adit_host host;
	adit_path path;
	struct adit_env env[FAKE_SHARDS];
	struct fakehost_ends ends;
	struct adit_loop loop;
	adit_cfg *root, *nodes;
	int32_t level;
	struct {
		const char *path, *value;
	} settings[FAKE_SETTINGS];
	uint32_t n_settings;
	struct {
		const char *iface;
		const void *table;
	} offers[FAKE_OFFERS];
	uint32_t n_offers;
	const adit_module *module;
	void *module_ctx;
	uint32_t out, limit;
	uint32_t lines;
	char why[512], logged[512];
};

void fakehost_loop_init(struct fakehost *f);
void fakehost_loop_fini(struct fakehost *f);

#endif
