/* SPDX-License-Identifier: MIT
 * load/elf.c - what an ELF file says about itself
 *
 * Written for a prover: every byte is fetched by field(), which alone touches the file and checks first; numbers
 * are put together by multiplication; sums are made only of values already known to be below the file's size or
 * are compared by subtraction. A fault is a static text.
 */
#include "load/elf.h"

#include <adit/abi.h>

#include <elf.h>
#include <string.h>

struct file {
	const uint8_t *bytes;
	size_t size;
	bool wide, big;
	const char *fault; /* the first one */
};

struct segment {
	uint64_t offset, address, stored, size; /* stored: bytes in the file, size: bytes in memory */
	uint32_t type, rights;
};

/* What the parts below hand to one another. */
struct image {
	struct file file;
	struct segment load[ELF_SEGMENTS_MOST];
	unsigned loads;
	struct segment dynamic;
	bool has_dynamic, has_stack;
	uint64_t table[DT_NUM]; /* first 35 tags, by tag */
	uint64_t seen;          /* bit per tag of those */
	uint64_t gnu_hash, flags_1;
	bool has_gnu_hash, has_flags_1;
	size_t strings, strings_size; /* in the file */
};

static bool fails(struct file *f, const char *why)
{
	if (!f->fault)
		f->fault = why;
	return false;
}

/* The number of `width` bytes (1, 2, 4 or 8) at offset. */
static bool field(struct file *f, uint64_t offset, unsigned width, uint64_t *out)
{
	uint64_t v = 0;
	unsigned i;

	if (offset > f->size || f->size - offset < width)
		return fails(f, "the file is shorter than its own headers say");
	for (i = 0; i < width; i++)
		v = v * 256 + f->bytes[offset + (f->big ? i : width - 1 - i)];
	*out = v;
	return true;
}

/* Where address is in the file, `need` bytes of it. */
static bool locate(struct image *m, uint64_t address, uint64_t need, uint64_t *offset)
{
	unsigned i;

	for (i = 0; i < m->loads; i++) {
		const struct segment *s = &m->load[i];

		if (address < s->address || address - s->address > s->stored)
			continue;
		if (s->stored - (address - s->address) < need)
			continue;
		*offset = s->offset + (address - s->address);
		return true;
	}
	return fails(&m->file, "a table's address is in no segment of the file");
}

