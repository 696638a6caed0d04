/* SPDX-License-Identifier: MIT
 * test_load_elf.c - the ELF reader: facts of good files; cut, bent and random ones give a reason and nothing else
 */
#include "../abi/yard.h"
#include "load/candidate.h"
#include "load/machine.h"
#include "load/policy.h"

#include <elf.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *form(const char *name, size_t *size)
{
	char path[200];

	snprintf(path, sizeof(path), FORMS "/%s.so", name);
	return yard_read(path, size);
}

/* Reads a copy that ends where its memory ends, so that a sanitizer sees a byte too far. */
static int read_exact(const char *bytes, size_t size, struct elf_facts *facts, const char **why)
{
	uint8_t *copy = malloc(size ? size : 1);
	int err;

	memcpy(copy, bytes, size);
	*why = NULL;
	err = elf_read(facts, copy, size, why);
	free(copy);
	return err;
}

static void good_file_is_understood(void **state)
{
	struct elf_facts f;
	const char *why;
	size_t size;
	char *bytes = form("good", &size);

	assert_int_equal(read_exact(bytes, size, &f, &why), 0);
	assert_true(machine_is_native(&f));
	assert_true(f.root);
	assert_int_equal(f.root_size, sizeof(adit_module));
	assert_int_equal(f.export_count, 1);
	assert_string_equal(f.exports[0], "adit_module_1");
	assert_int_equal(f.needed_count, 1);
	assert_non_null(strstr(f.needed[0], "libc"));
	assert_int_equal(f.flags & ~(uint32_t)ELF_CONSTRUCTORS, ELF_NOW | ELF_NODELETE);
	assert_true(f.flags & ELF_CONSTRUCTORS);
	assert_true(f.described);
	assert_memory_equal(bytes + f.descriptor, "{\n  \"schema\": 1", 15);
	assert_int_equal(bytes[f.descriptor + f.descriptor_size - 1], '\n');
	free(bytes);
}

static void cut_files_are_refused(void **state)
{
	struct elf_facts f;
	const char *why;
	size_t size, n;
	char *bytes = form("good", &size);

	for (n = 0; n < size; n += 64) {
		assert_int_equal(read_exact(bytes, n, &f, &why), ADIT_EINVAL);
		assert_non_null(why);
	}
	for (n = size - 64; n < size; n++)
		assert_int_equal(read_exact(bytes, n, &f, &why), ADIT_EINVAL);
	free(bytes);
}

/* Every single byte of the ELF header, the program headers and the section headers is set to the worst values. */
static void bent_headers_do_no_harm(void **state)
{
	static const char values[] = {0, 1, 0x7f, (char)0x80, (char)0xff};
	struct elf_facts f;
	const char *why;
	size_t size, i, v, good = 0, bad = 0;
	char *bytes = form("good", &size), old;

	for (i = 0; i < size; i += i < 1024 || i > size - 2048 ? 1 : 61) {
		old = bytes[i];
		for (v = 0; v < sizeof(values); v++) {
			bytes[i] = values[v];
			if (read_exact(bytes, size, &f, &why)) {
				assert_non_null(why);
				bad++;
			} else {
				assert_true(f.needed_count <= ELF_NEEDED_MOST);
				assert_true(!f.described || (f.descriptor <= size &&
				                             f.descriptor_size <= size - f.descriptor));
				good++;
			}
		}
		bytes[i] = old;
	}
	assert_true(good > 100 && bad > 100);
	free(bytes);
}

static uint64_t random_state = 42;
static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* 3,000 whole inspections of files with a few flipped bits each (the seed is fixed): each ends, with text. */
static void flipped_bits_do_no_harm(void **state)
{
	struct yard y;
	struct loader *l;
	size_t size, i, fit = 0, unfit = 0, length;
	char *bytes, *bent, *text;
	unsigned flips;
	FILE *out;
	int err;

	yard_init(&y);
	l = yard_loader(&y, NULL, NULL);
	yard_put(&y, "good", "good");
	bytes = form("good", &size);
	bent = malloc(size);
	for (i = 0; i < 3000; i++) {
		memcpy(bent, bytes, size);
		for (flips = 1 + next_random() % 8; flips; flips--) {
			/* Half of them where it hurts: headers, dynamic table, section headers. */
			size_t at = next_random() % 2 ? next_random() % size :
			            next_random() % 2 ? next_random() % 1024 : size - 1 - next_random() % 2048;

			bent[at] ^= (char)(1u << next_random() % 8);
		}
		yard_write(yard_path(&y, "good.so"), bent, size);
		out = open_memstream(&text, &length);
		err = module_inspect(l, yard_path(&y, "good.so"), out, i % 2);
		fclose(out);
		assert_true(err == 0 || err == ADIT_ECONFIG);
		assert_non_null(strstr(text, err ? i % 2 ? "\"loadable\":false" : "loadable             no"
		                                 : i % 2 ? "\"loadable\":true" : "loadable             yes"));
		if (err)
			assert_non_null(strstr(text, i % 2 ? "\"level\":\"error\"" : "; "));
		fit += !err;
		unfit += err != 0;
		free(text);
	}
	print_message("loadable %zu, refused %zu\n", fit, unfit);
	assert_true(fit && unfit);
	free(bent);
	free(bytes);
	loader_free(l);
	yard_fini(&y);
}

