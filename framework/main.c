/* SPDX-License-Identifier: MIT
 * main.c - the program
 */
#include <stdio.h>
#include <string.h>

#include "cli/serve.h"
#include "cli/session.h"

static int session_begin(struct session *s, const struct session_options *o)
{
	int err = session_init(s, o);

	if (!err)
		err = session_load(s);
	session_print(s);
	return err;
}

int main(int argc, char **argv)
{
	static struct session s;
	struct session_options o = {0};
	int status = 2;

	if (argc >= 3 && !strcmp(argv[1], "run")) {
		o.manifest = argv[2];
		o.flows = argc > 3;
		status = session_begin(&s, &o) ? 2 : serve_run(&s);
	} else if (argc >= 4 && !strcmp(argv[1], "exec")) {
		o.flows = true;
		o.text = "{\"adit\":1,\"platform\":{\"module\":\"platform-linux\",\"namespace\":\"new\"},\"stacks\":[{\"name\":\"system\",\"module\":\"stack-system\"}]}";
		{
			int at = !strcmp(argv[2], "--flows") ? 4 : 3;

			status = session_begin(&s, &o) ? 125 : serve_exec(&s, (const char *const *)argv + at);
		}
	} else {
		puts("adit " ADIT_VERSION);
	}
	session_fini(&s);
	return status;
}
