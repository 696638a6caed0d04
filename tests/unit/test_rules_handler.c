/* SPDX-License-Identifier: MIT
 * tests/unit/test_rules_handler.c - handler-rules by its tables: looking, asking, reading the rules again, ending
 *
 * The loop is the test's: its clock stands still, and what goes to the pool waits until it is let run.
 */
#include "sdk_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <adit/owner.h>
#include "rules_bytes.h"

enum { SHARDS = 2, OPS = 20000, JOBS = 5000, FLOWS = 5000 };

static struct {
	struct host *h;
	const void *(ADIT_CALL *get)(const adit_host *h, const char *iface);
	adit_config_1 config;
	void *ctx;
	adit_env env[SHARDS];
	void *inst[SHARDS];
	uint64_t now, timer_at;
	adit_fn timer_fn;
	void *timer_arg;
	struct {
		adit_fn work, done;
		void *arg;
	} jobs[JOBS];
	uint32_t job_count, pool_limit, timers;
	adit_op ops[OPS];
	uint32_t op_count, unread;
	char name[300];
	adit_flow_info info[FLOWS];
	uint8_t gone[FLOWS];
	uint32_t owner_uid;
} rig;

/* ---- the loop ---- */

static uint64_t ADIT_CALL loop_now(adit_loop *l)
{
	return rig.now;
}

static adit_result ADIT_CALL loop_timer(adit_loop *l, adit_fn fn, void *arg, adit_timer **out)
{
	rig.timer_fn = fn;
	rig.timer_arg = arg;
	rig.timers++;
	*out = (adit_timer *)&rig.timer_at;
	return 0;
}

static void ADIT_CALL loop_timer_set(adit_timer *t, uint64_t after, uint64_t every)
{
	rig.timer_at = rig.now + after;
}

static void ADIT_CALL loop_timer_free(adit_timer *t)
{
	rig.timers -= t != NULL;
}

static adit_result ADIT_CALL loop_pool(adit_loop *l, adit_fn work, adit_fn done, void *arg)
{
	if (rig.job_count == rig.pool_limit)
		return ADIT_ELIMIT;
	rig.jobs[rig.job_count].work = work;
	rig.jobs[rig.job_count].done = done;
	rig.jobs[rig.job_count++].arg = arg;
	return 0;
}

static const adit_loop_1 loop = {
	.size = sizeof(loop), .now = loop_now, .timer = loop_timer, .timer_set = loop_timer_set,
	.timer_free = loop_timer_free, .pool = loop_pool,
};

static void run_jobs(void)
{
	uint32_t i, n = rig.job_count;

	rig.job_count = 0;
	for (i = 0; i < n; i++) {
		rig.jobs[i].work(rig.jobs[i].arg);
		rig.jobs[i].done(rig.jobs[i].arg);
	}
}

static void pass_time(uint64_t ms)
{
	rig.now += ms * 1000000;
	if (rig.timer_at && rig.timer_at <= rig.now) {
		rig.timer_at = 0;
		rig.timer_fn(rig.timer_arg);
	}
}

/* ---- what else a host has ---- */

static adit_result ADIT_CALL owner_find(const adit_flow_info *info, adit_owner *out)
{
	if (rig.owner_uid == UINT32_MAX)
		return ADIT_ENOENT;
	out->uid = rig.owner_uid;
	return 0;
}

static const adit_owner_1 owners = {sizeof(owners), 0, owner_find};

static adit_result ADIT_CALL config_json(const adit_cfg *c, const char *path, const char **out, size_t *len)
{
	*out = c->text;
	return 0;
}

static adit_result ADIT_CALL stacks_find(const adit_host *h, const char *name)
{
	return strcmp(name, "spare") ? ADIT_ENOENT : 0;
}

static const adit_stacks_1 stacks = {sizeof(stacks), 0, stacks_find};

static const void *ADIT_CALL rig_get(const adit_host *h, const char *iface)
{
	if (!strcmp(iface, ADIT_STACKS_1))
		return &stacks;
	if (!strcmp(iface, ADIT_LOOP_1))
		return &loop;
	if (!strcmp(iface, ADIT_OWNER_1))
		return &owners;
	if (!strcmp(iface, ADIT_CONFIG_1))
		return &rig.config;
	return rig.get(h, iface);
}