/* The dynamic loader takes the last of two; so would a reader that looks at the first be fooled. */
static void second_tables_are_refused(void **state)
{
	struct elf_facts f;
	const char *why;
	size_t size;
	char *bytes = form("good", &size);
	ElfW(Ehdr) *e = (ElfW(Ehdr) *)(void *)bytes;
	ElfW(Phdr) *p = (ElfW(Phdr) *)(void *)(bytes + e->e_phoff);
	int i, stack = -1, dynamic = -1;

	for (i = 0; i < e->e_phnum; i++) {
		if (p[i].p_type == PT_GNU_STACK)
			stack = i;
		if (p[i].p_type == PT_DYNAMIC)
			dynamic = i;
	}
	assert_true(stack >= 0 && dynamic >= 0);
	p[stack].p_type = PT_NULL; /* none at all */
	assert_int_equal(read_exact(bytes, size, &f, &why), 0);
	assert_true(f.flags & ELF_STACK_NONE);
	p[stack] = p[dynamic];
	assert_int_equal(read_exact(bytes, size, &f, &why), ADIT_EINVAL);
	assert_string_equal(why, "it has two dynamic tables");
	free(bytes);
}

static void foreign_files_are_named(void **state)
{
	struct report report;
	struct elf_facts f;
	const char *why;
	size_t size;
	char *bytes = form("good", &size), *line;
	ElfW(Ehdr) *e = (ElfW(Ehdr) *)(void *)bytes;

	report_init(&report);
	e->e_machine = e->e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
	assert_int_equal(read_exact(bytes, size, &f, &why), 0);
	assert_false(machine_is_native(&f));
	assert_int_equal(policy_judge_elf(&f, "x.so", &report), 1);
	line = report_line(&report.items[0]);
	assert_non_null(strstr(line, e->e_machine == EM_AARCH64 ? "x.so: it is for AArch64" : "x.so: it is for x86-64"));
	free(line);
	report_fini(&report);
	assert_int_equal(read_exact("\177ELF", 4, &f, &why), ADIT_EINVAL);
	assert_string_equal(why, "it is not an ELF file");
	e->e_type = ET_EXEC;
	assert_int_equal(read_exact(bytes, size, &f, &why), ADIT_EINVAL);
	assert_string_equal(why, "it is not a shared object");
	free(bytes);
}

static void targets_are_compared_without_vendor(void **state)
{
	assert_true(machine_same_target("x86_64-pc-linux-gnu", "x86_64-linux-gnu"));
	assert_true(machine_same_target("x86_64-pc-linux-gnu", "x86_64-unknown-linux-gnu"));
	assert_false(machine_same_target("x86_64-pc-linux-gnu", "x86_64-pc-linux-musl"));
	assert_false(machine_same_target("x86_64-linux-gnu", "x86-linux-gnu"));
	assert_false(machine_same_target("x86_64-linux-gnu", "aarch64-linux-gnu"));
	assert_true(machine_same_target("aarch64-apple-darwin", "aarch64-other-darwin"));
	assert_false(machine_same_target("", "x86_64-linux-gnu"));
	assert_false(machine_same_target("x86_64", "x86_64-linux-gnu"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file_is_understood), cmocka_unit_test(cut_files_are_refused),
		cmocka_unit_test(bent_headers_do_no_harm), cmocka_unit_test(flipped_bits_do_no_harm),
		cmocka_unit_test(second_tables_are_refused), cmocka_unit_test(foreign_files_are_named),
		cmocka_unit_test(targets_are_compared_without_vendor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
