/* SPDX-License-Identifier: MIT
 * load/machine.c - which processor a module is for
 */
#include "load/machine.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
enum { NATIVE = EM_X86_64 };
#elif defined(__i386__)
enum { NATIVE = EM_386 };
#elif defined(__aarch64__)
enum { NATIVE = EM_AARCH64 };
#elif defined(__arm__)
enum { NATIVE = EM_ARM };
#elif defined(__riscv)
enum { NATIVE = EM_RISCV };
#elif defined(__powerpc64__)
enum { NATIVE = EM_PPC64 };
#elif defined(__s390__)
enum { NATIVE = EM_S390 };
#elif defined(__mips__)
enum { NATIVE = EM_MIPS };
#else
#error "load/machine.c: say which ELF machine this is"
#endif

bool machine_is_native(const struct elf_facts *facts)
{
	const bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

	return facts->machine == NATIVE && facts->wide == (sizeof(void *) == 8) && facts->big == big;
}

const char *machine_name(uint16_t machine, char room[24])
{
	switch (machine) {
	case EM_X86_64:
		return "x86-64";
	case EM_386:
		return "i386";
	case EM_AARCH64:
		return "AArch64";
	case EM_ARM:
		return "ARM";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC64:
		return "PowerPC64";
	case EM_S390:
		return "S390";
	case EM_MIPS:
		return "MIPS";
	default:
		snprintf(room, 24, "machine %u", machine);
		return room;
	}
}

/* What follows the processor and, if there is one, the vendor. */
static const char *target_system(const char *target)
{
	const char *first = strchr(target, '-'), *second;

	if (!first)
		return "";
	second = strchr(first + 1, '-');
	/* "linux" in the vendor's place: there is no vendor. */
	if (!second || strncmp(first, "-linux-", 7) == 0)
		return first;
	return second;
}

bool machine_same_target(const char *a, const char *b)
{
	size_t n = strcspn(a, "-");

	return n == strcspn(b, "-") && strncmp(a, b, n) == 0 && strcmp(target_system(a), target_system(b)) == 0;
}

const char *machine_target(void)
{
	return ADIT_TARGET;
}
