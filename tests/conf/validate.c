/* SPDX-License-Identifier: MIT
 * conf/validate.c - the validator as a filter, for comparing it with others
 *
 * Each line of the input is {"schema": ..., "data": ...}; the answer is a line 1, 0, or - when the
 * schema is not of the subset. --manifest: each line is a manifest, for which the modules below are
 * installed. --joined: writes the joined schema of the same modules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/parse.h"
#include "conf/schema.h"

static char judge(const char *line, size_t size)
{
	struct parse_input in = {
		.file = "line",
		.text = line,
		.size = size,
		.depth = PARSE_SCHEMA_DEPTH,
		.from = FROM_FILE,
	};
	struct arena arena = {0};
	struct schema_run run = {.arena = &arena, .name = "the line"};
	struct adit_cfg *both, *data;
	char out = '-';
	struct report r;

	report_init(&r);
	run.report = &r;
	both = parse_text(&arena, &in, &r);
	run.root = both ? node_find(both, "schema") : NULL;
	data = both ? node_find(both, "data") : NULL;
	if (run.root && data && schema_check(run.root, "the line", &r))
		out = schema_validate(&run, data, run.root) ? '1' : '0';
	report_fini(&r);
	arena_fini(&arena);
	return out;
}

static const struct conf_component components[] = {
	{"platform-linux", "platform", NULL,
         "{\"properties\":{\"mtu\":{\"$ref\":\"#/$defs/mtu\"}},\"$defs\":{\"mtu\":"
         "{\"type\":\"integer\",\"maximum\":65535}}}"},
	{"outbound-direct", "outbound", NULL, NULL},
	{"outbound-proxy", "outbound", "a proxy",
         "{\"type\":\"object\",\"required\":[\"server\"],\"properties\":{\"server\":{\"type\":"
         "\"string\"},\"tls\":{\"type\":"
         "\"object\",\"properties\":{\"verify\":{\"type\":\"boolean\"}}},\"mode\":{\"oneOf\":[{"
         "\"const\":\"a\"},{\"type\":"
         "\"object\",\"required\":[\"b\"],\"properties\":{\"b\":{\"type\":\"integer\"}}}]}}}"},
	{"handler-direct", "handler", NULL, NULL},
};

static int component(void *arg, size_t index, struct conf_component *out)
{
	if (index >= sizeof(components) / sizeof(components[0]))
		return ADIT_ENOENT;
	*out = components[index];
	return 0;
}

static int schema_of(void *arg, const char *module, const char *kind, const char **json_text)
{
	size_t i;

	for (i = 0; i < sizeof(components) / sizeof(components[0]); i++) {
		if (strcmp(components[i].module, module) || strcmp(components[i].kind, kind))
			continue;
		*json_text = components[i].json_text;
		return 0;
	}
	return ADIT_ENOENT;
}

static char load(const char *line)
{
	struct conf_source source = {.text = line, .schema_of = schema_of};
	struct conf *c = NULL;
	struct report r;
	int err;

	report_init(&r);
	err = conf_load(&c, &source, &r);
	report_fini(&r);
	conf_unref(c);
	return err ? '0' : '1';
}

int main(int argc, char **argv)
{
	bool manifests = argc > 1 && !strcmp(argv[1], "--manifest");
	char *line = NULL;
	size_t room = 0;
	struct report r;
	ssize_t size;
	int err;

	if (argc > 1 && !strcmp(argv[1], "--joined")) {
		report_init(&r);
		err = conf_schema_joined(stdout, component, NULL, &r);
		report_fini(&r);
		return err != 0;
	}
	while ((size = getline(&line, &room, stdin)) > 0)
		printf("%c\n", manifests ? load(line) : judge(line, (size_t)size));
	free(line);
	return 0;
}