static void ADIT_CALL rig_submit(void *end, const adit_op *op, uint32_t n)
{
	struct host *h = end;

	for (; n; n--, op++) {
		assert_true(rig.op_count < OPS);
		rig.ops[rig.op_count++] = *op;
		if (op->type == ADIT_OP_NAME || op->type == ADIT_OP_STACK)
			snprintf(rig.name, sizeof(rig.name), "%s", op->u.name);
		if (op->type == ADIT_OP_UNREAD) {
			const adit_buf *b;

			for (b = op->u.buf; b; b = b->next)
				rig.unread += b->len;
		}
		if (op->flags & ADIT_OPF_BUF)
			h->path.put(h, &op->u.buf, 1);
	}
}

static const adit_flow_info *ADIT_CALL rig_info(void *end, adit_flow flow)
{
	return rig.gone[ADIT_FLOW_SLOT(flow)] ? NULL : &rig.info[ADIT_FLOW_SLOT(flow)];
}

/* ---- settings: "rules", and as a whole what share_get() compares ---- */

enum { RULES_MOST = 8 };

struct settings {
	struct adit_cfg root, rules, lines[RULES_MOST];
};

static const adit_cfg *settings(struct settings *s, const char *const *lines)
{
	uint32_t n;

	memset(s, 0, sizeof(*s));
	for (n = 0; lines[n]; n++)
		s->lines[n].text = lines[n];
	s->rules = (struct adit_cfg){.key = "rules", .items = s->lines, .count = n};
	s->root = (struct adit_cfg){.text = "{}", .items = &s->rules, .count = 1};
	return &s->root;
}
#define SETTINGS(s, ...) settings(s, (const char *const[]){__VA_ARGS__, NULL})

static adit_result begin(const adit_cfg *cfg, uint32_t shards)
{
	adit_result result;
	uint32_t i;

	memset(&rig, 0, sizeof(rig));
	rig.h = host_new("handler-rules");
	rig.get = rig.h->host.get;
	rig.config = *(const adit_config_1 *)rig.get(&rig.h->host, ADIT_CONFIG_1);
	rig.config.json = config_json;
	rig.h->host.get = rig_get;
	rig.h->path.submit = rig_submit;
	rig.h->path.info = rig_info;
	rig.pool_limit = JOBS;
	rig.owner_uid = UINT32_MAX;
	assert_int_equal(rig.h->module->init(&rig.h->host, &rig.ctx), 0);
	for (i = 0; i < shards; i++) {
		rig.env[i] = (adit_env){.size = sizeof(rig.env[i]),
		                        .shard = i,
		                        .shards = shards,
		                        .flows = FLOWS,
		                        .name = "rules",
		                        .host = &rig.h->host,
		                        .cfg = cfg,
		                        .path = &rig.h->path};
		result = rig.h->life->create(rig.ctx, &rig.env[i], &rig.inst[i]);
		if (result == 0)
			result = rig.h->life->open(rig.inst[i]);
		if (result == 0)
			result = rig.h->life->start(rig.inst[i]);
		if (result < 0)
			return result;
	}
	return 0;
}

static void end(void)
{
	uint32_t i;

	for (i = 0; i < SHARDS; i++) {
		if (!rig.inst[i])
			continue;
		rig.h->life->stop(rig.inst[i]);
		rig.h->life->destroy(rig.inst[i]);
	}
	run_jobs(); /* answers that come too late */
	rig.h->module->fini(rig.ctx);
	assert_int_equal(rig.h->allocations, 0);
	assert_int_equal(rig.h->buffers, 0);
	host_free(rig.h);
}

static void event(uint32_t slot, uint16_t type, uint64_t user, adit_buf *buf)
{
	adit_event ev = {
	    .type = type, .flags = buf ? ADIT_EVF_BUF : 0, .flow = host_handle(slot, 1), .user = user, .u.buf = buf};

	if (type == ADIT_EV_OPEN)
		ev.u.info = &rig.info[slot];
	((const adit_handler_1 *)rig.h->table)->events(rig.inst[0], &ev, 1);
}

