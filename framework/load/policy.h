/* SPDX-License-Identifier: MIT
 * load/policy.h - what a module's file may ask for, judged before any of its code could run
 */
#ifndef LOAD_POLICY_H
#define LOAD_POLICY_H

#include "load/descriptor.h"
#include "load/elf.h"
#include "load/load.h"

/* Judges the ELF facts: machine, stack, segments, relocations, run path, thread-local storage, libraries, exports.
 * Findings name `path`. Returns how many errors were added. */
size_t policy_judge_elf(const struct elf_facts *facts, const char *path, struct report *report);

/* Judges the descriptor: ABI, target, library's file name, name (null: any). */
size_t policy_judge_descriptor(const struct descriptor *d, const char *name, const char *path, struct report *report);

/* Judges the needs against what is offered. */
size_t policy_judge_needs(const struct descriptor *d, const struct load_callbacks *callbacks, const char *path,
                          struct report *report);

#endif
