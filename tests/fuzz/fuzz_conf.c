/* SPDX-License-Identifier: MIT
 * fuzz/fuzz_conf.c - the manifest reader and the validator over bytes that somebody else chose
 *
 * The first byte chooses: a manifest against the host's schema, or a schema and a value for it in
 * one object. With -fsanitize=fuzzer libFuzzer supplies main(); else (FUZZ_REPLAY) every file
 * named, or in a directory named, is run. Substitution of files and includes is left to the
 * reader's own paths: a manifest text of the fuzzer may name any file, so "${" and "include" are
 * not let through.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/parse.h"
#include "conf/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int schema_of(void *arg, const char *module, const char *kind, const char **json_text)
{
	(void)arg;
	(void)kind;
	*json_text = "{\"properties\":{\"a\":{\"type\":\"integer\",\"default\":5},\"b\":{\"oneOf\":"
	             "[{\"type\":\"string\","
		     "\"format\":\"endpoint\"},{\"type\":[\"integer\",\"null\"]}]},\"c\":{\"$ref\":"
	             "\"#/$defs/c\"}},\"$defs\":{"
		     "\"c\":{\"type\":\"object\",\"properties\":{\"c\":{\"$ref\":\"#/$defs/"
	             "c\"},\"d\":{\"default\":\"x\"}}}}}";
	return strlen(module) > 20 ? ADIT_ENOENT : 0;
}

/* What loads can be written, and what is written loads to the same. */
static void round_trip(const struct conf *c)
{
	struct conf_source source = {.text_name = "again", .schema_of = schema_of};
	struct conf *again = NULL;
	char *text = NULL, *second = NULL;
	struct report r;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f || conf_dump(c, f, CONF_DUMP_ORIGINS) || fclose(f))
		abort();
	source.text = text;
	report_init(&r);
	if (size <= PARSE_MOST_BYTES && !strstr(text, "${")) {
		if (conf_load(&again, &source, &r))
			abort();
		f = open_memstream(&second, &size);
		if (!f || conf_dump(again, f, 0) || fclose(f))
			abort();
	}
	report_fini(&r);
	conf_unref(again);
	free(text);
	free(second);
}

static void load_manifest(const char *text)
{
	struct conf_source source = {.text = text, .text_name = "fuzz", .schema_of = schema_of};
	struct conf *c = NULL;
	struct report r;
	size_t i;

	if (strstr(text, "include") || strstr(text, "${") || strstr(text, "\\u"))
		return;
	report_init(&r);
	if (!conf_load(&c, &source, &r))
		round_trip(c);
	else if (!r.errors)
		abort();
	for (i = 0; i < r.count; i++)
		free(report_line(&r.items[i]));
	report_fini(&r);
	conf_unref(c);
}

static void judge(const char *text, size_t size)
{
	struct parse_input in = {
		.file = "fuzz",
		.text = text,
		.size = size,
		.depth = PARSE_SCHEMA_DEPTH,
		.from = FROM_FILE,
	};
	struct arena arena = {0};
	struct schema_run run = {.arena = &arena,
	                         .name = "the fuzzer",
	                         .flags = SCHEMA_FILL | SCHEMA_CLOSED | SCHEMA_FORMATS};
	struct adit_cfg *both, *value;
	struct report r;

	report_init(&r);
	run.report = &r;
	both = parse_text(&arena, &in, &r);
	run.root = both ? node_find(both, "schema") : NULL;
	value = both ? node_find(both, "value") : NULL;
	if (run.root && value && schema_check(run.root, "the fuzzer", &r)) {
		size_t errors = r.errors;
		bool fine = schema_validate(&run, value, run.root);

		if (!run.err && fine != (r.errors == errors))
			abort();
	}
	report_fini(&r);
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 's')
		judge(text, size - 1);
	else
		load_manifest(text);
	free(text);
	return 0;
}

#ifdef FUZZ_REPLAY
int main(int argc, char **argv)
{
	static uint8_t data[1 << 20];
	size_t size;
	FILE *f;
	int i;

	for (i = 1; i < argc; i++) {
		f = fopen(argv[i], "rb");
		if (!f) {
			perror(argv[i]);
			return 1;
		}
		size = fread(data, 1, sizeof(data), f);
		fclose(f);
		LLVMFuzzerTestOneInput(data, size);
	}
	printf("%d inputs\n", argc - 1);
	return argc < 2;
}
#endif