/* A new flow; returns the type of the operation that it caused, or 0. */
static uint16_t open_flow(uint32_t slot, uint8_t proto, uint16_t port)
{
	uint32_t before = rig.op_count;

	rig.info[slot] = (adit_flow_info){.size = sizeof(adit_flow_info),
	                                  .proto = proto,
	                                  .src = {.family = 4, .port = 40000},
	                                  .dst = {.family = 4, .ip = {192, 0, 2, 1}, .port = port}};
	rig.gone[slot] = 0;
	event(slot, ADIT_EV_OPEN, 0, NULL);
	return rig.op_count > before ? rig.ops[rig.op_count - 1].type : 0;
}

static const adit_op *last(void)
{
	assert_true(rig.op_count > 0);
	return &rig.ops[rig.op_count - 1];
}

static void say(uint32_t slot, uint64_t user, const char *text)
{
	event(slot, ADIT_EV_DATA, user, host_buf(rig.h, text, (uint32_t)strlen(text), 2));
}

/* ---- looking ---- */

static void a_flow_is_looked_at(void **unused)
{
	struct settings s;
	uint64_t user;

	assert_int_equal(begin(SETTINGS(&s, "via plain domain .work.test", "reject domain bad.test"), 1), 0);
	assert_int_equal(open_flow(1, ADIT_PROTO_TCP, 80), ADIT_OP_ACCEPT);
	user = last()->u.num;
	say(1, user, "GET / HTTP/1.1\r\nHo");
	assert_int_equal(last()->type, ADIT_OP_ACCEPT);
	say(1, user, "st: a.work.test\r\n\r\n");
	assert_int_equal(last()->type, ADIT_OP_FORWARD);
	assert_int_equal(last()->code, 3);
	assert_int_equal(last()[-1].type, ADIT_OP_UNREAD);
	assert_int_equal(last()[-2].type, ADIT_OP_NAME);
	assert_string_equal(rig.name, "a.work.test");
	assert_int_equal(rig.unread, 37);
	event(1, ADIT_EV_CLOSED, user, NULL);
	assert_int_equal(open_flow(1, ADIT_PROTO_TCP, 80), ADIT_OP_ACCEPT); /* the slot again */
	user = last()->u.num;
	say(1, user, "GET / HTTP/1.1\r\nHost: bad.test\r\n");
	assert_int_equal(last()->type, ADIT_OP_ABORT);
	assert_int_equal(rig.unread, 37);
	say(1, user, "what comes later"); /* is put back: end() counts */
	end();
}

static void a_silent_flow_is_decided_in_time(void **unused)
{
	struct settings s;

	assert_int_equal(begin(SETTINGS(&s, "reject domain bad.test"), 1), 0);
	open_flow(1, ADIT_PROTO_TCP, 22);
	pass_time(200);
	open_flow(2, ADIT_PROTO_TCP, 22);
	say(2, last()->u.num, "SS");
	pass_time(99);
	assert_int_equal(last()->type, ADIT_OP_ACCEPT);
	pass_time(1);
	assert_int_equal(last()->type, ADIT_OP_FORWARD);
	assert_int_equal(ADIT_FLOW_SLOT(last()->flow), 1);
	assert_int_equal(last()->code, 0);
	pass_time(200);
	assert_int_equal(last()->type, ADIT_OP_FORWARD);
	assert_int_equal(ADIT_FLOW_SLOT(last()->flow), 2);
	assert_int_equal(rig.unread, 2);
	end();
}

static void an_end_decides_too(void **unused)
{
	struct settings s;

	assert_int_equal(begin(SETTINGS(&s, "reject domain bad.test"), 1), 0);
	open_flow(1, ADIT_PROTO_TCP, 80);
	event(1, ADIT_EV_FIN, last()->u.num, NULL);
	assert_int_equal(last()->type, ADIT_OP_FORWARD);
	open_flow(2, ADIT_PROTO_TCP, 80);
	say(2, last()->u.num, "GET");
	event(2, ADIT_EV_CLOSED, last()->u.num, NULL);
	pass_time(1000);
	assert_int_equal(last()->type, ADIT_OP_ACCEPT); /* nothing more is said of a flow that has ended */
	end();
}

