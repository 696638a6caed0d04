/* SPDX-License-Identifier: MIT
 * load/machine.h - which processor and system a module is for, and whether that is this one
 */
#ifndef LOAD_MACHINE_H
#define LOAD_MACHINE_H

#include "load/elf.h"

/* True when class, byte order and machine are those of this program. */
bool machine_is_native(const struct elf_facts *facts);

/* "x86-64", "AArch64", ...; "machine N" written into room for those it does not know. */
const char *machine_name(uint16_t machine, char room[24]);

/* True when two target names ("x86_64-pc-linux-gnu", "x86_64-linux-gnu") differ at most in the vendor. */
bool machine_same_target(const char *a, const char *b);

/* The target this program was built for. */
const char *machine_target(void);

#endif
