/* SPDX-License-Identifier: MIT
 * cli/flows.c - flows and close: which flows there are, as they come and go, and their end
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/table.h"
#include "conf/format.h"

/* ---- what is asked for ---- */

static const char *const keys[] = {"proto", "address", "port", "handler", "outbound", "stack", "state", "text"};

static bool is_proto(const char *word)
{
	return !strcmp(word, "tcp") || !strcmp(word, "udp") || !strcmp(word, "icmp");
}

static int bad_word(const char *command, const char *word, const char *what)
{
	fprintf(stderr, "adit %s: %s: %s; try: adit %s --help\n", command, words_shown(word), what, command);
	return STATUS_WORDS;
}

/* One word of a filter: KEY=VALUE, a protocol, an address or prefix, or a text. */
static int filter_word(struct jsonw *w, const char *command, const char *word)
{
	const char *equals = strchr(word, '=');
	struct format_prefix prefix;
	size_t i;

	if (!equals) {
		jsonw_text(w, is_proto(word) ? "proto" : format_cidr(word, &prefix) ? "address" : "text", word);
		return 0;
	}
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strlen(keys[i]) == (size_t)(equals - word) && !strncmp(keys[i], word, strlen(keys[i])))
			break;
	if (i == sizeof(keys) / sizeof(keys[0]))
		return bad_word(command, word, "filters are proto=, address=, port=, handler=, outbound=, stack=, state=, text=");
	if (strcmp(keys[i], "port") != 0) {
		jsonw_text(w, keys[i], equals + 1);
		return 0;
	}
	if (!equals[1] || strlen(equals + 1) > 5 || equals[1 + strspn(equals + 1, "0123456789")])
		return bad_word(command, word, "a port is a number");
	jsonw_uint(w, "port", strtoul(equals + 1, NULL, 10));
	return 0;
}

static int number_word(const char *command, const char *word, uint64_t *out)
{
	if (!*word || strlen(word) > 9 || word[strspn(word, "0123456789")] || !strtoul(word, NULL, 10))
		return bad_word(command, word, "--limit is a number from 1 on");
	*out = strtoul(word, NULL, 10);
	return 0;
}

/* ---- flows ---- */

enum { WIDE = 110 /* columns of a terminal in which processes are listed too */ };

static const char *target_of(const struct json_node *b, char *buf, size_t size)
{
	const char *name = json_node_text(json_node_member(b, "name")), *dst = member_text(b, "dst"), *port = strrchr(dst, ':');

	if (!name)
		return dst;
	snprintf(buf, size, "%s%s", name, port ? port : "");
	return buf;
}

static const char *state_of(const struct json_node *b)
{
	const char *cause = json_node_text(json_node_member(b, "cause"));

	return cause ? cause : member_text(b, "state");
}

/* "curl[4711]", or the user where no process is known. */
static const char *who_of(const struct json_node *b, char *buf, size_t size)
{
	const char *process = json_node_text(json_node_member(b, "process"));

	if (json_node_member(b, "pid"))
		snprintf(buf, size, "%s[%.0f]", process ? process : "", (double)member_number(b, "pid"));
	else if (json_node_member(b, "uid"))
		snprintf(buf, size, "uid %.0f", (double)member_number(b, "uid"));
	else
		return "-";
	return buf;
}

static void add_flow(struct table *t, const struct json_node *b)
{
	char target[320], who[64], up[FIGURE_TEXT], down[FIGURE_TEXT], age[FIGURE_TEXT];
	const char *via = member_text(b, "outbound");

	table_add(t, (const char *const[]){
		member_text(b, "flow"), member_text(b, "proto"), member_text(b, "src"),
		target_of(b, target, sizeof(target)),
		strcmp(via, "-") ? via : member_text(b, "handler"), figure_bytes(member_number(b, "up"), up),
		figure_bytes(member_number(b, "down"), down), figure_seconds(member_real(b, "age"), age),
		state_of(b), who_of(b, who, sizeof(who))});
}

static void print_body(const struct json_node *body)
{
	char *text = json_node_dump(body);

	puts(text ? text : "null");
	free(text);
}

static int print_flows(struct connection *c, bool json)
{
	static const struct table_column columns[] = {{"FLOW", 0, 0}, {"PROTO", 0, 0}, {"FROM", 0, 1}, {"TO", 0, 1},
	                                              {"VIA", 0, 1},  {"UP", 1, 0},    {"DOWN", 1, 0}, {"AGE", 1, 0},
	                                              {"STATE", 0, 1}, {"PROCESS", 0, 1}};
	/* The last one is for who has room for it. */
	const unsigned width = terminal_width(), all = sizeof(columns) / sizeof(columns[0]);
	struct reply reply;
	struct table t;
	int status;

	table_init(&t, columns, width && width < WIDE ? all - 1 : all);
	for (;;) {
		connection_next(c, CONNECT_WAIT_MS, &reply);
		if (reply.kind != REPLY_ITEM)
			break;
		if (json)
			print_body(reply.body);
		else
			add_flow(&t, reply.body);
		reply_free(&reply);
	}
	status = reply_status(&reply, "flows");
	if (!status && !json) {
		uint64_t flows = member_number(reply.body, "flows"), shown = member_number(reply.body, "shown");

		if (shown)
			table_print(&t, stdout, width);
		else
			puts("no flows");
		if (shown < flows)
			printf("%llu of %llu flows; --limit shows more\n", (unsigned long long)shown, (unsigned long long)flows);
	}
	reply_free(&reply);
	table_fini(&t);
	return status;
}

