/* SPDX-License-Identifier: MIT
 * os/pages.h - memory that no core file holds
 *
 * For what must not be found later: each block is a mapping of its own, left out of core dumps and wiped when it is
 * freed. A block costs whole pages and a system call. From any thread.
 */
#ifndef OS_PAGES_H
#define OS_PAGES_H

#include <stddef.h>

/* PAGES_ALONE: also kept out of swap as far as the limit on locked memory allows, and zeros in child processes. */
enum { PAGES_ALONE = 1 };

/* Zeroed, aligned for anything, at least size bytes. Null: no memory, or this kernel cannot leave pages out of a core. */
void *pages_new(size_t size, unsigned flags);
/* Bytes that there is room for. */
size_t pages_room(const void *p);
/* Wipes and gives back; takes null. */
void pages_free(void *p);

#endif
