/* SPDX-License-Identifier: MIT
 * top/view.c - what adit-top shows
 */
#include "top/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"

enum { WIDE = 110 /* columns from which on the application's end has one too */, FIXED = 59, FROM = 24 };

static const char *const orders[] = {"rate", "down-rate", "up-rate", "down", "up", "age", "idle", "dst"};

const char *view_order(unsigned sort)
{
	return sort < sizeof(orders) / sizeof(orders[0]) ? orders[sort] : NULL;
}

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

/* ---- questions ---- */

static void begin(struct jsonw *w, const char *verb)
{
	jsonw_init(w, 4096);
	jsonw_object(w, NULL);
	jsonw_text(w, "verb", verb);
}

static void note_trouble(struct view *v, const struct reply *r)
{
	v->gone = r->kind == REPLY_GONE;
	copy(v->trouble, sizeof(v->trouble),
	     r->kind == REPLY_ERROR ? member_text(r->body, "text") : v->gone ? "the host has ended" : "the host does not answer");
}

static void take_row(struct view_row *row, const struct json_node *b)
{
	const char *name = json_node_text(json_node_member(b, "name")), *dst = member_text(b, "dst"), *port = strrchr(dst, ':');
	const char *via = member_text(b, "outbound"), *cause = json_node_text(json_node_member(b, "cause"));

	copy(row->flow, sizeof(row->flow), member_text(b, "flow"));
	copy(row->proto, sizeof(row->proto), member_text(b, "proto"));
	copy(row->from, sizeof(row->from), member_text(b, "src"));
	snprintf(row->to, sizeof(row->to), "%.250s%s", name ? name : dst, name && port ? port : "");
	copy(row->via, sizeof(row->via), strcmp(via, "-") ? via : member_text(b, "handler"));
	copy(row->state, sizeof(row->state), cause ? cause : member_text(b, "state"));
	row->up = member_number(b, "up");
	row->down = member_number(b, "down");
	row->rated = json_node_member(b, "up_rate") != NULL;
	row->up_rate = member_number(b, "up_rate");
	row->down_rate = member_number(b, "down_rate");
	row->age = member_real(b, "age");
}

static void ask_flows(struct view *v, unsigned most)
{
	struct reply r;
	struct jsonw w;

	begin(&w, "flows");
	jsonw_text(&w, "sort", orders[v->sort]);
	jsonw_uint(&w, "limit", most && most < VIEW_ROWS ? most : VIEW_ROWS);
	jsonw_truth(&w, "rates", true);
	if (*v->filter)
		jsonw_text(&w, "text", v->filter);
	jsonw_end_object(&w);
	connection_ask(v->host, &w);
	v->count = 0;
	for (;;) {
		connection_next(v->host, VIEW_WAIT_MS, &r);
		if (r.kind != REPLY_ITEM)
			break;
		if (v->count < VIEW_ROWS)
			take_row(&v->rows[v->count++], r.body);
		reply_free(&r);
	}
	if (r.kind == REPLY_OK) {
		v->all = member_number(r.body, "flows");
		v->tcp = member_number(r.body, "tcp");
		v->udp = member_number(r.body, "udp");
		v->icmp = member_number(r.body, "icmp");
		v->up_rate = member_number(r.body, "up_rate");
		v->down_rate = member_number(r.body, "down_rate");
	} else {
		note_trouble(v, &r);
	}
	reply_free(&r);
}

static void write_stacks(const struct json_node *stack, char *out, size_t size)
{
	const char *tcp = member_text(json_node_member(stack, "tcp"), "name");
	const char *udp = member_text(json_node_member(stack, "udp"), "name");

	snprintf(out, size, "%s%s%s", tcp, strcmp(tcp, udp) ? " udp " : "", strcmp(tcp, udp) ? udp : "");
}

