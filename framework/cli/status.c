/* SPDX-License-Identifier: MIT
 * cli/status.c - hosts, status and counters: what runs, and how it does
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/table.h"

enum { RATE_SPAN_MS = 600 };

int command_hosts(struct request *r)
{
	struct running hosts[CONNECT_HOSTS];
	unsigned count = connect_list(hosts), i;
	struct jsonw w;

	for (i = 0; i < count; i++) {
		if (!r->json) {
			printf("%-20s %-8d %s\n", hosts[i].name, (int)hosts[i].pid, hosts[i].path);
			continue;
		}
		jsonw_init(&w, 4096);
		jsonw_object(&w, NULL);
		jsonw_text(&w, "name", hosts[i].name);
		jsonw_int(&w, "process", hosts[i].pid);
		jsonw_text(&w, "socket", hosts[i].path);
		jsonw_end_object(&w);
		printf("%.*s\n", (int)w.used, w.text);
		jsonw_fini(&w);
	}
	return count ? STATUS_OK : STATUS_NO_HOST;
}

/* ---- one question, one answer ---- */

static bool ask(struct connection *c, const char *verb)
{
	struct jsonw w;

	jsonw_init(&w, 4096);
	jsonw_object(&w, NULL);
	jsonw_text(&w, "verb", verb);
	jsonw_end_object(&w);
	return connection_ask(c, &w);
}

static void print_body(const struct json_node *body)
{
	char *text = json_node_dump(body);

	puts(text ? text : "null");
	free(text);
}

static int print_counter(void *arg, const char *key, const struct json_node *value)
{
	int64_t n = 0;

	(void)arg;
	json_node_integer(value, &n);
	printf("%-24s %lld\n", key, (long long)n);
	return 0;
}

int command_counters(struct request *r)
{
	struct connection c;
	struct reply reply;
	int status = connection_open(&c, "counters", r->session.name, r->socket);

	if (status)
		return status;
	ask(&c, "counters");
	connection_next(&c, CONNECT_WAIT_MS, &reply);
	status = reply_status(&reply, "counters");
	if (!status && r->json)
		print_body(reply.body);
	else if (!status)
		json_node_each(reply.body, print_counter, NULL);
	reply_free(&reply);
	connection_close(&c);
	return status;
}

/* ---- status ---- */

struct rates {
	bool known;
	uint64_t up, down;
};

/* The host keeps no rates: flows are looked at twice. */
static int ask_rates(struct connection *c, struct rates *out)
{
	static const struct timespec span = {0, RATE_SPAN_MS * 1000000L};
	struct reply reply;
	enum reply_kind kind;
	struct jsonw w;
	int look, status = STATUS_OK;

	for (look = 0; !status && look < 2; look++) {
		if (look)
			nanosleep(&span, NULL);
		jsonw_init(&w, 4096);
		jsonw_object(&w, NULL);
		jsonw_text(&w, "verb", "flows");
		jsonw_text(&w, "sort", "rate");
		jsonw_uint(&w, "limit", 1);
		jsonw_end_object(&w);
		connection_ask(c, &w);
		do {
			connection_next(c, CONNECT_WAIT_MS, &reply);
			if (reply.kind == REPLY_OK && look) {
				out->known = true;
				out->up = member_number(reply.body, "up_rate");
				out->down = member_number(reply.body, "down_rate");
			}
			if (reply.kind != REPLY_ITEM)
				status = reply_status(&reply, "status");
			kind = reply.kind;
			reply_free(&reply);
		} while (kind == REPLY_ITEM);
	}
	return status;
}

static void print_stacks(const struct json_node *stack)
{
	static const char *const protos[] = {"tcp", "udp", "icmp"};
	size_t i;

	for (i = 0; i < 3; i++) {
		const struct json_node *one = json_node_member(stack, protos[i]);
		const char *reason = json_node_text(json_node_member(one, "reason"));

		printf("%s%s %s%s%s%s", i ? "  " : "stack     ", protos[i], member_text(one, "name"), reason && *reason ? " (" : "",
		       reason ? reason : "", reason && *reason ? ")" : "");
		if (reason && *reason)
			printf(i < 2 ? "\n        " : "");
	}
	putchar('\n');
}

static void print_change(const struct json_node *change)
{
	char ago[FIGURE_TEXT];

	if (change)
		printf("change    %s, %s ago, by uid %llu\n", member_text(change, "what"),
		       figure_seconds(member_real(change, "ago"), ago), (unsigned long long)member_number(change, "uid"));
}