/* Copies the name at `at` of the string table. */
static bool name(struct image *m, uint64_t at, char out[ELF_NAME_MOST + 1])
{
	size_t i;

	out[0] = '\0';
	if (at >= m->strings_size)
		return fails(&m->file, "a name is outside the string table");
	for (i = 0; i < m->strings_size - at && i <= ELF_NAME_MOST; i++) {
		uint8_t c = m->file.bytes[m->strings + at + i];

		if (!c) {
			out[i] = '\0';
			return true;
		}
		/* What is kept is printed: a terminal must not be steered by it. */
		out[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	out[0] = '\0';
	return fails(&m->file, "a name is longer than 255 bytes or has no end");
}

static bool read_ident(struct elf_facts *out, struct file *f)
{
	uint64_t type, machine;

	if (f->size < EI_NIDENT || memcmp(f->bytes, ELFMAG, SELFMAG) != 0)
		return fails(f, "it is not an ELF file");
	if (f->bytes[EI_CLASS] != ELFCLASS32 && f->bytes[EI_CLASS] != ELFCLASS64)
		return fails(f, "its ELF class is neither 32 nor 64 bit");
	if (f->bytes[EI_DATA] != ELFDATA2LSB && f->bytes[EI_DATA] != ELFDATA2MSB)
		return fails(f, "its ELF byte order is unknown");
	if (f->bytes[EI_VERSION] != EV_CURRENT)
		return fails(f, "its ELF version is unknown");
	if (f->bytes[EI_OSABI] != ELFOSABI_NONE && f->bytes[EI_OSABI] != ELFOSABI_GNU)
		return fails(f, "its ELF header names another operating system");
	out->wide = f->wide = f->bytes[EI_CLASS] == ELFCLASS64;
	out->big = f->big = f->bytes[EI_DATA] == ELFDATA2MSB;
	if (!field(f, 16, 2, &type) || !field(f, 18, 2, &machine))
		return false;
	out->type = (uint16_t)type;
	out->machine = (uint16_t)machine;
	if (type != ET_DYN)
		return fails(f, "it is not a shared object");
	return true;
}

static bool read_segment(struct file *f, uint64_t at, struct segment *s)
{
	uint64_t type = 0, rights = 0;
	unsigned w = f->wide ? 8 : 4;
	bool ok;

	ok = field(f, at, 4, &type) && field(f, at + (f->wide ? 4 : 24), 4, &rights) &&
	     field(f, at + (f->wide ? 8 : 4), w, &s->offset) && field(f, at + (f->wide ? 16 : 8), w, &s->address) &&
	     field(f, at + (f->wide ? 32 : 16), w, &s->stored) && field(f, at + (f->wide ? 40 : 20), w, &s->size);
	s->type = (uint32_t)type;
	s->rights = (uint32_t)rights;
	return ok;
}

/* A segment to be mapped: inside the file, in rising order, no page shared with the one before (whose bytes would
 * then not be those that are read here). */
static bool take_load(struct image *m, struct elf_facts *out, const struct segment *s)
{
	const uint64_t page = 4096;

	if (s->offset > m->file.size || s->stored > m->file.size - s->offset)
		return fails(&m->file, "a segment is outside the file: it was cut short");
	if (s->size < s->stored || s->address > UINT64_MAX / 4 || s->size > UINT64_MAX / 4)
		return fails(&m->file, "a segment's sizes contradict one another");
	if (m->loads && s->address / page * page < out->high)
		return fails(&m->file, "its segments overlap or are out of order");
	if (s->rights & PF_W && s->rights & PF_X)
		out->flags |= ELF_WRITE_EXEC;
	if (!m->loads)
		out->low = s->address / page * page;
	out->high = (s->address + s->size + page - 1) / page * page;
	m->load[m->loads++] = *s;
	return true;
}

static bool take_segment(struct image *m, struct elf_facts *out, const struct segment *s)
{
	switch (s->type) {
	case PT_LOAD:
		return take_load(m, out, s);
	case PT_DYNAMIC:
		if (m->has_dynamic)
			return fails(&m->file, "it has two dynamic tables");
		m->has_dynamic = true;
		m->dynamic = *s;
		return true;
	case PT_GNU_STACK:
		if (m->has_stack)
			return fails(&m->file, "it has two PT_GNU_STACK headers");
		m->has_stack = true;
		if (s->rights & PF_X)
			out->flags |= ELF_STACK_EXEC;
		return true;
	case PT_INTERP:
		out->flags |= ELF_PROGRAM;
		return true;
	default:
		return true;
	}
}

static bool read_segments(struct image *m, struct elf_facts *out)
{
	struct file *f = &m->file;
	uint64_t at, size, count, i;
	struct segment s;

	if (!field(f, f->wide ? 32 : 28, f->wide ? 8 : 4, &at) || !field(f, f->wide ? 54 : 42, 2, &size) ||
	    !field(f, f->wide ? 56 : 44, 2, &count))
		return false;
	if (size != (f->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return fails(f, "its program headers have a size of their own");
	if (count > ELF_SEGMENTS_MOST)
		return fails(f, "it has more than 64 program headers");
	if (at > f->size || f->size - at < count * size)
		return fails(f, "its program headers are outside the file");
	for (i = 0; i < count; i++)
		if (!read_segment(f, at + i * size, &s) || !take_segment(m, out, &s))
			return false;
	if (!m->has_stack)
		out->flags |= ELF_STACK_NONE;
	if (!m->has_dynamic || !m->loads)
		return fails(f, "it has nothing to map or no dynamic table");
	return true;
}

/* Keeps one entry of the dynamic table. A second value for a tag that decides something is refused: which of the
 * two counts would be the dynamic loader's secret. */
static bool take_dynamic(struct image *m, struct elf_facts *out, uint64_t tag, uint64_t v)
{
	switch (tag) {
	case DT_GNU_HASH:
		if (m->has_gnu_hash)
			return fails(&m->file, "it has two hash tables");
		m->has_gnu_hash = true;
		m->gnu_hash = v;
		return true;
	case DT_FLAGS_1:
		if (m->has_flags_1)
			return fails(&m->file, "it has two sets of dynamic flags");
		m->has_flags_1 = true;
		m->flags_1 = v;
		return true;
	case DT_AUDIT:
	case DT_DEPAUDIT:
	case DT_CONFIG:
	case DT_AUXILIARY:
	case DT_FILTER:
		out->flags |= ELF_AUDIT;
		return true;
	case DT_NEEDED:
		return true; /* has a pass of its own, once the strings are known */
	}
	if (tag >= DT_NUM)
		return true;
	if (m->seen >> tag & 1)
		return fails(&m->file, "its dynamic table says something twice");
	m->seen |= (uint64_t)1 << tag;
	m->table[tag] = v;
	return true;
}

static bool has(const struct image *m, unsigned tag)
{
	return m->seen >> tag & 1;
}

/* Calls for each entry of the dynamic table; needed: collect the wanted libraries only. */
static bool walk_dynamic(struct image *m, struct elf_facts *out, bool needed)
{
	struct file *f = &m->file;
	const unsigned w = f->wide ? 8 : 4;
	uint64_t at, tag, v, i, room;

	/* By address, as the dynamic loader does, not by the header's file offset. */
	if (!locate(m, m->dynamic.address, m->dynamic.stored, &at))
		return false;
	room = m->dynamic.stored / (2 * w);
	for (i = 0; i < room; i++) {
		if (i == ELF_DYNAMIC_MOST)
			return fails(f, "its dynamic table has more than 1024 entries");
		if (!field(f, at + i * 2 * w, w, &tag) || !field(f, at + i * 2 * w + w, w, &v))
			return false;
		if (tag == DT_NULL)
			return true;
		if (!needed && !take_dynamic(m, out, tag, v))
			return false;
		if (needed && tag == DT_NEEDED) {
			if (out->needed_count == ELF_NEEDED_MOST)
				return fails(f, "it wants more than 32 libraries");
			if (!name(m, v, out->needed[out->needed_count++]))
				return false;
		}
	}
	return fails(f, "its dynamic table has no end");
}

static void judge_flags(struct image *m, struct elf_facts *out)
{
	const uint64_t flags = m->table[DT_FLAGS], more = m->flags_1;

	if (has(m, DT_TEXTREL) || flags & DF_TEXTREL)
		out->flags |= ELF_TEXTREL;
	if (has(m, DT_RPATH))
		out->flags |= ELF_RPATH;
	if (has(m, DT_RUNPATH))
		out->flags |= ELF_RUNPATH;
	if (flags & DF_STATIC_TLS)
		out->flags |= ELF_STATIC_TLS;
	if (has(m, DT_BIND_NOW) || flags & DF_BIND_NOW || more & DF_1_NOW)
		out->flags |= ELF_NOW;
	if (more & DF_1_NODELETE)
		out->flags |= ELF_NODELETE;
	if (more & DF_1_NOOPEN)
		out->flags |= ELF_NOOPEN;
	if (more & (DF_1_GLOBAL | DF_1_INTERPOSE))
		out->flags |= ELF_GLOBAL;
	if (more & DF_1_PIE)
		out->flags |= ELF_PROGRAM;
	/* One entry of the array is the compiler's own. */
	if (has(m, DT_INIT_ARRAYSZ) && m->table[DT_INIT_ARRAYSZ] > (m->file.wide ? 8u : 4u))
		out->flags |= ELF_CONSTRUCTORS;
}

static bool read_dynamic(struct image *m, struct elf_facts *out)
{
	uint64_t at;

	if (!walk_dynamic(m, out, false))
		return false;
	if (!has(m, DT_STRTAB) || !has(m, DT_STRSZ) || !has(m, DT_SYMTAB))
		return fails(&m->file, "its dynamic table lacks strings or symbols");
	if (!locate(m, m->table[DT_STRTAB], m->table[DT_STRSZ], &at))
		return false;
	m->strings = (size_t)at;
	m->strings_size = (size_t)m->table[DT_STRSZ];
	judge_flags(m, out);
	if (has(m, DT_RPATH) && !name(m, m->table[DT_RPATH], out->path))
		return false;
	if (has(m, DT_RUNPATH) && !name(m, m->table[DT_RUNPATH], out->path))
		return false;
	return walk_dynamic(m, out, true);
}

/* How many dynamic symbols there are, from the GNU hash table: one past the end of the longest chain. */
static bool count_gnu(struct image *m, uint64_t *count)
{
	struct file *f = &m->file;
	uint64_t at, buckets, first, words, chain, last = 0, i, v;

	if (!locate(m, m->gnu_hash, 16, &at) || !field(f, at, 4, &buckets) || !field(f, at + 4, 4, &first) ||
	    !field(f, at + 8, 4, &words))
		return false;
	if (buckets > ELF_SYMBOLS_MOST || words > ELF_SYMBOLS_MOST || first > ELF_SYMBOLS_MOST)
		return fails(f, "its hash table is larger than any module's");
	at += 16 + words * (f->wide ? 8 : 4);
	for (i = 0; i < buckets; i++) {
		if (!field(f, at + 4 * i, 4, &v))
			return false;
		if (v > last)
			last = v;
	}
	*count = first;
	if (last < first)
		return last == 0 ? true : fails(f, "its hash table points before its first symbol");
	chain = at + 4 * buckets;
	for (i = last; i < ELF_SYMBOLS_MOST; i++) {
		if (!field(f, chain + 4 * (i - first), 4, &v))
			return false;
		if (v & 1) {
			*count = i + 1;
			return true;
		}
	}
	return fails(f, "it has more than 65536 symbols");
}

static bool count_symbols(struct image *m, uint64_t *count)
{
	uint64_t at;

	if (m->has_gnu_hash)
		return count_gnu(m, count);
	if (!has(m, DT_HASH))
		return fails(&m->file, "it has no hash table");
	/* The second word of the old table is the number of symbols. */
	if (!locate(m, m->table[DT_HASH], 8, &at) || !field(&m->file, at + 4, 4, count))
		return false;
	if (*count > ELF_SYMBOLS_MOST)
		return fails(&m->file, "it has more than 65536 symbols");
	return true;
}

static bool take_symbol(struct image *m, struct elf_facts *out, uint64_t at)
{
	struct file *f = &m->file;
	const bool wide = f->wide;
	char text[ELF_NAME_MOST + 1];
	uint64_t string, info, other, section, size;

	if (!field(f, at, 4, &string) || !field(f, at + (wide ? 4 : 12), 1, &info) ||
	    !field(f, at + (wide ? 5 : 13), 1, &other) || !field(f, at + (wide ? 6 : 14), 2, &section) ||
	    !field(f, at + (wide ? 16 : 8), wide ? 8 : 4, &size))
		return false;
	if (section == SHN_UNDEF || info / 16 == STB_LOCAL || other % 4 == STV_HIDDEN || other % 4 == STV_INTERNAL)
		return true;
	if (!name(m, string, text))
		return false;
	if (out->export_count < ELF_EXPORTS_MOST)
		memcpy(out->exports[out->export_count], text, sizeof(text));
	out->export_count++;
	if (strcmp(text, "adit_module_1") == 0 && info % 16 == STT_OBJECT) {
		out->root = true;
		out->root_size = size;
	}
	return true;
}

static bool read_symbols(struct image *m, struct elf_facts *out)
{
	const uint64_t each = m->file.wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t count, at, i;

	if (!count_symbols(m, &count) || !locate(m, m->table[DT_SYMTAB], count * each, &at))
		return false;
	for (i = 1; i < count; i++)
		if (!take_symbol(m, out, at + i * each))
			return false;
	return true;
}

/* True when the null-terminated bytes at `at` are `text`. */
static bool same_name(const struct file *f, uint64_t at, const char *text)
{
	size_t n = strlen(text) + 1;

	return at <= f->size && f->size - at >= n && memcmp(f->bytes + at, text, n) == 0;
}

struct section {
	uint64_t name, type, offset, size;
};

static bool read_section(struct file *f, uint64_t at, struct section *s)
{
	const unsigned w = f->wide ? 8 : 4;

	return field(f, at, 4, &s->name) && field(f, at + 4, 4, &s->type) &&
	       field(f, at + (f->wide ? 24 : 16), w, &s->offset) && field(f, at + (f->wide ? 32 : 20), w, &s->size);
}

/* The descriptor is the first text of its section. Each source file that saw the descriptor's header has left a copy:
 * further texts are the same one again, with zero bytes between them. */
static bool take_descriptor(struct file *f, struct elf_facts *out, size_t offset, size_t size)
{
	const uint8_t *text = f->bytes + offset;
	size_t length = strnlen((const char *)text, size), at, n;

	for (at = length; at < size; at += n) {
		n = strnlen((const char *)text + at, size - at);
		if (n && (n != length || memcmp(text, text + at, n) != 0))
			return fails(f, "its section .adit.json holds two descriptors that differ");
		n += !n; /* over a zero byte */
	}
	out->described = true;
	out->descriptor = offset;
	out->descriptor_size = length;
	return true;
}

/* Finds .adit.json. A stripped section table is no fault: then there is no descriptor. */
static bool read_sections(struct file *f, struct elf_facts *out)
{
	uint64_t at, each, count, index, i;
	struct section names, s;

	if (!field(f, f->wide ? 40 : 32, f->wide ? 8 : 4, &at) || !field(f, f->wide ? 58 : 46, 2, &each) ||
	    !field(f, f->wide ? 60 : 48, 2, &count) || !field(f, f->wide ? 62 : 50, 2, &index))
		return false;
	if (!at || !count)
		return true;
	if (each != (f->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)) || count > ELF_SECTIONS_MOST || index >= count)
		return fails(f, "its section headers make no sense");
	if (at > f->size || f->size - at < count * each)
		return fails(f, "its section headers are outside the file: it was cut short");
	if (!read_section(f, at + index * each, &names))
		return false;
	for (i = 0; i < count; i++) {
		if (!read_section(f, at + i * each, &s))
			return false;
		if (s.type != SHT_PROGBITS || names.offset > f->size ||
		    !same_name(f, names.offset + s.name, ".adit.json"))
			continue;
		if (s.offset > f->size || s.size > f->size - s.offset)
			return fails(f, "its section .adit.json is outside the file");
		if (out->described)
			return fails(f, "it has two sections .adit.json");
		if (!take_descriptor(f, out, (size_t)s.offset, (size_t)s.size))
			return false;
	}
	return true;
}

int elf_read(struct elf_facts *out, const uint8_t *bytes, size_t size, const char **why)
{
	struct image m = {.file = {.bytes = bytes, .size = size}};

	memset(out, 0, sizeof(*out));
	if (read_ident(out, &m.file) && read_segments(&m, out) && read_dynamic(&m, out) && read_symbols(&m, out) &&
	    read_sections(&m.file, out))
		return 0;
	*why = m.file.fault ? m.file.fault : "it cannot be read";
	return ADIT_EINVAL;
}