static void print_event(const struct json_node *b, unsigned width)
{
	char line[1024], target[320], up[FIGURE_TEXT], down[FIGURE_TEXT], age[FIGURE_TEXT], figures[128] = "", stamp[16];
	const char *event = member_text(b, "event"), *cause = json_node_text(json_node_member(b, "cause"));
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm);
	if (!strcmp(event, "lost")) {
		printf("%s %llu entries were lost: this reader is too slow\n", stamp, (unsigned long long)member_number(b, "count"));
		return;
	}
	if (!strcmp(event, "rate"))
		snprintf(figures, sizeof(figures), "  up %s/s  down %s/s", figure_bytes(member_number(b, "up_rate"), up),
		         figure_bytes(member_number(b, "down_rate"), down));
	else if (strcmp(event, "opened") != 0)
		snprintf(figures, sizeof(figures), "  up %s  down %s  %s  %s", figure_bytes(member_number(b, "up"), up),
		         figure_bytes(member_number(b, "down"), down), figure_seconds(member_real(b, "age"), age),
		         cause ? cause : "ended");
	snprintf(line, sizeof(line), "%s %-6s %-6s %-4s %s > %s%s%s%s", stamp, event, member_text(b, "flow"),
	         member_text(b, "proto"), member_text(b, "src"), target_of(b, target, sizeof(target)),
	         strcmp(event, "opened") ? "" : "  via ", strcmp(event, "opened") ? "" : member_text(b, "outbound"), figures);
	print_line(stdout, line, width);
}

static int follow(struct connection *c, bool json)
{
	struct reply reply;
	int status;

	for (;;) {
		connection_next(c, CONNECT_FOREVER, &reply);
		if (reply.kind != REPLY_ITEM)
			break;
		if (json)
			print_body(reply.body);
		else
			print_event(reply.body, terminal_width());
		fflush(stdout);
		reply_free(&reply);
		if (ferror(stdout))
			return STATUS_REFUSED;
	}
	status = reply_status(&reply, "flows");
	reply_free(&reply);
	return status;
}

int command_flows(struct request *r)
{
	struct connection c;
	uint64_t limit = 0;
	struct jsonw w;
	unsigned i;
	int status = r->limit ? number_word("flows", r->limit, &limit) : 0;

	jsonw_init(&w, 65536);
	jsonw_object(&w, NULL);
	jsonw_text(&w, "verb", r->follow ? "follow" : "flows");
	for (i = 0; !status && i < r->word_count; i++)
		status = filter_word(&w, "flows", r->word_list[i]);
	if (r->follow && (limit || r->sort))
		status = bad_word("flows", "--follow", "it takes neither --sort nor --limit");
	if (limit)
		jsonw_uint(&w, "limit", limit);
	if (r->sort)
		jsonw_text(&w, "sort", r->sort);
	if (r->rates)
		jsonw_truth(&w, "rates", true);
	jsonw_end_object(&w);
	if (!status)
		status = connection_open(&c, "flows", r->session.name, r->socket);
	if (status) {
		jsonw_fini(&w);
		return status;
	}
	connection_ask(&c, &w);
	status = r->follow ? follow(&c, r->json) : print_flows(&c, r->json);
	connection_close(&c);
	return status;
}

/* ---- close ---- */

static int print_closed(struct connection *c, const char *what, bool json)
{
	struct reply reply;
	uint64_t count;
	int status;

	connection_next(c, CONNECT_WAIT_MS, &reply);
	status = reply_status(&reply, "close");
	count = member_number(reply.body, "closed");
	if (!status && json)
		print_body(reply.body);
	else if (!status && what)
		printf("%s: %s\n", words_shown(what), count ? "closed" : "had ended already");
	else if (!status)
		printf("%llu flows closed\n", (unsigned long long)count);
	reply_free(&reply);
	return status;
}

static int close_flow(struct connection *c, const char *flow, bool json)
{
	struct jsonw w;

	jsonw_init(&w, 4096);
	jsonw_object(&w, NULL);
	jsonw_text(&w, "verb", "close");
	jsonw_text(&w, "flow", flow);
	jsonw_end_object(&w);
	connection_ask(c, &w);
	return print_closed(c, flow, json);
}

static int close_filtered(struct connection *c, const struct request *r, uint64_t limit)
{
	struct jsonw w;
	unsigned i;
	int status = 0;

	jsonw_init(&w, 65536);
	jsonw_object(&w, NULL);
	jsonw_text(&w, "verb", "close");
	jsonw_uint(&w, "limit", limit);
	jsonw_truth(&w, "confirm", true);
	for (i = 0; !status && i < r->word_count; i++)
		status = filter_word(&w, "close", r->word_list[i]);
	jsonw_end_object(&w);
	if (status) {
		jsonw_fini(&w);
		return status;
	}
	connection_ask(c, &w);
	return print_closed(c, NULL, r->json);
}

int command_close(struct request *r)
{
	bool filtered = strchr(r->word_list[0], '=') != NULL;
	struct connection c;
	uint64_t limit = 0;
	unsigned i;
	int status = r->limit ? number_word("close", r->limit, &limit) : 0, one;

	for (i = 1; !status && i < r->word_count; i++)
		if ((strchr(r->word_list[i], '=') != NULL) != filtered)
			status = bad_word("close", r->word_list[i], "either flows, or a filter of KEY=VALUE");
	if (!status && filtered && (!r->yes || !limit))
		status = bad_word("close", r->word_list[0], "closing by a filter wants --yes and --limit N");
	if (!status)
		status = connection_open(&c, "close", r->session.name, r->socket);
	if (status)
		return status;
	if (filtered)
		status = close_filtered(&c, r, limit);
	for (i = 0; !filtered && i < r->word_count; i++) {
		one = close_flow(&c, r->word_list[i], r->json);
		status = one ? one : status;
		if (one == STATUS_NO_HOST)
			break;
	}
	connection_close(&c);
	return status;
}
