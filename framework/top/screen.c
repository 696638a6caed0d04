/* SPDX-License-Identifier: MIT
 * top/screen.c - a terminal as rows of text and a keyboard
 */
#include "top/screen.h"

#include <curses.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum { ROW_TEXT = 4096, ESCAPE_MS = 50 };

static SCREEN *terminal;

bool screen_open(void)
{
	setlocale(LC_ALL, "");
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return false;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	set_escdelay(ESCAPE_MS);
	return true;
}

void screen_close(void)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

void screen_size(int *rows, int *columns)
{
	*rows = LINES;
	*columns = COLS;
}

/* What fits into so many columns, every character counting as one. */
static void shown(const char *text, int columns, char out[ROW_TEXT])
{
	size_t size = strlen(text), used = 0, i = 0;
	uint32_t code = 0;

	while (i < size && columns > 0 && used + 4 < ROW_TEXT) {
		size_t n = utf8_character(text + i, size - i, &code);

		if (!n || utf8_is_control(code)) {
			out[used++] = '?';
		} else {
			memcpy(out + used, text + i, n);
			used += n;
		}
		i += n ? n : 1;
		columns--;
	}
	for (; columns > 0 && used + 1 < ROW_TEXT; columns--)
		out[used++] = ' ';
	out[used] = 0;
}

void screen_row(int row, enum screen_look look, const char *text)
{
	static const attr_t looks[] = {A_NORMAL, A_BOLD, A_REVERSE, A_DIM};
	char line[ROW_TEXT];

	if (row < 0 || row >= LINES)
		return;
	shown(text, COLS, line);
	attrset((int)looks[look]);
	mvaddstr(row, 0, line);
	attrset(A_NORMAL);
	clrtoeol();
}

void screen_show(void)
{
	refresh();
}

int screen_key(int wait_ms)
{
	static const struct {
		int code;
		enum screen_key key;
	} keys[] = {{KEY_UP, SCREEN_UP}, {KEY_DOWN, SCREEN_DOWN}, {KEY_PPAGE, SCREEN_PAGE_UP}, {KEY_NPAGE, SCREEN_PAGE_DOWN},
	            {KEY_HOME, SCREEN_HOME}, {KEY_END, SCREEN_END}, {KEY_ENTER, SCREEN_ENTER}, {'\r', SCREEN_ENTER},
	            {'\n', SCREEN_ENTER}, {27, SCREEN_ESCAPE}, {KEY_BACKSPACE, SCREEN_ERASE}, {127, SCREEN_ERASE},
	            {8, SCREEN_ERASE}, {KEY_RESIZE, SCREEN_RESIZED}};
	size_t i;
	int code;

	timeout(wait_ms);
	code = getch();
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].code == code)
			return (int)keys[i].key;
	return code < 0 || code > 0xff ? SCREEN_NONE : code;
}