static void print_host(const struct json_node *b, const struct rates *rates)
{
	const struct json_node *flows = json_node_member(b, "flows");
	char up[FIGURE_TEXT], down[FIGURE_TEXT];

	printf("%s  adit %s  process %llu  up %s\n", member_text(b, "name"), member_text(b, "version"),
	       (unsigned long long)member_number(b, "process"), figure_seconds(member_real(b, "up"), up));
	printf("manifest  %s\n", member_text(b, "manifest"));
	print_stacks(json_node_member(b, "stack"));
	printf("flows     %llu now (%llu tcp, %llu udp, %llu icmp), %llu opened, %llu refused\n",
	       (unsigned long long)member_number(flows, "now"), (unsigned long long)member_number(flows, "tcp"),
	       (unsigned long long)member_number(flows, "udp"), (unsigned long long)member_number(flows, "icmp"),
	       (unsigned long long)member_number(flows, "opened"), (unsigned long long)member_number(flows, "refused"));
	if (rates->known)
		printf("rates     %sB/s down, %sB/s up\n", figure_bytes(rates->down, down), figure_bytes(rates->up, up));
	printf("shards    %llu    log %s    clients %llu\n", (unsigned long long)member_number(b, "shards"),
	       member_text(b, "log_level"), (unsigned long long)member_number(b, "clients"));
	print_change(json_node_member(b, "change"));
}

static void add_instance(struct table *t, const struct json_node *b)
{
	char generation[FIGURE_TEXT], left[FIGURE_TEXT], what[96] = "";
	const struct json_node *protos = json_node_member(b, "protos");
	size_t i, used = 0;

	snprintf(generation, sizeof(generation), "%llu", (unsigned long long)member_number(b, "generation"));
	if (member_truth(b, "draining")) {
		snprintf(what, sizeof(what), "draining: %llu flows left, %s%s", (unsigned long long)member_number(b, "flows"),
		         json_node_member(b, "drain_left") ? "for " : "until they end",
		         json_node_member(b, "drain_left") ? figure_seconds(member_real(b, "drain_left"), left) : "");
	} else {
		for (i = 0; i < json_node_count(protos); i++)
			used += (size_t)snprintf(what + used, sizeof(what) - used, "%s%s", i ? " " : "new ",
			                         json_node_text(json_node_item(protos, i)));
	}
	table_add(t, (const char *const[]){member_text(b, "kind"), member_text(b, "name"), member_text(b, "module"),
	                                   member_text(b, "version"), generation, what});
}

static int print_status(struct connection *c, bool json)
{
	static const struct table_column columns[] = {{"KIND", 0, 0}, {"NAME", 0, 1}, {"MODULE", 0, 1},
	                                              {"VERSION", 0, 0}, {"GEN", 1, 0}, {"", 0, 1}};
	struct rates rates = {false, 0, 0};
	struct reply reply;
	struct table t;
	unsigned instances = 0;
	int status = ask_rates(c, &rates);

	if (status)
		return status;
	ask(c, "status");
	table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
	if (json)
		fputs("{\"modules\":[", stdout);
	for (;;) {
		char *text;

		connection_next(c, CONNECT_WAIT_MS, &reply);
		if (reply.kind != REPLY_ITEM)
			break;
		text = json ? json_node_dump(reply.body) : NULL;
		if (json)
			printf("%s%s", instances ? "," : "", text ? text : "null");
		else
			add_instance(&t, reply.body);
		instances++;
		free(text);
		reply_free(&reply);
	}
	status = reply_status(&reply, "status");
	if (json) {
		char *text = status ? NULL : json_node_dump(reply.body);

		printf("],\"up_rate\":%llu,\"down_rate\":%llu,\"host\":%s}\n", (unsigned long long)rates.up,
		       (unsigned long long)rates.down, text ? text : "null");
		free(text);
	} else if (!status) {
		print_host(reply.body, &rates);
		if (instances) {
			putchar('\n');
			table_print(&t, stdout, terminal_width());
		}
	}
	reply_free(&reply);
	table_fini(&t);
	return status;
}

int command_status(struct request *r)
{
	struct connection c;
	int status = connection_open(&c, "status", r->session.name, r->socket);

	if (!status)
		status = print_status(&c, r->json);
	connection_close(&c);
	return status;
}
