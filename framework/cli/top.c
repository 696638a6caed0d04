/* SPDX-License-Identifier: MIT
 * cli/top.c - top: hands the terminal to adit-top
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/connect.h"

/* Beside the program, in the tree that it was installed into, or where it was built for. */
static const char *const places[] = {"%s/adit-top", "%s/../libexec/adit/adit-top", ADIT_LIBEXEC_DIR "/adit-top"};

int command_top(struct request *r)
{
	const char *term = getenv("TERM");
	char self[PATH_MAX], program[PATH_MAX + 64], *slash;
	struct connection c;
	ssize_t n;
	size_t i;
	int status;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || !*term || !strcmp(term, "dumb")) {
		fputs("adit top: it needs a terminal; adit flows prints the same once, adit flows --follow goes on\n", stderr);
		return STATUS_REFUSED;
	}
	status = connection_open(&c, "top", r->session.name, r->socket);
	if (status)
		return status;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = 0;
	slash = strrchr(self, '/');
	if (slash)
		*slash = 0;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!strncmp(places[i], "%s", 2))
			snprintf(program, sizeof(program), "%s%s", self, places[i] + 2);
		else
			snprintf(program, sizeof(program), "%s", places[i]);
		execl(program, "adit-top", c.path, (char *)NULL);
	}
	fprintf(stderr, "adit top: adit-top could not be run: %s; it is built where ncurses is there (libncurses-dev)\n",
	        strerror(errno));
	connection_close(&c);
	return STATUS_REFUSED;
}
