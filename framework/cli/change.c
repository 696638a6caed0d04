/* SPDX-License-Identifier: MIT
 * cli/change.c - diff, reload, swap and log: what can be changed about a host that runs
 */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/table.h"

enum { RELOAD_WAIT_MS = 300000 };

static void print_body(const struct json_node *body)
{
	char *text = json_node_dump(body);

	puts(text ? text : "null");
	fflush(stdout);
	free(text);
}

static void begin(struct jsonw *w, const char *verb)
{
	jsonw_init(w, 65536);
	jsonw_object(w, NULL);
	jsonw_text(w, "verb", verb);
}

/* Sends what is written, and shows items as they come. The reply that ends them is the caller's to free. */
static int ask(const struct request *r, const char *command, struct jsonw *w, int wait_ms,
               void (*show)(const struct json_node *item), struct reply *end)
{
	struct connection c;
	int status = connection_open(&c, command, r->session.name, r->socket);

	*end = (struct reply){.kind = REPLY_GONE};
	jsonw_end_object(w);
	if (status) {
		jsonw_fini(w);
		return status;
	}
	connection_ask(&c, w);
	for (;;) {
		connection_next(&c, wait_ms, end);
		if (end->kind != REPLY_ITEM)
			break;
		if (r->json)
			print_body(end->body);
		else
			show(end->body);
		fflush(stdout);
		reply_free(end);
		if (ferror(stdout)) {
			connection_close(&c);
			return STATUS_REFUSED;
		}
	}
	status = reply_status(end, command);
	connection_close(&c);
	return status;
}

/* ---- diff and reload ---- */

static void show_step(const struct json_node *b)
{
	static const struct {
		const char *change, *sign;
	} signs[] = {{"add", "+"}, {"remove", "-"}, {"update", "~"}, {"renew", "~"}, {"live", "~"}, {"restart", "!"}};
	const char *change = member_text(b, "change"), *kind = json_node_text(json_node_member(b, "kind")), *sign = "?";
	char line[1024];
	size_t i;

	for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (!strcmp(signs[i].change, change))
			sign = signs[i].sign;
	snprintf(line, sizeof(line), "%s %-8s %s%s%s: %s", sign, change, kind ? kind : "", kind ? " " : "",
	         member_text(b, "name"), member_text(b, "why"));
	print_line(stdout, line, terminal_width());
}

static int planned(struct request *r, const char *command, const char *done)
{
	struct reply end;
	struct jsonw w;
	int status;

	begin(&w, command);
	if (r->drain)
		jsonw_text(&w, "drain", r->drain);
	status = ask(r, command, &w, RELOAD_WAIT_MS, show_step, &end);
	if (!status && r->json)
		print_body(end.body);
	else if (!status && !member_number(end.body, "changes"))
		puts("nothing differs");
	else if (!status)
		printf("%s: %llu changes, %llu instances stay as they are\n", done,
		       (unsigned long long)member_number(end.body, "changes"), (unsigned long long)member_number(end.body, "kept"));
	reply_free(&end);
	return status;
}

int command_diff(struct request *r)
{
	return planned(r, "diff", "adit reload would make");
}

int command_reload(struct request *r)
{
	return planned(r, "reload", "done");
}

/* ---- swap ---- */

static void show_progress(const struct json_node *b)
{
	char line[1024], after[FIGURE_TEXT];

	snprintf(line, sizeof(line), "%-7s %6s  %s", member_text(b, "step"), figure_seconds(member_real(b, "after"), after),
	         member_text(b, "text"));
	print_line(stdout, line, terminal_width());
}

int command_swap(struct request *r)
{
	const char *proto = r->word_count == 2 ? r->word_list[0] : NULL;
	struct reply end;
	struct jsonw w;
	int status;

	if (r->undo ? r->word_count != 0 : !r->word_count) {
		fputs("adit swap: name the stack that gets new flows, or say --undo; try: adit swap --help\n", stderr);
		return STATUS_WORDS;
	}
	begin(&w, "swap");
	if (proto)
		jsonw_text(&w, "proto", proto);
	if (r->undo)
		jsonw_truth(&w, "undo", true);
	else
		jsonw_text(&w, "stack", r->word_list[r->word_count - 1]);
	if (r->drain)
		jsonw_text(&w, "drain", r->drain);
	status = ask(r, "swap", &w, CONNECT_FOREVER, show_progress, &end);
	reply_free(&end);
	return status;
}

/* ---- log ---- */

static void show_line(const struct json_node *b)
{
	char line[2048];
	const char *time = json_node_text(json_node_member(b, "time"));

	if (!time) {
		printf("%llu lines were lost: this reader is too slow\n", (unsigned long long)member_number(b, "lost"));
		return;
	}
	snprintf(line, sizeof(line), "%s %-5s %s: %s", time, member_text(b, "level"), member_text(b, "part"),
	         member_text(b, "text"));
	print_line(stdout, line, 0);
}

int command_log(struct request *r)
{
	struct reply end;
	struct jsonw w;
	int status = 0;

	if (!r->follow && !r->level) {
		fputs("adit log: say --level LEVEL to change what is logged, --follow to see it; try: adit log --help\n", stderr);
		return STATUS_WORDS;
	}
	if (r->level) {
		begin(&w, "log-level");
		jsonw_text(&w, "level", r->level);
		status = ask(r, "log", &w, CONNECT_WAIT_MS, show_line, &end);
		if (!status && r->json)
			print_body(end.body);
		else if (!status)
			printf("logged from here on: %s and above\n", member_text(end.body, "level"));
		fflush(stdout);
		reply_free(&end);
	}
	if (!status && r->follow) {
		begin(&w, "log");
		status = ask(r, "log", &w, CONNECT_FOREVER, show_line, &end);
		reply_free(&end);
	}
	return status;
}
