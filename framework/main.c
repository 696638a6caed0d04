/* SPDX-License-Identifier: MIT
 * main.c - the program
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

int main(int argc, char **argv)
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
		fprintf(stderr, "adit: no command %s; try: adit --help\n", word_shown(argv[1]));
		return 2;
	}
	status = parse_words(c, argc - 1, argv + 1, &r);
	if (status)
		return status < 0 ? 0 : status;
	return c->run(&r);
}
