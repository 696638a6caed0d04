/* SPDX-License-Identifier: MIT
 * load/elf.h - what an ELF file says about itself, read without mapping or running it
 *
 * Facts only: what is allowed is judged by load/policy.h. Both classes and both byte orders are read, so that a
 * module for another machine can be inspected. Nothing is believed: each offset is checked against the file, each
 * count against a limit, and only what the dynamic loader itself goes by (program headers, dynamic table, hash
 * table) decides; of the section headers nothing but the place of .adit.json is taken.
 */
#ifndef LOAD_ELF_H
#define LOAD_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ELF_SEGMENTS_MOST = 64,    /* program headers; a module has about 10 */
	ELF_SECTIONS_MOST = 4096,  /* section headers; about 30 */
	ELF_DYNAMIC_MOST = 1024,   /* entries of the dynamic table; about 25 */
	ELF_SYMBOLS_MOST = 65536,  /* dynamic symbols; about 100 */
	ELF_NEEDED_MOST = 32,      /* libraries wanted */
	ELF_EXPORTS_MOST = 8,      /* names kept of what is exported; all are counted */
	ELF_NAME_MOST = 255        /* bytes of any name that is kept */
};

enum elf_flag {
	ELF_STACK_NONE = 1 << 0,   /* no PT_GNU_STACK: the loader makes the stack executable */
	ELF_STACK_EXEC = 1 << 1,   /* asks for an executable stack */
	ELF_WRITE_EXEC = 1 << 2,   /* a segment both writable and executable */
	ELF_TEXTREL = 1 << 3,      /* relocations in read-only segments */
	ELF_RPATH = 1 << 4,
	ELF_RUNPATH = 1 << 5,
	ELF_STATIC_TLS = 1 << 6,   /* thread-local storage of the initial-exec model */
	ELF_NOW = 1 << 7,          /* all symbols are bound at load */
	ELF_NODELETE = 1 << 8,     /* is never unmapped */
	ELF_NOOPEN = 1 << 9,       /* must not be opened at run time */
	ELF_GLOBAL = 1 << 10,      /* puts its symbols into everybody's scope, or interposes */
	ELF_PROGRAM = 1 << 11,     /* a position-independent program, not a library */
	ELF_AUDIT = 1 << 12,       /* pulls in an auditor, a filter or an auxiliary library */
	ELF_CONSTRUCTORS = 1 << 13 /* runs code of its own on being mapped */
};

struct elf_facts {
	bool wide, big; /* 64 bit; most significant byte first */
	uint16_t type, machine;
	uint32_t flags; /* ELF_... */
	uint64_t low, high; /* virtual addresses of the image, as linked */
	char path[ELF_NAME_MOST + 1]; /* RPATH or RUNPATH */
	unsigned needed_count;
	char needed[ELF_NEEDED_MOST][ELF_NAME_MOST + 1];
	unsigned export_count;
	char exports[ELF_EXPORTS_MOST][ELF_NAME_MOST + 1];
	bool root;          /* exports adit_module_1 as an object */
	uint64_t root_size; /* of it */
	bool described;     /* has a section .adit.json */
	size_t descriptor, descriptor_size; /* its text's place in the file */
};

/* Reads the facts. ADIT_EINVAL with *why a static text ("the dynamic table is outside the file"); *out is then
 * filled as far as reading went. */
int elf_read(struct elf_facts *out, const uint8_t *bytes, size_t size, const char **why);

#endif
