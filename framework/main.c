/* SPDX-License-Identifier: MIT
 * main.c - the program
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"

enum { STATUS_FAILED = 1 };

/* A closed standard descriptor would be given to the next file that is opened, and be written to. Reading from these
 * finds an end, writing to them fails. */
static void keep_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int command_line(int argc, char **argv)
{
	static struct request r;
	const struct command *c;
	int status;

	if (argc < 2) {
		words_overview(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("adit %s (module ABI %d.%d)\n", ADIT_VERSION, ADIT_ABI_MAJOR, ADIT_ABI_MINOR);
		return 0;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		words_overview(stdout);
		return 0;
	}
	c = command_find(argv[1]);
	if (!c) {
		fprintf(stderr, "adit: no command %s; try: adit --help\n", words_shown(argv[1]));
		return 2;
	}
	status = parse_words(c, argc - 1, argv + 1, &r);
	if (status)
		return status < 0 ? 0 : status;
	return c->run(&r);
}

int main(int argc, char **argv)
{
	int status;

	keep_standard_descriptors();
	status = command_line(argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "adit: standard output: %s\n", errno ? strerror(errno) : "could not be written");
		return status ? status : STATUS_FAILED;
	}
	return status;
}
