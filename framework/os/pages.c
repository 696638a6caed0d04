/* SPDX-License-Identifier: MIT
 * os/pages.c - memory that no core file holds: Linux mappings with MADV_DONTDUMP
 */
#include "os/pages.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct pages {
	size_t size; /* of the mapping; 0 in a child of PAGES_ALONE */
	alignas(max_align_t) char data[];
};

static struct pages *pages_of(const void *p)
{
	return (struct pages *)((uintptr_t)p - offsetof(struct pages, data));
}

void *pages_new(size_t size, unsigned flags)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct pages *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + sizeof(*p) + page - 1) / page * page;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, size, MADV_DONTDUMP)) {
		munmap(p, size);
		return NULL;
	}
	if (flags & PAGES_ALONE) {
		/* Both are best effort: a low RLIMIT_MEMLOCK, a kernel before 4.14. */
		(void)!mlock(p, size);
		(void)!madvise(p, size, MADV_WIPEONFORK);
	}
	p->size = size;
	return p->data;
}

size_t pages_room(const void *p)
{
	return pages_of(p)->size - sizeof(struct pages);
}

void pages_free(void *p)
{
	struct pages *whole;
	size_t size;

	if (!p || !pages_of(p)->size)
		return;
	whole = pages_of(p);
	size = whole->size;
	explicit_bzero(whole, size);
	munmap(whole, size);
}
