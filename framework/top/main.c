/* SPDX-License-Identifier: MIT
 * top/main.c - adit-top: the flows of a running host, live, in a terminal
 *
 * A program of its own, which `adit top` runs, so that the host needs no terminal library. It is a client of the control
 * socket like any other, and asks once a second for no more rows than the terminal has.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top/screen.h"
#include "top/view.h"

enum { HEAD_ROWS = 3, FOOT_ROWS = 1, LINES_MOST = 40, TICK_MS = 1000 };

enum mode { MODE_LIST, MODE_FILTER, MODE_FLOW, MODE_ASK };

struct top {
	struct view view;
	enum mode mode;
	unsigned at, first; /* the row that is chosen, the first that is shown */
	char chosen[VIEW_FLOW];
	char edited[VIEW_TEXT]; /* the filter before it is taken */
	char said[VIEW_TEXT];   /* in the last row, until the next key */
	char lines[LINES_MOST][VIEW_TEXT];
	unsigned line_count;
	bool quit;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static unsigned list_rows(void)
{
	int rows, columns;

	screen_size(&rows, &columns);
	return rows > HEAD_ROWS + FOOT_ROWS ? (unsigned)(rows - HEAD_ROWS - FOOT_ROWS) : 1;
}

/* ---- what is shown ---- */

static void figure(char out[16], uint64_t bytes)
{
	static const char units[] = " kMGTPE";
	double v = (double)bytes;
	unsigned unit = 0;

	for (; v >= 999.5 && unit < 6; unit++)
		v /= 1000;
	if (unit)
		snprintf(out, 16, "%.1f %cB/s", v, units[unit]);
	else
		snprintf(out, 16, "%.0f B/s", v);
}

static void draw_head(const struct top *t)
{
	char line[VIEW_TEXT * 2], down[16], up[16];
	const struct view *v = &t->view;
	int rows, columns;

	screen_size(&rows, &columns);
	screen_row(0, SCREEN_BOLD, v->head);
	figure(down, v->down_rate);
	figure(up, v->up_rate);
	snprintf(line, sizeof(line), " down %s  up %s  flows %llu (%llu tcp %llu udp %llu icmp)  by %s%s%.60s", down, up,
	         (unsigned long long)v->all, (unsigned long long)v->tcp, (unsigned long long)v->udp, (unsigned long long)v->icmp,
	         view_order(v->sort), *v->filter ? "  /" : "", v->filter);
	screen_row(1, SCREEN_PLAIN, line);
	view_line(NULL, columns, line);
	screen_row(2, SCREEN_REVERSE, line);
}

static void draw_list(const struct top *t)
{
	char line[VIEW_TEXT * 2];
	unsigned rows = list_rows(), i;
	int height, columns;

	screen_size(&height, &columns);
	for (i = 0; i < rows; i++) {
		unsigned n = t->first + i;

		if (n < t->view.count)
			view_line(&t->view.rows[n], columns, line);
		else
			snprintf(line, sizeof(line), "%s", !i ? *t->view.filter ? " no flow fits the filter" : " no flows" : "");
		screen_row(HEAD_ROWS + (int)i, n == t->at && n < t->view.count ? SCREEN_REVERSE : SCREEN_PLAIN, line);
	}
}

static void draw_lines(const struct top *t)
{
	unsigned rows = list_rows(), i;

	for (i = 0; i < rows; i++)
		screen_row(HEAD_ROWS + (int)i, SCREEN_PLAIN, i < t->line_count ? t->lines[i] : "");
}

static void draw_foot(const struct top *t)
{
	char line[VIEW_TEXT * 2];
	int rows, columns;

	screen_size(&rows, &columns);
	if (t->mode == MODE_FILTER)
		snprintf(line, sizeof(line), " show only: %s_   [enter] take  [esc] leave", t->edited);
	else if (t->mode == MODE_ASK)
		snprintf(line, sizeof(line), " close flow %s? [y/n]", t->chosen);
	else if (*t->said || *t->view.trouble)
		snprintf(line, sizeof(line), " %s", *t->said ? t->said : t->view.trouble);
	else if (t->mode == MODE_FLOW)
		snprintf(line, sizeof(line), " any key: back");
	else
		snprintf(line, sizeof(line), " [enter] whole [r] why [p] pcap [k] close [s] sort [/] filter [q] quit");
	screen_row(rows - 1, SCREEN_BOLD, line);
}

static void draw(const struct top *t)
{
	draw_head(t);
	if (t->mode == MODE_FLOW)
		draw_lines(t);
	else
		draw_list(t);
	draw_foot(t);
	screen_show();
}

/* ---- the row that is chosen ---- */

static void choose(struct top *t, unsigned at)
{
	unsigned rows = list_rows();

	if (t->view.count && at >= t->view.count)
		at = t->view.count - 1;
	t->at = t->view.count ? at : 0;
	snprintf(t->chosen, sizeof(t->chosen), "%s", t->view.count ? t->view.rows[t->at].flow : "");
	if (t->at < t->first)
		t->first = t->at;
	if (t->at >= t->first + rows)
		t->first = t->at - rows + 1;
}