static void ask_status(struct view *v)
{
	char up[FIGURE_TEXT], stacks[80];
	struct reply r;
	struct jsonw w;
	unsigned draining = 0;

	begin(&w, "status");
	jsonw_end_object(&w);
	connection_ask(v->host, &w);
	for (;;) {
		connection_next(v->host, VIEW_WAIT_MS, &r);
		if (r.kind != REPLY_ITEM)
			break;
		draining += member_truth(r.body, "draining");
		reply_free(&r);
	}
	if (r.kind == REPLY_OK) {
		write_stacks(json_node_member(r.body, "stack"), stacks, sizeof(stacks));
		snprintf(v->head, sizeof(v->head), " adit %s  %s  up %s  stack %s%s", member_text(r.body, "version"),
		         member_text(r.body, "name"), figure_seconds(member_real(r.body, "up"), up), stacks,
		         draining ? "  (something drains)" : "");
	} else {
		note_trouble(v, &r);
	}
	reply_free(&r);
}

void view_ask(struct view *v, unsigned most)
{
	v->trouble[0] = 0;
	ask_status(v);
	if (!*v->trouble)
		ask_flows(v, most);
	/* An answer that comes late would be taken for that of the next question. */
	if (*v->trouble && !strcmp(v->trouble, "the host does not answer"))
		v->gone = true;
}

struct lines {
	char (*v)[VIEW_TEXT];
	unsigned count, most;
};

static int add_line(void *arg, const char *key, const struct json_node *value)
{
	struct lines *l = arg;
	const char *text = json_node_text(value);
	char *other = text ? NULL : json_node_dump(value);

	if (l->count < l->most)
		snprintf(l->v[l->count++], VIEW_TEXT, "  %-10.20s %.220s", key, text ? text : !other || !strcmp(other, "null") ? "-" : other);
	free(other);
	return 0;
}

unsigned view_flow(struct view *v, const char *flow, char lines[][VIEW_TEXT], unsigned most)
{
	struct lines l = {lines, 0, most};
	struct reply r;
	struct jsonw w;

	begin(&w, "flow");
	jsonw_text(&w, "flow", flow);
	jsonw_end_object(&w);
	connection_ask(v->host, &w);
	connection_next(v->host, VIEW_WAIT_MS, &r);
	if (r.kind == REPLY_OK)
		json_node_each(r.body, add_line, &l);
	else
		note_trouble(v, &r);
	reply_free(&r);
	return l.count;
}

void view_close(struct view *v, const char *flow, char out[VIEW_TEXT])
{
	struct reply r;
	struct jsonw w;

	begin(&w, "close");
	jsonw_text(&w, "flow", flow);
	jsonw_end_object(&w);
	connection_ask(v->host, &w);
	connection_next(v->host, VIEW_WAIT_MS, &r);
	if (r.kind == REPLY_OK)
		snprintf(out, VIEW_TEXT, "%s %s", flow, member_number(r.body, "closed") ? "closed" : "had ended already");
	else
		snprintf(out, VIEW_TEXT, "%s", r.kind == REPLY_ERROR ? member_text(r.body, "text") : "the host does not answer");
	v->gone = r.kind == REPLY_GONE || r.kind == REPLY_LATE;
	reply_free(&r);
}

/* ---- rows ---- */

static void rate(char out[FIGURE_TEXT], bool known, uint64_t bytes)
{
	if (known)
		figure_bytes(bytes, out);
	else
		copy(out, FIGURE_TEXT, "-");
}

void view_line(const struct view_row *row, int columns, char out[VIEW_TEXT * 2])
{
	char down[FIGURE_TEXT], up[FIGURE_TEXT], age[FIGURE_TEXT];
	int from = columns >= WIDE ? FROM : 0, to = columns - FIXED - (from ? from + 1 : 0);

	if (to < 8)
		to = 8;
	if (to > VIEW_TEXT - 40)
		to = VIEW_TEXT - 40;
	if (!row) {
		snprintf(out, VIEW_TEXT * 2, " %-7s %-5s %-*.*s%s%-*.*s %-10s %7s %7s %6s %s", "FLOW", "PROTO", from, from, "FROM",
		         from ? " " : "", to, to, "TO", "VIA", "DOWN/s", "UP/s", "AGE", "STATE");
		return;
	}
	rate(down, row->rated, row->down_rate);
	rate(up, row->rated, row->up_rate);
	snprintf(out, VIEW_TEXT * 2, " %-7s %-5s %-*.*s%s%-*.*s %-10.10s %7s %7s %6s %s", row->flow, row->proto, from, from,
	         row->from, from ? " " : "", to, to, row->to, row->via, down, up, figure_seconds(row->age, age), row->state);
}