static void datagrams_to_dns_are_looked_at(void **unused)
{
	uint8_t bytes[600];
	size_t size = make_query(bytes, "x.bad.test");
	struct settings s;

	assert_int_equal(begin(SETTINGS(&s, "reject domain .bad.test"), 1), 0);
	assert_int_equal(open_flow(1, ADIT_PROTO_UDP, 443), ADIT_OP_ACCEPT);
	event(1, ADIT_EV_DGRAM, last()->u.num, host_buf(rig.h, "no QUIC", 7, 1));
	assert_int_equal(last()->type, ADIT_OP_FORWARD); /* at once: nothing readable comes */
	open_flow(4, ADIT_PROTO_UDP, 443);
	event(4, ADIT_EV_DGRAM, last()->u.num, host_buf(rig.h, "", 0, 1));
	assert_int_equal(last()->type, ADIT_OP_FORWARD);
	rig.unread = 0;
	assert_int_equal(open_flow(2, ADIT_PROTO_UDP, 53), ADIT_OP_ACCEPT);
	event(2, ADIT_EV_DGRAM, last()->u.num, host_buf(rig.h, bytes, (uint32_t)size, 1));
	assert_int_equal(last()->type, ADIT_OP_IDLE); /* stays, and all that comes is put back */
	size = make_query(bytes, "good.test");
	event(2, ADIT_EV_DGRAM, 0, host_buf(rig.h, bytes, (uint32_t)size, 1));
	assert_int_equal(last()->type, ADIT_OP_IDLE);
	size = make_query(bytes, "good.test");
	open_flow(3, ADIT_PROTO_UDP, 53);
	event(3, ADIT_EV_DGRAM, last()->u.num, host_buf(rig.h, bytes, (uint32_t)size, 2));
	assert_int_equal(last()->type, ADIT_OP_FORWARD);
	assert_int_equal(rig.unread, size);
	end();
}

static void a_dribble_is_bounded(void **unused)
{
	struct settings s;
	uint64_t user;
	uint32_t i;

	assert_int_equal(begin(SETTINGS(&s, "reject domain .bad.test"), 1), 0);
	open_flow(1, ADIT_PROTO_TCP, 80);
	user = last()->u.num;
	for (i = 0; i < 63; i++)
		say(1, user, "G");
	assert_int_equal(last()->type, ADIT_OP_FORWARD); /* no method has so many letters */
	open_flow(2, ADIT_PROTO_TCP, 80);
	user = last()->u.num;
	say(2, user, "GET /");
	for (i = 0; i < 62; i++)
		say(2, user, "a");
	assert_int_equal(last()->type, ADIT_OP_ACCEPT);
	say(2, user, "a");
	assert_int_equal(last()->type, ADIT_OP_FORWARD);
	end();
}

static void too_many_are_decided_with_what_is_known(void **unused)
{
	struct settings s;
	uint32_t i;

	assert_int_equal(begin(SETTINGS(&s, "reject domain .bad.test"), 1), 0);
	for (i = 0; i < 4096; i++)
		assert_int_equal(open_flow(i, ADIT_PROTO_TCP, 80), ADIT_OP_ACCEPT);
	assert_int_equal(open_flow(i, ADIT_PROTO_TCP, 80), ADIT_OP_PASS);
	event(7, ADIT_EV_CLOSED, rig.ops[7].u.num, NULL);
	assert_int_equal(open_flow(7, ADIT_PROTO_TCP, 80), ADIT_OP_ACCEPT);
	end(); /* with all of them open */
}

/* ---- the stack of a flow ---- */

static void a_rule_chooses_the_stack(void **unused)
{
	struct settings s;

	assert_int_equal(begin(SETTINGS(&s, "allow stack spare port 22", "allow connect-later stack spare domain a.test", "allow"), 1),
	                 0);
	assert_int_equal(open_flow(1, ADIT_PROTO_TCP, 22), ADIT_OP_FORWARD);
	assert_int_equal(last()[-1].type, ADIT_OP_STACK);
	assert_int_equal(ADIT_FLOW_SLOT(last()[-1].flow), 1);
	assert_string_equal(rig.name, "spare");
	assert_int_equal(open_flow(2, ADIT_PROTO_TCP, 80), ADIT_OP_ACCEPT);
	rig.name[0] = '\0';
	say(2, last()->u.num, "GET / HTTP/1.1\r\nHost: a.test\r\n");
	assert_int_equal(last()->type, ADIT_OP_FORWARD); /* too late for another stack */
	assert_string_equal(rig.name, "a.test");
	end();
	assert_int_equal(begin(SETTINGS(&s, "allow stack none port 22"), 1), ADIT_ECONFIG);
	rig.h->life->destroy(rig.inst[0]);
	rig.inst[0] = NULL;
	end();
}

