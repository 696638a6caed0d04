/* SPDX-License-Identifier: MIT
 * host/policy.c - the address policy of the shards: what the manifest says, and the host's own addresses
 *
 * The addresses come from the platform (adit.addresses/1). The first shard's loop watches for changes; a thread of the
 * pool makes the new list, and every shard gets it on its own loop. A list that cannot be made leaves the former one.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "conf/format.h"
#include "host/parts.h"
#include "loop/pool.h"
#include "observe/log.h"

/* ---- the manifest ---- */

static int read_set(struct prefix_set *set, const adit_cfg *c, const char *path)
{
	const adit_cfg *item;
	uint32_t i;
	int err = ADIT_OK;

	for (i = 0; !err && (item = conf_config_1.item(c, path, i)) != NULL; i++) {
		struct format_prefix p;
		const char *text;

		if (conf_config_1.text(item, "", &text, NULL) != ADIT_OK || !format_cidr(text, &p))
			return ADIT_ECONFIG;
		err = prefix_set_add(set, p.family, p.ip, p.bits);
	}
	return err;
}

static int read_stand_ins(struct policy *p, const adit_cfg *c)
{
	const adit_cfg *item;
	const char *text;
	adit_addr a;
	uint32_t i;

	for (i = 0; (item = conf_config_1.item(c, "policy/host_address", i)) != NULL; i++) {
		if (conf_config_1.text(item, "", &text, NULL) != ADIT_OK || !format_ip(text, &a))
			return ADIT_ECONFIG;
		p->stand_in[a.family == 6] = a;
	}
	return ADIT_OK;
}

int policy_read(struct policy *p, const adit_cfg *c)
{
	static const struct {
		const char *path;
		uint8_t word;
		int32_t counts; /* the value that means the word */
	} words[] = {
		{"policy/host", POLICY_HOST, 1},
		{"policy/loopback", POLICY_LOOPBACK, 1},
		{"policy/link_local", POLICY_LINK_LOCAL, 1},
		{"policy/multicast", POLICY_MULTICAST, 1},
		{"policy/private", POLICY_PUBLIC, 0},
	};
	size_t i;
	int err;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int32_t value;

		if (conf_config_1.truth(c, words[i].path, &value) == ADIT_OK && value == words[i].counts)
			p->words |= words[i].word;
	}
	err = read_set(&p->allow, c, "policy/allow");
	if (!err)
		err = read_set(&p->deny, c, "policy/deny");
	if (!err)
		err = read_set(&p->sources, c, "policy/sources");
	return err ? err : read_stand_ins(p, c);
}

/* ---- the host's own addresses ---- */

struct news {
	struct shard *shard;
	struct prefix_set host;
};

static void arrive(void *arg)
{
	struct news *n = arg;

	n->shard->policy.host = n->host;
	free(n);
}

/* What is beyond the set's room stays open, and is said. */
static void make_set(const struct host_addresses *a, struct prefix_set *set)
{
	int32_t i, n = a->count < PREFIX_SET_MOST ? a->count : PREFIX_SET_MOST;

	set->count = 0;
	for (i = 0; i < n; i++)
		prefix_set_add(set, a->list[i].family, a->list[i].ip, a->list[i].family == 4 ? 32 : 128);
	if (a->count > n)
		log_warn("policy", "this machine has %d addresses of its own, of which %d are closed to flows; close the others "
		                   "with \"policy.deny\"", a->count, n);
}

static void hand_out(struct host *h)
{
	struct prefix_set set;
	unsigned i;

	make_set(&h->addresses, &set);
	log_debug("policy", "this machine has %d addresses of its own", h->addresses.count);
	for (i = 0; i < h->shard_count; i++) {
		struct news *n = malloc(sizeof(*n));

		if (!n) {
			log_warn("policy", "no memory for the addresses of this machine; the former ones stay closed");
			return;
		}
		n->shard = h->peers[i];
		n->host = set;
		if (loop_post(n->shard->loop, arrive, n) != ADIT_OK)
			free(n);
	}
}

/* [pool] */
static void make_list(void *arg)
{
	struct host_addresses *a = &((struct host *)arg)->addresses;

	a->count = a->table->list(a->list, PREFIX_SET_MOST);
}

static void listed(void *arg);

static void read_again(struct host *h)
{
	struct host_addresses *a = &h->addresses;

	a->again = false;
	a->reading = pool_run(h->peers[0]->loop, make_list, listed, h) == ADIT_OK;
	if (!a->reading)
		log_warn("policy", "the addresses of this machine changed, but cannot be read now; the former ones stay closed");
}

static void listed(void *arg)
{
	struct host *h = arg;
	struct host_addresses *a = &h->addresses;

	a->reading = false;
	if (a->count >= 0)
		hand_out(h);
	else
		log_warn("policy", "the addresses of this machine changed, but cannot be read: %s; the former ones stay closed",
		         err_text(a->count));
	if (a->again)
		read_again(h);
}

static void changed(void *arg)
{
	struct host *h = arg;
	char unused[4096];
	int reads = 0;

	while (reads++ < 64 && read(h->addresses.fd, unused, sizeof(unused)) > 0)
		;
	if (h->addresses.reading)
		h->addresses.again = true;
	else
		read_again(h);
}

int policy_open(struct host *h)
{
	struct host_addresses *a = &h->addresses;
	intptr_t fd;
	unsigned i;
	int err;

	a->table = host_platform_interface(h, ADIT_ADDRESSES_1);
	if (!a->table || h->peers[0]->policy.words & POLICY_HOST)
		return ADIT_OK;
	/* Watched before they are read, so that no change falls between. */
	err = a->table->watch(&fd);
	if (!err) {
		a->fd = (int)fd;
		make_list(h);
		err = a->count < 0 ? a->count : ADIT_OK;
	}
	if (err) {
		report_add(h->options.report, REPORT_ERROR, NULL, "\"policy\": {\"host\": true} does without them",
		           "the addresses of this machine, which are closed to flows, cannot be read: %s", err_text(err));
		return err;
	}
	for (i = 0; i < h->shard_count; i++)
		make_set(a, &h->peers[i]->policy.host);
	loop_io_init(&a->io, h->peers[0]->loop, a->fd, changed, h);
	loop_io_want(&a->io, ADIT_IO_READ);
	return ADIT_OK;
}

void policy_close(struct host *h)
{
	loop_io_fini(&h->addresses.io);
	if (h->addresses.fd >= 0)
		close(h->addresses.fd);
	h->addresses.fd = -1;
}
