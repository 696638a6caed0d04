/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_elf.c - fuzz target: an ELF file as elf_read() sees it, its descriptor, and the judgement of both
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address,undefined -DADIT_FUZZER ... Without, main() replays the files that
 * are named, and each of them cut and bent in ways that a fixed seed chooses.
 */
#include "load/descriptor.h"
#include "load/elf.h"
#include "load/policy.h"
#include "load/settings.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *arg, const struct setting *setting)
{
	++*(size_t *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct descriptor *d = NULL;
	struct elf_facts facts;
	struct report report;
	const char *why = NULL, *text = (const char *)data;
	size_t i, n = size, settings = 0;

	report_init(&report);
	if (elf_read(&facts, data, size, &why)) {
		if (!why)
			abort();
	} else {
		policy_judge_elf(&facts, "f.so", &report);
		if (facts.described) {
			if (facts.descriptor > size || facts.descriptor_size > size - facts.descriptor)
				abort();
			text = (const char *)data + facts.descriptor;
			n = facts.descriptor_size;
		}
	}
	if (descriptor_read(&d, text, n, "f.so", &report) == 0) {
		policy_judge_descriptor(d, "f", "f.so", &report);
		for (i = 0; i < d->component_count; i++)
			if (d->components[i].schema)
				settings_each(d->components[i].schema, ignore, &settings);
		descriptor_free(d);
	} else if (!report.errors) {
		abort();
	}
	report_fini(&report);
	return 0;
}

#ifndef ADIT_FUZZER
static uint64_t dice = 7;
static size_t roll(size_t below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (size_t)(dice % below);
}

/* Calls with a copy of its own size, so that a byte too far is seen. */
static void once(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int replay(const char *path)
{
	static uint8_t bytes[1 << 20], bent[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t size, i, j;

	if (!f)
		return 1;
	size = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	once(bytes, size);
	for (i = 0; size && i < 200; i++) {
		memcpy(bent, bytes, size);
		for (j = 1 + roll(6); j; j--)
			bent[roll(2) ? roll(size) : roll(size < 1024 ? size : 1024)] = (uint8_t)roll(256);
		once(bent, roll(4) ? size : roll(size));
	}
	return 0;
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (replay(argv[i])) {
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
			return 1;
		}
	}
	printf("%d files\n", argc - 1);
	return argc > 1 ? 0 : 1;
}
#endif