/* ---- asking ---- */

static void the_owner_is_asked(void **unused)
{
	struct settings s;

	assert_int_equal(begin(SETTINGS(&s, "reject host user 1000"), 1), 0);
	assert_int_equal(open_flow(1, ADIT_PROTO_TCP, 80), 0);
	run_jobs();
	assert_int_equal(last()->type, ADIT_OP_PASS); /* nobody's */
	rig.owner_uid = 1000;
	open_flow(2, ADIT_PROTO_TCP, 80);
	run_jobs();
	assert_int_equal(last()->type, ADIT_OP_REJECT);
	assert_int_equal(last()->code, ADIT_EHOST);
	assert_int_equal(open_flow(3, ADIT_PROTO_ICMP, 0), ADIT_OP_PASS); /* cannot be asked for */
	rig.pool_limit = 0;
	assert_int_equal(open_flow(4, ADIT_PROTO_TCP, 80), ADIT_OP_PASS); /* the pool is full */
	end();
}

static void an_answer_may_come_too_late(void **unused)
{
	struct settings s;
	uint32_t before;

	assert_int_equal(begin(SETTINGS(&s, "reject user 1000", "reject domain .bad.test user 5"), 1), 0);
	open_flow(1, ADIT_PROTO_TCP, 80);
	before = rig.op_count;
	rig.gone[1] = 1; /* the flow ends while the question is under way */
	event(1, ADIT_EV_CLOSED, 0, NULL);
	run_jobs();
	assert_int_equal(rig.op_count, before);
	open_flow(2, ADIT_PROTO_TCP, 80);
	end(); /* one is under way */
}

static void first_the_owner_then_the_name(void **unused)
{
	struct settings s;

	assert_int_equal(begin(SETTINGS(&s, "via plain domain .work.test user 5", "reject user 6 domain .bad.test"), 1),
	                 0);
	rig.owner_uid = 6;
	assert_int_equal(open_flow(1, ADIT_PROTO_TCP, 80), 0);
	run_jobs();
	assert_int_equal(last()->type, ADIT_OP_ACCEPT);
	say(1, last()->u.num, "GET / HTTP/1.1\r\nHost: a.bad.test\r\n");
	assert_int_equal(last()->type, ADIT_OP_ABORT);
	rig.owner_uid = 7;
	open_flow(2, ADIT_PROTO_TCP, 80);
	run_jobs();
	assert_int_equal(last()->type, ADIT_OP_PASS); /* no name can matter any more */
	end();
}

/* ---- reading the rules again ---- */

static void rules_are_read_again(void **unused)
{
	struct settings s, t;
	uint64_t user;

	assert_int_equal(begin(SETTINGS(&s, "drop port 5", "reject domain .bad.test"), 1), 0);
	assert_int_equal(open_flow(1, ADIT_PROTO_TCP, 5), ADIT_OP_DROP);
	open_flow(2, ADIT_PROTO_TCP, 80);
	user = last()->u.num;
	assert_int_equal(rig.h->life->reload(rig.inst[0], SETTINGS(&t, "drop port x")), ADIT_ECONFIG);
	assert_non_null(strstr(rig.h->why, "\"rules\", number 1: ports are"));
	assert_int_equal(rig.h->life->reload(rig.inst[0], SETTINGS(&t, "set a /nonexistent/set")), ADIT_ENOENT);
	assert_int_equal(rig.job_count, 0);
	assert_int_equal(open_flow(3, ADIT_PROTO_TCP, 5), ADIT_OP_DROP);
	assert_int_equal(rig.h->life->reload(rig.inst[0], SETTINGS(&t, "reject port 5", "via plain domain .bad.test")),
	                 0);
	assert_int_equal(open_flow(4, ADIT_PROTO_TCP, 5), ADIT_OP_DROP); /* the sets are still being read */
	run_jobs();
	assert_int_equal(open_flow(5, ADIT_PROTO_TCP, 5), ADIT_OP_REJECT);
	say(2, user, "GET / HTTP/1.1\r\nHost: a.bad.test\r\n"); /* a flow that was being looked at has the new rules */
	assert_int_equal(last()->type, ADIT_OP_FORWARD);
	assert_int_equal(last()->code, 3);
	end();
}