/* The flow stays chosen, wherever it has gone; the first one means the first place. */
static void refresh_rows(struct top *t)
{
	unsigned i, at = t->at;

	view_ask(&t->view, t->first + list_rows() + list_rows());
	for (i = 0; t->at && i < t->view.count; i++)
		if (!strcmp(t->view.rows[i].flow, t->chosen))
			at = i;
	if (t->mode != MODE_ASK)
		choose(t, at);
}

/* ---- keys ---- */

static void show_flow(struct top *t)
{
	t->line_count = view_flow(&t->view, t->chosen, t->lines, LINES_MOST);
	if (t->line_count)
		t->mode = MODE_FLOW;
	else
		snprintf(t->said, sizeof(t->said), "%s", t->view.trouble);
}

static const char *value_of(const struct top *t, const char *key)
{
	unsigned i;

	for (i = 0; i < t->line_count; i++)
		if (!strncmp(t->lines[i] + 2, key, strlen(key)) && t->lines[i][2 + strlen(key)] == ' ')
			return t->lines[i] + 2 + 11;
	return "-";
}

/* Who decided about the flow, and where it goes. */
static void show_why(struct top *t)
{
	char said[VIEW_TEXT];

	t->line_count = view_flow(&t->view, t->chosen, t->lines, LINES_MOST);
	if (t->line_count)
		snprintf(said, sizeof(said), "%.20s: handler %.40s, outbound %.40s, stack %.40s, %.60s", t->chosen,
		         value_of(t, "handler"), value_of(t, "outbound"), value_of(t, "stack"), value_of(t, "state"));
	else
		snprintf(said, sizeof(said), "%s", t->view.trouble);
	snprintf(t->said, sizeof(t->said), "%s", said);
}

static void list_key(struct top *t, int key)
{
	unsigned page = list_rows();

	switch (key) {
	case 'q':
		t->quit = true;
		return;
	case SCREEN_UP:
		choose(t, t->at ? t->at - 1 : 0);
		return;
	case SCREEN_DOWN:
		choose(t, t->at + 1);
		return;
	case SCREEN_PAGE_UP:
		choose(t, t->at > page ? t->at - page : 0);
		return;
	case SCREEN_PAGE_DOWN:
		choose(t, t->at + page);
		return;
	case SCREEN_HOME:
		choose(t, 0);
		return;
	case SCREEN_END:
		choose(t, VIEW_ROWS);
		return;
	case 's':
		t->view.sort = view_order(t->view.sort + 1) ? t->view.sort + 1 : 0;
		refresh_rows(t);
		return;
	case '/':
		snprintf(t->edited, sizeof(t->edited), "%s", t->view.filter);
		t->mode = MODE_FILTER;
		return;
	default:
		break;
	}
	if (!*t->chosen)
		return;
	if (key == SCREEN_ENTER)
		show_flow(t);
	else if (key == 'r')
		show_why(t);
	else if (key == 'p')
		snprintf(t->said, sizeof(t->said), "adit capture --flow %s | wireshark -k -i -", t->chosen);
	else if (key == 'k')
		t->mode = MODE_ASK;
}

static void filter_key(struct top *t, int key)
{
	size_t used = strlen(t->edited);

	if (key == SCREEN_ENTER) {
		snprintf(t->view.filter, sizeof(t->view.filter), "%s", t->edited);
		t->mode = MODE_LIST;
		refresh_rows(t);
	} else if (key == SCREEN_ESCAPE) {
		t->mode = MODE_LIST;
	} else if (key == SCREEN_ERASE) {
		if (used)
			t->edited[used - 1] = 0;
	} else if (key >= ' ' && key < 0x7f && used < 60) {
		t->edited[used] = (char)key;
		t->edited[used + 1] = 0;
	}
}

static void take_key(struct top *t, int key)
{
	t->said[0] = 0;
	if (key == SCREEN_RESIZED) {
		refresh_rows(t);
	} else if (t->mode == MODE_FILTER) {
		filter_key(t, key);
	} else if (t->mode == MODE_ASK) {
		t->mode = MODE_LIST;
		if (key == 'y')
			view_close(&t->view, t->chosen, t->said);
	} else if (t->mode == MODE_FLOW) {
		t->mode = MODE_LIST;
	} else {
		list_key(t, key);
	}
}

static void run(struct top *t)
{
	while (!t->quit && !ended && !t->view.gone) {
		int key;

		draw(t);
		key = screen_key(TICK_MS);
		if (key == SCREEN_NONE)
			refresh_rows(t);
		else
			take_key(t, key);
	}
}

int main(int argc, char **argv)
{
	static struct top t;
	struct connection host;
	int status;

	if (argc != 2) {
		fputs("usage: adit-top SOCKET; adit top runs it\n", stderr);
		return STATUS_WORDS;
	}
	status = connection_open(&host, "top", NULL, argv[1]);
	if (status)
		return status;
	t.view.host = &host;
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGHUP, on_signal);
	if (!screen_open()) {
		fputs("adit top: this terminal cannot be used (TERM); adit flows prints the same once, adit flows --follow goes on\n",
		      stderr);
		connection_close(&host);
		return STATUS_REFUSED;
	}
	refresh_rows(&t);
	run(&t);
	screen_close();
	if (t.view.gone)
		fprintf(stderr, "adit top: %s\n", *t.view.trouble ? t.view.trouble : "the host does not answer");
	connection_close(&host);
	return t.view.gone ? STATUS_NO_HOST : STATUS_OK;
}
