/* SPDX-License-Identifier: MIT
 * top/screen.h - a terminal as rows of text and a keyboard; the only user of ncurses is behind it
 */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include <stdbool.h>

/* Besides characters. */
enum screen_key {
	SCREEN_NONE = -1,
	SCREEN_UP = 0x100,
	SCREEN_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_ENTER,
	SCREEN_ESCAPE,
	SCREEN_ERASE,
	SCREEN_RESIZED
};
enum screen_look { SCREEN_PLAIN, SCREEN_BOLD, SCREEN_REVERSE, SCREEN_DIM };

/* False: this terminal cannot do it. */
bool screen_open(void);
/* Leaves the terminal as it was. Safe at any time. */
void screen_close(void);
void screen_size(int *rows, int *columns);
/* One row, cut or filled with blanks to the width of the terminal; what it would obey becomes '?'. */
void screen_row(int row, enum screen_look look, const char *text);
/* Puts on the terminal what was written. */
void screen_show(void);
/* A key, or SCREEN_NONE after so many milliseconds. */
int screen_key(int wait_ms);

#endif