static void a_later_reading_wins(void **unused)
{
	struct settings s, t, u;

	assert_int_equal(begin(SETTINGS(&s, "drop port 5"), 1), 0);
	assert_int_equal(rig.h->life->reload(rig.inst[0], SETTINGS(&t, "allow port 5")), 0);
	assert_int_equal(rig.h->life->reload(rig.inst[0], SETTINGS(&u, "reject port 5")), 0);
	run_jobs();
	assert_int_equal(open_flow(1, ADIT_PROTO_TCP, 5), ADIT_OP_REJECT);
	assert_int_equal(rig.h->life->reload(rig.inst[0], SETTINGS(&t, "allow port 5")), 0);
	end(); /* one is under way */
}

static void a_set_that_cannot_be_read_changes_nothing(void **unused)
{
	char path[] = "/tmp/test-rules-XXXXXX", line[100];
	struct settings s, t;
	int fd = mkstemp(path), i;
	FILE *f = fdopen(fd, "w");

	for (i = 0; i < 5000; i++)
		fprintf(f, "host%d.example\n", i);
	fclose(f);
	snprintf(line, sizeof(line), "set big %s", path);
	assert_int_equal(begin(SETTINGS(&s, line, "drop port 5", "drop domain @big"), 1), 0);
	assert_int_equal(truncate(path, 300 << 20), 0); /* a line of 300 MB of nothing */
	assert_int_equal(rig.h->life->reload(rig.inst[0], SETTINGS(&t, line, "allow port 5")), 0);
	run_jobs();
	assert_int_equal(open_flow(1, ADIT_PROTO_UDP, 5), ADIT_OP_DROP);
	unlink(path);
	end();
}

static void shards_share_one_table(void **unused)
{
	char path[] = "/tmp/test-rules-XXXXXX", line[100];
	struct settings s;
	int fd = mkstemp(path);

	close(fd);
	snprintf(line, sizeof(line), "set one %s", path);
	SETTINGS(&s, line, "drop port 5");
	assert_int_equal(begin(&s.root, 2), 0);
	assert_int_equal(rig.h->life->reload(rig.inst[0], &s.root), 0);
	unlink(path); /* the second shard has no file to read, and needs none */
	assert_int_equal(rig.h->life->reload(rig.inst[1], &s.root), 0);
	run_jobs();
	assert_int_equal(open_flow(1, ADIT_PROTO_TCP, 5), ADIT_OP_DROP);
	assert_int_equal(rig.h->life->reload(rig.inst[0], &s.root), ADIT_ENOENT); /* a third reading is a new one */
	end();
}

static void a_failed_create_leaves_nothing(void **unused)
{
	struct settings s;

	assert_int_equal(begin(SETTINGS(&s, "drop port x"), 1), ADIT_ECONFIG);
	rig.h->life->destroy(rig.inst[0]);
	rig.inst[0] = NULL;
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_looked_at),
		cmocka_unit_test(a_silent_flow_is_decided_in_time),
		cmocka_unit_test(an_end_decides_too),
		cmocka_unit_test(datagrams_to_dns_are_looked_at),
		cmocka_unit_test(a_dribble_is_bounded),
		cmocka_unit_test(too_many_are_decided_with_what_is_known),
		cmocka_unit_test(a_rule_chooses_the_stack),
		cmocka_unit_test(the_owner_is_asked),
		cmocka_unit_test(an_answer_may_come_too_late),
		cmocka_unit_test(first_the_owner_then_the_name),
		cmocka_unit_test(rules_are_read_again),
		cmocka_unit_test(a_later_reading_wins),
		cmocka_unit_test(a_set_that_cannot_be_read_changes_nothing),
		cmocka_unit_test(shards_share_one_table),
		cmocka_unit_test(a_failed_create_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
