/* SPDX-License-Identifier: MIT
 * tests/lib/fakehost.h - a host that is small enough to see through, for driving one module through
 * its ABI
 *
 * Offers adit.config/1 over a list of paths and values, adit.loop/1 over poll() in the calling
 * thread, and a path whose buffers are counted. What reaches the host's end of the wires goes to
 * the test's own functions. One thread; only post() may be called from others.
 */
#ifndef TESTS_FAKEHOST_H
#define TESTS_FAKEHOST_H

#include <adit/adit.h>

struct fakehost;

/* The test's ends of the wires. Null: buffers are put back. Buffers are given. */
struct fakehost_ends {
	void *arg;
	void (*input)(void *arg, adit_buf *const *pkt, uint32_t n);
	void (*output)(void *arg, adit_buf *const *pkt, uint32_t n);
	void (*emit)(void *arg, const adit_event *ev, uint32_t n);
	void (*submit)(void *arg, const adit_op *op, uint32_t n);
	const adit_flow_info *(*info)(void *arg, adit_flow flow);
};

struct fakehost *fakehost_new(const struct fakehost_ends *ends);
void fakehost_free(struct fakehost *f);

/* A setting: "mtu" "1400", "addresses/0" "10.0.0.1/8". Kept strings. Before env(). */
void fakehost_set(struct fakehost *f, const char *path, const char *value);
/* Offers another interface, such as a module's. */
void fakehost_offer(struct fakehost *f, const char *iface, const void *table);
/* The interfaces of a module, asked after the others. */
void fakehost_offer_module(struct fakehost *f, const adit_module *m, void *ctx);
/* At most so many buffers at a time (default 4096). */
void fakehost_limit(struct fakehost *f, uint32_t buffers);

const adit_host *fakehost_host(struct fakehost *f);
const adit_path *fakehost_path(struct fakehost *f);
/* Kept; one per shard, at most 64. */
const adit_env *fakehost_env(struct fakehost *f, uint32_t shard, uint32_t shards);

/* Turns the loop until done(arg) is true or so many ms are over; true when it was done. done may be
 * null. */
int fakehost_run(struct fakehost *f, uint32_t ms, int (*done)(void *arg), void *arg);
/* Turns that had something to do: an idle loop makes none. */
uint64_t fakehost_turns(const struct fakehost *f);
uint64_t fakehost_now(void);

/* Buffers that are out. 0 at the end of every good test. */
uint32_t fakehost_buffers(const struct fakehost *f);
/* The last reason given to fail(), and the last line logged at WARN or above; never null. */
const char *fakehost_why(const struct fakehost *f);
const char *fakehost_logged(const struct fakehost *f);
uint32_t fakehost_log_lines(const struct fakehost *f);

#endif
